// SPDX-License-Identifier: Apache-2.0
#include "scenario_check.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>

#include "device_schema.h"
#include "fault_plan.h"
#include "oracle/check_oracle.h"
#include "register_names.h"
#include "tandem/abi/command.h"
#include "tandem/memory/field_error.h"
#include "tandem/platform/device_file.h"
#include "tandem/platform/model/shard.h"
#include "tandem/platform/names.h"
#include "text.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kFp16Bytes = 2;
constexpr std::uint64_t kFp32Bytes = 4;
constexpr std::uint64_t kPageBytes = 0x1000;
constexpr std::uint64_t kSmallestBurstBytes = 64;
constexpr std::uint64_t kLargestBurstBytes = 65'536;
constexpr std::uint64_t kSlowestLinkBytesPerS = 1'000'000;

bool is_power_of_two(std::uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

std::string size(std::uint64_t bytes) {
  return format_quantity(bytes, Quantity::kBytes);
}

class Checker {
 public:
  Checker(const BindingNotes& notes, const YamlMark& start) : notes_(notes), start_(start) {}

  // Blames the key, or the nearest section around it that is written.
  [[noreturn]] void fail(const std::string& path, const std::string& message,
                         std::string hint = {}) const {
    throw ScenarioError(mark_of(path), path, message, std::move(hint));
  }

  const YamlMark& mark_of(const std::string& path) const { return notes_.mark_of(path, start_); }

  void power_of_two(const std::string& path, std::uint64_t bytes) const {
    if (!is_power_of_two(bytes)) fail(path, "expected a power of two, got " + size(bytes));
  }

 private:
  const BindingNotes& notes_;
  const YamlMark& start_;
};

void check_mapping(const Checker& check, const DramConfig& dram, const DeviceFile& device) {
  const std::uint64_t interleave = dram.channel_interleave_bytes.value_or(device.interleave_bytes);
  const std::string key = "platform.dram.channel_interleave";
  check.power_of_two(key, interleave);
  if (interleave > device.device.geometry.row_bytes) {
    check.fail(key, size(interleave) + " is more than a row, which is " +
                        size(device.device.geometry.row_bytes));
  }
  const std::string& order = dram.mapping.empty() ? device.mapping : dram.mapping;
  try {
    const memory::AddressMapping check_only(order, dram.channels, device.device.geometry,
                                            static_cast<unsigned>(interleave), device.hash);
  } catch (const memory::FieldError& error) {
    if (error.field() == "interleave_bytes") check.fail(key, error.rule());
    if (error.field() == "mapping") check.fail("platform.dram.mapping", error.rule());
    check.fail("platform.dram.device", error.what());
  }
}

// A warning if the banks need more rows for the capacity than the device has.
std::string stretched_rows(const DramConfig& dram, const memory::DeviceGeometry& geometry) {
  const std::uint64_t row_of_all_banks = std::uint64_t{geometry.banks()} * geometry.row_bytes;
  const std::uint64_t device_bytes = row_of_all_banks * geometry.rows * dram.channels;
  if (dram.capacity_bytes <= device_bytes) return {};
  return "platform.dram.capacity: " + size(dram.capacity_bytes) + " is more than the " +
         std::to_string(dram.channels) + (dram.channels == 1 ? " channel" : " channels") +
         " of the device have, " + size(device_bytes) + "; the run gives every bank more rows";
}

std::vector<std::string> check_dram(const Checker& check, const DramConfig& dram) {
  if (dram.capacity_bytes % dram.channels != 0) {
    check.fail("platform.dram.capacity", size(dram.capacity_bytes) + " cannot be divided into " +
                                             std::to_string(dram.channels) + " channels");
  }
  if (!is_power_of_two(dram.channels)) {
    check.fail("platform.dram.channels",
               "expected a power of two, got " + std::to_string(dram.channels));
  }
  DeviceFile device;
  try {
    device = read_named_device(dram.device, dram.overrides);
  } catch (const ScenarioError&) {
    throw;  // names the line of the device file
  } catch (const memory::FieldError& error) {
    check.fail("platform.dram." + key_of_field(error.field()), error.rule());
  } catch (const UserError& error) {
    check.fail("platform.dram.device", error.what(), error.hint());
  }
  check_mapping(check, dram, device);
  std::vector<std::string> warnings = device.warnings;
  if (const std::string text = stretched_rows(dram, device.device.geometry); !text.empty()) {
    warnings.push_back(text);
  }
  return warnings;
}

void check_npu(const Checker& check, const NpuConfig& npu) {
  const std::uint64_t tile_bytes =
      kFp16Bytes * npu.array.rows * npu.array.columns * npu.array.count;
  if (npu.weight_buffer_bytes < 2 * tile_bytes) {
    check.fail("platform.npu.weight_buffer",
               size(npu.weight_buffer_bytes) + " cannot hold two tiles of FP16 weights, which a " +
                   std::to_string(npu.array.rows) + " x " + std::to_string(npu.array.columns) +
                   " array (" + std::to_string(npu.array.count) +
                   " of them) needs: " + size(2 * tile_bytes),
               "double buffering loads one tile while the other computes");
  }
  const std::uint64_t row_and_column_bytes =
      2 * kFp32Bytes * (npu.array.rows + npu.array.columns) * npu.array.count;
  if (npu.activation_buffer_bytes < row_and_column_bytes) {
    check.fail(
        "platform.npu.activation_buffer",
        size(npu.activation_buffer_bytes) +
            " cannot hold the inputs and outputs of one tile: " + size(row_and_column_bytes));
  }
  check.power_of_two("platform.npu.dma.burst", npu.dma.burst_bytes);
  if (npu.dma.burst_bytes < kSmallestBurstBytes || npu.dma.burst_bytes > kLargestBurstBytes) {
    check.fail("platform.npu.dma.burst", "expected " + size(kSmallestBurstBytes) + ".." +
                                             size(kLargestBurstBytes) + ", got " +
                                             size(npu.dma.burst_bytes));
  }
  if (npu.dma.burst_bytes > npu.weight_buffer_bytes / 2) {
    check.fail("platform.npu.dma.burst", size(npu.dma.burst_bytes) +
                                             " is more than half of the weight buffer, " +
                                             size(npu.weight_buffer_bytes / 2));
  }
}

struct Region {
  const char* key;
  std::uint64_t base;
  std::uint64_t bytes;
};

void check_address_map(const Checker& check, const HardwareConfig& h) {
  const AddressMap& map = h.address_map;
  std::array regions = {
      Region{"interrupt_controller", map.interrupt_controller, kRegisterBlockBytes},
      Region{"timer", map.timer, kRegisterBlockBytes},
      Region{"uart", map.uart, kRegisterBlockBytes},
      Region{"mailbox", map.mailbox, kRegisterBlockBytes},
      Region{"system_control", map.system_control, kRegisterBlockBytes},
      Region{"npu", map.npu, kRegisterBlockBytes},
      Region{"pim", map.pim, kPimWindowBytes},
      Region{"sram", map.sram, h.sram.size_bytes},
      Region{"dram", map.dram, h.dram.capacity_bytes},
      Region{"firmware", map.firmware, h.cpu.riscv.memory_bytes},
  };
  // Only the RISC-V core has a memory of its own.
  std::size_t count = regions.size();
  if (h.cpu.form != CpuForm::kRiscv) --count;
  const std::string prefix = "platform.address_map.";
  for (std::size_t i = 0; i < count; ++i) {
    const Region& region = regions[i];
    if (region.base % kPageBytes != 0) {
      check.fail(prefix + region.key,
                 "expected a multiple of 4 KiB, got " + hexadecimal(region.base));
    }
    if (region.bytes > std::numeric_limits<std::uint64_t>::max() - region.base) {
      check.fail(prefix + region.key, hexadecimal(region.base) + " + " + size(region.bytes) +
                                          " is beyond the 64-bit address space");
    }
  }
  std::sort(regions.begin(), regions.begin() + static_cast<std::ptrdiff_t>(count),
            [](const Region& a, const Region& b) { return a.base < b.base; });
  for (std::size_t i = 1; i < count; ++i) {
    const Region& low = regions[i - 1];
    const Region& high = regions[i];
    if (low.base + low.bytes <= high.base) continue;
    check.fail(prefix + high.key, hexadecimal(high.base) + " overlaps '" + low.key +
                                      "', which is " + hexadecimal(low.base) + ".." +
                                      hexadecimal(low.base + low.bytes - 1));
  }
}

void check_readable(const Checker& check, const std::string& path,
                    const std::filesystem::path& file) {
  const std::string name = "'" + printable_path(file) + "'";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    check.fail(path, "there is no file " + name, check.mark_of(path).relative_path_hint());
  }
  if (!std::filesystem::is_regular_file(file, error)) check.fail(path, name + " is no file");
  if (!std::ifstream(file)) check.fail(path, name + " cannot be read");
}

