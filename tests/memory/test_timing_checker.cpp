// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>

#include "log_builder.h"
#include "tandem/memory/command_log.h"
#include "tandem/memory/timing_checker.h"

using namespace tandem::memory;
using namespace tandem::memory::test;

namespace {

using Log = std::vector<Command>;

std::vector<Violation> judge(const DeviceConfig& device, const ComputeBanks& compute,
                             const Log& log) {
  TimingChecker checker(device, compute);
  replay(log, checker);
  REQUIRE(checker.command_count() == log.size());
  REQUIRE(checker.violation_count() == checker.violations().size());
  return checker.violations();
}

std::vector<Violation> judge(const DeviceConfig& device, const Log& log) {
  return judge(device, ComputeBanks{}, log);
}

void require_legal(const std::vector<Violation>& violations) {
  for (const Violation& violation : violations) UNSCOPED_INFO(text(violation));
  REQUIRE(violations.empty());
}

// The last command of the log, and no other, breaks that rule and no other.
void require_only(const std::vector<Violation>& violations, const Log& log,
                  const std::string& rule) {
  for (const Violation& violation : violations) UNSCOPED_INFO(text(violation));
  REQUIRE(violations.size() == 1);
  REQUIRE(violations[0].rule == rule);
  REQUIRE(violations[0].command.cycle == log.back().cycle);
  REQUIRE(violations[0].command.kind == log.back().kind);
}

Log last_moved(Log log, int cycles) {
  log.back().cycle += cycles;
  return log;
}

struct TimingCase {
  std::string parameter;
  std::uint64_t DeviceTiming::*field;
  Cycle cycles;
  Log log;           // the parameter binds the last command
  std::string rule;  // under which it is reported; empty: the name of the parameter
  std::vector<std::pair<std::uint64_t DeviceTiming::*, Cycle>> also = {};
  int illegal_step = -1;  // +1: a parameter that bounds from above
};

using T = DeviceTiming;

const std::vector<TimingCase>& timing_cases() {
  static const std::vector<TimingCase> cases = {
      {"CL", &T::CL, 14, {act(0, 0), act(1, 4), rd(10, 0), wr(26, 4)}, "data bus"},
      {"CWL", &T::CWL, 4, {act(0, 0), wr(10, 0), pre(16, 0)}, "tWR"},
      {"tRCDRD", &T::tRCDRD, 14, {act(3, 0), rd(17, 0)}, ""},
      {"tRCDWR", &T::tRCDWR, 12, {act(3, 0), wr(15, 0)}, ""},
      {"tRP", &T::tRP, 14, {act(0, 0), pre(5, 0), act(19, 0, 1)}, ""},
      {"tRAS", &T::tRAS, 34, {act(0, 0), pre(34, 0)}, ""},
      {"tRC", &T::tRC, 48, {act(0, 0), pre(5, 0), act(48, 0)}, ""},
      {"tCCD_S", &T::tCCD_S, 5, {act(0, 0), act(1, 4), rd(10, 0), rd(15, 4)}, ""},
      {"tCCD_L", &T::tCCD_L, 5, {act(0, 0), act(1, 1), wr(10, 0), wr(15, 1)}, ""},
      {"tRTRS", &T::tRTRS, 2, {act(0, 0), act(1, 16), rd(10, 0), rd(14, 16)}, ""},
      {"tRRD_S", &T::tRRD_S, 4, {act(0, 0), act(4, 4)}, ""},
      {"tRRD_L", &T::tRRD_L, 6, {act(0, 0), act(6, 1)}, ""},
      {"tFAW", &T::tFAW, 30, {act(2, 0), act(3, 4), act(4, 8), act(5, 12), act(32, 1)}, ""},
      {"tWTR_S", &T::tWTR_S, 6, {act(0, 0), act(1, 4), wr(10, 0), rd(18, 4)}, ""},
      {"tWTR_L", &T::tWTR_L, 8, {act(0, 0), act(1, 1), wr(10, 0), rd(20, 1)}, ""},
      {"tWR", &T::tWR, 16, {act(0, 0), wr(10, 0), pre(28, 0)}, ""},
      {"tRTP_S", &T::tRTP_S, 4, {act(0, 0), rd(10, 0), pre(14, 0)}, ""},
      {"tRTP_L", &T::tRTP_L, 6, {act(0, 0), rd(10, 0), pre(16, 0)}, ""},
      {"tPPD", &T::tPPD, 3, {act(0, 0), act(1, 4), pre(10, 0), pre(13, 4)}, ""},
      {"tRFC", &T::tRFC, 260, {ref(7, 0), act(267, 3)}, ""},
      {"tRFCpb", &T::tRFCpb, 90, {refpb(7, 3), act(97, 3)}, ""},
      {"tREFI", &T::tREFI, 100, {ref(0, 0), ref(900, 0)}, "", {}, +1},
      {"tWCKSYNC", &T::tWCKSYNC, 5, {act(0, 0), wcksync(4), rd(9, 0)}, "", {{&T::tWCKIDLE, 50}}},
      {"tWCKIDLE",
       &T::tWCKIDLE,
       8,
       {act(0, 0), wcksync(1), rd(4, 0), rd(14, 0)},
       "",
       {{&T::tWCKSYNC, 3}},
       +1},
  };
  return cases;
}

struct ComputeCase {
  std::string parameter;
  std::uint32_t ComputeBanks::*field;
  std::uint32_t cycles;
  Log log;
  std::string rule;
  bool dual = true;
};

using B = ComputeBanks;

// tCCD_S is 1 cycle, see the test; the spacing of computes is 2 unless it is what is tested.
const std::vector<ComputeCase>& compute_cases() {
  static const std::vector<ComputeCase> cases = {
      {"activate_spacing", &B::activate_spacing, 30, {gact(1, 0), act(31, 12)}, ""},
      {"activate_spacing", &B::activate_spacing, 30, {gact(1, 16), gact(31, 20)}, ""},
      {"activate_to_compute", &B::activate_to_compute, 14, {gact(1, 0), comp(15)}, ""},
      {"activate_to_compute", &B::activate_to_compute, 14, {gact(1, 0), comps(15, 8)}, ""},
      {"compute_spacing", &B::compute_spacing, 3, {gact(0, 0), comp(5), comp(8)}, ""},
      {"compute_spacing", &B::compute_spacing, 3, {gact(0, 0), comp(5, 4), comp(17)}, ""},
      {"compute_spacing", &B::compute_spacing, 3, {gact(0, 0), comp(5, 4), readres(17)}, ""},
      {"compute_spacing", &B::compute_spacing, 2, {gact(0, 0), comps(5, 8), comps(23, 8)}, ""},
      {"pipeline_computes",
       &B::pipeline_computes,
       6,
       {gact(0, 0), comps(5, 3), comps(19, 3)},
       "compute_spacing"},
      {"pipeline_computes", &B::pipeline_computes, 9, {gact(0, 0), comp(5), readres(14)}, ""},
      {"pipeline_computes",
       &B::pipeline_computes,
       9,
       {gact(0, 0), comp(5), comp(7), comp(9), readres(14)},
       ""},
      {"compute_to_precharge",
       &B::compute_to_precharge,
       5,
       {gact(0, 0), comp(9), pimpre(14, 1)},
       ""},
      {"compute_to_precharge",
       &B::compute_to_precharge,
       5,
       {gact(0, 0), comps(9, 4), pimprea(14)},
       ""},
      {"compute_to_precharge",
       &B::compute_to_precharge,
       5,
       {gact(0, 0), readres(9), gact(14, 4)},
       ""},
      {"compute_to_precharge",
       &B::compute_to_precharge,
       5,
       {gact(0, 0), comp(9), pre(14, 2)},
       "",
       false},
      {"result_spacing", &B::result_spacing, 4, {gact(0, 0), readres(9), comp(13)}, ""},
      {"result_spacing", &B::result_spacing, 4, {gact(0, 0), readres(9), readres(13)}, ""},
      {"result_spacing", &B::result_spacing, 4, {act(0, 4), gact(1, 0), readres(9), rd(13, 4)}, ""},
      {"buffer_write_cycles",
       &B::buffer_write_cycles,
       96,
       {act(0, 4), gact(1, 0), gwrite(9, 4), comp(105)},
       ""},
      {"buffer_write_cycles",
       &B::buffer_write_cycles,
       96,
       {act(0, 4), gwrite(9, 4), pre(105, 4)},
       ""},
      {"buffer_write_cycles",
       &B::buffer_write_cycles,
       96,
       {act(0, 4), gwrite(9, 4), rd(105, 4)},
       ""},
      {"buffer_write_cycles",
       &B::buffer_write_cycles,
       96,
       {act(0, 4), act(1, 9), gwrite(9, 4), gwrite(105, 9)},
       ""},
      {"load_spacing", &B::load_spacing, 4, {wrgb(3), wrgb(7)}, ""},
      {"load_to_compute", &B::load_to_compute, 5, {gact(0, 0), wrgb(3), comp(10)}, ""},
      {"mode_cycles", &B::mode_cycles, 10, {mode(3), act(13, 4)}, ""},
  };
  return cases;
}

}  // namespace

