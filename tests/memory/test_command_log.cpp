// SPDX-License-Identifier: Apache-2.0
// The scheduler's command log, judged by the timing checker.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "tandem/memory/command_channel.h"
#include "tandem/memory/command_log.h"
#include "tandem/memory/timing_checker.h"
#include "tandem/test/devices.h"
#include "tandem/test/log_mutation.h"
#include "timing_oracle.h"

using namespace tandem::memory;
using tandem::memory::test::drawn_device;
using tandem::memory::test::TimingOracle;

namespace {

constexpr unsigned kSeed = 3;
constexpr Cycle kEndless = 10'000'000;

// Submits requests as fast as the channel takes them, or with pauses, and counts the answers.
class Driver final : public CommandChannel::Client {
 public:
  Driver(const DeviceConfig& device, const ControllerConfig& controller)
      : device_(device), checker_(device), channel_(device, controller, *this) {
    channel_.add_listener(checker_);
    channel_.add_listener(log_);
  }

  void request_done(std::uint64_t, Cycle) override { ++done_; }

  template <class NextRequest>
  void run(unsigned requests, unsigned pause_percent, unsigned seed, NextRequest next_request) {
    std::mt19937 random(seed);
    for (std::uint64_t tag = 0; tag < requests; ++tag) {
      CommandChannel::Request request = next_request(random);
      request.tag = tag;
      if (random() % 100 < pause_percent) advance_before(now_ + random() % 400);
      while (!channel_.accepts(request.is_write)) step();
      channel_.submit(request, now_);
    }
    while (!channel_.idle()) step();
    channel_.catch_up(now_);
    checker_.finish(now_);
    REQUIRE(done_ == requests);
  }

  const TimingChecker& checker() const { return checker_; }
  const std::vector<Command>& log() const { return log_.commands(); }

 private:
  // Does all that is due before `target`; not what is due then.
  void advance_before(Cycle target) {
    while (channel_.next() < target) {
      now_ = std::max(now_, channel_.next());
      channel_.tick(now_);
      if (channel_.next() <= now_) FAIL("no progress at cycle " << now_);
    }
    now_ = std::max(now_, target);
  }
  void step() {
    if (channel_.next() == kNoCycle) FAIL("work is left, but no cycle to do it");
    if (now_ > kEndless) FAIL("work is left for ever");
    advance_before(channel_.next() + 1);
  }

  DeviceConfig device_;
  TimingChecker checker_;
  LogRecorder log_;
  CommandChannel channel_;
  std::uint64_t done_ = 0;
  Cycle now_ = 0;
};

enum class Pattern { kSequential, kRandom, kHotRows, kStride, kOneBank };

struct Traffic {
  Pattern pattern;
  unsigned write_percent;
};

// Requests of a pattern over the banks of a device; columns are lowest in sequential order.
class Requests {
 public:
  Requests(const DeviceGeometry& geometry, Traffic traffic)
      : banks_(geometry.banks()),
        rows_(geometry.rows),
        columns_(geometry.columns()),
        traffic_(traffic) {}

  CommandChannel::Request operator()(std::mt19937& random) {
    const auto any_of = [&random](unsigned count) {
      return std::uniform_int_distribution<unsigned>(0, count - 1)(random);
    };
    CommandChannel::Request request;
    request.is_write = any_of(100) < traffic_.write_percent;
    const unsigned n = number_++;
    request.column = any_of(columns_);
    switch (traffic_.pattern) {
      case Pattern::kSequential:
        request.column = n % columns_;
        request.bank = n / columns_ % banks_;
        request.row = n / columns_ / banks_ % rows_;
        break;
      case Pattern::kStride:
        request.bank = n * 5 % banks_;
        request.row = n / 7 % rows_;
        break;
      case Pattern::kRandom:
        request.bank = any_of(banks_);
        request.row = any_of(rows_);
        break;
      case Pattern::kHotRows:
        request.bank = any_of(banks_);
        request.row = any_of(3);
        break;
      case Pattern::kOneBank:
        request.bank = banks_ - 1;
        request.row = n % 2;
        break;
    }
    return request;
  }

