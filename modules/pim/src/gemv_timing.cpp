// SPDX-License-Identifier: Apache-2.0
#include "gemv_timing.h"

#include <algorithm>

namespace tandem::pim {
namespace {

std::uint64_t ceil_divide(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

}  // namespace

GemvTiming::GemvTiming(const Config& config, const memory::AddressMapping& mapping)
    : config_(config),
      mapping_(mapping),
      clock_period_ps_(config.clock_period_ps),
      banks_per_channel_(config.memory.device.geometry.banks()),
      burst_bytes_(config.memory.device.geometry.burst_bytes()),
      banks_(std::size_t{config.memory.channels} * banks_per_channel_),
      channels_(config.memory.channels) {}

std::uint64_t GemvTiming::column_ps(abi::Format format) const {
  return config_.column_ps(format, clock_period_ps_);
}

GemvTiming::Passes GemvTiming::passes_of(const abi::PimCommand& command) const {
  const std::uint64_t buffer_bytes =
      std::uint64_t{config_.global_buffer_rows} * config_.memory.device.geometry.row_bytes;
  const std::uint64_t vector_bytes = 2ull * command.columns;
  const std::uint64_t fitting = buffer_bytes / vector_bytes;
  if (fitting == 0) {
    return {1, command.vectors, 0, static_cast<std::uint32_t>(buffer_bytes / 2)};
  }
  const std::uint64_t vectors = std::min(
      {fitting, std::uint64_t{config_.accumulators_per_bank}, std::uint64_t{command.vectors}});
  return {vectors, command.vectors / vectors, command.vectors % vectors, command.columns};
}

const std::vector<ChannelWork>& GemvTiming::plan(const abi::PimCommand& command,
                                                 const WeightBytes& weights) {
  ++command_;
  pace_ps_ = column_ps(weights.layout.format);
  passes_ = passes_of(command);
  if (weights.side_bytes != 0) visit_range(weights.side, weights.side_bytes);
  if (passes_.segment == command.columns && weights.contiguous()) {
    visit_range(weights.stream, weights.stream_bytes);
  } else {
    const std::uint64_t bits = abi::stream_bits(weights.layout.format);
    for (std::uint32_t begin = 0; begin < command.columns;) {
      const std::uint32_t columns = std::min(passes_.segment, command.columns - begin);
      for (std::uint64_t row = 0; row < command.rows; ++row) {
        const std::uint64_t first = weights.first_bit + (weights.row_begin(row) + begin) * bits;
        const std::uint64_t end = ceil_divide(first + columns * bits, 8);
        visit_range(weights.stream + first / 8, end - first / 8);
      }
      begin += columns;
    }
  }

  work_.clear();
  for (unsigned i = 0; i < channels_.size(); ++i) {
    Channel& channel = channels_[i];
    if (channel.command != command_) continue;
    std::uint64_t full_ps = 0, rest_ps = 0;
    for (unsigned b = 0; b < banks_per_channel_; ++b) {
      Bank& bank = banks_[i * banks_per_channel_ + b];
      if (bank.command != command_) continue;
      close(i, bank);
      full_ps = std::max(full_ps, bank.full_ps);
      rest_ps = std::max(rest_ps, bank.rest_ps);
    }
    const std::uint64_t passes = passes_.full + (passes_.rest != 0 ? 1 : 0);
    work_.push_back({i, duration_ps(channel, full_ps, rest_ps), channel.activations * passes,
                     channel.columns * command.vectors});
  }
  return work_;
}

void GemvTiming::visit_range(std::uint64_t address, std::uint64_t bytes) {
  mapping_.for_each_run(address, bytes, [this](const memory::Run& run) { visit(run); });
}

void GemvTiming::visit(const memory::Run& run) {
  Channel& channel = channels_[run.channel];
  if (channel.command != command_) channel = {command_, 0, 0, kNoRow, kNoRow};
  Bank& bank = banks_[run.channel * banks_per_channel_ + run.bank];
  if (bank.command != command_) bank = {command_, kNoRow, 0, 0, 0};
  if (bank.row != run.row) {
    close(run.channel, bank);
    bank.row = run.row;
    ++channel.activations;
  }
  const std::uint64_t columns =
      ceil_divide(run.column_byte % burst_bytes_ + run.bytes, burst_bytes_);
  bank.columns += columns;
  channel.columns += columns;
}

void GemvTiming::close(unsigned channel_index, Bank& bank) {
  if (bank.columns == 0) return;
  Channel& channel = channels_[channel_index];
  const std::uint64_t full_ps = open_ps(bank.columns, passes_.vectors);
  bank.full_ps += full_ps;
  channel.full_open_ps = std::min(channel.full_open_ps, full_ps);
  if (passes_.rest != 0) {
    const std::uint64_t rest_ps = open_ps(bank.columns, passes_.rest);
    bank.rest_ps += rest_ps;
    channel.rest_open_ps = std::min(channel.rest_open_ps, rest_ps);
  }
  bank.columns = 0;
}

std::uint64_t GemvTiming::open_ps(std::uint64_t columns, std::uint64_t vectors) const {
  const memory::DeviceTiming& t = config_.memory.device.timing;
  const std::uint64_t last_column_ps = t.tRCD + (columns * vectors - 1) * pace_ps_;
  const std::uint64_t precharge_ps = std::max(last_column_ps + std::max(pace_ps_, t.tRTP), t.tRAS);
  return std::max(precharge_ps + t.tRP, t.tRC);
}

std::uint64_t GemvTiming::duration_ps(const Channel& channel, std::uint64_t bank_full_ps,
                                      std::uint64_t bank_rest_ps) const {
  const memory::DeviceTiming& t = config_.memory.device.timing;
  const std::uint64_t activate_ps = std::max(t.tRRD, ceil_divide(t.tFAW, 4));
  const std::uint64_t activates_ps = (channel.activations - 1) * activate_ps;
  const std::uint64_t full_ps = std::max(bank_full_ps, activates_ps + channel.full_open_ps);
  if (passes_.rest == 0) return passes_.full * full_ps;
  return passes_.full * full_ps + std::max(bank_rest_ps, activates_ps + channel.rest_open_ps);
}

}  // namespace tandem::pim
