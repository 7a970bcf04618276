// SPDX-License-Identifier: Apache-2.0
// Models of any shape with random weights: for timing, where the words do not matter.
#pragma once
#include <cstdint>

#include "tandem/platform/model/weights.h"

namespace tandem::platform {

// Weights near normal, mean 0, standard deviation 1 / sqrt(columns), so that activations keep their
// size; norm gains 1. A weight is a function of (seed, tensor, index) alone. Throws UserError for
// an implausible shape.
Model synthetic_model(const ModelShape& shape, std::uint64_t seed);

}  // namespace tandem::platform
