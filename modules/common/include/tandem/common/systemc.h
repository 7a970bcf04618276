// SPDX-License-Identifier: Apache-2.0
// SystemC and TLM as the modules use them: 2.3.4 and 3.0, a time resolution of 1 ps (the default).
#pragma once
#include <cstdint>
#include <systemc>
#include <tlm>

// 3.0 needs no declaration before SC_METHOD and deprecates the old one.
#if defined(SYSTEMC_VERSION_MAJOR) && SYSTEMC_VERSION_MAJOR >= 3
#define TANDEM_HAS_PROCESS(module) static_assert(true, "")
#else
#define TANDEM_HAS_PROCESS(module) SC_HAS_PROCESS(module)
#endif

namespace tandem::common {

using Payload = tlm::tlm_generic_payload;

// An active-high reset that may stay unbound.
using ResetPort =
    sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 0, sc_core::SC_ZERO_OR_MORE_BOUND>;
// A level-sensitive interrupt output that may stay unbound.
using InterruptPort =
    sc_core::sc_port<sc_core::sc_signal_inout_if<bool>, 0, sc_core::SC_ZERO_OR_MORE_BOUND>;

inline std::uint64_t to_ps(const sc_core::sc_time& time) {
  return time.value();
}
inline sc_core::sc_time from_ps(std::uint64_t ps) {
  return sc_core::sc_time::from_value(ps);
}
inline std::uint64_t now_ps() {
  return sc_core::sc_time_stamp().value();
}

// Reports an error (which throws) unless the kernel counts in picoseconds.
void require_picosecond_resolution();

// The time at which a caller that runs ahead of the kernel by `delay` stands.
inline std::uint64_t local_time_ps(const sc_core::sc_time& delay) {
  return now_ps() + to_ps(delay);
}

}  // namespace tandem::common
