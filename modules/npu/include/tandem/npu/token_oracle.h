// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

namespace tandem::npu {

// Decides what tensors would decide, where they are not computed (Config::timing_only). Its answers
// may depend on their arguments and on nothing else, so that batches, placement and granularity
// change time, never tokens.
class TokenOracle {
 public:
  struct Drafted {
    std::uint32_t token;
    float confidence;  // probability that the draft gives the token, 0..1

    template <typename Archive>
    void archive(Archive& archive) {
      archive(token, confidence);
    }
  };

  // In place of a token: there is no answer, such as beyond the end of a recorded run. The command
  // that asks ends with an error status.
  static constexpr std::uint32_t kNoToken = std::numeric_limits<std::uint32_t>::max();

  virtual ~TokenOracle() = default;

  // The target's token at `position` (absolute, prompt included) of a request. ACCEPT compares
  // drafted tokens with it, which is greedy decoding.
  virtual std::uint32_t target(std::uint32_t request_id, std::uint32_t position) = 0;
  // The draft's `index`-th token of the round whose first drafted token has position
  // `first_position`; the tokens before it in the round are the target's, or the answer is unused.
  virtual Drafted draft(std::uint32_t request_id, std::uint32_t first_position,
                        std::uint32_t index) = 0;
  // The experts, all different, that a token is sent to in a layer with `experts` of them.
  virtual void experts(std::uint32_t request_id, std::uint32_t position, std::uint32_t layer,
                       std::uint32_t experts, std::uint32_t top_k,
                       std::vector<std::uint32_t>& chosen) = 0;
};

}  // namespace tandem::npu
