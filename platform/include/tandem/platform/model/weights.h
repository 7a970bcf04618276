// SPDX-License-Identifier: Apache-2.0
// A Llama-architecture language model: its shape and its weights in FP16.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tandem/abi/model_image.h"

namespace tandem::platform {

struct ModelShape {
  std::uint32_t dim = 0;         // width of the residual stream
  std::uint32_t hidden_dim = 0;  // width of the feed-forward layer
  std::uint32_t layers = 0;
  std::uint32_t heads = 0;     // query heads; divides dim
  std::uint32_t kv_heads = 0;  // divides heads
  std::uint32_t vocabulary = 0;
  std::uint32_t max_positions = 0;
  bool shared_classifier = true;  // the classifier is the embedding

  std::uint32_t head_dim() const { return dim / heads; }
  std::uint32_t kv_dim() const { return head_dim() * kv_heads; }
};

// Throws UserError naming `origin`, the field, its value and the rule that it breaks.
void validate(const ModelShape& shape, const std::string& origin);

// FP16 patterns, row major [rows][columns]; a vector has one row.
struct Matrix {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::vector<std::uint16_t> elements;

  const std::uint16_t* row(std::uint32_t r) const {
    return elements.data() + static_cast<std::size_t>(r) * columns;
  }
};

struct LayerWeights {
  Matrix attention_norm;    // [dim]
  Matrix query;             // [dim][dim]
  Matrix key;               // [kv_dim][dim]
  Matrix value;             // [kv_dim][dim]
  Matrix attention_output;  // [dim][dim]
  Matrix ffn_norm;          // [dim]
  Matrix gate;              // [hidden_dim][dim]
  Matrix up;                // [hidden_dim][dim]
  Matrix down;              // [dim][hidden_dim]
};

struct Model {
  ModelShape shape;
  float norm_epsilon = 1e-5f;
  float rotary_base = 10000.0f;  // pairs (2i, 2i + 1) turn by position x base^(-2i / head_dim)
  Matrix embedding;              // [vocabulary][dim]
  std::vector<LayerWeights> layers;
  Matrix final_norm;           // [dim]
  Matrix unshared_classifier;  // [vocabulary][dim]; empty if shared

  const Matrix& classifier() const {
    return shape.shared_classifier ? embedding : unshared_classifier;
  }
};

// "layer 3 feed-forward gate": how messages call a tensor.
std::string tensor_name(abi::TensorKind kind, std::uint32_t layer);

// base^(-2i / head_dim) for i < head_dim / 2: what the rotary positions are multiplied with.
std::vector<float> inverse_frequencies(const Model& model);

}  // namespace tandem::platform
