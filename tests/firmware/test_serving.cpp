// SPDX-License-Identifier: Apache-2.0
// Many requests at once: KV pages that run out, prompts beside decoding, requests that never fit.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "fake_machine.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/firmware/apps/generate.h"

using namespace tandem;
using test::FakeMachine;
using test::FakeNpu;
using Tokens = std::vector<std::uint32_t>;

namespace {

constexpr std::uint64_t kPageBytes = 512;  // 16 tokens of the fake's model

const tandem_firmware& generate() {
  return *tandem_generate_firmware();
}

void speculate(FakeMachine& machine, abi::DraftKv kv) {
  machine.policy().policy = static_cast<std::uint32_t>(abi::Policy::kSelfSpeculative);
  machine.policy().draft_kv = static_cast<std::uint32_t>(kv);
}

// Speculation sets memory for a draft's distributions aside, for each sequence.
void give_pages(FakeMachine& machine, std::uint32_t pages) {
  const abi::PolicyBlock& policy = machine.policy();
  const std::uint64_t distributions = policy.policy == 0 ? 0 : policy.draft_length * 32 * 4;
  machine.boot().kv_bytes = pages * kPageBytes + policy.max_batch * distributions;
}

abi::EndReport end_report(const FakeMachine& machine, std::uint32_t id) {
  const abi::Record record = machine.last_record(id);
  REQUIRE(record.kind != static_cast<std::uint32_t>(abi::RecordKind::kTokens));
  abi::EndReport report;
  std::memcpy(&report, record.tokens, sizeof report);
  return report;
}

std::uint32_t status(const FakeMachine& machine, std::uint32_t id) {
  return machine.last_record(id).status;
}

std::uint32_t code(abi::Status status) {
  return static_cast<std::uint32_t>(status);
}

void whole(abi::Request& request) {
  request.flags = abi::kRequestWhole;
}

Tokens prompt_of(std::uint32_t id, std::uint32_t count) {
  Tokens prompt;
  for (std::uint32_t i = 0; i < count; ++i) prompt.push_back(3 + (id * 7 + i * 5) % 29);
  return prompt;
}

}  // namespace

