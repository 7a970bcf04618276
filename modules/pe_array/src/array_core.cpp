// SPDX-License-Identifier: Apache-2.0
#include "tandem/pe_array/array_core.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace tandem::pe_array {
namespace {

constexpr const char* kFormatNames[abi::kFormatCount] = {
    "fp32", "fp16", "bf16",         "int8",        "int4",         "e2m1",
    "e3m0", "u32",  "bsfp_e_draft", "bsfp_e_full", "bsfp_i_draft", "bsfp_i_full",
};

std::uint64_t ceil_divide(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0);
}

// Sub-tiles that one array works through, one after the other.
struct Sequence {
  std::uint64_t sub_tiles;
  std::uint64_t stream_cycles;    // a sub-tile's operands pass the edge of the array
  std::uint64_t interval_cycles;  // from the start of one sub-tile to the next

  std::uint64_t steady_cycles() const { return (sub_tiles - 1) * interval_cycles + stream_cycles; }
  std::uint64_t occupancy_cycles() const { return sub_tiles * interval_cycles; }
};

}  // namespace

bool is_weight_format(abi::Format format) {
  return static_cast<unsigned>(format) < abi::kFormatCount && format != abi::Format::kFp32 &&
         format != abi::Format::kU32;
}

Mode mode_of(abi::Format format) {
  return abi::stream_bits(format) == 4 && !abi::is_bsfp_full(format) ? Mode::kDraft : Mode::kFull;
}

ArrayCore::ArrayCore(const Config& config) : config_(config) {
  config_.validate();
}

void ArrayCore::set_clock_period_ps(std::uint64_t period_ps) {
  Config changed = config_;
  changed.clock_period_ps = period_ps;
  changed.validate();
  config_ = changed;
}

std::uint64_t ArrayCore::weights_per_element(abi::Format format) const {
  if (mode_of(format) == Mode::kDraft) return config_.draft_columns_factor;
  return format == abi::Format::kInt8 ? config_.int8_factor : 1;
}

std::uint64_t ArrayCore::peak_macs_per_cycle(abi::Format format) const {
  return std::uint64_t{config_.arrays} * config_.rows * config_.columns *
         weights_per_element(format);
}

TileTiming ArrayCore::tile_timing(Dataflow dataflow, abi::Format format, std::uint64_t n,
                                  std::uint64_t k, std::uint64_t m) const {
  if (!is_weight_format(format)) throw std::invalid_argument("tile_timing: not a weight format");
  if (n == 0 || k == 0 || m == 0) throw std::invalid_argument("tile_timing: empty tile");
  const std::uint64_t h = config_.rows;
  const std::uint64_t w = config_.columns;
  const std::uint64_t outputs_wide = w * weights_per_element(format);
  Sequence sequence{};
  TileTiming timing;
  if (dataflow == Dataflow::kWeightStationary) {
    sequence.sub_tiles =
        ceil_divide(ceil_divide(k, h) * ceil_divide(n, outputs_wide), config_.arrays);
    sequence.stream_cycles = std::max<std::uint64_t>(m, config_.min_stream_rows);
    timing.fill_cycles = 2 * h - 1;
    timing.drain_cycles = h + w - 2;
  } else {
    sequence.sub_tiles =
        ceil_divide(ceil_divide(m, h) * ceil_divide(n, outputs_wide), config_.arrays);
    sequence.stream_cycles = k;
    timing.fill_cycles = h + w - 2;
    timing.drain_cycles = h;
  }
  // Weights enter, or results leave, over the H rows behind the stream of the sub-tile before.
  sequence.interval_cycles = std::max(sequence.stream_cycles, h);
  timing.steady_cycles = sequence.steady_cycles();
  timing.occupancy_cycles = sequence.occupancy_cycles();
  return timing;
}

std::uint64_t ArrayCore::reconfigure_cycles(abi::Format format) {
  if (mode_of(format) == mode_) return 0;
  mode_ = mode_of(format);
  reconfigurations_ += times_;
  return config_.reconfigure_cycles;
}

void ArrayCore::record(abi::Format format, std::uint64_t n, std::uint64_t k, std::uint64_t m,
                       std::uint64_t busy_cycles) {
  macs_[index(format)] += times_ * n * k * m;
  busy_cycles_[index(format)] += times_ * busy_cycles;
}

std::uint64_t ArrayCore::macs() const {
  return std::accumulate(macs_.begin(), macs_.end(), std::uint64_t{0});
}

std::uint64_t ArrayCore::busy_cycles() const {
  return std::accumulate(busy_cycles_.begin(), busy_cycles_.end(),
                         reconfigurations_ * config_.reconfigure_cycles);
}

double ArrayCore::utilisation() const {
  double slots = static_cast<double>(reconfigurations_) * config_.reconfigure_cycles *
                 static_cast<double>(peak_macs_per_cycle(abi::Format::kFp16));
  for (std::size_t i = 0; i < busy_cycles_.size(); ++i) {
    const std::uint64_t peak = peak_macs_per_cycle(static_cast<abi::Format>(i));
    slots += static_cast<double>(busy_cycles_[i]) * static_cast<double>(peak);
  }
  return slots > 0 ? static_cast<double>(macs()) / slots : 0;
}

double ArrayCore::energy_picojoules() const {
  double femtojoules = 0;
  for (std::size_t i = 0; i < macs_.size(); ++i) {
    femtojoules += static_cast<double>(macs_[i]) * config_.energy.femtojoules[i];
  }
  return femtojoules * 1e-3;
}

void ArrayCore::collect(observe::StatisticsSink& sink) const {
  sink.value("macs", macs(), "1", "Multiply-accumulates that count");
  sink.value("busy_cycles", busy_cycles(), "1", "Clock cycles with tiles or reconfiguration");
  sink.value("reconfigurations", reconfigurations_, "1", "Changes between draft and full mode");
  sink.value("utilisation", utilisation(), "fraction",
             "Multiply-accumulates per multiplier slot of the busy cycles");
  observe::StatisticsGroup group(sink, "by_format");
  for (std::size_t i = 0; i < macs_.size(); ++i) {
    if (macs_[i] == 0) continue;
    observe::StatisticsGroup format(sink, kFormatNames[i]);
    sink.value("macs", macs_[i], "1", "Multiply-accumulates with weights of this format");
    sink.value("busy_cycles", busy_cycles_[i], "1", "Clock cycles with tiles of this format");
    sink.value("peak_macs_per_cycle", peak_macs_per_cycle(static_cast<abi::Format>(i)), "1",
               "Multiply-accumulates per cycle that the array cannot exceed");
  }
}

void ArrayCore::collect_energy(observe::EnergySink& sink) const {
  for (std::size_t i = 0; i < macs_.size(); ++i) {
    if (macs_[i] == 0) continue;
    sink.spend(std::string("pe_array.") + kFormatNames[i],
               static_cast<double>(macs_[i]) * config_.energy.femtojoules[i] * 1e-3,
               config_.energy.source);
  }
}

}  // namespace tandem::pe_array
