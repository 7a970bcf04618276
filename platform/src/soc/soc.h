// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "access_log.h"
#include "boot_image.h"
#include "bus_tap.h"
#include "cpu_choice.h"
#include "outcome.h"
#include "request_feeder.h"
#include "request_list.h"
#include "tandem/cpu/control_cpu.h"
#include "tandem/interconnect/crossbar.h"
#include "tandem/memory/sram.h"
#include "tandem/memory/stack.h"
#include "tandem/npu/npu.h"
#include "tandem/observe/phase_ledger.h"
#include "tandem/observe/timeline.h"
#include "tandem/peripherals/interrupt_controller.h"
#include "tandem/peripherals/mailbox.h"
#include "tandem/peripherals/system_control.h"
#include "tandem/peripherals/timer.h"
#include "tandem/peripherals/uart.h"
#include "tandem/pim/pim_stack.h"
#include "tandem/platform/scenario.h"
#include "transcript.h"

namespace tandem::platform {

// The whole platform: control processor with its firmware, NPU, memory (which may compute), control
// memory and peripherals around one bus. Several may run side by side in one kernel; none depends
// on another.
class Soc : public sc_core::sc_module {
 public:
  struct Setup {
    const Scenario& scenario;
    PolicyConfig policy;  // may differ from the scenario's: the baseline's is plain
    const LoadedModel& model;
    const RequestList& requests;
    const tandem_firmware* firmware = nullptr;  // native; nullptr: the app of the scenario
    observe::Timeline* timeline = nullptr;      // nullptr: off
    npu::ChoiceListener* choices = nullptr;     // nullptr: nobody listens
    npu::TokenOracle* oracle = nullptr;         // for timing-only execution
    AccessLog* log = nullptr;                   // nullptr: off
    bool echo = false;                          // the first answer goes to the UART
  };
  struct Listener {
    std::function<void(char)> on_byte;  // sent by the UART
    std::function<void()> on_progress;  // a record has come, or the firmware has stopped
  };

  // Throws UserError if the model does not fit or a module refuses its configuration.
  Soc(const sc_core::sc_module_name& name, const Setup& setup, Listener listener);

  // All requests have ended, or the firmware has stopped.
  bool ended() const { return outcome_ != nullptr; }
  const Transcript& transcript() const { return transcript_; }
  // What the firmware ended with: not kOk if it cannot work on this platform.
  abi::Status firmware_status() const {
    return static_cast<abi::Status>(firmware_exit_.value_or(0));
  }
  // What it has stopped with: a status of the contract, or one of its own.
  std::optional<int> firmware_exit() const { return firmware_exit_; }
  // The register, without side effects; throws InternalError for a block that is not there.
  std::uint32_t read_register(const abi::RegisterBlock& block, std::uint32_t offset);
  // Where its firmware is, for messages; empty if that is not known.
  std::string firmware_position() const { return cpu_->position(); }
  // Of the moment at which the last request ended; if that has not come, of now.
  Outcome outcome(const std::string& unfinished) const;

 private:
  Soc(const sc_core::sc_module_name& name, const Setup& setup, const BootImage& image,
      Listener listener);
  void connect();
  void connect_interrupts();
  void connect_reset();
  void connect_log();
  void on_interrupt_line();
  void record_timeline(observe::Timeline* timeline);
  void load(const BootImage& image);
  void load_program(const BootImage& image);
  void write_memory(std::uint64_t address, const std::vector<std::uint8_t>& bytes);
  void post_requests(const Setup& setup);
  void take_record(const abi::Record& record);
  void on_cpu_finished();
  void on_firmware_stopped(int status, const std::string& fault);
  std::uint64_t prefill_ps() const;
  Outcome measure() const;
  std::string timing_violations() const;  // the first of every channel; empty if there are none
  static std::vector<std::string> phase_names();  // by abi::Phase, then idle
  DriverCost::Part driver_cost() const;           // so far
  std::vector<PhaseTime> phases() const;
  std::vector<StageTime> stages() const;
  std::optional<DeviceGroup> group(std::uint64_t time_ps) const;
  void collect_statistics(observe::StatisticsSink& sink) const;
  // Gives `phase` (an abi::Phase or npu::kIdlePhase) what was spent since the reading before.
  void read_energy(observe::PhaseLedger& ledger, std::uint32_t phase) const;
  std::vector<Utilisation> utilisations(const observe::StatisticsTable& table,
                                        std::uint64_t time_ps) const;
  memory::Stack& dram() { return pim_ ? pim_->memory() : *stack_; }
  const memory::Stack& dram() const { return pim_ ? pim_->memory() : *stack_; }

  const HardwareConfig hardware_;
  const PackedSizes sizes_;
  interconnect::Crossbar bus_;
  const std::optional<FirmwareFile> firmware_;
  std::unique_ptr<cpu::ControlCpu> cpu_;
  npu::Npu npu_;
  memory::Sram sram_;
  std::unique_ptr<memory::Sram> firmware_memory_;  // of the RISC-V form
  std::unique_ptr<memory::Stack> stack_;           // one of these two
  std::unique_ptr<pim::PimStack> pim_;
  peripherals::InterruptController intc_;
  peripherals::Timer timer_;
  peripherals::Uart uart_;
  peripherals::Mailbox mailbox_;
  peripherals::SystemControl syscon_;
  sc_core::sc_vector<sc_core::sc_signal<bool>> lines_;
  sc_core::sc_signal<bool> cpu_irq_;
  sc_core::sc_signal<bool> reset_;

  AccessLog* log_ = nullptr;  // nullptr: off
  std::unique_ptr<BusTap> cpu_tap_, npu_tap_;
  unsigned line_levels_ = 0;  // as they were last logged

  Listener listener_;
  Transcript transcript_;
  DecodeClock decode_clock_;
  std::optional<DriverCost::Part> driver_start_;  // at the first token
  std::unique_ptr<RequestFeeder> feeder_;
  observe::PhaseLedger energy_;
  std::unique_ptr<Outcome> outcome_;
  std::optional<int> firmware_exit_;  // once it has stopped
};

}  // namespace tandem::platform
