// SPDX-License-Identifier: Apache-2.0
// The model of a run: with its weights, or only its shape.
#pragma once
#include <optional>

#include "tandem/platform/model/packer.h"
#include "tandem/platform/model/tokenizer.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct LoadedModel {
  ModelShape shape;
  WeightFormat format = WeightFormat::kFp16;
  std::optional<Model> weights;        // none: timing only
  std::optional<Tokenizer> tokenizer;  // none: token ids are all there is

  const Tokenizer* tokenizer_or_null() const { return tokenizer ? &*tokenizer : nullptr; }
};

// Reads the files that the configuration names. Weights are kept for functional execution only.
// Throws UserError.
LoadedModel load_model(const ModelConfig& config, Execution execution);

// pack_model() or pack_shape(), whichever the model allows; `options.format` is ignored.
PackedModel pack(const LoadedModel& model, PackOptions options);

}  // namespace tandem::platform
