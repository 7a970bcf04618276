// SPDX-License-Identifier: Apache-2.0
// Windows of stages: wall time, and what the hardware did in it, whomever it worked for.
#include <catch2/catch.hpp>

#include "tandem/npu/stage_watch.h"

using namespace tandem;
using npu::StageWatch;
using npu::Window;

namespace {

constexpr std::uint32_t kDraft = 2, kVerify = 3;
constexpr std::size_t kQkv = 1, kAttention = 2;

struct Rig {
  npu::BusyTimes busy_ps{};
  StageWatch watch{[this] { return busy_ps; }};
};

void check_shares(const Window& window) {
  for (const std::uint64_t busy_ps : window.busy_ps) CHECK(busy_ps <= window.time_ps);
}

}  // namespace

TEST_CASE("a stage that waits is told what the hardware did meanwhile") {
  Rig rig;
  rig.watch.begin(1, kVerify, 0);
  rig.watch.enter(1, kQkv, 1, 10);
  rig.busy_ps[npu::kMemory] = 90;  // for whatever stage
  rig.watch.enter(1, kAttention, 1, 110);
  rig.busy_ps[npu::kArray] = 40;
  rig.watch.enter(1, StageWatch::kBetween, 1, 150);
  rig.watch.end(1, 160);
  const Window qkv = rig.watch.stage(kVerify, kQkv, 500);
  CHECK(qkv.time_ps == 100);
  CHECK(qkv.busy_ps[npu::kMemory] == 90);
  CHECK(qkv.busy_ps[npu::kArray] == 0);
  const Window attention = rig.watch.stage(kVerify, kAttention, 500);
  CHECK(attention.time_ps == 40);
  CHECK(attention.busy_ps[npu::kMemory] == 0);
  CHECK(attention.busy_ps[npu::kArray] == 40);
  const Window all = rig.watch.phase(kVerify, 500);
  CHECK(all.time_ps == 160);
  CHECK(all.busy_ps[npu::kMemory] == 90);
  CHECK(rig.watch.phase(kDraft, 500).time_ps == 0);
}

TEST_CASE("time with two commands in a stage counts once") {
  Rig rig;
  rig.watch.begin(1, kVerify, 0);
  rig.watch.begin(2, kVerify, 0);
  rig.watch.enter(1, kQkv, 1, 0);
  rig.watch.enter(2, kQkv, 1, 40);
  rig.busy_ps[npu::kMemory] = 80;
  rig.watch.enter(1, kAttention, 1, 100);
  rig.busy_ps[npu::kPim] = 50;
  rig.watch.end(2, 150);
  rig.watch.end(1, 200);
  const Window qkv = rig.watch.stage(kVerify, kQkv, 200);
  const Window attention = rig.watch.stage(kVerify, kAttention, 200);
  const Window all = rig.watch.phase(kVerify, 200);
  CHECK(qkv.time_ps == 150);
  CHECK(qkv.busy_ps[npu::kMemory] == 80);
  CHECK(qkv.busy_ps[npu::kPim] == 50);  // of the other command
  CHECK(attention.time_ps == 100);
  CHECK(attention.busy_ps[npu::kPim] == 50);
  CHECK(all.time_ps == 200);
  CHECK(all.busy_ps[npu::kMemory] == 80);
  CHECK(all.busy_ps[npu::kPim] == 50);
}

TEST_CASE("phases side by side have their wall time each") {
  Rig rig;
  rig.watch.begin(1, kVerify, 0);
  rig.watch.begin(2, kDraft, 50);
  rig.watch.end(1, 100);
  CHECK(rig.watch.phase(kVerify, 300).time_ps == 100);
  CHECK(rig.watch.phase(kDraft, 300).time_ps == 250);  // not ended
  rig.watch.end(2, 300);
  CHECK(rig.watch.phase(kDraft, 400).time_ps == 250);
}

TEST_CASE("work that becomes known late or ahead is in no window for more than its time") {
  Rig rig;
  rig.watch.begin(1, kVerify, 0);
  rig.watch.enter(1, kQkv, 1, 0);
  rig.busy_ps[npu::kPim] = 250;
  rig.watch.enter(1, kAttention, 1, 100);
  check_shares(rig.watch.stage(kVerify, kAttention, 150));
  rig.watch.enter(1, kQkv, 1, 200);
  rig.watch.end(1, 300);
  const Window qkv = rig.watch.stage(kVerify, kQkv, 300);
  const Window attention = rig.watch.stage(kVerify, kAttention, 300);
  check_shares(qkv);
  check_shares(attention);
  CHECK(attention.busy_ps[npu::kPim] == 100);
  CHECK(qkv.busy_ps[npu::kPim] + attention.busy_ps[npu::kPim] == 250);
}

TEST_CASE("work while no command is in flight is in no window") {
  Rig rig;
  rig.busy_ps[npu::kMemory] = 70;
  rig.watch.begin(1, kVerify, 100);
  rig.watch.end(1, 200);
  CHECK(rig.watch.phase(kVerify, 200).time_ps == 100);
  CHECK(rig.watch.phase(kVerify, 200).busy_ps[npu::kMemory] == 0);
}

TEST_CASE("layers that others stand for count when their time has passed") {
  Rig rig;
  const auto run = [&rig](std::uint64_t serial, std::uint64_t begin_ps, bool waits) {
    rig.watch.begin(serial, kVerify, begin_ps);
    rig.watch.enter(serial, kQkv, 1, begin_ps);
    rig.busy_ps[npu::kMemory] += 10;
    rig.watch.enter(serial, kQkv, 3, begin_ps + 10);
    rig.busy_ps[npu::kMemory] += 15;
    rig.watch.await_left_out(serial, begin_ps + 30);
    if (waits) rig.watch.add_left_out(serial);
    rig.watch.end(serial, begin_ps + (waits ? 70 : 35));
  };
  run(1, 0, true);
  for (const Window& window :
       {rig.watch.stage(kVerify, kQkv, 1000), rig.watch.phase(kVerify, 1000)}) {
    CHECK(window.time_ps == 10 + 3 * 20);
    CHECK(window.busy_ps[npu::kMemory] == 10 + 3 * 15);
  }
  run(2, 100, false);  // cut short
  for (const Window& window :
       {rig.watch.stage(kVerify, kQkv, 1000), rig.watch.phase(kVerify, 1000)}) {
    CHECK(window.time_ps == 10 + 3 * 20 + 30);
    CHECK(window.busy_ps[npu::kMemory] == 10 + 3 * 15 + 25);
  }
}
