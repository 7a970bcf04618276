// SPDX-License-Identifier: Apache-2.0
// The shape of a decoder-only language model, and a Llama-like one with its weights in FP16.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tandem/abi/model_image.h"
#include "tandem/abi/program.h"

namespace tandem::platform {

// Layers whose feed-forward part is a choice of experts.
struct ExpertShape {
  std::uint32_t count = 0;               // experts of a layer to choose from; 0: none
  std::uint32_t top_k = 0;               // experts that a token is sent to
  std::uint32_t ffn = 0;                 // width of an expert
  std::uint32_t shared_ffn = 0;          // width of the shared experts together; 0: none
  std::uint32_t first_dense_layers = 0;  // layers before the first one with experts
};

// Multi-head latent attention: keys and values come from one latent vector per token. A head's
// query and key have qk_nope_dim + qk_rope_dim elements, which is head_dim().
struct LatentShape {
  std::uint32_t kv_lora_rank = 0;  // 0: ordinary attention
  std::uint32_t qk_nope_dim = 0;   // of a head's query and key, without position
  std::uint32_t qk_rope_dim = 0;   // with position, shared by the heads' keys
  std::uint32_t v_head_dim = 0;
};

struct ModelShape {
  std::uint32_t dim = 0;         // width of the residual stream
  std::uint32_t hidden_dim = 0;  // width of the feed-forward layer
  std::uint32_t layers = 0;
  std::uint32_t heads = 0;     // query heads; divides dim
  std::uint32_t kv_heads = 0;  // divides heads
  std::uint32_t vocabulary = 0;
  std::uint32_t max_positions = 0;
  bool shared_classifier = true;             // the classifier is the embedding
  std::uint32_t head_size = 0;               // elements of a head; 0: dim / heads
  bool gated_ffn = true;                     // down(silu(gate) * up), else down(gelu(up))
  bool qkv_bias = false;                     // query, key and value have biases
  bool linear_bias = false;                  // and so have all other matrices of a layer
  abi::NormKind norm = abi::NormKind::kRms;  // layer norms have biases
  abi::PositionKind positions = abi::PositionKind::kRotaryInterleaved;
  ExpertShape experts;
  LatentShape latent;
  std::uint32_t devices = 1;  // that share the matrices; heads and widths are those of one

  std::uint32_t head_dim() const { return head_size != 0 ? head_size : dim / heads; }
  std::uint32_t query_dim() const { return head_dim() * heads; }
  std::uint32_t kv_dim() const { return head_dim() * kv_heads; }
  bool has_experts(std::uint32_t layer) const {
    return experts.count != 0 && layer >= experts.first_dense_layers;
  }
  // Rows of the classifier, the last device's padded.
  std::uint32_t classifier_rows() const { return (vocabulary + devices - 1) / devices; }
  bool is_latent() const { return latent.kv_lora_rank != 0; }
  // What the heads give to the output matrix.
  std::uint32_t attended_dim() const {
    return is_latent() ? latent.v_head_dim * heads : query_dim();
  }
  bool is_learned() const { return positions == abi::PositionKind::kLearned; }
};

// Parameters of all tensors, and of those that one token is multiplied with.
struct ParameterCount {
  std::uint64_t all = 0;
  std::uint64_t active = 0;
};
ParameterCount count_parameters(const ModelShape& shape);

// What the KV cache keeps of a token in a layer, in FP16.
std::uint64_t kv_bytes_per_token_and_layer(const ModelShape& shape);

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
