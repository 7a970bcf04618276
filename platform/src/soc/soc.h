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
#include "reset_lines.h"
#include "soc_faults.h"
#include "story_filter.h"
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
    const BootImage* image = nullptr;  // nullptr: made here; SoCs that are alike may share it
    bool faults = false;               // those of the scenario happen
    bool echo = false;                 // the first answer goes to the UART
    bool resets = true;                // those of the scenario take place
    // Makes what stands in the control processor's place; empty: what the scenario says.
    std::function<std::unique_ptr<cpu::ControlCpu>()> make_cpu{};
    bool held = false;  // nothing runs until a checkpoint has been loaded
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
  // What lies where on the bus.
  std::vector<interconnect::AddressRange> memory_map() const;
  // Memories keep their bytes. Requests that have not ended are given to the firmware again.
  void request_reset(ResetTarget target) { resets_.request(target); }
  // Reads at a bus address, in no time and without side effects; returns how many bytes there were.
  std::size_t peek(std::uint64_t address, void* data, std::size_t bytes);
  // Levels of the interrupt controller's inputs, bit per line.
  std::uint32_t interrupt_lines() const;
  // What it has stopped with: a status of the contract, or one of its own.
  std::optional<int> firmware_exit() const { return firmware_exit_; }
  // The register, without side effects; throws InternalError for a block that is not there.
  std::uint32_t read_register(const abi::RegisterBlock& block, std::uint32_t offset);
  // Where its firmware is, for messages; empty if that is not known.
  std::string firmware_position() const { return cpu_->position(); }
  // Something was made to go wrong, which may be why the firmware has stopped.
  bool had_faults() const { return faults_ && !faults_->log().all().empty(); }
  const HardwareConfig& hardware() const { return hardware_; }
  cpu::ControlCpu& cpu() { return *cpu_; }
  // Nothing with the native form.
  const std::optional<FirmwareFile>& firmware() const { return firmware_; }
  // Of the moment at which the last request ended; if that has not come, of now.
  Outcome outcome(const std::string& unfinished) const;

  // Whether its processor is one that can be saved.
  bool has_save_points() const { return cpu_->has_save_points(); }
  // soc_archive.cpp
  // Calls `hook` once, at the first moment from `from_ps` on at which it can be archived.
  void when_quiescent(std::uint64_t from_ps, std::function<void()> hook);
  // Of what the memories hold before anything runs: boot image and program.
  std::uint64_t hash_of(const BootImage& initial) const;
  // From that hook; or into a new one that is held, at the time of the saving. `initial` is what
  // the memories hold before anything runs.
  void archive(common::Archive& archive, const BootImage& initial);
  // A delta cycle after loading.
  void resume() { cpu_->resume(); }

 private:
  Soc(const sc_core::sc_module_name& name, const Setup& setup, const BootImage& image,
      Listener listener);
  void connect();
  template <typename Initiator, typename Target>
  void connect(const char* path, Initiator& from, Target& to);
  template <typename Initiator, typename Target>
  void connect_initiator(const char* path, std::unique_ptr<BusTap>& tap, const char* name,
                         Initiator& from, Target& to);
  template <typename Port>
  void connect_line(const char* path, Port& from, sc_core::sc_signal<bool>& to);
  void connect_interrupts();
  void connect_reset();
  void begin_anew();
  void take_uart_byte(char byte);
  void connect_log();
  void on_interrupt_line();
  void record_timeline(observe::Timeline* timeline);
  void load(const BootImage& image);
  // Where the contents of the memories are; `firmware` is null without a memory of that kind.
  struct Stores {
    memory::SparseStore& sram;
    memory::SparseStore& dram;
    memory::SparseStore* firmware;
  };
  void load(const BootImage& image, const Stores& stores) const;
  void load_program(const BootImage& image, const Stores& stores) const;
  void write_program(const Stores& stores) const;
  void write(const Stores& stores, std::uint64_t address,
             const std::vector<std::uint8_t>& bytes) const;
  memory::SparseStore* firmware_store() {
    return firmware_memory_ ? &firmware_memory_->store() : nullptr;
  }
  bool quiescent() const;
  void archive_contents(common::Archive& archive, const BootImage& initial);
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
  ResetLines resets_;
  std::optional<StoryFilter> story_;  // if the UART has nothing else to say

  std::unique_ptr<SocFaults> faults_;  // null: nothing goes wrong

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
  std::optional<int> firmware_exit_;  // once it has stopped by itself
};

// What Setup::image may be.
BootImage make_boot_image(const Soc::Setup& setup);

}  // namespace tandem::platform
