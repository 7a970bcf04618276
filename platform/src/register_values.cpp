// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "tandem/platform/results.h"
#include "tandem/platform/units.h"
#include "text.h"

namespace tandem::platform {

std::string registers_text(const RunReport& report) {
  std::ostringstream out;
  std::optional<std::uint64_t> at_ps;
  for (const RegisterValue& value : report.registers) {
    if (at_ps != value.at_ps) {
      at_ps = value.at_ps;
      out << "at " << format_quantity(value.at_ps, Quantity::kTime) << '\n';
    }
    out << "  " << value.text << '\n';
  }
  return out.str();
}

nlohmann::ordered_json registers_json(const RunReport& report) {
  using Json = nlohmann::ordered_json;
  Json json = Json::array();
  for (const RegisterValue& value : report.registers) {
    json.push_back({{"at_ps", value.at_ps},
                    {"name", value.name},
                    {"value", value.value ? Json(*value.value) : Json(nullptr)},
                    {"text", value.text}});
  }
  return json;
}

}  // namespace tandem::platform
