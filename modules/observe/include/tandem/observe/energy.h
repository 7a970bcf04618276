// SPDX-License-Identifier: Apache-2.0
// Energy is a ledger of entries, each an amount, what it was spent on, and where the figure per
// operation comes from. The total is the sum of the entries, by construction.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tandem::observe {

class EnergySink {
 public:
  virtual ~EnergySink() = default;
  // `component` is dotted ("memory.activate"), `source` says where the energy per operation is
  // from.
  virtual void spend(std::string_view component, double picojoules, std::string_view source) = 0;
};

struct EnergyEntry {
  std::string component;
  double picojoules;
  std::string source;
};

class EnergyLedger : public EnergySink {
 public:
  void spend(std::string_view component, double picojoules, std::string_view source) override;
  const std::vector<EnergyEntry>& entries() const { return entries_; }
  double total_picojoules() const;

 private:
  std::vector<EnergyEntry> entries_;
};

}  // namespace tandem::observe
