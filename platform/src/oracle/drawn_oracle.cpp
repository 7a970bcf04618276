// SPDX-License-Identifier: Apache-2.0
#include "drawn_oracle.h"

#include <algorithm>

namespace tandem::platform {

using Purpose = Draws::Purpose;

std::uint32_t DrawnOracle::target(std::uint32_t request_id, std::uint32_t position) {
  return tokens_.at(draws_.below(tokens_.count(), Purpose::kToken, request_id, position, 0));
}

npu::TokenOracle::Drafted DrawnOracle::draft(std::uint32_t request_id, std::uint32_t first_position,
                                             std::uint32_t index) {
  const Judgement judgement = judge(request_id, first_position, index);
  const std::uint32_t right = target(request_id, first_position + index);
  const auto confidence = static_cast<float>(judgement.confidence);
  if (judgement.accepted) return {right, confidence};
  const std::uint32_t rank =
      draws_.below(tokens_.count() - 1, Purpose::kOtherToken, request_id, first_position, index);
  return {tokens_.other(right, rank), confidence};
}

void DrawnOracle::experts(std::uint32_t request_id, std::uint32_t position, std::uint32_t layer,
                          std::uint32_t experts, std::uint32_t top_k,
                          std::vector<std::uint32_t>& chosen) {
  experts_->choose(request_id, position, layer, experts, top_k, chosen);
}

DrawnOracle::Judgement TableOracle::judge(std::uint32_t request_id, std::uint32_t first_position,
                                          std::uint32_t index) const {
  const double acceptance = acceptance_[std::min<std::size_t>(index, acceptance_.size() - 1)];
  const double drawn = draws().uniform(Purpose::kAcceptance, request_id, first_position, index);
  return {drawn < acceptance, acceptance};
}

// The a-th smallest of a + b - 1 uniform numbers has the distribution Beta(a, b).
DrawnOracle::Judgement CalibratedOracle::judge(std::uint32_t request_id,
                                               std::uint32_t first_position,
                                               std::uint32_t index) const {
  const std::uint32_t count = a_ + b_ - 1;
  std::vector<double> drawn(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    drawn[i] = draws().uniform(Purpose::kConfidence, request_id, first_position, index * count + i);
  }
  const auto confidence = drawn.begin() + (a_ - 1);
  std::nth_element(drawn.begin(), confidence, drawn.end());
  const double judged = draws().uniform(Purpose::kAcceptance, request_id, first_position, index);
  return {judged < *confidence, *confidence};
}

DrawnOracle::Judgement ResampledOracle::judge(std::uint32_t request_id,
                                              std::uint32_t first_position,
                                              std::uint32_t index) const {
  const MeasuredDraft& pair =
      pairs_[draws().below(static_cast<std::uint32_t>(pairs_.size()), Purpose::kConfidence,
                           request_id, first_position, index)];
  return {pair.match, static_cast<double>(pair.confidence)};
}

}  // namespace tandem::platform
