// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/energy.h"

namespace tandem::observe {

void EnergyLedger::spend(std::string_view component, double picojoules, std::string_view source) {
  entries_.push_back({std::string(component), picojoules, std::string(source)});
}

double EnergyLedger::total_picojoules() const {
  double total = 0.0;
  for (const EnergyEntry& entry : entries_) total += entry.picojoules;
  return total;
}

}  // namespace tandem::observe
