// SPDX-License-Identifier: Apache-2.0
// Registers and windows of the PIM. Any initiator may drive it: write the vectors, write commands,
// read the results.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/formats.h"
#include "tandem/abi/registers.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

#define TANDEM_PIM_WINDOWS(ITEM)                                                             \
  ITEM(std::uint32_t, PimCommandWindow, 0x1000, "A write of 64 bytes queues one PimCommand") \
  ITEM(std::uint32_t, PimVectorWindow, 0x1'0000, "Vectors, read and written as RAM")         \
  ITEM(std::uint32_t, PimResultWindow, 0x10'0000, "Results; see PimCommand::output_offset")  \
  ITEM(std::uint32_t, PimWindowBytes, 0x20'0000, "End of the windows")
TANDEM_CONSTANTS(PimWindows, "Windows of the PIM", TANDEM_PIM_WINDOWS)

#define TANDEM_PIM_REGISTERS(REG, FIELD)                                                          \
  TANDEM_COMMON_REGISTERS(REG, FIELD, 0x5450'494D)                                                \
  FIELD(CAPABILITY, COMMAND_SET, 0, 4, "0: transaction-level GEMV")                               \
  FIELD(CAPABILITY, DUAL_ROW_BUFFER, 4, 1, "1: ordinary accesses go on during PIM work")          \
  FIELD(CAPABILITY, FORMATS, 16, 16, "Bit per Format that GEMV takes as weights")                 \
  FIELD(IRQ_RAW, DONE, 0, 1, "The queue ran empty")                                               \
  FIELD(IRQ_RAW, ERROR, 1, 1, "A command failed")                                                 \
  REG(CHANNELS, 0x040, 0, kInstance, 1, 0, "Channels")                                            \
  REG(BANKS, 0x044, 0, kInstance, 1, 0, "Banks of a channel that have a MAC unit")                \
  REG(LANES, 0x048, 0, kInstance, 1, 0, "Multipliers of a bank for FP16")                         \
  REG(DRAFT_LANES, 0x04C, 0, kInstance, 1, 0, "Multipliers of a bank for a 4-bit draft plane")    \
  REG(ROW_BYTES, 0x050, 0, kInstance, 1, 0, "Bytes of a row of a bank")                           \
  REG(VECTOR_BYTES, 0x054, 0, kInstance, 1, 0, "Size of the vector window")                       \
  REG(RESULT_BYTES, 0x058, 0, kInstance, 1, 0, "Size of the result window")                       \
  REG(QUEUE_DEPTH, 0x05C, 0, kInstance, 1, 0, "Commands that the queue holds")                    \
  REG(QUEUE_FREE, 0x060, 0, kInstance, 1, 0, "Commands that it would take now")                   \
  REG(COMPLETED_TAG, 0x064, 0, kReadOnly, 1, 0, "Tag of the last command that completed")         \
  REG(DRAM_BASE_LO, 0x068, 0, kReadWrite, 1, 0,                                                   \
      "Where the banks are on the bus; reset: the instance's")                                    \
  REG(DRAM_BASE_HI, 0x06C, 0, kReadWrite, 1, 0,                                                   \
      "Where the banks are on the bus; reset: the instance's")                                    \
  REG(CLOCK_PS, 0x070, 0, kInstance, 1, 0, "Clock period of the MAC units")                       \
  REG(BANK_LAYOUT, 0x074, 0, kInstance, 1, 0,                                                     \
      "Where rows and banks of a channel lie, as shifts of an address; 0: not in such strides")   \
  FIELD(BANK_LAYOUT, ROW, 0, 8, "log2 of the bytes of a row, which are contiguous")               \
  FIELD(BANK_LAYOUT, BANKS, 8, 8, "log2 of the banks of a channel")                               \
  FIELD(BANK_LAYOUT, BANK_STRIDE, 16, 8, "log2 of the bytes from a row to that of the next bank") \
  FIELD(BANK_LAYOUT, ROW_STRIDE, 24, 8, "log2 of the bytes from a row to the bank's next one")    \
  REG(CHANNEL_LAYOUT, 0x078, 0, kInstance, 1, 0,                                                  \
      "Where channels lie; 0 together with BANK_LAYOUT, or when there is one channel")            \
  FIELD(CHANNEL_LAYOUT, CHANNELS, 0, 8, "log2 of the channels")                                   \
  FIELD(CHANNEL_LAYOUT, CHANNEL_STRIDE, 8, 8, "log2 of the bytes from a channel to the next one") \
  REG(ROW_OPEN_PS, 0x07C, 0, kInstance, 1, 0,                                                     \
      "From the last column of a row to the first of the next, all banks")                        \
  REG(BUFFER_BYTES, 0x080, 0, kInstance, 1, 0,                                                    \
      "Bytes of vectors that a channel holds while it goes from row to row")                      \
  REG(ACCUMULATORS, 0x084, 0, kInstance, 1, 0,                                                    \
      "Vectors that are multiplied with one open row, at most")

TANDEM_REGISTER_BLOCK(pim, "Processing in memory: command queue, vector and result windows", 0x1000,
                      TANDEM_PIM_REGISTERS)

#define TANDEM_PIM_OPCODES(ITEM)    \
  ITEM(Nop, 0, "Completes at once") \
  ITEM(Gemv, 1, "Matrix times vectors")
TANDEM_ENUM(PimOpcode, u8, "PimCommand::opcode", TANDEM_PIM_OPCODES)

// Rows of weights that do not follow each other at one stride: with block_rows, row r begins
//   (r mod block_rows) * row_elements + (r / block_rows) * block_elements
// elements after row 0: a row in each bank, then the banks' next rows. With segments, a row of
// weights holds that many dot products of columns / segments elements, and so does a vector;
// segment s of vector v stores its results at v * output_stride + s * output_stride / segments.
// Both are for 16-bit formats; segments need FIRST and LAST.
//
// PimCommand::flags. A dot product longer than one command is split along its columns, in
// ascending order, at multiples of kChunk: FIRST clears the accumulators, LAST rounds and stores.
// WIDE leaves the rounding to whoever reads the results, such as one that adds to them.
// Commands with one output_offset belong together, others may come between; when more than
// kPimSequences are open, the oldest is given up.
#define TANDEM_PIM_FLAGS(ITEM)                              \
  ITEM(u8, PimFirst, 1u << 0, "Clear the accumulators")     \
  ITEM(u8, PimLast, 1u << 1, "Round and store the results") \
  ITEM(u8, PimWide, 1u << 2, "Results are FP32, 4 bytes each, and not rounded")
TANDEM_CONSTANTS(PimFlags, "PimCommand::flags", TANDEM_PIM_FLAGS)

#define TANDEM_PIM_LIMITS(ITEM) \
  ITEM(std::uint32_t, PimSequences, 64, "Sequences that may be open between FIRST and LAST")
TANDEM_CONSTANTS(PimLimits, "Limits of the PIM", TANDEM_PIM_LIMITS)

#define TANDEM_PIM_COMMAND_MEMBERS(ONE, MANY)                                                    \
  ONE(u8, opcode, "PimOpcode")                                                                   \
  ONE(u8, format, "Format of the weights")                                                       \
  ONE(u8, flags, "kPim... bits")                                                                 \
  ONE(u8, abi_version, "kAbiVersion")                                                            \
  ONE(u32, tag, "Shown in COMPLETED_TAG")                                                        \
  ONE(u64, weights, "Bus address of the byte that holds element [0][0]")                         \
  ONE(u32, rows, "Weight rows: one result each per vector")                                      \
  ONE(u32, columns, "Weight columns: length of the dot product")                                 \
  ONE(u32, row_elements, "Elements from one weight row to the next, in the packed stream")       \
  ONE(u16, vectors, "Vectors multiplied with the same weights")                                  \
  ONE(u8, grouping, "Grouping of scales")                                                        \
  ONE(u8, scope, "TableScope")                                                                   \
  ONE(u64, tables, "Bus address of the BSFP table of row 0, or of the scales of row 0; 0: none") \
  ONE(u32, vector_offset, "Bytes into the vector window: FP16 [vectors][columns]")               \
  ONE(u32, vector_stride, "Bytes from one vector to the next")                                   \
  ONE(u32, output_offset, "Bytes into the result window: FP16 [vectors][rows], FP32 if WIDE")    \
  ONE(u32, output_stride, "Bytes from one vector's results to the next")                         \
  ONE(u8, element_offset, "Position of [0][0] in its byte: nibbles for 4-bit formats")           \
  ONE(u8, segments, "Dot products side by side in a row; 0 and 1: one")                          \
  ONE(u16, block_rows, "Rows at the stride row_elements; 0: all")                                \
  ONE(u32, block_elements, "Elements from one block of rows to the next")
TANDEM_STRUCTURE(PimCommand, 64, "Command of the PIM's queue", TANDEM_PIM_COMMAND_MEMBERS)

}  // namespace tandem::abi
