// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>

#include "tandem/abi/command.h"

namespace tandem::npu {

// What can go wrong inside an NPU, on demand (Npu::set_faults). The NPU asks at each point.
class FaultHooks {
 public:
  enum class Descriptor { kCommand, kProgram, kTables };
  enum class Unit { kMatrix, kVector, kSampler };

  // What a driver has written for the NPU has arrived from `address` and may be changed.
  virtual void descriptor_fetched(Descriptor what, std::uint64_t address, void* data,
                                  std::size_t bytes) = 0;
  // The completion is about to be written to `address`, and may be changed.
  virtual void completion_written(std::uint64_t address, abi::Completion& completion) = 0;
  // How long after its end a command completes.
  virtual std::uint64_t completion_delay_ps() = 0;
  // Asked for each primitive; true: the unit never does it.
  virtual bool hangs(Unit unit) = 0;
  // The NPU has been reset; what hung works again.
  virtual void reset() = 0;

 protected:
  ~FaultHooks() = default;
};

}  // namespace tandem::npu
