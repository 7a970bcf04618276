// SPDX-License-Identifier: Apache-2.0
// Oracles that draw: the target's tokens are drawn evenly from those that end no request, a drafted
// token is the target's or another one. They differ in how often, and in their confidences.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "draws.h"
#include "expert_choice.h"
#include "tandem/npu/token_oracle.h"

namespace tandem::platform {

class DrawnOracle : public npu::TokenOracle {
 public:
  DrawnOracle(std::uint64_t seed, TokenChoice tokens, std::unique_ptr<ExpertChoice> experts)
      : draws_(seed), tokens_(std::move(tokens)), experts_(std::move(experts)) {}

  std::uint32_t target(std::uint32_t request_id, std::uint32_t position) override;
  Drafted draft(std::uint32_t request_id, std::uint32_t first_position,
                std::uint32_t index) override;
  void experts(std::uint32_t request_id, std::uint32_t position, std::uint32_t layer,
               std::uint32_t experts, std::uint32_t top_k,
               std::vector<std::uint32_t>& chosen) override;

 protected:
  struct Judgement {
    bool accepted;
    double confidence;
  };
  virtual Judgement judge(std::uint32_t request_id, std::uint32_t first_position,
                          std::uint32_t index) const = 0;
  const Draws& draws() const { return draws_; }

 private:
  Draws draws_;
  TokenChoice tokens_;
  std::unique_ptr<ExpertChoice> experts_;
};

// The i-th drafted token of a round is accepted with the i-th probability if those before it are,
// and independently of everything else; the last probability holds for all later ones. Its
// confidence is that probability: a draft that knows how good it is on average, and no more.
class TableOracle : public DrawnOracle {
 public:
  TableOracle(std::uint64_t seed, TokenChoice tokens, std::unique_ptr<ExpertChoice> experts,
              std::vector<double> acceptance)  // not empty
      : DrawnOracle(seed, std::move(tokens), std::move(experts)),
        acceptance_(std::move(acceptance)) {}

 private:
  Judgement judge(std::uint32_t request_id, std::uint32_t first_position,
                  std::uint32_t index) const override;

  std::vector<double> acceptance_;
};

// The same probability everywhere.
class BernoulliOracle : public TableOracle {
 public:
  BernoulliOracle(std::uint64_t seed, TokenChoice tokens, std::unique_ptr<ExpertChoice> experts,
                  double acceptance)
      : TableOracle(seed, std::move(tokens), std::move(experts), {acceptance}) {}
};

// A drafted token's confidence c is drawn from Beta(a, b), a and b whole numbers, and it is
// accepted with probability c: a calibrated draft.
class CalibratedOracle : public DrawnOracle {
 public:
  CalibratedOracle(std::uint64_t seed, TokenChoice tokens, std::unique_ptr<ExpertChoice> experts,
                   std::uint32_t a, std::uint32_t b)
      : DrawnOracle(seed, std::move(tokens), std::move(experts)), a_(a), b_(b) {}

 private:
  Judgement judge(std::uint32_t request_id, std::uint32_t first_position,
                  std::uint32_t index) const override;

  std::uint32_t a_, b_;
};

// A drafted token of a measured run: what its confidence was, and whether it was the target's.
struct MeasuredDraft {
  float confidence;
  bool match;
};

// Draws measured pairs with replacement, so that acceptance depends on confidence as it did in the
// measured run. Pairs are independent of each other, which neighbouring tokens of a run are not.
class ResampledOracle : public DrawnOracle {
 public:
  ResampledOracle(std::uint64_t seed, TokenChoice tokens, std::unique_ptr<ExpertChoice> experts,
                  std::vector<MeasuredDraft> pairs)  // not empty
      : DrawnOracle(seed, std::move(tokens), std::move(experts)), pairs_(std::move(pairs)) {}

 private:
  Judgement judge(std::uint32_t request_id, std::uint32_t first_position,
                  std::uint32_t index) const override;

  std::vector<MeasuredDraft> pairs_;
};

}  // namespace tandem::platform
