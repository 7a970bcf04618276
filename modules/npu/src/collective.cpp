// SPDX-License-Identifier: Apache-2.0
// COLLECTIVE: rows wait for the link. Alone, a device has all of the output already.
#include <cstring>

#include "tandem/npu/execution.h"

namespace tandem::npu {

void Execution::start_collective(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint32_t rows = output_rows(primitive, pass_.shape());
  const std::uint32_t devices = devices_of(parameters_);
  if (devices == 1) {
    for (std::uint32_t row = 0; row < rows && !timing_only(); ++row) {
      std::memmove(activation(primitive.output, row),
                   activation(primitive.input, input_row(primitive, row)), 2ull * primitive.n);
    }
    return primitive_done(index);
  }
  const auto op = static_cast<abi::CollectiveOp>(primitive.collective);
  const std::uint64_t bytes = 2ull * rows * primitive.n;
  core_.buffer_bytes += 2 * Link::sent_bytes(op, bytes, devices);  // as many are received
  stage_of(primitive).link_ps += core_.link.exchange_ps(op, bytes, devices);
  at(core_.link.reserve(op, bytes, devices, core_.name_of(primitive), serial_),
     [this, index] { primitive_done(index); });
}

}  // namespace tandem::npu
