// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/sampler.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "tandem/numerics/fp.h"
#include "tandem/numerics/random.h"
#include "tandem/numerics/sampling.h"

namespace tandem::npu {
namespace {

using numerics::Purpose;

bool is_power_of_two(std::uint32_t x) {
  return x != 0 && (x & (x - 1)) == 0;
}

std::uint32_t log2_of(std::uint32_t power_of_two) {
  std::uint32_t log = 0;
  while ((power_of_two >> log) > 1) ++log;
  return log;
}

numerics::RandomKey random_key(const SamplingParameters& parameters, std::uint32_t position,
                               Purpose purpose) {
  numerics::RandomKey key;
  // An odd multiplier: different keys of one seed never meet.
  key.seed = parameters.seed ^ (parameters.rng_key * 0x9E37'79B9'7F4A'7C15u);
  key.request = parameters.request_id;
  key.position = position;
  key.purpose = purpose;
  return key;
}

float uniform(const SamplingParameters& parameters, std::uint32_t position, Purpose purpose) {
  return numerics::uniform(random_key(parameters, position, purpose), 0);
}

bool is_stop(const AcceptInput& input, std::uint32_t token) {
  const std::uint32_t* end = input.stop_ids + input.stop_count;
  return input.stop_count > 0 && std::find(input.stop_ids, end, token) != end;
}

// Sets `emitted` and `stop_reason` from the accepted tokens and the next one.
void cut(const AcceptInput& input, abi::VerifyResult& verify) {
  const std::uint32_t available = verify.accepted + 1;
  const std::uint32_t limit = std::min(available, input.remaining_tokens);
  verify.emitted = limit;
  verify.stop_reason = static_cast<std::uint32_t>(
      limit == input.remaining_tokens ? abi::StopReason::kLength : abi::StopReason::kNone);
  for (std::uint32_t i = 0; i < limit; ++i) {
    const std::uint32_t token = i < verify.accepted ? input.drafted[i] : verify.next_token;
    if (!is_stop(input, token)) continue;
    verify.emitted = i + 1;
    verify.stop_reason = static_cast<std::uint32_t>(abi::StopReason::kStopId);
    return;
  }
}

}  // namespace

void SamplerConfig::validate() const {
  if (!is_power_of_two(lanes)) {
    throw std::invalid_argument("sampler.lanes = " + std::to_string(lanes) +
                                ": must be a power of two");
  }
  if (clock_period_ps == 0) {
    throw std::invalid_argument("sampler.clock_period_ps = 0: must be at least 1");
  }
}

Sampler::Sampler(const Config& config) : config_(config) {
  config_.validate();
}

void Sampler::set_clock_period_ps(std::uint64_t period_ps) {
  Config changed = config_;
  changed.clock_period_ps = period_ps;
  changed.validate();
  config_ = changed;
}

abi::Status Sampler::check(const SamplingParameters& parameters) {
  if (parameters.rule == abi::Sampling::kGreedy) return abi::Status::kOk;
  const bool is_known =
      parameters.rule == abi::Sampling::kStandard || parameters.rule == abi::Sampling::kCoupled;
  const bool is_warm =
      parameters.temperature >= kMinTemperature && std::isfinite(parameters.temperature);
  return is_known && is_warm ? abi::Status::kOk : abi::Status::kBadParameter;
}

abi::Status Sampler::check(const AcceptInput& input, const SamplingParameters& parameters) {
  const abi::Status status = check(parameters);
  if (status != abi::Status::kOk) return status;
  if (input.vocabulary == 0 || input.drafted_count > abi::kMaxDraft ||
      input.stop_count > abi::kMaxStopIds) {
    return abi::Status::kBadBatch;
  }
  for (std::uint32_t j = 0; j < input.drafted_count; ++j) {
    if (input.drafted[j] >= input.vocabulary) return abi::Status::kBadBatch;
  }
  const bool needs_q = parameters.rule == abi::Sampling::kStandard && input.drafted_count > 0;
  return needs_q && input.distributions == nullptr ? abi::Status::kBadBatch : abi::Status::kOk;
}

// False if the logits are not a distribution.
bool Sampler::load(const std::uint16_t* logits, std::uint32_t vocabulary,
                   const SamplingParameters& parameters) {
  scaled_.resize(vocabulary);
  numerics::fp16_to_float(logits, scaled_.data(), vocabulary);
  bool is_bad = false;
  bool has_finite = false;
  for (std::uint32_t i = 0; i < vocabulary; ++i) {
    is_bad |= numerics::fp16_is_nan(logits[i]) || logits[i] == numerics::kFp16Infinity;
    has_finite |= numerics::fp16_is_finite(logits[i]);
  }
  if (is_bad || !has_finite) return false;
  if (parameters.rule != abi::Sampling::kGreedy) {
    numerics::apply_temperature(scaled_.data(), vocabulary, parameters.temperature);
  }
  probabilities_.clear();
  return true;
}

// The softmax is only computed where a rule needs it.
const std::vector<float>& Sampler::probabilities() {
  if (probabilities_.empty()) {
    probabilities_.resize(scaled_.size());
    numerics::softmax(scaled_.data(), scaled_.size(), probabilities_.data());
  }
  return probabilities_;
}

std::uint32_t Sampler::coupled_choice(const SamplingParameters& parameters,
                                      std::uint32_t position) {
  scratch_.resize(scaled_.size());
  numerics::gumbel(random_key(parameters, position, Purpose::kGumbel), scratch_.size(),
                   scratch_.data());
  return static_cast<std::uint32_t>(
      numerics::gumbel_argmax(scaled_.data(), scratch_.data(), scaled_.size()));
}

// The token that the loaded row gives without regard to drafted ones. `purpose` keeps the draft's
// and the target's draws independent under standard.
std::uint32_t Sampler::choose(const SamplingParameters& parameters, std::uint32_t position,
                              numerics::Purpose purpose) {
  switch (parameters.rule) {
    case abi::Sampling::kStandard:
      return static_cast<std::uint32_t>(numerics::sample(probabilities().data(), scaled_.size(),
                                                         uniform(parameters, position, purpose)));
    case abi::Sampling::kCoupled:
      return coupled_choice(parameters, position);
    case abi::Sampling::kGreedy:
    default:
      return static_cast<std::uint32_t>(numerics::argmax(scaled_.data(), scaled_.size()));
  }
}

SampleResult Sampler::sample(const std::uint16_t* logits, std::uint32_t vocabulary,
                             const SamplingParameters& parameters, std::uint32_t position,
                             float* q_out) {
  if (!load(logits, vocabulary, parameters)) return {0, 0.0f, true};
  SampleResult result;
  result.token = choose(parameters, position, Purpose::kDraftToken);
  result.confidence = probabilities()[result.token];
  if (q_out != nullptr) std::copy(probabilities_.begin(), probabilities_.end(), q_out);
  ++sampled_tokens_;
  return result;
}

Sampler::Verdict Sampler::judge_standard(std::uint32_t drafted, const float* q,
                                         const SamplingParameters& parameters,
                                         std::uint32_t position) {
  const std::vector<float>& p = probabilities();
  if (numerics::accept(p[drafted], q[drafted], uniform(parameters, position, Purpose::kAccept))) {
    return {true, drafted};
  }
  scratch_.resize(p.size());
  const float rest = numerics::residual(p.data(), q, p.size(), scratch_.data());
  const std::vector<float>& weights = rest > 0.0f ? scratch_ : p;
  const float u = uniform(parameters, position, Purpose::kResidual);
  return {false, static_cast<std::uint32_t>(numerics::sample(weights.data(), weights.size(), u))};
}

Sampler::Verdict Sampler::judge(const AcceptInput& input, const SamplingParameters& parameters,
                                std::uint32_t row) {
  const std::uint32_t position = input.position + row;
  const std::uint32_t drafted = input.drafted[row];
  if (parameters.rule == abi::Sampling::kStandard) {
    const float* q = input.distributions + row * input.distribution_stride;
    return judge_standard(drafted, q, parameters, position);
  }
  const std::uint32_t own = choose(parameters, position, Purpose::kTargetToken);
  return {own == drafted, own};
}

AcceptResult Sampler::accept(const AcceptInput& input, const SamplingParameters& parameters) {
  AcceptResult result;
  abi::VerifyResult& verify = result.verify;
  verify.drafted = input.drafted_count;
  for (std::uint32_t row = 0;; ++row) {
    if (!load(input.logits + row * input.logits_stride, input.vocabulary, parameters)) {
      result.is_nan = true;
      return result;
    }
    if (row == input.drafted_count) {
      verify.next_token = choose(parameters, input.position + row, Purpose::kTargetToken);
      break;
    }
    const Verdict verdict = judge(input, parameters, row);
    if (!verdict.accepted) {
      verify.next_token = verdict.token;
      break;
    }
    ++verify.accepted;
  }
  verify.next_confidence = numerics::float_bits(probabilities()[verify.next_token]);
  finish(input, verify);
  return result;
}

void Sampler::finish(const AcceptInput& input, abi::VerifyResult& verify) {
  cut(input, verify);
  drafted_tokens_ += verify.drafted;
  accepted_tokens_ += verify.accepted;
}

SampleResult Sampler::sample(TokenOracle& oracle, std::uint32_t request_id,
                             std::uint32_t first_position, std::uint32_t index) {
  const TokenOracle::Drafted drafted = oracle.draft(request_id, first_position, index);
  ++sampled_tokens_;
  return {drafted.token, drafted.confidence, false};
}

AcceptResult Sampler::accept(const AcceptInput& input, TokenOracle& oracle,
                             std::uint32_t request_id) {
  AcceptResult result;
  abi::VerifyResult& verify = result.verify;
  verify.drafted = input.drafted_count;
  verify.next_token = oracle.target(request_id, input.position);
  while (verify.accepted < input.drafted_count &&
         input.drafted[verify.accepted] == verify.next_token) {
    ++verify.accepted;
    verify.next_token = oracle.target(request_id, input.position + verify.accepted);
  }
  finish(input, verify);
  return result;
}

std::uint64_t Sampler::pass_cycles(std::uint32_t vocabulary) const {
  const std::uint64_t vectors = vocabulary / config_.lanes + (vocabulary % config_.lanes != 0);
  return vectors + log2_of(config_.lanes);
}

std::uint64_t Sampler::sample_cycles(abi::Sampling rule, std::uint32_t vocabulary,
                                     std::uint32_t rows) const {
  const std::uint64_t passes = rule == abi::Sampling::kStandard ? 3 : 2;
  return rows * passes * pass_cycles(vocabulary);
}

std::uint64_t Sampler::accept_cycles(abi::Sampling rule, std::uint32_t vocabulary,
                                     std::uint32_t rows) const {
  const std::uint64_t passes = rule == abi::Sampling::kStandard ? 4 : 2;
  return rows * passes * pass_cycles(vocabulary);
}

void Sampler::collect(observe::StatisticsSink& sink) const {
  sink.value("sampled_tokens", sampled_tokens_, "1", "Tokens chosen by SAMPLE");
  sink.value("drafted_tokens", drafted_tokens_, "1", "Drafted tokens judged by ACCEPT");
  sink.value("accepted_tokens", accepted_tokens_, "1", "Drafted tokens that passed the rule");
}

}  // namespace tandem::npu
