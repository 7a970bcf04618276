// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/hal.h"
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

// The HAL with C++ names, and the window onto the control memory that devices share. Made anew in
// every step, so that no host pointer survives in the arena: state keeps bus addresses.
class Machine {
 public:
  explicit Machine(const tandem_hal& hal) : hal_(hal) {}

  // Opens the shared memory; false when the machine has no memory there.
  bool open_shared(u64 base, u64 bytes) {
    shared_base_ = base;
    shared_ = static_cast<u8*>(hal_.dma_window(hal_.context, base, bytes));
    return shared_ != nullptr;
  }

  // 0 after a bus error, which bus_error() remembers. One that goes away when the access is made
  // again does not count: no register of the platform minds being read or written twice.
  u32 read(u64 address) {
    u32 value = 0;
    for (u32 i = 0; i < kAccessTries; ++i) {
      if (hal_.read32(hal_.context, address, &value) == TANDEM_HAL_OK) return value;
      ++failed_accesses_;
    }
    bus_error_ = true;
    return 0;
  }
  void write(u64 address, u32 value) {
    for (u32 i = 0; i < kAccessTries; ++i) {
      if (hal_.write32(hal_.context, address, value) == TANDEM_HAL_OK) return;
      ++failed_accesses_;
    }
    bus_error_ = true;
  }
  // A pair of registers, the lower half first.
  void write_pair(u64 address, u64 value) {
    write(address, low_word(value));
    write(address + 4, high_word(value));
  }
  bool bus_error() const { return bus_error_; }
  void clear_bus_error() { bus_error_ = false; }
  void set_bus_error() { bus_error_ = true; }
  // Accesses that had a bus error, those that were made again with success included.
  u32 failed_accesses() const { return failed_accesses_; }

  // `address` lies in the shared memory, in a block from a RangeAllocator.
  template <typename T>
  T* shared(u64 address) const {
    return reinterpret_cast<T*>(shared_ + (address - shared_base_));
  }
  // Any memory that devices see; null when there is none.
  template <typename T>
  T* window(u64 address, u64 count) const {
    return static_cast<T*>(hal_.dma_window(hal_.context, address, count * sizeof(T)));
  }

  void barrier() const { hal_.barrier(hal_.context); }
  void relax() const { hal_.relax(hal_.context); }
  u64 now_ns() const { return hal_.now_ns(hal_.context); }
  template <std::size_t N>
  void log(const char (&text)[N]) const {
    hal_.log(hal_.context, text, static_cast<u32>(N - 1));
  }

 private:
  static constexpr u32 kAccessTries = 3;

  const tandem_hal& hal_;
  u8* shared_ = nullptr;
  u64 shared_base_ = 0;
  bool bus_error_ = false;
  u32 failed_accesses_ = 0;
};

}  // namespace tandem::firmware
