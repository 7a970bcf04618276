// SPDX-License-Identifier: Apache-2.0
#include "tandem/peripherals/uart.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace tandem::peripherals {

namespace regs = abi::uart;

void Uart::Config::validate() const {
  registers.validate();
  if (fifo_bytes < 1 || fifo_bytes > 65536) {
    throw std::invalid_argument("fifo_bytes is " + std::to_string(fifo_bytes) +
                                ", must be 1..65536");
  }
  if (byte_time_ps == 0) throw std::invalid_argument("byte_time_ps is 0, must be at least 1");
}

Uart::Uart(const sc_core::sc_module_name& name, const Config& config)
    : Peripheral(name, regs::kBlock, config.registers), config_(config) {
  config.validate();
  bank().on_write(regs::TX, [this](std::uint32_t, std::uint32_t value) {
    write_byte(static_cast<char>(value & 0xFF));
  });
  bank().on_read(regs::STATUS, [this](std::uint32_t) {
    const std::size_t bytes = occupancy(time_ps());
    return regs::STATUS_FULL.put(bytes >= config_.fifo_bytes ? 1 : 0) |
           regs::STATUS_EMPTY.put(bytes == 0 ? 1 : 0) |
           regs::STATUS_OVERRUN.put(overruns_ != 0 ? 1 : 0);
  });
  bank().on_read(regs::OVERRUNS, [this](std::uint32_t) { return overruns_; });
  bank().on_write(regs::OVERRUNS, [this](std::uint32_t, std::uint32_t value) {
    if (value == 0) overruns_ = 0;
  });
}

std::size_t Uart::occupancy(std::uint64_t at_ps) const {
  const auto waiting =
      std::upper_bound(fifo_.begin(), fifo_.end(), at_ps,
                       [](std::uint64_t time, const Byte& byte) { return time < byte.sent_ps; });
  return static_cast<std::size_t>(fifo_.end() - waiting);
}

void Uart::write_byte(char value) {
  const std::uint64_t written_ps = time_ps();
  if (occupancy(written_ps) >= config_.fifo_bytes || (loses_ && loses_())) {
    if (overruns_ != ~std::uint32_t{0}) ++overruns_;
    ++bytes_lost_;
    return;
  }
  last_sent_ps_ = std::max(written_ps, last_sent_ps_) + config_.byte_time_ps;
  fifo_.push_back({value, last_sent_ps_});
  due_.set(fifo_.front().sent_ps);
}

void Uart::send_due() {
  while (!fifo_.empty() && fifo_.front().sent_ps <= common::now_ps()) {
    const char value = fifo_.front().value;
    fifo_.pop_front();
    ++bytes_sent_;
    if (sink_) sink_(value);
  }
  if (!fifo_.empty()) due_.set(fifo_.front().sent_ps);
}

void Uart::on_reset() {
  bytes_lost_ += fifo_.size();
  fifo_.clear();
  due_.cancel();
  last_sent_ps_ = 0;
  overruns_ = 0;
}

void Uart::archive(common::Archive& archive) {
  Peripheral::archive(archive);
  archive(fifo_, last_sent_ps_, overruns_, bytes_sent_, bytes_lost_);
  if (!archive.loading()) return;
  due_.cancel();
  if (!fifo_.empty()) due_.set(fifo_.front().sent_ps);
}

void Uart::collect(observe::StatisticsSink& sink) const {
  Peripheral::collect(sink);
  sink.value("bytes_sent", bytes_sent_, "B", "Bytes sent");
  sink.value("bytes_lost", bytes_lost_, "B", "Bytes lost by overrun or reset");
}

}  // namespace tandem::peripherals