void check_policy(const Checker& check, const Scenario& scenario) {
  if (scenario.platform.pim.enabled) return;
  const PlacementConfig& placement = scenario.policy.placement;
  const std::string hint = "set platform.pim.enabled: true, or choose npu or auto";
  if (placement.attention == Engine::kPim) {
    check.fail("policy.placement.attention", "pim, but platform.pim.enabled is false", hint);
  }
  if (placement.linear == Engine::kPim) {
    check.fail("policy.placement.linear", "pim, but platform.pim.enabled is false", hint);
  }
  if (placement.draft_attention == DraftEngine::kPim) {
    check.fail("policy.placement.draft_attention", "pim, but platform.pim.enabled is false", hint);
  }
  if (placement.draft_linear == DraftEngine::kPim) {
    check.fail("policy.placement.draft_linear", "pim, but platform.pim.enabled is false", hint);
  }
  if (placement.weight_layout == WeightLayout::kBankTiles) {
    check.fail("policy.placement.weight_layout", "bank_tiles, but platform.pim.enabled is false",
               "set platform.pim.enabled: true, or choose rows");
  }
  const KvLayoutChoice layout = scenario.policy.kv_layout;
  if (layout == KvLayoutChoice::kBankRows || layout == KvLayoutChoice::kHeadSplit) {
    check.fail("policy.kv_layout",
               std::string(name_of(layout)) + ", but platform.pim.enabled is false",
               "set platform.pim.enabled: true, or choose auto or contiguous");
  }
}

