// SPDX-License-Identifier: Apache-2.0
#include "tandem/faults/npu_faults.h"

#include <set>
#include <stdexcept>

#include "tandem/common/systemc.h"

namespace tandem::faults {
namespace {

bool happens_in_npu(Kind kind) {
  switch (kind) {
    case Kind::kStuckEngine:
    case Kind::kLateCompletion:
    case Kind::kCorruptCompletion:
    case Kind::kCorruptCommand:
    case Kind::kCorruptProgram:
    case Kind::kCorruptTables:
      return true;
    default:
      return false;
  }
}

Kind corruption_of(npu::FaultHooks::Descriptor what) {
  switch (what) {
    case npu::FaultHooks::Descriptor::kCommand:
      return Kind::kCorruptCommand;
    case npu::FaultHooks::Descriptor::kProgram:
      return Kind::kCorruptProgram;
    case npu::FaultHooks::Descriptor::kTables:
      break;
  }
  return Kind::kCorruptTables;
}

}  // namespace

const char* name_of(npu::FaultHooks::Unit unit) {
  switch (unit) {
    case npu::FaultHooks::Unit::kMatrix:
      return "matrix";
    case npu::FaultHooks::Unit::kVector:
      return "vector";
    case npu::FaultHooks::Unit::kSampler:
      break;
  }
  return "sampler";
}

NpuFaults::NpuFaults(std::string where, FaultLog& log, std::uint64_t seed)
    : where_(std::move(where)), log_(log), random_(seed) {}

void NpuFaults::add(const Rule& rule) {
  if (!happens_in_npu(rule.kind)) {
    throw std::invalid_argument(std::string(name_of(rule.kind)) + " does not happen in an NPU");
  }
  rules_.push_back({rule, Trigger(rule.when)});
}

void NpuFaults::descriptor_fetched(Descriptor what, std::uint64_t address, void* data,
                                   std::size_t bytes) {
  corrupt(corruption_of(what), address, data, bytes);
}

void NpuFaults::completion_written(std::uint64_t address, abi::Completion& completion) {
  corrupt(Kind::kCorruptCompletion, address, &completion, sizeof completion);
}

void NpuFaults::corrupt(Kind kind, std::uint64_t address, void* data, std::size_t bytes) {
  for (Active& active : rules_) {
    if (active.rule.kind != kind || bytes == 0) continue;
    if (!active.trigger.fires(common::now_ps(), address, bytes)) continue;
    auto* const begin = static_cast<std::uint8_t*>(data);
    std::set<std::uint64_t> bits;
    while (bits.size() < active.rule.bits) bits.insert(random_() % (8 * bytes));
    for (const std::uint64_t bit : bits) begin[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    log_.add({common::now_ps(), kind, where_, address, 0, active.trigger.id()});
  }
}

std::uint64_t NpuFaults::completion_delay_ps() {
  std::uint64_t delay_ps = 0;
  for (Active& active : rules_) {
    if (active.rule.kind != Kind::kLateCompletion) continue;
    if (!active.trigger.fires(common::now_ps())) continue;
    delay_ps += active.rule.delay_ps;
    log_.add(
        {common::now_ps(), active.rule.kind, where_, 0, active.rule.delay_ps, active.trigger.id()});
  }
  return delay_ps;
}

bool NpuFaults::hangs(Unit unit) {
  for (Active& active : rules_) {
    if (active.rule.kind != Kind::kStuckEngine || active.rule.unit != unit) continue;
    if (stuck(unit) || !active.trigger.fires(common::now_ps())) continue;
    stuck(unit) = true;
    log_.add({common::now_ps(), active.rule.kind, where_ + "." + name_of(unit), 0, 0,
              active.trigger.id()});
  }
  return stuck(unit);
}

}  // namespace tandem::faults
