// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/stack.h"

#include <algorithm>
#include <stdexcept>

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
               config.hash),
      channels_(config.channels, Channel(config.device, config.controller)) {}

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

MemoryTarget::Service Stack::schedule(const common::Payload& payload, std::uint64_t arrival_ps) {
  ++(payload.is_read() ? reads_ : writes_);
  return {arrival_ps, reserve(payload.get_address(), payload.get_data_length(), payload.is_write(),
                              arrival_ps)};
}

std::uint64_t Stack::reserve(std::uint64_t address, std::uint64_t bytes, bool is_write,
                             std::uint64_t arrival_ps) {
  const std::uint64_t earliest_ps = arrival_ps + config_.request_latency_ps;
  std::uint64_t end_ps = earliest_ps;
  mapping_.for_each_run(address, bytes, [&](const Run& run) {
    const Interval data = channels_[run.channel].reserve(run.bank, run.row, run.column_byte,
                                                         run.bytes, is_write, earliest_ps);
    end_ps = std::max(end_ps, data.end_ps);
    if (timeline_ != nullptr) record(run.channel, data, is_write);
  });
  return end_ps + config_.response_latency_ps;
}

void Stack::record(unsigned channel, const Interval& data, bool is_write) {
  const std::uint64_t begin_ps = std::max(data.begin_ps, recorded_until_ps_[channel]);
  if (begin_ps >= data.end_ps) return;
  timeline_->extend(tracks_[channel], is_write ? write_name_ : read_name_, begin_ps, data.end_ps);
  recorded_until_ps_[channel] = data.end_ps;
}

void Stack::reset_timing() {
  for (Channel& channel : channels_) channel.reset(common::now_ps());
}

std::uint64_t Stack::dmi_latency_ps() const {
  const DeviceTiming& t = config_.device.timing;
  return config_.request_latency_ps + t.tRCDRD + t.CL + config_.device.geometry.burst_ps() +
         config_.response_latency_ps;
}

void Stack::collect(observe::StatisticsSink& sink) const {
  const std::uint64_t time_ps = common::now_ps();
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
  for (const Channel& channel : channels_) {
    read_bytes += channel.counters().read_bytes;
    write_bytes += channel.counters().write_bytes;
  }
  sink.value("reads", reads_, "1", "read transactions");
  sink.value("writes", writes_, "1", "write transactions");
  sink.value("read_bytes", read_bytes, "B", "bytes read");
  sink.value("write_bytes", write_bytes, "B", "bytes written");
  sink.value("peak_bandwidth", config_.peak_bytes_per_s(), "B/s", "all channels together");
  for (unsigned i = 0; i < channels(); ++i) {
    const observe::StatisticsGroup group(sink, "channel" + std::to_string(i));
    channels_[i].collect(sink, time_ps);
  }
}

namespace {

// Adds up the channels, so that the ledger has one entry per kind of operation.
class Sum : public observe::EnergySink {
 public:
  void spend(std::string_view component, double picojoules, std::string_view source) override {
    for (observe::EnergyEntry& entry : entries_) {
      if (entry.component == component) {
        entry.picojoules += picojoules;
        return;
      }
    }
    entries_.push_back({std::string(component), picojoules, std::string(source)});
  }
  const std::vector<observe::EnergyEntry>& entries() const { return entries_; }

 private:
  std::vector<observe::EnergyEntry> entries_;
};

}  // namespace

void Stack::collect_energy(observe::EnergySink& sink) const {
  Sum sum;
  for (const Channel& channel : channels_) channel.collect_energy(sum, common::now_ps());
  for (const observe::EnergyEntry& entry : sum.entries()) {
    sink.spend(entry.component, entry.picojoules, entry.source);
  }
}

}  // namespace tandem::memory
