// SPDX-License-Identifier: Apache-2.0
#include "fault_report.h"

#include "figure_text.h"
#include "text.h"

namespace tandem::platform {

nlohmann::ordered_json faults_json(const FaultReport& report) {
  nlohmann::ordered_json json;
  json["injected"] = nlohmann::ordered_json::array();
  for (const FaultNote& fault : report.injected) {
    nlohmann::ordered_json one = {
        {"time_ps", fault.time_ps}, {"kind", fault.kind}, {"where", fault.where}};
    if (fault.address != 0) one["address"] = hexadecimal(fault.address);
    if (fault.delay_ps != 0) one["delay_ps"] = fault.delay_ps;
    one["outcome"] = fault.outcome;
    json["injected"].push_back(std::move(one));
  }
  json["missed"] = report.missed;
  json["events"] = nlohmann::ordered_json::array();
  for (const RecoveryEvent& event : report.events) {
    json["events"].push_back({{"time_ps", event.time_ps}, {"what", event.what}});
  }
  return json;
}

std::vector<FaultLine> fault_lines(const FaultReport& report, std::size_t most) {
  std::vector<FaultLine> lines;
  for (const FaultNote& fault : report.injected) {
    if (lines.size() == most) break;
    std::string what = fault.kind + " at " + fault.where;
    if (fault.address != 0) what += " " + hexadecimal(fault.address);
    lines.push_back({summary::time_text(fault.time_ps), what, fault.outcome});
  }
  return lines;
}

}  // namespace tandem::platform
