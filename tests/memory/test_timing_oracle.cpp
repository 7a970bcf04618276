// SPDX-License-Identifier: Apache-2.0
// The timing checker against the oracle, on random logs that are legal or nearly so.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tandem/memory/command_log.h"
#include "tandem/memory/timing_checker.h"
#include "timing_oracle.h"

using namespace tandem::memory;
using namespace tandem::memory::test;

namespace {

using K = CommandKind;

// Draws commands that the banks can obey, at the first legal cycle or near it.
class LogDrawer {
 public:
  LogDrawer(const DeviceConfig& device, unsigned seed)
      : geometry_(device.geometry),
        oracle_(device),
        random_(seed),
        open_(device.geometry.banks(), false) {}

  std::vector<Command> draw(std::size_t length) {
    std::vector<Command> log;
    while (log.size() < length) {
      Command command = draw_command();
      command.cycle = draw_cycle(log, command);
      log.push_back(command);
    }
    return log;
  }

 private:
  unsigned below(unsigned count) {
    return std::uniform_int_distribution<unsigned>(0, count - 1)(random_);
  }

  bool rank_is_shut(unsigned rank) const {
    const auto first = open_.begin() + rank * geometry_.banks_per_rank();
    return std::none_of(first, first + geometry_.banks_per_rank(), [](bool open) { return open; });
  }

  Command draw_command() {
    Command c;
    const unsigned bank = below(geometry_.banks());
    c.bank = static_cast<std::uint8_t>(bank);
    c.rank = static_cast<std::uint8_t>(bank / geometry_.banks_per_rank());
    c.group = static_cast<std::uint8_t>(bank / geometry_.banks_per_group % geometry_.bank_groups);
    if (open_[bank]) {
      constexpr K kKinds[] = {K::kRead,      K::kWrite, K::kReadPrecharge, K::kWritePrecharge,
                              K::kPrecharge, K::kRead,  K::kWrite};
      c.kind = kKinds[below(std::size(kKinds))];
      open_[bank] = c.kind == K::kRead || c.kind == K::kWrite;
    } else if (below(8) == 0) {
      c.kind = rank_is_shut(c.rank) ? K::kRefresh : K::kRefreshBank;
    } else {
      c.kind = K::kActivate;
      open_[bank] = true;
    }
    return c;
  }

  Cycle draw_cycle(const std::vector<Command>& log, const Command& command) {
    const Cycle last = log.empty() ? 0 : log.back().cycle;
    const Cycle earliest = std::max(last, oracle_.earliest(log, log.size(), command));
    const unsigned dice = below(10);
    if (dice < 6) return earliest;
    if (dice < 8) return earliest + below(40);
    const Cycle early = 1 + below(3);
    return std::max(last, earliest > early ? earliest - early : 0);
  }

  DeviceGeometry geometry_;
  TimingOracle oracle_;
  std::mt19937 random_;
  std::vector<bool> open_;
};

}  // namespace

TEST_CASE("the checker objects to just those commands that the oracle finds too early") {
  const unsigned seed = GENERATE(range(0U, 60U));
  INFO("seed " << seed);
  DeviceConfig device = drawn_device(seed);
  device.timing.tREFI = 0;
  const TimingOracle oracle(device);
  const std::vector<Command> log = LogDrawer(device, seed).draw(800);
  TimingChecker checker(device);
  unsigned early = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const std::uint64_t before = checker.violation_count();
    checker.on_command(log[i]);
    const bool objects = checker.violation_count() > before;
    const Cycle earliest = oracle.earliest(log, i, log[i]);
    if (objects != (log[i].cycle < earliest)) {
      FAIL(describe(log[i]) << " at cycle " << log[i].cycle << ", legal from " << earliest
                            << "; the checker: " << checker.report());
    }
    early += objects ? 1 : 0;
  }
  // Both verdicts have been tested.
  REQUIRE(early > 20);
  REQUIRE(early < log.size() / 2);
}
