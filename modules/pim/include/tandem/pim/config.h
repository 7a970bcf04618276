// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "tandem/abi/formats.h"
#include "tandem/memory/stack.h"
#include "tandem/pim/command_energy.h"
#include "tandem/pim/command_set.h"
#include "tandem/pim/lanes.h"

namespace tandem::pim {

enum class RowBuffer {
  kSingle,  // PIM work and ordinary accesses take turns on a channel's banks
  kDual,    // PIM has row buffers of its own; ordinary accesses go on
};

// How commands come to the channels.
enum class CommandPath {
  kPerChannel,  // each makes those of a GEMV by itself
  kShared,      // over one path, a command per clock for all channels, GEMV after GEMV
};

struct Energy {
  std::optional<CommandEnergy> commands;  // none: default_command_energy()
  // Multiply-accumulates, where the commands do not contain them.
  double fp16_mac_pj = 0.32;  // FP16 and BF16
  double int8_mac_pj = 0.16;
  double four_bit_mac_pj = 0.08;  // a 4-bit weight times an FP16 activation
  std::string source =
      "assumed: AttAcc's ALU figure for FP16, halved per halving of the weight's width";
};

struct Config {
  memory::Stack::Config memory;
  RowBuffer row_buffer = RowBuffer::kDual;
  CommandSetKind command_set = CommandSetKind::kNewton;
  CommandForm commands = CommandForm::kComposite;
  CommandPath command_path = CommandPath::kPerChannel;
  std::optional<memory::ComputeBanks> banks;  // none: default_compute_banks()
  std::uint32_t banks_per_unit = 1;           // that share multipliers
  std::uint32_t column_bytes = 32;            // of one bank, multiplied at a time
  std::uint64_t clock_period_ps = 1'000;      // of the MAC units and of the window port
  Lanes lanes;
  // Commands are checked and timed as always, but nothing is multiplied: results are zero.
  bool timing_only = false;
  std::uint32_t formats = kAllFormats;       // bit per abi::Format
  std::uint32_t global_buffer_rows = 1;      // DRAM rows of input vectors that a channel holds
  std::uint32_t accumulators_per_bank = 16;  // vectors multiplied with one open row
  std::uint32_t queue_depth = 64;            // commands
  std::uint32_t vector_bytes = 256 * 1024;   // vector window, at most 960 KiB
  std::uint32_t result_bytes = 256 * 1024;   // result window, at most 1 MiB
  std::uint32_t port_bytes_per_cycle = 32;   // between the bus and the windows
  std::uint64_t register_latency_ps = 10'000;
  std::uint64_t command_latency_ps = 10'000;  // from acceptance to the first DRAM command
  unsigned max_outstanding = 64;              // AT transactions in progress on `registers`
  std::uint64_t dram_base = 0x8000'0000;      // reset value of DRAM_BASE
  Energy energy;

  // Throws std::invalid_argument naming the field, the value and the rule.
  void validate() const;
  CommandSetConfig command_set_config() const;
  CommandEnergy command_energy() const;
  // Weights that one bank multiplies at a time.
  std::uint64_t elements_per_column(abi::Format format) const;
  // Column to column of one bank, for weights of a format and MAC units of this clock: the array's
  // pace, as many times as the MAC unit takes.
  std::uint64_t column_ps(abi::Format format, std::uint64_t period_ps) const;
  // Multiply-accumulates per second that the units of all channels could do at most: the weights of
  // a column access every column_ps(). Lanes beyond that rate add nothing.
  double peak_macs_per_s(abi::Format format, std::uint64_t period_ps) const;
};

}  // namespace tandem::pim
