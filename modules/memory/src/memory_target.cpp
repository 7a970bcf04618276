// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/memory_target.h"

#include <algorithm>

#include "tandem/common/timing_only.h"
#include "tandem/common/tlm_checks.h"

namespace tandem::memory {

using common::Payload;

MemoryTarget::MemoryTarget(const sc_core::sc_module_name& name, const Options& options)
    : sc_module(name),
      targets("target", options.ports),
      reset("reset"),
      options_(options),
      store_(options.size_bytes, options.chunk_bytes),
      agenda_("agenda") {
  TANDEM_HAS_PROCESS(MemoryTarget);
  common::AtTargetOwner& owner = *this;
  at_.reserve(options.ports);
  for (unsigned port = 0; port < options.ports; ++port) {
    at_.emplace_back(owner, agenda_, port, options.max_outstanding);
    const int tag = static_cast<int>(port);
    targets[port].register_b_transport(this, &MemoryTarget::b_transport, tag);
    targets[port].register_nb_transport_fw(this, &MemoryTarget::nb_transport_fw, tag);
    targets[port].register_get_direct_mem_ptr(this, &MemoryTarget::get_direct_mem_ptr, tag);
    targets[port].register_transport_dbg(this, &MemoryTarget::transport_dbg, tag);
  }
  SC_METHOD(on_reset);
  sensitive << reset;
  dont_initialize();
}

void MemoryTarget::set_dmi_allowed(bool allowed) {
  if (options_.dmi && !allowed) withdraw_dmi();
  options_.dmi = allowed;
}

void MemoryTarget::b_transport(int port, Payload& payload, sc_core::sc_time& delay) {
  const Service service =
      execute(payload, common::local_time_ps(delay), {false, static_cast<unsigned>(port)});
  delay = common::from_ps(service.response_ps - common::now_ps());
}

tlm::tlm_sync_enum MemoryTarget::nb_transport_fw(int port, Payload& payload, tlm::tlm_phase& phase,
                                                 sc_core::sc_time& delay) {
  return at_[static_cast<std::size_t>(port)].nb_transport_fw(payload, phase, delay);
}

MemoryTarget::Service MemoryTarget::serve(unsigned port, Payload& payload) {
  return execute(payload, common::now_ps(), {true, port});
}

tlm::tlm_sync_enum MemoryTarget::send_backward(unsigned port, Payload& payload,
                                               tlm::tlm_phase& phase, sc_core::sc_time& delay) {
  return targets[port]->nb_transport_bw(payload, phase, delay);
}

MemoryTarget::Service MemoryTarget::execute(Payload& payload, std::uint64_t arrival_ps,
                                            const Origin& origin) {
  tlm::tlm_response_status status = common::check_memory_access(payload, store_.size_bytes());
  if (in_reset_) status = tlm::TLM_GENERIC_ERROR_RESPONSE;
  payload.set_response_status(status);
  if (status != tlm::TLM_OK_RESPONSE || payload.get_command() == tlm::TLM_IGNORE_COMMAND) {
    return {arrival_ps, arrival_ps + options_.error_latency_ps};
  }
  if (!common::is_timing_only(payload)) move_bytes(payload);
  payload.set_dmi_allowed(options_.dmi);
  return schedule(payload, arrival_ps, origin);
}

void MemoryTarget::move_bytes(Payload& payload) {
  if (payload.is_read()) {
    store_.read(payload.get_address(), payload.get_data_ptr(), payload.get_data_length());
  } else {
    store_.write(payload.get_address(), payload.get_data_ptr(), payload.get_data_length());
  }
}

bool MemoryTarget::get_direct_mem_ptr(int, Payload& payload, tlm::tlm_dmi& dmi) {
  if (!store_.contains(payload.get_address(), 1)) {
    dmi.set_start_address(store_.size_bytes());
    dmi.set_end_address(~sc_dt::uint64{0});
    dmi.allow_none();
    return false;
  }
  if (!options_.dmi || in_reset_) {
    dmi.set_start_address(0);
    dmi.set_end_address(store_.size_bytes() - 1);
    dmi.allow_none();
    return false;
  }
  const SparseStore::Span span = store_.chunk(payload.get_address());
  dmi.set_start_address(span.address);
  dmi.set_end_address(span.address + span.bytes - 1);
  dmi.set_dmi_ptr(span.data);
  dmi.set_read_latency(common::from_ps(dmi_latency_ps()));
  dmi.set_write_latency(common::from_ps(dmi_latency_ps()));
  dmi.allow_read_write();
  return true;
}

unsigned MemoryTarget::transport_dbg(int, Payload& payload) {
  const std::uint64_t address = payload.get_address();
  if (payload.get_data_ptr() == nullptr || !store_.contains(address, 1)) return 0;
  const auto length = static_cast<unsigned>(
      std::min<std::uint64_t>(payload.get_data_length(), store_.size_bytes() - address));
  if (payload.is_read()) {
    store_.read(address, payload.get_data_ptr(), length);
  } else if (payload.is_write()) {
    store_.write(address, payload.get_data_ptr(), length);
  } else {
    return 0;
  }
  return length;
}

void MemoryTarget::withdraw_dmi() {
  for (Socket& socket : targets) {
    socket->invalidate_direct_mem_ptr(0, store_.size_bytes() - 1);
  }
}

void MemoryTarget::on_reset() {
  in_reset_ = reset->read();
  if (!in_reset_) return;
  agenda_.clear();
  reset_timing();
  for (common::AtTarget& at : at_) at.reset();
  withdraw_dmi();
}

}  // namespace tandem::memory
