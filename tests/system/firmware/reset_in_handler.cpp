// SPDX-License-Identifier: Apache-2.0
// Linked before the firmware's own trap handler (--wrap): from within the handler of an interrupt
// it resets the NPU, later the platform, in whatever state the driver has them.
#include "tandem/abi/peripheral_registers.h"

namespace {

// platform.address_map.system_control
constexpr std::uint64_t kSystemControl = 0x0204'0000;
constexpr std::uint64_t kInterruptFlag = std::uint64_t{1} << 63;
constexpr std::uint32_t kResetsNpu = 8;
constexpr std::uint32_t kResetsPlatform = 20;

}  // namespace

// The far end of the trap stack: like all memory it keeps its bytes in a reset, and start-up code
// does not clear it.
extern "C" volatile std::uint32_t __stack_top[];

extern "C" int bus_store(std::uint64_t address, std::uint32_t value);
extern "C" std::uint64_t __real_handle_trap(std::uint64_t cause, std::uint64_t pc,
                                            std::uint64_t value);

extern "C" std::uint64_t __wrap_handle_trap(std::uint64_t cause, std::uint64_t pc,
                                            std::uint64_t value) {
  namespace regs = tandem::abi::syscon;
  if ((cause & kInterruptFlag) != 0) {
    const std::uint32_t interrupts = __stack_top[0] + 1;
    __stack_top[0] = interrupts;
    if (interrupts == kResetsNpu) bus_store(kSystemControl + regs::RESET, regs::RESET_NPU.put(1));
    if (interrupts == kResetsPlatform) {
      bus_store(kSystemControl + regs::RESET, regs::RESET_PLATFORM.put(1));
      while (true) {
      }
    }
  }
  return __real_handle_trap(cause, pc, value);
}
