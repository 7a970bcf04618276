// SPDX-License-Identifier: Apache-2.0
// Which experts a token is sent to, as a function of (seed, request, position, layer).
#pragma once
#include <cstdint>
#include <vector>

#include "draws.h"

namespace tandem::platform {

class ExpertChoice {
 public:
  virtual ~ExpertChoice() = default;
  // Fills `chosen` with top_k different numbers below `experts`, ascending; top_k is at most
  // `experts`.
  virtual void choose(std::uint32_t request, std::uint32_t position, std::uint32_t layer,
                      std::uint32_t experts, std::uint32_t top_k,
                      std::vector<std::uint32_t>& chosen) const = 0;
};

// Every set of top_k experts is equally likely.
class UniformExperts : public ExpertChoice {
 public:
  explicit UniformExperts(std::uint64_t seed) : draws_(seed) {}
  void choose(std::uint32_t request, std::uint32_t position, std::uint32_t layer,
              std::uint32_t experts, std::uint32_t top_k,
              std::vector<std::uint32_t>& chosen) const override;

 private:
  Draws draws_;
};

// Each expert is chosen as often as the measured share says, exactly: systematic sampling with
// unequal probabilities (Madow 1949), one draw per token and layer. Tokens are independent of each
// other, so how many experts a batch touches follows from the shares; which experts one token has
// together does not follow the measured model.
class PopularExperts : public ExpertChoice {
 public:
  struct Layer {
    std::uint32_t layer;
    std::vector<double> until;  // sums of shares up to and with each expert; shares are at most 1
  };

  // `layers` ascending and not empty. A layer that is not there takes the nearest one, the lower of
  // two.
  PopularExperts(std::uint64_t seed, std::vector<Layer> layers);
  void choose(std::uint32_t request, std::uint32_t position, std::uint32_t layer,
              std::uint32_t experts, std::uint32_t top_k,
              std::vector<std::uint32_t>& chosen) const override;

 private:
  const Layer& nearest(std::uint32_t layer) const;

  Draws draws_;
  std::vector<Layer> layers_;
};

}  // namespace tandem::platform
