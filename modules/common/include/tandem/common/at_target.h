// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/ring.h"
#include "tandem/common/systemc.h"

namespace tandem::common {

// What an AtTarget asks of the module it belongs to.
class AtTargetOwner {
 public:
  struct Service {
    std::uint64_t accepted_ps;  // END_REQ: the request has been taken in
    std::uint64_t response_ps;  // BEGIN_RESP: the transaction is done; or kPending
  };
  // Answered by a later AtTarget::complete().
  static constexpr std::uint64_t kPending = ~std::uint64_t{0};
  // Executes a transaction that arrives now and sets its response status.
  virtual Service serve(unsigned port, Payload& payload) = 0;
  // The backward path of socket `port`.
  virtual tlm::tlm_sync_enum send_backward(unsigned port, Payload& payload, tlm::tlm_phase& phase,
                                           sc_core::sc_time& delay) = 0;

 protected:
  ~AtTargetOwner() = default;
};

// The target's side of the base protocol's four phases for one socket: exclusion rules, a bounded
// number of transactions in progress (the next request waits for its END_REQ), responses in the
// order in which they become ready, acquire and release, early completion by the initiator.
class AtTarget {
 public:
  AtTarget(AtTargetOwner& owner, Agenda& agenda, unsigned port, unsigned max_outstanding);

  tlm::tlm_sync_enum nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);

  // The response of a transaction that serve() has left pending is due at `response_ps`, which has
  // not passed.
  void complete(Payload& payload, std::uint64_t response_ps);

  // The base protocol cannot abort, so everything in progress is answered at once: executed
  // transactions with their result, a request still held back with TLM_GENERIC_ERROR_RESPONSE. The
  // owner clears the agenda first.
  void reset();
  // Nothing in progress, nothing due.
  bool quiescent() const {
    return outstanding() == 0 && held_ == nullptr && arriving_ == nullptr && !response_due_;
  }
  // When quiescent.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(response_free_ps_, last_accepted_ps_);
  }
  std::size_t outstanding() const { return in_service_.size() + ready_.size() + responding(); }

 private:
  std::size_t responding() const { return response_ != nullptr ? 1 : 0; }
  bool full() const { return outstanding() >= max_outstanding_; }
  tlm::tlm_sync_enum begin_request(Payload& payload, tlm::tlm_phase& phase,
                                   sc_core::sc_time& delay);
  std::uint64_t start(Payload& payload);
  void arrive();
  void admit_held();
  void finish_service(Payload& payload);
  void send_response();
  void end_response(std::uint64_t time_ps);

  AtTargetOwner& owner_;
  Agenda& agenda_;
  unsigned port_;
  unsigned max_outstanding_;
  Payload* held_ = nullptr;             // begun, neither executed nor given its END_REQ
  std::vector<Payload*> in_service_;    // executed, response not due yet
  Ring<Payload*> ready_;                // response due, waiting for the response channel
  Payload* response_ = nullptr;         // between BEGIN_RESP and END_RESP
  std::uint64_t response_free_ps_ = 0;  // END_RESP may lie in the future
  bool response_due_ = false;           // at response_free_ps_
  Payload* arriving_ = nullptr;         // BEGIN_REQ annotated with a delay that has not passed
  std::uint64_t arrival_ps_ = 0;
  std::uint64_t last_accepted_ps_ = 0;
};

}  // namespace tandem::common
