// SPDX-License-Identifier: Apache-2.0
// The model in plain loops: what the simulated hardware must compute, written independently of it.
// Activations, attention scores, probabilities and logits are rounded to FP16; sums follow the
// canonical order.
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/model_image.h"
#include "tandem/platform/model/packer.h"

namespace tandem::platform {

// Weights that one pass uses, decoded to float: those of the full model or those of a draft.
struct ReferenceWeights {
  struct Linear {
    std::uint32_t rows = 0;
    std::uint32_t columns = 0;
    std::vector<float> elements;  // [rows][columns], without scales
    std::vector<float> scales;    // [rows][chunks]; empty: none
  };
  struct Layer {
    std::vector<float> attention_norm, ffn_norm;
    Linear query, key, value, attention_output, gate, up, down;
  };
  std::vector<Layer> layers;
  std::vector<float> embedding, final_norm;
  Linear classifier;
};

// Reads the weights back out of a packed model.
ReferenceWeights unpack(const PackedModel& packed, abi::TensorRole role);

// Keys and values of one sequence, FP16 patterns.
struct ReferenceKv {
  std::vector<std::vector<std::uint16_t>> keys;    // [layer][position * kv_dim]
  std::vector<std::vector<std::uint16_t>> values;  // [layer][position * kv_dim]
};

class Reference {
 public:
  Reference(const abi::ModelImage& image, std::vector<float> inverse_frequencies);

  ReferenceKv make_kv() const;
  // Feeds one token at `position`, writes its key and value there, and returns the logits
  // [vocabulary], FP32 sums rounded to FP16.
  std::vector<float> step(const ReferenceWeights& weights, ReferenceKv& kv, std::uint32_t position,
                          std::uint32_t token) const;

 private:
  std::vector<float> attention(const ReferenceWeights::Layer& weights, ReferenceKv& kv,
                               std::uint32_t layer, std::uint32_t position,
                               const std::vector<float>& x) const;

  abi::ModelImage image_;
  std::vector<float> inverse_frequencies_;
};

// Index of the largest logit; of equal ones the lowest.
std::uint32_t argmax(const std::vector<float>& logits);

// `count` greedy tokens after `prompt` (token ids, BOS included).
std::vector<std::uint32_t> generate_greedy(const Reference& reference,
                                           const ReferenceWeights& weights,
                                           const std::vector<std::uint32_t>& prompt,
                                           std::uint32_t count);

}  // namespace tandem::platform
