// SPDX-License-Identifier: Apache-2.0
// What devices that share the matrices of a model exchange: sums of the residual stream where a
// matrix was divided by its columns, parts of the logits where by its rows.
#include "tandem/firmware/runtime/llama_passes.h"

namespace tandem::firmware {

using abi::CollectiveOp;
using abi::RowMode;

void LlamaPasses::all_reduce(u32 layer, Buffer buffer) {
  exchange(CollectiveOp::kAllReduce, layer, buffer, RowMode::kAll);
}

void LlamaPasses::all_gather(Buffer buffer, RowMode rows) {
  exchange(CollectiveOp::kAllGather, 0, buffer, rows);
}

void LlamaPasses::exchange(CollectiveOp op, u32 layer, Buffer buffer, RowMode rows) {
  if (!is_shared()) return;
  abi::Primitive primitive = blank_primitive(abi::PrimitiveOp::kCollective);
  primitive.collective = static_cast<u8>(op);
  primitive.row_mode = static_cast<u8>(rows);
  primitive.layer = static_cast<u16>(layer);
  primitive.n = layout_.columns_of(buffer);
  primitive.input = activation(buffer);
  primitive.output = activation(buffer);
  writer_.add(primitive, ProgramWriter::Accesses().read(buffer).write(buffer));
}

}  // namespace tandem::firmware
