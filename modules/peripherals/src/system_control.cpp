// SPDX-License-Identifier: Apache-2.0
#include "tandem/peripherals/system_control.h"

#include <stdexcept>

namespace tandem::peripherals {

namespace regs = abi::syscon;

void SystemControl::Config::validate() const {
  registers.validate();
  if (log_line_bytes == 0) throw std::invalid_argument("log_line_bytes is 0, must be at least 1");
}

SystemControl::SystemControl(const sc_core::sc_module_name& name, const Config& config)
    : Peripheral(name, regs::kBlock, config.registers), config_(config) {
  config.validate();
  bank().on_write(regs::EXIT, [this](std::uint32_t, std::uint32_t value) { write_exit(value); });
  bank().on_write(regs::LOG, [this](std::uint32_t, std::uint32_t value) {
    write_log(static_cast<char>(value & 0xFF));
  });
  bank().on_write(regs::RESET, [this](std::uint32_t, std::uint32_t value) {
    ++reset_requests_;
    if (reset_request_) reset_request_(value);
  });
  // Nobody is ahead of a reset, and firmware stops when it says so.
  port().synchronise_at(regs::RESET);
  port().synchronise_at(regs::EXIT);
}

void SystemControl::write_exit(std::uint32_t value) {
  if (stopped_ || regs::EXIT_STOPPED.get(value) == 0) return;
  stopped_ = true;
  flush_log();
  if (exit_) exit_(regs::EXIT_STATUS.get(value));
}

void SystemControl::write_log(char byte) {
  ++log_bytes_;
  if (byte != '\n') line_.push_back(byte);
  if (byte == '\n' || line_.size() == config_.log_line_bytes) flush_log();
}

void SystemControl::flush_log() {
  if (log_ && !line_.empty()) log_(line_);
  line_.clear();
}

void SystemControl::on_reset() {
  stopped_ = false;
  flush_log();
}

void SystemControl::collect(observe::StatisticsSink& sink) const {
  Peripheral::collect(sink);
  sink.value("reset_requests", reset_requests_, "1", "Writes of RESET");
  sink.value("log_bytes", log_bytes_, "B", "Bytes of text that the firmware logged");
}

}  // namespace tandem::peripherals
