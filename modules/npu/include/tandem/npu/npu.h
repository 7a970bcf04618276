// SPDX-License-Identifier: Apache-2.0
// The NPU: takes commands from queue pairs in memory, runs their programs on its engines and on a
// PIM, and reports through completions and an interrupt. See README.md.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tandem/abi/npu_registers.h"
#include "tandem/common/agenda.h"
#include "tandem/common/archive.h"
#include "tandem/common/device_control.h"
#include "tandem/common/interrupt_output.h"
#include "tandem/common/register_bank.h"
#include "tandem/common/register_target.h"
#include "tandem/npu/config.h"
#include "tandem/npu/core.h"
#include "tandem/npu/queue_pair.h"
#include "tandem/npu/weight_stream.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"
#include "tandem/observe/timeline.h"

namespace tandem::npu {

// Simulated time by the phase label of the oldest command in flight; the parts sum to the total.
struct PhaseTimes {
  std::array<std::uint64_t, abi::kPhases> phase_ps{};
  std::uint64_t idle_ps = 0;  // no command in flight
};

// Where a phase is a number: no command in flight.
constexpr std::uint32_t kIdlePhase = abi::kPhases;

class Npu : public sc_core::sc_module, private QueuePair::Owner {
 public:
  common::ResetPort reset;
  tlm_utils::simple_initiator_socket<Npu> memory;

  Npu(const sc_core::sc_module_name& name, const Config& config);
  ~Npu() override;

  // Bind these: `registers()` takes a driver's accesses, `irq()` may stay unbound.
  common::RegisterTarget::Socket& registers() { return target_.socket; }
  common::InterruptPort& irq() { return irq_.port; }

  const Config& config() const { return core_.config; }
  // Who chooses tokens with Config::timing_only; without one SAMPLE and ACCEPT complete with
  // kNoEngine. Must outlive the NPU.
  void set_oracle(TokenOracle* oracle) { core_.oracle = oracle; }
  void set_timeline(observe::Timeline* timeline);
  void set_choice_listener(ChoiceListener* listener) { core_.choices = listener; }  // null: off
  // What goes wrong; must outlive the NPU. Null: nothing.
  void set_faults(FaultHooks* faults) { core_.faults = faults; }
  // Of the clock before CLOCK_DIVIDER; takes effect as that does.
  void set_clock_period_ps(std::uint64_t period_ps);

  bool idle() const;
  // No command, no access and nothing due.
  bool quiescent() const;
  // When quiescent.
  void archive(common::Archive& archive);
  PhaseTimes phase_times() const;
  // The phase label of the oldest command in flight, or kIdlePhase.
  std::uint32_t phase() const { return in_flight_.empty() ? kIdlePhase : in_flight_.front().phase; }
  // Called with the phase that ends, whenever the phase changes, at that moment of simulated time.
  // Phases may last 0 ps. The function must not call the NPU's other non-const functions.
  void on_phase_end(std::function<void(std::uint32_t)> function) {
    on_phase_end_ = std::move(function);
  }
  std::uint64_t completed_commands() const { return core_.commands; }
  const PassCounters& pass_counters(abi::Phase phase) const {
    return core_.phases[static_cast<std::size_t>(phase)];
  }
  const StageCounters& stage_counters(std::size_t phase, std::size_t stage) const {
    return core_.stages[phase][stage];
  }
  // The same of all hardware, see StageWatch.
  Window phase_window(std::uint32_t phase) const;
  Window stage_window(std::uint32_t phase, std::size_t stage) const;
  // Who knows for how long memory (kMemory) and PIM (kPim) have worked so far, on average over
  // their channels. Called when a command goes on to another stage.
  void set_outside_probe(std::function<BusyTimes()> probe) { core_.outside = std::move(probe); }
  const Link& link() const { return core_.link; }
  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;

 private:
  struct Context {
    std::unique_ptr<WeightStream> stream;
    Program program;
    bool busy = false;
  };
  struct InFlight {
    std::uint64_t serial;
    std::uint32_t phase;
    std::uint64_t begin_ps;
  };

  // QueuePair::Owner
  std::unique_ptr<Execution> try_start(unsigned queue, const abi::Command& command,
                                       Execution::Finished finished) override;
  void ended(unsigned queue, Execution& execution) override;
  void completed(unsigned queue, const abi::Completion& completion, bool interrupt) override;
  bool cancel(std::uint32_t tag) override;
  void report(abi::Status status, std::uint64_t address) override;
  Fault check(const abi::Command& command) const override;
  void defer(std::function<void()> function) override;
  void later(std::uint64_t delay_ps, std::function<void()> function) override;
  FaultHooks* faults() const override { return core_.faults; }

  // npu_registers.cpp
  void map_registers();
  void map_queue_registers();
  void control_queue(unsigned queue, std::uint32_t value);
  void perf_control(std::uint32_t value);
  struct Perf {
    std::uint64_t time_ps = 0, commands = 0, primitives = 0, macs = 0, read_bytes = 0,
                  written_bytes = 0, matrix_ps = 0, vector_ps = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(time_ps, commands, primitives, macs, read_bytes, written_bytes, matrix_ps, vector_ps);
    }
  };
  Perf running_counters() const;
  void write_clock_divider(std::uint32_t value);
  void adopt_clock();
  void settle_cycles();
  void set_periods(std::uint64_t period_ps);

  void collect_stages(std::size_t phase, observe::StatisticsSink& sink) const;
  void collect_window(const Window& window, observe::StatisticsSink& sink) const;
  Context& context_of(unsigned queue, const abi::Command& command);
  void on_reset_pin();
  void reset_device();
  void account();
  void tell_phase();
  tlm::tlm_sync_enum forward(common::Payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  tlm::tlm_sync_enum backward(common::Payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);
  void lt_thread();

  common::Agenda later_, dma_agenda_;
  common::RegisterBank bank_;
  common::RegisterTarget target_;
  common::InterruptOutput irq_;
  common::DeviceControl control_;
  Dma dma_;
  Core core_;
  // One per program context, then one per queue pair for commands that run no program.
  std::vector<Context> contexts_;
  std::vector<std::unique_ptr<QueuePair>> queues_;
  std::vector<InFlight> in_flight_;
  std::uint64_t next_serial_ = 1;
  PhaseTimes times_;
  std::uint64_t accounted_ps_ = 0;
  std::uint32_t told_phase_ = kIdlePhase;
  std::function<void(std::uint32_t)> on_phase_end_;
  Perf perf_base_;  // since when the registers count ...
  struct {
    std::uint64_t elapsed = 0, matrix = 0, vector = 0;
  } perf_cycles_;  // ... and what they had counted by then, at another clock
  std::uint64_t undivided_period_ps_{core_.config.clock_period_ps};
  std::uint32_t clock_divider_ = 1;
  sc_core::sc_event lt_request_;
  bool in_reset_ = false;
  std::deque<common::Payload*> lt_queue_;
  std::array<observe::Timeline::Track, 8> queue_tracks_{};
  std::array<observe::Timeline::Name, 8> opcode_names_{};
};

}  // namespace tandem::npu
