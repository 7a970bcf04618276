// SPDX-License-Identifier: Apache-2.0
// What an Soc reports about itself: pulled from its modules, at one moment.
#include <algorithm>
#include <string_view>

#include "soc.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

constexpr double kPicosecondsPerSecond = 1e12;
constexpr std::size_t kViolationsShown = 3;  // of each channel

double share(double part, double whole) {
  return whole > 0.0 ? part / whole : 0.0;
}

const char* phase_name(std::size_t phase) {
  if (phase == npu::kIdlePhase) return "idle";
  switch (static_cast<abi::Phase>(phase)) {
    case abi::Phase::kOther:
      return "other";
    case abi::Phase::kPrefill:
      return "prefill";
    case abi::Phase::kDraft:
      return "draft";
    case abi::Phase::kVerify:
      return "verify";
    case abi::Phase::kDecode:
      return "decode";
    case abi::Phase::kAttention:
      return "attention";
  }
  throw InternalError("unknown phase");
}

double integer(const observe::StatisticsTable& table, const std::string& path) {
  const observe::Statistic* statistic = table.find(path);
  if (statistic == nullptr) throw InternalError("no statistic " + path);
  return statistic->as_double();
}

bool has_ending(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

// Cycles that the multiply-accumulates would take if every multiplier were always in use.
double least_matrix_cycles(const observe::StatisticsTable& table) {
  constexpr std::string_view kFormats = "npu.matrix.by_format.";
  constexpr std::string_view kMacs = ".macs";
  double cycles = 0.0;
  for (const observe::Statistic& statistic : table.all()) {
    const std::string_view path = statistic.path;
    if (path.substr(0, kFormats.size()) != kFormats || !has_ending(path, kMacs)) continue;
    const std::string format(path.substr(0, path.size() - kMacs.size()));
    cycles += statistic.as_double() / integer(table, format + ".peak_macs_per_cycle");
  }
  return cycles;
}

DriverCost split(const std::optional<DriverCost::Part>& start, const DriverCost::Part& all) {
  if (!start) return {all, {}};
  return {*start,
          {all.commands - start->commands, all.instructions - start->instructions,
           all.bus_accesses - start->bus_accesses, all.interrupts - start->interrupts,
           all.interrupt_latency_ps - start->interrupt_latency_ps, all.busy_ps - start->busy_ps,
           all.time_ps - start->time_ps}};
}

// On average per pass; nothing if there was none.
std::optional<PassBytes> pass_bytes(const npu::Npu& npu, abi::Phase phase,
                                    std::uint64_t table_and_scale_bytes) {
  const npu::PassCounters& counters = npu.pass_counters(phase);
  if (counters.passes == 0) return {};
  return PassBytes{counters.weight_bytes / counters.passes, table_and_scale_bytes};
}

}  // namespace

std::vector<std::string> Soc::phase_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= npu::kIdlePhase; ++i) names.emplace_back(phase_name(i));
  return names;
}

std::uint64_t Soc::prefill_ps() const {
  return npu_.phase_times().phase_ps[static_cast<std::size_t>(abi::Phase::kPrefill)];
}

std::string Soc::timing_violations() const {
  std::string text;
  for (unsigned i = 0; i < dram().channels(); ++i) {
    const memory::TimingChecker* checker = dram().checker(i);
    if (checker == nullptr) continue;
    const std::vector<memory::Violation>& found = checker->violations();
    for (std::size_t n = 0; n < std::min(found.size(), kViolationsShown); ++n) {
      text += "channel " + std::to_string(i) + ": " + memory::text(found[n]) + '\n';
    }
  }
  if (text.empty() && dram().timing_violations() > 0) {
    text = std::to_string(dram().timing_violations()) + " before the last reset\n";
  }
  return text;
}

Outcome Soc::measure() const {
  Outcome outcome;
  const std::uint64_t now_ps = common::now_ps();
  outcome.simulated_time_ps = now_ps;
  outcome.prefill_time_ps = prefill_ps();
  outcome.decode_time_ps = decode_clock_.elapsed_ps(now_ps, prefill_ps());
  outcome.requests = transcript_.requests();
  outcome.serving = transcript_.counters();
  outcome.complete =
      transcript_.all_ended() && transcript_.all_ok() && transcript_.violation().empty();
  outcome.resets = resets_.counts();
  outcome.scheduled_resets = resets_.scheduled();
  outcome.own_firmware = hardware_.cpu.own_firmware();
  if (outcome.own_firmware) outcome.violation = transcript_.violation();
  outcome.phases = phases();
  outcome.stages = stages();
  outcome.group = group(now_ps);
  outcome.driver = split(driver_start_, driver_cost());
  // Tables decode both planes of a weight; a draft and INT weights have scales of their own.
  const std::uint64_t full_bytes = sizes_.table_bytes + sizes_.full_scale_bytes;
  outcome.draft_pass =
      pass_bytes(npu_, abi::Phase::kDraft, sizes_.table_bytes + sizes_.scale_bytes);
  const std::optional<PassBytes> verify = pass_bytes(npu_, abi::Phase::kVerify, full_bytes);
  outcome.verify_pass =
      verify ? *verify : pass_bytes(npu_, abi::Phase::kDecode, full_bytes).value_or(PassBytes{});
  collect_statistics(outcome.statistics);
  outcome.timing_violations = timing_violations();
  if (faults_) {
    outcome.faults = fault_report(faults_->log(), transcript_, hardware_.cpu.command_timeout_ps);
    outcome.faults->missed = faults_->missed();
  }
  outcome.energy = energy_;
  read_energy(outcome.energy, npu_.phase());
  outcome.utilisations = utilisations(outcome.statistics, now_ps);
  return outcome;
}

