// SPDX-License-Identifier: Apache-2.0
// From what is said about a shape to the shape, and the rules between its numbers.
#include <algorithm>
#include <iterator>

#include "tandem/platform/errors.h"
#include "tandem/platform/model_presets.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kMostRows = 1u << 24;  // of a matrix that the NPU takes
constexpr std::uint64_t kWidestHead = 0xFFFF;

void require(bool holds, const char* key, const std::string& rule) {
  if (!holds) throw UserError(std::string(key) + ": " + rule);
}

std::string text(std::uint64_t value) {
  return std::to_string(value);
}

std::uint32_t needed(const std::optional<std::uint32_t>& value, const char* key) {
  require(value.has_value(), key, "this key is required");
  return *value;
}

template <typename Value>
void replace(std::optional<Value>& base, const std::optional<Value>& over) {
  if (over) base = over;
}

void check_latent(const ModelShape& shape) {
  const LatentShape& latent = shape.latent;
  const std::uint32_t widths[] = {latent.kv_lora_rank, latent.qk_nope_dim, latent.qk_rope_dim,
                                  latent.v_head_dim};
  const auto missing = std::count(std::begin(widths), std::end(widths), 0u);
  require(missing == 0 || missing == 4, "mla",
          "kv_lora_rank, qk_nope_dim, qk_rope_dim and v_head_dim belong together");
  if (!shape.is_latent()) return;
  const std::uint64_t key = std::uint64_t{latent.kv_lora_rank} + latent.qk_rope_dim;
  require(key <= kWidestHead, "mla.kv_lora_rank",
          "with qk_rope_dim, expected at most " + text(kWidestHead) + ", got " + text(key));
  require(latent.qk_rope_dim % 2 == 0, "mla.qk_rope_dim",
          text(latent.qk_rope_dim) + " is odd: rotary positions turn pairs");
  require(!shape.is_learned(), "positions", "latent attention (mla) has rotary ones");
  require(!shape.qkv_bias, "qkv_bias", "latent attention (mla) has none");
  require(shape.kv_heads == shape.heads, "kv_heads",
          "latent attention (mla) makes a key and a value for each of the " + text(shape.heads) +
              " heads");
  const std::uint64_t query = std::uint64_t{latent.qk_nope_dim} + latent.qk_rope_dim;
  require(shape.head_dim() == query, "head_dim",
          "expected qk_nope_dim + qk_rope_dim, " + text(query) + ", got " + text(shape.head_dim()));
  const std::uint64_t rows =
      std::uint64_t{shape.heads} * std::max(latent.kv_lora_rank, latent.v_head_dim);
  require(rows <= kMostRows, "mla.kv_lora_rank",
          "all heads have " + text(rows) + " elements together, at most " + text(kMostRows));
}

void check_attention(const ModelShape& shape, const ShapeKeys& keys) {
  require(shape.heads % shape.kv_heads == 0, "kv_heads",
          text(shape.heads) + " heads are not a multiple of " + text(shape.kv_heads));
  require(keys.head_dim || shape.is_latent() || shape.dim % shape.heads == 0, "hidden",
          text(shape.dim) + " is not a multiple of heads (" + text(shape.heads) +
              "), and head_dim is not given");
  require(shape.is_learned() || shape.head_dim() % 2 == 0, "head_dim",
          text(shape.head_dim()) + " is odd: rotary positions turn pairs");
  require(shape.query_dim() <= kMostRows, "head_dim",
          text(shape.heads) + " heads of " + text(shape.head_dim()) + " are more than " +
              text(kMostRows) + " elements");
  check_latent(shape);
}

