// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "tandem/test/at_initiator.h"

namespace tandem::test {

// Random reads and writes of one AT initiator within a window of addresses that it has to itself,
// checked against a shadow copy. Two transactions on the same slot are never in flight together,
// so the outcome does not depend on the order in which a target executes them.
class RandomTraffic {
 public:
  struct Config {
    std::uint64_t base = 0;
    unsigned slots = 64;
    unsigned slot_bytes = 256;
    unsigned count = 1000;
    std::uint32_t seed = 1;
    std::uint64_t greatest_gap_ps = 0;  // between the earliest times of requests
    std::uint64_t start_ps = 0;
  };

  RandomTraffic(AtInitiator& initiator, const Config& config)
      : config_(config), shadow_(std::size_t{config.slots} * config.slot_bytes, 0) {
    initiator.may_issue = [this](const AtInitiator::Request& request) {
      return busy_.insert(slot(request.address)).second;
    };
    initiator.on_result = [this](const AtInitiator::Result& result) { check(result); };
    std::mt19937 random(config.seed);
    std::uint64_t time_ps = config.start_ps;
    for (unsigned i = 0; i < config.count; ++i) {
      time_ps += config.greatest_gap_ps == 0 ? 0 : random() % config.greatest_gap_ps;
      initiator.submit(make(random, time_ps));
    }
  }

  // Responses other than TLM_OK_RESPONSE, and bytes that differ from the shadow.
  unsigned errors() const { return errors_; }
  unsigned mismatches() const { return mismatches_; }
  unsigned done() const { return done_; }
  const std::vector<std::uint8_t>& shadow() const { return shadow_; }

 private:
  std::uint64_t slot(std::uint64_t address) const {
    return (address - config_.base) / config_.slot_bytes;
  }
  AtInitiator::Request make(std::mt19937& engine, std::uint64_t time_ps) const {
    const auto random = [&engine] { return static_cast<unsigned>(engine()); };
    const unsigned slot_index = random() % config_.slots;
    const unsigned offset = random() % config_.slot_bytes;
    const unsigned length = 1 + random() % (config_.slot_bytes - offset);
    AtInitiator::Request request;
    request.command = random() % 2 == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND;
    request.address = config_.base + std::uint64_t{slot_index} * config_.slot_bytes + offset;
    request.data.resize(length);
    for (std::uint8_t& byte : request.data) byte = static_cast<std::uint8_t>(random());
    request.earliest_ps = time_ps;
    return request;
  }
  void check(const AtInitiator::Result& result) {
    ++done_;
    busy_.erase(slot(result.address));
    if (result.status != tlm::TLM_OK_RESPONSE) {
      ++errors_;
      return;
    }
    std::uint8_t* expected = shadow_.data() + (result.address - config_.base);
    if (result.command == tlm::TLM_WRITE_COMMAND) {
      std::copy(result.data.begin(), result.data.end(), expected);
    } else if (!std::equal(result.data.begin(), result.data.end(), expected)) {
      ++mismatches_;
    }
  }

  Config config_;
  std::vector<std::uint8_t> shadow_;
  std::set<std::uint64_t> busy_;
  unsigned errors_ = 0;
  unsigned mismatches_ = 0;
  unsigned done_ = 0;
};

}  // namespace tandem::test
