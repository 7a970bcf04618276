// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "tandem/pim/command_set.h"
#include "tandem/platform/probe/pim_probe.h"

namespace tandem::platform {

// The command set of a device as a probe asks for it. Throws UserError.
std::unique_ptr<pim::PimCommandSet> command_set_of(const DeviceFile& device, const PimProbe& probe);

// Operations of the buffer writes and then of one tile after the other, made as they are wanted.
class PimWork {
 public:
  // `set` outlives it.
  PimWork(const pim::PimCommandSet& set, const PimProbe& probe);

  bool empty() const { return at_ == operations_.size() && tile_ == probe_.tiles; }
  // Not of an empty one. Operations at whose end somebody waits are counted.
  const pim::BankOperation& front();
  void pop() { ++at_; }

 private:
  void make_tile();
  void count_operations();

  const pim::PimCommandSet& set_;
  PimProbe probe_;
  pim::Operations operations_;
  std::size_t at_ = 0;
  std::uint64_t tile_ = 0;  // that is made next
};

}  // namespace tandem::platform