 private:
  unsigned banks_;
  unsigned rows_;
  unsigned columns_;
  Traffic traffic_;
  unsigned number_ = 0;
};

constexpr Traffic kTraffic[] = {
    {Pattern::kSequential, 0}, {Pattern::kSequential, 100}, {Pattern::kSequential, 40},
    {Pattern::kRandom, 0},     {Pattern::kRandom, 50},      {Pattern::kHotRows, 30},
    {Pattern::kStride, 20},    {Pattern::kOneBank, 50},
};

std::vector<ControllerConfig> controllers(const DeviceConfig& device) {
  std::vector<ControllerConfig> all;
  for (const Scheduling scheduling : {Scheduling::kFrFcfs, Scheduling::kFcfs}) {
    for (const PagePolicy page : {PagePolicy::kOpen, PagePolicy::kClosed}) {
      for (const CommandQueues queues : {CommandQueues::kPerBank, CommandQueues::kPerRank}) {
        for (const RefreshMode refresh : {RefreshMode::kAllBank, RefreshMode::kPerBank}) {
          if (refresh == RefreshMode::kPerBank && device.timing.tRFCpb == 0) continue;
          ControllerConfig controller;
          controller.scheduling = scheduling;
          controller.page = page;
          controller.queues = queues;
          controller.refresh = refresh;
          all.push_back(controller);
        }
      }
    }
  }
  return all;
}

void require_clean(const DeviceConfig& device, unsigned requests) {
  INFO(device.name);
  REQUIRE_NOTHROW(device.validate());
  for (const ControllerConfig& controller : controllers(device)) {
    REQUIRE_NOTHROW(controller.validate_with(device));
    for (const Traffic& traffic : kTraffic) {
      for (const unsigned pause_percent : {0U, 5U}) {
        INFO("scheduling " << static_cast<int>(controller.scheduling) << " page "
                           << static_cast<int>(controller.page) << " queues "
                           << static_cast<int>(controller.queues) << " refresh "
                           << static_cast<int>(controller.refresh) << " pattern "
                           << static_cast<int>(traffic.pattern) << " writes "
                           << traffic.write_percent << " pauses " << pause_percent);
        Driver driver(device, controller);
        driver.run(requests, pause_percent, kSeed, Requests(device.geometry, traffic));
        INFO(driver.checker().report());
        CHECK(driver.checker().violation_count() == 0);
      }
    }
  }
}

}  // namespace

TEST_CASE("no schedule of a device breaks a rule") {
  const std::string& name = GENERATE(from_range(tandem::test::device_names()));
  require_clean(tandem::test::device(name), 1500);
}

TEST_CASE("no schedule of a drawn device breaks a rule") {
  const unsigned seed = GENERATE(range(0U, 30U));
  require_clean(drawn_device(seed), 300);
}

namespace {

// Those of the device files, and one without bank groups.
std::vector<DeviceConfig> devices() {
  std::vector<DeviceConfig> all;
  for (const std::string& name : tandem::test::device_names()) {
    all.push_back(tandem::test::device(name));
  }
  DeviceConfig one_group = tandem::test::device("hbm3");
  one_group.name = "hbm3 with one bank group";
  one_group.geometry.banks_per_group *= one_group.geometry.bank_groups;
  one_group.geometry.bank_groups = 1;
  all.push_back(one_group);
  return all;
}

std::vector<Command> log_of(const DeviceConfig& device, const ControllerConfig& controller,
                            const Traffic& traffic) {
  Driver driver(device, controller);
  driver.run(250, 5, kSeed, Requests(device.geometry, traffic));
  return driver.log();
}

// Moves each command of the log one cycle ahead, alone. The checker objects if the oracle does, and
// says so of that command. Returns the rules it names; counts the commands that could not move.
std::size_t judge_moves(const DeviceConfig& device, const std::vector<Command>& log,
                        std::set<std::string>& rules) {
  const TimingOracle oracle(device);
  const bool oracle_knows_all = device.timing.tWCKSYNC == 0;
  std::size_t bound = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (log[i].cycle == 0) continue;
    const tandem::test::MovedCommand moved = tandem::test::move_earlier(log, i);
    TimingChecker checker(device);
    replay(moved.before, checker);
    REQUIRE(checker.violation_count() == 0);
    checker.on_command(moved.command);
    const bool found = checker.violation_count() > 0;
    const bool early =
        moved.command.cycle < oracle.earliest(moved.before, moved.before.size(), moved.command);
    INFO(describe(moved.command) << " moved to cycle " << moved.command.cycle << "\n"
                                 << checker.report());
    if (early || oracle_knows_all) REQUIRE(found == early);
    for (const Violation& violation : checker.violations()) rules.emplace(violation.rule);
    bound += found ? 1 : 0;
  }
  return bound;
}

}  // namespace

