// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <systemc>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

// The reset controller: a line for the platform as a whole and one for each device that can be
// reset alone. A request holds its line for kHoldPs; another one meanwhile starts that time anew.
class ResetLines : public sc_core::sc_module {
 public:
  // An assumption: long enough for every module to see it, short beside a command.
  static constexpr std::uint64_t kHoldPs = 100'000;

  explicit ResetLines(const sc_core::sc_module_name& name);

  sc_core::sc_signal<bool>& platform() { return platform_; }
  // Of devices: high with their own reset and with the platform's.
  sc_core::sc_signal<bool>& npu() { return npu_; }
  sc_core::sc_signal<bool>& pim() { return pim_; }

  // From the next delta cycle on.
  void request(ResetTarget target);
  bool any_held() const;
  // Resets so far, by ResetTarget; how many of them a schedule has asked for.
  std::uint32_t scheduled() const { return fired_; }
  const std::array<std::uint64_t, kResetTargets>& counts() const { return counts_; }
  void schedule(const ResetConfig& config);
  // While no line is held, and none is scheduled.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(counts_);
  }
  // Called when the platform's line falls: what was under way is gone, nothing has begun anew.
  void on_platform_release(std::function<void()> listener) { listener_ = std::move(listener); }

 private:
  void drive();
  void count();
  void fire();
  bool held(ResetTarget target) const;

  sc_core::sc_signal<bool> platform_;
  sc_core::sc_signal<bool> npu_;
  sc_core::sc_signal<bool> pim_;
  std::array<std::uint64_t, kResetTargets> release_ps_{};
  std::array<bool, kResetTargets> was_held_{};
  std::array<std::uint64_t, kResetTargets> counts_{};
  sc_core::sc_event change_;
  std::function<void()> listener_;

  ResetConfig schedule_;
  std::uint32_t fired_ = 0;
  sc_core::sc_event due_;
};

}  // namespace tandem::platform
