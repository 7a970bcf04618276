// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/common/archive.h"
#include "tandem/common/systemc.h"

namespace tandem::common {

// A level interrupt that any process may set: one process of its own drives the signal, because a
// signal takes only one writer. `port` may stay unbound.
class InterruptOutput : public sc_core::sc_module {
 public:
  InterruptPort port;

  explicit InterruptOutput(const sc_core::sc_module_name& name);

  // The signal follows within two delta cycles.
  void set(bool level);
  bool level() const { return level_; }
  // Loading: the signal has its value a delta cycle later, and follows the level then.
  void archive(Archive& archive);

 private:
  void drive();

  bool level_ = false;
  sc_core::sc_event changed_;
};

}  // namespace tandem::common
