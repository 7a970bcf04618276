// SPDX-License-Identifier: Apache-2.0
// Registers of the NPU.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/registers.h"

namespace tandem::abi {

#define TANDEM_NPU_LIMITS(ITEM)                                                      \
  ITEM(std::uint32_t, QueuePairs, 4, "At least; CAPABILITY says how many there are") \
  ITEM(std::uint32_t, QueuePairStride, 0x40,                                         \
       "Bytes from the registers of one queue pair to the next")                     \
  ITEM(std::uint32_t, MaxQueueEntries, 1024, "Entries of a ring at most")
TANDEM_CONSTANTS(NpuLimits, "Queue pairs of the NPU", TANDEM_NPU_LIMITS)

#define TANDEM_NPU_REGISTERS(REG, FIELD)                                                           \
  TANDEM_COMMON_REGISTERS(REG, FIELD, 0x544E'5055)                                                 \
  FIELD(CAPABILITY, QUEUE_PAIRS, 0, 4, "Queue pairs")                                              \
  FIELD(CAPABILITY, CONTEXTS, 4, 4, "Programs resident at once")                                   \
  FIELD(CAPABILITY, PIM_BOUND, 8, 1, "A PIM is reachable; engine mask `pim` may be used")          \
  FIELD(CAPABILITY, LINK, 9, 1, "Other devices are linked; COLLECTIVE exchanges with them")        \
  FIELD(CAPABILITY, CHECKS, 10, 1, "Queue pairs can be checked: QP_CONTROL.CHECKED")               \
  FIELD(CAPABILITY, FORMATS, 16, 16, "Bit per Format that LINEAR takes as weights")                \
  FIELD(IRQ_RAW, COMPLETION, 0, 8, "Bit per queue pair: completions were written")                 \
  FIELD(IRQ_RAW, ERROR, 16, 1, "A command completed with an error")                                \
  REG(ACTIVATION_BYTES, 0x040, 0, kInstance, 1, 0, "Size of the local activation buffer")          \
  REG(WEIGHT_BUFFER_BYTES, 0x044, 0, kInstance, 1, 0, "Size of the weight buffer of a context")    \
  REG(MAX_PRIMITIVES, 0x048, 0, kInstance, 1, 0, "Primitives that a resident program may have")    \
  REG(MAX_ROWS, 0x04C, 0, kInstance, 1, 0, "Token positions that one command may process")         \
  REG(PIM_BASE_LO, 0x050, 0, kReadWrite, 1, 0, "Bus address of the PIM's registers")               \
  REG(PIM_BASE_HI, 0x054, 0, kReadWrite, 1, 0, "Bus address of the PIM's registers")               \
  REG(LINK_DEVICES, 0x058, 0, kInstance, 1, 0,                                                     \
      "Devices that COLLECTIVE may span, this one included")                                       \
  REG(CLOCK_DIVIDER, 0x05C, 1, kReadWrite, 1, 0,                                                   \
      "1..64: the clock runs so many times slower; for what begins from then on")                  \
  REG(PERF_CONTROL, 0x080, 0, kWriteOnly, 1, 0, "Performance counters")                            \
  FIELD(PERF_CONTROL, SNAPSHOT, 0, 1, "Copy the running counters to the registers below")          \
  FIELD(PERF_CONTROL, CLEAR, 1, 1, "Clear the running counters (after a snapshot in one write)")   \
  REG(PERF_CYCLES_LO, 0x084, 0, kReadOnly, 1, 0, "Clock cycles since cleared")                     \
  REG(PERF_CYCLES_HI, 0x088, 0, kReadOnly, 1, 0, "Clock cycles since cleared")                     \
  REG(PERF_COMMANDS, 0x08C, 0, kReadOnly, 1, 0, "Commands completed")                              \
  REG(PERF_PRIMITIVES, 0x090, 0, kReadOnly, 1, 0, "Primitives completed")                          \
  REG(PERF_MACS_LO, 0x094, 0, kReadOnly, 1, 0, "Multiply-accumulates of the matrix unit")          \
  REG(PERF_MACS_HI, 0x098, 0, kReadOnly, 1, 0, "Multiply-accumulates of the matrix unit")          \
  REG(PERF_READ_BYTES_LO, 0x09C, 0, kReadOnly, 1, 0, "Bytes read at the memory port")              \
  REG(PERF_READ_BYTES_HI, 0x0A0, 0, kReadOnly, 1, 0, "Bytes read at the memory port")              \
  REG(PERF_WRITE_BYTES_LO, 0x0A4, 0, kReadOnly, 1, 0, "Bytes written at the memory port")          \
  REG(PERF_WRITE_BYTES_HI, 0x0A8, 0, kReadOnly, 1, 0, "Bytes written at the memory port")          \
  REG(PERF_MATRIX_BUSY, 0x0AC, 0, kReadOnly, 1, 0, "Cycles in which the matrix unit worked")       \
  REG(PERF_VECTOR_BUSY, 0x0B0, 0, kReadOnly, 1, 0, "Cycles in which the vector unit worked")       \
  REG(SQ_BASE_LO, 0x100, 0, kReadWrite, 8, 0x40, "Submission ring: address, 64-byte aligned")      \
  REG(SQ_BASE_HI, 0x104, 0, kReadWrite, 8, 0x40, "Submission ring: address")                       \
  REG(SQ_SIZE, 0x108, 0, kReadWrite, 8, 0x40, "Submission ring: entries, a power of two, 2..1024") \
  REG(SQ_HEAD, 0x10C, 0, kReadOnly, 8, 0x40, "Next entry that the device will fetch")              \
  REG(SQ_TAIL, 0x110, 0, kReadWrite, 8, 0x40, "Doorbell: next entry that the driver will fill")    \
  REG(CQ_BASE_LO, 0x114, 0, kReadWrite, 8, 0x40, "Completion ring: address, 16-byte aligned")      \
  REG(CQ_BASE_HI, 0x118, 0, kReadWrite, 8, 0x40, "Completion ring: address")                       \
  REG(CQ_SIZE, 0x11C, 0, kReadWrite, 8, 0x40, "Completion ring: entries, a power of two, 2..1024") \
  REG(CQ_HEAD, 0x120, 0, kReadWrite, 8, 0x40, "Doorbell: next entry that the driver will read")    \
  REG(CQ_TAIL, 0x124, 0, kReadOnly, 8, 0x40, "Next entry that the device will write")              \
  REG(QP_CONTROL, 0x128, 0, kReadWrite, 8, 0x40, "Queue pair control")                             \
  FIELD(QP_CONTROL, ENABLE, 0, 1, "1: fetch and execute; a 0-to-1 edge resets both ring indices")  \
  FIELD(QP_CONTROL, CHECKED, 1, 1,                                                                 \
        "With the edge of ENABLE: what commands name carries checks, completions do as well")

TANDEM_REGISTER_BLOCK(npu, "Neural processing unit: queue pairs, sequencer, engines", 0x1000,
                      TANDEM_NPU_REGISTERS)

}  // namespace tandem::abi