// Where all heads share one key there is nothing to divide over banks or channels.
void check_latent(const Checker& check, const Scenario& scenario) {
  if (!scenario.model.shape || !scenario.model.shape->is_latent()) return;
  if (scenario.policy.placement.attention == Engine::kPim) {
    check.fail("policy.placement.attention", "pim, but latent attention (model.mla) is the NPU's",
               "choose npu or auto");
  }
  if (scenario.policy.placement.draft_attention == DraftEngine::kPim) {
    check.fail("policy.placement.draft_attention",
               "pim, but latent attention (model.mla) is the NPU's", "choose same, npu or auto");
  }
  if (scenario.policy.placement.weight_layout == WeightLayout::kBankTiles) {
    check.fail("policy.placement.weight_layout",
               "bank_tiles, but latent attention (model.mla) has matrices for each head",
               "choose rows");
  }
  const KvLayoutChoice layout = scenario.policy.kv_layout;
  if (layout == KvLayoutChoice::kBankRows || layout == KvLayoutChoice::kHeadSplit) {
    check.fail("policy.kv_layout",
               std::string(name_of(layout)) + ", but latent attention (model.mla) is the NPU's",
               "choose auto or contiguous");
  }
}

// A warning, or an empty text.
std::string layout_for_idle_banks(const PolicyConfig& policy) {
  const KvLayoutChoice layout = policy.kv_layout;
  if (layout != KvLayoutChoice::kBankRows && layout != KvLayoutChoice::kHeadSplit) return {};
  const bool drafts_on_pim = policy.name != PolicyName::kPlain &&
                             policy.placement.draft_attention != DraftEngine::kSame &&
                             policy.placement.draft_attention != DraftEngine::kNpu;
  if (policy.placement.attention != Engine::kNpu || drafts_on_pim) return {};
  return std::string("policy.kv_layout: ") + name_of(layout) +
         " serves attention in the banks, but attention is on the NPU, which reads contiguous "
         "pages faster; auto takes those";
}

void check_arrivals(const Checker& check, const std::string& path, const ArrivalConfig& arrivals) {
  const bool paced = arrivals.kind == ArrivalKind::kFixed || arrivals.kind == ArrivalKind::kPoisson;
  const std::string kind = name_of(arrivals.kind);
  if (paced && !arrivals.rate_per_megasecond) {
    check.fail(path + ".kind", kind + " needs a rate", "such as `rate: 4 /s`");
  }
  if (!paced && arrivals.rate_per_megasecond) {
    check.fail(path + ".rate", "only of fixed and poisson, and the kind is " + kind);
  }
}

