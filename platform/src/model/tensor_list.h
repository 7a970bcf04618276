// SPDX-License-Identifier: Apache-2.0
// Which tensors a model of a shape has.
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/model_image.h"
#include "tandem/platform/model/weights.h"

namespace tandem::platform {

struct TensorShape {
  abi::TensorKind kind;
  std::uint32_t layer;
  std::uint32_t rows;
  std::uint32_t columns;

  std::uint64_t elements() const { return std::uint64_t{rows} * columns; }
};

// Gains and biases of a layer, and of what is outside of the layers.
std::vector<TensorShape> layer_vectors(const ModelShape& shape, std::uint32_t layer);
std::vector<TensorShape> final_vectors(const ModelShape& shape);

// The matrices of a layer in the order in which a pass reads them. Those of all experts are one
// tensor, one below the other; gate, up and down of a layer with experts are the shared ones'.
std::vector<TensorShape> layer_matrices(const ModelShape& shape, std::uint32_t layer);

TensorShape embedding_table(const ModelShape& shape);
TensorShape classifier_matrix(const ModelShape& shape);
TensorShape position_table(const ModelShape& shape);  // of learned positions

// The weights of a tensor; throws std::logic_error if a Model has none of that kind.
const Matrix& tensor_of(const Model& model, abi::TensorKind kind, std::uint32_t layer);

}  // namespace tandem::platform
