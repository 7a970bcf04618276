// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/session.h"

#include <chrono>
#include <memory>
#include <optional>
#include <systemc>

#include "access_log.h"
#include "oracle/oracle_recorder.h"
#include "register_names.h"
#include "request_list.h"
#include "soc.h"
#include "tandem/common/register_bank.h"
#include "tandem/firmware/apps/bringup.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model/loaded_model.h"
#include "tandem/platform/model/shard.h"
#include "tandem/platform/oracle.h"
#include "wall_limit.h"

namespace tandem::platform {
namespace {

// After the last record the UART still sends what its FIFO holds.
constexpr std::uint64_t kDrainPs = 10'000'000'000;
constexpr std::uint64_t kStartPs = 100'000'000;

observe::Timeline::Limits limits(const TimelineConfig& config) {
  observe::Timeline::Limits limits;
  limits.begin_ps = config.begin_ps;
  limits.end_ps = config.end_ps;
  limits.max_events = config.max_events;
  return limits;
}

ModelFacts facts_of(ModelShape shape, const RunConfig& run) {
  if (run.layers) shape.layers = run.of_layers;
  const ParameterCount count = count_parameters(shape);
  return {count.all, count.active, shape.layers, shape.max_positions};
}

// The SoCs of one run, side by side in one kernel, each from time 0 and by itself.
class Session {
 public:
  // `firmware`: nullptr for that of the scenario.
  Session(const Scenario& scenario, RunObserver& observer,
          const tandem_firmware* firmware = nullptr)
      : scenario_(scenario),
        observer_(observer),
        model_(load_model(scenario.model, scenario.execution)),
        facts_(facts_of(model_.shape, scenario.run)),
        requests_(scenario, model_.tokenizer_or_null(), model_.shape) {
    model_.shape = shard(model_.shape, scenario.platform.devices.count);
    if (scenario.run.timeline.enabled) {
      timeline_ = std::make_unique<observe::Timeline>(limits(scenario.run.timeline));
    }
    if (!scenario.run.record_oracle.empty()) {
      recorder_ = std::make_unique<OracleRecorder>(requests_.prompts());
    }
    if (scenario.execution == Execution::kTiming) {
      oracle_ = checked_oracle();
    }
    Soc::Setup setup{scenario, scenario.policy, model_, requests_};
    if (scenario.run.log.enabled()) log_.emplace(scenario.run.log, scenario.platform);
    setup.log = log_ ? &*log_ : nullptr;
    setup.firmware = firmware;
    setup.oracle = oracle_.get();
    setup.timeline = timeline_.get();
    setup.choices = recorder_.get();
    setup.echo = requests_.written();
    soc_.emplace("soc", setup,
                 Soc::Listener{[this](char byte) {
                                 if (is_bringup()) console_ += byte;
                                 observer_.uart({&byte, 1});
                               },
                               [this] { on_progress("run"); }});
    for (const RegisterView& view : parse_register_views(scenario.run.registers)) {
      sc_core::sc_spawn([this, view] { show(view); });
    }
    setup.log = nullptr;
    if (scenario.run.baseline == Baseline::kPlain && scenario.policy.name != PolicyName::kPlain) {
      setup.policy.name = PolicyName::kPlain;
      setup.timeline = nullptr;
      setup.choices = nullptr;
      setup.echo = false;
      baseline_.emplace("baseline", setup,
                        Soc::Listener{nullptr, [this] { on_progress("plain baseline"); }});
    }
  }

  // Builds everything and lets the firmware see whether it can work, which takes it no longer.
  void start_firmware() {
    sc_core::sc_start(common::from_ps(kStartPs), sc_core::SC_EXIT_ON_STARVATION);
    refuse_unusable(*soc_, scenario_);
    if (baseline_) refuse_unusable(*baseline_, scenario_);
  }

  RunReport run() {
    std::optional<WallLimit> wall_limit;
    if (scenario_.run.max_wall_time_ps) {
      wall_limit.emplace(std::chrono::nanoseconds(*scenario_.run.max_wall_time_ps / 1000));
    }
    sc_core::sc_start(common::from_ps(scenario_.run.max_simulated_time_ps),
                      sc_core::SC_EXIT_ON_STARVATION);
    refuse_unusable(*soc_, scenario_);
    if (baseline_) refuse_unusable(*baseline_, scenario_);
    const bool out_of_wall_time = wall_limit && wall_limit->reached() && !all_ended();
    wall_limit.reset();
    const std::string unfinished = why_unfinished(out_of_wall_time);
    const Outcome outcome = result_of(*soc_, unfinished);
    std::optional<Outcome> baseline;
    if (baseline_) baseline = result_of(*baseline_, unfinished);
    if (all_ended()) sc_core::sc_start(common::from_ps(kDrainPs), sc_core::SC_EXIT_ON_STARVATION);

    RunReport report =
        make_report(outcome, model_.tokenizer_or_null(), requests_, scenario_.workload.slo);
    if (baseline) {
      if (report.complete && !baseline->complete) {
        report.incomplete_reason = "the plain baseline did not answer every request";
      }
      report.complete = report.complete && baseline->complete;
      if (!baseline->timing_violations.empty()) {
        report.timing_violations += "in the plain baseline:\n" + baseline->timing_violations;
      }
      report.baseline = make_baseline(outcome, *baseline);
    }
    if (is_bringup()) take_bringup(outcome, report);
    report.registers = registers_;
    for (const RegisterView& view : parse_register_views(scenario_.run.registers)) {
      if (view.at_ps > outcome.simulated_time_ps) add_missing(view, report.registers);
    }
    if (log_) {
      report.access_log = log_->text();
      report.access_log_dropped = log_->dropped();
    }
    report.model = facts_;
    report.stopped_by_limit = out_of_wall_time || reached_limit();
    report.timeline = std::move(timeline_);
    if (recorder_) report.oracle_record = recorder_->to_csv(scenario_, model_.shape.vocabulary);
    return report;
  }

