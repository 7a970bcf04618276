// SPDX-License-Identifier: Apache-2.0
// From the platform section of a scenario to the configurations of the modules.
#pragma once
#include <optional>

#include "tandem/abi/boot_info.h"
#include "tandem/interconnect/crossbar.h"
#include "tandem/memory/sram.h"
#include "tandem/memory/stack.h"
#include "tandem/npu/config.h"
#include "tandem/pim/config.h"
#include "tandem/platform/device_file.h"
#include "tandem/platform/model/packer.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// Each throws UserError, naming the section of the scenario, for what the module refuses.
DeviceFile dram_device(const DramConfig& dram);
memory::Stack::Config stack_config(const DramConfig& dram,
                                   FidelityLevel fidelity = FidelityLevel::kTransaction);
// The same for the platform's NPU, whose DMA tells what its streams stand for.
memory::Stack::Config npu_stack_config(const HardwareConfig& hardware, FidelityLevel fidelity);
memory::Sram::Config sram_config(const HardwareConfig& hardware);
// What becomes of the bytes of tensors.
enum class TensorTraffic {
  kComputed,    // functional execution
  kBursts,      // timing-only, in the transactions of functional execution
  kBulk,        // timing-only, in long transactions
  kSharedBulk,  // the same in shorter ones, where two commands share the port
};
TensorTraffic tensor_traffic(const Scenario& scenario);

// Layers that stand for all of them; 0: all are simulated.
std::uint32_t replay_layers(const Fidelity& fidelity);
npu::Config npu_config(const HardwareConfig& hardware,
                       TensorTraffic traffic = TensorTraffic::kComputed,
                       std::uint32_t replay_layers = 0);
pim::Config pim_config(const HardwareConfig& hardware,
                       FidelityLevel fidelity = FidelityLevel::kTransaction,
                       TensorTraffic traffic = TensorTraffic::kComputed);

// Throws UserError if policy.kv_layout asks for a layout that the address mapping does not allow.
void check_kv_layout(const Scenario& scenario);

// What matrices are cut for, if policy.placement.weight_layout asks for it. Throws UserError if the
// memory or the commands of the PIM do not allow it.
std::optional<BankTiles> bank_tiles(const Scenario& scenario);

abi::PolicyBlock policy_block(const PolicyConfig& policy);

}  // namespace tandem::platform
