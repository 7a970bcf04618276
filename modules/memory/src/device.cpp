// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/device.h"

#include <stdexcept>

namespace tandem::memory {
namespace {

class Check {
 public:
  explicit Check(const std::string& device) : device_(device) {}

  void power_of_two(const char* field, std::uint64_t value) const {
    if (value == 0 || (value & (value - 1)) != 0) {
      fail(std::string(field) + " is " + std::to_string(value) + ", must be a power of two");
    }
  }
  void rule(bool holds, const std::string& message) const {
    if (!holds) fail(message);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw std::invalid_argument("DRAM device '" + device_ + "': " + message);
  }
  const std::string& device_;
};

}  // namespace

void DeviceConfig::validate() const {
  const Check check(name);
  check.power_of_two("ranks", geometry.ranks);
  check.power_of_two("bank_groups", geometry.bank_groups);
  check.power_of_two("banks_per_group", geometry.banks_per_group);
  check.power_of_two("rows", geometry.rows);
  check.power_of_two("row_bytes", geometry.row_bytes);
  check.power_of_two("burst_length", geometry.burst_length);
  check.power_of_two("bus_bits", geometry.bus_bits);
  check.rule(geometry.bus_bits >= 8, "bus_bits must be at least 8");
  check.rule(geometry.data_rate_mtps > 0, "data_rate_mtps is 0, must be at least 1");
  check.rule(geometry.burst_ps() > 0, "a burst must last at least 1 ps");
  check.rule(geometry.row_bytes >= geometry.burst_bytes(),
             "row_bytes is " + std::to_string(geometry.row_bytes) + ", less than one burst of " +
                 std::to_string(geometry.burst_bytes()) + " bytes");
  check.rule(geometry.banks() <= 64,
             "it has " + std::to_string(geometry.banks()) + " banks in a channel, at most 64");
  check.rule(timing.tRC >= timing.tRAS, "tRC must be at least tRAS");
  check.rule(timing.tCCD_L >= timing.tCCD_S, "tCCD_L must be at least tCCD_S");
  check.rule(timing.tCCD_S <= geometry.burst_ps(),
             "tCCD_S is longer than a burst: the data bus could never be full");
  const std::uint64_t blocked = timing.tRP + timing.tRFC + timing.tRCD + timing.tRC;
  check.rule(timing.tREFI == 0 || timing.tREFI > 2 * blocked,
             "tREFI is " + std::to_string(timing.tREFI) +
                 " ps, must be more than twice tRP + tRFC + tRCD + tRC = " +
                 std::to_string(blocked) + " ps");
  check.rule(energy.activate_pj >= 0 && energy.read_pj_per_bit >= 0 &&
                 energy.write_pj_per_bit >= 0 && energy.refresh_pj >= 0 &&
                 energy.background_mw >= 0,
             "energies must not be negative");
}

}  // namespace tandem::memory
