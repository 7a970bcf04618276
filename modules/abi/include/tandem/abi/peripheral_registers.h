// SPDX-License-Identifier: Apache-2.0
// Registers of the interrupt controller, the timer, the UART, the mailbox and the system
// controller.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/registers.h"

namespace tandem::abi {

#define TANDEM_INTERRUPT_LIMITS(ITEM) ITEM(std::uint32_t, InterruptLines, 32, "Interrupt lines")
TANDEM_CONSTANTS(InterruptLimits, "Interrupt controller", TANDEM_INTERRUPT_LIMITS)

#define TANDEM_INTC_REGISTERS(REG, FIELD)                                               \
  REG(ID, 0x000, 0x5449'4E54, kReadOnly, 1, 0, "Device identification")                 \
  REG(VERSION, 0x004, 0x0001'0000, kReadOnly, 1, 0, "Version of the register contract") \
  REG(LINES, 0x008, 32, kReadOnly, 1, 0, "Interrupt lines")                             \
  FIELD(LINES, COUNT, 0, 8, "How many")                                                 \
  REG(PENDING, 0x010, 0, kReadOnly, 1, 0, "Bit per line: level of the line")            \
  REG(ENABLE, 0x014, 0, kReadWrite, 1, 0, "Bit per line: 1 lets it interrupt the CPU")  \
  REG(CLAIM, 0x018, 0xFFFF'FFFF, kReadOnly, 1, 0,                                       \
      "Lowest line that is pending and enabled; all ones when there is none")           \
  REG(SOFTWARE, 0x01C, 0, kReadWrite, 1, 0, "Bit per line: driven high by software")
TANDEM_REGISTER_BLOCK(intc, "Interrupt controller: level lines, enables, claim", 0x1000,
                      TANDEM_INTC_REGISTERS)

#define TANDEM_TIMER_REGISTERS(REG, FIELD)                                                       \
  REG(ID, 0x000, 0x5454'494D, kReadOnly, 1, 0, "Device identification")                          \
  REG(VERSION, 0x004, 0x0001'0000, kReadOnly, 1, 0, "Version of the register contract")          \
  REG(TIME_LO, 0x010, 0, kReadOnly, 1, 0, "Nanoseconds since reset; reading latches TIME_HI")    \
  REG(TIME_HI, 0x014, 0, kReadOnly, 1, 0, "Upper half, as latched by the last read of TIME_LO")  \
  REG(COMPARE_LO, 0x018, 0xFFFF'FFFF, kReadWrite, 1, 0, "The interrupt is raised when the time") \
  REG(COMPARE_HI, 0x01C, 0xFFFF'FFFF, kReadWrite, 1, 0, "reaches this value, in nanoseconds")    \
  REG(CONTROL, 0x020, 0, kReadWrite, 1, 0, "Timer control")                                      \
  FIELD(CONTROL, IRQ_ENABLE, 0, 1, "1: drive the interrupt line")                                \
  REG(STATUS, 0x024, 0, kReadOnly, 1, 0, "Timer status")                                         \
  FIELD(STATUS, EXPIRED, 0, 1, "The time has reached COMPARE; write a later COMPARE to clear")
TANDEM_REGISTER_BLOCK(timer, "Free-running nanosecond timer with one compare value", 0x1000,
                      TANDEM_TIMER_REGISTERS)

#define TANDEM_UART_REGISTERS(REG, FIELD)                                                          \
  REG(ID, 0x000, 0x5455'5254, kReadOnly, 1, 0, "Device identification")                            \
  REG(VERSION, 0x004, 0x0001'0000, kReadOnly, 1, 0, "Version of the register contract")            \
  REG(TX, 0x010, 0, kWriteOnly, 1, 0, "Bits 7:0 are sent; a write while FULL is lost and counted") \
  REG(STATUS, 0x014, 0x2, kReadOnly, 1, 0, "UART status")                                          \
  FIELD(STATUS, FULL, 0, 1, "The transmit FIFO is full")                                           \
  FIELD(STATUS, EMPTY, 1, 1, "The transmit FIFO is empty")                                         \
  FIELD(STATUS, OVERRUN, 2, 1, "OVERRUNS is not 0")                                                \
  REG(OVERRUNS, 0x018, 0, kReadWrite, 1, 0, "Bytes lost; write 0 to clear")
TANDEM_REGISTER_BLOCK(uart, "Transmit-only UART with a FIFO", 0x1000, TANDEM_UART_REGISTERS)

#define TANDEM_MAILBOX_REGISTERS(REG, FIELD)                                                 \
  REG(ID, 0x000, 0x544D'4258, kReadOnly, 1, 0, "Device identification")                      \
  REG(VERSION, 0x004, 0x0001'0000, kReadOnly, 1, 0, "Version of the register contract")      \
  REG(CONTROL, 0x010, 0, kReadWrite, 1, 0, "Mailbox control")                                \
  FIELD(CONTROL, ENABLE, 0, 1,                                                               \
        "1: the rings are set up; each change empties both and zeroes their indices")        \
  FIELD(CONTROL, IRQ_ENABLE, 1, 1, "Interrupt while requests wait or the host has closed")   \
  REG(STATUS, 0x014, 0, kReadOnly, 1, 0, "Mailbox status")                                   \
  FIELD(STATUS, CLOSED, 0, 1, "The host will post no further requests")                      \
  REG(REQUEST_BASE_LO, 0x020, 0, kReadWrite, 1, 0, "Ring of Request, written by the host")   \
  REG(REQUEST_BASE_HI, 0x024, 0, kReadWrite, 1, 0, "Ring of Request, written by the host")   \
  REG(REQUEST_SIZE, 0x028, 0, kReadWrite, 1, 0, "Entries, a power of two, 2..1024")          \
  REG(REQUEST_HEAD, 0x02C, 0, kReadWrite, 1, 0, "Next request that the firmware will take")  \
  REG(REQUEST_TAIL, 0x030, 0, kReadOnly, 1, 0, "Next request that the host will write")      \
  REG(RECORD_BASE_LO, 0x040, 0, kReadWrite, 1, 0, "Ring of Record, written by the firmware") \
  REG(RECORD_BASE_HI, 0x044, 0, kReadWrite, 1, 0, "Ring of Record, written by the firmware") \
  REG(RECORD_SIZE, 0x048, 0, kReadWrite, 1, 0, "Entries, a power of two, 2..1024")           \
  REG(RECORD_HEAD, 0x04C, 0, kReadOnly, 1, 0, "Next record that the host will take")         \
  REG(RECORD_TAIL, 0x050, 0, kReadWrite, 1, 0, "Doorbell: next record the firmware will write")
TANDEM_REGISTER_BLOCK(mailbox, "Requests in, tokens out: the firmware's link to the host", 0x1000,
                      TANDEM_MAILBOX_REGISTERS)

#define TANDEM_SYSCON_REGISTERS(REG, FIELD)                                                     \
  REG(ID, 0x000, 0x5453'5953, kReadOnly, 1, 0, "Device identification")                         \
  REG(VERSION, 0x004, 0x0001'0000, kReadOnly, 1, 0, "Version of the register contract")         \
  REG(EXIT, 0x010, 0, kReadWrite, 1, 0, "Firmware tells that it has stopped, once per reset")   \
  FIELD(EXIT, STOPPED, 0, 1, "1: all work is done, or none was possible")                       \
  FIELD(EXIT, STATUS, 8, 8, "Status; 0: well")                                                  \
  REG(LOG, 0x014, 0, kWriteOnly, 1, 0, "Bits 7:0: a byte of text for the simulator's log")      \
  REG(RESET, 0x018, 0, kWriteOnly, 1, 0, "Write 1 to a bit: the same as that reset pin")        \
  FIELD(RESET, PLATFORM, 0, 1, "Everything, the processor included; memories keep their bytes") \
  FIELD(RESET, NPU, 1, 1, "The NPU")                                                            \
  FIELD(RESET, PIM, 2, 1, "The PIM; nothing where there is none")
TANDEM_REGISTER_BLOCK(syscon, "System controller: what concerns the platform as a whole", 0x1000,
                      TANDEM_SYSCON_REGISTERS)

}  // namespace tandem::abi
