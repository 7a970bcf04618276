// SPDX-License-Identifier: Apache-2.0
// Who wants to know when the phase of the oldest command in flight ends is told, at that moment.
#include <catch2/catch.hpp>

#include "npu_rig.h"

using namespace tandem;
using abi::Phase;
using test::NpuRig;

namespace {

constexpr std::uint16_t number(Phase phase) {
  return static_cast<std::uint16_t>(phase);
}

// Adds up the time between calls, as whoever attributes something to phases does.
class Stopwatch {
 public:
  explicit Stopwatch(npu::Npu& npu) : npu_(npu) {
    npu.on_phase_end([this](std::uint32_t phase) { end(phase); });
  }
  void end(std::uint32_t phase) {
    ended.push_back(phase);
    time_ps[phase] += common::now_ps() - since_ps_;
    since_ps_ = common::now_ps();
  }
  void check() {
    end(npu_.phase());
    const npu::PhaseTimes times = npu_.phase_times();
    for (std::uint32_t i = 0; i < abi::kPhases; ++i) {
      CAPTURE(i);
      CHECK(time_ps[i] == times.phase_ps[i]);
    }
    CHECK(time_ps[npu::kIdlePhase] == times.idle_ps);
  }

  std::vector<std::uint32_t> ended;
  std::array<std::uint64_t, abi::kPhases + 1> time_ps{};

 private:
  npu::Npu& npu_;
  std::uint64_t since_ps_ = 0;
};

// A command that reads 4 KiB from memory.
abi::Command gather(NpuRig& rig, Phase phase, std::uint8_t context = 0) {
  abi::Primitive p = test::primitive(abi::PrimitiveOp::kGather);
  p.n = 2048;
  p.k = 8;
  p.weight = test::in_memory(test::kTensors);
  p.output = test::on_chip(0, 2048);
  abi::Command command = rig.prepare({p});
  command.phase = number(phase);
  command.context = context;
  return command;
}

}  // namespace

TEST_CASE("phases end one after the other, with idle time between") {
  NpuRig rig;
  Stopwatch stopwatch(rig.npu);
  CHECK(rig.npu.phase() == npu::kIdlePhase);
  rig.run(gather(rig, Phase::kPrefill));
  rig.run(gather(rig, Phase::kDraft));
  rig.run(gather(rig, Phase::kDraft));
  CHECK(stopwatch.ended == std::vector<std::uint32_t>{npu::kIdlePhase, number(Phase::kPrefill),
                                                      npu::kIdlePhase, number(Phase::kDraft),
                                                      npu::kIdlePhase, number(Phase::kDraft)});
  stopwatch.check();
  CHECK(stopwatch.time_ps[number(Phase::kDraft)] > stopwatch.time_ps[number(Phase::kPrefill)]);
  CHECK(stopwatch.time_ps[number(Phase::kVerify)] == 0);
}

TEST_CASE("of commands that overlap, the oldest gives the phase") {
  NpuRig rig;
  Stopwatch stopwatch(rig.npu);
  rig.submit(gather(rig, Phase::kVerify), 0);
  rig.submit(gather(rig, Phase::kDraft, 1), 1);
  REQUIRE(rig.wait(0).status == 0);
  REQUIRE(rig.wait(1).status == 0);
  CHECK(stopwatch.ended ==
        std::vector<std::uint32_t>{npu::kIdlePhase, number(Phase::kVerify), number(Phase::kDraft)});
  stopwatch.check();
}

TEST_CASE("a reset ends the phase") {
  NpuRig rig;
  Stopwatch stopwatch(rig.npu);
  rig.submit(gather(rig, Phase::kDecode));
  while (rig.npu.phase() == npu::kIdlePhase) sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS));
  rig.driver.write32(abi::npu::CONTROL, 2);
  CHECK(stopwatch.ended == std::vector<std::uint32_t>{npu::kIdlePhase, number(Phase::kDecode)});
  CHECK(rig.npu.phase() == npu::kIdlePhase);
  stopwatch.check();
}

TEST_CASE("nobody needs to listen") {
  NpuRig rig;
  CHECK(rig.run(gather(rig, Phase::kDecode)).status == 0);
  CHECK(rig.npu.phase_times().phase_ps[number(Phase::kDecode)] > 0);
}

TEST_CASE("without commands side by side, the window of a phase is its time") {
  NpuRig rig;
  rig.run(gather(rig, Phase::kPrefill));
  rig.run(gather(rig, Phase::kDraft));
  const npu::PhaseTimes times = rig.npu.phase_times();
  for (const Phase phase : {Phase::kPrefill, Phase::kDraft, Phase::kVerify}) {
    CAPTURE(number(phase));
    CHECK(rig.npu.phase_window(number(phase)).time_ps == times.phase_ps[number(phase)]);
  }
  CHECK(rig.npu.phase_window(number(Phase::kDraft)).time_ps > 0);
}

TEST_CASE("with two commands side by side, it is wall time, and a reset ends it") {
  NpuRig rig;
  const std::uint64_t begin_ps = common::now_ps();
  rig.submit(gather(rig, Phase::kVerify), 0);
  rig.submit(gather(rig, Phase::kVerify, 1), 1);
  REQUIRE(rig.wait(0).status == 0);
  REQUIRE(rig.wait(1).status == 0);
  const npu::PhaseTimes times = rig.npu.phase_times();
  const npu::Window window = rig.npu.phase_window(number(Phase::kVerify));
  CHECK(window.time_ps == times.phase_ps[number(Phase::kVerify)]);
  CHECK(window.time_ps <= common::now_ps() - begin_ps);
  rig.submit(gather(rig, Phase::kDecode), 0);
  while (rig.npu.phase() == npu::kIdlePhase) sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS));
  sc_core::sc_start(sc_core::sc_time(10, sc_core::SC_NS));
  rig.driver.write32(abi::npu::CONTROL, 2);
  const npu::Window decode = rig.npu.phase_window(number(Phase::kDecode));
  CHECK(decode.time_ps > 0);
  sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_US));
  CHECK(rig.npu.phase_window(number(Phase::kDecode)).time_ps == decode.time_ps);
}
