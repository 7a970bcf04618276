// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/pim_registers.h"
#include "tandem/memory/address_mapping.h"
#include "tandem/pim/config.h"
#include "weight_bytes.h"

namespace tandem::pim {

// What one GEMV asks of one channel.
struct ChannelWork {
  unsigned channel = 0;
  std::uint64_t duration_ps = 0;  // from the first activate until all banks are precharged
  std::uint64_t activations = 0;
  std::uint64_t columns = 0;  // column accesses, each feeding one bank's MAC unit
};

// Where the bytes of a GEMV lie in the banks, and how long the banks take for them. README.md has
// the formulas.
class GemvTiming {
 public:
  GemvTiming(const Config& config, const memory::AddressMapping& mapping);

  // The channels that hold weights of the command, in ascending order; valid until the next call.
  const std::vector<ChannelWork>& plan(const abi::PimCommand& command, const WeightBytes& weights);

  // Column to column of one bank, for weights of a format: the array's pace or the MAC unit's.
  std::uint64_t column_ps(abi::Format format) const;
  void set_clock_period_ps(std::uint64_t period_ps) { clock_period_ps_ = period_ps; }

 private:
  static constexpr std::uint64_t kNoRow = ~std::uint64_t{0};
  struct Bank {
    std::uint64_t command = 0;  // that the other members belong to
    std::uint64_t row = kNoRow;
    std::uint64_t columns = 0;  // of the row that is open
    std::uint64_t full_ps = 0;  // a pass over as many vectors as fit
    std::uint64_t rest_ps = 0;  // the last pass
  };
  struct Channel {
    std::uint64_t command = 0;
    std::uint64_t activations = 0;
    std::uint64_t columns = 0;
    std::uint64_t full_open_ps = 0;  // the shortest stay of a row
    std::uint64_t rest_open_ps = 0;
  };
  struct Passes {
    std::uint64_t vectors;  // per full pass
    std::uint64_t full;     // passes
    std::uint64_t rest;     // vectors of the last pass; 0: none
    std::uint32_t segment;  // columns of the weights per filling of the global buffer
  };

  Passes passes_of(const abi::PimCommand& command) const;
  void visit_range(std::uint64_t address, std::uint64_t bytes);
  void visit(const memory::Run& run);
  void close(unsigned channel, Bank& bank);
  std::uint64_t open_ps(std::uint64_t columns, std::uint64_t vectors) const;
  std::uint64_t duration_ps(const Channel& channel, std::uint64_t bank_full_ps,
                            std::uint64_t bank_rest_ps) const;

  const Config& config_;
  const memory::AddressMapping& mapping_;
  std::uint64_t clock_period_ps_;
  unsigned banks_per_channel_;
  unsigned burst_bytes_;
  std::vector<Bank> banks_;
  std::vector<Channel> channels_;
  std::vector<ChannelWork> work_;

  // Of the command being planned.
  std::uint64_t command_ = 0;
  std::uint64_t pace_ps_ = 0;
  Passes passes_{};
};

}  // namespace tandem::pim
