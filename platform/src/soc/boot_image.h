// SPDX-License-Identifier: Apache-2.0
// What the memories of an SoC hold before its firmware starts.
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/boot_info.h"
#include "tandem/platform/model/loaded_model.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// Lines of the interrupt controller.
constexpr unsigned kNpuLine = 0;
constexpr unsigned kPimLine = 1;
constexpr unsigned kTimerLine = 2;
constexpr unsigned kMailboxLine = 3;
constexpr unsigned kInterruptLines = 4;

struct MemoryBlock {
  std::uint64_t address;  // on the bus
  std::vector<std::uint8_t> bytes;
};

struct BootImage {
  std::vector<MemoryBlock> blocks;
  std::uint64_t prompt_base = 0;  // memory that the mailbox puts prompts into
  std::uint64_t prompt_bytes = 0;
  PackedSizes sizes;
};

// Control memory: boot information, model directory, prompts (`prompt_bytes` of them), then what
// the firmware may use. DRAM: weights, then what the firmware may use for the KV cache. Throws
// UserError when either memory is too small. A model without weights leaves
// DRAM empty, at the same addresses. `echo` lets the firmware write the first answer to the UART,
// if there is a tokenizer.
BootImage make_boot_image(const Scenario& scenario, const PolicyConfig& policy,
                          const LoadedModel& model, std::uint64_t prompt_bytes, bool echo);

}  // namespace tandem::platform
