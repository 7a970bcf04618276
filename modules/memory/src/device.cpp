// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/device.h"

#include <algorithm>
#include <cmath>

#include "tandem/memory/field_error.h"

namespace tandem::memory {
namespace {

constexpr unsigned kMostBanks = 64;
constexpr std::uint64_t kMostChannelBytes = std::uint64_t{1} << 40;
constexpr std::uint64_t kShortestClockPs = 10;
constexpr std::uint64_t kLongestClockPs = 1'000'000;
constexpr std::uint64_t kLongestTimePs = 1'000'000'000'000;

void rule(bool holds, const char* field, const std::string& message) {
  if (!holds) throw FieldError(field, message);
}

void power_of_two(const char* field, std::uint64_t value) {
  rule(value != 0 && (value & (value - 1)) == 0, field,
       std::to_string(value) + " is not a power of two");
}

std::string in_ps(std::uint64_t value) {
  return std::to_string(value) + " ps";
}

void not_zero(const char* field, std::uint64_t value) {
  rule(value > 0, field, "is 0, must be given: every device of this kind has it");
}

void at_least(const char* field, std::uint64_t value, const char* other, std::uint64_t least) {
  rule(value >= least, field,
       in_ps(value) + " is less than " + other + ", which is " + in_ps(least));
}

void validate(const DeviceGeometry& g) {
  power_of_two("geometry.ranks", g.ranks);
  power_of_two("geometry.bank_groups", g.bank_groups);
  power_of_two("geometry.banks_per_group", g.banks_per_group);
  power_of_two("geometry.rows", g.rows);
  power_of_two("geometry.row_bytes", g.row_bytes);
  power_of_two("geometry.burst_length", g.burst_length);
  power_of_two("geometry.bus_bits", g.bus_bits);
  rule(g.bus_bits >= 8, "geometry.bus_bits",
       std::to_string(g.bus_bits) + " is less than 8, one byte");
  rule(g.data_rate_mtps > 0, "geometry.data_rate_mtps", "is 0, must be at least 1 MT/s");
  rule(g.row_bytes >= g.burst_bytes(), "geometry.row_bytes",
       std::to_string(g.row_bytes) + " is less than one burst of " +
           std::to_string(g.burst_bytes()) + " bytes");
  const std::uint64_t banks = std::uint64_t{g.ranks} * g.bank_groups * g.banks_per_group;
  rule(banks <= kMostBanks, "geometry.banks_per_group",
       "makes " + std::to_string(banks) + " banks in a channel, at most " +
           std::to_string(kMostBanks));
  rule(banks * g.row_bytes <= kMostChannelBytes / g.rows, "geometry.rows",
       std::to_string(g.rows) + " rows make a channel larger than 1 TiB");
}

// The data bus and the command bus share a clock tree: a burst is a whole number of tCK. Periods in
// whole picoseconds may be off by one per cycle.
void validate_burst(const DeviceGeometry& g, std::uint64_t clock_ps) {
  const std::uint64_t burst_ps = g.burst_ps();
  rule(burst_ps > 0, "geometry.data_rate_mtps", "makes a burst shorter than 1 ps");
  const std::uint64_t cycles = (burst_ps + clock_ps / 2) / clock_ps;
  const std::uint64_t whole_ps = cycles * clock_ps;
  const std::uint64_t off_ps = whole_ps > burst_ps ? whole_ps - burst_ps : burst_ps - whole_ps;
  rule(cycles > 0 && off_ps <= cycles, "timing.tCK",
       "a burst lasts " + in_ps(burst_ps) + " at the data rate, which is no whole number of " +
           in_ps(clock_ps));
}

void validate_refresh(const DeviceTiming& t) {
  if (t.tREFI == 0) return;
  not_zero("timing.tRFC", t.tRFC);
  const std::uint64_t blocked_ps = t.tRP + t.tRFC + std::max(t.tRCDRD, t.tRCDWR) + t.tRC;
  rule(t.tREFI > 2 * blocked_ps, "timing.tREFI",
       in_ps(t.tREFI) + " is not more than twice tRP + tRFC + tRCD + tRC = " + in_ps(blocked_ps));
  rule(t.tRFCpb <= t.tRFC, "timing.tRFCpb",
       in_ps(t.tRFCpb) + " is more than tRFC, which is " + in_ps(t.tRFC));
}

void validate(const DeviceTiming& t, const DeviceGeometry& g) {
  rule(t.tCK >= kShortestClockPs && t.tCK <= kLongestClockPs, "timing.tCK",
       in_ps(t.tCK) + " is no clock of a DRAM: " + in_ps(kShortestClockPs) + ".." +
           in_ps(kLongestClockPs));
  validate_burst(g, t.tCK);
  for (const TimingField& field : kTimingFields) {
    rule(t.*field.value <= kLongestTimePs, field.path,
         in_ps(t.*field.value) + " is more than a second");
    if (field.needed) not_zero(field.path, t.*field.value);
  }
  at_least("timing.tRC", t.tRC, "tRAS", t.tRAS);
  at_least("timing.tCCD_L", t.tCCD_L, "tCCD_S", t.tCCD_S);
  at_least("timing.tRRD_L", t.tRRD_L, "tRRD_S", t.tRRD_S);
  at_least("timing.tWTR_L", t.tWTR_L, "tWTR_S", t.tWTR_S);
  rule(t.tRTP_S != 0 || t.tRTP_L != 0, "timing.tRTP_L",
       "is 0, and so is tRTP_S: one of them must be given");
  if (t.tRTP_L != 0) at_least("timing.tRTP_L", t.tRTP_L, "tRTP_S", t.tRTP_S);
  at_least("timing.tFAW", t.tFAW, "tRRD_S", t.tRRD_S);
  rule(t.tCCD_S <= g.burst_ps() + t.tCK, "timing.tCCD_S",
       in_ps(t.tCCD_S) + " is longer than a burst of " + in_ps(g.burst_ps()) +
           ": the data bus could never be full");
  validate_refresh(t);
  rule((t.tWCKSYNC == 0) == (t.tWCKIDLE == 0), "timing.tWCKIDLE",
       "tWCKSYNC and tWCKIDLE are given together or not at all");
}

void validate(const DeviceEnergy& e) {
  const auto check = [](const char* field, double value) {
    rule(std::isfinite(value) && value >= 0, field, "must be a number that is not negative");
  };
  check("energy.activate_pj", e.activate_pj);
  check("energy.read_pj_per_bit", e.read_pj_per_bit);
  check("energy.write_pj_per_bit", e.write_pj_per_bit);
  check("energy.io_pj_per_bit", e.io_pj_per_bit);
  check("energy.refresh_pj", e.refresh_pj);
  check("energy.refresh_bank_pj", e.refresh_bank_pj);
  check("energy.active_standby_mw", e.active_standby_mw);
  check("energy.standby_mw", e.standby_mw);
}

}  // namespace

void DeviceConfig::validate() const {
  rule(geometry.ranks != 0, "device", "there is none: read one from a device file");
  memory::validate(geometry);
  memory::validate(timing, geometry);
  memory::validate(energy);
}

}  // namespace tandem::memory
