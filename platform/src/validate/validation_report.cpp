// SPDX-License-Identifier: Apache-2.0
#include "validate/validation_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

#include "text.h"

namespace tandem::platform {
namespace {

constexpr const char* kBegin = "<!-- system: ";
constexpr const char* kBeginEnd = " -->\n";
constexpr const char* kEnd = "<!-- end -->\n";
constexpr const char* kHead =
    "# Published figures beside ours\n"
    "\n"
    "Written by `tandem validate --write`; [README.md](README.md) says what the columns mean and "
    "how\n"
    "figures are described. Commands are for this folder, where `tandem` is the built command, "
    "such as\n"
    "`../../build/release/tandem`.\n";

using Cells = std::vector<std::string>;

std::string format(const char* pattern, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), pattern, value);
  return text.data();
}

// "31,466", "2.413", "0.0123": four significant digits, whole numbers from 1,000.
std::string shown(double value) {
  const double size = std::abs(value);
  if (size != 0.0 && (size < 1e-4 || size >= 1e15)) return format("%.4g", value);
  if (size < 1000.0) {
    const int before_point = size < 1.0 ? 1 : static_cast<int>(std::log10(size)) + 1;
    const int digits = size < 1.0 ? 4 : 4 - before_point;
    return format(("%." + std::to_string(digits) + "f").c_str(), value);
  }
  std::string text = format("%.0f", size);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return (value < 0 ? "-" : "") + text;
}

std::string grouped(double value) {
  return std::abs(value) >= 1000.0 && value == std::floor(value) ? shown(value) : number(value);
}

std::string published_text(const FigureRow& row) {
  if (!row.published) return "-";
  std::string text = row.figure->is_computed ? shown(*row.published) : grouped(*row.published);
  if (row.figure->precision > 0.0) text += " ± " + grouped(row.figure->precision);
  return text;
}

std::string position_text(const FigureRow& row) {
  const double width = row.highest - row.lowest;
  if (width == 0.0) return "in the band";
  const double place = std::clamp((*row.published - row.lowest) / width, 0.0, 1.0);
  return "in the band, at " + format("%.0f %%", 100.0 * place) + " of it";
}

std::string verdict_text(const FigureRow& row) {
  switch (row.verdict) {
    case Verdict::kNone:
      return "-";
    case Verdict::kWithin:
      return "within " + number(row.figure->tolerance_percent) + " %";
    case Verdict::kOutside:
      return "outside " + number(row.figure->tolerance_percent) + " %";
    case Verdict::kInBand:
      return position_text(row);
    case Verdict::kAboveBand:
      return "above the band";
    case Verdict::kBelowBand:
      return "below the band";
  }
  return "";
}

Cells cells_of(const FigureRow& row) {
  const Figure& figure = *row.figure;
  std::string name = figure.name;
  if (!figure.unit.empty()) name += ", " + figure.unit;
  if (!row.points.empty()) name += " (" + row.points + ")";
  const bool is_band = figure.combine == Combine::kBand;
  const std::string ours =
      is_band ? shown(row.lowest) + " .. " + shown(row.highest) : shown(row.ours);
  const std::string error = is_band || !row.published ? "-" : format("%+.1f %%", row.error_percent);
  return {name, published_text(row), ours, error, verdict_text(row)};
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}

void write_line(std::ostream& out, const Cells& cells) {
  out << '|';
  for (const std::string& cell : cells) out << ' ' << escaped(cell) << " |";
  out << '\n';
}

void write_figures(std::ostream& out, const std::vector<FigureRow>& rows) {
  write_line(out, {"figure", "published", "ours", "error", "verdict"});
  out << "| --- | ---: | ---: | ---: | --- |\n";
  for (const FigureRow& row : rows) write_line(out, cells_of(row));
}

