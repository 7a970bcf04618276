// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tandem/faults/fault_log.h"
#include "tandem/faults/trigger.h"
#include "tandem/npu/fault_hooks.h"

namespace tandem::faults {

// What goes wrong inside an NPU: give it to Npu::set_faults.
class NpuFaults final : public npu::FaultHooks {
 public:
  struct Rule {
    Kind kind;  // kStuckEngine, kLateCompletion or one of kCorrupt...
    When when;
    std::uint64_t delay_ps = 0;  // kLateCompletion
    std::uint32_t bits = 2;      // kCorrupt...: of a structure, drawn by the seed
    Unit unit = Unit::kMatrix;   // kStuckEngine
  };

  // `where` names the NPU in the log.
  NpuFaults(std::string where, FaultLog& log, std::uint64_t seed);
  // Throws std::invalid_argument for another kind.
  void add(const Rule& rule);

  void descriptor_fetched(Descriptor what, std::uint64_t address, void* data,
                          std::size_t bytes) override;
  void completion_written(std::uint64_t address, abi::Completion& completion) override;
  std::uint64_t completion_delay_ps() override;
  bool hangs(Unit unit) override;
  void reset() override { stuck_.fill(false); }

 private:
  struct Active {
    Rule rule;
    Trigger trigger;
  };
  void corrupt(Kind kind, std::uint64_t address, void* data, std::size_t bytes);
  bool& stuck(Unit unit) { return stuck_[static_cast<std::size_t>(unit)]; }

  const std::string where_;
  FaultLog& log_;
  std::mt19937_64 random_;
  std::vector<Active> rules_;
  std::array<bool, 3> stuck_{};
};

const char* name_of(npu::FaultHooks::Unit unit);

}  // namespace tandem::faults