TEST_CASE("the checker finds a command one cycle early, for each parameter of the device") {
  const TimingCase& test = GENERATE(from_range(timing_cases()));
  INFO(test.parameter);
  const std::string rule = test.rule.empty() ? test.parameter : test.rule;
  DeviceConfig device = quiet_device();
  for (const auto& [field, cycles] : test.also) device.timing.*field = cycles * kClockPs;
  device.timing.*test.field = test.cycles * kClockPs;

  require_legal(judge(device, test.log));
  const Log illegal = last_moved(test.log, test.illegal_step);
  require_only(judge(device, illegal), illegal, rule);
  require_legal(judge(device, last_moved(test.log, -test.illegal_step)));

  SECTION("it is that parameter which binds") {
    device.timing.*test.field = (test.cycles - test.illegal_step) * kClockPs;
    require_only(judge(device, test.log), test.log, rule);
  }
  SECTION("times are rounded up to whole cycles") {
    device.timing.*test.field = test.cycles * kClockPs - kClockPs + 1;
    require_legal(judge(device, test.log));
    require_only(judge(device, illegal), illegal, rule);
  }
}

TEST_CASE("every parameter of the device has a case") {
  for (const TimingField& field : kTimingFields) {
    if (field.value == &T::tCK) continue;  // the unit of the others
    INFO(field.path);
    REQUIRE(
        std::any_of(timing_cases().begin(), timing_cases().end(), [&field](const TimingCase& test) {
          return test.parameter == field.name() && test.field == field.value;
        }));
  }
}

