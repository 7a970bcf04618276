// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/abi/formats.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// A matrix in the draft's format. With a BSFP format `stream` and `remainder` are all there is of
// it; otherwise `stream` is a second copy and the full matrix stays as it was.
struct DraftTensor {
  abi::Format draft_format = abi::Format::kFp16;
  abi::Format full_format = abi::Format::kFp16;  // kFp16 unless BSFP
  abi::Grouping grouping = abi::Grouping::kNone;
  abi::TableScope scope = abi::TableScope::kTensor;
  std::vector<std::uint8_t> stream, remainder, scales, tables;
};

bool is_bsfp(DraftFormat format);

// Throws UserError, naming the tensor and the reason, if the format cannot hold it.
DraftTensor make_draft_tensor(const Matrix& matrix, const DraftConfig& draft,
                              const std::string& name);

}  // namespace tandem::platform
