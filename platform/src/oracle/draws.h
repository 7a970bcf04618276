// SPDX-License-Identifier: Apache-2.0
// The random numbers of oracles: functions of (seed, request, position, purpose, index).
#pragma once
#include <cstdint>
#include <vector>

namespace tandem::platform {

class Draws {
 public:
  // Different purposes never share numbers. At most 2^24 numbers each.
  enum class Purpose : std::uint32_t { kToken, kAcceptance, kConfidence, kOtherToken, kExperts };

  explicit Draws(std::uint64_t seed) : seed_(seed) {}

  // In (0, 1).
  double uniform(Purpose purpose, std::uint32_t request, std::uint32_t position,
                 std::uint32_t index) const;
  // In 0..count-1; `count` is at least 1.
  std::uint32_t below(std::uint32_t count, Purpose purpose, std::uint32_t request,
                      std::uint32_t position, std::uint32_t index) const;

 private:
  std::uint64_t seed_;
};

// The tokens that an oracle may make up: all of a vocabulary but those that end a request.
class TokenChoice {
 public:
  // Throws UserError unless there are two of them.
  TokenChoice(std::uint32_t vocabulary, const std::vector<std::uint32_t>& stop_ids);

  std::uint32_t count() const { return count_; }
  std::uint32_t at(std::uint32_t rank) const;  // rank below count()
  // The `rank`-th of those other than `token`, rank below count() - 1.
  std::uint32_t other(std::uint32_t token, std::uint32_t rank) const;

 private:
  std::vector<std::uint32_t> excluded_;  // ascending
  std::uint32_t count_;
};

}  // namespace tandem::platform
