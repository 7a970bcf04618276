// SPDX-License-Identifier: Apache-2.0
// The app `generate` against an NPU that knows tokens only.
#include <algorithm>
#include <catch2/catch.hpp>

#include "fake_machine.h"
#include "tandem/firmware/apps/generate.h"

using namespace tandem;
using test::FakeMachine;
using test::FakeNpu;
using Tokens = std::vector<std::uint32_t>;

namespace {

const tandem_firmware& generate() {
  return *tandem_generate_firmware();
}

void speculate(FakeMachine& machine, abi::DraftKv kv = abi::DraftKv::kOwn) {
  machine.policy().policy = static_cast<std::uint32_t>(abi::Policy::kSelfSpeculative);
  machine.policy().draft_kv = static_cast<std::uint32_t>(kv);
}

void require_clean(const FakeNpu& npu) {
  REQUIRE(npu.complaints == std::vector<std::string>{});
}

std::uint32_t failure(FakeMachine& machine, std::uint32_t id) {
  const abi::Record record = machine.last_record(id);
  REQUIRE(record.kind == static_cast<std::uint32_t>(abi::RecordKind::kFailed));
  return record.status;
}

std::uint32_t code(abi::Status status) {
  return static_cast<std::uint32_t>(status);
}

}  // namespace

TEST_CASE("plain decoding gives the target's tokens and ends at the limit") {
  FakeMachine machine;
  const Tokens prompt{1, 5, 9, 4, 7, 11};
  machine.post(42, prompt, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.tokens(42) == FakeNpu::reference(prompt, 20));
  const abi::Record end = machine.last_record(42);
  CHECK(end.kind == static_cast<std::uint32_t>(abi::RecordKind::kFinished));
  CHECK(end.stop_reason == static_cast<std::uint32_t>(abi::StopReason::kLength));
  require_clean(machine.npu());
}

TEST_CASE("every way of speculating gives the tokens of plain decoding") {
  const auto kv = GENERATE(abi::DraftKv::kOwn, abi::DraftKv::kShared);
  const auto granularity = GENERATE(abi::Granularity::kStep, abi::Granularity::kLayer);
  const auto length = GENERATE(1u, 2u, 5u, 16u);
  const auto batch = GENERATE(1u, 3u);
  const auto interrupts = GENERATE(0u, 1u);
  FakeMachine machine;
  speculate(machine, kv);
  machine.policy().granularity = static_cast<std::uint32_t>(granularity);
  machine.policy().draft_length = length;
  machine.policy().max_batch = batch;
  machine.policy().use_interrupts = interrupts;
  const std::vector<Tokens> prompts{{1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {6, 6}, {1, 30, 3, 31}};
  for (std::uint32_t i = 0; i < prompts.size(); ++i) machine.post(i, prompts[i], 11 + 7 * i);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (std::uint32_t i = 0; i < prompts.size(); ++i) {
    CHECK(machine.tokens(i) == FakeNpu::reference(prompts[i], 11 + 7 * i));
  }
  CHECK(machine.npu().largest_batch == batch);
  require_clean(machine.npu());
}

TEST_CASE("with its own KV cache the draft takes two tokens in after full acceptance") {
  FakeMachine machine;
  speculate(machine);
  machine.policy().draft_length = 2;
  const Tokens prompt{1, 2, 3, 4, 5, 6};
  machine.post(0, prompt, 40);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  require_clean(machine.npu());

  bool full = false;
  std::size_t round = 0;
  std::size_t twos = 0;
  for (const abi::Record& record : machine.records(0)) {
    if (record.drafted == 0) continue;
    CHECK(machine.npu().draft_pending.at(round) == (full ? 2u : 1u));
    twos += full;
    full = record.accepted == record.drafted;
    ++round;
  }
  CHECK(twos > 0);
  CHECK(twos < round);
}

TEST_CASE("with a shared KV cache one token is always pending") {
  FakeMachine machine;
  speculate(machine, abi::DraftKv::kShared);
  machine.post(0, {1, 2, 3}, 40);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (const std::uint32_t pending : machine.npu().draft_pending) CHECK(pending == 1);
  require_clean(machine.npu());
}

TEST_CASE("an early stop still verifies the token that was not trusted") {
  const auto granularity = GENERATE(abi::Granularity::kStep, abi::Granularity::kLayer);
  FakeMachine machine;
  speculate(machine);
  machine.policy().granularity = static_cast<std::uint32_t>(granularity);
  machine.policy().draft_length = 8;
  machine.policy().stop_below = 0x3E80'0000;  // 0.25
  machine.npu().stop_draft_after = 3;
  machine.post(0, {1, 2, 3}, 30);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference({1, 2, 3}, 30));
  std::uint32_t most = 0;
  for (const abi::Record& record : machine.records(0)) most = std::max(most, record.drafted);
  CHECK(most == 3);
  require_clean(machine.npu());
}

