// SPDX-License-Identifier: Apache-2.0
#include "tandem/peripherals/timer.h"

namespace tandem::peripherals {

namespace regs = abi::timer;

namespace {
constexpr std::uint64_t kPsPerNs = 1000;
}

Timer::Timer(const sc_core::sc_module_name& name, const Config& config)
    : Peripheral(name, regs::kBlock, config.registers), output_("output"), irq(output_.port) {
  bank().on_read(regs::TIME_LO, [this](std::uint32_t) {
    return static_cast<std::uint32_t>(elapsed_ns(time_ps()));
  });
  bank().after_read(regs::TIME_LO, [this](std::uint32_t) {
    bank().set(regs::TIME_HI, static_cast<std::uint32_t>(elapsed_ns(time_ps()) >> 32));
  });
  bank().on_read(regs::STATUS, [this](std::uint32_t) {
    return regs::STATUS_EXPIRED.put(elapsed_ns(time_ps()) >= compare_ns() ? 1 : 0);
  });
  const auto rearm = [this](std::uint32_t, std::uint32_t) { update(); };
  bank().on_write(regs::COMPARE_LO, rearm);
  bank().on_write(regs::COMPARE_HI, rearm);
  bank().on_write(regs::CONTROL, rearm);
}

std::uint64_t Timer::elapsed_ns(std::uint64_t at_ps) const {
  return (at_ps - reset_ps_) / kPsPerNs;
}

std::uint64_t Timer::compare_ns() const {
  return std::uint64_t{bank().get(regs::COMPARE_HI)} << 32 | bank().get(regs::COMPARE_LO);
}

void Timer::update() {
  const std::uint64_t now_ps = common::now_ps();
  const std::uint64_t compare = compare_ns();
  const bool enabled = regs::CONTROL_IRQ_ENABLE.get(bank().get(regs::CONTROL)) != 0;
  const bool expired = elapsed_ns(now_ps) >= compare;
  if (enabled && expired && !output_.level()) ++interrupts_;
  output_.set(enabled && expired);
  compare_due_.cancel();
  // A compare time beyond what simulated time can express never comes.
  const bool reachable = compare <= (~std::uint64_t{0} - reset_ps_) / kPsPerNs;
  if (enabled && !expired && reachable) {
    compare_due_.set(reset_ps_ + compare * kPsPerNs);
  }
}

void Timer::on_reset() {
  reset_ps_ = common::now_ps();
  update();
}

void Timer::archive(common::Archive& archive) {
  Peripheral::archive(archive);
  archive(output_, reset_ps_, interrupts_);
  if (archive.loading()) update();
}

void Timer::collect(observe::StatisticsSink& sink) const {
  Peripheral::collect(sink);
  sink.value("interrupts", interrupts_, "1", "Rising edges of the timer's interrupt line");
}

}  // namespace tandem::peripherals
