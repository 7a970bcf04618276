// SPDX-License-Identifier: Apache-2.0
// A platform without a simulator: a register block at 0x1000 whose second half answers with errors,
// 64 KiB of memory at 0x10000. Each access through the bus takes 10 ns.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "target.h"

namespace tandem::test {

class FakeTarget : public platform::serve::Target {
 public:
  static constexpr std::uint64_t kRegisters = 0x1000;
  static constexpr std::uint64_t kRefused = 0x1800;
  static constexpr std::uint64_t kMemory = 0x1'0000;
  static constexpr std::uint64_t kMemoryBytes = 0x1'0000;
  static constexpr std::uint64_t kAccessPs = 10'000;

  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(0x2'0000);
  platform::serve::State now;
  bool stops = false;  // in the next request that lets time pass
  int resets = 0;

  const std::vector<platform::serve::Region>& regions() const override { return regions_; }
  std::uint64_t boot_info() const override { return kMemory; }
  platform::serve::State state() const override { return now; }
  platform::serve::AccessResult read(const platform::serve::Access& access,
                                     std::vector<std::uint8_t>& data) override {
    if (refuses(access)) return {false, access.address, "refused"};
    std::copy_n(bytes.begin() + offset(access), data.size(), data.begin());
    return {};
  }
  platform::serve::AccessResult write(const platform::serve::Access& access,
                                      const std::vector<std::uint8_t>& data) override {
    if (refuses(access)) return {false, access.address, "refused"};
    std::copy(data.begin(), data.end(), bytes.begin() + offset(access));
    return {};
  }
  void wait_interrupt(std::uint64_t limit_ps) override {
    pass(std::min<std::uint64_t>(limit_ps, 500));
    now.interrupt = limit_ps >= 500;
    now.lines = now.interrupt ? 4 : 0;
  }
  void advance(std::uint64_t ps) override { pass(ps); }
  void reset() override { ++resets; }

 private:
  static std::ptrdiff_t offset(const platform::serve::Access& access) {
    return static_cast<std::ptrdiff_t>(access.address);
  }
  void pass(std::uint64_t ps) {
    if (stops) throw platform::serve::Stopped();
    now.time_ps += ps;
  }
  bool refuses(const platform::serve::Access& access) {
    if (!access.debug) pass(kAccessPs);
    return access.address >= kRefused && access.address < kMemory;
  }

  const std::vector<platform::serve::Region> regions_ = {
      {"device_with_long_name", kRegisters, 0x1000, false}, {"sram", kMemory, kMemoryBytes, true}};
};

}  // namespace tandem::test
