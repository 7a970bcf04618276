# SPDX-License-Identifier: Apache-2.0
# Small programs for the tests of the core, one per label. They write what they have seen to
# `results`, and end in the system controller's EXIT register.
.equ INTC, 0x02000000
.equ TIMER, 0x02010000
.equ SYSCON, 0x02040000
.equ NOTHING, 0x03000000
.equ BUFFER, 0x50000000  # page 0 only by the bus, the rest directly if the test says so

.macro finish
  li t6, SYSCON
  li t5, 1
  sw t5, 0x10(t6)
1000:
  j 1000b
.endm
.macro put index, register
  la t6, results
  sd \register, (8 * \index)(t6)
.endm

.text
.globl _start
_start:
  finish

# 10 instructions, then the end.
.globl count
count:
  li t0, 4
1:
  addi t0, t0, -1
  bnez t0, 1b
  nop
.globl count_end
count_end:
  j count_end

# For ever: additions; and what firmware does more of, loads, stores, calls and branches.
.globl additions
additions:
  addi t0, t0, 1
  add t1, t1, t0
  xor t2, t2, t1
  srli t3, t2, 3
  add t2, t2, t3
  j additions
.globl mixture
mixture:
  la s0, scratch
1:
  li a0, 8
  call sum
  sd a0, 32(s0)
  j 1b
sum:
  mv t0, s0
  li t2, 0
2:
  ld t1, 0(t0)
  add t2, t2, t1
  andi t3, a0, 1
  beqz t3, 3f
  addi t2, t2, 7
3:
  addi t0, t0, 4
  addi a0, a0, -1
  bnez a0, 2b
  mv a0, t2
  ret

# Results: x0..: 64-bit sum, product, a byte, a half, floating point, atomics.
.globl arithmetic
arithmetic:
  li t0, 0x123456789abcdef0
  li t1, 3
  mul t2, t0, t1
  put 0, t2
  la t3, scratch
  sd t0, 0(t3)
  lb t2, 7(t3)
  put 1, t2
  lhu t2, 2(t3)
  put 2, t2
  li t2, 0x6000
  csrs mstatus, t2
  fcvt.d.l fa0, t1
  fadd.d fa0, fa0, fa0
  fcvt.l.d t2, fa0
  put 3, t2
  amoadd.d t2, t1, (t3)
  put 4, t2
  ld t2, 0(t3)
  put 5, t2
1:
  lr.d t2, (t3)
  sc.d t4, t1, (t3)
  bnez t4, 1b
  ld t2, 0(t3)
  put 6, t2
  finish

# A trap handler that notes cause, place and value, masks all interrupts, and goes on at s0.
.balign 4
.globl note_trap
note_trap:
  csrw mie, zero
  csrr t0, mcause
  put 0, t0
  csrr t0, mepc
  put 1, t0
  csrr t0, mtval
  put 2, t0
  csrr t0, mstatus
  put 3, t0
  csrw mepc, s0
  mret

.macro trap_setup
  la t0, note_trap
  csrw mtvec, t0
  la s0, after_trap
  li a1, 5
.endm

.globl load_fault
load_fault:
  trap_setup
  li a0, NOTHING
.globl load_fault_at
load_fault_at:
  lw a1, 4(a0)
after_trap:
  put 4, a1
  finish

# A 64-bit load is two accesses, of which the first one fails.
.globl wide_fault
wide_fault:
  trap_setup
  li a0, NOTHING
.globl wide_fault_at
wide_fault_at:
  ld a1, 8(a0)
  j after_trap

.globl store_fault
store_fault:
  trap_setup
  li a0, SYSCON
.globl store_fault_at
store_fault_at:
  sw a1, 0(a0)
  j after_trap

.globl atomic_register
atomic_register:
  li a0, SYSCON
  addi a0, a0, 0x10
  li a1, 5
  amoadd.w a1, a1, (a0)
1:
  j 1b

.globl illegal
illegal:
  trap_setup
.globl illegal_at
illegal_at:
  .word 0xffffffff
  j after_trap

.globl call
call:
  trap_setup
.globl call_at
call_at:
  ecall
  j after_trap

.globl break_point
break_point:
  trap_setup
.globl break_at
break_at:
  .option push
  .option norvc
  ebreak
  .option pop
  j after_trap

.globl compressed_break
compressed_break:
  trap_setup
.globl compressed_break_at
compressed_break_at:
  c.ebreak
  j after_trap

.globl nowhere
nowhere:
  trap_setup
  li a0, NOTHING
  jr a0

# Writes to a counter that may only be read.
.globl read_only_counter
read_only_counter:
  trap_setup
.globl read_only_counter_at
read_only_counter_at:
  csrw cycle, a1
  j after_trap

.globl no_handler
no_handler:
  li a0, NOTHING
.globl no_handler_at
no_handler_at:
  sw a1, 0(a0)

# The handler needs a stack that is not there.
.globl lost_stack
lost_stack:
  la t0, push_and_die
  csrw mtvec, t0
  li sp, NOTHING
  sd ra, -8(sp)
