// SPDX-License-Identifier: Apache-2.0
// Choosing tokens: softmax, argmax, sampling, and the residual distribution of speculative
// sampling. All sums are FP32 in ascending index order.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tandem::numerics {

// probabilities[i] = exp(logits[i] - max) / sum; -infinity gives 0. n >= 1 and at least one finite
// logit; in place is allowed.
void softmax(const float* logits, std::size_t n, float* probabilities);

// logits[i] = logits[i] / temperature, as every sampling path divides.
void apply_temperature(float* logits, std::size_t n, float temperature);

// Of equal values the lowest index; NaN never wins against a number.
std::size_t argmax(const float* values, std::size_t n);

// The first index whose running sum exceeds u x total, u in (0, 1). Weights are not negative and
// need not sum to 1; one of weight zero is never drawn unless all are zero (then index 0).
std::size_t sample(const float* weights, std::size_t n, float u);

// residual[i] = max(p[i] - q[i], 0), not normalised; returns its sum. A sum of zero means that p
// nowhere exceeds q: then sample from p.
float residual(const float* p, const float* q, std::size_t n, float* result);

// Accept a token drafted from q with probability min(1, p/q): true if u q < p.
bool accept(float p, float q, float u);

// argmax of logits[i] + noise[i] (Gumbel): a sample of softmax(logits), lower index on ties.
std::size_t gumbel_argmax(const float* logits, const float* noise, std::size_t n);

}  // namespace tandem::numerics
