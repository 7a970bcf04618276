// SPDX-License-Identifier: Apache-2.0
#include "tandem/peripherals/interrupt_controller.h"

namespace tandem::peripherals {

namespace regs = abi::intc;

InterruptController::InterruptController(const sc_core::sc_module_name& name, const Config& config)
    : Peripheral(name, regs::kBlock, config.registers),
      output_("output"),
      lines("line", abi::kInterruptLines),
      irq(output_.port) {
  bank().on_read(regs::PENDING, [this](std::uint32_t) { return pending(); });
  bank().on_read(regs::CLAIM, [this](std::uint32_t) { return claim(); });
  bank().on_write(regs::ENABLE, [this](std::uint32_t, std::uint32_t) { update(); });
  bank().on_write(regs::SOFTWARE, [this](std::uint32_t, std::uint32_t) { update(); });
  TANDEM_HAS_PROCESS(InterruptController);
  SC_METHOD(sample_lines);
  for (const LinePort& line : lines) sensitive << line;
}

std::uint32_t InterruptController::sampled_levels() const {
  std::uint32_t levels = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (int j = 0; j < lines[i].size(); ++j) {
      if (lines[i][j]->read()) levels |= 1u << i;
    }
  }
  return levels;
}

void InterruptController::sample_lines() {
  levels_ = sampled_levels();
  update();
}

// Loading changes the lines only where they are high, so levels_ must not be behind them.
bool InterruptController::quiescent() const {
  return Peripheral::quiescent() && levels_ == sampled_levels();
}

void InterruptController::archive(common::Archive& archive) {
  Peripheral::archive(archive);
  archive(output_, levels_, interrupts_);
}

std::uint32_t InterruptController::pending() const {
  return levels_ | bank().get(regs::SOFTWARE);
}

std::uint32_t InterruptController::claim() const {
  const std::uint32_t active = pending() & bank().get(regs::ENABLE);
  for (std::uint32_t line = 0; line < abi::kInterruptLines; ++line) {
    if ((active >> line & 1u) != 0) return line;
  }
  return ~std::uint32_t{0};
}

void InterruptController::update() {
  const bool level = (pending() & bank().get(regs::ENABLE)) != 0;
  if (level && !output_.level()) ++interrupts_;
  output_.set(level);
}

void InterruptController::collect(observe::StatisticsSink& sink) const {
  Peripheral::collect(sink);
  sink.value("interrupts", interrupts_, "1", "Rising edges of the CPU's interrupt line");
}

}  // namespace tandem::peripherals
