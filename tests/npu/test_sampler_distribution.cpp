// SPDX-License-Identifier: Apache-2.0
// Sampling keeps the target's distribution: chi-square tests of the joint distribution of the first
// three tokens, 20,000 sequences for each start token, draft length and early stop. A correct rule
// fails a single test with probability 1e-6; the seed is fixed, so the outcome is too. Rules broken
// on purpose must fail the same tests.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "sampler_bench.h"
#include "tandem/numerics/sampling.h"

using namespace tandem;
using namespace tandem::test;
using abi::Sampling;

namespace {

constexpr std::uint32_t kVocabulary = 6;
constexpr std::size_t kCells = kVocabulary * kVocabulary * kVocabulary;
constexpr std::uint32_t kSequences = 20'000;
constexpr float kTemperature = 0.8f;
constexpr float kStopBelow = 0.45f;
constexpr double kOneInAMillion = 4.753424;  // standard deviations, upper tail

std::vector<double> softmax(const std::uint16_t* logits) {
  std::vector<double> p(kVocabulary);
  double sum = 0;
  for (std::uint32_t i = 0; i < kVocabulary; ++i) {
    p[i] = std::exp(numerics::fp16_to_float(logits[i]) / double{kTemperature});
    sum += p[i];
  }
  for (double& value : p) value /= sum;
  return p;
}

std::vector<double> expected_joint(const Model& target, std::uint32_t start) {
  std::vector<double> joint;
  const auto first = softmax(target.row(start));
  for (std::uint32_t a = 0; a < kVocabulary; ++a) {
    const auto second = softmax(target.row(a));
    for (std::uint32_t b = 0; b < kVocabulary; ++b) {
      const auto third = softmax(target.row(b));
      for (std::uint32_t c = 0; c < kVocabulary; ++c)
        joint.push_back(first[a] * second[b] * third[c]);
    }
  }
  return joint;
}

// True if the counts may come from the distribution. Cells that expect fewer than 5 are pooled.
bool fits(const std::vector<std::uint32_t>& counts, const std::vector<double>& expected) {
  double chi_square = 0, pooled_expected = 0, pooled_count = 0;
  int cells = 0;
  const auto add = [&](double count, double expect) {
    chi_square += (count - expect) * (count - expect) / expect;
    ++cells;
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expect = expected[i] * kSequences;
    if (expect >= 5) {
      add(counts[i], expect);
    } else {
      pooled_expected += expect;
      pooled_count += counts[i];
    }
  }
  if (pooled_expected > 0) add(pooled_count, pooled_expected);
  // Wilson and Hilferty's approximation of the quantile.
  const double freedom = cells - 1;
  const double root = 1 - 2 / (9 * freedom) + kOneInAMillion * std::sqrt(2 / (9 * freedom));
  return chi_square < freedom * root * root * root;
}

struct Setting {
  std::uint32_t start;
  std::uint32_t length;
  float stop_below;
};

std::vector<Setting> settings(const std::vector<float>& thresholds) {
  std::vector<Setting> all;
  for (std::uint32_t start = 0; start < 3; ++start) {
    for (std::uint32_t length = 1; length <= 4; ++length) {
      for (const float stop_below : thresholds) all.push_back({start, length, stop_below});
    }
  }
  return all;
}

SpeculationBench make_bench(Sampling rule) {
  return SpeculationBench(rule, kTemperature, kVocabulary, 3.0f);
}

bool keeps_distribution(SpeculationBench& bench, const Setting& setting) {
  std::vector<std::uint32_t> counts(kCells);
  for (std::uint32_t request = 0; request < kSequences; ++request) {
    const auto text = bench.generate(request, 3, setting.length, setting.stop_below, setting.start);
    ++counts[(text[1] * kVocabulary + text[2]) * kVocabulary + text[3]];
  }
  return fits(counts, expected_joint(bench.target(), setting.start));
}

// The standard rule written once more, with a residual of the test's choice.
enum class Residual { kCorrect, kOnlyDraftedQ };

abi::VerifyResult accept_standard(const npu::AcceptInput& input,
                                  const npu::SamplingParameters& parameters, Residual residual) {
  abi::VerifyResult verify{};
  verify.drafted = input.drafted_count;
  numerics::RandomKey key{parameters.seed, parameters.request_id, 0, numerics::Purpose::kAccept};
  std::vector<float> p(input.vocabulary), rest(input.vocabulary);
  for (std::uint32_t row = 0;; ++row) {
    key.position = input.position + row;
    numerics::fp16_to_float(input.logits + row * input.logits_stride, p.data(), p.size());
    numerics::apply_temperature(p.data(), p.size(), parameters.temperature);
    numerics::softmax(p.data(), p.size(), p.data());
    key.purpose = numerics::Purpose::kTargetToken;
    if (row == input.drafted_count) break;
    std::vector<float> q(input.distributions + row * input.distribution_stride,
                         input.distributions + (row + 1) * input.distribution_stride);
    const std::uint32_t token = input.drafted[row];
    key.purpose = numerics::Purpose::kAccept;
    if (numerics::accept(p[token], q[token], numerics::uniform(key, 0))) {
      ++verify.accepted;
      continue;
    }
    for (std::uint32_t i = 0; i < input.vocabulary; ++i) {
      if (residual == Residual::kOnlyDraftedQ && i != token) q[i] = 0;
    }
    numerics::residual(p.data(), q.data(), p.size(), rest.data());
    p = rest;
    key.purpose = numerics::Purpose::kResidual;
    break;
  }
  verify.next_token =
      static_cast<std::uint32_t>(numerics::sample(p.data(), p.size(), numerics::uniform(key, 0)));
  return verify;
}

std::size_t settings_that_fail(SpeculationBench& bench, const std::vector<Setting>& all) {
  std::size_t failed = 0;
  for (const Setting& setting : all) failed += !keeps_distribution(bench, setting);
  return failed;
}

}  // namespace

