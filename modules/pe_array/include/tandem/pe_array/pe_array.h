// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tandem/abi/command.h"
#include "tandem/abi/pe_array_registers.h"
#include "tandem/common/agenda.h"
#include "tandem/common/device_control.h"
#include "tandem/common/interrupt_output.h"
#include "tandem/common/register_bank.h"
#include "tandem/common/register_target.h"
#include "tandem/common/systemc.h"
#include "tandem/numerics/weights.h"
#include "tandem/observe/timeline.h"
#include "tandem/pe_array/array_core.h"

namespace tandem::pe_array {

struct DeviceConfig {
  Config array;
  std::uint32_t window_bytes = 256 * 1024;  // of each window, a multiple of 64, at most 1 MiB
  std::uint32_t port_bytes_per_cycle = 64;  // between the bus and the windows
  std::uint64_t register_latency_ps = 10'000;
  unsigned max_outstanding = 8;  // AT transactions in progress

  // Throws std::invalid_argument naming the field, the value and the rule.
  void validate() const;
};

// The PE array as a device of its own, for use without the NPU: registers and windows as
// abi/pe_array_registers.h has them; README.md describes it.
class PeArray : public sc_core::sc_module {
 public:
  PeArray(const sc_core::sc_module_name& name, const DeviceConfig& config);

 private:
  // Declared before the public references to what they contain.
  common::RegisterBank bank_;
  common::RegisterTarget bus_;
  common::InterruptOutput interrupt_;

 public:
  common::RegisterSocket& target;  // kPeWindowBytes of address space
  common::InterruptPort& irq;      // level; may stay unbound
  common::ResetPort reset;         // acts on the rising edge; may stay unbound

  const ArrayCore& core() const { return core_; }
  // Takes effect with the next tile and the next access. Throws like Config::validate().
  void set_clock_period_ps(std::uint64_t period_ps);
  // Records a slice per tile; nullptr: off.
  void set_timeline(observe::Timeline* timeline);

  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;

 private:
  static constexpr std::size_t kWindows = 5;  // 1 MiB apart, in the order of the contract
  enum Window { kWeights, kRemainder, kTables, kInput, kOutput };
  struct Request {
    numerics::TensorLayout layout;
    Dataflow dataflow;
    std::uint32_t vectors;
  };
  struct Refusal {
    abi::Status status;  // kOk: not refused
    std::uint32_t register_offset;
  };
  // A stretch of one window; nullptr outside of all.
  std::uint8_t* locate(std::uint64_t address, std::uint64_t length);
  common::RegisterTarget::WindowResult access_window(
      const common::RegisterTarget::WindowAccess& access);
  unsigned debug_window(common::Payload& payload);

  void set_constants();
  void start();
  Refusal check_state() const;
  Refusal check_registers() const;
  Refusal check_sizes(const Request& request) const;
  Request request() const;
  std::uint64_t scales_offset(const numerics::TensorLayout& layout) const;
  void compute(const Request& request);
  void finish();
  void refuse(const Refusal& refusal);
  void on_reset_pin();
  void reset_device();

  DeviceConfig config_;
  ArrayCore core_;
  common::DeviceControl control_;
  common::Agenda agenda_;
  std::array<std::vector<std::uint8_t>, kWindows> windows_;
  std::vector<std::uint8_t> result_;  // becomes visible in the output window when the tile is done
  bool is_busy_ = false;
  std::uint64_t last_cycles_ = 0;
  std::uint64_t window_free_ps_ = 0;
  std::uint64_t tiles_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t window_bytes_moved_ = 0;
  observe::Timeline* timeline_ = nullptr;
  observe::Timeline::Track track_ = 0;
  observe::Timeline::Name slice_name_ = 0;
};

}  // namespace tandem::pe_array