TEST_CASE("with too few pages the youngest wait, and every answer is that of plain decoding") {
  const auto speculative = GENERATE(false, true);
  const auto kv = GENERATE(abi::DraftKv::kOwn, abi::DraftKv::kShared);
  const auto granularity = GENERATE(abi::Granularity::kStep, abi::Granularity::kLayer);
  FakeMachine machine;
  if (speculative) speculate(machine, kv);
  machine.policy().granularity = static_cast<std::uint32_t>(granularity);
  machine.policy().max_batch = 4;
  give_pages(machine, 9);
  for (std::uint32_t i = 0; i < 6; ++i) machine.post(i, prompt_of(i, 5 + 3 * i), 30, whole);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  std::uint32_t preemptions = 0;
  for (std::uint32_t i = 0; i < 6; ++i) {
    CHECK(machine.tokens(i) == FakeNpu::reference(prompt_of(i, 5 + 3 * i), 30));
    preemptions += end_report(machine, i).preemptions;
  }
  CHECK(preemptions > 0);
  CHECK(end_report(machine, 0).preemptions == 0);  // the oldest never waits
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("no page is lost, whatever comes, and whoever fails") {
  const auto seed = GENERATE(range(1u, 13u));
  std::mt19937 random(seed);
  const auto draw = [&random](std::uint32_t from, std::uint32_t to) {
    return from + static_cast<std::uint32_t>(random() % (to - from + 1));
  };
  FakeMachine machine;
  if (seed % 3 != 0) speculate(machine, seed % 2 != 0 ? abi::DraftKv::kOwn : abi::DraftKv::kShared);
  machine.policy().max_batch = draw(1, 7);
  machine.policy().prefill_chunk = draw(1, 20);
  machine.policy().batch_tokens = seed % 4 == 0 ? draw(17, 60) : 0;
  give_pages(machine, draw(6, 16));
  if (seed % 5 == 0) machine.npu().fail_command[draw(5, 40)] = abi::Status::kBusError;
  std::vector<std::uint32_t> lengths;
  std::vector<std::uint32_t> limits;
  for (std::uint32_t id = 0; id < 40; ++id) {
    lengths.push_back(draw(1, 40));
    limits.push_back(draw(1, 24));
    machine.post(id, prompt_of(id, lengths[id]), limits[id], whole);
  }
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  std::uint32_t served = 0;
  for (std::uint32_t id = 0; id < 40; ++id) {
    const abi::EndReport end = end_report(machine, id);
    CHECK(end.kv_pages_most_used <= end.kv_pages);
    if (status(machine, id) != code(abi::Status::kOk)) continue;
    ++served;
    CHECK(machine.tokens(id) == FakeNpu::reference(prompt_of(id, lengths[id]), limits[id]));
  }
  INFO("seed " << seed);
  CHECK(served > 0);
  std::uint32_t most_free = 0;
  for (std::uint32_t id = 0; id < 40; ++id) {
    most_free = std::max(most_free, end_report(machine, id).kv_pages_free);
  }
  CHECK(most_free == end_report(machine, 0).kv_pages);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("a request that can never fit fails alone and at once") {
  FakeMachine machine;
  give_pages(machine, 3);
  machine.policy().max_batch = 4;
  machine.post(0, prompt_of(0, 10), 10, whole);
  machine.post(1, prompt_of(1, 50), 20, whole);  // more than the 64 positions
  machine.post(2, prompt_of(2, 40), 20, whole);  // more than the pages
  machine.post(3, prompt_of(3, 65), 1);          // a prompt beyond the positions
  machine.post(4, prompt_of(4, 60), 4);          // a prompt beyond the pages
  machine.post(5, prompt_of(5, 20), 12, whole);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (const std::uint32_t id : {1u, 2u, 3u, 4u}) {
    CHECK(status(machine, id) == code(abi::Status::kNoSpace));
    CHECK(machine.tokens(id).empty());
    CHECK(end_report(machine, id).started_ns == 0);
    const bool positions = id == 1 || id == 3;
    CHECK(end_report(machine, id).kv_pages_wanted == (positions ? 0 : 4));
  }
  CHECK(machine.tokens(0) == FakeNpu::reference(prompt_of(0, 10), 10));
  CHECK(machine.tokens(5) == FakeNpu::reference(prompt_of(5, 20), 12));
}

TEST_CASE("a long prompt that waits for pages is not overtaken for ever by short ones") {
  FakeMachine machine;
  give_pages(machine, 5);
  machine.policy().max_batch = 8;
  machine.post(0, prompt_of(0, 14), 30, whole);
  machine.post(1, prompt_of(1, 50), 4, whole);
  for (std::uint32_t id = 2; id < 20; ++id) machine.post(id, prompt_of(id, 2), 8, whole);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(end_report(machine, 0).kv_pages_wanted == 0);
  CHECK(end_report(machine, 1).kv_pages_wanted == 4);  // of 5, and the first one holds some
  // Some share the cache with it, but most come after it.
  for (std::uint32_t id = 6; id < 20; ++id) {
    CHECK(machine.last_record(1).time_ns < machine.last_record(id).time_ns);
  }
}

namespace {

// Commands between one token of request 0 and the next, at most.
std::size_t longest_pause(const FakeMachine& machine) {
  std::uint64_t longest = 0;
  std::uint64_t before = 0;
  for (const abi::Record& record : machine.records(0)) {
    if (record.count == 0) continue;
    if (before != 0) longest = std::max(longest, record.time_ns - before);
    before = record.time_ns;
  }
  return longest;
}

}  // namespace

TEST_CASE("decoding goes on while long prompts are taken in, and they while it goes on") {
  const auto speculative = GENERATE(false, true);
  FakeMachine machine;
  if (speculative) speculate(machine, abi::DraftKv::kShared);
  machine.policy().max_batch = 6;
  machine.policy().prefill_chunk = 8;
  machine.policy().batch_tokens = 32;
  machine.post(0, {1, 2}, 60, whole);
  for (std::uint32_t id = 1; id < 12; ++id) machine.post(id, prompt_of(id, 60), 4, whole);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (std::uint32_t id = 1; id < 12; ++id) {
    CHECK(machine.tokens(id) == FakeNpu::reference(prompt_of(id, 60), 4));
  }
  // Request 0 is served in at least every other group: a step of the fake takes 1 us, a round 2.
  CHECK(longest_pause(machine) <= (speculative ? 4'000 : 2'000));
  // And prompts do not wait for its end.
  CHECK(machine.last_record(5).time_ns < machine.last_record(0).time_ns);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("no command has more rows than the token budget") {
  FakeMachine machine;
  machine.policy().max_batch = 8;
  machine.policy().prefill_chunk = 32;
  machine.policy().batch_tokens = 20;
  for (std::uint32_t id = 0; id < 12; ++id) machine.post(id, prompt_of(id, 30), 10, whole);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (std::uint32_t id = 0; id < 12; ++id) {
    CHECK(machine.tokens(id) == FakeNpu::reference(prompt_of(id, 30), 10));
  }
  CHECK(machine.npu().most_rows <= 20);
  CHECK(machine.npu().most_rows > 16);
  CHECK(machine.npu().mixed_commands > 0);
}

TEST_CASE("a cached prompt is not computed: decoding begins at once") {
  FakeMachine machine;
  speculate(machine, GENERATE(abi::DraftKv::kOwn, abi::DraftKv::kShared));
  machine.policy().max_batch = 3;
  for (std::uint32_t id = 0; id < 3; ++id) {
    const Tokens prompt = prompt_of(id, 20 + id);
    machine.npu().preload(id, Tokens(prompt.begin(), prompt.end() - 1));
    machine.post(id, prompt, 12, [](abi::Request& request) {
      request.flags = abi::kRequestWhole | abi::kRequestCached;
    });
  }
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (const abi::Command& command : machine.npu().executed) {
    CHECK(command.phase != static_cast<std::uint32_t>(abi::Phase::kPrefill));
  }
  for (std::uint32_t id = 0; id < 3; ++id) {
    CHECK(machine.tokens(id) == FakeNpu::reference(prompt_of(id, 20 + id), 12));
    CHECK(machine.records(id).front().round == 1);
    CHECK(machine.records(id).front().drafted > 0);
  }
  CHECK(end_report(machine, 2).largest_batch == 3);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("a preempted sequence whose prompt was cached computes it then") {
  FakeMachine machine;
  machine.policy().max_batch = 3;
  give_pages(machine, 7);
  for (std::uint32_t id = 0; id < 3; ++id) {
    const Tokens prompt = prompt_of(id, 30);
    machine.npu().preload(id, Tokens(prompt.begin(), prompt.end() - 1));
    machine.post(id, prompt, 12, [](abi::Request& request) {
      request.flags = abi::kRequestWhole | abi::kRequestCached;
    });
  }
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  std::uint32_t preemptions = 0;
  for (std::uint32_t id = 0; id < 3; ++id) {
    CHECK(machine.tokens(id) == FakeNpu::reference(prompt_of(id, 30), 12));
    preemptions += end_report(machine, id).preemptions;
  }
  CHECK(preemptions > 0);
}

TEST_CASE("a channel that pages cannot be pinned to is refused") {
  FakeMachine machine;
  machine.post(0, {1, 2}, 4, [](abi::Request& request) { request.channel = 1; });
  machine.post(1, {1, 2}, 4);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(status(machine, 0) == code(abi::Status::kBadParameter));
  CHECK(machine.tokens(1).size() == 4);
}

TEST_CASE("512 sequences at once") {
  FakeMachine machine;
  machine.policy().max_batch = 512;
  machine.npu().registers[abi::npu::MAX_ROWS] = 1024;
  machine.npu().registers[abi::npu::ACTIVATION_BYTES] = 1u << 24;
  for (std::uint32_t id = 0; id < 600; ++id) machine.post(id, {1, 3 + id % 29}, 50, whole);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run(1'000'000));
  for (std::uint32_t id = 0; id < 600; ++id) CHECK(machine.tokens(id).size() == 50);
  CHECK(machine.npu().largest_batch == 512);
  CHECK(end_report(machine, 599).largest_batch == 512);
}
