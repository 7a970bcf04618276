// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "tandem/abi/firmware_entry.h"
#include "tandem/common/alarm.h"
#include "tandem/common/systemc.h"
#include "tandem/cpu/control_cpu.h"
#include "tandem/cpu/dmi_cache.h"

namespace tandem::cpu {

// Runs firmware that is compiled into the simulator: `init` once after reset, then `step` until it
// says that it is done. Firmware code itself takes no time; each call of its HAL and each step
// costs a stated time, each bus access what the bus says.
class NativeCpu : public ControlCpu {
 public:
  struct Config {
    std::uint64_t boot_info_address = 0x1000'0000;
    std::uint64_t hal_call_ps = 10'000;         // each HAL call and each step, > 0
    std::uint64_t relax_ps = 100'000;           // relax() lets this pass, > 0
    std::uint64_t quantum_ps = 1'000'000;       // the CPU runs ahead of the kernel at most so far
    std::uint64_t wake_up_ps = 1'000'000'000;   // longest sleep after a step that returns WAIT, > 0
    std::function<void(std::string_view)> log;  // receives HAL log texts; empty: dropped

    // Throws std::invalid_argument naming the field, its value and the rule.
    void validate() const;
  };

  tlm_utils::simple_initiator_socket<NativeCpu> bus;  // LT, one outstanding access, DMI

  // The firmware's table must outlive the module.
  NativeCpu(const sc_core::sc_module_name& name, const tandem_firmware& firmware,
            const Config& config);

  // finished(): step() has returned DONE or init() has failed; exit_status() is what init()
  // returned.
  tlm::tlm_initiator_socket<>& data_bus() override { return bus; }

  Work work() const override;
  void set_timeline(observe::Timeline* timeline) override;
  void collect(observe::StatisticsSink& sink) const override;
  bool has_save_points() const override { return true; }
  void archive(common::Archive& archive) override;

 private:
  struct Counters {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t bus_errors = 0;
    std::uint64_t windows = 0;
    std::uint64_t barriers = 0;
    std::uint64_t relaxes = 0;
    std::uint64_t irq_waits = 0;
    std::uint64_t clock_reads = 0;
    std::uint64_t logs = 0;
    std::uint64_t steps = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t resets = 0;
    std::uint64_t busy_ps = 0;
    std::uint64_t idle_ps = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(reads, writes, bus_errors, windows, barriers, relaxes, irq_waits, clock_reads, logs);
      archive(steps, interrupts, resets, busy_ps, idle_ps);
    }
  };

  void run();
  void live();
  void begin_firmware();
  void run_firmware();
  void on_reset();
  void invalidate_dmi(sc_dt::uint64 first, sc_dt::uint64 last);

  tandem_hal make_hal();
  int access(tlm::tlm_command command, std::uint64_t address, std::uint32_t& value);
  void* window(std::uint64_t address, std::uint64_t bytes);
  bool sleep(std::uint64_t limit_ps);
  void begin_call(std::uint64_t& counter);
  void spend(std::uint64_t ps);
  void synchronise();
  void end_slice();

  const tandem_firmware& firmware_;
  Config config_;
  tandem_hal hal_;
  std::vector<std::byte> arena_;
  common::Payload payload_;
  DmiCache dmi_;
  sc_core::sc_time ahead_;  // local time minus kernel time
  bool aborted_ = false;    // reset came: the firmware's current call is to return soon
  int init_status_ = 0;
  int next_ = TANDEM_STEP_AGAIN;  // what the last step has asked for
  sc_core::sc_event reset_event_;
  sc_core::sc_event time_is_up_;
  common::Alarm wake_{[this] { time_is_up_.notify(); }};
  Counters counters_;
  observe::Timeline* timeline_ = nullptr;
  observe::Timeline::Track track_ = 0;
  observe::Timeline::Name slice_name_ = 0;
  std::uint64_t slice_begin_ps_ = 0;
};

}  // namespace tandem::cpu
