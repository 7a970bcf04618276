// SPDX-License-Identifier: Apache-2.0
#include "fault_plan.h"

#include <algorithm>
#include <random>

#include "tandem/platform/names.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Kind = FaultKind;

constexpr std::uint64_t kPsPerUs = 1'000'000;
constexpr std::uint64_t kLongestTimeoutUs = 4'000'000'000;
constexpr std::uint64_t kMostNth = 8;  // of drawn faults
constexpr std::uint64_t kLongestDelayPs = 1'000'000'000'000'000;
constexpr std::uint64_t kMostCount = 6;

// Of drawn wrong bits: which the check finds wherever they are, see modules/abi.
std::uint64_t most_bits(Kind kind) {
  return kind == Kind::kCorruptCompletion ? 2 : 3;
}

bool has_delay(Kind kind) {
  return kind == Kind::kEccCorrected || kind == Kind::kLateCompletion;
}

bool has_bits(Kind kind) {
  return kind == Kind::kCorruptCompletion || kind == Kind::kCorruptCommand ||
         kind == Kind::kCorruptProgram || kind == Kind::kCorruptTables;
}

bool has_address(Kind kind) {
  return kind == Kind::kBusError || kind == Kind::kEccCorrected || kind == Kind::kEccUncorrected ||
         has_bits(kind);
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_fault(const FaultConfig& fault, const std::string& key, const FaultFailure& fail) {
  const std::vector<std::string>& places = places_of(fault.kind);
  const std::string kind = name_of(fault.kind);
  if (fault.where.empty() && places.size() > 1) {
    fail(key, kind + " needs a key 'where': " + join_or(places), "");
  }
  if (!fault.where.empty() && !contains(places, fault.where)) {
    fail(key + ".where", kind + " happens at " + join_or(places) + ", got '" + fault.where + "'",
         "");
  }
  if (fault.address && !has_address(fault.kind)) {
    fail(key + ".address", kind + " has no address", "give `at` or `nth`");
  }
  if (fault.address && fault.bytes - 1 > ~*fault.address) {
    fail(key + ".bytes", "reaches beyond the address space", "");
  }
  if (fault.delay_ps && !has_delay(fault.kind)) {
    fail(key + ".delay", "only of late_completion and ecc_corrected, and the kind is " + kind, "");
  }
  if (fault.delay_ps && *fault.delay_ps > kLongestDelayPs) {
    fail(key + ".delay", "must be at most 1000 s", "");
  }
  if (fault.bits && !has_bits(fault.kind)) {
    fail(key + ".bits", "only of corrupt_..., and the kind is " + kind, "");
  }
}

FaultConfig completed(FaultConfig fault) {
  if (fault.where.empty()) fault.where = places_of(fault.kind).front();
  if (!fault.delay_ps && fault.kind == Kind::kEccCorrected) fault.delay_ps = kCorrectionPs;
  if (!fault.delay_ps && fault.kind == Kind::kLateCompletion) fault.delay_ps = kLatenessPs;
  if (!fault.bits && has_bits(fault.kind)) fault.bits = kWrongBits;
  return fault;
}

std::vector<Kind> kinds_of(const RandomFaults& random) {
  std::vector<Kind> kinds;
  for (std::size_t i = 0; i < choices<FaultKind>().size; ++i) {
    const auto kind = static_cast<Kind>(i);
    if (random.kinds.empty() || contains(random.kinds, name_of(kind))) kinds.push_back(kind);
  }
  return kinds;
}

// One draw after the other: the order is part of what a seed means.
FaultConfig drawn(const RandomFaults& random, const std::vector<Kind>& kinds,
                  std::mt19937_64& draw) {
  FaultConfig fault;
  fault.kind = kinds[draw() % kinds.size()];
  const std::vector<std::string>& places = places_of(fault.kind);
  fault.where = places[draw() % places.size()];
  fault.at_ps = draw() % random.within_ps;
  fault.nth = 1 + draw() % kMostNth;
  const bool several = draw() % 4 == 0;
  const std::uint64_t count = 1 + draw() % kMostCount;
  if (several) fault.count = count;
  const std::uint64_t delay_ps = draw() % (3 * kLatenessPs);
  if (fault.kind == Kind::kLateCompletion) fault.delay_ps = delay_ps;
  const auto bits = static_cast<std::uint32_t>(1 + draw() % most_bits(fault.kind));
  if (has_bits(fault.kind)) fault.bits = bits;
  return completed(fault);
}

}  // namespace

const std::vector<std::string>& places_of(FaultKind kind) {
  static const std::vector<std::string> kPorts = {"cpu.bus", "npu.memory", "memory", "sram"};
  static const std::vector<std::string> kMemory = {"memory"};
  static const std::vector<std::string> kLines = {"npu.irq", "mailbox.irq", "cpu.irq"};
  static const std::vector<std::string> kUnits = {"npu.matrix", "npu.vector", "npu.sampler"};
  static const std::vector<std::string> kUart = {"uart"};
  static const std::vector<std::string> kNpu = {"npu"};
  switch (kind) {
    case Kind::kBusError:
      return kPorts;
    case Kind::kEccCorrected:
    case Kind::kEccUncorrected:
      return kMemory;
    case Kind::kLostInterrupt:
      return kLines;
    case Kind::kStuckEngine:
      return kUnits;
    case Kind::kUartOverrun:
      return kUart;
    default:
      return kNpu;
  }
}

void check_faults(const Scenario& scenario, const FaultFailure& fail) {
  const std::uint64_t timeout_ps = scenario.platform.cpu.command_timeout_ps;
  if (timeout_ps % kPsPerUs != 0 || timeout_ps / kPsPerUs > kLongestTimeoutUs) {
    fail("platform.cpu.command_timeout", "expected whole microseconds, at most 4000 s", "");
  }
  const std::vector<FaultConfig>& list = scenario.faults.list;
  for (std::size_t i = 0; i < list.size(); ++i) {
    check_fault(list[i], "faults.list[" + std::to_string(i) + "]", fail);
  }
  if (scenario.faults.present && list.empty() && !scenario.faults.random.present) {
    fail("faults", "expected a list of faults, or `random`", "");
  }
}

std::vector<FaultConfig> planned_faults(const FaultsConfig& config) {
  std::vector<FaultConfig> faults;
  for (const FaultConfig& fault : config.list) faults.push_back(completed(fault));
  if (!config.random.present) return faults;
  const std::vector<Kind> kinds = kinds_of(config.random);
  std::mt19937_64 draw(config.random.seed);
  for (std::uint32_t i = 0; i < config.random.number; ++i) {
    faults.push_back(drawn(config.random, kinds, draw));
  }
  return faults;
}

}  // namespace tandem::platform
