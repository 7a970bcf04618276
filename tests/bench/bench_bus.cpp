// SPDX-License-Identifier: Apache-2.0
// Transactions per second through the interconnect: LT and AT, to an SRAM and to a DRAM stack.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "tandem/common/payload_pool.h"
#include "tandem/interconnect/crossbar.h"
#include "tandem/memory/sram.h"
#include "tandem/memory/stack.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;

namespace {

constexpr unsigned kBytes = 64;
constexpr std::uint64_t kStackBase = 0x8000'0000;
constexpr std::uint64_t kWindowBytes = 1u << 16;

// Keeps `outstanding` reads in flight, sends the next one when END_REQ has passed, and stops after
// a number of them.
class Streamer : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Streamer> socket;

  explicit Streamer(const sc_core::sc_module_name& name) : sc_module(name), socket("socket") {
    TANDEM_HAS_PROCESS(Streamer);
    socket.register_nb_transport_bw(this, &Streamer::nb_transport_bw);
    SC_METHOD(issue);
    sensitive << go_;
    dont_initialize();
  }
  void start(std::uint64_t base, std::uint64_t count, unsigned outstanding) {
    base_ = base;
    left_ = count;
    outstanding_ = outstanding;
    go_.notify(sc_core::SC_ZERO_TIME);
  }

 private:
  void issue() {
    while (left_ > 0 && in_flight_ < outstanding_ && !request_open_) {
      if (common::now_ps() < request_free_ps_) {
        go_.notify(common::from_ps(request_free_ps_ - common::now_ps()));
        return;
      }
      common::Payload& payload =
          pool_.acquire(tlm::TLM_READ_COMMAND, base_ + offset_, data_, kBytes);
      offset_ = (offset_ + kBytes) % kWindowBytes;
      --left_;
      ++in_flight_;
      request_open_ = true;
      tlm::tlm_phase phase = tlm::BEGIN_REQ;
      sc_core::sc_time delay;
      if (socket->nb_transport_fw(payload, phase, delay) == tlm::TLM_UPDATED) {
        end_request(delay);
      }
    }
  }
  void end_request(const sc_core::sc_time& delay) {
    request_open_ = false;
    request_free_ps_ = common::local_time_ps(delay);
  }
  tlm::tlm_sync_enum nb_transport_bw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) {
    if (phase == tlm::END_REQ) {
      end_request(delay);
      go_.notify(delay);
      return tlm::TLM_ACCEPTED;
    }
    --in_flight_;
    payload.release();
    if (left_ > 0) go_.notify(sc_core::SC_ZERO_TIME);
    return tlm::TLM_COMPLETED;
  }

  common::PayloadPool pool_;
  sc_core::sc_event go_;
  std::uint8_t data_[kBytes] = {};
  std::uint64_t base_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;
  unsigned outstanding_ = 1;
  unsigned in_flight_ = 0;
  bool request_open_ = false;
  std::uint64_t request_free_ps_ = 0;
};

// One platform for the whole program, because a kernel elaborates once.
struct Platform {
  Platform()
      : lt("lt"),
        at0("at0"),
        at1("at1"),
        crossbar("crossbar", config()),
        sram("sram", {}),
        stack("stack", test::stack_config("lpddr5_6400")) {
    lt.socket.bind(crossbar.from_initiator(0));
    at0.socket.bind(crossbar.from_initiator(1));
    at1.socket.bind(crossbar.from_initiator(2));
    crossbar.to_target(0).bind(sram.target());
    crossbar.to_target(1).bind(stack.target());
  }
  static interconnect::Crossbar::Config config() {
    interconnect::Crossbar::Config config;
    config.initiators = {{"lt"}, {"at0"}, {"at1"}};
    config.targets = {{"sram"}, {"stack"}};
    config.ranges = {{"sram", 0, 1u << 20, 0}, {"stack", kStackBase, 1u << 30, 1}};
    return config;
  }
  test::LtInitiator lt;
  Streamer at0;
  Streamer at1;
  interconnect::Crossbar crossbar;
  memory::Sram sram;
  memory::Stack stack;
};

void lt_reads(benchmark::State& state, Platform& platform, std::uint64_t base) {
  std::uint8_t data[kBytes] = {};
  std::uint64_t offset = 0;
  common::set_attributes(platform.lt.payload, tlm::TLM_READ_COMMAND, base, data, kBytes);
  for (auto _ : state) {
    common::set_attributes(platform.lt.payload, tlm::TLM_READ_COMMAND, base + offset, data, kBytes);
    platform.lt.socket->b_transport(platform.lt.payload, platform.lt.delay);
    offset = (offset + kBytes) % kWindowBytes;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

void at_reads(benchmark::State& state, Platform& platform, std::uint64_t base, bool both) {
  constexpr std::uint64_t kBatch = 10'000;
  const auto outstanding = static_cast<unsigned>(state.range(0));
  for (auto _ : state) {
    platform.at0.start(base, kBatch, outstanding);
    if (both) platform.at1.start(base, kBatch, outstanding);
    sc_core::sc_start();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBatch * (both ? 2 : 1)));
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
  Platform platform;
  benchmark::RegisterBenchmark("lt_read_64B/crossbar_sram",
                               [&](benchmark::State& s) { lt_reads(s, platform, 0); });
  benchmark::RegisterBenchmark("lt_read_64B/crossbar_stack",
                               [&](benchmark::State& s) { lt_reads(s, platform, kStackBase); });
  benchmark::RegisterBenchmark("at_read_64B/crossbar_sram",
                               [&](benchmark::State& s) { at_reads(s, platform, 0, false); })
      ->Arg(1)
      ->Arg(8);
  benchmark::RegisterBenchmark(
      "at_read_64B/crossbar_stack",
      [&](benchmark::State& s) { at_reads(s, platform, kStackBase, false); })
      ->Arg(1)
      ->Arg(8);
  benchmark::RegisterBenchmark("at_read_64B/crossbar_sram/two_initiators",
                               [&](benchmark::State& s) { at_reads(s, platform, 0, true); })
      ->Arg(8);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
