// SPDX-License-Identifier: Apache-2.0
#include "draws.h"

#include <algorithm>
#include <string>

#include "tandem/numerics/random.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

constexpr unsigned kIndexBits = 24;

std::uint32_t index_of(Draws::Purpose purpose, std::uint32_t index) {
  return static_cast<std::uint32_t>(purpose) << kIndexBits | index;
}

}  // namespace

double Draws::uniform(Purpose purpose, std::uint32_t request, std::uint32_t position,
                      std::uint32_t index) const {
  const numerics::RandomKey key{seed_, request, position, numerics::Purpose::kOracle};
  return static_cast<double>(numerics::uniform(key, index_of(purpose, index)));
}

std::uint32_t Draws::below(std::uint32_t count, Purpose purpose, std::uint32_t request,
                           std::uint32_t position, std::uint32_t index) const {
  const numerics::RandomKey key{seed_, request, position, numerics::Purpose::kOracle};
  const std::uint64_t word = numerics::random_word(key, index_of(purpose, index));
  return static_cast<std::uint32_t>(word * count >> 32);
}

TokenChoice::TokenChoice(std::uint32_t vocabulary, const std::vector<std::uint32_t>& stop_ids) {
  for (const std::uint32_t id : stop_ids) {
    if (id < vocabulary) excluded_.push_back(id);
  }
  std::sort(excluded_.begin(), excluded_.end());
  excluded_.erase(std::unique(excluded_.begin(), excluded_.end()), excluded_.end());
  count_ = vocabulary - static_cast<std::uint32_t>(excluded_.size());
  if (count_ < 2) {
    throw UserError("an oracle needs two tokens that end no request, a vocabulary of " +
                    std::to_string(vocabulary) + " leaves " + std::to_string(count_));
  }
}

std::uint32_t TokenChoice::at(std::uint32_t rank) const {
  std::uint32_t token = rank;
  for (const std::uint32_t excluded : excluded_) token += excluded <= token ? 1 : 0;
  return token;
}

std::uint32_t TokenChoice::other(std::uint32_t token, std::uint32_t rank) const {
  const std::uint32_t candidate = at(rank);
  return candidate < token ? candidate : at(rank + 1);
}

}  // namespace tandem::platform
