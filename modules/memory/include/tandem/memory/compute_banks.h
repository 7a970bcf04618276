// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace tandem::memory {

// Timing of banks that compute (PIM), as far as the banks enforce it. Cycles of the device's tCK;
// validated by whoever builds it. README.md explains each rule.
struct ComputeBanks {
  bool dual_row_buffer = false;            // the compute buffer is a second one
  unsigned banks_per_activate = 4;         // opened by one group activate: a bank group, or a rank
  std::uint32_t activate_spacing = 0;      // group activate to any activate of the same rank
  std::uint32_t activate_to_compute = 0;   // tRCD of a column that multiplies
  std::uint32_t compute_spacing = 0;       // compute to compute
  std::uint32_t compute_to_precharge = 0;  // compute or result read to precharge of its row
  std::uint32_t pipeline_computes = 0;     // least length, in computes, of a run before its result
  std::uint32_t result_spacing = 0;        // result read to the next compute or column command
  std::uint32_t buffer_write_cycles = 0;   // kBufferWrite, until computes may use the buffer
  std::uint32_t load_spacing = 0;          // kBufferLoad to kBufferLoad, beyond burst and tCCD_S
  std::uint32_t load_to_compute = 0;       // end of kBufferLoad's data to a compute
  std::uint32_t mode_cycles = 0;           // kMode to any command
};

}  // namespace tandem::memory
