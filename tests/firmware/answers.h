// SPDX-License-Identifier: Apache-2.0
// Requests of which every one has another prompt, and what became of them.
#pragma once
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "fake_machine.h"
#include "tandem/firmware/apps/generate.h"

namespace tandem::test {

using Tokens = std::vector<std::uint32_t>;

inline const tandem_firmware& generate() {
  return *tandem_generate_firmware();
}

inline Tokens prompt(std::uint32_t id) {
  return {1, 3 + id, 4 + id};
}

inline void post(FakeMachine& machine, std::uint32_t requests, std::uint32_t tokens) {
  for (std::uint32_t id = 0; id < requests; ++id) machine.post(id, prompt(id), tokens);
}

inline bool answered(const FakeMachine& machine, std::uint32_t id, std::uint32_t tokens) {
  return machine.tokens(id) == FakeNpu::reference(prompt(id), tokens);
}

inline void check_answers(const FakeMachine& machine, std::uint32_t requests,
                          std::uint32_t tokens) {
  for (std::uint32_t id = 0; id < requests; ++id) {
    INFO("request " << id);
    CHECK(answered(machine, id, tokens));
  }
}

// Runs until the firmware has reset the device so often, or has ended.
inline void run_until_reset(FakeMachine& machine, unsigned resets) {
  bool ended = false;
  for (int i = 0; i < 100'000 && machine.npu().resets < resets && !ended; ++i) {
    ended = machine.run(1);
  }
}

// The status that the request failed with.
inline int failure(const FakeMachine& machine, std::uint32_t id) {
  const abi::Record record = machine.last_record(id);
  REQUIRE(record.kind == static_cast<std::uint32_t>(abi::RecordKind::kFailed));
  return static_cast<int>(record.status);
}

inline abi::EndReport end_report(const FakeMachine& machine, std::uint32_t id) {
  abi::EndReport report{};
  const abi::Record record = machine.last_record(id);
  std::memcpy(&report, record.tokens, sizeof report);
  return report;
}

}  // namespace tandem::test
