// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/scenario_loader.h"

#include <memory>
#include <utility>

#include "model_choice.h"
#include "scenario_check.h"
#include "slice.h"
#include "yaml_binder.h"

namespace tandem::platform {
namespace {

std::vector<YamlNode> parse_overrides(const std::vector<std::string>& assignments) {
  std::vector<YamlNode> trees;
  trees.reserve(assignments.size());
  for (const std::string& assignment : assignments) trees.push_back(parse_override(assignment));
  return trees;
}

Scenario bind_document(YamlNode tree, std::vector<YamlNode> overrides) {
  const YamlMark start = tree.mark;
  if (tree.kind == YamlKind::kNull) throw ScenarioError(start, "", "the scenario is empty");
  if (tree.kind != YamlKind::kMap) {
    throw ScenarioError(start, "", "expected a map of keys to values, such as 'version: 1'");
  }
  for (YamlNode& over : overrides) merge_yaml(tree, std::move(over));
  tree.mark = start;

  Scenario scenario;
  BindingNotes notes;
  notes.collects = true;
  YamlBinder binder(tree, "", notes);
  bind_scenario(binder, scenario);
  binder.finish();
  if (notes.first_error) throw ScenarioError(*notes.first_error);
  if (!notes.missing.empty()) {
    const auto& [path, mark] = notes.missing.front();
    throw ScenarioError(mark, path, "this key is required");
  }
  if (scenario.platform.cpu.riscv.present && notes.marks.count("platform.cpu.form") == 0) {
    scenario.platform.cpu.form = CpuForm::kRiscv;
  }
  if (scenario.platform.cpu.app == FirmwareApp::kBringup &&
      notes.marks.count("run.baseline") == 0) {
    scenario.run.baseline = Baseline::kNone;
  }
  choose_model(scenario, notes, start);
  take_slice(scenario, notes, start);
  // Drawn prompts have no end that a model could see.
  if (scenario.workload.source() != WorkloadSource::kPrompts &&
      notes.marks.count("workload.stop_at_eos") == 0) {
    scenario.workload.stop_at_eos = false;
  }
  scenario.warnings = check_scenario(scenario, notes, start);
  scenario.place_of = [notes = std::move(notes)](const std::string& key_path) {
    return notes.mark_of(key_path, {}).text();
  };
  return scenario;
}

}  // namespace

Scenario load_scenario(const std::filesystem::path& file,
                       const std::vector<std::string>& overrides) {
  return load_scenario_with(file, parse_overrides(overrides));
}

Scenario load_scenario_with(const std::filesystem::path& file, std::vector<YamlNode> overrides) {
  Scenario scenario = bind_document(read_yaml_file(file), std::move(overrides));
  scenario.file = file;
  scenario.directory = file.parent_path();
  return scenario;
}

Scenario load_scenario_text(std::string_view text, const std::string& name,
                            const std::filesystem::path& directory,
                            const std::vector<std::string>& overrides) {
  auto source = std::make_shared<YamlSource>();
  source->name = name;
  source->directory = directory;
  Scenario scenario = bind_document(read_yaml_text(text, source), parse_overrides(overrides));
  scenario.directory = directory;
  return scenario;
}

}  // namespace tandem::platform
