// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "tandem/memory/memory_target.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"

namespace tandem::memory {

// On-chip memory with one data path, which its ports share first come, first served.
class Sram : public MemoryTarget {
 public:
  struct Config {
    std::uint64_t size_bytes = std::uint64_t{1} << 20;
    unsigned width_bytes = 16;  // moved per cycle
    std::uint64_t clock_period_ps = 1000;
    unsigned latency_cycles = 1;  // from the start of an access to its first beat
    unsigned ports = 1;
    unsigned max_outstanding = 8;  // transactions in progress per port (AT)
    bool dmi = true;
    double energy_pj_per_byte = 0.0;
    std::string energy_source = "not given";

    // Throws std::invalid_argument.
    void validate() const;
  };

  Sram(const sc_core::sc_module_name& name, const Config& config);

  void set_clock_period_ps(std::uint64_t period_ps);
  const Config& config() const { return config_; }
  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;
  void archive(common::Archive& archive) override;

 private:
  Service schedule(common::Payload& payload, std::uint64_t arrival_ps,
                   const Origin& origin) override;
  void reset_timing() override { busy_until_ps_ = 0; }
  std::uint64_t dmi_latency_ps() const override;

  Config config_;
  std::uint64_t busy_until_ps_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t write_bytes_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t busy_ps_ = 0;
  std::uint64_t wait_ps_ = 0;
};

}  // namespace tandem::memory
