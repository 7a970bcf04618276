// SPDX-License-Identifier: Apache-2.0
// The registers that every device has (TANDEM_COMMON_REGISTERS): interrupt raw/mask/status, the
// error log, enable and soft reset.
#pragma once
#include <cstdint>
#include <functional>

#include "tandem/abi/npu_registers.h"
#include "tandem/common/interrupt_output.h"
#include "tandem/common/register_bank.h"

namespace tandem::common {

class DeviceControl {
 public:
  // Installs hooks in `bank`, whose block must begin with TANDEM_COMMON_REGISTERS. The interrupt
  // line is high while RAW and MASK have a bit in common.
  DeviceControl(RegisterBank& bank, InterruptOutput& irq);
  DeviceControl(const DeviceControl&) = delete;
  DeviceControl& operator=(const DeviceControl&) = delete;

  // Called when firmware writes CONTROL.SOFT_RESET: the path of the reset pin.
  void on_soft_reset(std::function<void()> hook) { soft_reset_ = std::move(hook); }
  // Called when CONTROL.ENABLE changes.
  void on_enable(std::function<void(bool)> hook) { enable_ = std::move(hook); }
  // Gives STATUS.BUSY; no side effects.
  void on_busy(std::function<bool()> query) { busy_ = std::move(query); }

  bool enabled() const;
  // Causes stay until firmware clears them in IRQ_STATUS.
  void raise(std::uint32_t causes);
  // Counts an error. Cause and address stay those of the oldest one until ERROR_COUNT is cleared.
  void log_error(std::uint32_t cause, std::uint64_t address);
  std::uint32_t error_count() const { return error_count_; }

  // Clears causes and errors, lowers the interrupt. Call it with RegisterBank::reset(), which puts
  // the stored registers back.
  void reset();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(was_enabled_, raw_, error_count_, error_cause_, error_address_);
  }

 private:
  void write_control(std::uint32_t value);
  void clear_errors();
  void drive_irq();

  RegisterBank& bank_;
  InterruptOutput& irq_;
  std::function<void()> soft_reset_;
  std::function<void(bool)> enable_;
  std::function<bool()> busy_;
  bool was_enabled_ = false;
  std::uint32_t raw_ = 0;
  std::uint32_t error_count_ = 0;
  std::uint32_t error_cause_ = 0;
  std::uint64_t error_address_ = 0;
};

}  // namespace tandem::common
