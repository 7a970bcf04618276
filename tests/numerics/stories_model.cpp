// SPDX-License-Identifier: Apache-2.0
#include "stories_model.h"

#include <fstream>
#include <stdexcept>

#include "tandem/numerics/fp.h"

namespace tandem::test {
namespace {

constexpr std::size_t kHeaderBytes = 28;
constexpr std::size_t kFloats = 264128;

std::vector<float> read_floats() {
  std::ifstream file(TANDEM_MODEL_DIR "/stories260K.bin", std::ios::binary);
  std::vector<float> floats(kFloats);
  file.seekg(kHeaderBytes);
  file.read(reinterpret_cast<char*>(floats.data()), kFloats * sizeof(float));
  if (!file || file.peek() != std::ifstream::traits_type::eof()) {
    throw std::runtime_error("stories260K.bin: cannot be read");
  }
  return floats;
}

}  // namespace

std::vector<ModelTensor> stories_tensors() {
  const std::vector<float> floats = read_floats();
  std::vector<ModelTensor> tensors;
  std::size_t next = 0;
  const auto add = [&](const char* name, bool linear, std::uint32_t layers, std::uint32_t rows,
                       std::uint32_t cols) {
    for (std::uint32_t layer = 0; layer < layers; ++layer) {
      ModelTensor tensor{name + std::to_string(layer), linear, rows, cols, {}};
      tensor.weights.resize(rows * cols);
      numerics::float_to_fp16(floats.data() + next, tensor.weights.data(), tensor.weights.size());
      next += tensor.weights.size();
      tensors.push_back(std::move(tensor));
    }
  };
  add("embedding", false, 1, 512, 64);
  add("attn_norm", false, 5, 1, 64);
  add("wq", true, 5, 64, 64);
  add("wk", true, 5, 32, 64);
  add("wv", true, 5, 32, 64);
  add("wo", true, 5, 64, 64);
  add("ffn_norm", false, 5, 1, 64);
  add("w1", true, 5, 172, 64);
  add("w2", true, 5, 64, 172);
  add("w3", true, 5, 172, 64);
  add("final_norm", false, 1, 1, 64);
  return tensors;
}

}  // namespace tandem::test