TEST_CASE("no round drafts beyond a sequence's remaining tokens, whatever the others want") {
  const auto granularity = GENERATE(abi::Granularity::kStep, abi::Granularity::kLayer);
  FakeMachine machine;
  speculate(machine);
  machine.policy().granularity = static_cast<std::uint32_t>(granularity);
  machine.policy().draft_length = 8;
  machine.policy().max_batch = 3;
  const std::uint32_t limits[] = {13, 4, 40};
  for (std::uint32_t i = 0; i < 3; ++i) machine.post(i, {1, 2, 3 + i}, limits[i]);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (std::uint32_t i = 0; i < 3; ++i) {
    std::uint32_t emitted = 0;
    for (const abi::Record& record : machine.records(i)) {
      if (record.count == 0) continue;
      CHECK(record.drafted <= limits[i] - emitted - 1);
      emitted += record.count;
    }
    CHECK(emitted == limits[i]);
  }
  require_clean(machine.npu());
}

TEST_CASE("a stop id ends the answer and is part of it") {
  FakeMachine machine;
  speculate(machine);
  const Tokens all = FakeNpu::reference({1, 2, 3}, 30);
  machine.post(0, {1, 2, 3}, 30, [&](abi::Request& request) {
    request.stop_count = 1;
    request.stop_ids[0] = all[12];
  });
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  const Tokens tokens = machine.tokens(0);
  const auto stop = std::find(all.begin(), all.end(), all[12]);
  CHECK(tokens == Tokens(all.begin(), stop + 1));
  CHECK(machine.last_record(0).stop_reason == static_cast<std::uint32_t>(abi::StopReason::kStopId));
}

TEST_CASE("more requests than sequences are taken as others finish") {
  FakeMachine machine;
  speculate(machine);
  machine.policy().max_batch = 3;
  for (std::uint32_t i = 0; i < 40; ++i) machine.post(i, {1, 3 + i % 20}, 2 + i % 9);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (std::uint32_t i = 0; i < 40; ++i) {
    CHECK(machine.tokens(i) == FakeNpu::reference({1, 3 + i % 20}, 2 + i % 9));
  }
  CHECK(machine.npu().largest_batch == 3);
  require_clean(machine.npu());
}

TEST_CASE("sequences that sample differently are not in one command") {
  FakeMachine machine;
  machine.policy().max_batch = 4;
  for (std::uint32_t i = 0; i < 4; ++i) {
    machine.post(i, {1, 2}, 6, [&](abi::Request& request) {
      request.sampling =
          static_cast<std::uint32_t>(i % 2 == 0 ? abi::Sampling::kGreedy : abi::Sampling::kCoupled);
      request.temperature = 0x3F80'0000;
    });
  }
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.npu().largest_batch == 2);
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(machine.tokens(i).size() == 6);
}

TEST_CASE("two instances run side by side") {
  FakeMachine a;
  FakeMachine b;
  speculate(b);
  a.post(0, {1, 2}, 25);
  b.post(0, {4, 5, 6}, 25);
  REQUIRE(a.start(generate()) == 0);
  REQUIRE(b.start(generate()) == 0);
  bool a_done = false;
  bool b_done = false;
  for (int i = 0; i < 100'000 && !(a_done && b_done); ++i) {
    if (!a_done) a_done = a.run(1);
    if (!b_done) b_done = b.run(1);
  }
  CHECK(a.tokens(0) == FakeNpu::reference({1, 2}, 25));
  CHECK(b.tokens(0) == FakeNpu::reference({4, 5, 6}, 25));
}

