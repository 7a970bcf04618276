# SPDX-License-Identifier: Apache-2.0
# A firmware that does something wrong, or just ends; the macro that is defined says what.
.text
.globl _start
_start:
  li sp, 0x40010000
#if defined(NOWHERE)
  li t0, 0x03000000
  jr t0
#elif defined(STACK)
  la t0, handler
  csrw mtvec, t0
  li t0, 16
  div sp, sp, t0
  call push
#elif defined(LOOP)
  csrw mie, zero
spin:
  j spin
#elif defined(READ_ONLY)
  li t0, 0x02100000
write_id:
  sw zero, 0(t0)
#elif defined(ASLEEP)
  csrw mie, zero
#elif defined(DONE)
  li t0, 0x02020000
  li t1, '!'
  sw t1, 0x10(t0)
  li t0, 0x02040000
  li t1, 1
  sw t1, 0x10(t0)
#elif defined(EXIT)
  li t0, 0x02040000
  li t1, 0x0b01
  sw t1, 0x10(t0)
#endif
1:
  wfi
  j 1b

.balign 4
handler:
push:
  addi sp, sp, -16
  sd ra, 0(sp)
  ret