TEST_CASE("the checker finds a command one cycle early, for each parameter of computing banks") {
  const ComputeCase& test = GENERATE(from_range(compute_cases()));
  INFO(test.parameter << " = " << test.cycles);
  const std::string rule = test.rule.empty() ? test.parameter : test.rule;
  DeviceConfig device = quiet_device();
  device.timing.tCCD_S = kClockPs;
  ComputeBanks compute;
  compute.dual_row_buffer = test.dual;
  compute.compute_spacing = 2;
  compute.*test.field = test.cycles;

  require_legal(judge(device, compute, test.log));
  const Log illegal = last_moved(test.log, -1);
  require_only(judge(device, compute, illegal), illegal, rule);
  compute.*test.field = test.cycles + 1;
  require_only(judge(device, compute, test.log), test.log, rule);
}

namespace {

// Further pairs of commands that a parameter binds.
struct PairCase {
  std::string rule;
  std::vector<std::pair<std::uint64_t T::*, Cycle>> timing;
  Log log;
};

void check_pair(const PairCase& test, const ComputeBanks& compute) {
  INFO(test.rule << ", last command " << describe(test.log.back()));
  DeviceConfig device = quiet_device();
  for (const auto& [field, cycles] : test.timing) device.timing.*field = cycles * kClockPs;
  require_legal(judge(device, compute, test.log));
  const Log early = last_moved(test.log, -1);
  require_only(judge(device, compute, early), early, test.rule);
}

}  // namespace

