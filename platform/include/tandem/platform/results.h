// SPDX-License-Identifier: Apache-2.0
// What a run hands back, and its rendering as result.json and summary.txt. Fields are defined in
// design terms: tokens exclude prompt and BOS and include a final EOS; tokens_per_round counts the
// target's own token; tokens_per_s is decode only; phase shares partition simulated time.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tandem/observe/phase_ledger.h"
#include "tandem/observe/statistics.h"
#include "tandem/observe/timeline.h"
#include "tandem/platform/bringup.h"
#include "tandem/platform/scenario.h"
#include "tandem/platform/serving.h"

namespace tandem::platform {

struct RequestResult {
  std::vector<std::uint32_t> prompt_tokens;  // with BOS
  std::vector<std::uint32_t> tokens;
  std::string text;  // of `tokens`; bytes that are not UTF-8 are replaced when written
  std::uint64_t rounds = 0;
  std::string status;  // "eos", "max_tokens", or an error status
  std::uint64_t prompt_count = 0;
  std::uint64_t max_tokens = 0;  // that were asked for
  bool written = true;           // the prompt stands in the scenario, else it was drawn
  RequestTimes times{};
};

struct PhaseTime {
  std::string name;  // "prefill", "draft", "verify", "attention", ...
  std::uint64_t time_ps = 0;
};

struct Utilisation {
  std::string name;  // "npu.matrix", "memory.channel0", ...
  double fraction = 0.0;
  std::string meaning;  // "busy time", "data bus occupied", ...
};

// Time in which a command of a phase was in a stage of the model, however many were, and for how
// much of it each part of the hardware was at work, for whatever stage that was.
struct StageTime {
  std::string phase;  // "decode", ...
  std::string stage;  // "qkv", "attention", ..., or "all" of the phase
  std::uint64_t time_ps = 0;
  std::uint64_t memory_ps = 0;  // data on the buses, mean of the channels
  std::uint64_t array_ps = 0;
  std::uint64_t vector_ps = 0;
  std::uint64_t pim_ps = 0;  // computation in the banks, mean of the channels
  std::uint64_t sampler_ps = 0;
  std::uint64_t link_ps = 0;  // exchanges with other devices

  struct Part {
    const char* name;  // "memory", "array", "vector unit", "PIM", "sampler", "link"
    std::uint64_t busy_ps;
  };
  std::array<Part, 6> parts() const;
  // The parts that were at work for at least kBusy of the time, such as "memory and array". If
  // there is none, "latency" where all together were for less than kIdle, so that for the rest
  // certainly none was, else "none".
  static constexpr double kBusy = 0.8;
  static constexpr double kIdle = 0.5;
  std::string bound() const;
};

// Bytes requested at the NPU's and PIM's memory ports for one pass over the model, on average.
struct PassBytes {
  std::uint64_t weight_bytes = 0;           // everything below included
  std::uint64_t table_and_scale_bytes = 0;  // draft tables, group scales
};

// Of one of the devices that share the matrices of the model; all do the same at the same time.
struct DeviceGroup {
  std::uint32_t devices = 1;
  std::uint64_t sent_bytes = 0;    // over its link
  std::uint64_t link_busy_ps = 0;  // exchanges
  double memory_bytes_per_s = 0.0;
};

// What the firmware costs its processor, before and after the first token.
struct DriverCost {
  struct Part {
    std::uint64_t commands = 0;      // that the NPU has completed
    std::uint64_t instructions = 0;  // 0: they are not counted
    std::uint64_t bus_accesses = 0;  // to registers
    std::uint64_t interrupts = 0;
    std::uint64_t interrupt_latency_ps = 0;  // all of them together
    std::uint64_t busy_ps = 0;
    std::uint64_t time_ps = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(commands, instructions, bus_accesses, interrupts, interrupt_latency_ps, busy_ps);
      archive(time_ps);
    }
  };
  Part start;  // with the prompts that gave the first token
  Part work;
};

// Of the model as a whole, whatever a slice leaves out and however many devices share it.
struct ModelFacts {
  std::uint64_t parameters = 0;
  std::uint64_t active_parameters = 0;  // that one token is multiplied with
  std::uint32_t layers = 0;
  std::uint32_t positions = 0;
};

// A register as it was at a time, or as it could not be read.
struct RegisterValue {
  std::uint64_t at_ps = 0;
  std::string name;  // "npu.SQ_TAIL[2]"
  std::optional<std::uint32_t> value;
  std::string text;  // decoded, or why there is no value
};

// The same workload decoded plainly on the same hardware.
struct BaselineResult {
  std::uint64_t simulated_time_ps = 0;
  double tokens_per_s = 0.0;
  double energy_pj = 0.0;  // of one device
  bool same_tokens = false;
};

