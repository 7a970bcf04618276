// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <functional>

#include "tandem/common/systemc.h"
#include "tandem/cpu/control_cpu.h"

namespace tandem::cpu {

// Takes the control processor's place: whoever embeds the simulator gives the orders, one at a
// time, from outside the kernel or from any of its processes. Only orders let time pass here.
class HostBridge : public ControlCpu {
 public:
  struct Config {
    unsigned burst_bytes = 64;  // longer accesses are split at multiples of it; a power of two
    // Throws std::invalid_argument.
    void validate() const;
  };
  enum class Kind { kRead, kWrite, kWaitInterrupt, kAdvance };
  struct Order {
    Kind kind = Kind::kAdvance;
    std::uint64_t address = 0;      // read, write
    std::uint64_t bytes = 0;        // read, write
    unsigned char* data = nullptr;  // read, write; must live until the order has been done
    std::uint64_t limit_ps = 0;     // wait: at most so long; advance: exactly so long
  };
  struct Result {
    bool ok = true;  // false: the bus answered with an error, and the rest was not accessed
    std::uint64_t error_address = 0;
    tlm::tlm_response_status response = tlm::TLM_OK_RESPONSE;  // of the bus, at error_address
    bool interrupt = false;  // level of the interrupt input at the end
  };
  using Done = std::function<void(const Result&)>;

  tlm_utils::simple_initiator_socket<HostBridge> bus;  // LT, one outstanding access

  HostBridge(const sc_core::sc_module_name& name, const Config& config);

  // Begins in the next delta cycle; `done` is called in the simulation when the order has been
  // done. Throws std::logic_error while another one is in progress.
  void start(const Order& order, Done done);
  bool busy() const { return busy_; }
  // At once and without simulated time; returns how many bytes were accessed.
  std::uint64_t debug_read(std::uint64_t address, unsigned char* data, std::uint64_t bytes);
  std::uint64_t debug_write(std::uint64_t address, const unsigned char* data, std::uint64_t bytes);

  bool interrupt() const { return irq_level(); }
  tlm::tlm_initiator_socket<>& data_bus() override { return bus; }
  Work work() const override;
  void set_timeline(observe::Timeline* timeline) override;
  void collect(observe::StatisticsSink& sink) const override;

 private:
  void run();
  void access(tlm::tlm_command command);
  bool access_burst(tlm::tlm_command command, std::uint64_t offset, std::uint64_t bytes);
  void wait_interrupt();
  std::uint64_t debug(tlm::tlm_command command, std::uint64_t address, unsigned char* data,
                      std::uint64_t bytes);

  const Config config_;
  common::Payload payload_;
  Order order_;
  Done done_;
  Result result_;
  bool busy_ = false;
  sc_core::sc_event started_;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t bus_errors_ = 0;
  std::uint64_t interrupt_waits_ = 0;
  std::uint64_t advances_ = 0;
  std::uint64_t busy_ps_ = 0;
  observe::Timeline* timeline_ = nullptr;
  observe::Timeline::Track track_ = 0;
  observe::Timeline::Name access_name_ = 0;
};

}  // namespace tandem::cpu
