// SPDX-License-Identifier: Apache-2.0
// Choice and acceptance of tokens: rules, cuts, errors, and the equalities that must hold exactly.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "sampler_bench.h"

using namespace tandem;
using namespace tandem::test;
using abi::Sampling;
using abi::Status;
using abi::StopReason;
using npu::Sampler;

namespace {

std::uint16_t fp16(float value) {
  return numerics::float_to_fp16(value);
}

// Rows of logits in which row j has its maximum at tokens[j].
std::vector<std::uint16_t> peaked(std::uint32_t vocabulary,
                                  const std::vector<std::uint32_t>& tokens) {
  std::vector<std::uint16_t> logits(tokens.size() * vocabulary, fp16(-1.0f));
  for (std::size_t j = 0; j < tokens.size(); ++j) logits[j * vocabulary + tokens[j]] = fp16(3.0f);
  return logits;
}

struct GreedyCase {
  std::vector<std::uint32_t> drafted;
  std::vector<std::uint32_t> target;  // one more than drafted
  std::uint32_t remaining = 100;
  std::vector<std::uint32_t> stop_ids = {};

  abi::VerifyResult run() const {
    const auto logits = peaked(16, target);
    npu::AcceptInput input;
    input.logits = logits.data();
    input.logits_stride = 16;
    input.vocabulary = 16;
    input.drafted = drafted.data();
    input.drafted_count = static_cast<std::uint32_t>(drafted.size());
    input.remaining_tokens = remaining;
    input.stop_ids = stop_ids.data();
    input.stop_count = static_cast<std::uint32_t>(stop_ids.size());
    Sampler sampler{Sampler::Config{}};
    const auto result = sampler.accept(input, {});
    CHECK_FALSE(result.is_nan);
    return result.verify;
  }
};

void check(const abi::VerifyResult& verify, std::uint32_t accepted, std::uint32_t emitted,
           std::uint32_t next_token, StopReason reason) {
  CHECK(verify.accepted == accepted);
  CHECK(verify.emitted == emitted);
  CHECK(verify.next_token == next_token);
  CHECK(verify.stop_reason == static_cast<std::uint32_t>(reason));
}

}  // namespace

TEST_CASE("greedy: accepts while the drafted token is the largest logit") {
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}}.run(), 3, 4, 4, StopReason::kNone);
  check(GreedyCase{{1, 9, 3}, {1, 2, 3, 4}}.run(), 1, 2, 2, StopReason::kNone);
  check(GreedyCase{{9, 2, 3}, {1, 2, 3, 4}}.run(), 0, 1, 1, StopReason::kNone);
  check(GreedyCase{{}, {7}}.run(), 0, 1, 7, StopReason::kNone);
  CHECK(GreedyCase{{9, 2, 3}, {1, 2, 3, 4}}.run().drafted == 3);
}

TEST_CASE("emission is cut behind the first stop id") {
  // A stop among the accepted, as the next token, and one that only a rejected draft contains.
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 100, {2}}.run(), 3, 2, 4, StopReason::kStopId);
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 100, {9, 4}}.run(), 3, 4, 4, StopReason::kStopId);
  check(GreedyCase{{1, 9, 3}, {1, 2, 3, 4}, 100, {3, 9}}.run(), 1, 2, 2, StopReason::kNone);
}

TEST_CASE("emission is cut at the remaining tokens") {
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 2}.run(), 3, 2, 4, StopReason::kLength);
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 4}.run(), 3, 4, 4, StopReason::kLength);
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 5}.run(), 3, 4, 4, StopReason::kNone);
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 0}.run(), 3, 0, 4, StopReason::kLength);
  // The stop id is the last token that fits: it is the reason.
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 2, {2}}.run(), 3, 2, 4, StopReason::kStopId);
  // It lies behind the cut.
  check(GreedyCase{{1, 2, 3}, {1, 2, 3, 4}, 2, {3}}.run(), 3, 2, 4, StopReason::kLength);
}

TEST_CASE("greedy: the lowest index wins among equals, also of zeros") {
  Sampler sampler{Sampler::Config{}};
  const std::vector<std::uint16_t> tie = {fp16(1), fp16(2), fp16(2), fp16(-2)};
  CHECK(sampler.sample(tie.data(), 4, {}, 0).token == 1);
  const std::vector<std::uint16_t> zeros = {fp16(-0.0f), fp16(0.0f)};
  CHECK(sampler.sample(zeros.data(), 2, {}, 0).token == 0);
}

