// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/stack.h"

#include <algorithm>
#include <stdexcept>

#include "tandem/common/stands_for.h"
#include "tandem/memory/command_report.h"
#include "tandem/observe/energy_sum.h"

namespace tandem::memory {
namespace {

const Stack::Config& checked(const Stack::Config& config) {
  config.validate();
  return config;
}

}  // namespace

void Stack::Config::validate() const {
  device.validate();
  controller.validate_with(device);
  const auto require = [](bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
  };
  require(channels > 0, "Stack: channels is 0, must be at least 1");
  require(ports > 0, "Stack: ports is 0, must be at least 1");
  require(max_outstanding > 0, "Stack: max_outstanding is 0, must be at least 1");
  const AddressMapping check_only(mapping, channels, device.geometry, interleave_bytes, hash);
}

Stack::Stack(const sc_core::sc_module_name& name, const Config& config)
    : MemoryTarget(name, {checked(config).size_bytes(), config.chunk_bytes, config.ports,
                          config.max_outstanding, config.dmi, config.request_latency_ps}),
      config_(config),
      mapping_(config.mapping, config.channels, config.device.geometry, config.interleave_bytes,
               config.hash) {
  if (config.fidelity == Fidelity::kTransaction) {
    channels_.assign(config.channels, Channel(config.device, config.controller));
    return;
  }
  CommandController::Listener& listener = *this;
  commands_ = std::make_unique<CommandController>("commands", config.device, config.controller,
                                                  config.compute, mapping_, listener);
  if (!config.check_timing) return;
  for (unsigned i = 0; i < config.channels; ++i) {
    checkers_.push_back(std::make_unique<TimingChecker>(config.device, config.compute));
    commands_->channel(i).add_listener(*checkers_.back());
  }
}

void Stack::set_timeline(observe::Timeline* timeline, const std::string& process) {
  timeline_ = timeline;
  if (timeline == nullptr) return;
  tracks_.clear();
  for (unsigned i = 0; i < channels(); ++i) {
    tracks_.push_back(timeline->track(process, "channel " + std::to_string(i)));
  }
  recorded_until_ps_.assign(channels(), 0);
  read_name_ = timeline->name("read");
  write_name_ = timeline->name("write");
}

MemoryTarget::Service Stack::schedule(common::Payload& payload, std::uint64_t arrival_ps,
                                      const Origin& origin) {
  const std::uint64_t times = common::times_of(payload);
  (payload.is_read() ? reads_ : writes_) += times;
  (payload.is_read() ? read_bytes_ : write_bytes_) += times * payload.get_data_length();
  if (commands_) return schedule_commands(payload, arrival_ps, origin);
  const std::uint64_t length = payload.get_data_length();
  const bool streams = length >= kStreamBytes &&
                       length >= kStreamRows * config_.channels * config_.device.geometry.row_bytes;
  const std::uint64_t earliest_ps = arrival_ps + config_.request_latency_ps;
  const std::uint64_t end_ps =
      streams ? stream(payload, earliest_ps, times) : reserve(payload, earliest_ps, times);
  return {arrival_ps, end_ps + config_.response_latency_ps};
}

void Stack::count_times(std::uint64_t times) {
  if (times == times_) return;
  times_ = times;
  for (Channel& channel : channels_) channel.count_times(times);
}

const StreamPace& Stack::pace(bool is_write) {
  std::optional<StreamPace>& pace = is_write ? write_pace_ : read_pace_;
  if (!pace) {
    // Writes are posted.
    pace = measure_stream(config_.device, config_.controller, mapping_, is_write,
                          is_write ? StreamLoad{} : config_.stream);
  }
  return *pace;
}

std::uint64_t Stack::stream(const common::Payload& payload, std::uint64_t earliest_ps,
                            std::uint64_t times) {
  const bool is_write = payload.is_write();
  const StreamPace& measured = pace(is_write);
  const Cycle earliest = channels_.front().to_cycles(earliest_ps);
  Cycle end = 0;
  mapping_.for_each_share(payload.get_address(), payload.get_data_length(),
                          [&](unsigned first, unsigned last, std::uint64_t bytes) {
                            if (bytes == 0) return;
                            const Channel::Stream share =
                                channels_[first].stream_of(bytes, measured, times);
                            for (unsigned i = first; i < last; ++i) {
                              const Cycle done = channels_[i].stream(share, is_write, earliest);
                              end = std::max(end, done);
                              if (timeline_ != nullptr)
                                record(i, channels_[i].to_ps(share, done), is_write);
                            }
                          });
  return end * config_.device.timing.tCK;
}

MemoryTarget::Service Stack::schedule_commands(common::Payload& payload, std::uint64_t arrival_ps,
                                               const Origin& origin) {
  const std::uint32_t access =
      commands_->begin(payload.get_address(), payload.get_data_length(), payload.is_write(),
                       arrival_ps + config_.request_latency_ps);
  if (!origin.may_pend) {
    const std::uint64_t done_ps = commands_->finish(access);
    return {arrival_ps, std::max(done_ps, arrival_ps) + config_.response_latency_ps};
  }
  if (access >= waiting_.size()) waiting_.resize(access + 1);
  waiting_[access] = {origin.port, &payload};
  return {arrival_ps, kPending};
}

void Stack::access_done(std::uint32_t access, std::uint64_t time_ps) {
  const Waiting& waiting = waiting_[access];
  complete(waiting.port, *waiting.payload,
           std::max(time_ps, common::now_ps()) + config_.response_latency_ps);
}

void Stack::data_moved(unsigned channel, bool is_write, std::uint64_t begin_ps,
                       std::uint64_t end_ps) {
  if (timeline_ != nullptr) record(channel, {begin_ps, end_ps}, is_write);
}

std::uint64_t Stack::reserve(const common::Payload& payload, std::uint64_t earliest_ps,
                             std::uint64_t times) {
  std::uint64_t end_ps = earliest_ps;
  const bool is_write = payload.is_write();
  const Cycle earliest = channels_.front().to_cycles(earliest_ps);
  mapping_.for_each_run(payload.get_address(), payload.get_data_length(), [&](const Run& run) {
    Channel& channel = channels_[run.channel];
    channel.count_times(times);
    const Interval data =
        channel.reserve_from(run.bank, run.row, run.column_byte, run.bytes, is_write, earliest);
    channel.count_times(1);
    end_ps = std::max(end_ps, data.end_ps);
    if (timeline_ == nullptr) return;
    // Writes are posted: their data follow when the channel drains them.
    record(run.channel, is_write ? channel.last_drain() : data, is_write);
  });
  return end_ps;
}

void Stack::record(unsigned channel, const Interval& data, bool is_write) {
  const std::uint64_t begin_ps = std::max(data.begin_ps, recorded_until_ps_[channel]);
  if (begin_ps >= data.end_ps) return;
  timeline_->extend(tracks_[channel], is_write ? write_name_ : read_name_, begin_ps, data.end_ps);
  recorded_until_ps_[channel] = data.end_ps;
}

void Stack::reset_timing() {
  for (Channel& channel : channels_) channel.reset(common::now_ps());
  if (commands_) commands_->reset();
  for (const auto& checker : checkers_) {
    violations_before_reset_ += checker->violation_count();
    *checker = TimingChecker(config_.device, config_.compute,
                             common::now_ps() / config_.device.timing.tCK);
  }
}

std::uint64_t Stack::dmi_latency_ps() const {
  const DeviceTiming& t = config_.device.timing;
  return config_.request_latency_ps + t.tRCDRD + t.CL + config_.device.geometry.burst_ps() +
         config_.response_latency_ps;
}

Stack::Traffic Stack::traffic(unsigned channel) const {
  if (!commands_) {
    const Channel::Counters c = channels_[channel].counters();
    return {c.read_bytes, c.write_bytes, c.busy_ps};
  }
  const CommandChannel::Counters& c = commands_->channel(channel).counters();
  const std::uint64_t burst_bytes = config_.device.geometry.burst_bytes();
  return {(c.of(CommandKind::kRead) + c.of(CommandKind::kReadPrecharge)) * burst_bytes,
          (c.of(CommandKind::kWrite) + c.of(CommandKind::kWritePrecharge)) * burst_bytes,
          c.data_cycles * commands_->tck_ps()};
}

std::uint64_t Stack::data_ps() const {
  const std::uint64_t now_ps = common::now_ps();
  std::uint64_t sum_ps = 0;
  for (const Channel& channel : channels_) sum_ps += channel.data_ps(now_ps);
  for (unsigned i = 0; commands_ && i < channels(); ++i) sum_ps += traffic(i).busy_ps;
  return sum_ps / channels();
}

// Whether every bank has been refreshed often enough is asked once, when the first report is made.
void Stack::finish_checks(std::uint64_t time_ps) const {
  if (checks_finished_) return;
  checks_finished_ = true;
  for (const auto& checker : checkers_) checker->finish(time_ps / config_.device.timing.tCK);
}

const TimingChecker* Stack::checker(unsigned channel) const {
  return channel < checkers_.size() ? checkers_[channel].get() : nullptr;
}

std::uint64_t Stack::timing_violations() const {
  std::uint64_t count = violations_before_reset_;
  for (const auto& checker : checkers_) count += checker->violation_count();
  return count;
}

void Stack::collect(observe::StatisticsSink& sink) const {
  const std::uint64_t time_ps = common::now_ps();
  if (commands_) commands_->catch_up(time_ps);
  finish_checks(time_ps);
  sink.value("reads", reads_, "1", "read transactions");
  sink.value("writes", writes_, "1", "write transactions");
  sink.value("read_bytes", read_bytes_, "B", "bytes read");
  sink.value("write_bytes", write_bytes_, "B", "bytes written");
  sink.value("peak_bandwidth", config_.peak_bytes_per_s(), "B/s", "all channels together");
  if (!checkers_.empty()) {
    sink.value("timing_violations", timing_violations(), "1",
               "commands that the timing checker objects to");
  }
  for (unsigned i = 0; i < channels(); ++i) {
    const observe::StatisticsGroup group(sink, "channel" + std::to_string(i));
    collect_channel(i, time_ps, sink);
  }
}

void Stack::collect_channel(unsigned channel, std::uint64_t time_ps,
                            observe::StatisticsSink& sink) const {
  if (!commands_) return channels_[channel].collect(sink, time_ps);
  const Traffic bytes = traffic(channel);
  sink.value("read_bytes", bytes.read_bytes, "B", "read in whole bursts");
  sink.value("write_bytes", bytes.write_bytes, "B", "written in whole bursts");
  memory::collect(commands_->channel(channel), time_ps, sink);
}

void Stack::collect_energy(observe::EnergySink& sink) const {
  observe::EnergySum sum;  // one entry per kind of operation, of all channels
  const std::uint64_t time_ps = common::now_ps();
  for (const Channel& channel : channels_) channel.collect_energy(sum, time_ps);
  if (commands_) {
    commands_->catch_up(time_ps);
    for (unsigned i = 0; i < channels(); ++i) {
      memory::collect_energy(commands_->channel(i), config_.device, time_ps, sum);
    }
  }
  sum.pour(sink);
}

}  // namespace tandem::memory
