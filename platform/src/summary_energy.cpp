// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <iomanip>
#include <utility>
#include <vector>

#include "figure_text.h"
#include "summary_page.h"

namespace tandem::platform::summary {
namespace {

constexpr std::array<const char*, 6> kEnergyUnits = {"pJ", "nJ", "uJ", "mJ", "J", "kJ"};

// Components by phases, all in one unit: with one decimal, the last digit is between 0.1 % and
// 0.0001 % of the total.
class EnergyTable {
 public:
  explicit EnergyTable(const observe::PhaseLedger& ledger) : ledger_(ledger) {
    double largest = ledger.total_picojoules();
    while (largest >= kLargest && unit_ + 1 < kEnergyUnits.size()) {
      largest /= 1000.0;
      scale_ *= 1000.0;
      ++unit_;
    }
    for (const Entry& entry : ledger.entries()) {
      label_width_ = std::max(label_width_, entry.component.size());
    }
    for (std::size_t i = 0; i < ledger.phases().size(); ++i) {
      if (ledger.phase_picojoules(i) != 0.0) phases_.push_back(i);
    }
  }

  void write(std::ostream& out) const {
    std::vector<std::string> row = {kEnergyUnits[unit_], "total"};
    for (const std::size_t i : phases_) row.push_back(ledger_.phases()[i]);
    out << '\n';
    write_row(out, row);
    for (const Entry& entry : ledger_.entries()) {
      row = {entry.component, amount(entry.total_picojoules())};
      for (const std::size_t i : phases_) row.push_back(amount(entry.picojoules[i]));
      write_row(out, row);
    }
    const double total = ledger_.total_picojoules();
    row = {"total", amount(total)};
    for (const std::size_t i : phases_) row.push_back(amount(ledger_.phase_picojoules(i)));
    write_row(out, row);
    if (total == 0.0) return;
    row = {"", ""};
    for (const std::size_t i : phases_) row.push_back(percent(ledger_.phase_picojoules(i) / total));
    write_row(out, row);
  }

 private:
  using Entry = observe::PhaseLedger::Entry;
  static constexpr double kLargest = 1e5;
  static constexpr std::size_t kColumnWidth = 8;

  std::string amount(double picojoules) const {
    return picojoules == 0.0 ? "-" : fixed(picojoules / scale_, 1);
  }
  std::size_t column_width(std::size_t column) const {
    if (column < 2) return kColumnWidth;
    return std::max(kColumnWidth, ledger_.phases()[phases_[column - 2]].size() + 1);
  }
  void write_row(std::ostream& out, const std::vector<std::string>& cells) const {
    out << "  " << std::left << std::setw(static_cast<int>(label_width_)) << cells[0] << std::right;
    for (std::size_t i = 1; i < cells.size(); ++i) {
      out << std::setw(static_cast<int>(column_width(i))) << cells[i];
    }
    out << '\n';
  }

  const observe::PhaseLedger& ledger_;
  std::size_t unit_ = 0;
  double scale_ = 1.0;
  std::size_t label_width_ = 5;
  std::vector<std::size_t> phases_;  // with energy
};

// Words from column `indent` on, no line longer than the page unless a word is.
void write_wrapped(std::ostream& out, std::size_t indent, const std::string& text) {
  std::istringstream words(text);
  std::size_t column = 0;
  for (std::string word; words >> word; column += word.size()) {
    if (column > 0 && column + 1 + word.size() <= kPageWidth) {
      out << ' ';
      ++column;
    } else {
      out << (column > 0 ? "\n" : "") << std::string(indent, ' ');
      column = indent;
    }
    out << word;
  }
  out << '\n';
}

// Each source once, below the components that have it.
void write_energy_sources(std::ostream& out, const observe::PhaseLedger& ledger) {
  std::vector<std::pair<std::string, std::string>> sources;  // and the components
  for (const observe::PhaseLedger::Entry& entry : ledger.entries()) {
    const auto known = std::find_if(sources.begin(), sources.end(),
                                    [&](const auto& pair) { return pair.first == entry.source; });
    if (known == sources.end()) {
      sources.emplace_back(entry.source, entry.component);
    } else {
      known->second += ", " + entry.component;
    }
  }
  out << "\n  energy per operation from\n";
  for (const auto& [source, components] : sources) {
    write_wrapped(out, 2, components + ":");
    write_wrapped(out, 6, source);
  }
}

bool memory_energy_missing(const observe::PhaseLedger& ledger) {
  bool any = false;
  for (const observe::PhaseLedger::Entry& entry : ledger.entries()) {
    if (entry.component.rfind("memory.", 0) != 0) continue;
    if (entry.total_picojoules() > 0) return false;
    any = true;
  }
  return any;
}

}  // namespace

// Tokens are those of the whole system, so their energy is that of all devices.
void write_energy(Page& page, const RunReport& report) {
  page.heading("Energy");
  const std::uint32_t devices = report.devices();
  const double total = report.system_picojoules();
  std::size_t tokens = 0;
  for (const RequestResult& request : report.requests) tokens += request.tokens.size();
  std::string note;
  if (tokens > 0) note = energy_text(total / static_cast<double>(tokens)) + " per token";
  if (report.baseline) {
    note += "; plain decoding " + energy_text(report.baseline->energy_pj * devices);
  }
  if (devices == 1) {
    page.line("total", energy_text(total), note);
  } else {
    page.line("all " + std::to_string(devices) + " devices", energy_text(total), note);
    page.line("one device", energy_text(report.energy.total_picojoules()), "in the table");
  }
  EnergyTable(report.energy).write(page.out());
  write_energy_sources(page.out(), report.energy);
  if (memory_energy_missing(report.energy)) {
    page.out() << "\n  memory: energies not given by the device\n";
  }
}

}  // namespace tandem::platform::summary
