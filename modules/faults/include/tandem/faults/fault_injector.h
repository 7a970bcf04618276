// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tandem/common/systemc.h"
#include "tandem/faults/fault_log.h"
#include "tandem/faults/trigger.h"

namespace tandem::faults {

// In line between an initiator and a target, LT and AT. Lets everything pass, at no time, but for
// what its rules say. Debug accesses never fail. See README.md for DMI.
class FaultInjector : public sc_core::sc_module {
 public:
  // kBusError, kEccCorrected or kEccUncorrected. An error is answered `delay_ps` after the request,
  // corrected data come so much later.
  struct Rule {
    Kind kind;
    When when;
    std::uint64_t delay_ps = 0;
  };

  tlm_utils::simple_target_socket<FaultInjector> target;
  tlm_utils::simple_initiator_socket<FaultInjector> initiator;

  // `where` names the place in the log. `base` is added to the addresses of accesses, where they
  // are relative: rules and log have the sums.
  FaultInjector(const sc_core::sc_module_name& name, std::string where, FaultLog& log,
                std::uint64_t base = 0);
  // Throws std::invalid_argument for another kind.
  void add(const Rule& rule);

 private:
  struct Active {
    Kind kind;
    Trigger trigger;
    std::uint64_t delay_ps;
  };
  // An access whose response is to be changed.
  struct Marked {
    const common::Payload* payload;
    std::uint64_t delay_ps;
    bool corrected;
  };

  void b_transport(common::Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_fw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_bw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  bool get_direct_mem_ptr(common::Payload& payload, tlm::tlm_dmi& dmi);
  unsigned transport_dbg(common::Payload& payload) { return initiator->transport_dbg(payload); }
  void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) {
    target->invalidate_direct_mem_ptr(start, end);
  }

  // Null: the access goes its way.
  const Active* fault_of(const common::Payload& payload, std::uint64_t time_ps);
  void refuse(common::Payload& payload, const Active& rule, sc_core::sc_time& delay);
  void settle(common::Payload& payload, const Marked& mark, sc_core::sc_time& delay);
  void settle_marked(common::Payload& payload, sc_core::sc_time& delay);

  const std::string where_;
  FaultLog& log_;
  const std::uint64_t base_;
  std::vector<Active> rules_;
  std::vector<Marked> marked_;
};

}  // namespace tandem::faults
