// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace tandem::platform::serve {

struct Region {
  std::string name;
  std::uint64_t base;
  std::uint64_t bytes;
  bool memory;  // else registers
};

struct State {
  std::uint64_t time_ps = 0;
  std::uint32_t lines = 0;  // bit per line of the interrupt controller
  bool interrupt = false;   // of the CPU's input
};

struct Access {
  std::uint64_t address = 0;
  bool debug = false;
};

struct AccessResult {
  bool ok = true;
  std::uint64_t error_address = 0;
  std::string reason = {};  // in words
};

// The server was told to end while a request let time pass.
class Stopped : public std::runtime_error {
 public:
  Stopped() : std::runtime_error("the server ends") {}
};

// The platform as requests see it. Calls that let time pass throw Stopped.
class Target {
 public:
  virtual ~Target() = default;
  virtual const std::vector<Region>& regions() const = 0;
  virtual std::uint64_t boot_info() const = 0;
  virtual State state() const = 0;
  virtual AccessResult read(const Access& access, std::vector<std::uint8_t>& data) = 0;
  virtual AccessResult write(const Access& access, const std::vector<std::uint8_t>& data) = 0;
  // At most so long, until the CPU's interrupt input is high.
  virtual void wait_interrupt(std::uint64_t limit_ps) = 0;
  virtual void advance(std::uint64_t ps) = 0;
  virtual void reset() = 0;
};

}  // namespace tandem::platform::serve
