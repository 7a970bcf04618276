// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tandem/abi/command.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/common/agenda.h"
#include "tandem/common/archive.h"
#include "tandem/common/busy_time.h"
#include "tandem/common/device_control.h"
#include "tandem/common/interrupt_output.h"
#include "tandem/common/register_bank.h"
#include "tandem/common/register_target.h"
#include "tandem/common/systemc.h"
#include "tandem/memory/stack.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"
#include "tandem/observe/timeline.h"
#include "tandem/pim/config.h"
#include "tandem/pim/matrix_plan.h"

namespace tandem::pim {

class GemvPlan;
class GemvUnit;
class CommandRunner;
struct ChannelPlan;
struct WeightBytes;

// DRAM that multiplies: a memory::Stack whose banks have MAC units, commanded through registers and
// windows of its own (abi/pim_registers.h; README.md describes behaviour and timing). Ordinary
// traffic goes to memory().target() as if there were no PIM, and shares the channels with it.
class PimStack : public sc_core::sc_module {
 public:
  PimStack(const sc_core::sc_module_name& name, const Config& config);
  ~PimStack() override;

 private:
  // Declared before the public references to what they contain.
  common::RegisterBank bank_;
  common::RegisterTarget bus_;
  common::InterruptOutput interrupt_;

 public:
  common::RegisterSocket& registers;  // kPimWindowBytes of address space
  common::InterruptPort& irq;         // level; may stay unbound
  common::ResetPort reset;            // of the PIM and of the memory; may stay unbound

  memory::Stack& memory() { return stack_; }
  const memory::Stack& memory() const { return stack_; }
  const Config& config() const { return config_; }

  // Takes effect with the next command and the next access. Throws std::invalid_argument as
  // Config::validate() does for clock_period_ps.
  void set_clock_period_ps(std::uint64_t period_ps);
  // One track per channel with a slice per command; nullptr: off. The memory's timeline is its own.
  void set_timeline(observe::Timeline* timeline, const std::string& process);

  // Time with computation in the banks of a channel.
  std::uint64_t busy_ps(unsigned channel) const { return channels_[channel].busy_ps; }
  // The same until now, mean of the channels, once whatever it counts. At command fidelity a
  // command counts when its channel has done it.
  std::uint64_t worked_ps() const;

  // Of the PIM alone; the memory has its own.
  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;

  // No command and no access in progress, neither here nor in the memory.
  bool quiescent() const;
  // When quiescent; without the contents of the memory.
  void archive(common::Archive& archive);

 private:
  using WindowAccess = common::RegisterTarget::WindowAccess;
  using WindowResult = common::RegisterTarget::WindowResult;
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
  struct InFlight {
    std::uint32_t tag;
    abi::Status status;
    std::uint64_t address;                   // of the error
    std::uint64_t result_begin, result_end;  // of the window: between them is what it writes
    std::uint64_t finished_ps;  // by the banks; kUnknown while they work at command fidelity
    std::uint64_t done_ps;      // not before the commands that were accepted earlier; or kUnknown
  };
  // An access that is answered when a command is done.
  struct Held {
    common::Payload* payload;
    std::uint64_t job;
    bool is_result;
    tlm::tlm_response_status status;
  };
  // When the first of a channel's commands for a GEMV can begin, and those behind it.
  struct Issue {
    std::uint64_t start_ps;
    std::uint64_t gap_ps;
  };
  class BankListener;
  struct ChannelCounters {
    std::uint64_t busy_ps = 0;
    common::BusyTime worked;
    std::uint64_t commands = 0;
    PlanCounts counts;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(busy_ps, worked, commands, counts);
    }
  };

  WindowResult access_window(const WindowAccess& access);
  WindowResult access_command(const WindowAccess& access);
  WindowResult access_ram(const WindowAccess& access, std::uint8_t* bytes);
  WindowResult read_results(const WindowAccess& access, std::uint64_t offset);
  void count_times(std::uint64_t times);
  unsigned debug_window(common::Payload& payload);
  void reserve_bus(unsigned channel, std::uint64_t bytes, std::uint64_t begin_ps);
  std::uint64_t transfer(std::uint64_t bytes, std::uint64_t earliest_ps);

  // Jobs are commands, numbered in the order of acceptance, which is the order of completion.
  std::uint64_t next_job() const { return first_job_ + in_flight_.size(); }
  // The last command in flight that writes one of the bytes; kUnknown: none does.
  std::uint64_t writer_of(std::uint64_t offset, std::uint64_t bytes) const;
  bool settled(std::uint64_t job) const { return job < first_job_ + settled_; }
  std::uint64_t done_ps(std::uint64_t job) const;
  void wait_for(std::uint64_t job);
  void enqueue(const abi::PimCommand& command, std::uint64_t arrival_ps, std::uint64_t accepted_ps);
  Issue issue(std::size_t operations, std::uint64_t earliest_ps);
  std::uint64_t run_in_banks(const std::vector<ChannelPlan>& plans, std::uint64_t start_ps);
  std::uint64_t run_in_channel(const ChannelPlan& plan, const Issue& issue);
  void launch(const abi::PimCommand& command, const WeightBytes& weights, std::uint64_t start_ps);
  void finished(std::uint64_t job, std::uint64_t time_ps);
  void settle();
  void answer_held(std::uint64_t job, bool results, std::uint64_t done_ps);
  void channel_busy(unsigned channel, std::uint64_t begin_ps, std::uint64_t end_ps);
  void count(const abi::PimCommand& command);
  void complete();

  std::uint64_t dram_base() const;
  void set_constants();
  std::uint32_t row_open_ps() const;
  void on_reset_pin();
  void reset_device();

  Config config_;
  memory::Stack stack_;
  common::DeviceControl control_;
  common::Agenda agenda_;
  std::unique_ptr<GemvUnit> unit_;
  std::unique_ptr<PimCommandSet> command_set_;
  std::unique_ptr<GemvPlan> plan_;
  // Transaction fidelity only.
  struct ChannelTiming;
  std::vector<ChannelTiming> timing_;
  // Command fidelity only.
  std::unique_ptr<BankListener> listener_;
  std::unique_ptr<CommandRunner> runner_;

  std::uint64_t clock_period_ps_;
  bool in_reset_ = false;
  std::deque<InFlight> in_flight_;
  std::uint64_t first_job_ = 0;  // number of in_flight_.front()
  std::size_t settled_ = 0;      // of in_flight_, whose time of completion is known
  std::vector<Held> held_;       // in order of arrival
  std::uint64_t last_done_ps_ = 0;
  std::uint64_t port_ready_ps_ = 0;
  std::uint64_t path_ready_ps_ = 0;  // CommandPath::kShared

  std::uint64_t times_ = 1;  // that the command being accepted counts
  std::uint64_t commands_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t macs_16_ = 0, macs_8_ = 0, macs_4_ = 0;  // by width of the weights
  std::uint64_t vector_bytes_ = 0;
  std::uint64_t result_bytes_ = 0;
  std::vector<ChannelCounters> channels_;

  observe::Timeline* timeline_ = nullptr;
  std::vector<observe::Timeline::Track> tracks_;
  observe::Timeline::Name slice_name_ = 0;
};

}  // namespace tandem::pim
