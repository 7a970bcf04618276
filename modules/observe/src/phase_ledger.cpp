// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/phase_ledger.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace tandem::observe {

double PhaseLedger::Entry::total_picojoules() const {
  return std::accumulate(picojoules.begin(), picojoules.end(), 0.0);
}

PhaseLedger::PhaseLedger(std::vector<std::string> phases) : phases_(std::move(phases)) {}

void PhaseLedger::read(std::string_view module, std::size_t phase) {
  if (phase >= phases_.size()) {
    throw std::out_of_range("PhaseLedger: phase " + std::to_string(phase) + " of " +
                            std::to_string(phases_.size()));
  }
  module_ = module;
  phase_ = phase;
  ++reading_;
  const auto first = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return std::string_view(entry.component).substr(0, entry.module_length) == module;
  });
  next_ = static_cast<std::size_t>(first - entries_.begin());
}

void PhaseLedger::spend(std::string_view component, double picojoules, std::string_view source) {
  Entry& entry = find_or_insert(component, source);
  if (entry.reading == reading_) {
    entry.picojoules[phase_] += picojoules;
    entry.counted_picojoules += picojoules;
    return;
  }
  entry.reading = reading_;
  entry.picojoules[phase_] += picojoules - entry.counted_picojoules;
  entry.counted_picojoules = picojoules;
}

bool PhaseLedger::is(const Entry& entry, std::string_view component) const {
  const std::string_view name = entry.component;
  return name.size() == module_.size() + 1 + component.size() &&
         entry.module_length == module_.size() && name.substr(module_.size() + 1) == component &&
         name.substr(0, module_.size()) == module_;
}

PhaseLedger::Entry& PhaseLedger::find_or_insert(std::string_view component,
                                                std::string_view source) {
  if (next_ < entries_.size() && is(entries_[next_], component)) return entries_[next_++];
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& entry) { return is(entry, component); });
  if (found == entries_.end()) {
    Entry entry;
    entry.component = module_ + "." + std::string(component);
    entry.source = source;
    entry.picojoules.assign(phases_.size(), 0.0);
    entry.module_length = module_.size();
    found =
        entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(next_), std::move(entry));
  }
  next_ = static_cast<std::size_t>(found - entries_.begin()) + 1;
  return *found;
}

double PhaseLedger::total_picojoules() const {
  double total = 0.0;
  for (const Entry& entry : entries_) total += entry.total_picojoules();
  return total;
}

double PhaseLedger::phase_picojoules(std::size_t phase) const {
  double total = 0.0;
  for (const Entry& entry : entries_) total += entry.picojoules.at(phase);
  return total;
}

}  // namespace tandem::observe
