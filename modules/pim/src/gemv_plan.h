// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tandem/abi/pim_registers.h"
#include "tandem/memory/address_mapping.h"
#include "tandem/pim/command_set.h"
#include "tandem/pim/matrix_plan.h"
#include "weight_bytes.h"

namespace tandem::pim {

// What one GEMV asks of one channel.
struct ChannelPlan {
  unsigned channel = 0;
  Operations operations;
  PlanCounts counts;
};

// Makes operations of the weights' bytes where they lie: of every DRAM row with weights a tile of
// the banks that have some, as long as the bank with most. Cost follows rows, not bytes.
class GemvPlan {
 public:
  // Both outlive the plan.
  GemvPlan(const PimCommandSet& set, const memory::AddressMapping& mapping);

  // The channels that hold weights of the command, in ascending order; valid until the next call.
  // The last operation of each is the one whose end is the end of the command there.
  const std::vector<ChannelPlan>& compile(const abi::PimCommand& command,
                                          const WeightBytes& weights);

 private:
  static constexpr std::size_t kBanks = 64;
  struct Row {  // the same one of all banks of a channel
    std::uint32_t number = 0;
    std::uint64_t bank_mask = 0;  // that hold some of the weights
    std::array<std::uint32_t, kBanks> columns{};

    void add(unsigned bank, std::uint32_t more) {
      columns[bank] += more;
      bank_mask |= std::uint64_t{1} << bank;
    }
    std::uint32_t most() const {
      std::uint32_t most = 0;
      for (std::uint64_t left = bank_mask; left != 0; left &= left - 1) {
        most = std::max(most, columns[static_cast<unsigned>(__builtin_ctzll(left))]);
      }
      return most;
    }
  };
  struct Pass {
    std::uint32_t first = 0;  // column of the weights
    std::uint32_t columns = 0;
    std::uint32_t vectors = 0;
  };

  // Columns of the weights whose vectors a channel holds at once, and where they lie. Not copied:
  // its rows keep their storage from command to command.
  struct Segment {
    std::vector<std::vector<Row>> rows;  // per channel, in ascending order
    std::uint64_t run_columns = 0;
  };

  void locate(const abi::PimCommand& command, const WeightBytes& weights, const Pass& pass,
              Segment& segment);
  void run(const Segment& segment, const Pass& pass);
  void visit_weights(const abi::PimCommand& command, const WeightBytes& weights, const Pass& pass,
                     Segment& segment) const;
  void visit_range(std::uint64_t address, std::uint64_t bytes, Segment& segment) const;
  std::uint64_t columns_of_run(const WeightBytes& weights, const Pass& pass) const;
  static Row& row_of(std::vector<Row>& rows, std::uint32_t number);
  void tiles(const std::vector<Row>& rows, const Pass& pass, std::uint64_t run_columns,
             std::uint64_t row_columns, Operations& out) const;

  const PimCommandSet& set_;
  const memory::AddressMapping& mapping_;
  std::uint32_t column_bytes_;
  std::vector<Segment> segments_;
  std::vector<Operations> operations_;  // per channel
  std::vector<ChannelPlan> plans_;
  abi::Format format_ = abi::Format::kFp16;
};

}  // namespace tandem::pim