void write_remarks(std::ostream& out, const std::vector<FigureRow>& rows) {
  Cells remarks;
  std::set<const Figure*> seen;
  for (const FigureRow& row : rows) {
    const Figure& figure = *row.figure;
    if (!seen.insert(&figure).second) continue;
    if (!figure.note.empty()) remarks.push_back(figure.name + ": " + figure.note);
    if (!figure.source.empty()) remarks.push_back(figure.name + ": source " + figure.source);
    if (figure.combine == Combine::kBand && !row.lowest_at.empty()) {
      remarks.push_back(figure.name + ": lowest at " + row.lowest_at + "; highest at " +
                        row.highest_at);
    }
  }
  if (remarks.empty()) return;
  out << "\nRemarks:\n\n";
  for (const std::string& remark : remarks) out << "- " << remark << '\n';
}

void write_commands(std::ostream& out, const FiguresFile& file) {
  out << "\nRuns:\n\n";
  for (const FigureRun& run : file.runs) {
    out << "- `" << run.name << "`";
    std::string axes;
    for (const std::size_t axis : run.axes) {
      axes += (axes.empty() ? "" : ", ") + file.axes[axis].name;
    }
    if (!axes.empty()) out << ", for each " << axes;
    out << ": `tandem run " << run.scenario << shell_options(run.settings) << "`\n";
  }
  for (const Axis& axis : file.axes) {
    out << "- axis " << axis.name << ':';
    const char* separator = " ";
    for (const AxisPoint& point : axis.points) {
      const std::string options = shell_options(point.settings);
      out << separator << point.label;
      if (!options.empty()) out << " `" << options.substr(1) << "`";
      separator = "; ";
    }
    out << '\n';
  }
}

}  // namespace

void print_rows(const FiguresFile& file, const std::vector<FigureRow>& rows, std::ostream& out) {
  std::vector<Cells> lines = {{"figure", "published", "ours", "error", "verdict"}};
  for (const FigureRow& row : rows) lines.push_back(cells_of(row));
  std::array<std::size_t, 5> widths{};
  // A byte beyond the first of a character takes no column.
  const auto columns = [](const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
    }));
  };
  for (const Cells& cells : lines) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], columns(cells[i]));
    }
  }
  out << file.system << ": " << file.title << '\n';
  for (const Cells& cells : lines) {
    out << "  " << cells[0] << std::string(widths[0] - columns(cells[0]), ' ');
    for (std::size_t i = 1; i < 4; ++i) {
      out << "  " << std::string(widths[i] - columns(cells[i]), ' ') << cells[i];
    }
    out << "  " << cells[4] << '\n';
  }
}

std::string results_section(const FiguresFile& file, const std::vector<FigureRow>& rows) {
  std::ostringstream out;
  out << "## " << file.title << "\n\n" << file.publication << ", " << file.url << "\n\n";
  write_figures(out, rows);
  write_remarks(out, rows);
  if (!file.assumed.empty()) {
    out << "\nAssumed:\n\n";
    for (const std::string& text : file.assumed) out << "- " << text << '\n';
  }
  write_commands(out, file);
  return out.str();
}

std::string with_sections(const std::string& document,
                          const std::vector<std::pair<std::string, std::string>>& sections) {
  std::map<std::string, std::string> all;
  std::size_t at = document.find(kBegin);
  while (at != std::string::npos) {
    const std::size_t name = at + std::string(kBegin).size();
    const std::size_t name_end = document.find(kBeginEnd, name);
    const std::size_t end = document.find(kEnd, at);
    if (name_end == std::string::npos || end == std::string::npos || name_end > end) break;
    const std::size_t text = name_end + std::string(kBeginEnd).size();
    all[document.substr(name, name_end - name)] = document.substr(text, end - text);
    at = document.find(kBegin, end);
  }
  for (const auto& [system, section] : sections) all[system] = section;
  std::string result = kHead;
  for (const auto& [system, section] : all) {
    result.append("\n").append(kBegin).append(system).append(kBeginEnd);
    result.append(section).append(kEnd);
  }
  return result;
}

}  // namespace tandem::platform
