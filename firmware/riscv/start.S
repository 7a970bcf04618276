# SPDX-License-Identifier: Apache-2.0
# From reset to C++: stack, zeroed variables, trap vector; and the accesses that may fault.
# On entry: a0 = hart, a1 = bus address of BootInfo. No mutable data is initialised, so a reset
# starts from the same image.

.equ FRAME_BYTES, 144
.equ MSTATUS_FS_INITIAL, 1 << 13  # floating point is on

.cfi_sections .debug_frame
.option norelax  # debug information keeps the sizes from before the linker shortens calls

.section .text.start, "ax"
.globl _start
.type _start, @function
_start:
  .cfi_startproc
  .cfi_undefined ra  # here backtraces end
  la gp, __global_pointer$
  la sp, __stack_top
  la t0, __trap_stack_top
  csrw mscratch, t0
  la t0, trap_entry
  csrw mtvec, t0
  csrw mie, zero
  li t0, MSTATUS_FS_INITIAL
  csrs mstatus, t0
  la t0, __bss_start
  la t1, __bss_end
1:
  bgeu t0, t1, 2f
  sd zero, 0(t0)
  addi t0, t0, 8
  j 1b
2:
  mv a0, a1
  jal firmware_main
3:
  wfi
  j 3b
  .cfi_endproc
.size _start, . - _start

.text

# All traps. They get a stack of their own, so that a lost stack pointer can still be reported.
.balign 4
.globl trap_entry
.type trap_entry, @function
trap_entry:
  # The interrupted pc is in mepc, and its sp in mscratch.
  .cfi_startproc simple
  .cfi_signal_frame
  .cfi_return_column mepc
  .cfi_def_cfa sp, 0
  .cfi_same_value mepc
  .cfi_same_value sp
  csrrw sp, mscratch, sp
  .cfi_register sp, mscratch
  addi sp, sp, -FRAME_BYTES
  .cfi_def_cfa_offset FRAME_BYTES
  sd ra, 0(sp)
  sd t0, 8(sp)
  sd t1, 16(sp)
  sd t2, 24(sp)
  sd a0, 32(sp)
  sd a1, 40(sp)
  sd a2, 48(sp)
  sd a3, 56(sp)
  sd a4, 64(sp)
  sd a5, 72(sp)
  sd a6, 80(sp)
  sd a7, 88(sp)
  sd t3, 96(sp)
  sd t4, 104(sp)
  sd t5, 112(sp)
  sd t6, 120(sp)
  .cfi_offset ra, 0 - FRAME_BYTES
  .cfi_offset t0, 8 - FRAME_BYTES
  .cfi_offset t1, 16 - FRAME_BYTES
  .cfi_offset t2, 24 - FRAME_BYTES
  .cfi_offset a0, 32 - FRAME_BYTES
  .cfi_offset a1, 40 - FRAME_BYTES
  .cfi_offset a2, 48 - FRAME_BYTES
  .cfi_offset a3, 56 - FRAME_BYTES
  .cfi_offset a4, 64 - FRAME_BYTES
  .cfi_offset a5, 72 - FRAME_BYTES
  .cfi_offset a6, 80 - FRAME_BYTES
  .cfi_offset a7, 88 - FRAME_BYTES
  .cfi_offset t3, 96 - FRAME_BYTES
  .cfi_offset t4, 104 - FRAME_BYTES
  .cfi_offset t5, 112 - FRAME_BYTES
  .cfi_offset t6, 120 - FRAME_BYTES
  csrr a0, mcause
  csrr a1, mepc
  csrr a2, mtval
  jal handle_trap             # returns where to go on
  csrw mepc, a0
  ld ra, 0(sp)
  ld t0, 8(sp)
  ld t1, 16(sp)
  ld t2, 24(sp)
  ld a0, 32(sp)
  ld a1, 40(sp)
  ld a2, 48(sp)
  ld a3, 56(sp)
  ld a4, 64(sp)
  ld a5, 72(sp)
  ld a6, 80(sp)
  ld a7, 88(sp)
  ld t3, 96(sp)
  ld t4, 104(sp)
  ld t5, 112(sp)
  ld t6, 120(sp)
  addi sp, sp, FRAME_BYTES
  .cfi_def_cfa_offset 0
  csrrw sp, mscratch, sp
  .cfi_def_cfa mscratch, 0
  .cfi_same_value sp
  mret
  .cfi_endproc
.size trap_entry, . - trap_entry

# int bus_load(uint64_t address, uint32_t* value): 0, or 1 if the bus answers with an error.
.globl bus_load
.type bus_load, @function
bus_load:
  .cfi_startproc
.globl bus_load_access
bus_load_access:
  lw a2, 0(a0)
  sw a2, 0(a1)
  li a0, 0
  ret
  .cfi_endproc
.size bus_load, . - bus_load

# int bus_store(uint64_t address, uint32_t value): the same for a store.
.globl bus_store
.type bus_store, @function
bus_store:
  .cfi_startproc
.globl bus_store_access
bus_store_access:
  sw a1, 0(a0)
  li a0, 0
  ret
  .cfi_endproc
.size bus_store, . - bus_store

# Where a faulting access goes on.
.globl bus_access_failed
.type bus_access_failed, @function
bus_access_failed:
  .cfi_startproc
  li a0, 1
  ret
  .cfi_endproc
.size bus_access_failed, . - bus_access_failed
