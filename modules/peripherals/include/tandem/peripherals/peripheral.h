// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/common/archive.h"
#include "tandem/common/register_bank.h"
#include "tandem/common/register_target.h"
#include "tandem/common/systemc.h"
#include "tandem/observe/statistics.h"

namespace tandem::peripherals {

// What the peripherals share: a register file on a socket and a reset pin. Each change of `reset`
// puts the peripheral back into its first state, in flight or not, so that nothing that was written
// while the pin was high survives.
class Peripheral : public sc_core::sc_module {
 private:
  common::RegisterBank bank_;
  common::RegisterTarget port_;

 public:
  common::ResetPort reset;
  common::RegisterSocket& registers;

  // For a log of accesses: see RegisterBank::Observer.
  void observe_registers(common::RegisterBank::Observer observer) {
    bank_.observe(std::move(observer));
  }
  virtual void collect(observe::StatisticsSink& sink) const { port_.collect(sink); }

  // No access in progress, and nothing that would be lost by archive().
  virtual bool quiescent() const { return port_.quiescent(); }
  // When quiescent.
  virtual void archive(common::Archive& archive) { archive(bank_, port_); }

 protected:
  Peripheral(const sc_core::sc_module_name& name, const abi::RegisterBlock& block,
             const common::RegisterTarget::Config& config);

  // Registers have their reset values when it is called.
  virtual void on_reset() = 0;

  common::RegisterBank& bank() { return bank_; }
  const common::RegisterBank& bank() const { return bank_; }
  common::RegisterTarget& port() { return port_; }
  // Local time of the access that is being served; in other contexts the current time.
  std::uint64_t time_ps() const { return port_.access_ps(); }

 private:
  void apply_reset();
};

}  // namespace tandem::peripherals
