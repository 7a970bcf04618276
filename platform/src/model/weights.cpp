// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/weights.h"

#include "tandem/numerics/math.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

struct Bound {
  const char* name;
  std::uint32_t value;
  std::uint32_t most;
};

void require(bool condition, const std::string& origin, const std::string& rule) {
  if (!condition) throw UserError(origin + ": " + rule);
}

std::string said(const char* name, std::uint32_t value) {
  return std::string(name) + " (" + std::to_string(value) + ")";
}

}  // namespace

void validate(const ModelShape& shape, const std::string& origin) {
  const Bound bounds[] = {
      {"dim", shape.dim, 1u << 16},
      {"hidden_dim", shape.hidden_dim, 1u << 20},
      {"n_layers", shape.layers, 1u << 12},
      {"n_heads", shape.heads, 1u << 12},
      {"n_kv_heads", shape.kv_heads, 1u << 12},
      {"vocab_size", shape.vocabulary, 1u << 24},
      {"seq_len", shape.max_positions, 1u << 24},
  };
  for (const Bound& bound : bounds) {
    require(bound.value >= 1 && bound.value <= bound.most, origin,
            std::string(bound.name) + " is " + std::to_string(bound.value) + ", expected 1 to " +
                std::to_string(bound.most));
  }
  require(shape.dim % shape.heads == 0, origin,
          said("dim", shape.dim) + " is not a multiple of " + said("n_heads", shape.heads));
  require(
      shape.heads % shape.kv_heads == 0, origin,
      said("n_heads", shape.heads) + " is not a multiple of " + said("n_kv_heads", shape.kv_heads));
  require(shape.head_dim() % 2 == 0, origin,
          "the head size, dim / n_heads (" + std::to_string(shape.head_dim()) +
              "), is odd: rotary positions turn pairs");
}

std::string tensor_name(abi::TensorKind kind, std::uint32_t layer) {
  const std::string prefix = "layer " + std::to_string(layer) + " ";
  switch (kind) {
    case abi::TensorKind::kEmbedding:
      return "token embedding";
    case abi::TensorKind::kAttentionNorm:
      return prefix + "attention norm";
    case abi::TensorKind::kQuery:
      return prefix + "query";
    case abi::TensorKind::kKey:
      return prefix + "key";
    case abi::TensorKind::kValue:
      return prefix + "value";
    case abi::TensorKind::kAttentionOutput:
      return prefix + "attention output";
    case abi::TensorKind::kFfnNorm:
      return prefix + "feed-forward norm";
    case abi::TensorKind::kGate:
      return prefix + "feed-forward gate";
    case abi::TensorKind::kUp:
      return prefix + "feed-forward up";
    case abi::TensorKind::kDown:
      return prefix + "feed-forward down";
    case abi::TensorKind::kFinalNorm:
      return "final norm";
    case abi::TensorKind::kClassifier:
      return "classifier";
    case abi::TensorKind::kInverseFrequency:
      return "inverse frequencies";
    case abi::TensorKind::kRouter:
      return prefix + "router";
    case abi::TensorKind::kPositionTable:
      return "learned positions";
    case abi::TensorKind::kFinalNormBias:
      return "final norm bias";
    default:
      return prefix + abi::name_of(kind);
  }
  return "tensor";
}

std::vector<float> inverse_frequencies(const Model& model) {
  const std::uint32_t pairs = model.shape.head_dim() / 2;
  std::vector<float> frequencies(pairs);
  for (std::uint32_t i = 0; i < pairs; ++i) {
    const float exponent =
        -2.0f * static_cast<float>(i) / static_cast<float>(model.shape.head_dim());
    frequencies[i] = numerics::pow(model.rotary_base, exponent);
  }
  return frequencies;
}

}  // namespace tandem::platform