TEST_CASE("the chi-square test accepts its own distribution and refuses a shifted one") {
  const Model model(kVocabulary, 11);
  const auto expected = expected_joint(model, 0);
  std::vector<std::uint32_t> counts;
  for (const double p : expected)
    counts.push_back(static_cast<std::uint32_t>(p * kSequences + 0.5));
  CHECK(fits(counts, expected));
  CHECK_FALSE(fits(counts, expected_joint(model, 1)));
}

TEST_CASE("plain sampling has the target's distribution") {
  for (const Sampling rule : {Sampling::kStandard, Sampling::kCoupled}) {
    SpeculationBench bench = make_bench(rule);
    for (std::uint32_t start = 0; start < kVocabulary; ++start) {
      CAPTURE(start);
      CHECK(keeps_distribution(bench, {start, 0, 0.0f}));
    }
  }
}

TEST_CASE("standard: speculation keeps the target's distribution") {
  SpeculationBench bench = make_bench(Sampling::kStandard);
  for (const Setting& setting : settings({0.0f, kStopBelow})) {
    CAPTURE(setting.start, setting.length, setting.stop_below);
    CHECK(keeps_distribution(bench, setting));
  }
}

TEST_CASE("the draft differs from the target and early stops occur") {
  SpeculationBench bench = make_bench(Sampling::kStandard);
  std::uint64_t drafted = 0, accepted = 0, drafted_with_stop = 0;
  for (std::uint32_t request = 0; request < 1000; ++request) {
    bench.generate(request, 3, 4, 0.0f);
    drafted += bench.drafted();
    accepted += bench.accepted();
    bench.generate(request, 3, 4, kStopBelow);
    drafted_with_stop += bench.drafted();
  }
  CHECK(accepted > drafted / 4);
  CHECK(accepted < drafted * 3 / 4);
  CHECK(drafted_with_stop < drafted * 3 / 4);
}

TEST_CASE("the test's own rule is sound, so that only what is broken below can fail") {
  SpeculationBench bench = make_bench(Sampling::kStandard);
  bench.accept_with([](const auto& input, const auto& parameters) {
    return accept_standard(input, parameters, Residual::kCorrect);
  });
  CHECK(settings_that_fail(bench, settings({0.0f, kStopBelow})) == 0);
}

TEST_CASE("detected: only q of the drafted token kept") {
  SpeculationBench bench = make_bench(Sampling::kStandard);
  bench.accept_with([](const auto& input, const auto& parameters) {
    return accept_standard(input, parameters, Residual::kOnlyDraftedQ);
  });
  const auto all = settings({0.0f, kStopBelow});
  CHECK(settings_that_fail(bench, all) == all.size());
}

TEST_CASE("detected: an early stop that drops the token") {
  SpeculationBench bench = make_bench(Sampling::kStandard);
  bench.drop_token_of_early_stop();
  const auto all = settings({kStopBelow});
  CHECK(settings_that_fail(bench, all) == all.size());
}
