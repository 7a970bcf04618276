// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/interconnect/crossbar.h"

namespace tandem::interconnect {

// State of one AT transaction, carried by its payload so that it is found without a search. Where
// crossbars are cascaded, a payload carries one from each, innermost first.
struct Crossbar::Transaction : tlm::tlm_extension<Crossbar::Transaction> {
  static constexpr unsigned kNoTarget = ~0u;

  Crossbar* owner = nullptr;
  Transaction* outer = nullptr;
  common::Payload* payload = nullptr;
  unsigned initiator = 0;
  unsigned target = kNoTarget;
  std::uint64_t initiator_address = 0;
  std::uint64_t target_address = 0;
  std::uint64_t time_ps = 0;         // when it arrived, may be sent, or may be delivered
  std::uint64_t end_request_ps = 0;  // when its request has left the initiator's port
  std::uint64_t target_free_ps = 0;  // when its response has left the target's port
  bool target_waits = false;         // for END_RESP

  // The payload is being destroyed, in flight, with its initiator. The crossbars keep their
  // storage.
  void free() override {
    for (Transaction* t = this; t != nullptr; t = t->outer) t->payload = nullptr;
  }
  // State belongs to this crossbar and to this payload: a copied payload starts without.
  tlm::tlm_extension_base* clone() const override { return nullptr; }
  void copy_from(const tlm::tlm_extension_base&) override {}
};

}  // namespace tandem::interconnect