TEST_CASE("column commands that precharge do so when the row may close") {
  const PairCase test = GENERATE(values<PairCase>({
      {"tRP", {{&T::tRP, 10}, {&T::tRTP_L, 5}, {&T::tRAS, 4}}, {act(0, 0), rda(7, 0), act(22, 0)}},
      {"tRP", {{&T::tRP, 10}, {&T::tRTP_L, 5}, {&T::tRAS, 30}}, {act(0, 0), rda(7, 0), act(40, 0)}},
      {"tRP", {{&T::tRP, 10}, {&T::tWR, 5}, {&T::CWL, 3}}, {act(0, 0), wra(7, 0), act(27, 0)}},
      {"tRP", {{&T::tRP, 10}, {&T::tWR, 5}, {&T::tRAS, 30}}, {act(0, 0), wra(7, 0), act(40, 0)}},
      {"tRP",
       {{&T::tRP, 10}, {&T::tRTP_L, 5}, {&T::tRAS, 30}},
       {act(0, 0), act(9, 1), rda(15, 1), rda(17, 0), ref(49, 0)}},
      {"tRP", {{&T::tRP, 10}, {&T::tRTP_L, 5}}, {act(0, 0), rda(7, 0), refpb(22, 0)}},
      {"tRP", {{&T::tRP, 10}, {&T::tRTP_S, 5}, {&T::tRAS, 4}}, {act(0, 0), rda(7, 0), act(22, 0)}},
      {"tWTR_L", {{&T::tWTR_L, 5}}, {act(0, 0), act(1, 1), wra(7, 0), rda(14, 1)}},
  }));
  check_pair(test, ComputeBanks{});
}

TEST_CASE("bank groups decide between the two distances from a read to the precharge") {
  DeviceConfig device = quiet_device();
  device.timing.tRTP_S = 4 * kClockPs;
  device.timing.tRTP_L = 6 * kClockPs;
  const Log soon = {act(0, 0), rd(10, 0), pre(14, 0)};
  const Log late = {act(0, 0), rd(10, 0), pre(16, 0)};
  require_legal(judge(device, late));
  require_only(judge(device, last_moved(late, -1)), last_moved(late, -1), "tRTP_L");

  device.geometry.bank_groups = 1;
  device.geometry.banks_per_group = kBanksPerRank;
  require_legal(judge(device, soon));
  require_only(judge(device, last_moved(soon, -1)), last_moved(soon, -1), "tRTP_S");
  device.timing.tRTP_S = 0;  // then tRTP_L is all there is
  require_legal(judge(device, late));
  require_only(judge(device, last_moved(late, -1)), last_moved(late, -1), "tRTP_L");
}

TEST_CASE("a read does not hold up the precharges of other banks") {
  DeviceConfig device = quiet_device();
  device.timing.tRTP_S = device.timing.tRTP_L = 6 * kClockPs;
  require_legal(
      judge(device, {act(0, 0), act(1, 1), act(2, 4), rd(10, 0), pre(11, 1), pre(12, 4)}));
}

TEST_CASE("refresh keeps its distance from other commands") {
  const PairCase test = GENERATE(values<PairCase>({
      {"tRFC", {{&T::tRFC, 50}}, {ref(0, 0), ref(1, 1), ref(50, 0)}},
      {"tRFC", {{&T::tRFC, 50}}, {ref(0, 0), refpb(50, 9)}},
      {"tRFCpb", {{&T::tRFCpb, 50}}, {refpb(0, 0), refpb(50, 9)}},
      {"tRFCpb", {{&T::tRFCpb, 50}}, {refpb(0, 0), ref(50, 0)}},
      {"tRP", {{&T::tRP, 9}}, {act(0, 5), act(1, 0), pre(2, 0), pre(4, 5), ref(13, 0)}},
      {"tRP", {{&T::tRP, 9}}, {act(0, 0), pre(4, 0), refpb(13, 0)}},
      {"tRRD_S", {{&T::tRRD_S, 4}}, {refpb(0, 0), act(4, 1)}},
      {"tRRD_S", {{&T::tRRD_S, 4}}, {refpb(0, 0), act(4, 8)}},
      {"tRRD_S", {{&T::tRRD_S, 4}}, {act(0, 0), refpb(4, 1)}},
  }));
  check_pair(test, ComputeBanks{});
}

