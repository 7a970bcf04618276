// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/link.h"

#include <cmath>
#include <stdexcept>
#include <string>

namespace tandem::npu {

using abi::CollectiveOp;

namespace {

constexpr double kPicosecondsPerSecond = 1e12;

void require(bool condition, const char* field, std::uint64_t value, const char* rule) {
  if (condition) return;
  throw std::invalid_argument(std::string("npu.link.") + field + ": " + std::to_string(value) +
                              " is not " + rule);
}

// An all-reduce scatters the sums, then gathers them.
std::uint64_t rounds_of(CollectiveOp op) {
  return op == CollectiveOp::kAllReduce ? 2 : 1;
}

}  // namespace

void Link::Config::validate() const {
  require(devices >= 1 && devices <= 1024, "devices", devices, "within 1..1024");
  if (devices == 1) return;
  require(bandwidth_bytes_per_s >= 1'000'000, "bandwidth_bytes_per_s", bandwidth_bytes_per_s,
          "at least 1000000");
  require(latency_ps <= 1'000'000'000'000, "latency_ps", latency_ps, "at most a second");
  require(energy_pj_per_bit >= 0.0, "energy_pj_per_bit", 0, "non-negative");
}

std::uint64_t Link::sent_bytes(CollectiveOp op, std::uint64_t bytes, std::uint32_t devices) {
  const std::uint64_t part_bytes = (bytes + devices - 1) / devices;
  return rounds_of(op) * (devices - 1) * part_bytes;
}

std::uint64_t Link::exchange_ps(CollectiveOp op, std::uint64_t bytes, std::uint32_t devices) const {
  const std::uint64_t hops = config_.topology == Topology::kRing ? devices - 1 : 1;
  const double transfer_ps = static_cast<double>(sent_bytes(op, bytes, devices)) *
                             kPicosecondsPerSecond /
                             static_cast<double>(config_.bandwidth_bytes_per_s);
  return static_cast<std::uint64_t>(std::ceil(transfer_ps)) +
         rounds_of(op) * hops * config_.latency_ps;
}

std::uint64_t Link::reserve(CollectiveOp op, std::uint64_t bytes, std::uint32_t devices,
                            observe::Timeline::Name name, std::uint64_t flow) {
  exchanges_ += times_;
  bytes_ += times_ * sent_bytes(op, bytes, devices);
  return engine_.reserve(exchange_ps(op, bytes, devices), name, flow);
}

void Link::collect(observe::StatisticsSink& sink) const {
  sink.value("devices", std::uint64_t{config_.devices}, "1",
             "Devices that exchange, this one included");
  sink.value("exchanges", exchanges_, "1", "All-reduces and all-gathers");
  sink.value("sent_bytes", bytes_, "B", "Sent by this device; it receives as many");
  sink.value("busy_ps", busy_ps(), "ps", "Time in which an exchange was under way");
}

void Link::collect_energy(observe::EnergySink& sink) const {
  sink.spend("link", static_cast<double>(bytes_) * 8.0 * config_.energy_pj_per_bit,
             config_.energy_source);
}

}  // namespace tandem::npu
