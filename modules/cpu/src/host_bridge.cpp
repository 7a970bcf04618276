// SPDX-License-Identifier: Apache-2.0
#include "tandem/cpu/host_bridge.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "tandem/common/payload_pool.h"

namespace tandem::cpu {

namespace {
constexpr std::uint64_t kDebugBytes = std::uint64_t{1} << 20;  // a payload's length has 32 bits
}

void HostBridge::Config::validate() const {
  if (burst_bytes >= 4 && (burst_bytes & (burst_bytes - 1)) == 0) return;
  throw std::invalid_argument("HostBridge::Config::burst_bytes is " + std::to_string(burst_bytes) +
                              ", must be a power of two of at least 4");
}

HostBridge::HostBridge(const sc_core::sc_module_name& name, const Config& config)
    : ControlCpu(name), bus("bus"), config_(config) {
  config_.validate();
  common::require_picosecond_resolution();
  TANDEM_HAS_PROCESS(HostBridge);
  SC_THREAD(run);
}

void HostBridge::start(const Order& order, Done done) {
  if (busy_) throw std::logic_error("HostBridge: an order is in progress");
  busy_ = true;
  order_ = order;
  done_ = std::move(done);
  started_.notify(sc_core::SC_ZERO_TIME);
}

void HostBridge::run() {
  for (;;) {
    while (!busy_) wait(started_);
    result_ = {};
    switch (order_.kind) {
      case Kind::kRead:
        access(tlm::TLM_READ_COMMAND);
        break;
      case Kind::kWrite:
        access(tlm::TLM_WRITE_COMMAND);
        break;
      case Kind::kWaitInterrupt:
        wait_interrupt();
        break;
      case Kind::kAdvance:
        ++advances_;
        wait(common::from_ps(order_.limit_ps));
        break;
    }
    result_.interrupt = irq_level();
    busy_ = false;
    const Done done = std::exchange(done_, nullptr);
    if (done) done(result_);
  }
}

void HostBridge::access(tlm::tlm_command command) {
  const std::uint64_t begin_ps = common::now_ps();
  for (std::uint64_t offset = 0; offset < order_.bytes;) {
    const std::uint64_t to_boundary =
        config_.burst_bytes - (order_.address + offset) % config_.burst_bytes;
    const std::uint64_t bytes = std::min(order_.bytes - offset, to_boundary);
    if (!access_burst(command, offset, bytes)) break;
    offset += bytes;
  }
  const std::uint64_t end_ps = common::now_ps();
  busy_ps_ += end_ps - begin_ps;
  if (timeline_ != nullptr && end_ps > begin_ps) {
    timeline_->slice(track_, access_name_, begin_ps, end_ps);
  }
}

bool HostBridge::access_burst(tlm::tlm_command command, std::uint64_t offset, std::uint64_t bytes) {
  ++(command == tlm::TLM_READ_COMMAND ? reads_ : writes_);
  common::set_attributes(payload_, command, order_.address + offset, order_.data + offset,
                         static_cast<unsigned>(bytes));
  sc_core::sc_time delay;
  bus->b_transport(payload_, delay);
  wait(delay);
  if (payload_.is_response_ok()) return true;
  ++bus_errors_;
  result_.ok = false;
  result_.error_address = order_.address + offset;
  result_.response = payload_.get_response_status();
  return false;
}

void HostBridge::wait_interrupt() {
  ++interrupt_waits_;
  if (irq_level()) return;
  if (irq.size() > 0) {
    wait(common::from_ps(order_.limit_ps), irq->posedge_event());
  } else {
    wait(common::from_ps(order_.limit_ps));
  }
}

std::uint64_t HostBridge::debug_read(std::uint64_t address, unsigned char* data,
                                     std::uint64_t bytes) {
  return debug(tlm::TLM_READ_COMMAND, address, data, bytes);
}

std::uint64_t HostBridge::debug_write(std::uint64_t address, const unsigned char* data,
                                      std::uint64_t bytes) {
  // A payload has one pointer for both directions; targets do not change the data of a write.
  return debug(tlm::TLM_WRITE_COMMAND, address, const_cast<unsigned char*>(data), bytes);
}

std::uint64_t HostBridge::debug(tlm::tlm_command command, std::uint64_t address,
                                unsigned char* data, std::uint64_t bytes) {
  common::Payload payload;
  std::uint64_t done = 0;
  while (done < bytes) {
    const auto piece = static_cast<unsigned>(std::min(bytes - done, kDebugBytes));
    common::set_attributes(payload, command, address + done, data + done, piece);
    const unsigned moved = bus->transport_dbg(payload);
    done += moved;
    if (moved < piece) break;
  }
  return done;
}

ControlCpu::Work HostBridge::work() const {
  Work work;
  work.bus_accesses = reads_ + writes_;
  work.busy_ps = busy_ps_;
  return work;
}

void HostBridge::set_timeline(observe::Timeline* timeline) {
  timeline_ = timeline;
  if (timeline_ == nullptr) return;
  track_ = timeline_->track(basename(), "host");
  access_name_ = timeline_->name("access");
}

void HostBridge::collect(observe::StatisticsSink& sink) const {
  sink.value("bus_reads", reads_, "1", "Read transactions");
  sink.value("bus_writes", writes_, "1", "Write transactions");
  sink.value("bus_errors", bus_errors_, "1", "Transactions answered with an error");
  sink.value("irq_waits", interrupt_waits_, "1", "Orders to wait for an interrupt");
  sink.value("advances", advances_, "1", "Orders to let time pass");
  sink.value("busy_time", busy_ps_, "ps", "Time in bus accesses");
}

}  // namespace tandem::cpu
