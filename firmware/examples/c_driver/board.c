/* SPDX-License-Identifier: Apache-2.0
 * Registers and control memory. */
#include "c_driver.h"

board open_board(const tandem_hal* hal, const driver* d) {
  board b;
  b.hal = hal;
  b.shared_base = d->boot.shared_base;
  b.shared = (uint8_t*)hal->dma_window(hal->context, d->boot.shared_base, d->boot.shared_bytes);
  b.bus_error = 0;
  return b;
}

uint32_t read_register(board* b, uint64_t address) {
  uint32_t value = 0;
  if (b->hal->read32(b->hal->context, address, &value) != TANDEM_HAL_OK) b->bus_error = 1;
  return value;
}

void write_register(board* b, uint64_t address, uint32_t value) {
  if (b->hal->write32(b->hal->context, address, value) != TANDEM_HAL_OK) b->bus_error = 1;
}

void write_address(board* b, uint64_t address, uint64_t value) {
  write_register(b, address, (uint32_t)value);
  write_register(b, address + 4, (uint32_t)(value >> 32));
}

void* shared(const board* b, uint64_t address) {
  return b->shared + (address - b->shared_base);
}

/* Everything that devices read is aligned to 64 bytes, which is what the strictest of them wants.
 */
uint64_t take_shared(driver* d, uint64_t bytes) {
  const uint64_t address = (d->free_address + 63u) & ~(uint64_t)63u;
  const uint64_t end = d->boot.shared_base + d->boot.shared_bytes;
  if (address > end || bytes > end - address) return 0;
  d->free_address = address + bytes;
  return address;
}
