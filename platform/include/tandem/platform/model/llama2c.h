// SPDX-License-Identifier: Apache-2.0
// Checkpoints of llama2.c, version 0: seven int32, then FP32 tensors (github.com/karpathy/llama2.c,
// export.py, `legacy_export`).
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "tandem/platform/model/weights.h"

namespace tandem::platform {

// The weights are rounded to FP16, to nearest, ties to even. Throws UserError, naming the file and
// what was expected, if it cannot be read, its header is implausible or disagrees with its size, or
// a weight is NaN, infinite, or too large for FP16.
Model load_llama2c(const std::filesystem::path& file);

// The same from memory; `origin` stands for the file's name in messages.
Model parse_llama2c(const std::uint8_t* bytes, std::size_t size, const std::string& origin);

}  // namespace tandem::platform