void check_length(const Checker& check, const std::string& path, const LengthRange& length) {
  if (length.min <= length.max) return;
  check.fail(path + ".min",
             std::to_string(length.min) + " is more than max, " + std::to_string(length.max));
}

void check_batch(const Checker& check, const Scenario& scenario) {
  const BatchConfig& batch = scenario.workload.batch;
  if (scenario.execution == Execution::kFunctional) {
    check.fail("workload.batch", "needs execution: timing",
               "in functional execution tokens depend on what the KV cache holds, and nobody has "
               "computed it");
  }
  const bool listed = !batch.file.empty();
  if (listed && (batch.size != 0 || batch.context != 0)) {
    check.fail("workload.batch", "expected either file, or size and context, got both");
  }
  if (!listed && batch.size == 0) {
    check.fail("workload.batch", "expected either file, or size and context, got neither");
  }
  if (batch.size > scenario.policy.max_batch) {
    check.fail("workload.batch.size", std::to_string(batch.size) +
                                          " is more than policy.max_batch, " +
                                          std::to_string(scenario.policy.max_batch));
  }
  if (listed) check_readable(check, "workload.batch.file", batch.file);
}

constexpr const char* kNoRequests = "platform.cpu.app: bringup takes no requests";

bool takes_no_requests(const Scenario& scenario) {
  return scenario.platform.cpu.app == FirmwareApp::kBringup;
}

void check_register_views(const Checker& check, const Scenario& scenario) {
  try {
    for (const RegisterView& view : parse_register_views(scenario.run.registers)) {
      for (const NamedRegister& named : view.registers) {
        const std::string block = named.block->name;
        const bool absent =
            block == "pe_array" || (block == "pim" && !scenario.platform.pim.enabled);
        if (absent) check.fail("run.registers", named.name + ": this platform has no " + block);
      }
    }
  } catch (const ScenarioError&) {
    throw;
  } catch (const UserError& error) {
    check.fail("run.registers", error.what(), error.hint());
  }
}

void check_app(const Checker& check, const Scenario& scenario) {
  if (!takes_no_requests(scenario)) return;
  if (scenario.execution != Execution::kFunctional) {
    check.fail("platform.cpu.app", "bringup looks at results, which execution: timing has none of",
               "leave execution away");
  }
  if (scenario.run.baseline != Baseline::kNone) check.fail("run.baseline", kNoRequests);
  if (!scenario.run.record_oracle.empty()) check.fail("run.record_oracle", kNoRequests);
  if (scenario.run.layers || scenario.run.steps) check.fail("run", kNoRequests);
}

void check_workload(const Checker& check, const Scenario& scenario) {
  const Workload& w = scenario.workload;
  const int sources = int{!w.prompts.empty()} + int{w.trace.present} + int{w.generate.present} +
                      int{w.batch.present};
  if (takes_no_requests(scenario)) {
    if (sources != 0) check.fail("workload", kNoRequests);
    return;
  }
  if (sources != 1) {
    check.fail("workload", std::string("expected one of prompts, trace, generate and batch, got ") +
                               (sources == 0 ? "none" : "several"));
  }
  if (w.trace.present) {
    check_readable(check, "workload.trace.file", w.trace.file);
    check_arrivals(check, "workload.trace.arrivals", w.trace.arrivals);
  }
  if (w.generate.present) {
    check_length(check, "workload.generate.input_tokens", w.generate.input);
    check_length(check, "workload.generate.output_tokens", w.generate.output);
    check_arrivals(check, "workload.generate.arrivals", w.generate.arrivals);
    if (w.generate.arrivals.kind == ArrivalKind::kAsGiven) {
      check.fail("workload.generate.arrivals.kind",
                 "as_given is for traces: nothing is given here");
    }
  }
  if (w.batch.present) check_batch(check, scenario);
}

void check_batching(const Checker& check, const PolicyConfig& policy) {
  if (policy.page_tokens % 16 != 0) {
    check.fail("policy.page_tokens",
               "expected a multiple of 16, got " + std::to_string(policy.page_tokens));
  }
  const std::uint32_t needed =
      policy.name == PolicyName::kSelfSpeculative ? policy.draft.length + 1 : 1;
  if (policy.batch_tokens != 0 && policy.batch_tokens < needed) {
    check.fail("policy.batch_tokens",
               std::to_string(policy.batch_tokens) +
                   " is less than one round takes: " + std::to_string(needed));
  }
}

