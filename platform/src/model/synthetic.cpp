// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tandem/numerics/fp.h"
#include "tandem/numerics/random.h"

namespace tandem::platform {
namespace {

// A sum of four uniform 16-bit numbers, centred: near normal, of standard deviation 65536 /
// sqrt(3).
float near_normal(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t sum = (a & 0xFFFFu) + (a >> 16) + (b & 0xFFFFu) + (b >> 16);
  const float centred = static_cast<float>(static_cast<std::int32_t>(sum) - 2 * 65535);
  return centred * (1.7320508f / 65536.0f);
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

  Matrix matrix(abi::TensorKind kind, std::uint32_t layer, std::uint32_t rows,
                std::uint32_t columns) const {
    Matrix result{rows, columns, {}};
    result.elements.resize(static_cast<std::size_t>(rows) * columns);
    const float deviation = 1.0f / std::sqrt(static_cast<float>(columns));
    const std::uint32_t tensor = layer << 8 | static_cast<std::uint32_t>(kind);
    for (std::size_t i = 0; i < result.elements.size(); i += 2) {
      const auto words = numerics::philox4x32_10(
          {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), tensor,
           static_cast<std::uint32_t>(numerics::Purpose::kWeights)},
          key_);
      const float pair[2] = {near_normal(words[0], words[1]), near_normal(words[2], words[3])};
      for (std::size_t j = i; j < std::min(i + 2, result.elements.size()); ++j) {
        result.elements[j] = numerics::float_to_fp16(pair[j - i] * deviation);
      }
    }
    return result;
  }

 private:
  std::array<std::uint32_t, 2> key_;
};

Matrix ones(std::uint32_t columns) {
  return {1, columns, std::vector<std::uint16_t>(columns, numerics::float_to_fp16(1.0f))};
}

}  // namespace

Model synthetic_model(const ModelShape& shape, std::uint64_t seed) {
  using Kind = abi::TensorKind;
  validate(shape, "synthetic model");
  const Generator generator(seed);
  Model model;
  model.shape = shape;
  model.embedding = generator.matrix(Kind::kEmbedding, 0, shape.vocabulary, shape.dim);
  for (std::uint32_t i = 0; i < shape.layers; ++i) {
    LayerWeights layer;
    layer.attention_norm = ones(shape.dim);
    layer.query = generator.matrix(Kind::kQuery, i, shape.dim, shape.dim);
    layer.key = generator.matrix(Kind::kKey, i, shape.kv_dim(), shape.dim);
    layer.value = generator.matrix(Kind::kValue, i, shape.kv_dim(), shape.dim);
    layer.attention_output = generator.matrix(Kind::kAttentionOutput, i, shape.dim, shape.dim);
    layer.ffn_norm = ones(shape.dim);
    layer.gate = generator.matrix(Kind::kGate, i, shape.hidden_dim, shape.dim);
    layer.up = generator.matrix(Kind::kUp, i, shape.hidden_dim, shape.dim);
    layer.down = generator.matrix(Kind::kDown, i, shape.dim, shape.hidden_dim);
    model.layers.push_back(std::move(layer));
  }
  model.final_norm = ones(shape.dim);
  if (!shape.shared_classifier) {
    model.unshared_classifier = generator.matrix(Kind::kClassifier, 0, shape.vocabulary, shape.dim);
  }
  return model;
}

}  // namespace tandem::platform
