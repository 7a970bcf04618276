// SPDX-License-Identifier: Apache-2.0
#include "model_schema.h"

namespace tandem::platform {
namespace {

constexpr bool kOptional = false;
constexpr std::uint32_t kWidest = 1u << 16;
constexpr std::uint32_t kMostHeads = 1u << 12;
constexpr std::uint32_t kMostLayers = 1u << 12;
constexpr std::uint32_t kMostExperts = 1u << 12;
constexpr std::uint32_t kWidestFfn = 1u << 20;
constexpr std::uint32_t kMostTokens = 1u << 24;

constexpr const char* kRequired = "required";

// Keys of a shape, which are all optional where a preset has the rest.
class ShapeBinder {
 public:
  ShapeBinder(Binder& binder, bool of_preset) : binder_(binder), of_preset_(of_preset) {}

  Key key(const char* name, const char* meaning, const char* fallback) const {
    return {name, meaning, kOptional, of_preset_ ? "the preset's" : fallback};
  }
  void number(const char* name, const char* meaning, const char* fallback,
              std::optional<std::uint32_t>& value, std::uint32_t min, std::uint32_t max) {
    binder_.integer(key(name, meaning, fallback), value, min, max);
  }
  void flag(const char* name, const char* meaning, const char* fallback,
            std::optional<bool>& value) {
    binder_.flag(key(name, meaning, fallback), value);
  }

 private:
  Binder& binder_;
  bool of_preset_;
};

}  // namespace

void bind_shape(Binder& b, ShapeKeys& s, bool of_preset) {
  ShapeBinder shape(b, of_preset);
  shape.number("layers", "decoder layers", kRequired, s.layers, 1, kMostLayers);
  shape.number("hidden", "width of the residual stream", kRequired, s.hidden, 1, kWidest);
  shape.number("heads", "query heads", kRequired, s.heads, 1, kMostHeads);
  shape.number("kv_heads", "key/value heads", "heads", s.kv_heads, 1, kMostHeads);
  shape.number("head_dim", "elements of a head", "hidden / heads", s.head_dim, 1, kWidest - 1);
  shape.number("ffn", "width of the feed-forward part; not needed if all layers have experts",
               kRequired, s.ffn, 0, kWidestFfn);
  shape.flag("gated_ffn", "down(silu(gate) x up) instead of down(gelu(up))", "true", s.gated_ffn);
  shape.number("vocabulary", "tokens", kRequired, s.vocabulary, 1, kMostTokens);
  shape.number("max_positions", "longest sequence", kRequired, s.max_positions, 1, kMostTokens);
  shape.flag("tied_embeddings", "the classifier is the embedding", "false", s.tied_embeddings);
  shape.flag("qkv_bias", "biases of query, key and value", "false", s.qkv_bias);
  shape.flag("linear_bias", "biases of all other matrices of the layers", "false", s.linear_bias);
  b.choice(shape.key("norm", "normalisation; layer norms have biases", "rms"), s.norm);
  b.choice(shape.key("positions", "how positions enter", "rotary"), s.positions);
  shape.number("experts", "experts of a layer to choose from", "0", s.experts, 0, kMostExperts);
  shape.number("top_k", "experts that a token is sent to", "0", s.top_k, 0, kMostExperts);
  shape.number("expert_ffn", "width of an expert", "0", s.expert_ffn, 0, kWidestFfn);
  shape.number("shared_experts", "experts that every token is sent to", "0", s.shared_experts, 0,
               kMostExperts);
  shape.number("shared_ffn", "width of these together", "shared_experts x expert_ffn", s.shared_ffn,
               0, kWidestFfn);
  shape.number("first_dense_layers", "layers before the first one with experts", "0",
               s.first_dense_layers, 0, kMostLayers);
  b.section({"mla", "multi-head latent attention, on the NPU"}, [&](Binder& inner) {
    ShapeBinder latent(inner, of_preset);
    latent.number("kv_lora_rank", "width of what is kept without position", "0", s.kv_lora_rank, 0,
                  kWidest);
    latent.number("qk_nope_dim", "of a head's query and key, without position", "0", s.qk_nope_dim,
                  0, kWidest);
    latent.number("qk_rope_dim", "with position, one key for all heads", "0", s.qk_rope_dim, 0,
                  kWidest);
    latent.number("v_head_dim", "of a head's value", "0", s.v_head_dim, 0, kWidest);
  });
}

void bind_model(Binder& b, ModelConfig& m) {
  b.path({"weights", "llama2.c weights (version 0)", kOptional, "none"}, m.weights);
  b.path({"tokenizer", "llama2.c tokenizer; required with weights", kOptional, "none"},
         m.tokenizer);
  b.word({"preset", "shape of a known model (`tandem list models`), for `execution: timing`",
          kOptional, "none"},
         m.preset);
  b.choice({"weight_format", "of the matrices of a preset or a shape"}, m.weight_format);
  bind_shape(b, m.overrides, true);
  b.section({"shape", "a model of one's own, for `execution: timing`"},
            [&](Binder& inner) { bind_shape(inner, m.custom, false); });
}

}  // namespace tandem::platform
