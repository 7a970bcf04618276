// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/mixed_pace.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "tandem/memory/command_channel.h"

namespace tandem::memory {
namespace {

constexpr unsigned kReadsPerBank = 4;  // in flight: few banks are without one
constexpr Cycle kFilling = 2;          // periods of refresh until the queues are full
constexpr Cycle kCounted = 8;          // whole ones: the ranks drift apart and back again
constexpr Cycle kRowCycles = 100;      // a period where nothing is refreshed

// Random accesses, each as soon as less than `most` are in flight.
class RandomLoad final : public CommandChannel::Client {
 public:
  RandomLoad(const DeviceConfig& device, const ControllerConfig& controller, double write_share)
      : geometry_(device.geometry),
        channel_(device, controller, *this),
        most_(kReadsPerBank * device.geometry.banks()),
        write_below_(static_cast<std::uint64_t>(write_share * kOne)) {}

  double cycles_per_access() {
    const CycleTiming& t = channel_.timing().cycles();
    const Cycle period = t.REFI != 0 ? t.REFI : kRowCycles * t.RC;
    run(0, kFilling * period);
    const std::uint64_t before = channel_.counters().data_cycles;
    run(kFilling * period, (kFilling + kCounted) * period);
    const std::uint64_t served = (channel_.counters().data_cycles - before) / t.burst;
    return static_cast<double>(kCounted * period) /
           static_cast<double>(std::max<std::uint64_t>(1, served));
  }

  void request_done(std::uint64_t, Cycle done) override {
    --unanswered_;
    ends_.push(done);
  }

 private:
  static constexpr double kOne = 1 << 20;

  void run(Cycle now, Cycle until) {
    while (now < until) {
      while (!ends_.empty() && ends_.top() <= now) ends_.pop();
      while (ends_.size() + unanswered_ < most_ && submit(now)) {
      }
      channel_.tick(now);
      const Cycle end = ends_.empty() ? kNoCycle : ends_.top();
      now = std::max(now + 1, std::min(channel_.next(), end));
    }
  }

  // The next access, drawn once and kept until the channel takes it.
  bool submit(Cycle now) {
    if (!drawn_) draw();
    if (!channel_.accepts(next_.is_write)) return false;
    drawn_ = false;
    ++unanswered_;
    channel_.submit(next_, now);
    return true;
  }

  void draw() {
    const std::uint64_t bits = random_();
    next_.bank = static_cast<unsigned>(bits % geometry_.banks());
    next_.row = static_cast<std::uint32_t>((bits >> 8) % geometry_.rows);
    next_.column = static_cast<std::uint32_t>((bits >> 32) % geometry_.columns());
    next_.is_write = (random_() & ((1 << 20) - 1)) < write_below_;
    drawn_ = true;
  }

  const DeviceGeometry& geometry_;
  CommandChannel channel_;
  unsigned most_;
  std::uint64_t write_below_;
  std::mt19937_64 random_{1};
  CommandChannel::Request next_;
  bool drawn_ = false;
  unsigned unanswered_ = 0;  // taken, not known yet when done
  std::priority_queue<Cycle, std::vector<Cycle>, std::greater<>> ends_;
};

}  // namespace

double MixedPace::cycles(double write_share) {
  std::size_t i = 1;
  while (i + 1 < kShares.size() && kShares[i] < write_share) ++i;
  const double part = (write_share - kShares[i - 1]) / (kShares[i] - kShares[i - 1]);
  return (1 - part) * measured(i - 1) + part * measured(i);
}

double MixedPace::measured(std::size_t index) {
  double& cycles = cycles_[index];
  if (cycles == 0) cycles = RandomLoad(device_, controller_, kShares[index]).cycles_per_access();
  return cycles;
}

}  // namespace tandem::memory
