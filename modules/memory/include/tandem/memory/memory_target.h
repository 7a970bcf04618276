// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/at_target.h"
#include "tandem/common/systemc.h"
#include "tandem/memory/sparse_store.h"

namespace tandem::memory {

// Everything that an SRAM and a DRAM stack have in common: target sockets over one store, LT, AT,
// DMI and debug access, reset. A derived class says only how long an access takes.
//
// The bytes move when the request arrives; the response follows when the access is done. Byte
// enables and streaming are refused. Reset drops timing state, answers what is in progress (see
// AtTarget::reset) and keeps the contents and the statistics; while it is high every access gets
// TLM_GENERIC_ERROR_RESPONSE.
class MemoryTarget : public sc_core::sc_module, private common::AtTargetOwner {
 public:
  using Socket = tlm_utils::simple_target_socket_tagged<MemoryTarget>;
  using Service = common::AtTargetOwner::Service;

  sc_core::sc_vector<Socket> targets;
  common::ResetPort reset;

  Socket& target(unsigned port = 0) { return targets[port]; }
  SparseStore& store() { return store_; }
  const SparseStore& store() const { return store_; }

  // Withdraws pointers already given when switched off.
  void set_dmi_allowed(bool allowed);

  // No access in progress. Contents apart: see SparseStore.
  virtual bool quiescent() const;
  // When quiescent; without the contents.
  virtual void archive(common::Archive& archive);

 protected:
  struct Options {
    std::uint64_t size_bytes;
    std::uint64_t chunk_bytes;
    unsigned ports;
    unsigned max_outstanding;  // per port
    bool dmi;
    std::uint64_t error_latency_ps;
  };
  MemoryTarget(const sc_core::sc_module_name& name, const Options& options);

  // Who asks: an LT initiator, which needs the time of the response at once, or an AT initiator on
  // a port, which can also be answered by a later complete().
  struct Origin {
    bool may_pend;
    unsigned port;
  };
  static constexpr std::uint64_t kPending = common::AtTargetOwner::kPending;
  // Reserves whatever the access needs from `arrival_ps` on. The attributes have been checked.
  virtual Service schedule(common::Payload& payload, std::uint64_t arrival_ps,
                           const Origin& origin) = 0;
  void complete(unsigned port, common::Payload& payload, std::uint64_t response_ps) {
    at_[port].complete(payload, response_ps);
  }
  // Back to the state after construction, contents and statistics excepted.
  virtual void reset_timing() = 0;
  // What a DMI user should count per access.
  virtual std::uint64_t dmi_latency_ps() const = 0;

 private:
  void b_transport(int port, common::Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_fw(int port, common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  bool get_direct_mem_ptr(int port, common::Payload& payload, tlm::tlm_dmi& dmi);
  unsigned transport_dbg(int port, common::Payload& payload);

  Service serve(unsigned port, common::Payload& payload) override;
  tlm::tlm_sync_enum send_backward(unsigned port, common::Payload& payload, tlm::tlm_phase& phase,
                                   sc_core::sc_time& delay) override;

  Service execute(common::Payload& payload, std::uint64_t arrival_ps, const Origin& origin);
  void move_bytes(common::Payload& payload);
  void withdraw_dmi();
  void on_reset();

  Options options_;
  SparseStore store_;
  common::Agenda agenda_;
  std::vector<common::AtTarget> at_;
  bool in_reset_ = false;
};

}  // namespace tandem::memory
