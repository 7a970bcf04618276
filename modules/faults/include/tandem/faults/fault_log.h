// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/observe/statistics.h"

namespace tandem::faults {

enum class Kind {
  kBusError,           // an access is answered with an error and reaches nobody
  kEccCorrected,       // a read takes longer: its data were corrected
  kEccUncorrected,     // a read is answered with an error: its data are lost
  kLostInterrupt,      // a rising edge of an interrupt line is not seen
  kStuckEngine,        // a unit of the NPU stops working until the NPU is reset
  kLateCompletion,     // a command completes later than it ends
  kCorruptCompletion,  // bits of a completion are wrong
  kCorruptCommand,     // of a command, as the NPU fetches it
  kCorruptProgram,     // of a program
  kCorruptTables,      // of a parameter block or batch table
  kUartOverrun,        // a byte is lost though the FIFO has room
};
constexpr std::size_t kKinds = 11;

// As scenarios and results write it: "bus_error".
const char* name_of(Kind kind);

struct Injected {
  std::uint64_t time_ps;
  Kind kind;
  std::string where;
  std::uint64_t address;   // of the access; 0: it has none
  std::uint64_t delay_ps;  // by which something was late
  std::uint32_t id;        // When::id
};

// Everything that was made to go wrong, in order.
class FaultLog {
 public:
  void add(const Injected& fault);
  const std::vector<Injected>& all() const { return all_; }
  std::uint64_t count(Kind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  // Counts of all kinds that have happened. Those of the memory's ECC are always among them.
  void collect(observe::StatisticsSink& sink) const;

 private:
  std::vector<Injected> all_;
  std::array<std::uint64_t, kKinds> counts_{};
};

}  // namespace tandem::faults
