// SPDX-License-Identifier: Apache-2.0
// What the firmware does and what is done to it.
#include <array>
#include <iomanip>
#include <vector>

#include "fault_report.h"
#include "figure_text.h"
#include "summary_page.h"

namespace tandem::platform::summary {
namespace {

constexpr std::size_t kFaultsShown = 20;
constexpr int kFaultTimeWidth = 9;

// "2 of the platform, 1 of the NPU"; empty if there were none.
std::string resets_text(const std::array<std::uint64_t, kResetTargets>& resets) {
  static constexpr std::array<const char*, kResetTargets> kNames = {"platform", "NPU", "PIM"};
  std::string text;
  for (std::size_t i = 0; i < resets.size(); ++i) {
    if (resets[i] == 0) continue;
    text += (text.empty() ? "" : ", ") + grouped(resets[i]) + " of the " + kNames[i];
  }
  return text;
}

double per(std::uint64_t amount, std::uint64_t count) {
  return count > 0 ? static_cast<double>(amount) / static_cast<double>(count) : 0.0;
}

std::uint64_t tokens_after_first(const RunReport& report) {
  std::uint64_t tokens = 0;
  for (const RequestResult& request : report.requests) tokens += request.tokens.size();
  return tokens > 0 ? tokens - 1 : 0;
}

}  // namespace

void write_resets(Page& page, const ResetConfig& planned, const RunReport& report) {
  const std::string text = resets_text(report.resets);
  if (!text.empty()) page.words("resets", text + "; times count what they undid, too");
  if (!planned.present || report.scheduled_resets >= planned.count) return;
  page.words("it has not come to", grouped(planned.count - report.scheduled_resets) + " of the " +
                                       grouped(planned.count) + " resets of run.reset");
}

void write_faults(Page& page, const FaultReport& report) {
  page.heading("Faults");
  const std::vector<FaultLine> lines = fault_lines(report, kFaultsShown);
  for (const FaultLine& line : lines) {
    page.out() << "  " << std::left << std::setw(kLabelWidth + kValueWidth) << line.what << ' '
               << std::right << std::setw(kFaultTimeWidth) << line.time << "   " << line.outcome
               << '\n';
  }
  if (report.injected.size() > lines.size()) {
    page.words("and more", grouped(report.injected.size() - lines.size()) + ", see result.json");
    for (const RecoveryEvent& event : report.events) {
      if (event.failed) page.words(time_text(event.time_ps), event.what);
    }
  }
  for (const std::string& missed : report.missed) page.words("it has not come to", missed);
}

void write_driver(Page& page, const RunReport& report) {
  const DriverCost::Part& start = report.driver.start;
  const DriverCost::Part& work = report.driver.work;
  page.heading("Driver");
  const auto instructions = [](const DriverCost::Part& part) {
    return part.instructions > 0 ? grouped(part.instructions) + " instructions, " : std::string();
  };
  page.line("until the first token", time_text(start.busy_ps),
            instructions(start) + grouped(start.bus_accesses) + " register accesses, " +
                grouped(start.commands) + " commands");
  if (work.commands == 0) return;
  std::string cost = fixed(per(work.bus_accesses, work.commands), 1) + " register accesses, " +
                     fixed(per(work.interrupts, work.commands), 2) + " interrupts";
  if (work.instructions > 0) {
    cost = fixed(per(work.instructions, work.commands), 0) + " instructions, " + cost;
  }
  page.line("per command after it", time_text(work.busy_ps / work.commands),
            cost + "; " + grouped(work.commands) + " commands");
  if (work.interrupt_latency_ps > 0) {
    page.line("interrupt latency, mean", time_text(work.interrupt_latency_ps / work.interrupts),
              "from the line to its handler's first instruction");
  }
  const std::uint64_t tokens = tokens_after_first(report);
  if (tokens > 0) page.line("per token after it", time_text(work.busy_ps / tokens));
  page.line("processor busy", percent(per(work.busy_ps, work.time_ps)),
            "of the time after the first token");
}

// There are no tokens, so nothing of how fast they came.
void write_bringup(Page& page, const RunReport& report) {
  page.heading("Bring-up");
  page.line("simulated time", time_text(report.simulated_time_ps));
  page.line("checks passed", grouped(report.bringup->passed));
  page.line("checks failed", grouped(report.bringup->failed));
  page.line("checks skipped", grouped(report.bringup->skipped));
  for (const std::string& failure : report.bringup->failures) {
    page.out() << "  [fail] " << failure << '\n';
  }
}

}  // namespace tandem::platform::summary