DriverCost::Part Soc::driver_cost() const {
  const cpu::ControlCpu::Work work = cpu_->work();
  return {npu_.completed_commands(), work.instructions, work.bus_accesses, work.interrupts,
          work.interrupt_latency_ps, work.busy_ps,      common::now_ps()};
}

std::vector<PhaseTime> Soc::phases() const {
  const npu::PhaseTimes times = npu_.phase_times();
  std::vector<PhaseTime> phases;
  for (std::size_t i = 0; i < times.phase_ps.size(); ++i) {
    if (times.phase_ps[i] == 0) continue;
    phases.push_back({phase_name(i), times.phase_ps[i]});
  }
  phases.push_back({phase_name(npu::kIdlePhase), times.idle_ps});
  return phases;
}

std::vector<StageTime> Soc::stages() const {
  static constexpr std::array<const char*, abi::kStages> kNames = {
      "other", "qkv", "attention", "projection", "ffn", "classifier"};
  const auto row = [](std::uint32_t phase, const char* stage, const npu::Window& window) {
    const npu::BusyTimes& busy_ps = window.busy_ps;
    return StageTime{phase_name(phase),    stage,
                     window.time_ps,       busy_ps[npu::kMemory],
                     busy_ps[npu::kArray], busy_ps[npu::kVectorUnit],
                     busy_ps[npu::kPim],   busy_ps[npu::kSampler],
                     busy_ps[npu::kLink]};
  };
  std::vector<StageTime> stages;
  for (std::uint32_t phase = 0; phase < abi::kPhases; ++phase) {
    std::vector<StageTime> rows = {row(phase, "all", npu_.phase_window(phase))};
    for (std::size_t stage = 0; stage < abi::kStages; ++stage) {
      const npu::Window window = npu_.stage_window(phase, stage);
      if (window.time_ps != 0) rows.push_back(row(phase, kNames[stage], window));
    }
    if (rows.size() > 1) stages.insert(stages.end(), rows.begin(), rows.end());
  }
  return stages;
}

std::optional<DeviceGroup> Soc::group(std::uint64_t time_ps) const {
  const npu::Link& link = npu_.link();
  if (!link.connected()) return {};
  std::uint64_t memory_bytes = 0;
  for (unsigned i = 0; i < dram().channels(); ++i) {
    const memory::Stack::Traffic traffic = dram().traffic(i);
    memory_bytes += traffic.read_bytes + traffic.write_bytes;
  }
  const double seconds = static_cast<double>(time_ps) / kPicosecondsPerSecond;
  return DeviceGroup{link.config().devices, link.bytes(), link.busy_ps(),
                     share(static_cast<double>(memory_bytes), seconds)};
}

std::vector<Utilisation> Soc::utilisations(const observe::StatisticsTable& table,
                                           std::uint64_t time_ps) const {
  const auto time = static_cast<double>(time_ps);
  const auto busy = [&](const std::string& path) { return share(integer(table, path), time); };
  const auto period_ps = static_cast<double>(npu_.config().clock_period_ps);

  std::vector<Utilisation> all;
  all.push_back({"npu.matrix", busy("npu.matrix.busy_ps"), "time in use"});
  all.push_back({"npu.matrix.macs", share(least_matrix_cycles(table) * period_ps, time),
                 "multiply-accumulates, of the array's peak"});
  all.push_back({"npu.vector", busy("npu.vector.busy_ps"), "time in use"});
  all.push_back({"npu.sampler", busy("npu.sampler.busy_ps"), "time in use"});
  all.push_back({"npu.attention", busy("npu.attention_ps"), "time with attention in flight"});
  if (npu_.link().connected()) {
    const auto link_peak = static_cast<double>(npu_.link().config().bandwidth_bytes_per_s);
    all.push_back(
        {"npu.link",
         share(static_cast<double>(npu_.link().bytes()), link_peak * time / kPicosecondsPerSecond),
         "bytes sent, of the link's bandwidth"});
  }
  const memory::Stack& stack = dram();
  const double peak_bytes =
      stack.config().device.geometry.peak_bytes_per_s() * time / kPicosecondsPerSecond;
  for (unsigned i = 0; i < stack.channels(); ++i) {
    const memory::Stack::Traffic traffic = stack.traffic(i);
    const std::string channel = ".channel" + std::to_string(i);
    const auto bytes = static_cast<double>(traffic.read_bytes + traffic.write_bytes);
    all.push_back({"memory" + channel, share(bytes, peak_bytes), "bytes, of the peak bandwidth"});
    if (pim_) {
      all.push_back({"pim" + channel, share(static_cast<double>(pim_->busy_ps(i)), time),
                     "time with computation in the banks"});
    }
  }
  return all;
}

void Soc::collect_statistics(observe::StatisticsSink& sink) const {
  const auto collect = [&sink](const char* name, const auto& module) {
    const observe::StatisticsGroup group(sink, name);
    module.collect(sink);
  };
  collect("cpu", *cpu_);
  collect("npu", npu_);
  collect("memory", dram());
  if (pim_) collect("pim", *pim_);
  collect("sram", sram_);
  collect("bus", bus_);
  collect("intc", intc_);
  collect("timer", timer_);
  collect("uart", uart_);
  collect("mailbox", mailbox_);
  collect("syscon", syscon_);
  if (faults_) collect("faults", faults_->log());
}

void Soc::read_energy(observe::PhaseLedger& ledger, std::uint32_t phase) const {
  const auto read = [&ledger, phase](const char* name, const auto& module) {
    ledger.read(name, phase);
    module.collect_energy(ledger);
  };
  read("npu", npu_);
  read("memory", dram());
  if (pim_) read("pim", *pim_);
  read("sram", sram_);
}

}  // namespace tandem::platform
