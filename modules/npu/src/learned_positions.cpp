// SPDX-License-Identifier: Apache-2.0
// POSITION of kind Learned: output[row] = input[row] + table[position of row].
#include <memory>
#include <vector>

#include "join.h"
#include "tandem/npu/execution.h"

namespace tandem::npu {

void Execution::start_learned_position(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint64_t row_bytes = 2ull * primitive.n;
  const std::uint64_t table =
      parameters_.slots[primitive.input2.slot].base + primitive.input2.offset;
  const auto rows = std::make_shared<std::vector<std::uint16_t>>();
  if (!timing_only()) rows->resize(pass_.rows.size() * std::size_t{primitive.n});
  const auto joint = join([this, index, rows] {
    run_vector(index, VectorOperation::kAdd, pass_.rows.size(), program_[index].n,
               [this, index, rows] {
                 const abi::Primitive& p = program_[index];
                 for (std::uint32_t row = 0; row < pass_.rows.size(); ++row) {
                   const auto* x = reinterpret_cast<const std::uint16_t*>(activation(p.input, row));
                   auto* y = reinterpret_cast<std::uint16_t*>(activation(p.output, row));
                   VectorUnit::add(x, rows->data() + std::size_t{row} * p.n, p.n, y);
                 }
               });
  });
  for (std::size_t row = 0; row < pass_.rows.size(); ++row) {
    const std::uint32_t position = pass_.rows[row].position;
    if (position >= primitive.k) return fail({abi::Status::kBadBatch, index, position});
    gather_bytes_ += row_bytes;
    stage_of(primitive).read_bytes += row_bytes;
    ++joint->pending;
    std::uint16_t* const to = timing_only() ? nullptr : rows->data() + row * primitive.n;
    core_.dma.read(Dma::kKv, table + position * row_bytes, to, row_bytes,
                   then(index, [joint] { joint->done(); }), serial_);
  }
  joint->done();
}

}  // namespace tandem::npu
