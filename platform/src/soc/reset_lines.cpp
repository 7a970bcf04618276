// SPDX-License-Identifier: Apache-2.0
#include "reset_lines.h"

#include <algorithm>

#include "tandem/common/systemc.h"

namespace tandem::platform {

ResetLines::ResetLines(const sc_core::sc_module_name& name)
    : sc_module(name), platform_("platform"), npu_("npu"), pim_("pim") {
  TANDEM_HAS_PROCESS(ResetLines);
  SC_METHOD(drive);
  sensitive << change_;
  dont_initialize();
  SC_METHOD(fire);
  sensitive << due_;
  dont_initialize();
}

void ResetLines::request(ResetTarget target) {
  release_ps_[static_cast<std::size_t>(target)] = common::now_ps() + kHoldPs;
  change_.notify(sc_core::SC_ZERO_TIME);
}

bool ResetLines::held(ResetTarget target) const {
  return common::now_ps() < release_ps_[static_cast<std::size_t>(target)];
}

bool ResetLines::any_held() const {
  return std::any_of(release_ps_.begin(), release_ps_.end(), [](std::uint64_t release_ps) {
    return release_ps != 0 && common::now_ps() <= release_ps;
  });
}

void ResetLines::count() {
  for (std::size_t i = 0; i < kResetTargets; ++i) {
    const bool is_held = held(static_cast<ResetTarget>(i));
    if (is_held && !was_held_[i]) ++counts_[i];
    was_held_[i] = is_held;
  }
}

void ResetLines::drive() {
  count();
  const bool platform = held(ResetTarget::kPlatform);
  if (!platform && platform_.read() && listener_) listener_();
  platform_.write(platform);
  npu_.write(platform || held(ResetTarget::kNpu));
  pim_.write(platform || held(ResetTarget::kPim));
  for (const std::uint64_t release_ps : release_ps_) {
    if (release_ps <= common::now_ps()) continue;
    change_.notify(common::from_ps(release_ps - common::now_ps()));  // the earliest stays
  }
}

void ResetLines::schedule(const ResetConfig& config) {
  schedule_ = config;
  due_.notify(common::from_ps(config.at_ps));
}

void ResetLines::fire() {
  request(schedule_.what);
  if (++fired_ < schedule_.count) due_.notify(common::from_ps(schedule_.every_ps));
}

}  // namespace tandem::platform
