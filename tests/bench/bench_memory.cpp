// SPDX-License-Identifier: Apache-2.0
// Speed of the DRAM models: requests per second at command fidelity, and how much cheaper
// transaction fidelity is. One channel, bursts of 64 B, 64 requests outstanding.
#include <benchmark/benchmark.h>

#include <queue>
#include <random>
#include <vector>

#include "tandem/memory/channel.h"
#include "tandem/memory/command_channel.h"
#include "tandem/memory/timing_checker.h"
#include "tandem/test/devices.h"

using namespace tandem;
using memory::Cycle;

namespace {

constexpr unsigned kOutstanding = 64;
constexpr std::uint64_t kRequests = 200'000;

struct Count final : memory::CommandChannel::Client {
  void request_done(std::uint64_t, Cycle done) override { pending.push(done); }
  std::priority_queue<Cycle, std::vector<Cycle>, std::greater<>> pending;
};

class Addresses {
 public:
  Addresses(const platform::DeviceFile& file, bool random)
      : mapping_(file.mapping, 1, file.device.geometry, file.interleave_bytes, file.hash),
        burst_bytes_(file.device.geometry.burst_bytes()),
        bursts_(mapping_.size_bytes() / burst_bytes_),
        random_(random) {}
  memory::CommandChannel::Request next() {
    const std::uint64_t burst = random_ ? generator_() % bursts_ : next_++ % bursts_;
    const memory::Location at = mapping_.decode(burst * burst_bytes_);
    return {0, mapping_.flat_bank(at), at.row, at.column_byte / burst_bytes_, false};
  }

 private:
  memory::AddressMapping mapping_;
  unsigned burst_bytes_;
  std::uint64_t bursts_;
  bool random_;
  std::uint64_t next_ = 0;
  std::mt19937_64 generator_{1};
};

void run_commands(const platform::DeviceFile& file, bool random,
                  memory::CommandListener* listener) {
  Count client;
  memory::CommandChannel channel(file.device, file.controller, client);
  if (listener != nullptr) channel.add_listener(*listener);
  Addresses addresses(file, random);
  std::uint64_t left = kRequests;
  unsigned in_flight = 0;
  for (Cycle now = 0; left > 0 || in_flight > 0;) {
    for (; !client.pending.empty() && client.pending.top() <= now; --in_flight) {
      client.pending.pop();
    }
    const auto sends = [&] {
      return left > 0 && in_flight < kOutstanding && channel.accepts(false);
    };
    if (sends()) {
      channel.submit(addresses.next(), now);
      --left;
      ++in_flight;
    }
    channel.tick(now);
    Cycle next = channel.next();
    if (!client.pending.empty()) next = std::min(next, client.pending.top());
    now = sends() ? now + 1 : std::max(next, now + 1);
  }
}

void command_reads(benchmark::State& state, const char* device, bool random) {
  const platform::DeviceFile file = test::device_file(device);
  for (auto _ : state) run_commands(file, random, nullptr);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRequests));
}

void checked_reads(benchmark::State& state, const char* device, bool random) {
  const platform::DeviceFile file = test::device_file(device);
  for (auto _ : state) {
    memory::TimingChecker checker(file.device);
    run_commands(file, random, &checker);
    if (checker.violation_count() != 0) state.SkipWithError("the checker objects");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRequests));
}

void transaction_reads(benchmark::State& state, const char* device, bool random) {
  const platform::DeviceFile file = test::device_file(device);
  const unsigned burst_bytes = file.device.geometry.burst_bytes();
  for (auto _ : state) {
    memory::Channel channel(file.device, file.controller);
    Addresses addresses(file, random);
    std::uint64_t end_ps = 0;
    for (std::uint64_t i = 0; i < kRequests; ++i) {
      const auto request = addresses.next();
      end_ps = std::max(end_ps, channel
                                    .reserve(request.bank, request.row,
                                             request.column * burst_bytes, burst_bytes, false, 0)
                                    .end_ps);
    }
    benchmark::DoNotOptimize(end_ps);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRequests));
}

BENCHMARK_CAPTURE(command_reads, hbm2_sequential, "hbm2_dramsim3", false);
BENCHMARK_CAPTURE(command_reads, hbm2_random, "hbm2_dramsim3", true);
BENCHMARK_CAPTURE(command_reads, hbm2_2_ranks_sequential, "hbm2_neupims", false);
BENCHMARK_CAPTURE(command_reads, hbm2_2_ranks_random, "hbm2_neupims", true);
BENCHMARK_CAPTURE(checked_reads, hbm2_random, "hbm2_dramsim3", true);
BENCHMARK_CAPTURE(transaction_reads, hbm2_sequential, "hbm2_dramsim3", false);
BENCHMARK_CAPTURE(transaction_reads, hbm2_random, "hbm2_dramsim3", true);

}  // namespace

int sc_main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
