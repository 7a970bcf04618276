// SPDX-License-Identifier: Apache-2.0
// Numbers of mcause, and fields of mstatus, from the RISC-V privileged specification.
#pragma once
#include <cstdint>

namespace tandem::cpu {

constexpr std::uint64_t kInterruptFlag = std::uint64_t{1} << 63;
constexpr unsigned kTimerInterrupt = 7;
constexpr unsigned kExternalInterrupt = 11;

// Of mstatus: the mode before a trap; the state of the floating-point registers, all on.
constexpr std::uint64_t kStatusMpp = 3u << 11;
constexpr std::uint64_t kStatusFs = 3u << 13;

enum Cause : std::uint32_t {
  kMisalignedFetch = 0,
  kFetchFault = 1,
  kIllegalInstruction = 2,
  kBreakpoint = 3,
  kMisalignedLoad = 4,
  kLoadFault = 5,
  kMisalignedStore = 6,
  kStoreFault = 7,
  kUserCall = 8,
  kMachineCall = 11,
};

}  // namespace tandem::cpu
