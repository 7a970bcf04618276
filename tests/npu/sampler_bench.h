// SPDX-License-Identifier: Apache-2.0
// Tiny language models (the next token depends on the last one) and speculation with them.
#pragma once
#include <functional>
#include <vector>

#include "tandem/npu/sampler.h"
#include "tandem/numerics/fp.h"
#include "tandem/numerics/random.h"

namespace tandem::test {

// FP16 logits of every next token for every last token: fixed random numbers in +-spread / 2.
class Model {
 public:
  Model(std::uint32_t vocabulary, std::uint64_t seed, float spread = 6.0f)
      : vocabulary_(vocabulary), logits_(std::size_t{vocabulary} * vocabulary) {
    numerics::RandomKey key;
    key.seed = seed;
    key.purpose = numerics::Purpose::kWeights;
    for (std::size_t i = 0; i < logits_.size(); ++i) {
      const float u = numerics::uniform(key, static_cast<std::uint32_t>(i));
      logits_[i] = numerics::float_to_fp16((u - 0.5f) * spread);
    }
  }
  // This model with each logit moved by up to +-error / 2.
  Model disturbed(std::uint64_t seed, float error) const {
    const Model noise(vocabulary_, seed, error);
    Model result = *this;
    for (std::size_t i = 0; i < logits_.size(); ++i) {
      result.logits_[i] = numerics::float_to_fp16(numerics::fp16_to_float(logits_[i]) +
                                                  numerics::fp16_to_float(noise.logits_[i]));
    }
    return result;
  }

  std::uint32_t vocabulary() const { return vocabulary_; }
  const std::uint16_t* row(std::uint32_t last_token) const {
    return logits_.data() + std::size_t{last_token} * vocabulary_;
  }

 private:
  std::uint32_t vocabulary_;
  std::vector<std::uint16_t> logits_;
};

// Decodes from a start token: drafts up to `length` tokens (until a confidence falls below
// `stop_below`; that token is kept), verifies, repeats. Length 0 is plain decoding.
class SpeculationBench {
 public:
  using Accept =
      std::function<abi::VerifyResult(const npu::AcceptInput&, const npu::SamplingParameters&)>;

  SpeculationBench(abi::Sampling rule, float temperature, std::uint32_t vocabulary = 50,
                   float draft_error = 2.0f)
      : target_(vocabulary, 11),
        draft_(target_.disturbed(12, draft_error)),
        sampler_(npu::Sampler::Config{}) {
    parameters_.rule = rule;
    parameters_.temperature = temperature;
    parameters_.seed = 2026;
    accept_ = [this](const npu::AcceptInput& input, const npu::SamplingParameters& parameters) {
      return sampler_.accept(input, parameters).verify;
    };
  }

  void draft_with_target() { draft_ = target_; }
  // Replaces the rule under test, to see that the tests notice.
  void accept_with(Accept accept) { accept_ = std::move(accept); }
  void drop_token_of_early_stop() { drops_low_token_ = true; }

  const Model& target() const { return target_; }
  std::uint64_t drafted() const { return drafted_; }
  std::uint64_t accepted() const { return accepted_; }

  std::vector<std::uint32_t> generate(std::uint32_t request, std::size_t tokens,
                                      std::uint32_t length, float stop_below,
                                      std::uint32_t start_token = 0) {
    parameters_.request_id = request;
    drafted_ = accepted_ = 0;
    std::vector<std::uint32_t> text = {start_token};
    while (text.size() <= tokens) {
      draft(text, length, stop_below);
      verify(text);
    }
    text.resize(tokens + 1);
    return text;
  }

 private:
  void draft(const std::vector<std::uint32_t>& text, std::uint32_t length, float stop_below) {
    const std::uint32_t vocabulary = target_.vocabulary();
    tokens_.clear();
    q_.resize(std::size_t{length} * vocabulary);
    while (tokens_.size() < length) {
      const std::uint32_t last = tokens_.empty() ? text.back() : tokens_.back();
      const auto position = static_cast<std::uint32_t>(text.size() + tokens_.size());
      const auto choice = sampler_.sample(draft_.row(last), vocabulary, parameters_, position,
                                          q_.data() + tokens_.size() * vocabulary);
      const bool is_low = choice.confidence < stop_below;
      if (!(is_low && drops_low_token_)) tokens_.push_back(choice.token);
      if (is_low) return;
    }
  }

  void verify(std::vector<std::uint32_t>& text) {
    const std::uint32_t vocabulary = target_.vocabulary();
    logits_.clear();
    append_row(text.back());
    for (const std::uint32_t token : tokens_) append_row(token);
    npu::AcceptInput input;
    input.logits = logits_.data();
    input.logits_stride = vocabulary;
    input.vocabulary = vocabulary;
    input.drafted = tokens_.data();
    input.drafted_count = static_cast<std::uint32_t>(tokens_.size());
    input.distributions = q_.data();
    input.distribution_stride = vocabulary;
    input.position = static_cast<std::uint32_t>(text.size());
    input.remaining_tokens = 1000;
    const abi::VerifyResult result = accept_(input, parameters_);
    drafted_ += result.drafted;
    accepted_ += result.accepted;
    text.insert(text.end(), tokens_.begin(), tokens_.begin() + result.accepted);
    text.push_back(result.next_token);
  }

  void append_row(std::uint32_t last) {
    logits_.insert(logits_.end(), target_.row(last), target_.row(last) + target_.vocabulary());
  }

  Model target_;
  Model draft_;
  npu::Sampler sampler_;
  npu::SamplingParameters parameters_;
  Accept accept_;
  bool drops_low_token_ = false;
  std::vector<std::uint32_t> tokens_;
  std::vector<float> q_;
  std::vector<std::uint16_t> logits_;
  std::uint64_t drafted_ = 0;
  std::uint64_t accepted_ = 0;
};

}  // namespace tandem::test
