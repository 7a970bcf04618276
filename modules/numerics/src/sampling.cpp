// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/sampling.h"

#include "tandem/numerics/math.h"

namespace tandem::numerics {

void softmax(const float* logits, std::size_t n, float* probabilities) {
  const float largest = logits[argmax(logits, n)];
  for (std::size_t i = 0; i < n; ++i) probabilities[i] = logits[i] - largest;
  exp(probabilities, probabilities, n);
  float sum = 0.0f;
  for (std::size_t i = 0; i < n; ++i) sum += probabilities[i];
  for (std::size_t i = 0; i < n; ++i) probabilities[i] /= sum;
}

void apply_temperature(float* logits, std::size_t n, float temperature) {
  for (std::size_t i = 0; i < n; ++i) logits[i] /= temperature;
}

std::size_t argmax(const float* values, std::size_t n) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < n; ++i) {
    const bool best_is_nan = values[best] != values[best];
    if (values[i] > values[best] || (best_is_nan && values[i] == values[i])) best = i;
  }
  return best;
}

std::size_t sample(const float* weights, std::size_t n, float u) {
  float total = 0.0f;
  for (std::size_t i = 0; i < n; ++i) total += weights[i];
  const float wanted = u * total;
  float running = 0.0f;
  std::size_t last_possible = 0;
  for (std::size_t i = 0; i < n; ++i) {
    running += weights[i];
    if (running > wanted) return i;
    if (weights[i] > 0.0f) last_possible = i;
  }
  return last_possible;
}

float residual(const float* p, const float* q, std::size_t n, float* result) {
  float sum = 0.0f;
  for (std::size_t i = 0; i < n; ++i) {
    const float difference = p[i] - q[i];
    result[i] = difference > 0.0f ? difference : 0.0f;
    sum += result[i];
  }
  return sum;
}

bool accept(float p, float q, float u) {
  return u * q < p;
}

std::size_t gumbel_argmax(const float* logits, const float* noise, std::size_t n) {
  std::size_t best = 0;
  float largest = logits[0] + noise[0];
  for (std::size_t i = 1; i < n; ++i) {
    const float value = logits[i] + noise[i];
    if (value > largest) {
      largest = value;
      best = i;
    }
  }
  return best;
}

}  // namespace tandem::numerics
