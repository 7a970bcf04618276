// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/session.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <systemc>

#include "access_log.h"
#include "gdb_access.h"
#include "oracle/oracle_recorder.h"
#include "register_names.h"
#include "request_list.h"
#include "scenario_oracle.h"
#include "soc.h"
#include "tandem/common/archive.h"
#include "tandem/common/register_bank.h"
#include "tandem/firmware/apps/bringup.h"
#include "tandem/platform/checkpoint.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model/loaded_model.h"
#include "tandem/platform/model/shard.h"
#include "tandem/platform/units.h"
#include "text.h"
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
        restored_(checkpoint_of(scenario)),
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
    oracle_ = scenario_oracle(scenario, requests_, model_.shape);
    Soc::Setup setup{scenario, scenario.policy, model_, requests_};
    if (scenario.run.log.enabled()) log_.emplace(scenario.run.log, scenario.platform);
    setup.log = log_ ? &*log_ : nullptr;
    setup.firmware = firmware;
    setup.oracle = oracle_.get();
    setup.timeline = timeline_.get();
    setup.choices = recorder_.get();
    setup.echo = requests_.written();
    setup.held = !scenario.checkpoint.restore.empty();
    setup.faults = scenario.faults.present;
    soc_.emplace("soc", setup,
                 Soc::Listener{[this](char byte) {
                                 on_uart({&byte, 1});
                               },
                               [this] { on_progress("run"); }});
    parts_.push_back({*soc_, setup.policy, setup.echo});
    if (!scenario.gdb.empty()) gdb_ = std::make_unique<GdbAccess>(scenario.gdb, *soc_, observer_);
    for (const RegisterView& view : parse_register_views(scenario.run.registers)) {
      sc_core::sc_spawn([this, view] { show(view); });
    }
    setup.log = nullptr;
    if (scenario.run.baseline == Baseline::kPlain && scenario.policy.name != PolicyName::kPlain) {
      setup.policy.name = PolicyName::kPlain;
      setup.timeline = nullptr;
      setup.choices = nullptr;
      setup.echo = false;
      setup.resets = false;
      setup.faults = false;
      baseline_.emplace("baseline", setup,
                        Soc::Listener{nullptr, [this] { on_progress("plain baseline"); }});
      parts_.push_back({*baseline_, setup.policy, setup.echo});
    }
    if (!scenario.checkpoint.save.empty()) watch_for_checkpoint();
    const bool checkpoint = setup.held || !scenario.checkpoint.save.empty();
    if (checkpoint && scenario.faults.present) {
      throw UserError("faults: runs with injected faults can be neither saved nor restored",
                      "leave the section out, or --checkpoint and --restore");
    }
    if (checkpoint && scenario.run.reset.present) {
      throw UserError("run.reset: a run with resets can be neither saved nor restored",
                      "leave run.reset or --checkpoint and --restore out");
    }
    if (checkpoint && is_bringup()) {
      throw UserError("--checkpoint, --restore: what the app bringup has found is not saved", "");
    }
    if (checkpoint && !soc_->has_save_points()) {
      throw UserError("platform.cpu: runs of this processor can be neither saved nor restored",
                      "use `cpu: native`");
    }
  }

  // Builds everything and lets the firmware see whether it can work, which takes it no longer.
  void start_firmware() {
    sc_core::sc_start(common::from_ps(kStartPs), sc_core::SC_EXIT_ON_STARVATION);
    refuse_unusable(*soc_, scenario_);
    if (baseline_) refuse_unusable(*baseline_, scenario_);
  }

  RunReport run() {
    if (scenario_.run.max_wall_time_ps) {
      wall_limit_.emplace(std::chrono::nanoseconds(*scenario_.run.max_wall_time_ps / 1000));
    }
    if (!scenario_.checkpoint.restore.empty()) restore();
    simulate();
    refuse_unusable(*soc_, scenario_);
    if (baseline_) refuse_unusable(*baseline_, scenario_);
    const bool out_of_wall_time = wall_limit_ && wall_limit_->reached() && !all_ended();
    const bool ended_by_gdb = killed();
    wall_limit_.reset();
    const std::string unfinished = why_unfinished(out_of_wall_time);
    const Outcome outcome = result_of(*soc_, unfinished);
    std::optional<Outcome> baseline;
    if (baseline_) baseline = result_of(*baseline_, unfinished);
    if (all_ended() && sc_core::sc_pending_activity()) {
      sc_core::sc_start(common::from_ps(kDrainPs), sc_core::SC_EXIT_ON_STARVATION);
    }

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
    if (own_firmware()) report.console = uart_text_;
    if (own_firmware() && requests_.size() == 0) judge_by_status(outcome, report);
    report.registers = registers_;
    for (const RegisterView& view : parse_register_views(scenario_.run.registers)) {
      if (view.at_ps > outcome.simulated_time_ps) {
        add_missing(view, report.registers, "the run ended before");
      }
    }
    if (log_) {
      report.access_log = log_->text();
      report.access_log_dropped = log_->dropped();
    }
    report.model = facts_;
    report.stopped_by_limit = out_of_wall_time || ended_by_gdb || reached_limit();
    report.no_checkpoint = why_no_checkpoint(out_of_wall_time);
    report.timeline = std::move(timeline_);
    if (recorder_) report.oracle_record = recorder_->to_csv(scenario_, model_.shape.vocabulary);
    if (gdb_) gdb_->end(report.complete ? "" : report.incomplete_reason);
    return report;
  }

 private:
  struct Part {
    Soc& soc;
    PolicyConfig policy;
    bool echo;
    SavedSoc saved{};  // state is empty until it has been
  };

  static Checkpoint checkpoint_of(const Scenario& scenario) {
    if (scenario.checkpoint.restore.empty()) return {};
    return read_checkpoint(scenario.checkpoint.restore, scenario);
  }

  // A process of its own: reads registers when their time has come.
  void show(const RegisterView& view) {
    sc_core::wait(common::from_ps(view.at_ps));
    if (!restored_.socs.empty() && view.at_ps <= restored_.socs.front().time_ps) {
      return add_missing(view, registers_, "that was before the checkpoint");
    }
    if (all_ended()) return;
    for (const NamedRegister& named : view.registers) {
      const std::uint32_t value = soc_->read_register(*named.block, named.offset);
      registers_.push_back({view.at_ps, named.name, value,
                            common::describe_access(*named.block, named.offset, value, false)});
    }
  }

  static void add_missing(const RegisterView& view, std::vector<RegisterValue>& values,
                          const std::string& why) {
    for (const NamedRegister& named : view.registers) {
      values.push_back({view.at_ps, named.name, {}, named.name + ": " + why});
    }
  }

  bool own_firmware() const { return scenario_.platform.cpu.own_firmware(); }
  bool is_bringup() const {
    return scenario_.platform.cpu.app == FirmwareApp::kBringup && !own_firmware();
  }

  // Firmware that has no requests to answer says by its exit status how it went.
  void judge_by_status(const Outcome& outcome, RunReport& report) const {
    report.complete = soc_->ended() && soc_->firmware_exit() == 0;
    report.stopped_by_firmware = !report.complete;
    if (!report.complete) report.incomplete_reason = outcome.unfinished;
  }

  // It is judged by what it says, and by the status that it stops with.
  void take_bringup(const Outcome& outcome, RunReport& report) const {
    report.bringup = read_bringup(uart_text_);
    const bool says_so = soc_->firmware_exit() == 0;
    report.complete = report.bringup->good() && says_so;
    report.stopped_by_firmware = soc_->ended();
    if (report.complete) return;
    report.incomplete_reason = report.bringup->reason();
    if (report.incomplete_reason.empty() || !soc_->ended())
      report.incomplete_reason = outcome.unfinished;
  }

  // Until everything has ended, nothing is left to happen, or the time is up.
  void simulate() {
    const auto to_be_written = [this] { return all_saved() && !written_; };
    do {
      if (to_be_written()) write_saved();
      const std::uint64_t left_ps = scenario_.run.max_simulated_time_ps - common::now_ps();
      if (left_ps == 0 || (wall_limit_ && wall_limit_->reached())) return;
      const bool begun = sc_core::sc_get_status() != sc_core::SC_ELABORATION;
      if (begun && !sc_core::sc_pending_activity()) return;
      sc_core::sc_start(common::from_ps(left_ps), sc_core::SC_EXIT_ON_STARVATION);
    } while (to_be_written());
  }

  void watch_for_checkpoint() {
    for (Part& part : parts_) {
      part.soc.when_quiescent(scenario_.checkpoint.save_at_ps, [this, &part] {
        common::Archive archive;
        const BootImage initial = initial_of(part);
        archive_part(archive, part, initial);
        part.saved = {common::now_ps(), part.soc.hash_of(initial), archive.bytes()};
        if (all_saved()) sc_core::sc_pause();
      });
    }
  }

  bool all_saved() const {
    return !scenario_.checkpoint.save.empty() &&
           std::none_of(parts_.begin(), parts_.end(),
                        [](const Part& part) { return part.saved.state.empty(); });
  }

  void write_saved() {
    Checkpoint checkpoint;
    for (const Part& part : parts_) checkpoint.socs.push_back(part.saved);
    written_ = true;
    try {
      write_checkpoint(scenario_.checkpoint.save, scenario_, checkpoint);
    } catch (const UserError& error) {
      why_not_written_ = error.what();  // the run has its results all the same
    }
  }

  std::string why_no_checkpoint(bool out_of_wall_time) const {
    if (scenario_.checkpoint.save.empty() || written_) return why_not_written_;
    if (out_of_wall_time) return "run.max_wall_time was reached before";
    const std::string from = format_quantity(scenario_.checkpoint.save_at_ps, Quantity::kTime);
    const bool baseline = !parts_.front().saved.state.empty();
    return std::string(baseline ? "the plain baseline" : "the run") +
           " had no quiescent moment from " + from +
           " on: until its end firmware always had a command in flight, or it ended earlier";
  }

  // Each part at its own time; between them the others run already.
  void restore() {
    if (restored_.socs.size() != parts_.size()) fail_to_restore("it has another number of systems");
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (restored_.socs[i].time_ps > scenario_.run.max_simulated_time_ps) {
        fail_to_restore("it was saved later than run.max_simulated_time");
      }
      if (parts_[i].soc.hash_of(initial_of(parts_[i])) == restored_.socs[i].initial_hash) continue;
      fail_to_restore("firmware, model or prompts are not those of the run that was saved");
    }
    // That nothing happens until then is as it should be.
    sc_core::sc_report_handler::set_actions(sc_core::SC_ID_NO_SC_START_ACTIVITY_,
                                            sc_core::SC_DO_NOTHING);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);  // every process has begun
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < parts_.size(); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return restored_.socs[a].time_ps < restored_.socs[b].time_ps;
    });
    for (const std::size_t i : order) {
      const SavedSoc& saved = restored_.socs[i];
      while (common::now_ps() < saved.time_ps) {
        sc_core::sc_start(common::from_ps(saved.time_ps - common::now_ps()));
      }
      load_part(parts_[i], saved.state);
      sc_core::sc_start(sc_core::SC_ZERO_TIME);  // signals take their values
      parts_[i].soc.resume();
    }
  }

  [[noreturn]] void fail_to_restore(const std::string& why) const {
    throw UserError("cannot restore the checkpoint '" +
                    printable_path(scenario_.checkpoint.restore) + "': " + why);
  }

  void load_part(Part& part, const std::vector<std::uint8_t>& state) {
    try {
      common::Archive archive(state);
      archive_part(archive, part, initial_of(part));
      if (!archive.at_end()) fail_to_restore("it is damaged: more follows its last section");
    } catch (const common::ArchiveError& error) {
      fail_to_restore(std::string("it is damaged: ") + error.what());
    }
  }

  BootImage initial_of(const Part& part) const {
    return make_boot_image(scenario_, part.policy, model_, requests_.prompt_bytes(), part.echo);
  }

  // What belongs to the run as a whole belongs to its first part.
  void archive_part(common::Archive& archive, Part& part, const BootImage& initial) {
    part.soc.archive(archive, initial);
    if (&part != &parts_.front()) return;
    archive.section("console", [&] { archive(uart_text_); });
    if (archive.loading() && !uart_text_.empty()) observer_.uart(uart_text_);
    if (timeline_) archive.section("timeline", [&] { archive(*timeline_); });
    if (recorder_) archive.section("recorder", [&] { archive(*recorder_); });
  }

  void on_uart(std::string_view text) {
    uart_text_ += text;
    observer_.uart(text);
  }
  bool killed() const { return gdb_ && gdb_->killed(); }

  bool all_ended() const { return soc_->ended() && (!baseline_ || baseline_->ended()); }

  void on_progress(const char* stage) {
    std::uint64_t tokens = soc_->transcript().tokens();
    std::uint64_t expected = requests_.expected_tokens();
    if (baseline_) {
      tokens += baseline_->transcript().tokens();
      expected *= 2;
    }
    observer_.progress({stage, common::now_ps(), tokens, expected});
    if (all_ended() || killed()) sc_core::sc_pause();
  }

  bool reached_limit() const { return !all_ended() && sc_core::sc_pending_activity(); }

  std::string why_unfinished(bool out_of_wall_time) const {
    const std::string position = soc_->firmware_position();
    const std::string where = position.empty() ? "" : "; the firmware was at " + position;
    if (killed()) return "gdb ended the run" + where;
    if (out_of_wall_time) return "run.max_wall_time was reached" + where;
    if (reached_limit()) return "run.max_simulated_time was reached" + where;
    return "nothing was left to happen after " +
           format_quantity(common::now_ps(), Quantity::kTime) +
           ": the processor waits for what nobody will tell it" + where;
  }

  // Firmware that gives up at once has found that the platform is too small for the model.
  static void refuse_unusable(const Soc& soc, const Scenario& scenario) {
    if (scenario.platform.cpu.own_firmware()) return;  // that may mean anything
    const abi::Status status = soc.firmware_status();
    if (status == abi::Status::kOk || soc.had_faults()) return;
    if (soc.firmware_exit() == TANDEM_BRINGUP_FAILED) return;  // the report says what
    throw UserError(
        std::string("the firmware cannot run this model on this platform: ") + abi::name_of(status),
        status == abi::Status::kNoSpace
            ? "raise platform.npu.activation_buffer, platform.sram.size or platform.dram.capacity"
            : "");
  }

  static Outcome result_of(const Soc& soc, const std::string& unfinished) {
    Outcome outcome = soc.outcome(unfinished);
    const std::string& violation = soc.transcript().violation();
    if (!violation.empty() && outcome.violation.empty()) throw InternalError(violation);
    return outcome;
  }

  const Scenario& scenario_;
  RunObserver& observer_;
  const Checkpoint restored_;  // empty unless a run is restored
  std::string uart_text_;      // so far
  LoadedModel model_;
  const ModelFacts facts_;
  RequestList requests_;
  std::optional<AccessLog> log_;
  std::vector<RegisterValue> registers_;
  std::unique_ptr<observe::Timeline> timeline_;
  std::unique_ptr<OracleRecorder> recorder_;
  std::unique_ptr<npu::TokenOracle> oracle_;  // of both: it has no state
  std::unique_ptr<GdbAccess> gdb_;            // must outlive the SoC's processes
  std::optional<WallLimit> wall_limit_;
  std::optional<Soc> soc_;
  std::optional<Soc> baseline_;
  std::deque<Part> parts_;  // soc_, then baseline_ if there is one
  bool written_ = false;    // the checkpoint, or it could not be
  std::string why_not_written_;
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
