// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/common/protocol_checker.h"
#include "tandem/common/register_target.h"
#include "tandem/test/lt_initiator.h"

namespace tandem::test {

constexpr std::uint64_t kPsPerNs = 1000;

// Lets simulated time pass.
inline void run_for_ps(std::uint64_t ps) {
  sc_core::sc_start(common::from_ps(ps));
}
// Lets signals settle without time passing.
inline void settle() {
  for (int i = 0; i < 4; ++i) sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

// A device's registers, driven by an LT initiator through a base-protocol checker.
struct RegisterBus {
  LtInitiator bus{"bus"};
  common::ProtocolChecker checker{"checker"};

  void connect(common::RegisterSocket& registers) {
    bus.socket.bind(checker.target);
    checker.initiator.bind(registers);
  }
};

}  // namespace tandem::test