// Something that was made to go wrong.
struct FaultNote {
  std::uint64_t time_ps;
  std::string kind, where;
  std::uint64_t address;   // 0: it has none
  std::uint64_t delay_ps;  // 0: nothing was late
  std::string outcome;     // what followed
};

// What the driver told of, or how a request ended that it could not save.
struct RecoveryEvent {
  std::uint64_t time_ps;
  std::string what;
  bool failed;  // a request
};

struct FaultReport {
  std::vector<FaultNote> injected;
  std::vector<std::string> missed;  // asked for, but it has not come to that: "KIND at PLACE"
  std::vector<RecoveryEvent> events;
};

struct RunReport {
  bool complete = false;  // every request that the platform can hold was answered
  std::string incomplete_reason;
  bool stopped_by_limit = false;     // run.max_simulated_time was reached, or gdb ended it
  bool stopped_by_firmware = false;  // incomplete because of firmware: the user's own, or bringup
  bool none_fits = false;            // the platform can hold none of the requests
  std::uint64_t simulated_time_ps = 0;
  std::uint64_t prefill_time_ps = 0;
  std::uint64_t decode_time_ps = 0;
  std::vector<RequestResult> requests;
  ModelFacts model;
  std::array<std::uint64_t, kResetTargets> resets{};  // that there were, by ResetTarget
  std::uint32_t scheduled_resets = 0;                 // of run.reset, that have come

  double tokens_per_s = 0.0;
  double tokens_per_s_end_to_end = 0.0;
  double tokens_per_round = 0.0;
  std::uint64_t drafted_tokens = 0;
  std::uint64_t accepted_tokens = 0;
  std::uint64_t judged_tokens = 0;   // drafted tokens before which none of their round was wrong
  std::uint64_t dropped_drafts = 0;  // drafted ahead, and no round has taken them
  std::uint64_t pre_verifications = 0;
  std::uint64_t rounds_decided_early = 0;  // by one of these
  std::optional<PassBytes> draft_pass;     // absent if nothing was drafted
  PassBytes verify_pass;                   // of plain decoding: the decode pass

  std::vector<PhaseTime> phases;  // partition simulated_time_ps
  std::vector<StageTime> stages;  // of the phases that have any
  std::vector<Utilisation> utilisations;
  std::optional<DeviceGroup> group;  // absent if there is one device
  DriverCost driver;
  observe::PhaseLedger energy;
  observe::StatisticsTable statistics;
  std::string timing_violations;  // what the timing checker objects to: the first, one line each
  std::optional<FaultReport> faults;  // absent if the scenario asks for none
  std::optional<BaselineResult> baseline;
  std::optional<BringupReport> bringup;  // of the app of that name: there are no requests then
  std::optional<ServingReport> serving;  // several requests, or times of arrival
  std::unique_ptr<observe::Timeline> timeline;  // null: off
  std::string console;                          // what firmware of one's own wrote to the UART
  std::string access_log;                       // the file; empty: not asked for
  std::uint64_t access_log_dropped = 0;         // lines
  std::vector<RegisterValue> registers;         // what run.registers asks for
  std::string oracle_record;                    // the file run.record_oracle; empty: not asked for
  std::string no_checkpoint;                    // why none was written; empty: it was, if asked for

  // Accepted over drafted; nothing if nothing was drafted.
  std::optional<double> acceptance() const;
  // Accepted over those before which none of their round was wrong: what oracle.acceptance sets.
  std::optional<double> conditional_acceptance() const;
  std::uint32_t devices() const;
  double system_picojoules() const;  // of all devices; `energy` is of one
  // tokens_per_s over that of the baseline; nothing without a baseline.
  std::optional<double> speedup_vs_plain() const;
};

// Wall-clock figures: the only part of a result that may differ between two equal runs.
struct WallTime {
  double seconds = 0.0;
};

// Throws InternalError, naming the figure, unless the phases sum to the simulated time, every
// utilisation lies in 0..1, no amount of energy in a phase is negative or not a number, accepted <=
// drafted, the timing checker found nothing, and the baseline (under greedy decoding or the coupled
// rule) produced the same tokens. An answer that ended at its limit has as many tokens as were
// asked for, and all KV pages are free at the end.
void check_physics(const Scenario& scenario, const RunReport& report);

nlohmann::ordered_json result_json(const Scenario& scenario, const RunReport& report,
                                   const WallTime& wall);
// registers.txt and registers.json.
std::string registers_text(const RunReport& report);
nlohmann::ordered_json registers_json(const RunReport& report);
std::string summary_text(const Scenario& scenario, const RunReport& report);

}  // namespace tandem::platform
