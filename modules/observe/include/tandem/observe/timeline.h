// SPDX-License-Identifier: Apache-2.0
// Recorder of what each part of the platform did when. Modules hold a pointer; nullptr means off.
// The recorder keeps events in memory; writing them (Perfetto/Chrome JSON) is up to its owner.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::observe {

class Timeline {
 public:
  using Track = std::uint32_t;
  using Name = std::uint32_t;

  struct Limits {
    std::uint64_t begin_ps = 0;
    std::uint64_t end_ps = ~std::uint64_t{0};
    std::size_t max_events = 2'000'000;  // further events are counted, not kept
  };
  struct Slice {
    std::uint64_t begin_ps;
    std::uint64_t end_ps;
    Track track;
    Name name;
    std::uint64_t flow;  // 0 = none; slices of one flow are joined by arrows in time order

    template <typename Archive>
    void archive(Archive& archive) {
      archive(begin_ps, end_ps, track, name, flow);
    }
  };
  struct TrackInfo {
    std::string process;  // "npu"
    std::string name;     // "matrix"

    template <typename Archive>
    void archive(Archive& archive) {
      archive(process, name);
    }
  };

  explicit Timeline(const Limits& limits);
  Timeline() : Timeline(Limits{}) {}

  // Same (process, name), same track.
  Track track(std::string_view process, std::string_view name);
  // Interns a slice name; call it once, not per event, where the name is fixed.
  Name name(std::string_view text);
  // Slices of one track may overlap only if one contains the other.
  void slice(Track track, Name name, std::uint64_t begin_ps, std::uint64_t end_ps,
             std::uint64_t flow = 0);

  // The same, but a slice that begins where the track's last one ends, with its name and flow,
  // lengthens that one: for tracks of many short pieces of one activity.
  void extend(Track track, Name name, std::uint64_t begin_ps, std::uint64_t end_ps,
              std::uint64_t flow = 0);

  const std::vector<Slice>& slices() const { return slices_; }
  const std::vector<TrackInfo>& tracks() const { return tracks_; }
  const std::string& text(Name name) const { return names_[name]; }
  std::uint64_t dropped() const { return dropped_; }

  // Everything but the limits (common::Archive).
  template <typename Archive>
  void archive(Archive& archive) {
    archive(tracks_, names_, slices_, last_, dropped_);
  }

  // Trace-event JSON (https://ui.perfetto.dev opens it); deterministic bytes.
  std::string to_json() const;

 private:
  Limits limits_;
  std::vector<TrackInfo> tracks_;
  std::vector<std::string> names_;
  std::vector<Slice> slices_;
  std::vector<std::size_t> last_;  // slice of each track, plus one; 0: none
  std::uint64_t dropped_ = 0;
};

}  // namespace tandem::observe
