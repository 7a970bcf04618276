// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/common/systemc.h"

namespace tandem::common {

// A transaction that stands for others of its kind, which are not made: whoever counts it counts it
// so many times. Takes no more time than one. Ignorable.
class StandsFor : public tlm::tlm_extension<StandsFor> {
 public:
  explicit StandsFor(std::uint64_t times) : times_(times) {}
  std::uint64_t times() const { return times_; }

  tlm::tlm_extension_base* clone() const override { return new StandsFor(times_); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    times_ = static_cast<const StandsFor&>(other).times_;
  }

 private:
  std::uint64_t times_;
};

// How often a transaction counts.
inline std::uint64_t times_of(const Payload& payload) {
  const auto* mark = payload.get_extension<StandsFor>();
  return mark == nullptr ? 1 : mark->times();
}

}  // namespace tandem::common
