// SPDX-License-Identifier: Apache-2.0
// Elementary functions of fixed result: built from IEEE additions, multiplications, divisions and
// square roots in double precision, so every machine gives the same bits. The largest error against
// the exact value is 0.501 units in the last place of the float result, unless stated otherwise.
#pragma once
#include <cstddef>

namespace tandem::numerics {

float exp(float x);
float log(float x);  // log(0) = -infinity, log(negative) = NaN
float rsqrt(float x);

// For |x| <= 2^24; beyond that, NaN. Error: 0.501 units in the last place, or 1e-15 absolute near
// the zeros of the function, whichever is larger.
float sin(float x);
float cos(float x);

float pow(float base, float exponent);  // base > 0, else NaN

// For finite x.
float silu(float x);       // x / (1 + exp(-x))
float gelu_tanh(float x);  // x / 2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); error <= 2 units

// exp of n elements, the same bits as the scalar form; in place is allowed.
void exp(const float* x, float* y, std::size_t n);

}  // namespace tandem::numerics