TEST_CASE("a command that a rule binds is found when it comes one cycle earlier") {
  std::set<std::string> rules;
  std::size_t commands = 0;
  std::size_t bound = 0;
  for (const DeviceConfig& device : devices()) {
    INFO(device.name);
    for (const ControllerConfig& controller : controllers(device)) {
      if (controller.scheduling != Scheduling::kFrFcfs) continue;
      if (controller.queues != CommandQueues::kPerBank) continue;
      const std::vector<Command> log = log_of(device, controller, {Pattern::kHotRows, 40});
      bound += judge_moves(device, log, rules);
      commands += log.size();
    }
  }
  CAPTURE(commands, bound);
  REQUIRE(bound > commands * 3 / 4);
  for (const char* rule :
       {"free command bus", "data bus", "tCCD_L", "tCCD_S", "tFAW",   "tPPD",    "tRAS",   "tRC",
        "tRCDRD",           "tRCDWR",   "tRFC",   "tRFCpb", "tRP",    "tRRD_L",  "tRRD_S", "tRTP_L",
        "tRTP_S",           "tRTRS",    "tWR",    "tWTR_L", "tWTR_S", "tWCKSYNC"}) {
    INFO(rule);
    CHECK(rules.count(rule) == 1);
  }
}

namespace {

// The name under which the checker reports a parameter: that of the rule it is part of.
std::string rule_of(const TimingField& field) {
  if (field.value == &DeviceTiming::CL) return "tRTRS";
  if (field.value == &DeviceTiming::CWL) return "tWR";
  return field.name();
}

bool breaks(const std::vector<Command>& log, const DeviceConfig& device, const std::string& rule) {
  TimingChecker checker(device);
  replay(log, checker);
  return std::any_of(checker.violations().begin(), checker.violations().end(),
                     [&rule](const Violation& violation) { return violation.rule == rule; });
}

}  // namespace

TEST_CASE("a log is illegal for a device with any parameter one cycle longer") {
  std::set<std::string> binding;
  for (const DeviceConfig& device : devices()) {
    std::vector<std::vector<Command>> logs;
    for (const ControllerConfig& controller : controllers(device)) {
      for (const Traffic& traffic : {kTraffic[2], kTraffic[4], kTraffic[5]}) {
        logs.push_back(log_of(device, controller, traffic));
      }
    }
    for (const TimingField& field : kTimingFields) {
      if (device.timing.*field.value == 0) continue;  // no such rule
      DeviceConfig slower = device;
      slower.timing.*field.value += device.timing.tCK;
      if (std::any_of(logs.begin(), logs.end(), [&](const std::vector<Command>& log) {
            return breaks(log, slower, rule_of(field));
          })) {
        binding.emplace(field.name());
      }
    }
  }
  for (const TimingField& field : kTimingFields) {
    // The unit; and the two that bound from above.
    if (field.value == &DeviceTiming::tCK || field.value == &DeviceTiming::tREFI ||
        field.value == &DeviceTiming::tWCKIDLE) {
      continue;
    }
    INFO(field.path);
    CHECK(binding.count(field.name()) == 1);
  }
}
