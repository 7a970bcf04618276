// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/bringup.h"

#include <sstream>
#include <utility>

namespace tandem::platform {
namespace {

bool begins_with(const std::string& line, const char* head) {
  return line.rfind(head, 0) == 0;
}

}  // namespace

std::string BringupReport::reason() const {
  if (good()) return {};
  if (!ended) {
    return "the bring-up report has no end: " + std::to_string(passed + failed) +
           " checks were reported, " + std::to_string(failed) + " of them failed";
  }
  return std::to_string(failed) + " of " + std::to_string(passed + failed) +
         " bring-up checks failed";
}

BringupReport read_bringup(std::string console) {
  BringupReport report;
  std::istringstream lines(console);
  for (std::string line; std::getline(lines, line);) {
    if (begins_with(line, "[ok  ] ")) ++report.passed;
    if (begins_with(line, "[skip] ")) ++report.skipped;
    if (begins_with(line, "[fail] ")) {
      ++report.failed;
      report.failures.push_back(line.substr(7));
    }
    const std::string summary = "bringup: " + std::to_string(report.passed) + " passed, " +
                                std::to_string(report.failed) + " failed, " +
                                std::to_string(report.skipped) + " skipped";
    if (line == summary) report.ended = true;
  }
  report.console = std::move(console);
  return report;
}

}  // namespace tandem::platform
