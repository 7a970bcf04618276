// SPDX-License-Identifier: Apache-2.0
#include "slice.h"

#include <algorithm>

namespace tandem::platform {
namespace {

class Slicer {
 public:
  Slicer(Scenario& scenario, const BindingNotes& notes, const YamlMark& start)
      : scenario_(scenario), notes_(notes), start_(start) {}

  void take() {
    if (scenario_.run.layers) take_layers(*scenario_.run.layers);
    if (scenario_.run.steps) take_steps(*scenario_.run.steps);
  }

 private:
  [[noreturn]] void fail(const std::string& path, const std::string& message,
                         const std::string& hint = {}) const {
    throw ScenarioError(notes_.mark_of(path, start_), path, message, hint);
  }

  void require_timing(const std::string& path) const {
    if (scenario_.execution == Execution::kTiming) return;
    fail(path, "a part of the model computes no tokens", "write `execution: timing`");
  }

  void take_layers(std::uint32_t layers) {
    require_timing("run.layers");
    if (!scenario_.model.shape) {
      fail("run.layers", "is for models without weights: model.preset or model.shape");
    }
    ModelShape& shape = *scenario_.model.shape;
    if (layers > shape.layers) {
      fail("run.layers", "expected at most " + std::to_string(shape.layers) +
                             ", the layers of the model, got " + std::to_string(layers));
    }
    if (shape.experts.count != 0 && layers <= shape.experts.first_dense_layers) {
      fail("run.layers", "the first " + std::to_string(shape.experts.first_dense_layers) +
                             " layers have no experts; expected more layers");
    }
    scenario_.run.of_layers = shape.layers;
    shape.layers = layers;
  }

  void take_steps(std::uint32_t steps) {
    require_timing("run.steps");
    if (scenario_.policy.name != PolicyName::kPlain) {
      fail("run.steps", "a round of speculation gives several tokens, so steps do not say how many",
           "limit the answers instead, with workload.max_tokens");
    }
    Workload& workload = scenario_.workload;
    const std::uint32_t tokens = steps + 1;  // the first one comes from the prompt's pass
    switch (workload.source()) {
      case WorkloadSource::kBatch:
        workload.max_tokens = std::min(workload.max_tokens, steps);
        break;
      case WorkloadSource::kPrompts:
        workload.max_tokens = std::min(workload.max_tokens, tokens);
        break;
      case WorkloadSource::kTrace:
        workload.trace.max_output = std::min(workload.trace.max_output.value_or(tokens), tokens);
        break;
      case WorkloadSource::kGenerate:
        workload.generate.output.min = std::min(workload.generate.output.min, tokens);
        workload.generate.output.max = std::min(workload.generate.output.max, tokens);
        break;
    }
  }

  Scenario& scenario_;
  const BindingNotes& notes_;
  const YamlMark& start_;
};

std::string counted(std::uint32_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

void take_slice(Scenario& scenario, const BindingNotes& notes, const YamlMark& start) {
  Slicer(scenario, notes, start).take();
}

std::string slice_text(const RunConfig& run) {
  std::string text;
  if (run.layers) {
    text = std::to_string(*run.layers) + " of " + counted(run.of_layers, "layer");
  }
  if (run.steps) text += (text.empty() ? "" : ", ") + counted(*run.steps, "step");
  return text;
}

}  // namespace tandem::platform