void check_experts(const ModelShape& shape) {
  const ExpertShape& experts = shape.experts;
  if (experts.count == 0) {
    require(experts.top_k == 0, "top_k", "there are no experts to choose from");
    require(experts.ffn == 0, "expert_ffn", "there are no experts");
    require(experts.shared_ffn == 0, "shared_ffn", "there are no experts to choose from besides");
    require(experts.first_dense_layers == 0, "first_dense_layers", "there are no experts");
    require(shape.hidden_dim != 0, "ffn", "expected at least 1 without experts");
    return;
  }
  require(experts.count >= 2, "experts", "expected at least 2, or 0 for none");
  require(
      experts.top_k >= 1 && experts.top_k <= experts.count, "top_k",
      "expected 1.." + text(experts.count) + ", the number of experts, got " + text(experts.top_k));
  require(experts.ffn >= 1, "expert_ffn", "expected at least 1 with experts");
  require(experts.first_dense_layers < shape.layers, "first_dense_layers",
          "all " + text(shape.layers) + " layers come before the first one with experts");
  require(experts.first_dense_layers == 0 || shape.hidden_dim != 0, "ffn",
          "expected at least 1 for layers without experts");
  require(!shape.linear_bias, "linear_bias", "experts have no biases");
  const std::uint64_t rows = std::uint64_t{experts.count} * std::max(experts.ffn, shape.dim);
  require(rows <= kMostRows, "experts",
          "their matrices have " + text(rows) + " rows together, at most " + text(kMostRows));
}

}  // namespace

ShapeKeys merged(const ShapeKeys& base, const ShapeKeys& over) {
  ShapeKeys keys = base;
  for (const auto member :
       {&ShapeKeys::layers, &ShapeKeys::hidden, &ShapeKeys::heads, &ShapeKeys::kv_heads,
        &ShapeKeys::head_dim, &ShapeKeys::ffn, &ShapeKeys::vocabulary, &ShapeKeys::max_positions,
        &ShapeKeys::experts, &ShapeKeys::top_k, &ShapeKeys::expert_ffn, &ShapeKeys::shared_experts,
        &ShapeKeys::shared_ffn, &ShapeKeys::first_dense_layers, &ShapeKeys::kv_lora_rank,
        &ShapeKeys::qk_nope_dim, &ShapeKeys::qk_rope_dim, &ShapeKeys::v_head_dim}) {
    replace(keys.*member, over.*member);
  }
  for (const auto member : {&ShapeKeys::gated_ffn, &ShapeKeys::tied_embeddings,
                            &ShapeKeys::qkv_bias, &ShapeKeys::linear_bias}) {
    replace(keys.*member, over.*member);
  }
  replace(keys.norm, over.norm);
  replace(keys.positions, over.positions);
  return keys;
}

ModelShape shape_of(const ShapeKeys& keys) {
  ModelShape shape;
  shape.layers = needed(keys.layers, "layers");
  shape.dim = needed(keys.hidden, "hidden");
  shape.heads = needed(keys.heads, "heads");
  shape.kv_heads = keys.kv_heads.value_or(shape.heads);
  shape.head_size = keys.head_dim.value_or(0);
  shape.experts.count = keys.experts.value_or(0);
  shape.hidden_dim = shape.experts.count == 0 ? needed(keys.ffn, "ffn") : keys.ffn.value_or(0);
  shape.gated_ffn = keys.gated_ffn.value_or(true);
  shape.vocabulary = needed(keys.vocabulary, "vocabulary");
  shape.max_positions = needed(keys.max_positions, "max_positions");
  shape.shared_classifier = keys.tied_embeddings.value_or(false);
  shape.qkv_bias = keys.qkv_bias.value_or(false);
  shape.linear_bias = keys.linear_bias.value_or(false);
  const bool layer_norm = keys.norm.value_or(NormChoice::kRms) == NormChoice::kLayer;
  shape.norm = layer_norm ? abi::NormKind::kLayer : abi::NormKind::kRms;
  const bool learned = keys.positions.value_or(PositionChoice::kRotary) == PositionChoice::kLearned;
  shape.positions = learned ? abi::PositionKind::kLearned : abi::PositionKind::kRotaryInterleaved;
  shape.experts.top_k = keys.top_k.value_or(0);
  shape.experts.ffn = keys.expert_ffn.value_or(0);
  shape.experts.shared_ffn =
      keys.shared_ffn.value_or(keys.shared_experts.value_or(0) * shape.experts.ffn);
  shape.experts.first_dense_layers = keys.first_dense_layers.value_or(0);
  shape.latent = {keys.kv_lora_rank.value_or(0), keys.qk_nope_dim.value_or(0),
                  keys.qk_rope_dim.value_or(0), keys.v_head_dim.value_or(0)};
  if (shape.is_latent() && !keys.head_dim) {
    shape.head_size = shape.latent.qk_nope_dim + shape.latent.qk_rope_dim;
  }
  check_attention(shape, keys);
  check_experts(shape);
  return shape;
}

}  // namespace tandem::platform