TEST_CASE("confidence is the softmax probability, at the rule's temperature") {
  Sampler sampler{Sampler::Config{}};
  const std::vector<std::uint16_t> logits = {fp16(1), fp16(3), fp16(2)};
  const auto expected = [](double temperature, std::size_t token) {
    const double l[3] = {1 / temperature, 3 / temperature, 2 / temperature};
    return std::exp(l[token]) / (std::exp(l[0]) + std::exp(l[1]) + std::exp(l[2]));
  };
  npu::SamplingParameters parameters;
  parameters.temperature = 0.25f;  // not used by greedy
  CHECK(sampler.sample(logits.data(), 3, parameters, 0).confidence == Approx(expected(1, 1)));
  for (const Sampling rule : {Sampling::kStandard, Sampling::kCoupled}) {
    parameters.rule = rule;
    parameters.temperature = 2.0f;
    const auto result = sampler.sample(logits.data(), 3, parameters, 7);
    CHECK(result.confidence == Approx(expected(2, result.token)));
  }
  npu::AcceptInput input;
  input.logits = logits.data();
  input.vocabulary = 3;
  input.remaining_tokens = 1;
  const auto verify = sampler.accept(input, {}).verify;
  CHECK(numerics::bits_float(verify.next_confidence) == Approx(expected(1, 1)));
}

TEST_CASE("q_out is the distribution that was drawn from") {
  Sampler sampler{Sampler::Config{}};
  const Model model(50, 3);
  npu::SamplingParameters parameters;
  parameters.rule = Sampling::kStandard;
  parameters.temperature = 0.7f;
  std::vector<float> q(50);
  const auto result = sampler.sample(model.row(4), 50, parameters, 3, q.data());
  double sum = 0;
  for (const float value : q) sum += value;
  CHECK(sum == Approx(1.0));
  CHECK(q[result.token] == result.confidence);
}

TEST_CASE("logits that are no distribution are flagged, by every rule") {
  Sampler sampler{Sampler::Config{}};
  constexpr std::uint16_t kNan = 0x7E00, kInfinity = 0x7C00, kMinusInfinity = 0xFC00;
  const std::vector<std::uint16_t> with_nan = {fp16(1), kNan, fp16(2)};
  const std::vector<std::uint16_t> with_infinity = {fp16(1), kInfinity, fp16(2)};
  const std::vector<std::uint16_t> nothing(3, kMinusInfinity);
  const std::vector<std::uint16_t> masked = {kMinusInfinity, fp16(-60000), kMinusInfinity};
  for (const Sampling rule : {Sampling::kGreedy, Sampling::kStandard, Sampling::kCoupled}) {
    npu::SamplingParameters parameters;
    parameters.rule = rule;
    parameters.temperature = npu::kMinTemperature;
    for (const auto* logits : {&with_nan, &with_infinity, &nothing}) {
      const auto result = sampler.sample(logits->data(), 3, parameters, 0);
      CHECK(result.is_nan);
      CHECK(result.token == 0);
      CHECK(result.confidence == 0.0f);
      npu::AcceptInput input;
      input.logits = logits->data();
      input.vocabulary = 3;
      input.remaining_tokens = 5;
      const auto accepted = sampler.accept(input, parameters);
      CHECK(accepted.is_nan);
      CHECK(accepted.verify.emitted == 0);
    }
    const auto result = sampler.sample(masked.data(), 3, parameters, 0);
    CHECK_FALSE(result.is_nan);
    CHECK(result.token == 1);
    CHECK(result.confidence == 1.0f);
  }
}

TEST_CASE("a NaN in a row behind the first rejection does not matter") {
  auto logits = peaked(16, {1, 2, 3});
  logits[2 * 16 + 5] = 0x7E00;
  const std::vector<std::uint32_t> drafted = {1, 9};
  npu::AcceptInput input;
  input.logits = logits.data();
  input.logits_stride = 16;
  input.vocabulary = 16;
  input.drafted = drafted.data();
  input.drafted_count = 2;
  input.remaining_tokens = 10;
  Sampler sampler{Sampler::Config{}};
  CHECK_FALSE(sampler.accept(input, {}).is_nan);
}

TEST_CASE("coupled: speculation equals plain sampling token for token") {
  std::uint64_t accepted = 0;
  for (const float temperature : {0.3f, 1.0f, 1.7f}) {
    for (std::uint32_t request = 0; request < 20; ++request) {
      SpeculationBench bench(Sampling::kCoupled, temperature);
      const auto plain = bench.generate(request, 40, 0, 0.0f);
      for (std::uint32_t length = 1; length <= 4; ++length) {
        for (const float stop_below : {0.0f, 0.4f}) {
          REQUIRE(bench.generate(request, 40, length, stop_below) == plain);
          accepted += bench.accepted();
        }
      }
    }
  }
  CHECK(accepted > 1000);  // the draft is different, yet often right
}

TEST_CASE("greedy: speculation equals plain decoding token for token") {
  for (std::uint32_t request = 0; request < 20; ++request) {
    SpeculationBench bench(Sampling::kGreedy, 1.0f);
    const auto plain = bench.generate(request, 40, 0, 0.0f);
    for (std::uint32_t length = 1; length <= 4; ++length) {
      REQUIRE(bench.generate(request, 40, length, 0.0f) == plain);
      REQUIRE(bench.generate(request, 40, length, 0.4f) == plain);
    }
  }
}

TEST_CASE("a draft that is the target is always accepted") {
  for (const Sampling rule : {Sampling::kGreedy, Sampling::kStandard, Sampling::kCoupled}) {
    SpeculationBench bench(rule, 0.9f);
    bench.draft_with_target();
    bench.generate(5, 200, 4, 0.0f);
    CHECK(bench.accepted() == bench.drafted());
    CHECK(bench.drafted() > 100);
  }
}

