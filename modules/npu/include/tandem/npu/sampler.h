// SPDX-License-Identifier: Apache-2.0
// Chooses tokens from logits and judges drafted ones. All randomness is a function of (seed, key,
// request, position, purpose), so a result depends on nothing else.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tandem/abi/batch.h"
#include "tandem/abi/command.h"
#include "tandem/npu/token_oracle.h"
#include "tandem/numerics/random.h"
#include "tandem/observe/statistics.h"

namespace tandem::npu {

struct SamplerConfig {
  std::uint32_t lanes = 128;  // logits per cycle; a power of two
  std::uint64_t clock_period_ps = 1000;

  // Throws std::invalid_argument naming the field, the value and the rule.
  void validate() const;
};

constexpr float kMinTemperature = 0x1p-64f;  // every FP16 divided by it is a finite FP32

struct SamplingParameters {
  abi::Sampling rule = abi::Sampling::kGreedy;
  float temperature = 1.0f;  // kMinTemperature at least, finite; not used by greedy
  std::uint64_t seed = 0;
  std::uint64_t rng_key = 0;
  std::uint32_t request_id = 0;
};

struct SampleResult {
  std::uint32_t token = 0;
  // Softmax probability of the token: at temperature 1 for greedy, else at the rule's temperature.
  float confidence = 0.0f;
  // The logits are not a distribution: one is NaN or +infinity, or all are -infinity. Token and
  // confidence are then 0.
  bool is_nan = false;
};

// One sequence. Row j of the logits predicts the token at position + j: row 0 judges drafted[0],
// row drafted_count chooses the token after all drafted ones.
struct AcceptInput {
  const std::uint16_t* logits = nullptr;  // FP16 [drafted_count + 1][vocabulary]
  std::size_t logits_stride = 0;          // elements from one row to the next
  std::uint32_t vocabulary = 0;
  const std::uint32_t* drafted = nullptr;
  std::uint32_t drafted_count = 0;       // at most abi::kMaxDraft
  const float* distributions = nullptr;  // FP32 q[drafted_count][vocabulary]; standard only
  std::size_t distribution_stride = 0;   // elements from one distribution to the next
  std::uint32_t position = 0;            // absolute position of the token that row 0 predicts
  std::uint32_t remaining_tokens = 0;
  const std::uint32_t* stop_ids = nullptr;
  std::uint32_t stop_count = 0;
};

struct AcceptResult {
  abi::VerifyResult verify{};  // committed_length and path are left 0
  bool is_nan = false;         // a row that was needed is not a distribution; nothing is emitted
};

class Sampler {
 public:
  using Config = SamplerConfig;

  explicit Sampler(const Config& config);
  const Config& config() const { return config_; }

  // What sample() and accept() require of memory contents that a driver wrote. kOk, kBadParameter
  // (unknown rule, temperature) or kBadBatch (no vocabulary, too many drafted tokens or one beyond
  // the vocabulary, no distributions under standard).
  static abi::Status check(const SamplingParameters& parameters);
  static abi::Status check(const AcceptInput& input, const SamplingParameters& parameters);

  // The draft's choice of the token at `position` from FP16 logits[vocabulary] (at least 1):
  //   greedy    the largest logit, the lowest index among equals
  //   standard  by inversion of softmax(logits / T)
  //   coupled   the largest logit / T + Gumbel noise of (position, index)
  // q_out, if not null, receives the distribution drawn from, FP32 [vocabulary]; under standard it
  // is what accept() needs.
  SampleResult sample(const std::uint16_t* logits, std::uint32_t vocabulary,
                      const SamplingParameters& parameters, std::uint32_t position,
                      float* q_out = nullptr);

  // Applies the acceptance rule to a chain of drafted tokens, in order, until one fails:
  //   greedy    it is the largest logit
  //   standard  with probability min(1, p / q); the token in its place is then drawn from
  //             max(p - q, 0), normalised. The tokens have the distribution p.
  //   coupled   it is the token that coupled sampling would choose
  // After all of them the next token is chosen from the last row. What is emitted is the accepted
  // tokens, then the next one, cut behind the first stop id and at remaining_tokens; `accepted`
  // counts before the cut. With drafted_count = 0 this is plain decoding.
  AcceptResult accept(const AcceptInput& input, const SamplingParameters& parameters);

  // The same where no logits are computed: tokens are the oracle's, and a drafted one is accepted
  // when it is the target's. `index` and `first_position` as in TokenOracle::draft().
  SampleResult sample(TokenOracle& oracle, std::uint32_t request_id, std::uint32_t first_position,
                      std::uint32_t index);
  AcceptResult accept(const AcceptInput& input, TokenOracle& oracle, std::uint32_t request_id);

  // Each pass over the logits takes ceil(vocabulary / lanes) cycles and log2(lanes) for the tree.
  // Passes: greedy and coupled 2 (maximum, sum of exponentials), standard 3 (and the inversion),
  // standard acceptance 4 per row (and the sum of the residual).
  std::uint64_t sample_cycles(abi::Sampling rule, std::uint32_t vocabulary,
                              std::uint32_t rows) const;
  std::uint64_t accept_cycles(abi::Sampling rule, std::uint32_t vocabulary,
                              std::uint32_t rows) const;

  void set_clock_period_ps(std::uint64_t period_ps);
  void collect(observe::StatisticsSink& sink) const;
  template <typename Archive>
  void archive(Archive& archive) {
    archive(sampled_tokens_, drafted_tokens_, accepted_tokens_);
  }

 private:
  struct Verdict {
    bool accepted;
    std::uint32_t token;  // the one to emit: the drafted one, or the target's own
  };

  bool load(const std::uint16_t* logits, std::uint32_t vocabulary,
            const SamplingParameters& parameters);
  const std::vector<float>& probabilities();
  std::uint32_t coupled_choice(const SamplingParameters& parameters, std::uint32_t position);
  std::uint32_t choose(const SamplingParameters& parameters, std::uint32_t position,
                       numerics::Purpose purpose);
  Verdict judge(const AcceptInput& input, const SamplingParameters& parameters, std::uint32_t row);
  Verdict judge_standard(std::uint32_t drafted, const float* q,
                         const SamplingParameters& parameters, std::uint32_t position);
  void finish(const AcceptInput& input, abi::VerifyResult& verify);
  std::uint64_t pass_cycles(std::uint32_t vocabulary) const;

  Config config_;
  // Of the row that was loaded last, [vocabulary]:
  std::vector<float> scaled_;         // logits / temperature
  std::vector<float> probabilities_;  // their softmax; empty until needed
  std::vector<float> scratch_;        // residual or noise
  std::uint64_t sampled_tokens_ = 0;
  std::uint64_t drafted_tokens_ = 0;
  std::uint64_t accepted_tokens_ = 0;
};

}  // namespace tandem::npu
