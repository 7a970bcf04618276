// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/dma.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace tandem::npu {

namespace {
constexpr std::array<const char*, Dma::kChannels> kChannelNames = {"control", "pim_results", "pim",
                                                                   "kv", "weights"};
}  // namespace

Dma::Dma(common::Agenda& agenda, std::uint32_t burst_bytes, std::uint64_t bulk_bytes,
         std::uint32_t outstanding, std::uint32_t pim_outstanding, Forward forward)
    : agenda_(agenda),
      burst_bytes_(burst_bytes),
      bulk_bytes_(bulk_bytes == 0 ? burst_bytes : bulk_bytes),
      outstanding_(outstanding),
      pim_outstanding_(std::min(pim_outstanding, std::max(1u, outstanding * 3 / 4))),
      forward_(std::move(forward)) {
  in_flight_.reserve(outstanding);
}

// A payload destroys the extensions that it still has, but ours are members.
Dma::~Dma() {
  for (const Burst& burst : in_flight_) {
    burst.payload->clear_extension(&timing_only_);
    burst.payload->clear_extension<common::StandsFor>();
  }
}

void Dma::read(Channel channel, std::uint64_t address, void* to, std::uint64_t bytes, Done done,
               std::uint64_t flow) {
  Transfer& transfer = take(channel, address, bytes, std::move(done));
  transfer.is_write = false;
  transfer.flow = flow;
  transfer.data = static_cast<std::uint8_t*>(to);
  start(transfer);
}

void Dma::write(Channel channel, std::uint64_t address, const void* from, std::uint64_t bytes,
                Done done, std::uint64_t flow, std::function<void()> requested) {
  Transfer& transfer = take(channel, address, bytes, std::move(done));
  transfer.requested = std::move(requested);
  transfer.is_write = true;
  transfer.flow = flow;
  transfer.data = nullptr;
  if (from != nullptr) {
    const auto* begin = static_cast<const std::uint8_t*>(from);
    transfer.copy.assign(begin, begin + bytes);
    transfer.data = transfer.copy.data();
  }
  start(transfer);
}

Dma::Transfer& Dma::take(Channel channel, std::uint64_t address, std::uint64_t bytes, Done done) {
  if (free_.empty()) {
    storage_.push_back(std::make_unique<Transfer>());
    free_.push_back(storage_.back().get());
  }
  Transfer& transfer = *free_.back();
  free_.pop_back();
  transfer.channel = channel;
  transfer.address = address;
  transfer.bytes = bytes;
  transfer.issued = transfer.completed = 0;
  transfer.begin_ps = common::now_ps();
  transfer.failed = false;
  transfer.fault_address = 0;
  transfer.times = times_;
  transfer.done = std::move(done);
  transfer.requested = {};
  return transfer;
}

void Dma::start(Transfer& transfer) {
  channels_[transfer.channel].transfers += transfer.times;
  if (transfer.bytes == 0) {
    agenda_.at(common::now_ps(), [this, job = &transfer, generation = generation_] {
      if (generation == generation_) finish(*job);
    });
    return;
  }
  channels_[transfer.channel].queue.push_back(&transfer);
  if (pump_scheduled_) return;
  pump_scheduled_ = true;
  agenda_.at(common::now_ps(), [this] {
    pump_scheduled_ = false;
    pump();
  });
}

bool Dma::may_issue(Channel channel) const {
  const ChannelState& state = channels_[channel];
  if (state.queue.empty()) return false;
  return channel != kPim || state.in_flight < pim_outstanding_;
}

Dma::Transfer* Dma::next() {
  for (unsigned channel = 0; channel < kChannels; ++channel) {
    if (may_issue(static_cast<Channel>(channel))) return channels_[channel].queue.front();
  }
  return nullptr;
}

void Dma::pump() {
  while (requesting_ == nullptr && in_flight_.size() < outstanding_) {
    Transfer* transfer = next();
    if (transfer == nullptr) return;
    issue(*transfer);
  }
}

void Dma::issue(Transfer& transfer) {
  const std::uint64_t offset = transfer.issued;
  const std::uint64_t address = transfer.address + offset;
  const std::uint64_t burst = transfer.data == nullptr ? bulk_bytes_ : burst_bytes_;
  const auto length =
      static_cast<unsigned>(std::min(burst - address % burst, transfer.bytes - offset));
  common::Payload& payload = payload_for(transfer, address, length);
  transfer.issued += length;
  ChannelState& channel = channels_[transfer.channel];
  (transfer.is_write ? channel.written_bytes : channel.read_bytes) += transfer.times * length;
  channel.bursts += transfer.times;
  if (transfer.times != 1) payload.set_extension(&mark_for(transfer.times));
  in_flight_.push_back({&payload, &transfer, offset, transfer.channel});
  ++channel.in_flight;
  if (transfer.issued == transfer.bytes) {
    channel.queue.pop_front();
    if (transfer.requested) std::exchange(transfer.requested, {})();
  }

  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  requesting_ = &payload;
  const tlm::tlm_sync_enum status = forward_(payload, phase, delay);
  if (status == tlm::TLM_ACCEPTED) return;
  const std::uint64_t at_ps = common::local_time_ps(delay);
  if (status == tlm::TLM_COMPLETED) {
    agenda_.at(at_ps, [this, job = &payload] { respond(*job); });
  } else if (phase == tlm::END_REQ) {
    agenda_.at(at_ps, [this] { end_request(); });
  } else {
    agenda_.at(at_ps, [this, job = &payload] {
      tlm::tlm_phase end = tlm::END_RESP;
      sc_core::sc_time none = sc_core::SC_ZERO_TIME;
      forward_(*job, end, none);
      respond(*job);
    });
  }
}