TEST_CASE("bursts on the data bus leave a gap when the rank changes, or reads turn to writes") {
  const PairCase test = GENERATE(values<PairCase>({
      {"data bus", {{&T::CL, 9}}, {act(0, 0), act(1, 4), rd(2, 0), rd(4, 4)}},
      {"data bus", {{&T::CL, 9}}, {act(0, 0), act(1, 16), rd(2, 0), rd(4, 16)}},
      {"data bus", {{&T::tRTRS, 2}}, {act(0, 0), act(1, 16), wr(2, 0), wr(4, 16)}},
      {"tRTRS", {{&T::tRTRS, 2}, {&T::CL, 9}, {&T::CWL, 3}}, {act(0, 0), rd(2, 0), wr(12, 0)}},
      {"tRTRS",
       {{&T::tRTRS, 2}, {&T::CL, 9}, {&T::CWL, 3}},
       {act(0, 0), act(1, 16), rd(2, 0), wr(12, 16)}},
      {"tRTRS",
       {{&T::tRTRS, 3}, {&T::CL, 4}, {&T::CWL, 9}},
       {act(0, 0), act(1, 16), wr(2, 0), rd(12, 16)}},
      // The burst before the last one binds if the gap is longer than a burst.
      {"tRTRS",
       {{&T::tRTRS, 5}, {&T::CWL, 9}},
       {act(0, 0), act(1, 16), rd(2, 0), wr(3, 16), rd(19, 0)}},
  }));
  check_pair(test, ComputeBanks{});
}

TEST_CASE("a read of another rank may come right after a write if its latency covers the data") {
  DeviceConfig device = quiet_device();
  device.timing.CL = 14 * kClockPs;
  device.timing.CWL = 4 * kClockPs;
  device.timing.tRTRS = 2 * kClockPs;
  device.timing.tWTR_L = 8 * kClockPs;
  require_legal(judge(device, {act(0, 0), act(1, 16), wr(2, 0), rd(3, 16)}));
}

TEST_CASE("commands of banks with two row buffers keep the published distances") {
  ComputeBanks compute;
  compute.dual_row_buffer = true;
  const PairCase test = GENERATE(values<PairCase>({
      {"tRRD_L", {{&T::tRRD_L, 6}, {&T::tRC, 48}}, {act(0, 1), gact(6, 0, 9)}},
      {"tRRD_L", {{&T::tRRD_L, 6}, {&T::tRC, 48}}, {gact(0, 0), act(6, 1, 9)}},
      {"tRRD_S", {{&T::tRRD_S, 4}, {&T::tRC, 48}}, {act(0, 1), gact(4, 4)}},
      {"tRC", {{&T::tRC, 48}}, {gact(0, 0), pimprea(9), gact(48, 0)}},
      {"tRAS", {{&T::tRAS, 34}}, {gact(0, 0), pimpre(34, 3)}},
      {"tRAS", {{&T::tRAS, 34}}, {gact(0, 0), gact(5, 4), pimprea(39)}},
      {"tRP",
       {{&T::tRP, 14}},
       {gact(0, 0), pimpre(3, 1), pimpre(4, 0), pimpre(5, 2), pimpre(6, 3), gact(20, 0)}},
      {"tRP", {{&T::tRP, 14}}, {gact(0, 0), pimprea(5), ref(19, 0)}},
      {"tRP", {{&T::tRP, 14}}, {gact(0, 0), pimprea(5), refpb(19, 2)}},
      {"tRFC", {{&T::tRFC, 50}}, {ref(0, 0), gact(50, 0)}},
      {"tRFCpb", {{&T::tRFCpb, 50}}, {refpb(0, 2), gact(50, 0)}},
      {"tRRD_S", {{&T::tRRD_S, 5}}, {refpb(0, 2), gact(5, 4)}},
      {"tRCDRD", {{&T::tRCDRD, 14}}, {act(0, 3), gwrite(14, 3)}},
      {"tCCD_S", {{&T::tCCD_S, 5}, {&T::tCCD_L, 9}}, {act(0, 9), gact(1, 0), rd(4, 9), comp(9)}},
      {"tWTR_S",
       {{&T::tWTR_S, 5}, {&T::tWTR_L, 9}, {&T::CWL, 3}},
       {act(0, 9), gact(1, 0), wr(4, 9), comps(14, 2)}},
      {"burst", {{&T::CL, 3}}, {act(0, 9), gact(1, 0), rd(4, 9), comp(6)}},
      {"load_to_compute", {{&T::CWL, 3}}, {gact(1, 0), wrgb(4), comp(9)}},
      {"tCCD_S", {{&T::tCCD_S, 4}}, {wrgb(4), wrgb(8)}},
      {"tRTRS", {{&T::tRTRS, 3}, {&T::CL, 9}}, {act(0, 9), gact(1, 0), comps(4, 8), rd(9, 9)}},
      {"tRTRS",
       {{&T::tRTRS, 3}, {&T::CL, 9}, {&T::CWL, 2}},
       {act(0, 9), gact(1, 0), comps(4, 8), wr(16, 9)}},
      {"tRTRS",
       {{&T::tRTRS, 3}, {&T::CL, 9}, {&T::CWL, 2}},
       {act(0, 9), gact(1, 0), readres(4), wr(16, 9)}},
      {"tRTRS", {{&T::tRTRS, 3}}, {act(0, 9), wrgb(4), rd(9, 9)}},
      {"data bus", {}, {act(0, 9), wr(3, 9), wrgb(5)}},
      {"data bus", {{&T::CL, 2}}, {act(0, 9), gact(1, 0), rd(4, 9), readres(6)}},
  }));
  check_pair(test, compute);
}

