// SPDX-License-Identifier: Apache-2.0
// `standard` sampling keeps the target's distribution, measured through DRAFT, SAMPLE, VERIFY and
// ACCEPT on the device. The model is a Markov chain: GATHER fetches the logits that follow a token
// straight from a table, one table for the draft and another for the target.
#include <catch2/catch.hpp>
#include <cmath>

#include "npu_rig.h"
#include "tandem/numerics/fp.h"

using namespace tandem;
using abi::Opcode;
using abi::PrimitiveOp;
using test::NpuRig;

namespace {

constexpr std::uint32_t kVocabulary = 8, kBatch = 50, kRounds = 400;  // 20,000 sequences
constexpr std::uint32_t kDraftLength = 3, kContext = 5;
constexpr std::uint64_t kTarget = test::kTensors, kDrafter = test::kTensors + 0x1000;
constexpr std::uint64_t kBlocks = 0x20'0000, kBlockStride = 0x400;
constexpr std::uint64_t kDistributions = 0x30'0000, kSequenceStride = 0x400;

// False alarms: one in a million per test, if the statistic were drawn anew each time; the seed is
// fixed, so a pass stays a pass. Upper quantile of chi-square by Wilson and Hilferty.
double critical_value(double degrees) {
  constexpr double kZ = 4.753;  // 1 - 1e-6 of the normal distribution
  const double c = 2.0 / (9.0 * degrees);
  return degrees * std::pow(1.0 - c + kZ * std::sqrt(c), 3);
}

std::vector<std::uint16_t> logits(double spread, std::uint32_t twist) {
  std::vector<std::uint16_t> values(kVocabulary * kVocabulary);
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    const double angle = 1.7 * (i % kVocabulary) + 0.9 * (i / kVocabulary) + twist;
    values[i] = numerics::float_to_fp16(static_cast<float>(spread * std::sin(angle)));
  }
  return values;
}

std::vector<double> probabilities(const std::vector<std::uint16_t>& table, std::uint32_t context) {
  std::vector<double> p(kVocabulary);
  double sum = 0.0;
  for (std::uint32_t i = 0; i < kVocabulary; ++i) {
    p[i] = std::exp(static_cast<double>(numerics::fp16_to_float(table[context * kVocabulary + i])));
    sum += p[i];
  }
  for (double& value : p) value /= sum;
  return p;
}

// What a broken driver would do between DRAFT and VERIFY.
using Sabotage = void (*)(NpuRig&, std::uint64_t block, std::uint64_t distributions);

class Chain {
 public:
  explicit Chain(float stop_below) {
    rig_.put(kTarget, logits(1.2, 0));
    rig_.put(kDrafter, logits(1.5, 2));
    abi::ParameterBlock parameters = rig_.parameters();
    parameters.max_draft = kDraftLength;
    parameters.stop_below = numerics::float_bits(stop_below);
    parameters.sampling = static_cast<std::uint32_t>(abi::Sampling::kStandard);
    parameters.temperature = numerics::float_bits(1.0f);
    parameters.seed = 99;
    rig_.put(test::kParameters, parameters);
    rig_.put(test::kTokens, kContext);
    rig_.put(test::kProgram, program(kDrafter, PrimitiveOp::kSample));
    rig_.put(test::kProgram + 0x1000, program(kTarget, PrimitiveOp::kAccept));
  }

  void round(std::uint32_t index, Sabotage sabotage) {
    std::vector<abi::BatchEntry> entries(kBatch, rig_.entry());
    for (std::uint32_t i = 0; i < kBatch; ++i) {
      entries[i].request_id = index * kBatch + i;
      entries[i].draft_block = kBlocks + i * kBlockStride;
      abi::DraftBlock block{};
      block.distributions = kDistributions + i * kSequenceStride;
      block.distribution_stride = 4 * kVocabulary;
      block.distribution_capacity = kDraftLength;
      rig_.put(entries[i].draft_block, block);
    }
    rig_.put(test::kBatch, entries);
    run(Opcode::kDraft, test::kProgram);
    for (std::uint32_t i = 0; i < kBatch && sabotage != nullptr; ++i) {
      sabotage(rig_, kBlocks + i * kBlockStride, kDistributions + i * kSequenceStride);
    }
    run(Opcode::kVerify, test::kProgram + 0x1000);
    for (std::uint32_t i = 0; i < kBatch; ++i) count(i);
  }

  // Chi-square of the first token against the target, and of the second given the first.
  struct Fit {
    double statistic, critical;
    bool good() const { return statistic < critical; }
  };
  Fit first() const { return fit({first_.begin(), first_.end()}, kContext); }
  Fit second() const {
    Fit sum{0.0, 0.0};
    for (std::uint32_t x = 0; x < kVocabulary; ++x) sum.statistic += fit(second_[x], x).statistic;
    sum.critical = critical_value(kVocabulary * (kVocabulary - 1));
    return sum;
  }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t stopped_early() const { return stopped_early_; }

