// SPDX-License-Identifier: Apache-2.0
#include "cpu_choice.h"

#include <array>
#include <system_error>
#include <utility>

#include "model/file_bytes.h"
#include "soc_config.h"
#include "tandem/abi/tables.h"
#include "tandem/common/register_bank.h"
#include "tandem/cpu/native_cpu.h"
#include "tandem/firmware/apps/bringup.h"
#include "tandem/firmware/apps/generate.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"
#include "text.h"
#ifdef TANDEM_HAVE_RISCV
#include "tandem/cpu_riscv/riscv_cpu.h"
#endif

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

constexpr const char* kElfKey = "platform.cpu.riscv.elf";

#ifdef TANDEM_HAVE_RISCV
constexpr bool kHaveRiscv = true;
#else
constexpr bool kHaveRiscv = false;
#endif

struct Region {
  std::string name;
  std::uint64_t base;
  std::uint64_t bytes;

  bool contains(std::uint64_t first, std::uint64_t last) const {
    return first >= base && last - base < bytes && first <= last;
  }
};

std::array<Region, 3> memories(const HardwareConfig& hardware) {
  const AddressMap& map = hardware.address_map;
  return {Region{"firmware", map.firmware, hardware.cpu.riscv.memory_bytes},
          Region{"sram", map.sram, hardware.sram.size_bytes},
          Region{"dram", map.dram, hardware.dram.capacity_bytes}};
}

const tandem_firmware& native_firmware(FirmwareApp app) {
  switch (app) {
    case FirmwareApp::kGenerate:
      return *tandem_generate_firmware();
    case FirmwareApp::kBringup:
      return *tandem_bringup_firmware();
  }
  throw InternalError("unknown firmware app");
}

// Beside the program, where it was installed, where it was built.
fs::path find_built_elf(const std::string& name) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  const std::string file = name + ".elf";
  for (fs::path at = program; !at.empty(); at = at.parent_path()) {
    for (const fs::path& folder : {at / "firmware", at / "share/tandem/firmware"}) {
      if (fs::is_regular_file(folder / file, error)) return folder / file;
    }
    if (at == at.parent_path()) break;
  }
  const fs::path built = fs::path(TANDEM_FIRMWARE_DIR) / file;
  return fs::is_regular_file(built, error) ? built : fs::path();
}

fs::path elf_path(const CpuConfig& cpu) {
  if (!cpu.riscv.elf.empty()) return cpu.riscv.elf;
  const std::string app = choices<FirmwareApp>().data[static_cast<std::size_t>(cpu.app)].name;
  fs::path found = find_built_elf(app);
  if (!found.empty()) return found;
  throw UserError("platform.cpu.form: there is no firmware '" + app + ".elf'",
                  "install g++-riscv64-linux-gnu and build again, or name an ELF file in " +
                      std::string(kElfKey));
}

void check_placement(const HardwareConfig& hardware, const FirmwareFile& firmware) {
  for (const cpu::ElfImage::Segment& segment : firmware.image.segments()) {
    bool placed = false;
    std::string known;
    for (const Region& memory : memories(hardware)) {
      placed = placed || memory.contains(segment.address, segment.last());
      known += (known.empty() ? "" : ", ") + memory.name + " " + hexadecimal(memory.base) + ".." +
               hexadecimal(memory.base + (memory.bytes - 1));
    }
    if (placed) continue;
    throw UserError(std::string(kElfKey) + ": " + printable_path(firmware.path) + ": its segment " +
                        hexadecimal(segment.address) + ".." + hexadecimal(segment.last()) +
                        " lies in no memory; there are " + known,
                    "link it to one of them, or change platform.address_map");
  }
}

}  // namespace

std::optional<FirmwareFile> load_firmware(const HardwareConfig& hardware) {
  if (hardware.cpu.form == CpuForm::kNative) return {};
  if (!kHaveRiscv) {
    throw UserError("platform.cpu.form: this build has no RISC-V core",
                    "install libunicorn-dev and build again");
  }
  FirmwareFile firmware;
  firmware.path = elf_path(hardware.cpu);
  try {
    firmware.image = cpu::ElfImage::parse(read_file_bytes(firmware.path, "firmware"));
  } catch (const cpu::ElfError& error) {
    throw UserError(std::string(kElfKey) + ": " + printable_path(firmware.path) + ": " +
                    error.what());
  } catch (const UserError& error) {
    throw UserError(std::string(kElfKey) + ": " + error.what(), error.hint());
  }
  check_placement(hardware, firmware);
  return firmware;
}

std::unique_ptr<cpu::ControlCpu> make_cpu(const HardwareConfig& hardware,
                                          const std::optional<FirmwareFile>& firmware,
                                          const tandem_firmware* native,
                                          std::function<void(std::string_view)> log) {
  if (!firmware) {
    cpu::NativeCpu::Config config;
    config.boot_info_address = hardware.address_map.sram;
    config.hal_call_ps = hardware.cpu.hal_call_ps;
    config.log = std::move(log);
    return std::make_unique<cpu::NativeCpu>(
        "cpu", native != nullptr ? *native : native_firmware(hardware.cpu.app), config);
  }
#ifdef TANDEM_HAVE_RISCV
  cpu::RiscvCpu::Config config;
  config.entry = firmware->image.entry();
  config.boot_info_address = hardware.address_map.sram;
  config.clock_period_ps = clock_period_ps(hardware.cpu.riscv.clock_hz);
  config.cycles_per_instruction = hardware.cpu.riscv.cycles_per_instruction;
  config.quantum_ps = hardware.cpu.riscv.quantum_ps;
  config.symbol_of = [image = firmware->image, hardware](std::uint64_t address) {
    const std::string symbol = image.describe(address);
    return symbol.empty() ? name_of_address(hardware, address) : symbol;
  };
  return std::make_unique<cpu::RiscvCpu>("cpu", config);
#else
  throw InternalError("no RISC-V core in this build");
#endif
}

memory::Sram::Config firmware_memory_config(const HardwareConfig& hardware) {
  memory::Sram::Config config = sram_config(hardware);
  config.size_bytes = hardware.cpu.riscv.memory_bytes;
  return config;
}

std::vector<debug::MappedBlock> register_blocks(const HardwareConfig& hardware) {
  const AddressMap& map = hardware.address_map;
  std::vector<debug::MappedBlock> blocks = {
      {&abi::npu::kBlock, map.npu},         {&abi::intc::kBlock, map.interrupt_controller},
      {&abi::timer::kBlock, map.timer},     {&abi::uart::kBlock, map.uart},
      {&abi::mailbox::kBlock, map.mailbox}, {&abi::syscon::kBlock, map.system_control}};
  if (hardware.pim.enabled) blocks.push_back({&abi::pim::kBlock, map.pim});
  return blocks;
}

std::string name_of_address(const HardwareConfig& hardware, std::uint64_t address) {
  for (const auto& [block, base] : register_blocks(hardware)) {
    if (address - base >= block->size_bytes) continue;
    return common::describe_register(*block, static_cast<std::uint32_t>(address - base));
  }
  for (const Region& memory : memories(hardware)) {
    if (memory.contains(address, address))
      return memory.name + "+" + hexadecimal(address - memory.base);
  }
  return {};
}

}  // namespace tandem::platform
