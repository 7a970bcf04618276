// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include "tandem/common/systemc.h"

namespace tandem::interconnect {

// Joins sockets whose BUSWIDTH template parameters differ; everything is forwarded untouched and
// at no time. (The width that costs time is that of a Crossbar::Port.)
template <unsigned From, unsigned To>
class WidthAdapter : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<WidthAdapter, From> target;
  tlm_utils::simple_initiator_socket<WidthAdapter, To> initiator;

  explicit WidthAdapter(const sc_core::sc_module_name& name)
      : sc_module(name), target("target"), initiator("initiator") {
    target.register_b_transport(this, &WidthAdapter::b_transport);
    target.register_nb_transport_fw(this, &WidthAdapter::nb_transport_fw);
    target.register_get_direct_mem_ptr(this, &WidthAdapter::get_direct_mem_ptr);
    target.register_transport_dbg(this, &WidthAdapter::transport_dbg);
    initiator.register_nb_transport_bw(this, &WidthAdapter::nb_transport_bw);
    initiator.register_invalidate_direct_mem_ptr(this, &WidthAdapter::invalidate_direct_mem_ptr);
  }

 private:
  void b_transport(common::Payload& payload, sc_core::sc_time& delay) {
    initiator->b_transport(payload, delay);
  }
  tlm::tlm_sync_enum nb_transport_fw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) {
    return initiator->nb_transport_fw(payload, phase, delay);
  }
  tlm::tlm_sync_enum nb_transport_bw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) {
    return target->nb_transport_bw(payload, phase, delay);
  }
  bool get_direct_mem_ptr(common::Payload& payload, tlm::tlm_dmi& dmi) {
    return initiator->get_direct_mem_ptr(payload, dmi);
  }
  unsigned transport_dbg(common::Payload& payload) { return initiator->transport_dbg(payload); }
  void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) {
    target->invalidate_direct_mem_ptr(start, end);
  }
};

}  // namespace tandem::interconnect
