// SPDX-License-Identifier: Apache-2.0
// Runs one app as the only program of the machine. TANDEM_FIRMWARE_ENTRY is the function that gives
// the app's table.
#include "riscv/hal.h"
#include "tandem/abi/command.h"
#include "tandem/abi/firmware_entry.h"

extern "C" {
const tandem_firmware* TANDEM_FIRMWARE_ENTRY(void);
void firmware_main(const tandem::abi::BootInfo* boot);
extern char __arena_start[];
extern char __arena_end[];
}

namespace {

// So that firmware notices a device that never interrupts.
constexpr std::uint64_t kLongestSleepNs = 1'000'000;

tandem::abi::Status run(const tandem_firmware& firmware, const tandem::abi::BootInfo& boot) {
  const auto room = static_cast<std::uint64_t>(__arena_end - __arena_start);
  if (firmware.arena_bytes > room) return tandem::abi::Status::kNoSpace;
  tandem::firmware::fill_zero(__arena_start, firmware.arena_bytes);
  const tandem_hal hal = tandem::firmware::riscv::start_hal(boot);
  const int status = firmware.init(__arena_start, &hal, reinterpret_cast<std::uint64_t>(&boot));
  if (status != 0) return static_cast<tandem::abi::Status>(status);
  for (;;) {
    const int next = firmware.step(__arena_start, &hal);
    if (next == TANDEM_STEP_DONE) return tandem::abi::Status::kOk;
    if (next == TANDEM_STEP_WAIT) hal.wait_irq(hal.context, kLongestSleepNs);
  }
}

}  // namespace

void firmware_main(const tandem::abi::BootInfo* boot) {
  const tandem::abi::Status status = run(*TANDEM_FIRMWARE_ENTRY(), *boot);
  tandem::firmware::riscv::tell_exit(*boot, static_cast<std::uint32_t>(status));
}