TEST_CASE("commands of banks with one row buffer share the limits of ordinary rows") {
  const ComputeBanks compute;
  const PairCase test = GENERATE(values<PairCase>({
      {"tRC", {{&T::tRC, 48}}, {act(0, 1), pre(9, 1), gact(48, 0)}},
      {"tRC", {{&T::tRC, 48}}, {gact(0, 0), pre(9, 1), act(48, 1)}},
      {"tRAS", {{&T::tRAS, 34}}, {gact(0, 0), pre(34, 1)}},
      {"tRAS", {{&T::tRAS, 34}}, {act(0, 0), pimprea(34)}},
      {"tRP", {{&T::tRP, 14}}, {act(0, 1), pre(9, 1), gact(23, 0)}},
      {"tRP", {{&T::tRP, 14}}, {gact(0, 0), pimprea(9), act(23, 1)}},
      {"tRP", {{&T::tRP, 14}, {&T::tRTP_L, 4}}, {act(0, 1), rda(5, 1), gact(23, 0)}},
      {"tRTP_S", {{&T::tRTP_S, 4}}, {act(0, 1), rd(5, 1), pimprea(9)}},
      {"tRTP_L", {{&T::tRTP_L, 4}}, {act(0, 1), rd(5, 1), pimprea(9)}},
      {"tWR", {{&T::tWR, 4}}, {act(0, 1), wr(5, 1), pimprea(11)}},
      {"tRCDRD", {{&T::tRCDRD, 14}}, {gact(0, 0), rd(14, 1)}},
      {"tRCDWR", {{&T::tRCDWR, 14}}, {gact(0, 0), wr(14, 1)}},
      {"tCCD_L", {{&T::tCCD_S, 3}, {&T::tCCD_L, 9}}, {act(0, 9), gact(1, 0), rd(4, 9), comp(13)}},
      {"tWTR_L", {{&T::tWTR_S, 3}, {&T::tWTR_L, 9}}, {act(0, 9), gact(1, 0), wr(4, 9), comp(15)}},
  }));
  check_pair(test, compute);
}

TEST_CASE("a row buffer of its own frees computing from the limits of ordinary rows") {
  DeviceConfig device = quiet_device();
  for (const auto field : {&T::tRC, &T::tRAS, &T::tRP, &T::tRTP_L, &T::tWR, &T::tRCDRD}) {
    device.timing.*field = 40 * kClockPs;
  }
  device.timing.tRAS = 0;
  device.timing.tRCDRD = 0;
  ComputeBanks compute;
  compute.dual_row_buffer = true;
  compute.compute_to_precharge = 30;
  require_legal(judge(device, compute,
                      {act(0, 1), gact(1, 0, 9), rd(2, 1), comp(4), pimprea(34), pre(42, 1)}));
  // A bank may be precharged while it computes.
  require_legal(judge(device, compute, {act(0, 1), gact(1, 0, 9), comp(2), pre(3, 1)}));
}

TEST_CASE("one group activate opens the banks that the device says") {
  DeviceConfig device = quiet_device();
  device.timing.tRAS = 30 * kClockPs;
  ComputeBanks compute;
  compute.dual_row_buffer = true;
  const Log log = {gact(0, 0), pimpre(30, 3), pimpre(31, 15)};
  require_only(judge(device, compute, log), log, "open bank");
  compute.banks_per_activate = kBanksPerRank;
  require_legal(judge(device, compute, log));
  const Log early = {gact(0, 0), pimpre(30, 3), pimpre(31, 15), gact(31, 16), pimpre(60, 31)};
  REQUIRE(judge(device, compute, early).size() == 2);  // the command bus at 31, tRAS at 60
}

