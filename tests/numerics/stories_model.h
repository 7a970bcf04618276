// SPDX-License-Identifier: Apache-2.0
// The weights of stories260K as FP16 tensors, one per layer and kind.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::test {

struct ModelTensor {
  std::string name;
  bool linear;  // wq wk wv wo w1 w2 w3; else embedding or norm
  std::uint32_t rows, cols;
  std::vector<std::uint16_t> weights;
};

// Throws std::runtime_error if the file cannot be read or has another size.
std::vector<ModelTensor> stories_tensors();

}  // namespace tandem::test
