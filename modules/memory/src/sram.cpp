// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/sram.h"

#include <algorithm>
#include <stdexcept>

namespace tandem::memory {
namespace {

constexpr std::uint64_t kLargestChunkBytes = std::uint64_t{16} << 30;

void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

const Sram::Config& checked(const Sram::Config& config) {
  config.validate();
  return config;
}

// All of it in one piece, so that a pointer may reach over the whole memory.
std::uint64_t one_chunk(std::uint64_t size_bytes) {
  std::uint64_t chunk_bytes = SparseStore::kDefaultChunkBytes;
  while (chunk_bytes < size_bytes && chunk_bytes < kLargestChunkBytes) chunk_bytes *= 2;
  return chunk_bytes;
}

}  // namespace

void Sram::Config::validate() const {
  require(size_bytes > 0, "Sram: size_bytes is 0, must be at least 1");
  require(width_bytes > 0, "Sram: width_bytes is 0, must be at least 1");
  require(clock_period_ps > 0, "Sram: clock_period_ps is 0, must be at least 1");
  require(ports > 0, "Sram: ports is 0, must be at least 1");
  require(max_outstanding > 0, "Sram: max_outstanding is 0, must be at least 1");
  require(energy_pj_per_byte >= 0, "Sram: energy_pj_per_byte is negative");
}

Sram::Sram(const sc_core::sc_module_name& name, const Config& config)
    : MemoryTarget(name, {checked(config).size_bytes, one_chunk(config.size_bytes), config.ports,
                          config.max_outstanding, config.dmi, config.clock_period_ps}),
      config_(config) {}

void Sram::set_clock_period_ps(std::uint64_t period_ps) {
  require(period_ps > 0, "Sram: clock_period_ps is 0, must be at least 1");
  config_.clock_period_ps = period_ps;
}

MemoryTarget::Service Sram::schedule(common::Payload& payload, std::uint64_t arrival_ps,
                                     const Origin&) {
  const std::uint64_t bytes = payload.get_data_length();
  const std::uint64_t beats = (bytes + config_.width_bytes - 1) / config_.width_bytes;
  const std::uint64_t begin_ps = std::max(arrival_ps, busy_until_ps_);
  const std::uint64_t transfer_ps = beats * config_.clock_period_ps;
  busy_until_ps_ = begin_ps + transfer_ps;
  busy_ps_ += transfer_ps;
  wait_ps_ += begin_ps - arrival_ps;
  (payload.is_read() ? reads_ : writes_) += 1;
  (payload.is_read() ? read_bytes_ : write_bytes_) += bytes;
  return {begin_ps, busy_until_ps_ + config_.latency_cycles * config_.clock_period_ps};
}

std::uint64_t Sram::dmi_latency_ps() const {
  return (config_.latency_cycles + 1) * config_.clock_period_ps;
}

void Sram::collect(observe::StatisticsSink& sink) const {
  sink.value("reads", reads_, "1", "read transactions");
  sink.value("writes", writes_, "1", "write transactions");
  sink.value("read_bytes", read_bytes_, "B", "bytes read");
  sink.value("write_bytes", write_bytes_, "B", "bytes written");
  sink.value("busy", busy_ps_, "ps", "time the data path moved bytes");
  sink.value("wait", wait_ps_, "ps", "sum over transactions of the time waited for the data path");
}

void Sram::collect_energy(observe::EnergySink& sink) const {
  sink.spend("access", config_.energy_pj_per_byte * static_cast<double>(read_bytes_ + write_bytes_),
             config_.energy_source);
}

}  // namespace tandem::memory
