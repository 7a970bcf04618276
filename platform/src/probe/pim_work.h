// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "tandem/pim/command_set.h"
#include "tandem/pim/matrix_plan.h"
#include "tandem/platform/probe/pim_probe.h"

namespace tandem::platform {

// The command set of a device as a probe asks for it. Throws UserError.
std::unique_ptr<pim::PimCommandSet> command_set_of(const DeviceFile& device, const PimProbe& probe);

// Operations of one channel, made as they are wanted. Those with a result, or which fill the global
// buffer, are counted.
class PimWork {
 public:
  // Buffer writes, and then one tile after the other.
  // `set` outlives it.
  PimWork(const pim::PimCommandSet& set, const PimProbe& probe);
  // Whatever is in the list.
  PimWork(const pim::PimCommandSet& set, pim::Operations operations);

  bool empty() const { return at_ == operations_.size() && tile_ == probe_.tiles; }
  // Not of an empty one.
  const pim::BankOperation& front();
  void pop() { ++at_; }
  // Of what has been made so far; of all of it once this is empty.
  const pim::PlanCounts& counts() const { return counts_; }

 private:
  void make_tile();
  void count_operations();

  const pim::PimCommandSet& set_;
  PimProbe probe_;
  pim::Operations operations_;
  pim::PlanCounts counts_;
  std::size_t at_ = 0;
  std::uint64_t tile_ = 0;  // that is made next
};

}  // namespace tandem::platform
