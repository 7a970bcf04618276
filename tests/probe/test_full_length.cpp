// SPDX-License-Identifier: Apache-2.0
// A million requests each, as the public simulators were run.
#include <catch2/catch.hpp>

#include "tandem/platform/probe/memory_probe.h"
#include "tandem/test/devices.h"

using namespace tandem::platform;

TEST_CASE("a million reads: bandwidth and latency of public simulators within 3 percent") {
  struct Point {
    const char* device;
    const char* pattern;
    unsigned outstanding;
    double gb_per_s;
    double latency_cycles;
  };
  for (const Point& point : {Point{"hbm2_dramsim3", "sequential", 0, 29.41, 0},
                             {"hbm2_dramsim3", "random", 0, 7.86, 0},
                             {"hbm2_dramsim3", "sequential", 1, 0, 18.9},
                             {"hbm2_dramsim3", "random", 1, 0, 46.0},
                             {"hbm2_neupims", "sequential", 0, 28.6, 0},
                             {"hbm2_neupims", "random", 0, 14.8, 0}}) {
    CAPTURE(point.device, point.pattern, point.outstanding);
    MemoryProbe probe;
    probe.pattern = parse_pattern(point.pattern);
    probe.outstanding = point.outstanding;
    probe.check = true;
    const MemoryProbeResult result = probe_memory(tandem::test::device_file(point.device), probe);
    CHECK(*result.violations == 0);
    if (point.gb_per_s != 0) CHECK(result.gb_per_s == Approx(point.gb_per_s).epsilon(0.03));
    if (point.latency_cycles != 0) {
      CHECK(result.latency.mean == Approx(point.latency_cycles).epsilon(0.03));
    }
  }
}
