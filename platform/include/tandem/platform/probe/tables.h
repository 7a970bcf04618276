// SPDX-License-Identifier: Apache-2.0
// The tables and the picture of the modules' README files. Deterministic: the same text everywhere.
// The devices are looked up by name; throw UserError if one is missing.
#pragma once
#include <string>
#include <vector>

#include "tandem/platform/device_file.h"

namespace tandem::platform {

// Markdown: the points of public simulators, then patterns by devices: closed-form limit, command
// and transaction fidelity.
std::string memory_table();

// Markdown: the points of a public simulator of computing banks.
std::string pim_table();

// Reads and tiles of a GEMV that are started together, until both are done. Alone, all the tiles
// would take as long as all the reads; `read_share` of the reads and the rest of the tiles are run.
struct MixPoint {
  double read_share = 0;
  std::uint64_t cycles = 0;
  double inside_gb_per_s = 0;  // arrays to multipliers
  double read_gb_per_s = 0;
};
struct MixCurve {
  RowBuffer row_buffer = RowBuffer::kSingle;
  std::vector<MixPoint> points;
};

// `steps` + 1 points from tiles alone to reads alone.
MixCurve measure_mix(const DeviceFile& device, RowBuffer row_buffer, unsigned steps);

// Markdown, and the same as an SVG picture.
std::string contention_table();
std::string contention_picture();

}  // namespace tandem::platform
