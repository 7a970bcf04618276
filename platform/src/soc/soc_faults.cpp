// SPDX-License-Identifier: Apache-2.0
#include "soc_faults.h"

#include <algorithm>

#include "fault_plan.h"
#include "tandem/common/systemc.h"
#include "tandem/platform/names.h"

namespace tandem::platform {
namespace {

using faults::Kind;
using Unit = npu::FaultHooks::Unit;

// "npu.memory" -> "faults_npu_memory", a name that SystemC takes.
std::string module_name(const std::string& path) {
  std::string name = "faults_" + path;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

faults::When when_of(const FaultConfig& fault) {
  faults::When when;
  when.from_ps = fault.at_ps;
  if (fault.address) when.range = {*fault.address, *fault.address + (fault.bytes - 1)};
  when.nth = fault.nth;
  when.every = fault.every;
  when.count = fault.count;
  return when;
}

Kind kind_of(FaultKind kind) {
  return static_cast<Kind>(kind);
}
static_assert(static_cast<std::size_t>(FaultKind::kUartOverrun) + 1 == faults::kKinds);

Unit unit_of(const std::string& where) {
  if (where == "npu.matrix") return Unit::kMatrix;
  return where == "npu.sampler" ? Unit::kSampler : Unit::kVector;
}

}  // namespace

SocFaults::Line::Line(const std::string& path, faults::FaultLog& log)
    : raw((module_name(path) + "_raw").c_str()), filter(module_name(path).c_str(), path, log) {}

SocFaults::SocFaults(const Scenario& scenario)
    : planned_(planned_faults(scenario.faults)),
      npu_("npu", log_, scenario.seed ^ scenario.faults.random.seed) {
  for (std::size_t i = 0; i < planned_.size(); ++i) add(i, scenario.platform.address_map);
}

std::vector<std::string> SocFaults::missed() const {
  std::vector<std::string> missed;
  for (std::size_t i = 0; i < planned_.size(); ++i) {
    const bool happened = std::any_of(log_.all().begin(), log_.all().end(),
                                      [i](const auto& fault) { return fault.id == i; });
    if (!happened) {
      missed.push_back(std::string(name_of(planned_[i].kind)) + " at " + planned_[i].where);
    }
  }
  return missed;
}

void SocFaults::add(std::size_t index, const AddressMap& map) {
  const FaultConfig& fault = planned_[index];
  faults::When when = when_of(fault);
  when.id = static_cast<std::uint32_t>(index);
  switch (kind_of(fault.kind)) {
    case Kind::kBusError:
    case Kind::kEccCorrected:
    case Kind::kEccUncorrected:
      return port(fault.where, map).add({kind_of(fault.kind), when, fault.delay_ps.value_or(0)});
    case Kind::kLostInterrupt: {
      std::unique_ptr<Line>& line = lines_[fault.where];
      if (line == nullptr) line = std::make_unique<Line>(fault.where, log_);
      return line->filter.add(when);
    }
    case Kind::kUartOverrun:
      overruns_.emplace_back(when);
      return;
    default:
      return npu_.add({kind_of(fault.kind), when, fault.delay_ps.value_or(0),
                       fault.bits.value_or(kWrongBits), unit_of(fault.where)});
  }
}

// The memories see addresses from 0 on.
faults::FaultInjector& SocFaults::port(const std::string& path, const AddressMap& map) {
  std::unique_ptr<faults::FaultInjector>& port = ports_[path];
  if (port == nullptr) {
    const std::uint64_t base = path == "memory" ? map.dram : path == "sram" ? map.sram : 0;
    port = std::make_unique<faults::FaultInjector>(module_name(path).c_str(), path, log_, base);
  }
  return *port;
}

bool SocFaults::loses_byte() {
  bool lost = false;
  for (faults::Trigger& trigger : overruns_) {
    if (!trigger.fires(common::now_ps())) continue;
    lost = true;
    log_.add({common::now_ps(), Kind::kUartOverrun, "uart", 0, 0, trigger.id()});
  }
  return lost;
}

}  // namespace tandem::platform
