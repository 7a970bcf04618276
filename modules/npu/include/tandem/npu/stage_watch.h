// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "tandem/abi/command.h"
#include "tandem/abi/program.h"

namespace tandem::npu {

// Parts of the hardware that a stage of a model may wait for.
enum Part : unsigned { kMemory, kPim, kArray, kVectorUnit, kSampler, kLink, kParts };
using BusyTimes = std::array<std::uint64_t, kParts>;  // ps

// A stretch of time, and for how much of it each part was at work, whomever it worked for.
struct Window {
  std::uint64_t time_ps = 0;
  BusyTimes busy_ps{};

  template <typename Archive>
  void archive(Archive& archive) {
    archive(time_ps, busy_ps);
  }
  void add(const Window& other, std::uint64_t times = 1);
};

// What the hardware did while commands were in a stage of the model. Whenever one of them goes on
// to another stage, the time since the last such moment is given to the stages and phases that
// commands were in, once to each, however many commands were in it: windows are wall time. Costs
// something only then.
class StageWatch {
 public:
  // In no stage: the command is fetched, set up or ended.
  static constexpr std::size_t kBetween = abi::kStages;
  // How long each part has worked so far. What becomes known later counts later, but in no window
  // for more than its time.
  using Probe = std::function<BusyTimes()>;

  explicit StageWatch(Probe probe) : probe_(std::move(probe)) {}

  // A command begins, in no stage. Times of calls never fall.
  void begin(std::uint64_t serial, std::uint32_t phase, std::uint64_t now_ps);
  // It goes on to `stage`, for layers of which one stands for `times`.
  void enter(std::uint64_t serial, std::size_t stage, std::uint64_t times, std::uint64_t now_ps);
  // It waits for as long as what it stood for would have taken: that time is no window's.
  void await_left_out(std::uint64_t serial, std::uint64_t now_ps) {
    enter(serial, kBetween, 0, now_ps);
  }
  // What it stood for has taken its time: the others of those layers are added.
  void add_left_out(std::uint64_t serial);
  // Nothing if it has ended already.
  void end(std::uint64_t serial, std::uint64_t now_ps);

  bool idle() const { return active_.empty(); }
  // When idle.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(phases_, sampled_ps_, counted_ps_);
  }

  // Up to now: with a command of the phase in flight, or in the stage.
  Window phase(std::uint32_t phase, std::uint64_t now_ps) const;
  Window stage(std::uint32_t phase, std::size_t stage, std::uint64_t now_ps) const;

 private:
  struct PhaseWindows {
    Window all;
    std::array<Window, abi::kStages> stages{};

    template <typename Archive>
    void archive(Archive& archive) {
      archive(all, stages);
    }
  };
  struct Active {
    std::uint64_t serial;
    std::uint32_t phase;
    std::size_t stage = kBetween;
    std::uint64_t times = 1;
    PhaseWindows left_out{};  // of layers that others stood for
  };

  Active* find(std::uint64_t serial);
  // The oldest in the phase, and in the stage if that is not kBetween, with time that counts.
  const Active* oldest_in(std::uint32_t phase, std::size_t stage) const;
  Window since_sample(std::uint64_t now_ps) const;
  void sample(std::uint64_t now_ps);

  Probe probe_;
  std::vector<Active> active_;  // in order of their begin
  std::array<PhaseWindows, abi::kPhases> phases_{};
  std::uint64_t sampled_ps_ = 0;
  BusyTimes counted_ps_{};
};

}  // namespace tandem::npu