 private:
  // A process of its own: reads registers when their time has come.
  void show(const RegisterView& view) {
    sc_core::wait(common::from_ps(view.at_ps));
    if (all_ended()) return;
    for (const NamedRegister& named : view.registers) {
      const std::uint32_t value = soc_->read_register(*named.block, named.offset);
      registers_.push_back({view.at_ps, named.name, value,
                            common::describe_access(*named.block, named.offset, value, false)});
    }
  }

  static void add_missing(const RegisterView& view, std::vector<RegisterValue>& values) {
    for (const NamedRegister& named : view.registers) {
      values.push_back({view.at_ps, named.name, {}, named.name + ": the run ended before"});
    }
  }

  bool is_bringup() const {
    return scenario_.platform.cpu.app == FirmwareApp::kBringup &&
           scenario_.platform.cpu.riscv.elf.empty();
  }

  // It is judged by what it says, and by the status that it stops with.
  void take_bringup(const Outcome& outcome, RunReport& report) const {
    report.bringup = read_bringup(console_);
    const bool says_so = soc_->firmware_exit() == 0;
    report.complete = report.bringup->good() && says_so;
    report.stopped_by_firmware = soc_->ended();
    if (report.complete) return;
    report.incomplete_reason = report.bringup->reason();
    if (report.incomplete_reason.empty() || !soc_->ended())
      report.incomplete_reason = outcome.unfinished;
  }

  OracleFacts oracle_facts() const {
    OracleFacts facts;
    facts.vocabulary = model_.shape.vocabulary;
    if (scenario_.workload.stop_at_eos) facts.stop_ids.push_back(kEosToken);
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      const PlannedRequest& request = requests_.planned(i);
      facts.requests.push_back({request.prompt_tokens, request.max_tokens});
    }
    facts.prompt = [this](std::size_t request) { return requests_.prompt(request); };
    facts.layers = model_.shape.layers;
    facts.experts = model_.shape.experts.count;
    facts.top_k = model_.shape.experts.top_k;
    return facts;
  }

  std::unique_ptr<npu::TokenOracle> checked_oracle() const {
    try {
      return make_oracle(scenario_, oracle_facts());
    } catch (const UserError& error) {
      throw UserError(std::string("oracle: ") + error.what(), error.hint());
    }
  }

  bool all_ended() const { return soc_->ended() && (!baseline_ || baseline_->ended()); }

  void on_progress(const char* stage) {
    std::uint64_t tokens = soc_->transcript().tokens();
    std::uint64_t expected = requests_.expected_tokens();
    if (baseline_) {
      tokens += baseline_->transcript().tokens();
      expected *= 2;
    }
    observer_.progress({stage, common::now_ps(), tokens, expected});
    if (all_ended()) sc_core::sc_pause();
  }

  bool reached_limit() const { return !all_ended() && sc_core::sc_pending_activity(); }

  std::string why_unfinished(bool out_of_wall_time) const {
    const std::string position = soc_->firmware_position();
    const std::string where = position.empty() ? "" : "; the firmware was at " + position;
    if (out_of_wall_time) return "run.max_wall_time was reached" + where;
    if (reached_limit()) return "run.max_simulated_time was reached" + where;
    return "nothing was left to happen after " + std::to_string(common::now_ps()) + " ps" + where;
  }

  // Firmware that gives up at once has found that the platform is too small for the model.
  static void refuse_unusable(const Soc& soc, const Scenario& scenario) {
    if (!scenario.platform.cpu.riscv.elf.empty()) return;  // that may mean anything
    const abi::Status status = soc.firmware_status();
    if (status == abi::Status::kOk) return;
    if (soc.firmware_exit() == TANDEM_BRINGUP_FAILED) return;  // the report says what
    throw UserError(
        std::string("the firmware cannot run this model on this platform: ") + abi::name_of(status),
        status == abi::Status::kNoSpace
            ? "raise platform.npu.activation_buffer, platform.sram.size or platform.dram.capacity"
            : "");
  }

  static Outcome result_of(const Soc& soc, const std::string& unfinished) {
    if (!soc.transcript().violation().empty()) throw InternalError(soc.transcript().violation());
    return soc.outcome(unfinished);
  }

  const Scenario& scenario_;
  RunObserver& observer_;
  LoadedModel model_;
  const ModelFacts facts_;
  RequestList requests_;
  std::string console_;  // of bring-up
  std::optional<AccessLog> log_;
  std::vector<RegisterValue> registers_;
  std::unique_ptr<observe::Timeline> timeline_;
  std::unique_ptr<OracleRecorder> recorder_;
  std::unique_ptr<npu::TokenOracle> oracle_;  // of both: it has no state
  std::optional<Soc> soc_;
  std::optional<Soc> baseline_;
};

class Silence : public RunObserver {
 public:
  void uart(std::string_view) override {}
  void progress(const RunProgress&) override {}
};

}  // namespace

void check_scenario(const Scenario& scenario) {
  Silence silence;
  Session(scenario, silence).start_firmware();
}

RunReport run_scenario(const Scenario& scenario, RunObserver& observer) {
  Session session(scenario, observer);
  return session.run();
}

RunReport run_with_firmware(const tandem_firmware& firmware, const Scenario& scenario,
                            RunObserver& observer) {
  if (scenario.platform.cpu.form != CpuForm::kNative) {
    throw UserError("platform.cpu.form: firmware of this process runs on the native form only");
  }
  Session session(scenario, observer, &firmware);
  return session.run();
}

}  // namespace tandem::platform