TEST_CASE("commands that their bank cannot obey are found") {
  struct StateCase {
    std::string rule;
    Log log;
  };
  const StateCase test = GENERATE(values<StateCase>({
      {"shut bank", {act(0, 0), act(9, 0)}},
      {"open row", {rd(0, 0)}},
      {"open row", {act(0, 0, 3), rd(5, 0, 4)}},
      {"open row", {act(0, 0), pre(5, 0), wr(9, 0)}},
      {"open row", {act(0, 0), rda(5, 0), rd(9, 0)}},
      {"open row", {act(0, 0), wra(5, 0), rd(9, 0)}},
      {"open bank", {pre(0, 0)}},
      {"open bank", {act(0, 0), rda(5, 0), pre(9, 0)}},
      {"shut banks", {act(0, 15), ref(9, 0)}},
      {"shut banks", {act(0, 2), refpb(9, 2)}},
      {"valid address", {act(0, 32)}},
      {"valid address", {act(0, 0, 1024)}},
      {"valid address", {command(0, CommandKind::kRead, 0, 0, 16)}},
      {"computing banks", {comp(0)}},
  }));
  INFO(test.rule);
  TimingChecker checker(quiet_device());
  replay(test.log, checker);
  require_only(checker.violations(), test.log, test.rule);
}

TEST_CASE("a refresh of one rank or bank leaves rows of the others open") {
  require_legal(judge(quiet_device(), {act(0, 16), ref(9, 0), act(10, 3), refpb(11, 2)}));
}

TEST_CASE("commands that a computing bank cannot obey are found") {
  struct StateCase {
    std::string rule;
    Log log;
    bool dual;
  };
  const StateCase test = GENERATE(values<StateCase>({
      {"shut bank", {act(0, 3), gact(9, 0)}, false},
      {"shut bank", {gact(0, 0), act(9, 3)}, false},
      {"shut bank", {gact(0, 0), gact(9, 0, 5)}, true},
      {"row in no other buffer", {act(0, 3, 5), gact(9, 0, 5)}, true},
      {"row in no other buffer", {gact(0, 0, 5), act(9, 3, 5)}, true},
      {"shut banks", {gact(0, 0, 5), ref(9, 0)}, true},
      {"shut banks", {gact(0, 0, 5), refpb(9, 1)}, true},
      {"shut banks", {gact(0, 0, 5), ref(9, 0)}, false},
      {"shut banks", {act(0, 20, 5), mode(9)}, true},
      {"shut banks", {gact(0, 0, 5), mode(9)}, true},
      {"open bank", {act(0, 0, 5), pimpre(9, 0)}, true},
      {"open bank", {gact(0, 0, 5), pre(9, 0)}, true},
      {"open row", {gwrite(0, 0, 5)}, true},
      {"open row", {gact(0, 0, 5), gwrite(9, 0, 5)}, true},
      {"open row", {act(0, 0, 5), gwrite(9, 0, 4)}, true},
      {"open row", {comp(0)}, true},
      {"open row", {gact(0, 0), pimprea(5), comps(9, 4)}, false},
      {"open row", {act(0, 0), comp(9)}, true},
      {"open row", {gact(0, 0, 5), rd(9, 0, 5)}, true},
  }));
  INFO(test.rule << ", last command " << describe(test.log.back()));
  ComputeBanks compute;
  compute.dual_row_buffer = test.dual;
  require_only(judge(quiet_device(), compute, test.log), test.log, test.rule);
}

TEST_CASE("results may be read when the rows are shut") {
  ComputeBanks compute;
  compute.dual_row_buffer = true;
  require_legal(judge(quiet_device(), compute, {gact(0, 0), comp(5), pimprea(6), readres(9)}));
}

TEST_CASE("different rows may be open in the two buffers of a bank") {
  ComputeBanks compute;
  compute.dual_row_buffer = true;
  require_legal(judge(
      quiet_device(), compute,
      {act(0, 3, 5), gact(9, 0, 6), rd(10, 3, 5), comp(13), pimprea(14), pre(15, 3), ref(16, 0)}));
}

