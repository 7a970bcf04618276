// SPDX-License-Identifier: Apache-2.0
// Energy by component and by phase. Modules count energy from time 0; a reading of a module at the
// end of each phase gives the phase what the module has counted since the reading before.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/observe/energy.h"

namespace tandem::observe {

class PhaseLedger : public EnergySink {
 public:
  struct Entry {
    std::string component;  // "module.component"
    std::string source;
    std::vector<double> picojoules;  // by phase, in the order of phases()
    // Of the parts, added up in their order.
    double total_picojoules() const;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(component, source, picojoules, module_length, counted_picojoules, reading);
    }

   private:
    friend class PhaseLedger;
    std::size_t module_length = 0;  // of `component`, without the dot
    double counted_picojoules = 0.0;
    std::uint64_t reading = 0;  // the last one in which it was told
  };

  explicit PhaseLedger(std::vector<std::string> phases = {});

  // Begins a reading: until the next one, spend() is told what `module` has counted since time 0.
  // Such an amount must never fall; where it does, the part of the phase is too small by that much.
  // A component that is told twice within a reading is one entry with the sum. Throws
  // std::out_of_range if there is no such phase.
  void read(std::string_view module, std::size_t phase);
  void spend(std::string_view component, double picojoules, std::string_view source) override;

  const std::vector<std::string>& phases() const { return phases_; }
  // Modules in the order of their first reading, components in the order in which they are told.
  const std::vector<Entry>& entries() const { return entries_; }
  // Of the entries, added up in their order.
  double total_picojoules() const;
  double phase_picojoules(std::size_t phase) const;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(phases_, entries_, module_, phase_, next_, reading_);
  }

 private:
  bool is(const Entry& entry, std::string_view component) const;
  Entry& find_or_insert(std::string_view component, std::string_view source);

  std::vector<std::string> phases_;
  std::vector<Entry> entries_;
  std::string module_;
  std::size_t phase_ = 0;
  std::size_t next_ = 0;  // where the component that is told next probably stands
  std::uint64_t reading_ = 0;
};

}  // namespace tandem::observe