TEST_CASE("a drafted token that the draft could not give is judged without harm") {
  const std::vector<std::uint16_t> logits = {fp16(1), fp16(1), 0xFC00, 0xFC00,
                                             fp16(1), fp16(1), 0xFC00, 0xFC00};
  const std::vector<float> q = {1, 0, 0, 0};
  npu::SamplingParameters parameters;
  parameters.rule = Sampling::kStandard;
  for (const std::uint32_t token : {1u, 2u}) {
    npu::AcceptInput input;
    input.logits = logits.data();
    input.logits_stride = 4;
    input.vocabulary = 4;
    input.drafted = &token;
    input.drafted_count = 1;
    input.distributions = q.data();
    input.distribution_stride = 4;
    input.remaining_tokens = 10;
    Sampler sampler{Sampler::Config{}};
    const auto result = sampler.accept(input, parameters);
    CHECK(result.verify.accepted == (token == 1 ? 1 : 0));  // q = 0: accepted if p > 0
    CHECK(result.verify.next_token <= 1);
  }
}

TEST_CASE("draws depend on seed, key, request and position, and on nothing else") {
  const Model model(50, 3);
  const auto tokens = [&](std::uint64_t seed, std::uint64_t key, std::uint32_t request,
                          std::uint32_t position) {
    std::vector<std::uint32_t> result;
    for (const Sampling rule : {Sampling::kStandard, Sampling::kCoupled}) {
      Sampler sampler{Sampler::Config{}};
      npu::SamplingParameters parameters;
      parameters.rule = rule;
      parameters.seed = seed;
      parameters.rng_key = key;
      parameters.request_id = request;
      parameters.temperature = 3.0f;
      for (std::uint32_t i = 0; i < 20; ++i) {
        result.push_back(sampler.sample(model.row(i), 50, parameters, position + i).token);
      }
    }
    return result;
  };
  const auto base = tokens(1, 2, 3, 4);
  CHECK(tokens(1, 2, 3, 4) == base);
  CHECK(tokens(9, 2, 3, 4) != base);
  CHECK(tokens(1, 9, 3, 4) != base);
  CHECK(tokens(1, 2, 9, 4) != base);
  CHECK(tokens(1, 2, 3, 9) != base);
  CHECK(tokens(2, 1, 3, 4) != base);
}

TEST_CASE("what a driver wrote is checked before it is used") {
  npu::SamplingParameters parameters;
  CHECK(Sampler::check(parameters) == Status::kOk);
  parameters.rule = static_cast<Sampling>(3);
  CHECK(Sampler::check(parameters) == Status::kBadParameter);
  parameters.rule = Sampling::kStandard;
  for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN(), 0x1p-65f}) {
    parameters.temperature = bad;
    CHECK(Sampler::check(parameters) == Status::kBadParameter);
  }
  parameters.temperature = 1.0f;

  const std::vector<std::uint32_t> drafted(17, 3);
  const std::vector<float> q(17 * 4);
  npu::AcceptInput input;
  CHECK(Sampler::check(input, parameters) == Status::kBadBatch);  // no vocabulary
  input.vocabulary = 4;
  input.drafted = drafted.data();
  input.drafted_count = 16;
  CHECK(Sampler::check(input, parameters) == Status::kBadBatch);  // no distributions
  input.distributions = q.data();
  CHECK(Sampler::check(input, parameters) == Status::kOk);
  input.stop_count = 5;
  CHECK(Sampler::check(input, parameters) == Status::kBadBatch);
  input.stop_count = 0;
  input.drafted_count = 17;
  CHECK(Sampler::check(input, parameters) == Status::kBadBatch);
  input.drafted_count = 1;
  input.vocabulary = 3;  // token 3 lies beyond
  CHECK(Sampler::check(input, parameters) == Status::kBadBatch);
}

TEST_CASE("sampler: cycles, statistics and configuration") {
  Sampler::Config config;
  config.lanes = 64;
  Sampler sampler{config};
  CHECK(sampler.sample_cycles(Sampling::kGreedy, 512, 1) == 2 * (8 + 6));
  CHECK(sampler.sample_cycles(Sampling::kStandard, 513, 2) == 2 * 3 * (9 + 6));
  CHECK(sampler.accept_cycles(Sampling::kStandard, 512, 5) == 5 * 4 * (8 + 6));
  CHECK(sampler.accept_cycles(Sampling::kCoupled, 512, 5) == 5 * 2 * (8 + 6));

  const std::vector<std::uint16_t> logits = {fp16(1), fp16(3), fp16(2)};
  sampler.sample(logits.data(), 3, {}, 0);
  observe::StatisticsTable table;
  sampler.collect(table);
  CHECK(table.find("sampled_tokens")->integer == 1);

  config.lanes = 100;
  CHECK_THROWS_WITH(Sampler{config}, "sampler.lanes = 100: must be a power of two");
  config.lanes = 64;
  config.clock_period_ps = 0;
  CHECK_THROWS_AS(Sampler{config}, std::invalid_argument);
}
