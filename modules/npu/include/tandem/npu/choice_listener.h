// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace tandem::npu {

// Hears what SAMPLE and ACCEPT choose, at the moment they do. Must not call the NPU.
class ChoiceListener {
 public:
  virtual ~ChoiceListener() = default;

  // The draft's `index`-th token of the round whose first drafted token has position
  // `first_position`, as TokenOracle::draft() is asked for it.
  virtual void drafted(std::uint32_t request_id, std::uint32_t first_position, std::uint32_t index,
                       std::uint32_t token, float confidence) = 0;
  // The target has accepted `accepted` of the drafted tokens, the first at `position`, and chosen
  // `next_token` after them; what lies beyond a stop id or the last token asked for is included.
  virtual void accepted(std::uint32_t request_id, std::uint32_t position,
                        const std::uint32_t* drafted, std::uint32_t accepted,
                        std::uint32_t next_token) = 0;
};

}  // namespace tandem::npu
