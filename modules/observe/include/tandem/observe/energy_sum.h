// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tandem/observe/energy.h"

namespace tandem::observe {

// One entry per component, whoever spends on it, in the order in which components first occur.
class EnergySum final : public EnergySink {
 public:
  void spend(std::string_view component, double picojoules, std::string_view source) override {
    for (EnergyEntry& entry : entries_) {
      if (entry.component != component) continue;
      entry.picojoules += picojoules;
      return;
    }
    entries_.push_back({std::string(component), picojoules, std::string(source)});
  }
  void pour(EnergySink& sink) const {
    for (const EnergyEntry& entry : entries_) {
      sink.spend(entry.component, entry.picojoules, entry.source);
    }
  }

 private:
  std::vector<EnergyEntry> entries_;
};

}  // namespace tandem::observe