// Requests of the workload; nothing where a file says how many.
std::optional<std::size_t> requests_of(const Workload& workload) {
  switch (workload.source()) {
    case WorkloadSource::kPrompts:
      return workload.prompts.size();
    case WorkloadSource::kTrace:
      return workload.trace.requests;
    case WorkloadSource::kGenerate:
      return workload.generate.requests;
    case WorkloadSource::kBatch:
      if (workload.batch.file.empty()) return workload.batch.size;
      return {};
  }
  return {};
}

// A warning if there can never be two.
std::string idle_sub_batches(const Scenario& scenario) {
  const PolicyConfig& policy = scenario.policy;
  if (policy.sub_batches == 1) return {};
  const std::size_t most = std::min<std::size_t>(
      policy.max_batch, requests_of(scenario.workload).value_or(policy.max_batch));
  if (most >= policy.sub_batch_min) return {};
  return "policy.sub_batches: " + std::to_string(policy.sub_batches) + " has no effect: at most " +
         std::to_string(most) + (most == 1 ? " sequence is" : " sequences are") +
         " in work, and there are two parts from " + std::to_string(policy.sub_batch_min) +
         " on (policy.sub_batch_min)";
}

// It has the second command in flight, one per token, and must not write where verification does.
void check_ahead(const Checker& check, const Scenario& scenario) {
  const PolicyConfig& policy = scenario.policy;
  const DraftConfig& draft = policy.draft;
  if (draft.ahead == 0) {
    if (draft.control == DraftControl::kHistory) {
      check.fail("policy.draft.control", "history needs policy.draft.ahead",
                 "a draft of a whole round is one command: write `ahead: 4`, or `control: length`");
    }
    if (draft.pre_verify) {
      check.fail("policy.draft.pre_verify", "needs policy.draft.ahead",
                 "without it nothing is free while a round is verified");
    }
    return;
  }
  if (policy.name == PolicyName::kPlain) return;
  if (draft.length + draft.ahead > abi::kMaxDraft) {
    check.fail("policy.draft.ahead",
               "length and ahead are " + std::to_string(draft.length + draft.ahead) +
                   " tokens, expected at most " + std::to_string(abi::kMaxDraft));
  }
  if (draft.kv != DraftKv::kOwn) {
    check.fail("policy.draft.ahead", "needs policy.draft.kv: own",
               "in a shared cache drafts would overwrite what is being verified");
  }
  if (policy.sub_batches > 1) {
    check.fail("policy.draft.ahead", "needs policy.sub_batches: 1",
               "the second command in flight is that of the drafts");
  }
  if (policy.granularity != Granularity::kStep) {
    check.fail("policy.draft.ahead", "needs policy.granularity: step");
  }
  if (!scenario.workload.sampling.greedy &&
      scenario.workload.sampling.rule == SamplingRule::kStandard) {
    check.fail("policy.draft.ahead", "needs greedy sampling or workload.sampling.rule: coupled",
               "the standard rule compares distributions, which are kept for one round only");
  }
}

// Layers that are left out have no tensors, no DRAM commands and no place in the timeline.
void check_replay(const Checker& check, const Scenario& scenario) {
  const Fidelity& fidelity = scenario.fidelity;
  if (fidelity.layers != Layers::kReplay) return;
  if (scenario.execution != Execution::kTiming) {
    check.fail("fidelity.layers", "replay needs execution: timing",
               "tensors are computed layer by layer: write `layers: all`");
  }
  if (fidelity.memory != FidelityLevel::kTransaction) {
    check.fail("fidelity.layers", "replay needs fidelity.memory: transaction",
               "at command fidelity every DRAM command is scheduled: write `layers: all`");
  }
  if (lanes(scenario.policy) > 1) {
    check.fail("fidelity.layers",
               scenario.policy.sub_batches > 1 ? "replay needs policy.sub_batches: 1"
                                               : "replay needs policy.draft.ahead: 0",
               "two commands meet at the engines in every layer: write `layers: all`");
  }
  if (scenario.run.timeline.enabled) {
    check.fail("fidelity.layers", "replay needs run.timeline: off",
               "the timeline would show a gap where layers are left out");
  }
}

