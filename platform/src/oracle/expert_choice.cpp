// SPDX-License-Identifier: Apache-2.0
#include "expert_choice.h"

#include <algorithm>
#include <utility>

namespace tandem::platform {
namespace {

constexpr std::uint32_t kDrawsPerLayer = 64;

}  // namespace

// R. W. Floyd's sampling: one draw per chosen number, whatever `experts` is.
void UniformExperts::choose(std::uint32_t request, std::uint32_t position, std::uint32_t layer,
                            std::uint32_t experts, std::uint32_t top_k,
                            std::vector<std::uint32_t>& chosen) const {
  chosen.clear();
  for (std::uint32_t i = 0; i < top_k; ++i) {
    const std::uint32_t last = experts - top_k + i;
    const std::uint32_t drawn = draws_.below(last + 1, Draws::Purpose::kExperts, request, position,
                                             layer * kDrawsPerLayer + i);
    const bool taken = std::find(chosen.begin(), chosen.end(), drawn) != chosen.end();
    chosen.push_back(taken ? last : drawn);
  }
  std::sort(chosen.begin(), chosen.end());
}

PopularExperts::PopularExperts(std::uint64_t seed, std::vector<Layer> layers)
    : draws_(seed), layers_(std::move(layers)) {}

const PopularExperts::Layer& PopularExperts::nearest(std::uint32_t layer) const {
  const auto distance = [layer](const Layer& l) {
    return l.layer < layer ? layer - l.layer : l.layer - layer;
  };
  return *std::min_element(layers_.begin(), layers_.end(), [&](const Layer& a, const Layer& b) {
    return distance(a) < distance(b);
  });
}

// Points a distance of 1 apart on the line of all shares, which is top_k long.
void PopularExperts::choose(std::uint32_t request, std::uint32_t position, std::uint32_t layer,
                            std::uint32_t, std::uint32_t top_k,
                            std::vector<std::uint32_t>& chosen) const {
  const std::vector<double>& until = nearest(layer).until;
  const double offset =
      draws_.uniform(Draws::Purpose::kExperts, request, position, layer * kDrawsPerLayer);
  chosen.clear();
  auto expert = until.begin();
  for (std::uint32_t i = 0; i < top_k; ++i) {
    expert = std::upper_bound(expert, until.end() - 1, offset + i);
    chosen.push_back(static_cast<std::uint32_t>(expert - until.begin()));
  }
}

}  // namespace tandem::platform
