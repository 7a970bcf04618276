// SPDX-License-Identifier: Apache-2.0
// Commands of a DRAM channel, as the command log has them.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::memory {

using Cycle = std::uint64_t;  // of tCK
constexpr Cycle kNoCycle = ~Cycle{0} >> 2;

// Ordinary commands, then those of banks that compute. "Compute buffer" is the row buffer that PIM
// uses: the bank's second one if there are two (dual), else the only one.
enum class CommandKind : std::uint8_t {
  kActivate,             // bank, row
  kPrecharge,            // bank
  kRead,                 // bank, row, column
  kWrite,                // bank, row, column
  kReadPrecharge,        // closes the row as soon as it may
  kWritePrecharge,       //
  kRefresh,              // rank
  kRefreshBank,          // bank
  kWckSync,              // channel
  kGroupActivate,        // rank, group, row: opens the row in the compute buffers of several banks
  kComputePrecharge,     // bank: compute buffer (dual row buffers only)
  kComputePrechargeAll,  // channel: compute buffers
  kBufferWrite,          // bank, row: copies an open row to the global vector buffer
  kBufferLoad,           // channel: one burst from the data bus to the global vector buffer
  kCompute,              // channel: one column of every computing bank; count: computes
  kComputeRead,          // channel: composite of `count` computes and the result read
  kResultRead,           // channel: accumulators to the data bus
  kMode,                 // channel: to or from PIM mode
};
constexpr std::size_t kCommandKinds = 18;

constexpr std::array<std::string_view, kCommandKinds> kCommandNames = {
    "ACT",   "PRE",     "RD",       "WR",     "RDA",   "WRA",  "REF",   "REFPB",   "WCKSYNC",
    "G_ACT", "PIM_PRE", "PIM_PREA", "GWRITE", "WR_GB", "COMP", "COMPS", "READRES", "MODE"};
constexpr std::string_view name_of(CommandKind kind) {
  return kCommandNames[static_cast<std::size_t>(kind)];
}

constexpr bool is_column(CommandKind kind) {
  return kind >= CommandKind::kRead && kind <= CommandKind::kWritePrecharge;
}
constexpr bool is_read(CommandKind kind) {
  return kind == CommandKind::kRead || kind == CommandKind::kReadPrecharge;
}

struct Command {
  Cycle cycle = 0;
  CommandKind kind = CommandKind::kActivate;
  std::uint8_t rank = 0;
  std::uint8_t group = 0;  // within the rank
  std::uint8_t bank = 0;   // within the channel: (rank, group, bank of the group), lowest last
  std::uint16_t count = 0;
  std::uint32_t row = 0;
  std::uint32_t column = 0;  // burst within the row

  template <typename Archive>
  void archive(Archive& archive) {
    archive(cycle, kind, rank, group, bank, count, row, column);
  }
};

// Hears every command of a channel in the order of issue.
class CommandListener {
 public:
  virtual void on_command(const Command& command) = 0;

 protected:
  ~CommandListener() = default;
};

}  // namespace tandem::memory
