// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/timeline.h"

#include <algorithm>

namespace tandem::observe {

Timeline::Timeline(const Limits& limits) : limits_(limits) {}

Timeline::Track Timeline::track(std::string_view process, std::string_view name) {
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].process == process && tracks_[i].name == name) return static_cast<Track>(i);
  }
  tracks_.push_back({std::string(process), std::string(name)});
  return static_cast<Track>(tracks_.size() - 1);
}

Timeline::Name Timeline::name(std::string_view text) {
  const auto found = std::find(names_.begin(), names_.end(), text);
  if (found != names_.end()) return static_cast<Name>(found - names_.begin());
  names_.emplace_back(text);
  return static_cast<Name>(names_.size() - 1);
}

void Timeline::slice(Track track, Name name, std::uint64_t begin_ps, std::uint64_t end_ps,
                     std::uint64_t flow) {
  if (end_ps < limits_.begin_ps || begin_ps > limits_.end_ps) return;
  if (slices_.size() >= limits_.max_events) {
    ++dropped_;
    return;
  }
  slices_.push_back({begin_ps, end_ps, track, name, flow});
  if (last_.size() <= track) last_.resize(tracks_.size());
  last_[track] = slices_.size();
}

void Timeline::extend(Track track, Name name, std::uint64_t begin_ps, std::uint64_t end_ps,
                      std::uint64_t flow) {
  if (track < last_.size() && last_[track] != 0) {
    Slice& last = slices_[last_[track] - 1];
    if (last.end_ps == begin_ps && last.name == name && last.flow == flow) {
      last.end_ps = end_ps;
      return;
    }
  }
  slice(track, name, begin_ps, end_ps, flow);
}

}  // namespace tandem::observe
