// SPDX-License-Identifier: Apache-2.0
// What gdb's `monitor` offers here: the simulated time and the devices' registers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "debug/hart.h"
#include "tandem/abi/registers.h"

namespace tandem::platform::debug {

struct MappedBlock {
  const abi::RegisterBlock* block;
  std::uint64_t base;  // on the bus
};

class Monitor {
 public:
  Monitor(Hart& hart, std::vector<MappedBlock> blocks) : hart_(hart), blocks_(std::move(blocks)) {}

  // The text to print; for an unknown command, what there is.
  std::string execute(const std::string& line);

 private:
  std::string time() const;
  std::string registers(const std::string& name);
  std::string block_names() const;

  Hart& hart_;
  std::vector<MappedBlock> blocks_;
};

}  // namespace tandem::platform::debug
