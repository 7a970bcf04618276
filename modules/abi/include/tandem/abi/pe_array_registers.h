// SPDX-License-Identifier: Apache-2.0
// Registers and windows of the PE array as a device of its own: write weights and vectors, start,
// read the results.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/formats.h"
#include "tandem/abi/registers.h"

namespace tandem::abi {

#define TANDEM_PE_ARRAY_WINDOWS(ITEM)                                            \
  ITEM(std::uint32_t, PeWeightWindow, 0x10'0000, "Weight stream, as packed")     \
  ITEM(std::uint32_t, PeRemainderWindow, 0x20'0000, "12-bit plane of full BSFP") \
  ITEM(std::uint32_t, PeTableWindow, 0x30'0000, "Scales or BSFP tables")         \
  ITEM(std::uint32_t, PeInputWindow, 0x40'0000, "FP16 [vectors][columns]")       \
  ITEM(std::uint32_t, PeOutputWindow, 0x50'0000, "FP16 [vectors][rows]")         \
  ITEM(std::uint32_t, PeWindowBytes, 0x60'0000, "End of the windows")
TANDEM_CONSTANTS(PeArrayWindows, "Windows of the PE array", TANDEM_PE_ARRAY_WINDOWS)

#define TANDEM_PE_ARRAY_REGISTERS(REG, FIELD)                                             \
  TANDEM_COMMON_REGISTERS(REG, FIELD, 0x5450'4541)                                        \
  FIELD(CAPABILITY, FORMATS, 0, 16, "Bit per Format that may be weights")                 \
  FIELD(CAPABILITY, WEIGHT_STATIONARY, 16, 1, "Weight-stationary tiles")                  \
  FIELD(CAPABILITY, OUTPUT_STATIONARY, 17, 1, "Output-stationary tiles")                  \
  FIELD(IRQ_RAW, DONE, 0, 1, "The tile is done")                                          \
  FIELD(IRQ_RAW, ERROR, 1, 1, "The tile was refused")                                     \
  REG(ARRAY_ROWS, 0x040, 0, kInstance, 1, 0, "Processing elements in a column")           \
  REG(ARRAY_COLUMNS, 0x044, 0, kInstance, 1, 0, "Processing elements in a row")           \
  REG(WINDOW_BYTES, 0x048, 0, kInstance, 1, 0, "Bytes behind each window")                \
  REG(FORMAT, 0x050, 1, kReadWrite, 1, 0, "Format of the weights; a change reconfigures") \
  REG(DATAFLOW, 0x054, 0, kReadWrite, 1, 0, "0: weight-stationary, 1: output-stationary") \
  REG(ROWS, 0x058, 0, kReadWrite, 1, 0, "Weight rows of the tile")                        \
  REG(COLUMNS, 0x05C, 0, kReadWrite, 1, 0, "Weight columns of the tile")                  \
  REG(VECTORS, 0x060, 0, kReadWrite, 1, 0, "Input vectors")                               \
  REG(GROUPING, 0x064, 0, kReadWrite, 1, 0, "Grouping of the scales")                     \
  REG(SCOPE, 0x068, 0, kReadWrite, 1, 0, "TableScope of the BSFP tables")                 \
  REG(START, 0x06C, 0, kWriteOnly, 1, 0, "Write 1: compute")                              \
  REG(CYCLES, 0x070, 0, kReadOnly, 1, 0, "Clock cycles of the last tile")

TANDEM_REGISTER_BLOCK(pe_array, "Reconfigurable PE array: one tile at a time", 0x1000,
                      TANDEM_PE_ARRAY_REGISTERS)

}  // namespace tandem::abi