 private:
  static std::vector<abi::Primitive> program(std::uint64_t table, PrimitiveOp last) {
    abi::Primitive gather = test::primitive(PrimitiveOp::kGather);
    gather.n = gather.k = kVocabulary;
    gather.weight = test::in_memory(table);
    gather.output = test::on_chip(0, kVocabulary);
    abi::Primitive choose = test::primitive(last, {0});
    choose.n = kVocabulary;
    choose.input = test::on_chip(0, kVocabulary);
    return {gather, choose};
  }

  void run(Opcode opcode, std::uint64_t address) {
    abi::Command command = NpuRig::command(opcode);
    command.program = address;
    command.primitive_count = 2;
    command.batch_count = kBatch;
    REQUIRE(test::status_of(rig_.run(command)) == abi::Status::kOk);
  }

  void count(std::uint32_t i) {
    const auto result = rig_.get<abi::VerifyResult>(test::kResults + i * sizeof(abi::VerifyResult));
    const auto block = rig_.get<abi::DraftBlock>(kBlocks + i * kBlockStride);
    const auto token = [&](std::uint32_t j) {
      return j < result.accepted ? block.tokens[j] : result.next_token;
    };
    ++first_[token(0)];
    if (result.emitted > 1) ++second_[token(0)][token(1)];
    accepted_ += result.accepted;
    stopped_early_ += block.stopped_early;
  }

  Fit fit(const std::vector<std::uint64_t>& counts, std::uint32_t context) const {
    const std::vector<double> p = probabilities(logits(1.2, 0), context);
    double total = 0.0;
    for (const std::uint64_t n : counts) total += static_cast<double>(n);
    double statistic = 0.0;
    for (std::uint32_t x = 0; x < kVocabulary; ++x) {
      const double expected = total * p[x];
      const double difference = static_cast<double>(counts[x]) - expected;
      if (expected > 0) statistic += difference * difference / expected;
    }
    return {statistic, critical_value(kVocabulary - 1)};
  }

  NpuRig rig_;
  std::vector<std::uint64_t> first_ = std::vector<std::uint64_t>(kVocabulary);
  std::vector<std::vector<std::uint64_t>> second_ =
      std::vector<std::vector<std::uint64_t>>(kVocabulary, first_);
  std::uint64_t accepted_ = 0, stopped_early_ = 0;
};

void keep_q_of_the_drafted_token_only(NpuRig& rig, std::uint64_t block,
                                      std::uint64_t distributions) {
  const auto draft = rig.get<abi::DraftBlock>(block);
  for (std::uint32_t d = 0; d < draft.count; ++d) {
    for (std::uint32_t x = 0; x < kVocabulary; ++x) {
      if (x != draft.tokens[d]) rig.put(distributions + 4 * (d * kVocabulary + x), 0.0f);
    }
  }
}

void drop_the_token_that_stopped(NpuRig& rig, std::uint64_t block, std::uint64_t) {
  auto draft = rig.get<abi::DraftBlock>(block);
  if (draft.stopped_early == 0) return;
  --draft.count;
  rig.put(block, draft);
}

}  // namespace

TEST_CASE("20,000 draws through ACCEPT keep the target's distribution") {
  Chain chain(0.0f);
  for (std::uint32_t i = 0; i < kRounds; ++i) chain.round(i, nullptr);
  INFO("chi-square " << chain.first().statistic << " and " << chain.second().statistic);
  CHECK(chain.first().good());
  CHECK(chain.second().good());
  CHECK(chain.accepted() > kRounds * kBatch / 4);  // drafts were of use
}

TEST_CASE("20,000 draws keep it when drafts stop early") {
  Chain chain(0.2f);
  for (std::uint32_t i = 0; i < kRounds; ++i) chain.round(i, nullptr);
  INFO("chi-square " << chain.first().statistic << " and " << chain.second().statistic);
  CHECK(chain.first().good());
  CHECK(chain.second().good());
  CHECK(chain.stopped_early() > kRounds * kBatch / 10);
}

TEST_CASE("The test sees a rule that keeps only q of the drafted token") {
  Chain chain(0.0f);
  for (std::uint32_t i = 0; i < kRounds; ++i) chain.round(i, keep_q_of_the_drafted_token_only);
  CHECK_FALSE(chain.first().good());
}

TEST_CASE("The test sees an early stop that drops the token") {
  Chain chain(0.2f);
  for (std::uint32_t i = 0; i < kRounds; ++i) chain.round(i, drop_the_token_that_stopped);
  CHECK_FALSE(chain.first().good());
}
