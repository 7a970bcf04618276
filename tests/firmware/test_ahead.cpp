// SPDX-License-Identifier: Apache-2.0
// Drafting ahead: one lane drafts tokens one by one, the other verifies what there is. The fake NPU
// complains when the draft's KV cache is not what it should be.
#include <algorithm>
#include <catch2/catch.hpp>

#include "answers.h"
#include "tandem/firmware/runtime/draft_stream.h"
#include "tandem/firmware/runtime/pace.h"

using namespace tandem;
using namespace tandem::test;

namespace {

void draft_ahead(FakeMachine& machine, std::uint32_t length, std::uint32_t ahead) {
  machine.policy().policy = static_cast<std::uint32_t>(abi::Policy::kSelfSpeculative);
  machine.policy().draft_length = length;
  machine.policy().draft_ahead = ahead;
  machine.policy().max_batch = 6;
}

std::size_t count(FakeMachine& machine, abi::Opcode opcode) {
  std::size_t found = 0;
  for (const abi::Command& command : machine.npu().executed) {
    found += command.opcode == static_cast<std::uint8_t>(opcode);
  }
  return found;
}

}  // namespace

TEST_CASE("drafting ahead: every answer is that of plain decoding, whoever is the slower") {
  const auto length = GENERATE(1u, 4u, 8u);
  const auto ahead = GENERATE(1u, 5u, 8u);
  const auto slow = GENERATE(0u, 1u, 2u);  // lane; 2: none
  const auto control = GENERATE(0u, 1u);
  CAPTURE(length, ahead, slow, control);
  FakeMachine machine;
  draft_ahead(machine, length, ahead);
  machine.policy().draft_control = control;
  machine.policy().use_interrupts = control;
  if (slow < 2) machine.npu().delay_of_queue[slow] = 7;
  post(machine, 9, 30);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  check_answers(machine, 9, 30);
  CHECK(machine.npu().most_in_flight == 2);
  CHECK(count(machine, abi::Opcode::kDraft) > 0);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("drafting ahead: verification that is slow finds more drafts than in turn") {
  const auto verifications = [](std::uint32_t ahead) {
    FakeMachine machine;
    draft_ahead(machine, 2, ahead);
    machine.npu().delay_of_queue[0] = 20;
    machine.post(0, prompt(0), 50);
    REQUIRE(machine.start(generate()) == 0);
    REQUIRE(machine.run());
    CHECK(answered(machine, 0, 50));
    return machine.now_ns();
  };
  CHECK(verifications(4) < verifications(0));
}

TEST_CASE("drafting ahead: what is drafted for nothing is withdrawn and counted") {
  FakeMachine machine;
  draft_ahead(machine, 4, 8);
  machine.npu().delay_of_queue[0] = 30;
  machine.npu().delay_of_queue[1] = 5;
  machine.post(0, prompt(0), 50);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(answered(machine, 0, 50));
  CHECK(machine.npu().cancelled > 0);
  CHECK(end_report(machine, 0).drafts_dropped > 0);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("pre-verification: a wrong token at the head decides a round before its end") {
  const auto interrupts = GENERATE(0u, 1u);
  FakeMachine machine;
  draft_ahead(machine, 4, 2);
  machine.policy().pre_verify = 1;
  machine.policy().use_interrupts = interrupts;
  machine.npu().delay_of_queue = {{0, 120}, {1, 3}};
  machine.post(0, prompt(0), 50);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(answered(machine, 0, 50));
  const abi::EndReport report = end_report(machine, 0);
  CHECK(report.pre_verifications > report.decided_early);
  CHECK(report.decided_early > 0);
  CHECK(machine.npu().cancelled >= report.decided_early);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

// A pre-verification writes into the target's keys and values. Here it takes now and then longer
// than the ones before let expect, and is not to be withdrawn when the round has ended.
TEST_CASE("pre-verification: one of a wrong token has ended before the target goes on") {
  const auto tokens = GENERATE(range(10u, 40u));
  const auto slow = GENERATE(40u, 80u);
  CAPTURE(tokens, slow);
  FakeMachine machine;
  draft_ahead(machine, 4, 2);
  machine.policy().pre_verify = 1;
  machine.npu().cancels_late = true;
  machine.npu().delay_of_queue = {{0, slow}, {1, 2}};
  machine.post(0, prompt(0), tokens);
  REQUIRE(machine.start(generate()) == 0);
  bool done = false;
  for (unsigned i = 0; i < 100'000 && !done; ++i) {
    machine.npu().delay_of_queue[1] = machine.npu().executed.size() % 7 == 0 ? 2 * slow : 2;
    done = machine.run(1);
  }
  REQUIRE(done);
  CHECK(answered(machine, 0, tokens));
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("pre-verification: not where a round would end before it") {
  FakeMachine machine;
  draft_ahead(machine, 4, 2);
  machine.policy().pre_verify = 1;
  machine.npu().delay_of_queue = {{0, 3}, {1, 20}};
  machine.post(0, prompt(0), 50);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(answered(machine, 0, 50));
  CHECK(end_report(machine, 0).pre_verifications == 0);
}

TEST_CASE("pre-verification: a sequence that ends, a lane that hangs") {
  const auto slow = GENERATE(4u, 40u, 120u);
  const auto hangs = GENERATE(0u, 7u, 12u, 25u);
  const auto queue = GENERATE(0u, 1u);
  CAPTURE(slow, hangs, queue);
  FakeMachine machine;
  draft_ahead(machine, 4, 3);
  machine.policy().pre_verify = 1;
  machine.policy().max_batch = 1;
  machine.npu().delay_of_queue = {{0, slow}, {1, 2}};
  if (hangs > 0) machine.npu().swallow_of_queue[queue] = {hangs};
  for (std::uint32_t id = 0; id < 6; ++id) {
    const std::uint32_t stop = FakeNpu::reference(prompt(id), 9).back();
    machine.post(id, prompt(id), 40, [&](abi::Request& request) {
      request.stop_count = 1;
      request.stop_ids[0] = stop;
    });
  }
  REQUIRE(machine.start(generate()) == 0);
  run_until_reset(machine, 1);
  machine.npu().swallow_of_queue.clear();
  REQUIRE(machine.run());
  for (std::uint32_t id = 0; id < 6; ++id) {
    const Tokens answer = machine.tokens(id);
    CHECK_FALSE(answer.empty());
    CHECK(answer == FakeNpu::reference(prompt(id), static_cast<std::uint32_t>(answer.size())));
    CHECK(machine.last_record(id).kind == static_cast<std::uint32_t>(abi::RecordKind::kFinished));
  }
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("drafting ahead: after a token of low confidence it waits for the target") {
  FakeMachine machine;
  draft_ahead(machine, 4, 8);
  machine.policy().stop_below = 0x3E80'0000;  // 0.25f
  machine.npu().stop_draft_after = 2;
  machine.npu().delay_of_queue[0] = 30;
  machine.post(0, prompt(0), 30);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(answered(machine, 0, 30));
  for (const abi::Record& record : machine.records(0)) {
    if (record.kind == static_cast<std::uint32_t>(abi::RecordKind::kTokens)) {
      CHECK(record.drafted <= 2);
    }
  }
  CHECK(end_report(machine, 0).drafts_dropped == 0);
}

TEST_CASE("drafting ahead: a sequence that ends keeps its pages until its DRAFT has ended") {
  FakeMachine machine;
  draft_ahead(machine, 2, 8);
  machine.policy().max_batch = 2;
  machine.npu().delay_of_queue = {{0, 3}, {1, 25}};
  for (std::uint32_t id = 0; id < 12; ++id) {
    const std::uint32_t stop = FakeNpu::reference(prompt(id), 8).back();
    machine.post(id, prompt(id), 40, [&](abi::Request& request) {
      request.stop_count = 1;
      request.stop_ids[0] = stop;
    });
  }
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (std::uint32_t id = 0; id < 12; ++id) {
    const Tokens answer = machine.tokens(id);
    CHECK(answer.size() <= 8);
    CHECK(answer == FakeNpu::reference(prompt(id), static_cast<std::uint32_t>(answer.size())));
  }
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("drafting ahead: sampling by the standard rule decodes plainly") {
  FakeMachine machine;
  draft_ahead(machine, 4, 4);
  machine.post(0, prompt(0), 12, [](abi::Request& request) {
    request.sampling = static_cast<std::uint32_t>(abi::Sampling::kStandard);
    request.temperature = 0x3F80'0000;
  });
  machine.post(1, prompt(1), 12);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(answered(machine, 0, 12));
  CHECK(answered(machine, 1, 12));
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("drafting ahead: when a lane hangs, the device is reset and no token is lost") {
  const auto queue = GENERATE(0u, 1u);
  const auto number = GENERATE(0u, 3u, 8u);
  FakeMachine machine;
  draft_ahead(machine, 4, 5);
  machine.npu().swallow_of_queue[queue] = {number};
  post(machine, 6, 30);
  REQUIRE(machine.start(generate()) == 0);
  run_until_reset(machine, 1);
  REQUIRE(machine.npu().resets == 1);
  machine.npu().swallow_of_queue.clear();
  REQUIRE(machine.run());
  CHECK(machine.npu().resets == 1);
  check_answers(machine, 6, 30);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("drafting ahead: requests whose drafts hang again fail, and no wrong token comes") {
  FakeMachine machine;
  draft_ahead(machine, 4, 5);
  machine.npu().swallow_of_queue[1] = {4};
  post(machine, 4, 30);
  REQUIRE(machine.start(generate()) == 0);
  run_until_reset(machine, 2);
  REQUIRE(machine.npu().resets == 2);
  machine.npu().swallow_of_queue.clear();
  REQUIRE(machine.run());
  unsigned failed = 0;
  for (std::uint32_t id = 0; id < 4; ++id) {
    INFO("request " << id);
    if (answered(machine, id, 30)) continue;
    CHECK(failure(machine, id) == static_cast<int>(abi::Status::kReset));
    ++failed;
  }
  CHECK(failed > 0);
}

// They sample differently, so that no DRAFT is for both.
TEST_CASE("drafting ahead: a DRAFT that hangs once is not to blame for one that hung twice") {
  FakeMachine machine;
  draft_ahead(machine, 4, 5);
  machine.npu().swallow_of_queue[1] = {4};
  machine.post(0, prompt(0), 30);
  machine.post(1, prompt(1), 30, [](abi::Request& request) {
    request.sampling = static_cast<std::uint32_t>(abi::Sampling::kCoupled);
    request.temperature = 0x3F80'0000;
  });
  REQUIRE(machine.start(generate()) == 0);
  run_until_reset(machine, 3);
  REQUIRE(machine.npu().resets == 3);
  machine.npu().swallow_of_queue.clear();
  REQUIRE(machine.run());
  unsigned failed = 0;
  for (std::uint32_t id = 0; id < 2; ++id) failed += !answered(machine, id, 30);
  CHECK(failed == 1);
}

TEST_CASE("drafting ahead: a DRAFT that fails fails its requests, the others are answered") {
  FakeMachine machine;
  draft_ahead(machine, 4, 5);
  machine.policy().max_batch = 2;
  machine.npu().delay_of_queue[0] = 9;  // so that they are being verified at that time
  machine.npu().fail_draft = 12;
  post(machine, 4, 30);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  unsigned failed = 0;
  for (std::uint32_t id = 0; id < 4; ++id) {
    if (answered(machine, id, 30)) continue;
    CHECK(failure(machine, id) == static_cast<int>(abi::Status::kNotANumber));
    ++failed;
  }
  CHECK(failed > 0);
  CHECK(failed < 4);
}

namespace {

Tokens long_prompt(std::uint32_t id) {
  Tokens tokens = prompt(id);
  for (std::uint32_t i = 0; i < (5 - id) * 3; ++i) tokens.push_back(3 + i);
  return tokens;
}

// Lengths differ, so that an older sequence lacks a page while a younger one is drafted for.
void make_pages_short(FakeMachine& machine, std::uint32_t pages) {
  // 16 tokens of 2 layers: keys and values of a head of 4 FP16 elements.
  const std::uint64_t page_bytes = 2ull * 2 * 16 * 4 * 2;
  const std::uint64_t distributions = 4ull * FakeNpu::kVocabulary * 4;
  machine.boot().kv_bytes = pages * page_bytes + 6 * distributions;
  for (std::uint32_t id = 0; id < 6; ++id) machine.post(id, long_prompt(id), 40);
}

}  // namespace

TEST_CASE("drafting ahead: short of pages, sequences wait and none is lost") {
  const auto pages = GENERATE(range(9u, 24u));
  const auto slow = GENERATE(1u, 13u, 40u);
  CAPTURE(pages, slow);
  FakeMachine machine;
  draft_ahead(machine, 4, 8);
  machine.npu().delay_of_queue = {{0, 6}, {1, slow}};
  make_pages_short(machine, pages);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  std::uint32_t preemptions = 0;
  for (std::uint32_t id = 0; id < 6; ++id) {
    INFO("request " << id);
    CHECK(machine.tokens(id) == FakeNpu::reference(long_prompt(id), 40));
    preemptions += end_report(machine, id).preemptions;
  }
  CHECK(preemptions > 0);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

// None of them is what the target says, so that it is not confirmed without having been asked
// about.
TEST_CASE("drafting ahead: every drafted token is verified or counted as dropped") {
  const auto pages = GENERATE(9u, 14u, 22u, 40u);
  const auto fails = GENERATE(false, true);
  CAPTURE(pages, fails);
  FakeMachine machine;
  draft_ahead(machine, 4, 8);
  machine.npu().delay_of_queue = {{0, 6}, {1, 1}};
  machine.npu().drafts_are_wrong = true;
  make_pages_short(machine, pages);
  if (fails) machine.npu().fail_verify = 9;
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  std::uint64_t verified = 0, dropped = 0;
  for (std::uint32_t id = 0; id < 6; ++id) {
    dropped = std::max(dropped, end_report(machine, id).drafts_dropped);
    for (const abi::Record& record : machine.records(id)) verified += record.drafted;
  }
  verified += machine.npu().failed_drafts;
  CHECK(machine.npu().draft_pending.size() == verified + dropped);  // one token each
}

TEST_CASE("drafting ahead: what it cannot be combined with is refused") {
  FakeMachine machine;
  draft_ahead(machine, 4, 5);
  abi::PolicyBlock& policy = machine.policy();
  const auto refused = [&] {
    return machine.start(generate()) == static_cast<int>(abi::Status::kBadParameter);
  };
  SECTION("sub-batches") {
    policy.sub_batches = 2;
    policy.sub_batch_min = 2;
    CHECK(refused());
  }
  SECTION("a shared KV cache") {
    policy.draft_kv = static_cast<std::uint32_t>(abi::DraftKv::kShared);
    CHECK(refused());
  }
  SECTION("a command per layer") {
    policy.granularity = static_cast<std::uint32_t>(abi::Granularity::kLayer);
    CHECK(refused());
  }
  SECTION("more tokens than a draft block takes") {
    policy.draft_ahead = 13;
    CHECK(refused());
  }
  SECTION("control without anything to control") {
    policy.draft_ahead = 0;
    policy.draft_control = 1;
    CHECK(refused());
  }
  SECTION("pre-verification without anything that is free") {
    policy.draft_ahead = 0;
    policy.pre_verify = 1;
    CHECK(refused());
  }
  SECTION("an unknown control") {
    policy.draft_control = 2;
    CHECK(refused());
  }
}

// --- the parts of it ------------------------------------------------------------------------

namespace {

using firmware::DraftControl;
using firmware::DraftStream;

constexpr std::uint32_t kSure = 0x3F7F'0000;    // 0.996f
constexpr std::uint32_t kUnsure = 0x3E80'0000;  // 0.25f

struct Stream {
  Stream() : machine(fake.hal()) {
    REQUIRE(machine.open_shared(FakeMachine::kSharedBase, 0x1000));
    control.start(true);
    stream.block = FakeMachine::kSharedBase;
    stream.clear(10);
    cached = 9;
    target = Tokens(10, 1);
  }
  void draft(std::uint32_t token, std::uint32_t confidence = kSure) {
    stream.prepare(machine);
    auto& block = fake.at<abi::DraftBlock>(stream.block);
    REQUIRE(block.count == stream.count);
    block.tokens[block.count] = token;
    block.confidences[block.count++] = confidence;
    stream.append(machine, control, cached);
  }
  std::uint32_t says(const Tokens& tokens) {
    target.insert(target.end(), tokens.begin(), tokens.end());
    return settle();
  }
  std::uint32_t settle() {
    return stream.settle(machine, target.data(), static_cast<std::uint32_t>(target.size()), control,
                         cached);
  }

  FakeMachine fake;
  firmware::Machine machine;
  DraftControl control;
  DraftStream stream{};
  std::uint32_t cached;  // tokens in the draft's KV cache
  Tokens target;
};

}  // namespace

TEST_CASE("a stream keeps what follows tokens that the target confirms") {
  Stream s;
  for (const std::uint32_t token : {5u, 6u, 7u, 8u}) s.draft(token);
  CHECK(s.cached == 13);
  s.stream.take(s.machine, FakeMachine::kSharedBase + 0x800, 2);
  const auto& taken = s.fake.at<abi::DraftBlock>(FakeMachine::kSharedBase + 0x800);
  CHECK(taken.count == 2);
  CHECK(taken.tokens[1] == 6);
  CHECK(s.says({5, 6, 7}) == 0);
  CHECK(s.stream.count == 1);
  CHECK(s.stream.first == 13);
  CHECK(s.cached == 13);
  s.draft(9);
  CHECK(s.fake.at<abi::DraftBlock>(s.stream.block).tokens[0] == 8);
  CHECK(s.stream.end() == 15);
  CHECK(s.cached == 14);
}

TEST_CASE("a stream is void from the first wrong token on, and the draft's cache with it") {
  Stream s;
  for (const std::uint32_t token : {5u, 6u, 7u, 8u}) s.draft(token);
  s.stream.take(s.machine, FakeMachine::kSharedBase + 0x800, 2);
  SECTION("a token that was verified: two others are lost") {
    CHECK(s.says({5, 9}) == 2);
  }
  SECTION("the one that was not: itself and another are lost") {
    CHECK(s.says({5, 6, 9}) == 2);
  }
  CHECK(s.stream.count == 0);
  CHECK(s.stream.first == s.target.size());
  CHECK(s.cached == s.target.size() - 1);
}

TEST_CASE("a token that is in the making may be the one that the target says") {
  Stream s;
  s.draft(5);
  s.stream.prepare(s.machine);
  auto& block = s.fake.at<abi::DraftBlock>(s.stream.block);
  SECTION("it is") {
    CHECK(s.says({5, 6}) == 0);
    block.tokens[1] = 6;
    block.confidences[1] = kSure;
    CHECK(s.stream.append(s.machine, s.control, s.cached));
    CHECK(s.settle() == 0);
    CHECK(s.cached == 11);
  }
  SECTION("it is not") {
    CHECK(s.says({5, 6}) == 0);
    block.tokens[1] = 7;
    CHECK(s.stream.append(s.machine, s.control, s.cached));
    CHECK(s.settle() == 1);
    CHECK(s.cached == 11);
  }
  SECTION("it follows a wrong one") {
    CHECK(s.says({4}) == 1);
    CHECK(s.stream.stale);
    CHECK_FALSE(s.stream.append(s.machine, s.control, s.cached));
    CHECK(s.cached == 10);
  }
  CHECK(s.stream.count == 0);
  CHECK(s.stream.first == s.target.size());
}

TEST_CASE(
    "control closes a stream where tokens like the last ones were wrong, and opens it again") {
  Stream s;
  // Wrong twice after two unsure tokens.
  for (int round = 0; round < 2; ++round) {
    for (const std::uint32_t token : {5u, 6u, 7u}) s.draft(token, kUnsure);
    REQUIRE(s.stream.count == 3);
    s.says({5, 6, 9});
    // Until grades of what was confirmed are the same again.
    for (int i = 0; i < 8; ++i) {
      s.draft(5, kSure);
      s.says({5});
    }
  }
  for (const std::uint32_t token : {5u, 6u}) s.draft(token, kUnsure);
  CHECK(s.stream.closed);
  s.says({5, 6});
  CHECK_FALSE(s.stream.closed);
}

TEST_CASE("there is time for rows until a verification is likely to end") {
  firmware::Paces paces{};
  CHECK(paces.rows_in_time(0, 8) == 0);
  paces.round.note(1000);
  paces.draft.note(100);
  CHECK(paces.rows_in_time(0, 20) == 9);  // at the cost of a drafted token
  CHECK(paces.rows_in_time(0, 8) == 8);
  CHECK(paces.rows_in_time(850, 8) == 0);
  paces.checked.note(300);
  CHECK(paces.rows_in_time(0, 8) == 3);
  CHECK(paces.rows_in_time(1200, 8) == 0);
  for (int i = 0; i < 4; ++i) paces.round.note(2000);
  CHECK(paces.round.mean_ns() == 2000);  // of the last four
}

TEST_CASE("grades and patterns of the drafting control") {
  CHECK(DraftControl::grade(0x3F80'0000) == 0);  // 1
  CHECK(DraftControl::grade(0x3F00'0000) == 4);  // 1/2
  CHECK(DraftControl::grade(0x3E80'0000) == 7);  // 1/4
  CHECK(DraftControl::grade(0) == 7);
  firmware::DraftHistory history = 0;
  for (int i = 0; i < 4; ++i) history = DraftControl::push(history, 6);
  for (int i = 0; i < 4; ++i) history = DraftControl::push(history, 2);
  CHECK(DraftControl::pattern(history, 3) == ((6u << 3 | 2u) << 3 | 3u));
  CHECK(DraftControl::pattern(history, 40) == ((6u << 3 | 2u) << 3 | 7u));
  CHECK(DraftControl::push(0xFF'FFFF, 0) == 0xFF'FFF8);
}
