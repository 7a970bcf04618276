// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <functional>

#include "tandem/abi/peripheral_registers.h"
#include "tandem/common/alarm.h"
#include "tandem/peripherals/peripheral.h"

namespace tandem::peripherals {

// Transmit-only UART (registers: abi::uart). A byte occupies the FIFO from the write until its last
// bit has left; bytes leave one after the other, byte_time_ps each.
class Uart : public Peripheral {
 public:
  struct Config {
    common::RegisterTarget::Config registers;
    unsigned fifo_bytes = 64;                // 1..65536
    std::uint64_t byte_time_ps = 3'333'333;  // start, eight data bits and stop at 3 Mbaud
    // Throws std::invalid_argument.
    void validate() const;
  };
  using ByteSink = std::function<void(char)>;

  Uart(const sc_core::sc_module_name& name, const Config& config);

  // Called at the simulated time at which a byte has been sent.
  void on_byte(ByteSink sink) { sink_ = std::move(sink); }

  // Asked for every byte that there is room for; true: it is lost, as by an overrun.
  void on_write(std::function<bool()> loses) { loses_ = std::move(loses); }

  void collect(observe::StatisticsSink& sink) const override;
  void archive(common::Archive& archive) override;

 private:
  struct Byte {
    char value;
    std::uint64_t sent_ps;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(value, sent_ps);
    }
  };

  void on_reset() override;
  void write_byte(char value);
  void send_due();
  std::size_t occupancy(std::uint64_t at_ps) const;

  Config config_;
  ByteSink sink_;
  std::function<bool()> loses_;
  std::deque<Byte> fifo_;  // in ascending order of sent_ps
  std::uint64_t last_sent_ps_ = 0;
  common::Alarm due_{[this] { send_due(); }};
  std::uint32_t overruns_ = 0;  // as firmware sees them
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_lost_ = 0;
};

}  // namespace tandem::peripherals
