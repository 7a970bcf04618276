// SPDX-License-Identifier: Apache-2.0
#include "boot_image.h"

#include <cstring>
#include <string>

#include "soc_config.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/units.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kDirectoryOffset = 0x1000;  // boot information has the page before it
constexpr std::uint64_t kAlignment = 64;
constexpr std::uint64_t kLeastSharedBytes = 65'536;
constexpr std::uint64_t kLeastKvBytes = 65'536;
constexpr std::uint64_t kPsPerUs = 1'000'000;

std::uint64_t align(std::uint64_t address) {
  return (address + kAlignment - 1) / kAlignment * kAlignment;
}

template <typename T>
std::vector<std::uint8_t> bytes_of(const T* values, std::size_t count) {
  std::vector<std::uint8_t> bytes(count * sizeof(T));
  if (count > 0) std::memcpy(bytes.data(), values, bytes.size());
  return bytes;
}

// Space of a memory from `next` to its end; throws UserError if it is less than `least`.
std::uint64_t rest(const char* key, std::uint64_t base, std::uint64_t size_bytes,
                   std::uint64_t next, std::uint64_t least, const char* purpose) {
  const std::uint64_t used = next - base;
  if (used + least > size_bytes) {
    throw UserError(std::string(key) + ": " + format_quantity(size_bytes, Quantity::kBytes) +
                    " is too small: the model takes " + format_quantity(used, Quantity::kBytes) +
                    ", " + purpose + " at least " + format_quantity(least, Quantity::kBytes));
  }
  return size_bytes - used;
}

abi::BootInfo devices(const Scenario& scenario) {
  const AddressMap& map = scenario.platform.address_map;
  abi::BootInfo info{};
  info.magic = abi::kBootMagic;
  info.abi_version = abi::kAbiVersion;
  info.seed = scenario.seed;
  info.npu_base = map.npu;
  info.pim_base = scenario.platform.pim.enabled ? map.pim : 0;
  info.intc_base = map.interrupt_controller;
  info.timer_base = map.timer;
  info.uart_base = map.uart;
  info.mailbox_base = map.mailbox;
  info.syscon_base = map.system_control;
  info.npu_irq = kNpuLine;
  info.pim_irq = kPimLine;
  info.timer_irq = kTimerLine;
  info.mailbox_irq = kMailboxLine;
  info.dram_base = map.dram;
  info.dram_bytes = scenario.platform.dram.capacity_bytes;
  info.timeout_us = static_cast<std::uint32_t>(scenario.platform.cpu.command_timeout_ps / kPsPerUs);
  return info;
}

}  // namespace

BootImage make_boot_image(const Scenario& scenario, const PolicyConfig& policy,
                          const LoadedModel& model, std::uint64_t prompt_bytes, bool echo) {
  check_kv_layout(scenario);
  const HardwareConfig& hardware = scenario.platform;
  const std::uint64_t sram = hardware.address_map.sram;
  const std::uint64_t dram = hardware.address_map.dram;

  PackOptions options;
  if (policy.name == PolicyName::kSelfSpeculative) options.draft = policy.draft;
  options.tiles = bank_tiles(scenario);
  options.weights_base = dram;
  options.directory_base = sram + kDirectoryOffset;
  PackedModel packed = pack(model, options);

  BootImage image;
  image.sizes = packed.sizes;
  std::uint64_t next = align(options.directory_base + packed.directory.size());
  image.prompt_base = next;
  image.prompt_bytes = prompt_bytes;
  next = align(next + prompt_bytes);

  abi::BootInfo info = devices(scenario);
  info.model_image = options.directory_base;
  info.shared_base = next;
  info.shared_bytes = rest("platform.sram.size", sram, hardware.sram.size_bytes, next,
                           kLeastSharedBytes, "rings and programs");
  info.kv_base = align(dram + packed.weights_bytes);
  info.kv_bytes = rest("platform.dram.capacity", dram, hardware.dram.capacity_bytes, info.kv_base,
                       kLeastKvBytes, "the KV cache");
  if (echo && model.tokenizer) info.flags |= abi::kBootEchoText;
  if (scenario.faults.present) info.flags |= abi::kBootChecked;
  info.policy = policy_block(policy);

  image.blocks.push_back({sram, bytes_of(&info, 1)});
  image.blocks.push_back({options.directory_base, std::move(packed.directory)});
  if (!packed.weights.empty()) image.blocks.push_back({dram, std::move(packed.weights)});
  return image;
}

}  // namespace tandem::platform
