// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/abi/peripheral_registers.h"
#include "tandem/common/interrupt_output.h"
#include "tandem/peripherals/peripheral.h"

namespace tandem::peripherals {

// Level-sensitive interrupt controller (registers: abi::intc). The CPU's line is high while a line
// is pending, by its input or by SOFTWARE, and enabled.
class InterruptController : public Peripheral {
 private:
  common::InterruptOutput output_;

 public:
  struct Config {
    common::RegisterTarget::Config registers;
    // Throws std::invalid_argument.
    void validate() const { registers.validate(); }
  };
  using LinePort =
      sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 0, sc_core::SC_ZERO_OR_MORE_BOUND>;

  sc_core::sc_vector<LinePort> lines;  // abi::kInterruptLines inputs; unbound ones are low
  common::InterruptPort& irq;

  InterruptController(const sc_core::sc_module_name& name, const Config& config);

  void collect(observe::StatisticsSink& sink) const override;
  bool quiescent() const override;
  void archive(common::Archive& archive) override;

 private:
  void on_reset() override { update(); }
  std::uint32_t sampled_levels() const;
  void sample_lines();
  void update();
  std::uint32_t pending() const;
  std::uint32_t claim() const;

  std::uint32_t levels_ = 0;
  std::uint64_t interrupts_ = 0;
};

}  // namespace tandem::peripherals
