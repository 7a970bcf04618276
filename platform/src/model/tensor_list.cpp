// SPDX-License-Identifier: Apache-2.0
#include "tensor_list.h"

#include <stdexcept>

namespace tandem::platform {

using abi::TensorKind;

namespace {

// Appends tensors of one layer.
struct Lister {
  std::uint32_t layer;
  std::vector<TensorShape>& list;

  void vector(TensorKind kind, std::uint32_t columns, bool exists = true) {
    if (exists) list.push_back({kind, layer, 1, columns});
  }
  void matrix(TensorKind kind, std::uint32_t rows, std::uint32_t columns, bool exists = true) {
    if (exists) list.push_back({kind, layer, rows, columns});
  }
};

// Of the feed-forward part that every token passes through; 0: the layer has none.
std::uint32_t common_ffn(const ModelShape& shape, std::uint32_t layer) {
  return shape.has_experts(layer) ? shape.experts.shared_ffn : shape.hidden_dim;
}

}  // namespace

std::vector<TensorShape> layer_vectors(const ModelShape& shape, std::uint32_t layer) {
  std::vector<TensorShape> list;
  Lister add{layer, list};
  const bool norm_bias = shape.norm == abi::NormKind::kLayer;
  const std::uint32_t ffn = common_ffn(shape, layer);
  const bool ffn_bias = shape.linear_bias && ffn != 0;
  add.vector(TensorKind::kAttentionNorm, shape.dim);
  add.vector(TensorKind::kAttentionNormBias, shape.dim, norm_bias);
  add.vector(TensorKind::kLatentNorm, shape.latent.kv_lora_rank, shape.is_latent());
  add.vector(TensorKind::kQueryBias, shape.query_dim(), shape.qkv_bias);
  add.vector(TensorKind::kKeyBias, shape.kv_dim(), shape.qkv_bias);
  add.vector(TensorKind::kValueBias, shape.kv_dim(), shape.qkv_bias);
  add.vector(TensorKind::kAttentionOutputBias, shape.dim, shape.linear_bias);
  add.vector(TensorKind::kFfnNorm, shape.dim);
  add.vector(TensorKind::kFfnNormBias, shape.dim, norm_bias);
  add.vector(TensorKind::kGateBias, ffn, ffn_bias && shape.gated_ffn);
  add.vector(TensorKind::kUpBias, ffn, ffn_bias);
  add.vector(TensorKind::kDownBias, shape.dim, ffn_bias);
  return list;
}

std::vector<TensorShape> final_vectors(const ModelShape& shape) {
  std::vector<TensorShape> list;
  Lister add{0, list};
  add.vector(TensorKind::kFinalNorm, shape.dim);
  add.vector(TensorKind::kFinalNormBias, shape.dim, shape.norm == abi::NormKind::kLayer);
  return list;
}

std::vector<TensorShape> layer_matrices(const ModelShape& shape, std::uint32_t layer) {
  std::vector<TensorShape> list;
  Lister add{layer, list};
  add.matrix(TensorKind::kQuery, shape.query_dim(), shape.dim);
  const LatentShape& latent = shape.latent;
  const bool ordinary = !shape.is_latent();
  add.matrix(TensorKind::kKey, shape.kv_dim(), shape.dim, ordinary);
  add.matrix(TensorKind::kValue, shape.kv_dim(), shape.dim, ordinary);
  add.matrix(TensorKind::kLatent, latent.kv_lora_rank + latent.qk_rope_dim, shape.dim, !ordinary);
  add.matrix(TensorKind::kKeyExpansion, shape.heads * latent.kv_lora_rank, latent.qk_nope_dim,
             !ordinary);
  add.matrix(TensorKind::kValueExpansion, shape.heads * latent.v_head_dim, latent.kv_lora_rank,
             !ordinary);
  add.matrix(TensorKind::kAttentionOutput, shape.dim, shape.attended_dim());
  const std::uint32_t ffn = common_ffn(shape, layer);
  add.matrix(TensorKind::kGate, ffn, shape.dim, ffn != 0 && shape.gated_ffn);
  add.matrix(TensorKind::kUp, ffn, shape.dim, ffn != 0);
  add.matrix(TensorKind::kDown, shape.dim, ffn, ffn != 0);
  if (!shape.has_experts(layer)) return list;
  const ExpertShape& experts = shape.experts;
  add.matrix(TensorKind::kRouter, experts.count, shape.dim);
  add.matrix(TensorKind::kExpertGate, experts.count * experts.ffn, shape.dim, shape.gated_ffn);
  add.matrix(TensorKind::kExpertUp, experts.count * experts.ffn, shape.dim);
  add.matrix(TensorKind::kExpertDown, experts.count * shape.dim, experts.ffn);
  return list;
}

TensorShape embedding_table(const ModelShape& shape) {
  return {TensorKind::kEmbedding, 0, shape.vocabulary, shape.dim};
}

TensorShape classifier_matrix(const ModelShape& shape) {
  return {TensorKind::kClassifier, 0, shape.classifier_rows(), shape.dim};
}

TensorShape position_table(const ModelShape& shape) {
  return {TensorKind::kPositionTable, 0, shape.max_positions, shape.dim};
}

namespace {

const Matrix* layer_tensor(const LayerWeights& w, TensorKind kind) {
  switch (kind) {
    case TensorKind::kAttentionNorm:
      return &w.attention_norm;
    case TensorKind::kQuery:
      return &w.query;
    case TensorKind::kKey:
      return &w.key;
    case TensorKind::kValue:
      return &w.value;
    case TensorKind::kAttentionOutput:
      return &w.attention_output;
    case TensorKind::kFfnNorm:
      return &w.ffn_norm;
    case TensorKind::kGate:
      return &w.gate;
    case TensorKind::kUp:
      return &w.up;
    case TensorKind::kDown:
      return &w.down;
    default:
      throw std::logic_error("no weights of that kind");
  }
}

}  // namespace

const Matrix& tensor_of(const Model& model, TensorKind kind, std::uint32_t layer) {
  if (kind == TensorKind::kEmbedding) return model.embedding;
  if (kind == TensorKind::kClassifier) return model.classifier();
  if (kind == TensorKind::kFinalNorm) return model.final_norm;
  return *layer_tensor(model.layers.at(layer), kind);
}

}  // namespace tandem::platform
