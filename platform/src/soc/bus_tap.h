// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <systemc>
#include <tlm>
#include <unordered_map>

#include "access_log.h"

namespace tandem::platform {

// Stands between an initiator and the bus, lets everything through as it is, takes no time, and
// tells the log of each access that has ended. Built only where there is a log.
class BusTap : public sc_core::sc_module, tlm::tlm_fw_transport_if<>, tlm::tlm_bw_transport_if<> {
 public:
  tlm::tlm_target_socket<> from_initiator;
  tlm::tlm_initiator_socket<> to_bus;

  // `initiator` must live as long as the tap.
  BusTap(const sc_core::sc_module_name& name, const char* initiator, AccessLog& log);

 private:
  void b_transport(common::Payload& payload, sc_core::sc_time& delay) override;
  tlm::tlm_sync_enum nb_transport_fw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override;
  bool get_direct_mem_ptr(common::Payload& payload, tlm::tlm_dmi& dmi) override;
  unsigned transport_dbg(common::Payload& payload) override;
  tlm::tlm_sync_enum nb_transport_bw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) override;
  void invalidate_direct_mem_ptr(sc_dt::uint64 first, sc_dt::uint64 last) override;
  void end(const common::Payload& payload, const sc_core::sc_time& delay);

  const char* initiator_;
  AccessLog& log_;
  std::unordered_map<const common::Payload*, std::uint64_t> addresses_;  // AT, in flight
};

}  // namespace tandem::platform
