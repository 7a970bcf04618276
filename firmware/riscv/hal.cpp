// SPDX-License-Identifier: Apache-2.0
#include "riscv/hal.h"

#include "tandem/abi/peripheral_registers.h"

extern "C" {
int bus_load(std::uint64_t address, std::uint32_t* value);
int bus_store(std::uint64_t address, std::uint32_t value);
extern const char bus_load_access[];
extern const char bus_store_access[];
extern const char bus_access_failed[];
std::uint64_t handle_trap(std::uint64_t cause, std::uint64_t pc, std::uint64_t value);
}

namespace tandem::firmware::riscv {
namespace {

constexpr u64 kInterruptFlag = u64{1} << 63;
constexpr u64 kTimerInterrupt = 7;
constexpr u64 kExternalInterrupt = 11;
constexpr u64 kStatusMie = 1u << 3;

// Zero after reset, as all variables.
volatile u64 arrived;  // what interrupts leave for those who wait: bits as in mie
u64 timer_lead_ns;     // of the timer over the hart's counter
u32 compare_high;

void set_mie(u64 bits) {
  asm volatile("csrs mie, %0" ::"r"(bits) : "memory");
}
void clear_mie(u64 bits) {
  asm volatile("csrc mie, %0" ::"r"(bits) : "memory");
}
void allow_interrupts() {
  asm volatile("csrs mstatus, %0" ::"r"(kStatusMie) : "memory");
}
void forbid_interrupts() {
  asm volatile("csrc mstatus, %0" ::"r"(kStatusMie) : "memory");
}
u64 time_ns() {
  u64 value;
  asm volatile("rdtime %0" : "=r"(value)::"memory");
  return value;
}

const abi::BootInfo& boot_of(void* context) {
  return *static_cast<const abi::BootInfo*>(context);
}

// The timer counts from its own reset, the hart's counter from the beginning of time. The upper
// half of its compare value changes every four seconds.
void start_timer(u64 timer) {
  u32 low = 0;
  u32 high = 0;
  bus_load(timer + abi::timer::TIME_LO, &low);
  bus_load(timer + abi::timer::TIME_HI, &high);
  timer_lead_ns = ((u64{high} << 32) | low) - time_ns();
  compare_high = ~u32{0};  // as after reset
  bus_store(timer + abi::timer::CONTROL, abi::timer::CONTROL_IRQ_ENABLE.put(1));
}

void alarm_in(u64 timer, u64 delay_ns) {
  const u64 now = time_ns() + timer_lead_ns;
  const u64 at = now + delay_ns < now ? ~u64{0} : now + delay_ns;
  const bool moves = high_word(at) != compare_high;
  if (moves) bus_store(timer + abi::timer::COMPARE_HI, ~u32{0});
  bus_store(timer + abi::timer::COMPARE_LO, low_word(at));
  if (moves) bus_store(timer + abi::timer::COMPARE_HI, high_word(at));
  compare_high = high_word(at);
}

int wait_irq(void* context, u64 timeout_ns) {
  const u64 external = u64{1} << kExternalInterrupt;
  const u64 alarm = u64{1} << kTimerInterrupt;
  const u64 timer = boot_of(context).timer_base;
  if (timer != 0) alarm_in(timer, timeout_ns);
  arrived = 0;
  set_mie(external | (timer != 0 ? alarm : 0));
  // WFI returns for an interrupt that is pending, allowed or not; it is served between the two.
  while (arrived == 0) {
    asm volatile("wfi" ::: "memory");
    allow_interrupts();
    forbid_interrupts();
  }
  clear_mie(external | alarm);
  return (arrived & external) != 0 ? 1 : 0;
}

void* window(void* context, u64 address, u64 bytes) {
  const abi::BootInfo& boot = boot_of(context);
  const u64 control = reinterpret_cast<u64>(&boot);
  const auto inside = [&](u64 first, u64 end) {
    return address >= first && address <= end && bytes <= end - address;
  };
  const bool known = inside(control, boot.shared_base + boot.shared_bytes) ||
                     inside(boot.dram_base, boot.dram_base + boot.dram_bytes);
  return known ? reinterpret_cast<void*>(address) : nullptr;
}

void log(void* context, const char* text, u32 bytes) {
  const u64 syscon = boot_of(context).syscon_base;
  if (syscon == 0) return;
  for (u32 i = 0; i < bytes; ++i) {
    bus_store(syscon + abi::syscon::LOG, static_cast<u8>(text[i]));
  }
}

}  // namespace

tandem_hal start_hal(const abi::BootInfo& boot) {
  if (boot.timer_base != 0) start_timer(boot.timer_base);
  tandem_hal hal{};
  hal.context = const_cast<abi::BootInfo*>(&boot);
  hal.read32 = [](void*, u64 address, u32* value) {
    *value = 0;
    return bus_load(address, value);
  };
  hal.write32 = [](void*, u64 address, u32 value) { return bus_store(address, value); };
  hal.dma_window = window;
  hal.barrier = [](void*) { asm volatile("fence iorw, iorw" ::: "memory"); };
  hal.relax = [](void*) { asm volatile("fence" ::: "memory"); };
  hal.wait_irq = wait_irq;
  hal.now_ns = [](void*) { return time_ns(); };
  hal.log = log;
  return hal;
}

void tell_exit(const abi::BootInfo& boot, u32 status) {
  if (boot.syscon_base == 0) return;
  bus_store(boot.syscon_base + abi::syscon::EXIT,
            abi::syscon::EXIT_STOPPED.put(1) | abi::syscon::EXIT_STATUS.put(status));
}

}  // namespace tandem::firmware::riscv

// Where the hart goes on after a trap. An interrupt is masked until somebody waits for it again:
// its line stays up until its cause is served. An access through the HAL that fails gives an error.
// Any other exception is a bug: without a handler it shows itself once more, at its place.
std::uint64_t handle_trap(std::uint64_t cause, std::uint64_t pc, std::uint64_t) {
  namespace riscv = tandem::firmware::riscv;
  if ((cause & riscv::kInterruptFlag) != 0) {
    const std::uint64_t line = std::uint64_t{1} << (cause & 63);
    riscv::clear_mie(line);
    riscv::arrived = riscv::arrived | line;
    return pc;
  }
  const bool of_hal = pc == reinterpret_cast<std::uint64_t>(bus_load_access) ||
                      pc == reinterpret_cast<std::uint64_t>(bus_store_access);
  if (of_hal) return reinterpret_cast<std::uint64_t>(bus_access_failed);
  asm volatile("csrw mtvec, zero" ::: "memory");
  return pc;
}
