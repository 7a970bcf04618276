// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/stage_watch.h"

#include <algorithm>

namespace tandem::npu {

void Window::add(const Window& other, std::uint64_t times) {
  time_ps += times * other.time_ps;
  for (std::size_t i = 0; i < kParts; ++i) busy_ps[i] += times * other.busy_ps[i];
}

StageWatch::Active* StageWatch::find(std::uint64_t serial) {
  const auto found = std::find_if(active_.begin(), active_.end(), [serial](const Active& active) {
    return active.serial == serial;
  });
  return found == active_.end() ? nullptr : &*found;
}

const StageWatch::Active* StageWatch::oldest_in(std::uint32_t phase, std::size_t stage) const {
  const auto found = std::find_if(active_.begin(), active_.end(), [&](const Active& active) {
    return active.phase == phase && active.times != 0 &&
           (stage == kBetween || active.stage == stage);
  });
  return found == active_.end() ? nullptr : &*found;
}

Window StageWatch::since_sample(std::uint64_t now_ps) const {
  Window window;
  window.time_ps = now_ps - sampled_ps_;
  if (window.time_ps == 0) return window;
  const BusyTimes busy_ps = probe_();
  for (std::size_t i = 0; i < kParts; ++i) {
    const std::uint64_t more_ps = std::max(busy_ps[i], counted_ps_[i]) - counted_ps_[i];
    window.busy_ps[i] = std::min(more_ps, window.time_ps);
  }
  return window;
}

void StageWatch::sample(std::uint64_t now_ps) {
  const Window window = since_sample(now_ps);
  if (window.time_ps == 0) return;
  sampled_ps_ = now_ps;
  for (std::size_t i = 0; i < kParts; ++i) counted_ps_[i] += window.busy_ps[i];
  for (Active& active : active_) {
    if (active.times == 0) continue;
    PhaseWindows& windows = phases_[active.phase];
    if (oldest_in(active.phase, kBetween) == &active) {
      windows.all.add(window);
      active.left_out.all.add(window, active.times - 1);
    }
    if (active.stage != kBetween && oldest_in(active.phase, active.stage) == &active) {
      windows.stages[active.stage].add(window);
      active.left_out.stages[active.stage].add(window, active.times - 1);
    }
  }
}

void StageWatch::begin(std::uint64_t serial, std::uint32_t phase, std::uint64_t now_ps) {
  sample(now_ps);
  active_.push_back({serial, phase});
}

void StageWatch::enter(std::uint64_t serial, std::size_t stage, std::uint64_t times,
                       std::uint64_t now_ps) {
  Active* const active = find(serial);
  if (active == nullptr || (active->stage == stage && active->times == times)) return;
  sample(now_ps);
  active->stage = stage;
  active->times = times;
}

void StageWatch::add_left_out(std::uint64_t serial) {
  Active* const active = find(serial);
  if (active == nullptr) return;
  PhaseWindows& windows = phases_[active->phase];
  windows.all.add(active->left_out.all);
  for (std::size_t i = 0; i < abi::kStages; ++i) {
    windows.stages[i].add(active->left_out.stages[i]);
  }
  active->left_out = {};
}

void StageWatch::end(std::uint64_t serial, std::uint64_t now_ps) {
  const Active* const active = find(serial);
  if (active == nullptr) return;
  sample(now_ps);
  active_.erase(active_.begin() + (active - active_.data()));
}

Window StageWatch::phase(std::uint32_t phase, std::uint64_t now_ps) const {
  Window window = phases_[phase].all;
  if (oldest_in(phase, kBetween) != nullptr) window.add(since_sample(now_ps));
  return window;
}

Window StageWatch::stage(std::uint32_t phase, std::size_t stage, std::uint64_t now_ps) const {
  Window window = phases_[phase].stages[stage];
  if (oldest_in(phase, stage) != nullptr) window.add(since_sample(now_ps));
  return window;
}

}  // namespace tandem::npu