TEST_CASE("each command bus takes one command per cycle") {
  DeviceConfig device = quiet_device();
  const Log two_rows = {act(0, 0), act(0, 4)};
  const Log row_and_column = {act(0, 0), act(3, 4), rd(3, 0)};
  require_only(judge(device, two_rows), two_rows, "free command bus");
  require_only(judge(device, row_and_column), row_and_column, "free command bus");
  device.geometry.separate_command_buses = true;
  require_only(judge(device, two_rows), two_rows, "free command bus");
  require_legal(judge(device, row_and_column));
  require_legal(judge(device, {act(0, 0), act(1, 4), rd(5, 0), pre(5, 4)}));
}

TEST_CASE("a log that goes back in time is refused") {
  const Log log = {act(5, 0), act(4, 4)};
  require_only(judge(quiet_device(), log), log, "rising cycles");
}

TEST_CASE("the window of four activates moves on and is per rank") {
  DeviceConfig device = quiet_device();
  device.timing.tFAW = 30 * kClockPs;
  const Log log = {act(0, 0),  act(1, 4),  act(2, 8),  act(3, 12), act(4, 16), act(5, 20),
                   act(6, 24), act(7, 28), act(30, 1), act(31, 5), act(32, 9), act(34, 17)};
  require_legal(judge(device, log));
  const Log early = last_moved(log, -1);
  require_only(judge(device, early), early, "tFAW");
  // The refresh of a bank is no activate of the window.
  require_legal(judge(device, {act(0, 0), act(1, 4), act(2, 8), refpb(3, 2), act(4, 12)}));
}

TEST_CASE("starving a rank or a bank of refresh is found") {
  DeviceConfig device = quiet_device();
  device.timing.tREFI = 100 * kClockPs;
  SECTION("at the refresh that comes too late") {
    const Log log = {ref(100, 0), ref(101, 1), ref(1000, 0), ref(1002, 1)};
    require_only(judge(device, log), log, "tREFI");
  }
  SECTION("at the end, if it never came") {
    TimingChecker checker(device);
    for (Cycle cycle = 100; cycle <= 1000; cycle += 100) checker.on_command(ref(cycle, 0));
    checker.finish(900);
    REQUIRE(checker.violation_count() == 0);
    checker.finish(901);
    REQUIRE(checker.violation_count() == kBanksPerRank);
    REQUIRE(checker.violations().front().rule == "tREFI");
    REQUIRE(checker.violations().front().command.bank == kBanksPerRank);
  }
  SECTION("at the end, if fewer came than may be postponed") {
    TimingChecker checker(device);
    for (Cycle cycle = 200; cycle <= 2000; cycle += 200) {
      checker.on_command(ref(cycle, 0));
      checker.on_command(ref(cycle + 1, 1));
    }
    checker.finish(1900);
    REQUIRE(checker.violation_count() == 0);
    checker.finish(1901);
    REQUIRE(checker.violation_count() == 2 * kBanksPerRank);
    REQUIRE(checker.violations().front().rule == "enough refreshes");
  }
  SECTION("of one bank") {
    TimingChecker checker(device);
    for (Cycle round = 0; round < 10; ++round) {
      for (unsigned bank = 0; bank < kRanks * kBanksPerRank; ++bank) {
        if (bank == 7) continue;
        checker.on_command(refpb(100 * round + 3 * bank, bank));
      }
    }
    checker.finish(1000);
    REQUIRE(checker.violation_count() == 1);
    REQUIRE(checker.violations().front().command.bank == 7);
  }
  SECTION("a device without refresh is never starved") {
    TimingChecker checker(quiet_device());
    checker.finish(1'000'000'000);
    REQUIRE(checker.violation_count() == 0);
  }
}

TEST_CASE("WCK runs from its synchronisation or the last data until it was idle for too long") {
  DeviceConfig device = quiet_device();
  device.timing.tWCKSYNC = 3 * kClockPs;
  device.timing.tWCKIDLE = 8 * kClockPs;
  const Log never = {act(0, 0), rd(9, 0)};
  require_only(judge(device, never), never, "running WCK");
  // Effect at 4, stops at 12.
  require_legal(judge(device, {act(0, 0), wcksync(1), rd(12, 0)}));
  const Log unused = {act(0, 0), wcksync(1), rd(13, 0)};
  require_only(judge(device, unused), unused, "tWCKIDLE");
  // Data until 6 and, after the second synchronisation, until 32.
  const Log again = {act(0, 0), wcksync(1), rd(4, 0), wcksync(27), rd(30, 0), wr(40, 0)};
  require_legal(judge(device, again));
}
