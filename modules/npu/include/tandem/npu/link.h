// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/abi/program.h"
#include "tandem/npu/engine.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"

namespace tandem::npu {

// The link to the other devices of a tensor-parallel group: how long an exchange takes, and what it
// has carried. The others are taken to do the same at the same time, and additions to keep up.
class Link {
 public:
  enum class Topology : std::uint8_t {
    kRing,    // to the next device only: a part of the tensor per step, devices - 1 steps
    kSwitch,  // to every device through a port of this bandwidth: all parts in one step
  };

  struct Config {
    std::uint32_t devices = 1;                // this one included
    std::uint64_t bandwidth_bytes_per_s = 0;  // of a device, each direction
    std::uint64_t latency_ps = 0;             // of a step
    Topology topology = Topology::kRing;
    double energy_pj_per_bit = 0.0;  // sent by this device
    const char* energy_source = "not modelled";

    // Throws std::invalid_argument naming the field, its value and the rule.
    void validate() const;
  };

  explicit Link(const Config& config) : config_(config) {}

  const Config& config() const { return config_; }
  bool connected() const { return config_.devices > 1; }

  // Of an output of `bytes`; `devices` > 1 take part.
  static std::uint64_t sent_bytes(abi::CollectiveOp op, std::uint64_t bytes, std::uint32_t devices);
  std::uint64_t exchange_ps(abi::CollectiveOp op, std::uint64_t bytes, std::uint32_t devices) const;

  // One exchange after the other. Time at which the one asked for now will be done.
  std::uint64_t reserve(abi::CollectiveOp op, std::uint64_t bytes, std::uint32_t devices,
                        observe::Timeline::Name name, std::uint64_t flow);
  // Exchanges asked for from now on count `times` times, and take the time of once.
  void count_times(std::uint64_t times) {
    times_ = times;
    engine_.count_times(times);
  }
  void reset() { engine_.reset(); }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(engine_, exchanges_, bytes_, times_);
  }

  std::uint64_t bytes() const { return bytes_; }  // sent
  std::uint64_t busy_ps() const { return engine_.busy_ps(); }
  std::uint64_t worked_ps() const { return engine_.worked_ps(); }  // see Engine
  void set_timeline(observe::Timeline* timeline) { engine_.set_timeline(timeline, "link"); }
  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;

 private:
  Config config_;
  Engine engine_;
  std::uint64_t exchanges_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t times_ = 1;
};

}  // namespace tandem::npu
