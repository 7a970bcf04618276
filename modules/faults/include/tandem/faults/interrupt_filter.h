// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "tandem/common/systemc.h"
#include "tandem/faults/fault_log.h"
#include "tandem/faults/trigger.h"

namespace tandem::faults {

// In line between a device's interrupt and whoever takes it, a delta cycle late. A rising edge that
// is lost leaves `out` low until `in` has been low again.
class InterruptFilter : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> in;
  sc_core::sc_out<bool> out;

  InterruptFilter(const sc_core::sc_module_name& name, std::string where, FaultLog& log);
  void add(const When& when) { triggers_.emplace_back(when); }

 private:
  void follow();

  const std::string where_;
  FaultLog& log_;
  std::vector<Trigger> triggers_;
};

}  // namespace tandem::faults
