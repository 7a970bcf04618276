// SPDX-License-Identifier: Apache-2.0
// The control processor that a scenario asks for, and its firmware.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "debug/monitor.h"
#include "tandem/abi/firmware_entry.h"
#include "tandem/cpu/control_cpu.h"
#include "tandem/cpu/elf_image.h"
#include "tandem/memory/sram.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// Firmware as a file; with the native form there is none.
struct FirmwareFile {
  std::filesystem::path path;
  cpu::ElfImage image;
};

// Throws UserError if this build cannot run the form, or the ELF is missing or unfit for this
// platform: damaged, or outside its memories.
std::optional<FirmwareFile> load_firmware(const HardwareConfig& hardware);

// `log` hears what native firmware logs. `native`: what the native form runs instead of the app of
// the scenario; nullptr: that app.
std::unique_ptr<cpu::ControlCpu> make_cpu(const HardwareConfig& hardware,
                                          const std::optional<FirmwareFile>& firmware,
                                          const tandem_firmware* native = nullptr,
                                          std::function<void(std::string_view)> log = {});

// Memory of the processor's own, for the RISC-V form.
memory::Sram::Config firmware_memory_config(const HardwareConfig& hardware);

// Where the devices' registers are.
std::vector<debug::MappedBlock> register_blocks(const HardwareConfig& hardware);

// What a bus address is called: "NPU.CONTROL", "sram+0x40"; empty if nothing is there.
std::string name_of_address(const HardwareConfig& hardware, std::uint64_t address);

}  // namespace tandem::platform
