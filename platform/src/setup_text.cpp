// SPDX-License-Identifier: Apache-2.0
#include "setup_text.h"

#include <algorithm>

#include "figure_text.h"
#include "slice.h"
#include "tandem/platform/device_file.h"
#include "tandem/platform/names.h"
#include "tandem/platform/units.h"
#include "text.h"

namespace tandem::platform {

using namespace summary;

namespace {

std::string file_name(const std::filesystem::path& file) {
  return printable_path(file.filename());
}

std::string range_text(const LengthRange& range) {
  const std::string min = std::to_string(range.min);
  return range.min == range.max ? min : min + ".." + std::to_string(range.max);
}

std::string count_text(std::uint64_t count) {
  constexpr std::uint64_t kMillion = 1'000'000;
  if (count < kMillion) return grouped(count);
  const double millions = static_cast<double>(count) / kMillion;
  return millions < 1000.0 ? fixed(millions, 1) + " million"
                           : fixed(millions / 1000.0, 2) + " billion";
}

std::string model_text(const ModelConfig& model, const ModelFacts& facts) {
  std::string text = "a shape of its own";
  if (!model.preset.empty()) text = model.preset;
  if (!model.weights.empty()) text = file_name(model.weights);
  text += ", " + count_text(facts.parameters) + " parameters";
  if (facts.active_parameters != facts.parameters) {
    text += " (" + count_text(facts.active_parameters) + " per token)";
  }
  return text + " in " + name_of(model.weight_format) + ", " + std::to_string(facts.layers) +
         " layers, " + std::to_string(facts.positions) + " positions";
}

std::string fidelity_text(const Scenario& scenario, const ModelFacts& facts) {
  const Fidelity& fidelity = scenario.fidelity;
  std::string memory = std::string("memory ") + name_of(fidelity.memory);
  if (scenario.execution == Execution::kFunctional) return memory;
  const bool serial = scenario.platform.npu.sequencer == SequencerMode::kSerial;
  const std::string transfers = name_of(serial ? Transfers::kBursts : fidelity.transfers);
  const std::string text = memory + ", transfers " + transfers;
  const std::uint32_t layers = scenario.run.layers.value_or(facts.layers);
  if (fidelity.layers == Layers::kAll || layers <= fidelity.replay_layers) {
    return text + ", every layer simulated";
  }
  return text + ", " + std::to_string(fidelity.replay_layers) + " layers stand for " +
         std::to_string(layers);
}

std::string acceptance_text(const OracleConfig& oracle) {
  std::string kind = name_of(oracle.kind);
  const std::string file = file_name(oracle.file);
  switch (oracle.kind) {
    case OracleKind::kBernoulli:
      return kind + ", a draft behind no wrong one is right with probability " +
             number(oracle.acceptance) + " (assumed)";
    case OracleKind::kTable:
      if (oracle.file.empty()) return kind + " of the scenario, acceptance by index (assumed)";
      return kind + " " + file + ", method " + printable(oracle.method) + ", category " +
             printable(oracle.category);
    case OracleKind::kConfidence:
      if (!oracle.file.empty()) return kind + " as in " + file;
      return kind + " drawn from Beta(" + std::to_string(oracle.beta_a) + ", " +
             std::to_string(oracle.beta_b) + "), drafts right as often (assumed)";
    case OracleKind::kReplay:
      return kind + " of " + file;
  }
  return kind;
}

// Empty where nothing that matters is left to it: plain decoding only takes its tokens.
std::string oracle_text(const Scenario& scenario) {
  if (scenario.execution == Execution::kFunctional) return {};
  std::string text;
  if (scenario.policy.name == PolicyName::kSelfSpeculative) {
    text = acceptance_text(scenario.oracle);
  }
  if (!scenario.model.shape || scenario.model.shape->experts.count == 0) return text;
  if (!text.empty()) text += "; ";
  const ExpertOracleConfig& experts = scenario.oracle.experts;
  if (experts.kind == ExpertKind::kUniform) return text + "experts drawn evenly (assumed)";
  return text + "experts as in " + file_name(experts.file);
}

std::string source_text(const Workload& workload, std::size_t requests) {
  std::string count = grouped(requests);
  switch (workload.source()) {
    case WorkloadSource::kPrompts:
      return count + (requests == 1 ? " prompt" : " prompts") + ", at most " +
             std::to_string(workload.max_tokens) + " new tokens" + (requests == 1 ? "" : " each");
    case WorkloadSource::kTrace:
      return "trace " + file_name(workload.trace.file) + ", " + count + " requests, arrivals " +
             name_of(workload.trace.arrivals.kind);
    case WorkloadSource::kGenerate:
      return count + " drawn requests, tokens " + range_text(workload.generate.input) + " in and " +
             range_text(workload.generate.output) + " out, arrivals " +
             name_of(workload.generate.arrivals.kind);
    case WorkloadSource::kBatch:
      return "batch of " + count + " in the midst of decoding, context " +
             (workload.batch.file.empty() ? std::to_string(workload.batch.context)
                                          : "as in " + file_name(workload.batch.file)) +
             ", " + std::to_string(workload.max_tokens) + " new tokens each";
  }
  return count;
}

// Empty for native firmware that decodes, the usual case.
std::string processor_text(const CpuConfig& cpu) {
  if (cpu.form == CpuForm::kNative) {
    return cpu.app == FirmwareApp::kBringup
               ? "native, a HAL call takes " + format_quantity(cpu.hal_call_ps, Quantity::kTime)
               : "";
  }
  const RiscvConfig& core = cpu.riscv;
  return "RISC-V core, " + format_quantity(core.clock_hz, Quantity::kFrequency) + ", quantum " +
         format_quantity(core.quantum_ps, Quantity::kTime) +
         (core.elf.empty() ? "" : ", " + file_name(core.elf));
}

std::string sampling_text(const Sampling& sampling) {
  if (sampling.greedy) return "greedy";
  return "sampled at temperature " + fixed(sampling.temperature, 2) + ", rule " +
         name_of(sampling.rule);
}

std::string policy_text(const PolicyConfig& policy) {
  std::string text = name_of(policy.name);
  if (policy.name == PolicyName::kPlain) return text;
  const DraftConfig& draft = policy.draft;
  text.append(", ").append(name_of(draft.format));
  text.append(", draft length ").append(std::to_string(draft.length));
  if (draft.stop_below > 0.0) text.append(", stop below ").append(fixed(draft.stop_below, 2));
  text.append(", classifier ").append(name_of(draft.classifier));
  text.append(", tables per ").append(name_of(draft.scope));
  return text.append(", KV ").append(name_of(draft.kv));
}

const char* draft_engine(DraftEngine engine, Engine others) {
  return engine == DraftEngine::kSame ? name_of(others) : name_of(engine);
}

std::string placement_text(const PolicyConfig& policy) {
  const PlacementConfig& placement = policy.placement;
  std::string text = std::string("attention ") + name_of(placement.attention) + ", linear " +
                     name_of(placement.linear);
  const bool drafts_elsewhere = placement.draft_attention != DraftEngine::kSame ||
                                placement.draft_linear != DraftEngine::kSame;
  if (drafts_elsewhere && policy.name == PolicyName::kSelfSpeculative) {
    text.append("; of drafts: attention ")
        .append(draft_engine(placement.draft_attention, placement.attention))
        .append(", linear ")
        .append(draft_engine(placement.draft_linear, placement.linear));
  }
  return text + "; one command per " + name_of(policy.granularity);
}

std::string lanes_text(const PolicyConfig& policy, std::size_t requests) {
  if (lanes(policy) == 1) return "1 command in flight";
  if (policy.sub_batches > 1) {
    const std::string from = std::to_string(policy.sub_batch_min) + " sequences on (sub_batch_min)";
    const std::size_t most = std::min<std::size_t>(policy.max_batch, requests);
    if (most >= policy.sub_batch_min) return "2 sub-batches from " + from;
    return "1 command in flight: 2 sub-batches from " + from + ", there are at most " +
           std::to_string(most);
  }
  const DraftConfig& draft = policy.draft;
  std::string text = "2: drafts up to " + std::to_string(draft.ahead) +
                     " tokens ahead of verification, control " + name_of(draft.control);
  return draft.pre_verify ? text + ", pre-verification" : text;
}

std::string memory_text(const DramConfig& dram) {
  return dram.device.shown() + ", " + std::to_string(dram.channels) +
         (dram.channels == 1 ? " channel, " : " channels, ") +
         format_quantity(dram.capacity_bytes, Quantity::kBytes);
}

std::string npu_text(const NpuConfig& npu) {
  return std::to_string(npu.array.count) + " x " + std::to_string(npu.array.rows) + " x " +
         std::to_string(npu.array.columns) + " PEs (" + name_of(npu.array.dataflow) + ") at " +
         format_quantity(npu.clock_hz, Quantity::kFrequency);
}

// What is used: the scenario's choice, or that of the device.
std::string pim_text(const HardwareConfig& platform) {
  const PimConfig& pim = platform.pim;
  if (!pim.enabled) return "none";
  std::string commands = name_of(pim.command_set);
  std::string row_buffer = name_of(pim.row_buffer);
  if (pim.command_set == PimCommandsChoice::kDevice || pim.row_buffer == RowBufferChoice::kDevice) {
    const PimDevice device = read_named_device(platform.dram.device, platform.dram.overrides).pim;
    const bool described = device.command_set != PimCommandSet::kNone;
    const PimCommandSet assumed = described ? device.command_set : PimCommandSet::kNewton;
    const RowBuffer buffer = described ? device.row_buffer : RowBuffer::kDual;
    if (pim.command_set == PimCommandsChoice::kDevice) commands = name_of(assumed);
    if (pim.row_buffer == RowBufferChoice::kDevice) row_buffer = name_of(buffer);
  }
  return "commands: " + commands + ", row buffer: " + row_buffer;
}

}  // namespace

std::vector<SetupLine> setup_lines(const Scenario& scenario, const RunReport& report) {
  std::vector<SetupLine> lines;
  const auto add = [&lines](const char* label, const std::string& text) {
    if (!text.empty()) lines.push_back({label, text});
  };
  const std::string slice = slice_text(scenario.run);
  if (!slice.empty()) add("slice", slice + "; all figures are of it");
  add("model", model_text(scenario.model, report.model));
  add("execution", scenario.execution == Execution::kFunctional
                       ? "functional: tensors are computed"
                       : "timing only: tensors are not computed");
  add("fidelity", fidelity_text(scenario, report.model));
  add("oracle", oracle_text(scenario));
  if (!report.bringup) {
    add("workload", source_text(scenario.workload, report.requests.size()) + ", " +
                        sampling_text(scenario.workload.sampling));
    add("policy", policy_text(scenario.policy));
    add("placement", placement_text(scenario.policy));
    add("lanes", lanes_text(scenario.policy, report.requests.size()));
  }
  add("processor", processor_text(scenario.platform.cpu));
  add("memory", memory_text(scenario.platform.dram));
  add("NPU", npu_text(scenario.platform.npu));
  add("PIM", pim_text(scenario.platform));
  return lines;
}

}  // namespace tandem::platform
