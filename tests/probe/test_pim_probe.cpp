// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tandem/platform/errors.h"
#include "tandem/platform/probe/pim_probe.h"
#include "tandem/platform/probe/tables.h"
#include "tandem/test/devices.h"

using namespace tandem::platform;
using tandem::test::device_file;

namespace {

PimProbe probe_of(std::uint64_t tiles, RowBuffer row_buffer, std::uint64_t reads = 0) {
  PimProbe probe;
  probe.tiles = tiles;
  probe.row_buffer = row_buffer;
  probe.reads = reads;
  probe.check = true;
  return probe;
}

std::uint64_t count_of(const PimProbeResult& result, const std::string& command) {
  for (const auto& [name, count] : result.commands) {
    if (name == command) return count;
  }
  return 0;
}

}  // namespace

TEST_CASE("cycles of NewtonSim within 5 percent") {
  struct Point {
    RowBuffer row_buffer;
    std::uint64_t tiles;
    std::uint64_t reads;
    double cycles;
  };
  const DeviceFile device = device_file("hbm2_neupims");
  for (const Point& point : {Point{RowBuffer::kDual, 1, 0, 288},
                             {RowBuffer::kDual, 4, 0, 879},
                             {RowBuffer::kDual, 64, 0, 17'246},
                             {RowBuffer::kDual, 64, 4'000, 17'246},
                             {RowBuffer::kSingle, 1, 0, 305},
                             {RowBuffer::kSingle, 4, 0, 944},
                             {RowBuffer::kSingle, 64, 0, 17'358},
                             {RowBuffer::kSingle, 64, 4'000, 26'043}}) {
    CAPTURE(point.cycles);
    const PimProbeResult result =
        probe_pim(device, probe_of(point.tiles, point.row_buffer, point.reads));
    CHECK(static_cast<double>(result.cycles) == Approx(point.cycles).epsilon(0.05));
    CHECK(*result.violations == 0);
  }
}

TEST_CASE("reads cost a dual row buffer nothing, and wait for a single one") {
  const DeviceFile device = device_file("hbm2_neupims");
  const PimProbeResult alone = probe_pim(device, probe_of(64, RowBuffer::kDual));
  const PimProbeResult dual = probe_pim(device, probe_of(64, RowBuffer::kDual, 4'000));
  const PimProbeResult single = probe_pim(device, probe_of(64, RowBuffer::kSingle, 4'000));
  CHECK(dual.pim_cycles == alone.pim_cycles);
  CHECK(dual.read_cycles < dual.pim_cycles);
  CHECK(single.read_cycles > single.pim_cycles);
  CHECK(single.read_latency.max > single.pim_cycles / 2);
}

TEST_CASE("every set-up: no violation, never more than the multipliers take") {
  for (const char* name : {"hbm2_neupims", "gddr6_aim", "hbm3_attacc", "hbm_pim"}) {
    const DeviceFile device = device_file(name);
    for (const PimCommands form : {PimCommands::kComposite, PimCommands::kRaw}) {
      for (const std::uint64_t reads : {0u, 2'000u}) {
        CAPTURE(name, reads, form == PimCommands::kRaw);
        PimProbe probe;
        probe.tiles = 16;
        probe.reads = reads;
        probe.commands = form;
        probe.check = true;
        const PimProbeResult result = probe_pim(device, probe);
        CAPTURE(result.violation_report);
        CHECK(*result.violations == 0);
        CHECK(count_of(result, "RD") == reads);
        CHECK(result.cycles == std::max(result.pim_cycles, result.read_cycles));
        CHECK(result.inside_gb_per_s > 0);
        CHECK(result.inside_gb_per_s <= result.inside_peak_gb_per_s);
        CHECK(result.compute_cycles + result.refresh_idle_cycles <= result.pim_cycles);
        CHECK(result.energy.total_picojoules() > 0);
      }
    }
  }
}

TEST_CASE("commands of one tile") {
  const PimProbeResult dual = probe_pim(device_file("hbm2_neupims"), probe_of(1, RowBuffer::kDual));
  CHECK(dual.row_buffer == RowBuffer::kDual);
  CHECK(dual.form == PimCommands::kComposite);
  CHECK(count_of(dual, "GWRITE") == 1);
  CHECK(count_of(dual, "G_ACT") == 8);  // 32 banks, four at a time
  CHECK(count_of(dual, "COMPS") == 4);
  CHECK(count_of(dual, "COMP") == 0);
  CHECK(dual.compute_cycles == 4 * 8 * 2);
  const PimProbeResult single =
      probe_pim(device_file("hbm2_neupims"), probe_of(1, RowBuffer::kSingle));
  CHECK(single.form == PimCommands::kRaw);
  CHECK(count_of(single, "COMP") == 32);
  CHECK(count_of(single, "READRES") == 4);
}

TEST_CASE("energy of one tile, command by command") {
  const auto spent = [](const PimProbeResult& result, const std::string& component) {
    for (const tandem::observe::EnergyEntry& entry : result.energy.entries()) {
      if (entry.component == component) return entry.picojoules;
    }
    return -1.0;
  };
  const DeviceFile neupims = device_file("hbm2_neupims");
  const PimProbeResult dual = probe_pim(neupims, probe_of(1, RowBuffer::kDual));
  const double read_pj = neupims.device.energy.read_pj_per_bit * 512;
  CHECK(spent(dual, "pim_activate") == Approx(32 * neupims.device.energy.activate_pj));
  CHECK(spent(dual, "pim_column") == Approx(32 * 4 * read_pj));
  CHECK(spent(dual, "pim_buffer_write") == Approx(16 * read_pj));
  CHECK(spent(dual, "pim_buffer_load") == 0);
  CHECK(spent(dual, "pim_result_read") == Approx(4 * read_pj));
  CHECK(spent(dual, "pim_mac") == -1);  // the columns contain them

  // Vectors come over the data bus, at a write each.
  const DeviceFile aim = device_file("gddr6_aim");
  const PimProbeResult loaded = probe_pim(aim, probe_of(1, RowBuffer::kSingle));
  CHECK(spent(loaded, "pim_buffer_load") == Approx(static_cast<double>(count_of(loaded, "WR_GB")) *
                                                   256 * aim.device.energy.write_pj_per_bit));
  CHECK(spent(loaded, "pim_buffer_load") > 0);

  // AttAcc: 0.44 pJ per bit of a column of 32 bytes, multiplications apart.
  const PimProbeResult attacc =
      probe_pim(device_file("hbm3_attacc"), probe_of(1, RowBuffer::kSingle));
  const double columns = static_cast<double>(attacc.compute_cycles) / 6 * 32;
  CHECK(spent(attacc, "pim_column") == Approx(columns * 0.44 * 256));
  CHECK(spent(attacc, "pim_mac") == Approx(columns * 16 * 0.32));
}

TEST_CASE("no tiles, only reads") {
  PimProbe probe = probe_of(0, RowBuffer::kDual, 1'000);
  probe.writes = 0;
  const PimProbeResult result = probe_pim(device_file("hbm2_neupims"), probe);
  CHECK(result.pim_cycles == 0);
  CHECK(result.cycles == result.read_cycles);
  CHECK(result.cycles_per_tile == 0);
  CHECK(result.inside_gb_per_s == 0);
}

TEST_CASE("a mixed load gains most where both sides have as much to do") {
  const DeviceFile device = device_file("hbm2_neupims");
  const MixCurve single = measure_mix(device, RowBuffer::kSingle, 4);
  const MixCurve dual = measure_mix(device, RowBuffer::kDual, 4);
  REQUIRE(single.points.size() == 5);
  const auto gain = [&](std::size_t i) {
    return static_cast<double>(single.points[i].cycles) /
           static_cast<double>(dual.points[i].cycles);
  };
  CHECK(gain(0) == Approx(1.0).epsilon(0.02));
  CHECK(gain(4) == Approx(1.0).epsilon(0.02));
  CHECK(gain(2) > 1.5);
  CHECK(gain(2) > gain(1));
  CHECK(gain(2) > gain(3));
  // Blocked, the two follow each other, whatever the mix.
  for (const MixPoint& point : single.points) {
    CHECK(static_cast<double>(point.cycles) ==
          Approx(static_cast<double>(single.points[0].cycles)).epsilon(0.03));
  }
}

TEST_CASE("a PIM probe refuses what it cannot do") {
  const auto message = [](const std::string& device, const PimProbe& probe) {
    try {
      probe_pim(device_file(device), probe);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  PimProbe probe;
  CHECK(message("ddr4_3200", probe).find("ddr4_3200 does not compute") != std::string::npos);
  probe.row_buffer = RowBuffer::kDual;
  CHECK(message("gddr6_aim", probe).find("device gddr6_aim: pim.row_buffer = dual: only") !=
        std::string::npos);
  probe.row_buffer.reset();
  probe.macs = 9;
  CHECK(message("hbm2_neupims", probe).find("has 32 columns") != std::string::npos);
  probe.macs = 0;
  CHECK(message("hbm2_neupims", probe).find("expected at least 1") != std::string::npos);
  probe.macs = 8;
  probe.writes = 8'193;
  CHECK(message("hbm2_neupims", probe).find("a quarter of the rows, 8192") != std::string::npos);
}
