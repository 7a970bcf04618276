// SPDX-License-Identifier: Apache-2.0
// Finding tensors in a packed model.
#include "tandem/platform/model/packer.h"

namespace tandem::platform {

numerics::SlicedTensor sliced_tensor(const abi::TensorEntry& e) {
  return {{static_cast<abi::Format>(e.format), static_cast<abi::Grouping>(e.grouping),
           static_cast<abi::TableScope>(e.scope), e.rows, e.columns},
          e.slice_columns,
          e.slice_rows};
}

numerics::WeightView weight_view(const PackedModel& packed, const abi::TensorEntry& e,
                                 std::uint32_t slice) {
  using numerics::Plane;
  const numerics::SlicedTensor tensor = sliced_tensor(e);
  const auto bytes = [&](Plane plane, abi::u64 address, abi::u64 size) {
    const std::uint64_t offset = address - packed.image.weights_base + tensor.offset(slice, plane);
    return size == 0 ? nullptr : packed.weights.data() + offset;
  };
  return numerics::view_of(tensor.slice(), {0, e.rows, 0, tensor.columns_in(slice)},
                           bytes(Plane::kStream, e.stream, e.stream_bytes),
                           bytes(Plane::kRemainder, e.remainder, e.remainder_bytes),
                           bytes(Plane::kScales, e.scales, e.scales_bytes),
                           bytes(Plane::kTables, e.tables, e.tables_bytes));
}

const abi::TensorEntry* find_tensor(const PackedModel& packed, abi::TensorKind kind,
                                    abi::TensorRole role, std::uint32_t layer) {
  for (const abi::TensorEntry& e : packed.tensors) {
    if (e.kind == static_cast<abi::u32>(kind) && e.role == static_cast<abi::u32>(role) &&
        e.layer == layer) {
      return &e;
    }
  }
  return nullptr;
}

}  // namespace tandem::platform
