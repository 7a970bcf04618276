// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/abi/formats.h"
#include "tandem/numerics/weights.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

bool is_bsfp(DraftFormat format);

// What a matrix in the draft's format looks like, and its full format: kFp16 unless BSFP.
struct DraftForm {
  numerics::TensorLayout layout;
  abi::Format full_format = abi::Format::kFp16;
};
DraftForm draft_form(const DraftConfig& draft, std::uint32_t rows, std::uint32_t columns);

// The bytes of it. With a BSFP format they are all there is of the matrix; otherwise `stream` is a
// second copy and the full matrix stays as it was.
struct DraftTensor {
  std::vector<std::uint8_t> stream, remainder, scales, tables;
};

// Throws UserError, naming the tensor and the reason, if the format cannot hold it.
DraftTensor make_draft_tensor(const Matrix& matrix, const DraftConfig& draft,
                              const std::string& name);

}  // namespace tandem::platform