common::StandsFor& Dma::mark_for(std::uint64_t times) {
  for (const auto& mark : marks_) {
    if (mark->times() == times) return *mark;
  }
  return *marks_.emplace_back(std::make_unique<common::StandsFor>(times));
}

common::Payload& Dma::payload_for(Transfer& transfer, std::uint64_t address, unsigned length) {
  const tlm::tlm_command command =
      transfer.is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
  if (transfer.data == nullptr) {
    // Zeros that the host need not have, until a target that does not know the mark writes them.
    if (unseen_ == nullptr) {
      unseen_.reset(static_cast<std::uint8_t*>(std::calloc(bulk_bytes_, 1)));
      if (unseen_ == nullptr) throw std::bad_alloc();
    }
    common::Payload& payload = pool_.acquire(command, address, unseen_.get(), length);
    payload.set_extension(&timing_only_);
    return payload;
  }
  common::Payload& payload = pool_.acquire(command, address, length);
  if (transfer.is_write) {
    std::memcpy(payload.get_data_ptr(), transfer.data + transfer.issued, length);
  }
  return payload;
}

tlm::tlm_sync_enum Dma::backward(common::Payload& payload, tlm::tlm_phase& phase,
                                 sc_core::sc_time& delay) {
  const std::uint64_t at_ps = common::local_time_ps(delay);
  if (phase == tlm::END_REQ) {
    agenda_.at(at_ps, [this] { end_request(); });
    return tlm::TLM_ACCEPTED;
  }
  if (phase == tlm::BEGIN_RESP) {
    agenda_.at(at_ps, [this, job = &payload] { respond(*job); });
    return tlm::TLM_COMPLETED;
  }
  return tlm::TLM_ACCEPTED;
}

void Dma::end_request() {
  requesting_ = nullptr;
  pump();
}

void Dma::respond(common::Payload& payload) {
  if (requesting_ == &payload) requesting_ = nullptr;  // the response implies END_REQ
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(),
                                  [&](const Burst& burst) { return burst.payload == &payload; });
  if (found == in_flight_.end()) return;
  const Burst burst = *found;
  in_flight_.erase(found);
  --channels_[burst.channel].in_flight;
  if (burst.transfer != nullptr) burst_done(*burst.transfer, payload, burst.offset);
  payload.clear_extension(&timing_only_);
  payload.clear_extension<common::StandsFor>();
  payload.release();
  pump();
}

void Dma::burst_done(Transfer& transfer, const common::Payload& payload, std::uint64_t offset) {
  if (!payload.is_response_ok()) {
    if (!transfer.failed) transfer.fault_address = payload.get_address();
    transfer.failed = true;
  } else if (!transfer.is_write && transfer.data != nullptr) {
    std::memcpy(transfer.data + offset, payload.get_data_ptr(), payload.get_data_length());
  }
  transfer.completed += payload.get_data_length();
  if (transfer.completed == transfer.bytes) finish(transfer);
}

void Dma::finish(Transfer& transfer) {
  if (timeline_ != nullptr && transfer.bytes != 0) {
    ChannelState& channel = channels_[transfer.channel];
    const std::uint64_t begin_ps = std::max(transfer.begin_ps, channel.shown_until_ps);
    channel.shown_until_ps = common::now_ps();
    timeline_->slice(channel.track, transfer.is_write ? write_name_ : read_name_, begin_ps,
                     channel.shown_until_ps, transfer.flow);
  }
  const Done done = std::move(transfer.done);
  const bool ok = !transfer.failed;
  const std::uint64_t fault_address = transfer.fault_address;
  free_.push_back(&transfer);
  if (done) done(ok, fault_address);
}

void Dma::reset() {
  for (ChannelState& channel : channels_) channel.queue.clear();
  for (Burst& burst : in_flight_) burst.transfer = nullptr;
  free_.clear();
  for (const auto& transfer : storage_) {
    transfer->done = nullptr;
    free_.push_back(transfer.get());
  }
  ++generation_;
}

std::size_t Dma::queued() const {
  std::size_t count = 0;
  for (const ChannelState& channel : channels_) count += channel.queue.size();
  return count;
}

void Dma::set_timeline(observe::Timeline* timeline) {
  timeline_ = timeline;
  if (timeline == nullptr) return;
  for (unsigned i = 0; i < kChannels; ++i) {
    channels_[i].track = timeline->track("npu", std::string("dma ") + kChannelNames[i]);
  }
  read_name_ = timeline->name("read");
  write_name_ = timeline->name("write");
}

void Dma::collect(observe::StatisticsSink& sink) const {
  for (unsigned i = 0; i < kChannels; ++i) {
    const observe::StatisticsGroup group(sink, kChannelNames[i]);
    const ChannelState& channel = channels_[i];
    sink.value("read_bytes", channel.read_bytes, "B", "Bytes requested from memory");
    sink.value("written_bytes", channel.written_bytes, "B", "Bytes written to memory");
    sink.value("transfers", channel.transfers, "1", "Transfers");
    sink.value("bursts", channel.bursts, "1", "Transactions on the bus");
  }
}

std::uint64_t Dma::read_bytes() const {
  std::uint64_t bytes = 0;
  for (const ChannelState& channel : channels_) bytes += channel.read_bytes;
  return bytes;
}

std::uint64_t Dma::written_bytes() const {
  std::uint64_t bytes = 0;
  for (const ChannelState& channel : channels_) bytes += channel.written_bytes;
  return bytes;
}

}  // namespace tandem::npu
