// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

namespace tandem::interconnect {

enum class Arbitration {
  round_robin,  // in turn
  priority,     // the lowest priority number; among equals the lowest port
  weighted,     // in turn, but a port of weight n may go n times per round
};

// Chooses among the ports that wait for one target. At most 64 ports.
class Arbiter {
 public:
  // `weights` (at least 1 each) and `priorities` have one entry per port.
  Arbiter(Arbitration arbitration, std::vector<unsigned> weights, std::vector<unsigned> priorities);

  // `waiting` has bit i set when port i waits, and is not 0.
  unsigned pick(std::uint64_t waiting);
  void reset();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(credits_, last_);
  }

 private:
  unsigned next_after_last(std::uint64_t candidates) const;
  unsigned highest_priority(std::uint64_t waiting) const;
  std::uint64_t with_credit(std::uint64_t waiting) const;

  Arbitration arbitration_;
  std::vector<unsigned> weights_;
  std::vector<unsigned> priorities_;
  std::vector<unsigned> credits_;
  unsigned last_ = 0;
};

}  // namespace tandem::interconnect