TEST_CASE("the UART shows prompt and answer of the first request, however slow it is") {
  FakeMachine machine;
  machine.uart_room = GENERATE(1u, 1000u);
  machine.boot().flags = abi::kBootEchoText;
  machine.policy().max_batch = 2;
  machine.post(5, {1, 7}, 9);
  machine.post(6, {1, 8}, 3);
  machine.post(7, {1, 9}, 3);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  Tokens shown = FakeNpu::reference({1, 7}, 9);
  shown.insert(shown.begin(), 7);
  std::string expected;
  for (const std::uint32_t token : shown) {
    expected += ' ';
    expected += static_cast<char>('A' + token);
  }
  CHECK(machine.uart() == expected.substr(1));  // no space after the beginning
  CHECK(machine.tokens(7).size() == 3);
}

TEST_CASE("a full record ring holds decoding up and loses nothing") {
  FakeMachine machine;
  machine.post(0, {1}, 60);
  for (std::uint32_t i = 1; i < 12; ++i) machine.post(i, {1, i}, 10);
  REQUIRE(machine.start(generate()) == 0);
  machine.record_ring_stuck = true;
  CHECK_FALSE(machine.run(5000));
  machine.record_ring_stuck = false;
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference({1}, 60));
  for (std::uint32_t i = 1; i < 12; ++i) {
    CHECK(machine.tokens(i) == FakeNpu::reference({1, i}, 10));
  }
}

TEST_CASE("an answer ends where the model's positions end") {
  FakeMachine machine;
  speculate(machine);
  machine.post(0, {1, 2, 3, 4}, 1000);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference({1, 2, 3, 4}, 60));
  CHECK(machine.last_record(0).stop_reason == static_cast<std::uint32_t>(abi::StopReason::kLength));
  require_clean(machine.npu());
}

// One sequence comes to the last position while others want to draft on.
TEST_CASE("no draft goes beyond a table of positions, whatever the others want") {
  const auto kv = GENERATE(abi::DraftKv::kOwn, abi::DraftKv::kShared);
  const auto prompt_tokens = GENERATE(range(40u, 60u));
  CAPTURE(prompt_tokens);
  FakeMachine machine;
  speculate(machine, kv);
  machine.policy().draft_length = 8;
  machine.policy().max_batch = 2;
  abi::ModelImage& image = machine.model();
  image.position_kind = static_cast<std::uint32_t>(abi::PositionKind::kLearned);
  abi::TensorEntry& table =
      machine.at<abi::TensorEntry>(image.tensors + image.tensor_count++ * sizeof(abi::TensorEntry));
  table = {};
  table.kind = static_cast<std::uint32_t>(abi::TensorKind::kPositionTable);
  table.format = static_cast<std::uint8_t>(abi::Format::kFp16);
  table.rows = image.max_positions;
  table.columns = image.dim;
  table.stream = image.weights_base + 64;
  machine.npu().positions = image.max_positions;
  const std::vector<std::uint32_t> longest(prompt_tokens, 7);
  machine.post(0, longest, 1000);
  machine.post(1, {1, 2}, 60);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference(longest, image.max_positions - prompt_tokens));
  CHECK(machine.tokens(1) == FakeNpu::reference({1, 2}, 60));
  require_clean(machine.npu());
}

TEST_CASE("a request that is refused has had no rounds, whoever was in its place before") {
  FakeMachine machine;
  machine.policy().max_batch = 1;
  machine.post(0, {1, 2}, 5);
  machine.post(1, {}, 5);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.last_record(0).round > 0);
  CHECK(machine.last_record(1).round == 0);
}

TEST_CASE("a bad request fails alone") {
  FakeMachine machine;
  machine.policy().max_batch = 2;
  machine.post(0, {1, 2}, 5);
  machine.post(1, {1, FakeNpu::kVocabulary}, 5);
  machine.post(2, {}, 5);
  machine.post(3, {1}, 5, [](abi::Request& request) { request.prompt = 0x10; });
  machine.post(4, {1}, 5, [](abi::Request& request) { request.sampling = 3; });
  machine.post(5, {1}, 5, [](abi::Request& request) { request.sampling = 1; });  // temperature 0
  machine.post(6, {1}, 0);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference({1, 2}, 5));
  CHECK(failure(machine, 1) == code(abi::Status::kBadParameter));
  CHECK(failure(machine, 2) == code(abi::Status::kBadParameter));
  CHECK(failure(machine, 3) == code(abi::Status::kBusError));
  CHECK(failure(machine, 4) == code(abi::Status::kBadParameter));
  CHECK(failure(machine, 5) == code(abi::Status::kBadParameter));
  CHECK(machine.last_record(6).kind == static_cast<std::uint32_t>(abi::RecordKind::kFinished));
  CHECK(machine.tokens(6).empty());
}
