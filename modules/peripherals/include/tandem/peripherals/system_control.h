// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "tandem/abi/peripheral_registers.h"
#include "tandem/peripherals/peripheral.h"

namespace tandem::peripherals {

// What firmware says to the platform as a whole (registers: abi::syscon): that it has stopped, and
// text for people.
class SystemControl : public Peripheral {
 public:
  struct Config {
    common::RegisterTarget::Config registers;
    std::size_t log_line_bytes = 1024;  // a longer line is cut into pieces, > 0
    // Throws std::invalid_argument.
    void validate() const;
  };
  using ExitSink = std::function<void(std::uint32_t status)>;
  using ResetSink = std::function<void(std::uint32_t targets)>;
  using LogSink = std::function<void(std::string_view line)>;

  SystemControl(const sc_core::sc_module_name& name, const Config& config);

  // Called when the firmware sets EXIT.STOPPED: once until the next reset.
  void on_exit(ExitSink sink) { exit_ = std::move(sink); }
  // Called when the firmware writes RESET, with what it wrote; acts after the write has been
  // answered.
  void on_reset_request(ResetSink sink) { reset_request_ = std::move(sink); }
  // Called for each line, without its end.
  void on_log(LogSink sink) { log_ = std::move(sink); }

  void collect(observe::StatisticsSink& sink) const override;
  void archive(common::Archive& archive) override {
    Peripheral::archive(archive);
    archive(stopped_, line_, log_bytes_, reset_requests_);
  }

 private:
  void on_reset() override;
  void write_exit(std::uint32_t value);
  void write_log(char byte);
  void flush_log();

  Config config_;
  ExitSink exit_;
  ResetSink reset_request_;
  LogSink log_;
  bool stopped_ = false;
  std::string line_;
  std::uint64_t log_bytes_ = 0;
  std::uint64_t reset_requests_ = 0;
};

}  // namespace tandem::peripherals
