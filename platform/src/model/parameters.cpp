// SPDX-License-Identifier: Apache-2.0
#include "tensor_list.h"

namespace tandem::platform {
namespace {

using abi::TensorKind;

bool is_expert(TensorKind kind) {
  return kind == TensorKind::kExpertGate || kind == TensorKind::kExpertUp ||
         kind == TensorKind::kExpertDown;
}

}  // namespace

ParameterCount count_parameters(const ModelShape& shape) {
  ParameterCount count;
  const auto add = [&count](std::uint64_t all, std::uint64_t active) {
    count.all += all;
    count.active += active;
  };
  const auto add_tensor = [&](const TensorShape& t) { add(t.elements(), t.elements()); };
  add_tensor(embedding_table(shape));
  if (!shape.shared_classifier) add_tensor(classifier_matrix(shape));
  if (shape.is_learned()) add_tensor(position_table(shape));
  for (const TensorShape& t : final_vectors(shape)) add_tensor(t);
  for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
    for (const TensorShape& t : layer_vectors(shape, layer)) add_tensor(t);
    for (const TensorShape& t : layer_matrices(shape, layer)) {
      const bool expert = is_expert(t.kind);
      add(t.elements(),
          expert ? t.elements() / shape.experts.count * shape.experts.top_k : t.elements());
    }
  }
  return count;
}

std::uint64_t kv_bytes_per_token_and_layer(const ModelShape& shape) {
  constexpr std::uint64_t kFp16Bytes = 2;
  const LatentShape& latent = shape.latent;
  if (shape.is_latent()) return kFp16Bytes * (latent.kv_lora_rank + latent.qk_rope_dim);
  return 2 * kFp16Bytes * shape.kv_dim();
}

}  // namespace tandem::platform