void check_fidelity(const Checker& check, const Scenario& scenario) {
  const Fidelity& fidelity = scenario.fidelity;
  check_replay(check, scenario);
  if (scenario.platform.dram.check_timing && fidelity.memory != FidelityLevel::kCommand) {
    check.fail("platform.dram.check_timing", "needs fidelity: command",
               "at fidelity transaction there are no DRAM commands to judge");
  }
  if (!scenario.platform.pim.enabled || fidelity.memory == fidelity.pim) return;
  check.fail("fidelity.pim",
             std::string("expected that of the memory, ") + name_of(fidelity.memory) + ", got " +
                 name_of(fidelity.pim),
             "they work on the same banks: write `fidelity: " +
                 std::string(name_of(fidelity.memory)) + "` for both");
}

void check_devices(const Checker& check, const Scenario& scenario) {
  const std::uint32_t count = scenario.platform.devices.count;
  if (count == 1) return;
  const std::string key = "platform.devices.count";
  if (scenario.platform.devices.link.bandwidth_bytes_per_s < kSlowestLinkBytesPerS) {
    check.fail("platform.devices.link.bandwidth", "expected at least 1 MB/s");
  }
  if (scenario.execution == Execution::kFunctional) {
    check.fail(key, "needs execution: timing",
               "only one of the devices is simulated, so nobody computes the others' sums; which "
               "tokens are right depends on their number as well");
  }
  if (!scenario.model.shape) return;  // that of weights is known when they are read
  const std::string why_not = why_not_shared(*scenario.model.shape, count);
  if (!why_not.empty()) check.fail(key, why_not);
}

// What has been shown to the user before a reset must come again.
void check_reset(const Checker& check, const Scenario& scenario) {
  const ResetConfig& reset = scenario.run.reset;
  if (!reset.present) return;
  if (reset.what == ResetTarget::kPim && !scenario.platform.pim.enabled) {
    check.fail("run.reset.what", "there is no PIM", "set platform.pim.enabled: true");
  }
  const Sampling& sampling = scenario.workload.sampling;
  if (!sampling.greedy && sampling.rule == SamplingRule::kStandard) {
    check.fail("run.reset", "needs greedy or `coupled` sampling",
               "with rule `standard` a request that is computed again may get other tokens");
  }
}

}  // namespace

std::vector<std::string> check_scenario(const Scenario& scenario, const BindingNotes& notes,
                                        const YamlMark& start) {
  const Checker check(notes, start);
  const HardwareConfig& h = scenario.platform;
  std::vector<std::string> warnings = check_dram(check, h.dram);
  check_npu(check, h.npu);
  check.power_of_two("platform.interconnect.width", h.interconnect.width_bytes);
  if (h.sram.size_bytes % kPageBytes != 0) {
    check.fail("platform.sram.size",
               "expected a multiple of 4 KiB, got " + size(h.sram.size_bytes));
  }
  check_address_map(check, h);
  check_devices(check, scenario);
  check_policy(check, scenario);
  check_latent(check, scenario);
  if (const std::string text = layout_for_idle_banks(scenario.policy); !text.empty()) {
    warnings.push_back(text);
  }
  check_batching(check, scenario.policy);
  check_ahead(check, scenario);
  check_app(check, scenario);
  check_register_views(check, scenario);
  check_workload(check, scenario);
  if (const std::string text = idle_sub_batches(scenario); !text.empty()) warnings.push_back(text);
  check_fidelity(check, scenario);
  const std::string bulk = check_oracle(
      scenario, [&check](const std::string& path, const std::string& message,
                         const std::string& hint) { check.fail(path, message, hint); });
  if (!bulk.empty()) warnings.push_back(bulk);
  if (!scenario.run.record_oracle.empty() && scenario.execution != Execution::kFunctional) {
    check.fail("run.record_oracle", "needs execution: functional",
               "what a timing-only run decides comes from an oracle already");
  }
  check_reset(check, scenario);
  if (!scenario.model.weights.empty()) {
    check_readable(check, "model.weights", scenario.model.weights);
  }
  if (!scenario.model.tokenizer.empty()) {
    check_readable(check, "model.tokenizer", scenario.model.tokenizer);
  }
  check_faults(scenario, [&check](const std::string& path, const std::string& message,
                                  const std::string& hint) { check.fail(path, message, hint); });
  if (scenario.run.timeline.end_ps <= scenario.run.timeline.begin_ps) {
    check.fail("run.timeline.end", "the window ends before it begins");
  }
  return warnings;
}

}  // namespace tandem::platform
