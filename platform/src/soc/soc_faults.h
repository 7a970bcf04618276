// SPDX-License-Identifier: Apache-2.0
// What goes wrong in an SoC: the injectors between its modules.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "tandem/faults/fault_injector.h"
#include "tandem/faults/interrupt_filter.h"
#include "tandem/faults/npu_faults.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// Made while the SoC is; its modules are the SoC's children.
class SocFaults {
 public:
  explicit SocFaults(const Scenario& scenario);

  // Binds an initiator to its target, through an injector if something goes wrong there. `base` is
  // the bus address of the target's address 0.
  template <typename Initiator, typename Target>
  void connect(const char* path, Initiator& from, Target& to) {
    const auto found = ports_.find(path);
    if (found == ports_.end()) {
      from.bind(to);
    } else {
      from.bind(found->second->target);
      found->second->initiator.bind(to);
    }
  }
  // The same of an interrupt.
  template <typename Port>
  void connect_line(const char* path, Port& from, sc_core::sc_signal<bool>& to) {
    const auto found = lines_.find(path);
    if (found == lines_.end()) {
      from(to);
    } else {
      from(found->second->raw);
      found->second->filter.in(found->second->raw);
      found->second->filter.out(to);
    }
  }

  npu::FaultHooks& npu() { return npu_; }
  bool loses_byte();
  const faults::FaultLog& log() const { return log_; }
  // Of what was asked for, what has not happened: "bus_error at cpu.bus".
  std::vector<std::string> missed() const;

 private:
  struct Line {
    Line(const std::string& path, faults::FaultLog& log);
    sc_core::sc_signal<bool> raw;
    faults::InterruptFilter filter;
  };
  void add(std::size_t index, const AddressMap& map);
  faults::FaultInjector& port(const std::string& path, const AddressMap& map);

  const std::vector<FaultConfig> planned_;
  faults::FaultLog log_;
  std::map<std::string, std::unique_ptr<faults::FaultInjector>> ports_;
  std::map<std::string, std::unique_ptr<Line>> lines_;
  faults::NpuFaults npu_;
  std::vector<faults::Trigger> overruns_;
};

}  // namespace tandem::platform
