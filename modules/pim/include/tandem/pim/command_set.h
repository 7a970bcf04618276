// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "tandem/abi/formats.h"
#include "tandem/memory/bank_timing.h"
#include "tandem/memory/compute_banks.h"
#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/pim/lanes.h"
#include "tandem/pim/pim_channel.h"

namespace tandem::pim {

enum class CommandSetKind {
  kNewton,   // G_ACT, COMP, READRES (MICRO 2020)
  kNeupims,  // the same with header and composites (ASPLOS 2024)
  kAim,      // SK hynix GDDR6-AiM: MAC of all banks
  kHbmPim,   // Samsung HBM-PIM: a programmable unit per two banks
};

// Of one command: its count has 16 bits.
constexpr std::uint32_t kMostComputes = 65'535;

enum class CommandForm {
  kComposite,  // one command for a run of columns, if the banks know such commands
  kRaw,        // a transaction for every column
};

struct CommandSetConfig {
  CommandSetKind kind = CommandSetKind::kNeupims;
  CommandForm form = CommandForm::kComposite;
  memory::ComputeBanks banks;
  std::uint32_t banks_per_unit = 1;  // that share multipliers and accumulators
  std::uint32_t column_bytes = 32;   // of one bank, multiplied by one compute
  std::uint64_t clock_period_ps = 1'000;
  Lanes lanes;
  std::uint32_t formats = kAllFormats;      // bit per abi::Format; those without lanes do not count
  std::uint32_t global_buffer_rows = 1;     // DRAM rows of vectors that a channel holds
  std::uint32_t accumulators_per_bank = 1;  // HBM-PIM: of a unit

  // Throws std::invalid_argument naming the field, the value and the rule. `device` and
  // `controller` have been validated.
  void validate(const memory::DeviceConfig& device,
                const memory::ControllerConfig& controller) const;
  // Computes, of compute_spacing each, that the multipliers need for a column and one vector, for a
  // format that has lanes.
  std::uint64_t repeat(abi::Format format, std::uint64_t tck_ps) const;
};

// Timing of computing banks that follows from a device's own, for descriptions that do not give it.
memory::ComputeBanks default_compute_banks(CommandSetKind kind, bool dual_row_buffer,
                                           const memory::DeviceConfig& device);

// One row, open in several banks, and what is computed from it.
struct Tile {
  std::uint32_t row = 0;
  std::uint64_t bank_mask = 0;  // 0: all
  std::uint32_t columns = 0;    // of column_bytes, in every bank
  std::uint32_t runs = 1;       // dot products, or pieces of one, that follow each other in them
  std::uint32_t vectors = 1;
  abi::Format format = abi::Format::kFp16;
  // Accumulators of every bank to be read afterwards; 0: they go on. Newton and AiM have one
  // accumulator, which is read after every run.
  std::uint32_t results = 1;
};

using Operations = std::vector<BankOperation>;

// How the banks are commanded: makes the operations of one channel, which PimChannel carries out.
// Stateless; the same for both fidelities.
class PimCommandSet {
 public:
  virtual ~PimCommandSet() = default;
  PimCommandSet(const PimCommandSet&) = delete;
  PimCommandSet& operator=(const PimCommandSet&) = delete;

  // For CommandChannel, TimingChecker and OperationTiming.
  const memory::ComputeBanks& banks() const { return config_.banks; }
  virtual PimChannel::Config channel() const = 0;

  // Bytes of vectors that a channel holds while rows are changed.
  virtual std::uint64_t vector_bytes() const = 0;
  // Vectors of `bytes` each that can be multiplied with one open row.
  virtual std::uint32_t vectors_per_row(std::uint64_t bytes) const = 0;
  // Columns after which a plan has the accumulator read.
  virtual std::uint32_t run_columns(abi::Format) const { return ~std::uint32_t{0}; }
  // Sums go on over the rows of a dot product, so that it is read once.
  virtual bool sums_over_rows() const { return false; }

  // Around the tiles of a GEMV: mode switches, if the banks have modes.
  void enter(Operations& out) const;
  void leave(Operations& out) const;
  // Fills the global buffer; nothing where tile() brings the vectors itself.
  virtual void load_vectors(std::uint64_t bytes, Operations& out) const = 0;
  virtual void tile(const Tile& tile, Operations& out) const = 0;

  // Bytes of FP16 vector that go with a column of weights.
  std::uint32_t vector_bytes_per_column(abi::Format format) const;
  std::uint32_t elements_per_column(abi::Format format) const;
  // CommandSetConfig::repeat() of the device; at most kMostComputes.
  std::uint32_t repeat(abi::Format format) const;

  // Of the multipliers; takes effect with the next operations that are made.
  void set_clock_period_ps(std::uint64_t period_ps) { config_.clock_period_ps = period_ps; }
  const CommandSetConfig& config() const { return config_; }
  const memory::DeviceGeometry& geometry() const { return geometry_; }

 protected:
  PimCommandSet(const CommandSetConfig& config, const memory::DeviceConfig& device);

  std::uint32_t banks_of(const Tile& tile) const;
  // Bursts of 16-bit sums, one of every bank of the tile.
  std::uint32_t result_bursts(const Tile& tile) const;

  CommandSetConfig config_;
  memory::DeviceGeometry geometry_;
  memory::CycleTiming timing_;
};

// Throws as CommandSetConfig::validate().
std::unique_ptr<PimCommandSet> make_command_set(const CommandSetConfig& config,
                                                const memory::DeviceConfig& device,
                                                const memory::ControllerConfig& controller);

}  // namespace tandem::pim
