// SPDX-License-Identifier: Apache-2.0
#include "model_choice.h"

#include <algorithm>
#include <cctype>

#include "tandem/platform/model_presets.h"
#include "tandem/platform/names.h"
#include "text.h"

namespace tandem::platform {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

class ModelChooser {
 public:
  ModelChooser(Scenario& scenario, const BindingNotes& notes, const YamlMark& start)
      : scenario_(scenario), model_(scenario.model), notes_(notes), start_(start) {}

  void choose() {
    const bool custom = is_written("model.shape");
    const int ways = !model_.weights.empty() + !model_.preset.empty() + custom;
    if (ways > 1) fail("model", "weights, preset and shape exclude each other");
    if (ways == 0) {
      fail("model", "expected weights and tokenizer, the name of a preset, or a shape",
           "`tandem list models` shows the presets");
    }
    if (!model_.weights.empty()) return check_weights();
    if (custom) {
      refuse_overrides("write it into model.shape");
      model_.shape = shape_from(model_.custom, "model.shape");
    } else {
      model_.shape = shape_from(merged(preset(), model_.overrides), "model");
    }
    check_shape(custom ? "model.shape" : "model.preset");
  }

 private:
  [[noreturn]] void fail(const std::string& path, const std::string& message,
                         std::string hint = {}) const {
    throw ScenarioError(notes_.mark_of(path, start_), path, message, std::move(hint));
  }
  bool is_written(const std::string& path) const { return notes_.marks.count(path) != 0; }

  void check_weights() const {
    if (model_.tokenizer.empty()) fail("model.tokenizer", "this key is required");
    refuse_overrides("the shape is that of the weights");
    if (model_.weight_format != WeightFormat::kFp16) {
      fail("model.weight_format", "weights from a file are fp16",
           "it is for models without weights, model.preset and model.shape");
    }
  }

  // Keys of a shape beside `preset`, where there is none.
  void refuse_overrides(const char* hint) const {
    static const std::vector<std::string> kOthers = {
        "model.weights", "model.tokenizer", "model.preset", "model.weight_format", "model.shape"};
    for (const auto& [path, mark] : notes_.marks) {
      const bool of_model = path.rfind("model.", 0) == 0 && path.rfind("model.shape.", 0) != 0;
      if (!of_model || std::find(kOthers.begin(), kOthers.end(), path) != kOthers.end()) continue;
      throw ScenarioError(mark, path, "changes a preset, but model.preset is not given", hint);
    }
  }

  ShapeKeys preset() const {
    const std::string path = "model.preset";
    const YamlMark& mark = notes_.mark_of(path, start_);
    const std::filesystem::path file =
        find_preset_file(mark.source ? mark.source->directory : std::filesystem::path());
    if (file.empty()) fail(path, "the file of presets, scenarios/models/presets.csv, is missing");
    std::vector<std::string> names;
    for (const ModelPreset& preset : read_presets(file)) {
      if (lower(preset.name) == lower(model_.preset)) return preset.keys;
      names.push_back(lower(preset.name));
    }
    const std::string meant = nearest(lower(model_.preset), names);
    fail(path,
         "there is no model '" + printable(model_.preset) + "'" +
             (meant.empty() ? "" : "; did you mean '" + meant + "'?"),
         "`tandem list models` shows all of them");
  }

  ModelShape shape_from(const ShapeKeys& keys, const std::string& prefix) const {
    try {
      return shape_of(keys);
    } catch (const UserError& error) {
      const std::string message = error.what();
      const std::size_t colon = message.find(": ");
      fail(prefix + "." + message.substr(0, colon), message.substr(colon + 2));
    }
  }

  void check_shape(const std::string& path) const {
    if (scenario_.execution == Execution::kFunctional) {
      fail(path, "has no weights to compute with", "write `execution: timing`");
    }
    check_draft();
  }

  // A draft made of the weights' bits needs weights that have them.
  void check_draft() const {
    if (scenario_.policy.name != PolicyName::kSelfSpeculative) return;
    const DraftFormat draft = scenario_.policy.draft.format;
    const bool exponents = draft == DraftFormat::kBsfpE;
    const bool intervals = draft == DraftFormat::kBsfpI || draft == DraftFormat::kBsfpIShiftAdd;
    if (!exponents && !intervals) return;
    const WeightFormat own = exponents ? WeightFormat::kBsfpE : WeightFormat::kBsfpI;
    if (model_.weight_format == WeightFormat::kFp16 || model_.weight_format == own) return;
    fail("policy.draft.format",
         std::string(name_of(draft)) + " is made of the bits of fp16 or " + name_of(own) +
             " weights, but model.weight_format is " + name_of(model_.weight_format),
         "int4, e2m1 and e3m0 drafts have storage of their own; `policy: {name: plain}` has none");
  }

  Scenario& scenario_;
  ModelConfig& model_;
  const BindingNotes& notes_;
  const YamlMark& start_;
};

}  // namespace

void choose_model(Scenario& scenario, const BindingNotes& notes, const YamlMark& start) {
  ModelChooser(scenario, notes, start).choose();
}

}  // namespace tandem::platform
