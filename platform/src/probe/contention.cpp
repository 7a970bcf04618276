// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "chart.h"
#include "format.h"
#include "tandem/platform/probe/pim_probe.h"
#include "tandem/platform/probe/tables.h"

namespace tandem::platform {
namespace {

constexpr const char* kDevice = "hbm2_neupims";
constexpr unsigned kSteps = 10;
constexpr std::uint64_t kTiles = 256;

PimProbe load(RowBuffer row_buffer, std::uint64_t tiles, std::uint64_t reads) {
  PimProbe probe;
  probe.row_buffer = row_buffer;
  probe.tiles = tiles;
  probe.writes = tiles == 0 ? 0 : 1;
  probe.reads = reads;
  return probe;
}

// How many reads take as long as all the tiles.
std::uint64_t reads_worth_the_tiles(const DeviceFile& device) {
  constexpr std::uint64_t kSample = 30'000;
  const PimProbeResult tiles = probe_pim(device, load(RowBuffer::kDual, kTiles, 0));
  const PimProbeResult reads = probe_pim(device, load(RowBuffer::kDual, 0, kSample));
  return kSample * tiles.cycles / reads.cycles;
}

struct Curves {
  MixCurve single;
  MixCurve dual;
};

Curves measure() {
  const DeviceFile device = read_named_device({kDevice, {}});
  return {measure_mix(device, RowBuffer::kSingle, kSteps),
          measure_mix(device, RowBuffer::kDual, kSteps)};
}

Series series(const MixCurve& curve, double MixPoint::*value, const std::string& name,
              Series::Style style) {
  Series series;
  series.name = name;
  series.style = style;
  for (const MixPoint& point : curve.points) {
    series.points.push_back({100 * point.read_share, point.*value});
  }
  return series;
}

}  // namespace

MixCurve measure_mix(const DeviceFile& device, RowBuffer row_buffer, unsigned steps) {
  const std::uint64_t all_reads = reads_worth_the_tiles(device);
  MixCurve curve;
  curve.row_buffer = row_buffer;
  for (unsigned step = 0; step <= steps; ++step) {
    const std::uint64_t tiles = kTiles * (steps - step) / steps;
    const std::uint64_t reads = all_reads * step / steps;
    const PimProbeResult result = probe_pim(device, load(row_buffer, tiles, reads));
    const double until_done =
        static_cast<double>(result.pim_cycles) / static_cast<double>(result.cycles);
    const double until_read =
        static_cast<double>(result.read_cycles) / static_cast<double>(result.cycles);
    curve.points.push_back({static_cast<double>(step) / steps, result.cycles,
                            result.inside_gb_per_s * until_done,
                            result.read_gb_per_s * until_read});
  }
  return curve;
}

std::string contention_table() {
  const Curves curves = measure();
  MarkdownTable table({"reads in the work", "single: cycles", "PIM GB/s", "reads GB/s",
                       "dual: cycles", "PIM GB/s", "reads GB/s", "gain"},
                      0);
  for (std::size_t i = 0; i < curves.single.points.size(); ++i) {
    const MixPoint& single = curves.single.points[i];
    const MixPoint& dual = curves.dual.points[i];
    table.add({fixed(100 * single.read_share, 0) + " %", grouped(single.cycles),
               fixed(single.inside_gb_per_s, 1), fixed(single.read_gb_per_s, 2),
               grouped(dual.cycles), fixed(dual.inside_gb_per_s, 1), fixed(dual.read_gb_per_s, 2),
               fixed(static_cast<double>(single.cycles) / static_cast<double>(dual.cycles), 2)});
  }
  return table.text();
}

std::string contention_picture() {
  const Curves curves = measure();
  Chart chart;
  chart.title = "Single and dual row buffers under a mixed load (" + std::string(kDevice) + ")";
  chart.x_label = "share of reads in the work, %";
  const auto add = [&](const std::string& label, double MixPoint::*value, double most,
                       double step) {
    Panel panel;
    panel.y_label = label;
    panel.y_most = most;
    panel.y_step = step;
    panel.series = {series(curves.dual, value, "dual row buffer", Series::Style::kStrong),
                    series(curves.single, value, "single row buffer", Series::Style::kPlain)};
    chart.panels.push_back(std::move(panel));
  };
  add("PIM, GB/s from the arrays to the multipliers", &MixPoint::inside_gb_per_s, 140, 20);
  add("ordinary reads, GB/s on the data bus", &MixPoint::read_gb_per_s, 35, 5);
  return svg(chart);
}

}  // namespace tandem::platform
