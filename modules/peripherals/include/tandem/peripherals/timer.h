// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/abi/peripheral_registers.h"
#include "tandem/common/alarm.h"
#include "tandem/common/interrupt_output.h"
#include "tandem/peripherals/peripheral.h"

namespace tandem::peripherals {

// Nanoseconds since reset, by arithmetic: no clock, one event at the compare time (registers:
// abi::timer).
class Timer : public Peripheral {
 private:
  common::InterruptOutput output_;

 public:
  struct Config {
    common::RegisterTarget::Config registers;
    // Throws std::invalid_argument.
    void validate() const { registers.validate(); }
  };

  common::InterruptPort& irq;

  Timer(const sc_core::sc_module_name& name, const Config& config);

  void collect(observe::StatisticsSink& sink) const override;
  void archive(common::Archive& archive) override;

 private:
  void on_reset() override;
  void update();
  std::uint64_t elapsed_ns(std::uint64_t at_ps) const;
  std::uint64_t compare_ns() const;

  std::uint64_t reset_ps_ = 0;
  common::Alarm compare_due_{[this] { update(); }};
  std::uint64_t interrupts_ = 0;
};

}  // namespace tandem::peripherals
