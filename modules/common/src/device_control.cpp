// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/device_control.h"

namespace tandem::common {

// These registers lie at the same offsets in every device; the NPU's names stand for all.
namespace regs = abi::npu;

DeviceControl::DeviceControl(RegisterBank& bank, InterruptOutput& irq) : bank_(bank), irq_(irq) {
  bank_.on_write(regs::CONTROL, [this](std::uint32_t, std::uint32_t v) { write_control(v); });
  bank_.on_read(regs::STATUS, [this](std::uint32_t) {
    return regs::STATUS_BUSY.put(busy_ && busy_() ? 1 : 0) |
           regs::STATUS_ERROR.put(error_count_ != 0 ? 1 : 0);
  });
  bank_.on_read(regs::IRQ_RAW, [this](std::uint32_t) { return raw_; });
  bank_.on_read(regs::IRQ_STATUS,
                [this](std::uint32_t) { return raw_ & bank_.get(regs::IRQ_MASK); });
  bank_.on_write(regs::IRQ_MASK, [this](std::uint32_t, std::uint32_t) { drive_irq(); });
  bank_.on_write(regs::IRQ_STATUS, [this](std::uint32_t, std::uint32_t cleared) {
    raw_ &= ~cleared;
    drive_irq();
  });
  bank_.on_read(regs::ERROR_CAUSE, [this](std::uint32_t) { return error_cause_; });
  bank_.on_read(regs::ERROR_ADDRESS_LO,
                [this](std::uint32_t) { return static_cast<std::uint32_t>(error_address_); });
  bank_.on_read(regs::ERROR_ADDRESS_HI,
                [this](std::uint32_t) { return static_cast<std::uint32_t>(error_address_ >> 32); });
  bank_.on_read(regs::ERROR_COUNT, [this](std::uint32_t) { return error_count_; });
  bank_.on_write(regs::ERROR_COUNT, [this](std::uint32_t, std::uint32_t value) {
    if (value == 0) clear_errors();
  });
}

bool DeviceControl::enabled() const {
  return regs::CONTROL_ENABLE.get(bank_.get(regs::CONTROL)) != 0;
}

void DeviceControl::write_control(std::uint32_t value) {
  if (regs::CONTROL_SOFT_RESET.get(value) != 0) {
    // The reset wins over the other bits of the same write.
    bank_.set(regs::CONTROL, 0);
    if (soft_reset_) soft_reset_();
    return;
  }
  bank_.set(regs::CONTROL, value & regs::CONTROL_ENABLE.mask());
  const bool now_enabled = enabled();
  if (now_enabled == was_enabled_) return;
  was_enabled_ = now_enabled;
  if (enable_) enable_(now_enabled);
}

void DeviceControl::raise(std::uint32_t causes) {
  raw_ |= causes;
  drive_irq();
}

void DeviceControl::log_error(std::uint32_t cause, std::uint64_t address) {
  if (error_count_ == 0) {
    error_cause_ = cause;
    error_address_ = address;
  }
  if (error_count_ != ~std::uint32_t{0}) ++error_count_;
}

void DeviceControl::clear_errors() {
  error_count_ = 0;
  error_cause_ = 0;
  error_address_ = 0;
}

void DeviceControl::drive_irq() {
  irq_.set((raw_ & bank_.get(regs::IRQ_MASK)) != 0);
}

void DeviceControl::reset() {
  raw_ = 0;
  was_enabled_ = false;
  clear_errors();
  irq_.set(false);
}

}  // namespace tandem::common
