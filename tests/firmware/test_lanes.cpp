// SPDX-License-Identifier: Apache-2.0
// Two sub-batches with a command each in flight. The fake NPU complains of whatever two commands
// may not share.
#include <catch2/catch.hpp>

#include "answers.h"

using namespace tandem;
using namespace tandem::test;

namespace {

void split(FakeMachine& machine, std::uint32_t from = 2) {
  machine.policy().sub_batches = 2;
  machine.policy().sub_batch_min = from;
  machine.policy().max_batch = 6;
}

std::size_t in_queue(FakeMachine& machine, unsigned queue, std::uint32_t requests) {
  std::size_t count = 0;
  for (std::uint32_t id = 0; id < requests; ++id) {
    count += machine.npu().queues_of[id] == std::set<unsigned>{queue};
  }
  return count;
}

}  // namespace

TEST_CASE("sub-batches: two commands in flight, and every answer that of one") {
  const auto policy = GENERATE(abi::Policy::kPlain, abi::Policy::kSelfSpeculative);
  const auto granularity = GENERATE(abi::Granularity::kStep, abi::Granularity::kLayer);
  const auto interrupts = GENERATE(0u, 1u);
  FakeMachine machine;
  split(machine);
  machine.policy().policy = static_cast<std::uint32_t>(policy);
  machine.policy().granularity = static_cast<std::uint32_t>(granularity);
  machine.policy().use_interrupts = interrupts;
  post(machine, 9, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  check_answers(machine, 9, 20);
  CHECK(machine.npu().most_in_flight == 2);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("sub-batches: halves of the batch, that stay where they are") {
  FakeMachine machine;
  split(machine);
  post(machine, 6, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  CHECK(machine.npu().largest_batch == 3);
  CHECK(in_queue(machine, 0, 6) == 3);
  CHECK(in_queue(machine, 1, 6) == 3);
}

TEST_CASE("sub-batches: with fewer sequences than the threshold there is one command") {
  FakeMachine machine;
  split(machine, 5);
  post(machine, 4, 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  check_answers(machine, 4, 20);
  CHECK(machine.npu().most_in_flight == 1);
  CHECK(machine.npu().largest_batch == 4);
}

TEST_CASE("sub-batches: what remains below the threshold goes on in one command") {
  FakeMachine machine;
  split(machine, 4);
  for (std::uint32_t id = 0; id < 4; ++id) machine.post(id, prompt(id), id < 2 ? 4 : 20);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  for (std::uint32_t id = 0; id < 4; ++id) {
    CHECK(machine.tokens(id) == FakeNpu::reference(prompt(id), id < 2 ? 4 : 20));
  }
  CHECK(machine.npu().most_in_flight == 2);
  CHECK(machine.npu().executed.back().batch_count == 2);
}

TEST_CASE("sub-batches: a failing command fails its own half") {
  FakeMachine machine;
  split(machine);
  post(machine, 4, 20);
  machine.npu().fail_command[5] = abi::Status::kNotANumber;
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  unsigned failed = 0;
  for (std::uint32_t id = 0; id < 4; ++id) {
    if (machine.tokens(id) == FakeNpu::reference(prompt(id), 20)) continue;
    CHECK(failure(machine, id) == static_cast<int>(abi::Status::kNotANumber));
    ++failed;
  }
  CHECK(failed == 2);
}

TEST_CASE("sub-batches: when one hangs, both are set up again and no token is lost") {
  const auto queue = GENERATE(0u, 1u);
  const auto number = GENERATE(0u, 3u, 8u);
  FakeMachine machine;
  split(machine);
  machine.policy().policy = static_cast<std::uint32_t>(abi::Policy::kSelfSpeculative);
  machine.npu().swallow_of_queue[queue] = {number};
  post(machine, 6, 40);
  REQUIRE(machine.start(generate()) == 0);
  run_until_reset(machine, 1);
  REQUIRE(machine.npu().resets == 1);
  machine.npu().swallow_of_queue.clear();
  REQUIRE(machine.run());
  CHECK(machine.npu().resets == 1);
  check_answers(machine, 6, 40);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("sub-batches: a half that hangs again fails, the other one does not") {
  FakeMachine machine;
  split(machine);
  machine.npu().swallow_of_queue[1] = {4};
  post(machine, 6, 30);
  REQUIRE(machine.start(generate()) == 0);
  run_until_reset(machine, 2);
  REQUIRE(machine.npu().resets == 2);
  machine.npu().swallow_of_queue.clear();
  REQUIRE(machine.run());
  CHECK(machine.npu().resets == 2);
  for (std::uint32_t id = 0; id < 6; ++id) {
    INFO("request " << id);
    if (machine.npu().queues_of[id].count(1) != 0) {
      CHECK(failure(machine, id) == static_cast<int>(abi::Status::kReset));
    } else {
      CHECK(machine.tokens(id) == FakeNpu::reference(prompt(id), 30));
    }
  }
}

// The half that waits for the arrays times out as well.
TEST_CASE("sub-batches: of two halves that time out, the one that hangs alone fails") {
  const auto culprit = GENERATE(0u, 1u);
  FakeMachine machine;
  split(machine);
  machine.npu().swallow_of_queue[culprit] = {4};
  machine.npu().waits_for_queue[1 - culprit] = culprit;
  post(machine, 6, 30);
  REQUIRE(machine.start(generate()) == 0);
  run_until_reset(machine, 2);
  REQUIRE(machine.npu().resets == 2);
  machine.npu().swallow_of_queue.clear();
  REQUIRE(machine.run());
  unsigned failed = 0;
  for (std::uint32_t id = 0; id < 6; ++id) {
    INFO("request " << id << ", culprit " << culprit);
    if (machine.tokens(id) == FakeNpu::reference(prompt(id), 30)) continue;
    CHECK(failure(machine, id) == static_cast<int>(abi::Status::kReset));
    CHECK(machine.npu().queues_of[id].count(culprit) != 0);
    ++failed;
  }
  CHECK(failed == 3);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("sub-batches: the youngest gives its pages up, however busy its half is") {
  FakeMachine machine;
  split(machine);
  machine.policy().max_batch = 2;
  machine.policy().page_tokens = 32;
  machine.npu().delay_of_queue = {{0, 3}, {1, 4}};
  const std::uint64_t page_bytes = 2ull * 2 * 32 * 4 * 2;
  machine.boot().kv_bytes = 3 * page_bytes;
  machine.post(0, prompt(0), 40);
  machine.post(1, prompt(1), 60);
  REQUIRE(machine.start(generate()) == 0);
  for (int i = 0; i < 100'000 && machine.tokens(0).size() < 40; ++i) machine.run(1);
  CHECK(machine.npu().queues_of[0].count(1) == 1);  // the older one is in the slower half
  CHECK(machine.tokens(1).size() < 60);
  REQUIRE(machine.run());
  CHECK(machine.tokens(0) == FakeNpu::reference(prompt(0), 40));
  CHECK(machine.tokens(1) == FakeNpu::reference(prompt(1), 60));
}

TEST_CASE("sub-batches: short of pages, sequences wait and none is lost") {
  const auto policy = GENERATE(abi::Policy::kPlain, abi::Policy::kSelfSpeculative);
  FakeMachine machine;
  split(machine);
  machine.policy().policy = static_cast<std::uint32_t>(policy);
  // 16 tokens of 2 layers: keys and values of a head of 4 FP16 elements.
  const std::uint64_t page_bytes = 2ull * 2 * 16 * 4 * 2;
  const bool drafts = policy == abi::Policy::kSelfSpeculative;
  const std::uint64_t distributions = machine.policy().draft_length * FakeNpu::kVocabulary * 4ull;
  machine.boot().kv_bytes = 7 * page_bytes + (drafts ? 6 * distributions : 0);
  post(machine, 6, 40);
  REQUIRE(machine.start(generate()) == 0);
  REQUIRE(machine.run());
  check_answers(machine, 6, 40);
  std::uint32_t preemptions = 0;
  for (std::uint32_t id = 0; id < 6; ++id) {
    preemptions += end_report(machine, id).preemptions;
  }
  CHECK(preemptions > 0);
  CHECK(machine.npu().complaints == std::vector<std::string>{});
}

TEST_CASE("sub-batches: a device with too few contexts or a policy with three is refused") {
  FakeMachine machine;
  split(machine);
  SECTION("contexts") {
    machine.npu().registers[abi::npu::CAPABILITY] =
        abi::npu::CAPABILITY_QUEUE_PAIRS.put(4) | abi::npu::CAPABILITY_CONTEXTS.put(1);
    CHECK(machine.start(generate()) == static_cast<int>(abi::Status::kUnsupported));
  }
  SECTION("queue pairs") {
    machine.npu().registers[abi::npu::CAPABILITY] =
        abi::npu::CAPABILITY_QUEUE_PAIRS.put(1) | abi::npu::CAPABILITY_CONTEXTS.put(4);
    CHECK(machine.start(generate()) == static_cast<int>(abi::Status::kUnsupported));
  }
  SECTION("parts") {
    machine.policy().sub_batches = 3;
    CHECK(machine.start(generate()) == static_cast<int>(abi::Status::kBadParameter));
  }
}