.balign 4
push_and_die:
  addi sp, sp, -16
  sd ra, 0(sp)
  mret

.globl to_user_mode
to_user_mode:
  la t0, after_trap
  csrw mepc, t0
  li t0, 0x1800
  csrc mstatus, t0
.globl to_user_mode_at
to_user_mode_at:
  mret

# Time, cycles and instructions, before and after 100 turns of two instructions.
.globl counters
counters:
  rdtime s0
  rdcycle s1
  rdinstret s2
  li t0, 100
1:
  addi t0, t0, -1
  bnez t0, 1b
  rdtime s3
  rdcycle s4
  rdinstret s5
  sub s3, s3, s0
  sub s4, s4, s1
  sub s5, s5, s2
  put 0, s3
  put 1, s4
  put 2, s5
  li t0, 1000
  csrw minstret, t0
  csrr t1, minstret
  put 3, t1
  csrr t1, mhartid
  put 4, t1
  finish

# Sleeps until the timer reaches 5 us; the trap comes when interrupts are let through.
.globl timer_sleep
timer_sleep:
  la t0, note_trap
  csrw mtvec, t0
  la s0, woken
  li t1, TIMER
  li t0, 1
  sw t0, 0x20(t1)
  sw zero, 0x1c(t1)
  li t0, 5000
  sw t0, 0x18(t1)
  li t0, 0x80
  csrw mie, t0
  csrr t2, mip
  wfi
  rdtime s1
  csrr s2, mip
  csrsi mstatus, 8
  li s1, 0
woken:
  put 4, s1
  put 5, s2
  put 6, t2
  finish

# Vectored: the software line of the interrupt controller, while the hart is busy.
.globl vectored
vectored:
  la t0, vectors
  ori t0, t0, 1
  csrw mtvec, t0
  li t0, 0x800
  csrw mie, t0
  csrsi mstatus, 8
  li t1, INTC
  li t0, 16
  sw t0, 0x14(t1)
  sw t0, 0x1c(t1)
1:
  addi s1, s1, 1
  j 1b
.balign 256
vectors:
  .option push
  .option norvc
  j wrong
  .rept 10
  j wrong
  .endr
  j external
  .option pop
wrong:
  li t0, 1
  put 1, t0
  finish
external:
  csrr t0, mcause
  put 0, t0
  lw t0, 0x18(t1)
  put 2, t0
  sw zero, 0x1c(t1)
  put 3, s1
  finish

# Changes an instruction of its own.
.globl self_modifying
self_modifying:
  call patched
  put 0, a0
  la t0, patched
  lw t1, 8(t0)
  sw t1, 0(t0)
  fence.i
  call patched
  put 1, a0
  finish
.balign 8
patched:
  .option push
  .option norvc
  li a0, 1
  ret
  li a0, 2
  .option pop

# Five level interrupts, of which the handler clears the cause; it counts itself.
.globl five_interrupts
five_interrupts:
  la t0, count_trap
  csrw mtvec, t0
  li t1, INTC
  li t0, 16
  sw t0, 0x14(t1)
  li t0, 0x800
  csrw mie, t0
  csrsi mstatus, 8
  li s4, 5
1:
  li t0, 16
  sw t0, 0x1c(t1)
  li t2, 30000
2:
  addi t2, t2, -1
  bnez t2, 2b
  addi s4, s4, -1
  bnez s4, 1b
  rdinstret s1
  put 2, s1
  put 0, s2
  put 1, s3
  finish
.balign 4
count_trap:
  addi s2, s2, 1
  lw t3, 0x18(t1)
  sw zero, 0x1c(t1)
  csrr t3, mip
  add s3, s3, t3
  mret

# Memory that is direct only after the store to page 0: data by the bus, then directly, then code.
.globl late_direct
late_direct:
  trap_setup
  li a0, BUFFER + 0x1000
  lw a1, 0(a0)
  li a3, BUFFER
  sw zero, 0(a3)
  lw a1, 8(a0)
  lw a1, 8(a0)
  li a2, BUFFER + 0x3000
  lw a1, 0(a2)
  lw t0, a_return
  sw t0, 8(a0)
  lw a1, 8(a0)
  fence.i
  addi a0, a0, 8
  jalr a0
  put 5, a1
  finish
.balign 4
a_return:
  .option push
  .option norvc
  ret
  .option pop

.globl late_code
late_code:
  trap_setup
  la s0, 1f
  li a0, BUFFER + 0x1000
  lw t0, a_return
  sw t0, 0(a0)
  li a3, BUFFER
  sw zero, 0(a3)
  jalr a0
  li t0, 1
  put 5, t0
1:
  finish

# Memory that stops being direct at the store to page 0.
.globl withdrawn
withdrawn:
  li a0, BUFFER + 0x1000
  lw a1, 0(a0)
  li a3, BUFFER
  sw zero, 0(a3)
  lw a1, 0(a0)
  put 0, a1
  finish

.globl read_only
read_only:
  trap_setup
  li a0, BUFFER + 0x1000
  lw a1, 0(a0)
  li a1, 7
  sw a1, 0(a0)
  lw a1, 0(a0)
  put 5, a1
  li a1, 5
  j after_trap

