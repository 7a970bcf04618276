// SPDX-License-Identifier: Apache-2.0
#include "check_oracle.h"

#include "expert_counts.h"
#include "measured.h"
#include "oracle_record.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"

namespace tandem::platform {
namespace {

void read_replay(const CsvFile& file, const Scenario& scenario) {
  if (is_oracle_record(file)) {
    recorded_requests(file);
    check_policy(file, scenario);
  } else if (file.has("run_ownkv")) {
    traced_answers(file);
  } else {
    step_lengths(file, scenario.oracle.method, scenario.oracle.category);
  }
}

// Reads the file as its kind demands and forgets it.
void read_oracle_file(const Scenario& scenario) {
  const OracleConfig& oracle = scenario.oracle;
  const CsvFile file(oracle.file);
  switch (oracle.kind) {
    case OracleKind::kBernoulli:
      return;
    case OracleKind::kTable:
      acceptance_table(file, oracle.method, oracle.category);
      return;
    case OracleKind::kConfidence:
      measured_drafts(file);
      return;
    case OracleKind::kReplay:
      read_replay(file, scenario);
      return;
  }
}

void check_keys(const OracleConfig& oracle, const BlameKey& blame) {
  const bool has_file = !oracle.file.empty();
  const std::string kind = name_of(oracle.kind);
  if (oracle.kind == OracleKind::kReplay && !has_file) {
    blame("oracle.kind", "replay needs oracle.file", "");
  }
  if (oracle.kind == OracleKind::kBernoulli && has_file) {
    blame("oracle.file", "bernoulli has no file", "set oracle.kind: table, confidence or replay");
  }
  if (oracle.kind != OracleKind::kTable && !oracle.table.empty()) {
    blame("oracle.table", kind + " has no table", "set oracle.kind: table");
  }
  if (oracle.kind == OracleKind::kTable && has_file == !oracle.table.empty()) {
    blame("oracle.kind", "table needs either oracle.table or oracle.file", "");
  }
}

void check_experts(const ExpertOracleConfig& experts, const BlameKey& blame) {
  const bool popularity = experts.kind == ExpertKind::kPopularity;
  if (popularity && experts.file.empty()) {
    blame("oracle.experts.kind", "popularity needs oracle.experts.file", "");
  }
  if (!popularity && !experts.file.empty()) {
    blame("oracle.experts.file", "uniform has no file", "set oracle.experts.kind: popularity");
  }
  if (!popularity) return;
  try {
    expert_counts(CsvFile(experts.file), experts.model, experts.domain, 0);
  } catch (const UserError& error) {
    blame("oracle.experts.file", error.what(), error.hint());
  }
}

// Whether times may differ from those of the run that was recorded. Its file has been checked.
bool replays_in_bulk(const Scenario& scenario) {
  return scenario.execution == Execution::kTiming &&
         scenario.fidelity.transfers == Transfers::kBulk &&
         scenario.platform.npu.sequencer != SequencerMode::kSerial &&
         scenario.oracle.kind == OracleKind::kReplay &&
         is_oracle_record(CsvFile(scenario.oracle.file));
}

}  // namespace

std::string check_oracle(const Scenario& scenario, const BlameKey& blame) {
  check_keys(scenario.oracle, blame);
  if (!scenario.oracle.file.empty()) {
    try {
      read_oracle_file(scenario);
    } catch (const UserError& error) {
      blame("oracle.file", error.what(), error.hint());
    }
  }
  check_experts(scenario.oracle.experts, blame);
  return replays_in_bulk(scenario) ? "oracle.file: bulk transfers change the time of a recorded "
                                     "run, most of a small model; "
                                     "`fidelity.transfers: bursts` repeats it"
                                   : "";
}

}  // namespace tandem::platform
