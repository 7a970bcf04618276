// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/loaded_model.h"

#include <stdexcept>

#include "tandem/platform/errors.h"
#include "tandem/platform/model/llama2c.h"

namespace tandem::platform {

namespace {

Model load_weights(const std::filesystem::path& file) {
  try {
    return load_llama2c(file);
  } catch (const UserError& error) {
    throw UserError(std::string("model.weights: ") + error.what(), error.hint());
  }
}

}  // namespace

LoadedModel load_model(const ModelConfig& config, Execution execution) {
  LoadedModel model;
  if (config.shape) {
    if (execution == Execution::kFunctional) throw std::logic_error("a shape has no weights");
    model.shape = *config.shape;
    model.format = config.weight_format;
  } else {
    Model weights = load_weights(config.weights);
    model.shape = weights.shape;
    if (execution == Execution::kFunctional) model.weights = std::move(weights);
  }
  if (!config.tokenizer.empty()) {
    model.tokenizer = Tokenizer::load(config.tokenizer, model.shape.vocabulary);
  }
  return model;
}

PackedModel pack(const LoadedModel& model, PackOptions options) {
  options.format = model.format;
  if (model.weights) return pack_model(*model.weights, model.tokenizer_or_null(), options);
  return pack_shape(model.shape, model.tokenizer_or_null(), options);
}

}  // namespace tandem::platform
