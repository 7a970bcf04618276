// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/pass.h"

namespace tandem::npu {

void Pass::clear() {
  rows.clear();
  ranges.clear();
}

void Pass::add(std::uint32_t sequence, const std::uint32_t* tokens, std::uint32_t count,
               std::uint32_t position) {
  ranges.push_back({sequence, static_cast<std::uint32_t>(rows.size()), count});
  for (std::uint32_t i = 0; i < count; ++i) rows.push_back({sequence, tokens[i], position + i});
}

}  // namespace tandem::npu
