// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "tandem/common/archive.h"
#include "tandem/common/systemc.h"
#include "tandem/observe/statistics.h"
#include "tandem/observe/timeline.h"

namespace tandem::cpu {

// The processor that runs the firmware, in whatever form: what a platform wires and asks.
class ControlCpu : public sc_core::sc_module {
 public:
  // What the firmware has cost so far.
  struct Work {
    std::uint64_t instructions = 0;  // 0 where they are not counted
    std::uint64_t bus_accesses = 0;  // to registers
    std::uint64_t interrupts = 0;
    std::uint64_t interrupt_latency_ps = 0;  // from line to firmware, all interrupts together
    std::uint64_t busy_ps = 0;
  };

  common::ResetPort irq;    // level, active high; optional
  common::ResetPort reset;  // active high; optional

  virtual tlm::tlm_initiator_socket<>& data_bus() = 0;
  // nullptr where instructions do not come over a bus.
  virtual tlm::tlm_initiator_socket<>* fetch_bus() { return nullptr; }

  // nullptr where the timer's interrupt comes with all others, by `irq`.
  virtual common::ResetPort* timer_irq_port() { return nullptr; }

  // True once the firmware cannot go on, or is known to have ended, until the next reset.
  bool finished() const { return finished_; }
  // 0 when it went well, else a status code of the contract; meaningless with a fault.
  int exit_status() const { return exit_status_; }
  // Why the processor cannot go on; empty if it could.
  const std::string& fault() const { return fault_; }
  // Notified when finished() becomes true.
  const sc_core::sc_event& finished_event() const { return finished_event_; }

  virtual Work work() const = 0;
  // Where the firmware is, for messages; empty where that is not known.
  virtual std::string position() const { return {}; }
  virtual void set_timeline(observe::Timeline* timeline) = 0;
  virtual void collect(observe::StatisticsSink& sink) const = 0;

  // False: this kind of processor cannot be saved.
  virtual bool has_save_points() const { return false; }
  // Called at each moment at which archive() can save the processor, and nothing has to change for
  // it: of native firmware between two steps, of a core between two instructions. It
  // must neither wait nor change the platform.
  void on_save_point(std::function<void()> hook) { at_save_point_ = std::move(hook); }
  // Before the simulation begins: the processor does nothing, until its state has been loaded and
  // resume() lets it go on from its save point. The time is then that of the saving.
  void hold() { held_ = true; }
  void resume() {
    held_ = false;
    resumed_.notify();
  }
  // At a save point, or while held: everything that a processor is to keep beyond `finished`.
  // Derived classes add what they have: memory of their own, registers, counters, local time.
  virtual void archive(common::Archive& archive) { archive(finished_, exit_status_, fault_); }

 protected:
  explicit ControlCpu(const sc_core::sc_module_name& name)
      : sc_module(name), irq("irq"), reset("reset") {}

  void begin_life() {
    finished_ = false;
    exit_status_ = 0;
    fault_.clear();
  }
  void finish(int exit_status, std::string fault = {}) {
    finished_ = true;
    exit_status_ = exit_status;
    fault_ = std::move(fault);
    finished_event_.notify();
  }
  // For the processor's thread, before it does anything: true if its state has been loaded, so that
  // it goes on behind its save point.
  bool await_restore() {
    const bool restored = held_;
    while (held_) wait(resumed_);
    return restored;
  }
  void save_point() {
    if (at_save_point_) at_save_point_();
  }
  bool irq_level() const { return irq.size() > 0 && irq->read(); }
  bool reset_level() const { return reset.size() > 0 && reset->read(); }

 private:
  bool finished_ = false;
  int exit_status_ = 0;
  std::string fault_;
  sc_core::sc_event finished_event_;
  bool held_ = false;
  sc_core::sc_event resumed_;
  std::function<void()> at_save_point_;
};

}  // namespace tandem::cpu
