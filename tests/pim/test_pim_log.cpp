// SPDX-License-Identifier: Apache-2.0
// Command logs of PIM beside ordinary traffic, judged by the timing checker: as they are, for banks
// with a parameter one cycle longer, and with a command moved one cycle ahead.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "pim_devices.h"
#include "tandem/memory/command_channel.h"
#include "tandem/memory/command_log.h"
#include "tandem/memory/timing_checker.h"
#include "tandem/pim/command_set.h"
#include "tandem/pim/pim_channel.h"
#include "tandem/test/log_mutation.h"

using namespace tandem;
using namespace tandem::test;
using memory::Command;
using memory::ComputeBanks;
using memory::Cycle;

namespace {

constexpr unsigned kTiles = 12;

// PIM and random accesses, also to the rows that PIM computes from, on one channel.
class MixedRun final : private memory::CommandChannel::Client, private pim::PimChannel::Client {
 public:
  MixedRun(const PimSetup& setup, const pim::PimCommandSet& set)
      : channel_(setup.device, setup.controller, *this, set.banks()),
        pim_(set.channel(), channel_, *this),
        geometry_(setup.device.geometry) {
    channel_.add_listener(log_);
  }

  const std::vector<Command>& run(const pim::Operations& operations, unsigned requests) {
    std::mt19937 random(11);
    std::size_t next = 0;
    unsigned sent = 0;
    Cycle now = 0;
    while (next < operations.size() || sent < requests || !channel_.idle()) {
      if (next < operations.size() && pim_.accepts()) pim_.submit(operations[next++], now);
      if (sent < requests && random() % 8 == 0 && submit_request(random, now)) ++sent;
      channel_.tick(now);
      const bool more = next < operations.size() || sent < requests || channel_.idle();
      now = more ? now + 1 : std::max(channel_.next(), now + 1);
      if (now > kTooLong) FAIL("work is left for ever");
    }
    return log_.commands();
  }

 private:
  static constexpr Cycle kTooLong = 10'000'000;

  void request_done(std::uint64_t, Cycle) override {}
  void operation_done(std::uint64_t, Cycle) override {}

  bool submit_request(std::mt19937& random, Cycle now) {
    const auto below = [&random](unsigned count) {
      return std::uniform_int_distribution<unsigned>(0, count - 1)(random);
    };
    memory::CommandChannel::Request request;
    request.is_write = below(3) == 0;
    request.bank = below(geometry_.banks());
    request.row = below(2) == 0 ? below(kTiles) : geometry_.rows - 1 - below(4);
    request.column = below(geometry_.columns());
    if (!channel_.accepts(request.is_write)) return false;
    channel_.submit(request, now);
    return true;
  }

  memory::CommandChannel channel_;
  pim::PimChannel pim_;
  memory::LogRecorder log_;
  memory::DeviceGeometry geometry_;
};

PimSetup raw(PimSetup setup) {
  setup.commands.form = pim::CommandForm::kRaw;
  setup.name += " raw";
  return setup;
}

std::vector<PimSetup> setups() {
  return {neupims(true), neupims(false), raw(neupims(true)), raw(neupims(false)), aim(), hbm_pim()};
}

struct Logged {
  PimSetup setup;
  ComputeBanks banks;
  std::vector<Command> log;
};

Logged logged(const PimSetup& setup, unsigned columns, unsigned requests) {
  const auto set = pim::make_command_set(setup.commands, setup.device, setup.controller);
  pim::Operations operations;
  set->enter(operations);
  set->load_vectors(set->vector_bytes(), operations);
  for (unsigned i = 0; i < kTiles; ++i) {
    pim::Tile tile;
    tile.row = i;
    tile.columns = columns;
    set->tile(tile, operations);
  }
  set->leave(operations);
  MixedRun run(setup, *set);
  return {setup, set->banks(), run.run(operations, requests)};
}

// A long and a short tile of every set-up, with and without ordinary traffic.
std::vector<Logged> all_logged() {
  std::vector<Logged> all;
  for (const PimSetup& setup : setups()) {
    for (const unsigned columns : {2U, 32U}) {
      for (const unsigned requests : {0U, 600U}) {
        INFO(setup.name << ", " << columns << " columns, " << requests << " requests");
        all.push_back(logged(setup, columns, requests));
      }
    }
  }
  return all;
}

struct ComputeField {
  const char* name;
  std::uint32_t ComputeBanks::*value;
};
constexpr ComputeField kComputeFields[] = {
    {"activate_spacing", &ComputeBanks::activate_spacing},
    {"activate_to_compute", &ComputeBanks::activate_to_compute},
    {"compute_spacing", &ComputeBanks::compute_spacing},
    {"compute_to_precharge", &ComputeBanks::compute_to_precharge},
    {"pipeline_computes", &ComputeBanks::pipeline_computes},
    {"result_spacing", &ComputeBanks::result_spacing},
    {"buffer_write_cycles", &ComputeBanks::buffer_write_cycles},
    {"load_spacing", &ComputeBanks::load_spacing},
    {"load_to_compute", &ComputeBanks::load_to_compute},
    {"mode_cycles", &ComputeBanks::mode_cycles},
};

}  // namespace

TEST_CASE("no schedule of PIM beside ordinary traffic breaks a rule") {
  for (const Logged& run : all_logged()) {
    INFO(run.setup.name);
    memory::TimingChecker checker(run.setup.device, run.banks);
    memory::replay(run.log, checker);
    checker.finish(run.log.back().cycle);
    INFO(checker.report());
    CHECK(checker.violation_count() == 0);
    CHECK(checker.command_count() > kTiles);
  }
}

TEST_CASE("a log of PIM is illegal for banks with any parameter one cycle longer") {
  const std::vector<Logged> runs = all_logged();
  for (const ComputeField& field : kComputeFields) {
    const bool binds = std::any_of(runs.begin(), runs.end(), [&field](const Logged& run) {
      if (run.banks.*field.value == 0) return false;
      ComputeBanks slower = run.banks;
      ++(slower.*field.value);
      memory::TimingChecker checker(run.setup.device, slower);
      memory::replay(run.log, checker);
      return checker.violation_count() > 0;
    });
    INFO(field.name);
    CHECK(binds);
  }
}

TEST_CASE("a command of PIM that a rule binds is found when it comes one cycle earlier") {
  std::set<std::string> rules;
  for (const Logged& run : all_logged()) {
    INFO(run.setup.name);
    const std::size_t length = std::min<std::size_t>(run.log.size(), 700);
    std::size_t bound = 0;
    for (std::size_t i = 0; i < length; ++i) {
      if (run.log[i].cycle == 0) continue;
      const MovedCommand moved = move_earlier(run.log, i);
      memory::TimingChecker checker(run.setup.device, run.banks);
      memory::replay(moved.before, checker);
      REQUIRE(checker.violation_count() == 0);
      checker.on_command(moved.command);
      if (checker.violation_count() > 0) ++bound;
      for (const memory::Violation& violation : checker.violations()) rules.emplace(violation.rule);
    }
    CAPTURE(bound, length);
    CHECK(bound > length / 2);
  }
  for (const ComputeField& field : kComputeFields) {
    INFO(field.name);
    CHECK(rules.count(field.name) == 1);
  }
}
