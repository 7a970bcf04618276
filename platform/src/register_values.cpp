// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <sstream>
#include <string>

#include "tandem/platform/results.h"
#include "tandem/platform/units.h"
#include "text.h"

namespace tandem::platform {

namespace {

// What is said of a register, "NPU.SQ_TAIL[2] -> 0x0": for an element of an array, what is before
// and behind its index, and the last of its neighbours of which the same is to be said.
struct Line {
  explicit Line(const RegisterValue& value) : before(value.text) {
    const std::size_t open = value.name.find('[');
    if (open == std::string::npos) return;
    before = value.text.substr(0, open);
    index = std::stoul(value.name.substr(open + 1));
    last = index;
    behind = value.text.substr(std::min(value.name.size(), value.text.size()));
  }

  bool takes(const Line& next) {
    const bool follows =
        last && next.index == *last + 1 && before == next.before && behind == next.behind;
    if (follows) last = next.index;
    return follows;
  }

  void print(std::ostream& out) const {
    out << "  " << before;
    if (index) {
      out << '[' << *index;
      if (last != index) out << ".." << *last;
      out << ']';
    }
    out << behind << '\n';
  }

  std::string before;
  std::optional<unsigned long> index;
  std::optional<unsigned long> last;
  std::string behind;
};

}  // namespace

std::string registers_text(const RunReport& report) {
  std::ostringstream out;
  std::optional<std::uint64_t> at_ps;
  std::optional<Line> line;
  for (const RegisterValue& value : report.registers) {
    const Line next(value);
    if (at_ps == value.at_ps && line->takes(next)) continue;
    if (line) line->print(out);
    line = next;
    if (at_ps == value.at_ps) continue;
    at_ps = value.at_ps;
    out << "at " << format_quantity(value.at_ps, Quantity::kTime) << '\n';
  }
  if (line) line->print(out);
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