.globl supervisor_return
supervisor_return:
  trap_setup
.globl supervisor_return_at
supervisor_return_at:
  sret
  j after_trap

.globl supervisor_register
supervisor_register:
  trap_setup
.globl supervisor_register_at
supervisor_register_at:
  csrw sscratch, a1
  j after_trap

.globl extensions
extensions:
  csrr t0, misa
  put 0, t0
  finish

# FENCE.I keeps what was set.
.globl kept_registers
kept_registers:
  li t0, 0x2000
  csrs mstatus, t0
  li t0, 0x60
  fscsr t0
  li t0, 77
  csrw mscratch, t0
  li t0, 0x6000
  csrc mstatus, t0
  csrr s1, mstatus
  fence.i
  csrr s2, mstatus
  put 0, s1
  put 1, s2
  li t0, 0x2000
  csrs mstatus, t0
  frcsr t0
  put 2, t0
  csrr t0, mscratch
  put 3, t0
  finish

.globl odd_mepc
odd_mepc:
  la t0, 1f
  addi t0, t0, 1
  csrw mepc, t0
  li t0, 0x1800
  csrs mstatus, t0
  mret
1:
  auipc t0, 0
  andi t0, t0, 1
  put 0, t0
  finish

.globl misaligned_load
misaligned_load:
  trap_setup
  li a0, BUFFER
.globl misaligned_load_at
misaligned_load_at:
  lw a1, 2(a0)
  j after_trap

.globl misaligned_compressed
misaligned_compressed:
  trap_setup
  li a0, BUFFER + 2
.globl misaligned_compressed_at
misaligned_compressed_at:
  c.lw a1, 4(a0)
  j after_trap

.macro misaligned name, instruction
.globl \name
\name:
  trap_setup
  li a0, BUFFER + 2
  mv sp, a0
.globl \name\()_at
\name\()_at:
  \instruction
  j after_trap
.endm
misaligned compressed_ld, "c.ld a1, 0xa8(a0)"
misaligned compressed_sw, "c.sw a1, 0x54(a0)"
misaligned compressed_sd, "c.sd a1, 0x50(a0)"
misaligned compressed_lwsp, "c.lwsp a1, 0xb4(sp)"
misaligned compressed_ldsp, "c.ldsp a1, 0x1b8(sp)"
misaligned compressed_swsp, "c.swsp a1, 0x94(sp)"
misaligned compressed_sdsp, "c.sdsp a1, 0x158(sp)"
misaligned negative_offset, "lh a1, -1(a0)"

.globl misaligned_atomic
misaligned_atomic:
  trap_setup
  la a0, scratch + 2
.globl misaligned_atomic_at
misaligned_atomic_at:
  amoadd.w a1, a1, (a0)
  j after_trap

.globl misaligned_store
misaligned_store:
  trap_setup
  li a0, BUFFER
.globl misaligned_store_at
misaligned_store_at:
  sd a1, 4(a0)
  j after_trap

.globl atomic_fault
atomic_fault:
  trap_setup
  li a0, NOTHING
.globl atomic_fault_at
atomic_fault_at:
  amoadd.w a1, a1, (a0)
  j after_trap

.globl reserved_fault
reserved_fault:
  trap_setup
  li a0, NOTHING
.globl reserved_fault_at
reserved_fault_at:
  lr.w a1, (a0)
  j after_trap

.globl compressed_illegal
compressed_illegal:
  trap_setup
.globl compressed_illegal_at
compressed_illegal_at:
  .half 0
  .half 0xffff
  j after_trap

# The last instruction of the buffer is cut off, behind two others; twice.
.globl cut_off
cut_off:
  trap_setup
  li a0, BUFFER + 0x4000
  li t0, 0x0485  # c.addi s1, 1
  sh t0, -6(a0)
  sh t0, -4(a0)
  li t0, 0x0073
  sh t0, -2(a0)
  li s1, 0
  la s0, 1f
  fence.i
  addi a0, a0, -6
  jr a0
1:
  la s0, 2f
  jr a0
2:
  put 5, s1
  j after_trap

# The external line rises at once, the timer's at 3 us; both are let in at 5 us.
.globl two_lines
two_lines:
  trap_setup
  li t1, TIMER
  li t0, 1
  sw t0, 0x20(t1)
  sw zero, 0x1c(t1)
  li t0, 3000
  sw t0, 0x18(t1)
  li t1, INTC
  li t0, 16
  sw t0, 0x14(t1)
  sw t0, 0x1c(t1)
  li t0, 0x880
  csrw mie, t0
  li t3, 5000
1:
  rdtime t2
  blt t2, t3, 1b
  csrsi mstatus, 8
2:
  j 2b

.globl unhandled_interrupt
unhandled_interrupt:
  li t1, INTC
  li t0, 16
  sw t0, 0x14(t1)
  sw t0, 0x1c(t1)
  li t0, 0x800
  csrw mie, t0
  csrsi mstatus, 8
1:
  j 1b

.data
.balign 8
.globl scratch
scratch:
  .zero 64
.globl results
results:
  .zero 64
