// SPDX-License-Identifier: Apache-2.0
// A group of checks in every step, then the summary.
#include "tandem/firmware/apps/bringup.h"

#include "apps/bringup_bench.h"
#include "apps/bringup_lab.h"
#include "tandem/abi/peripheral_registers.h"
#include "tandem/firmware/runtime/range_allocator.h"

namespace tandem::firmware {

using abi::Status;

namespace {

using Check = void (*)(Bench&);

constexpr Check kBeforeNpu[] = {
    check_identities,          check_bus,   check_reset_values,    check_writable_registers,
    check_read_only_registers, check_timer, check_interrupt_lines, check_timer_interrupt,
    check_mailbox_interrupt};
constexpr Check kWithNpu[] = {check_npu_interrupt,
                              check_rings,
                              check_copies,
                              check_semaphores,
                              check_cancel,
                              check_moving_primitives,
                              check_matrix_primitives,
                              check_vector_primitives,
                              check_cache_primitives,
                              check_token_primitives,
                              check_command_errors,
                              check_program_errors,
                              check_batch_errors,
                              check_pim};
constexpr u32 kBefore = sizeof kBeforeNpu / sizeof kBeforeNpu[0];
constexpr u32 kAll = kBefore + sizeof kWithNpu / sizeof kWithNpu[0];

Status initialise(BringupState& state, Machine& machine, u64 boot_info) {
  const abi::BootInfo* const boot = machine.window<abi::BootInfo>(boot_info, 1);
  if (boot == nullptr) return Status::kBusError;
  if (boot->magic != abi::kBootMagic || boot->abi_version != abi::kAbiVersion) {
    return Status::kBadVersion;
  }
  state.boot = *boot;
  if (!machine.open_shared(boot->shared_base, boot->shared_bytes)) return Status::kBusError;
  RangeAllocator control(boot->shared_base, boot->shared_bytes);
  for (u64& rings : state.rings) rings = control.take(QueuePair::ring_bytes(kBringupRing));
  state.data = control.take(kBringupData);
  state.tables = control.take(kTablesBytes);
  state.lab = control.take(Lab::kBytes);
  if (control.failed()) return Status::kNoSpace;
  fill_tables(machine.shared<u8>(state.tables));
  machine.barrier();
  return Status::kOk;
}

void end(Bench& bench) {
  const BringupState& state = bench.state();
  if (state.boot.uart_base != 0) {
    u32 lost = 0;
    bench.read(state.boot.uart_base + abi::uart::OVERRUNS, lost);
    bench.equal("uart.overruns", lost, 0);
  }
  bench.print(Line()
                  .text("bringup: ")
                  .number(state.passed)
                  .text(" passed, ")
                  .number(state.failed)
                  .text(" failed, ")
                  .number(state.skipped)
                  .text(" skipped"));
  bench.drain_uart();
  if (state.boot.syscon_base == 0) return;
  const u32 status = state.failed == 0 ? 0u : u32{TANDEM_BRINGUP_FAILED};
  bench.write(state.boot.syscon_base + abi::syscon::EXIT,
              abi::syscon::EXIT_STOPPED.put(1) | abi::syscon::EXIT_STATUS.put(status));
}

bool step(Bench& bench) {
  BringupState& state = bench.state();
  const u32 index = state.next++;
  if (index == kAll) {
    end(bench);
    return false;
  }
  if (index < kBefore) {
    kBeforeNpu[index](bench);
    return true;
  }
  if (state.boot.npu_base == 0) {
    if (index == kBefore) bench.skip("npu: not there");
    return true;
  }
  if (index == kBefore) bench.start_npu();
  kWithNpu[index - kBefore](bench);
  return true;
}

int bringup_init(void* arena, const tandem_hal* hal, std::uint64_t boot_info) {
  Machine machine(*hal);
  return static_cast<int>(initialise(*static_cast<BringupState*>(arena), machine, boot_info));
}

int bringup_step(void* arena, const tandem_hal* hal) {
  BringupState& state = *static_cast<BringupState*>(arena);
  Machine machine(*hal);
  if (!machine.open_shared(state.boot.shared_base, state.boot.shared_bytes)) {
    return TANDEM_STEP_DONE;
  }
  Bench bench(state, machine, *hal);
  return step(bench) ? TANDEM_STEP_AGAIN : TANDEM_STEP_DONE;
}

constexpr tandem_firmware kBringup = {sizeof(BringupState), bringup_init, bringup_step};

}  // namespace
}  // namespace tandem::firmware

const tandem_firmware* tandem_bringup_firmware(void) {
  return &tandem::firmware::kBringup;
}
