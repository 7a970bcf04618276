// SPDX-License-Identifier: Apache-2.0
#include "tandem/interconnect/arbiter.h"

namespace tandem::interconnect {

Arbiter::Arbiter(Arbitration arbitration, std::vector<unsigned> weights,
                 std::vector<unsigned> priorities)
    : arbitration_(arbitration), weights_(std::move(weights)), priorities_(std::move(priorities)) {
  reset();
}

void Arbiter::reset() {
  credits_ = weights_;
  last_ = static_cast<unsigned>(weights_.size()) - 1;
}

unsigned Arbiter::next_after_last(std::uint64_t candidates) const {
  const auto ports = static_cast<unsigned>(weights_.size());
  unsigned port = last_;
  do {
    port = port + 1 == ports ? 0 : port + 1;
  } while ((candidates >> port & 1) == 0);
  return port;
}

unsigned Arbiter::highest_priority(std::uint64_t waiting) const {
  unsigned best = 64;
  for (unsigned port = 0; port < priorities_.size(); ++port) {
    if ((waiting >> port & 1) == 0) continue;
    if (best == 64 || priorities_[port] < priorities_[best]) best = port;
  }
  return best;
}

std::uint64_t Arbiter::with_credit(std::uint64_t waiting) const {
  std::uint64_t ports = 0;
  for (unsigned port = 0; port < credits_.size(); ++port) {
    if (credits_[port] > 0) ports |= waiting & (std::uint64_t{1} << port);
  }
  return ports;
}

unsigned Arbiter::pick(std::uint64_t waiting) {
  unsigned port = 0;
  switch (arbitration_) {
    case Arbitration::round_robin:
      port = next_after_last(waiting);
      break;
    case Arbitration::priority:
      port = highest_priority(waiting);
      break;
    case Arbitration::weighted:
      if (with_credit(waiting) == 0) credits_ = weights_;
      port = next_after_last(with_credit(waiting));
      --credits_[port];
      break;
  }
  last_ = port;
  return port;
}

}  // namespace tandem::interconnect
