// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/archive.h"
#include "tandem/common/ring.h"
#include "tandem/common/systemc.h"
#include "tandem/interconnect/address_map.h"
#include "tandem/interconnect/arbiter.h"
#include "tandem/observe/statistics.h"

namespace tandem::interconnect {

// N initiators, M targets, a path of its own for every pair that wants one: only the ports are
// shared. LT and AT, DMI and debug access; see README.md for the timing.
//
// A transaction reaches its target with the target's address and comes back with its own. Reset
// drops reservations and the state of the arbiters; transactions in flight are finished, because
// the base protocol cannot abort. While reset is high new ones get TLM_GENERIC_ERROR_RESPONSE.
class Crossbar : public sc_core::sc_module {
 public:
  struct Port {
    std::string name;
    unsigned width_bytes = 16;
    std::uint64_t clock_period_ps = 1000;
    unsigned latency_cycles = 1;  // in each direction
    unsigned weight = 1;          // initiators only, see Arbitration
    unsigned priority = 0;        // initiators only, 0 is the most urgent
  };
  struct Config {
    std::vector<Port> initiators;
    std::vector<Port> targets;
    std::vector<AddressRange> ranges;
    Arbitration arbitration = Arbitration::round_robin;
    unsigned request_depth = 4;   // granted requests that wait for a target
    unsigned response_depth = 4;  // responses that wait for an initiator

    // Throws std::invalid_argument.
    void validate() const;
  };

  tlm_utils::simple_target_socket_tagged<Crossbar>& from_initiator(unsigned i) {
    return from_initiators[i];
  }
  tlm_utils::simple_initiator_socket_tagged<Crossbar>& to_target(unsigned j) {
    return to_targets[j];
  }
  sc_core::sc_vector<tlm_utils::simple_target_socket_tagged<Crossbar>> from_initiators;
  sc_core::sc_vector<tlm_utils::simple_initiator_socket_tagged<Crossbar>> to_targets;
  common::ResetPort reset;

  Crossbar(const sc_core::sc_module_name& name, const Config& config);
  ~Crossbar() override;

  const Config& config() const { return config_; }
  void set_initiator_clock_period_ps(unsigned initiator, std::uint64_t period_ps);
  void set_target_clock_period_ps(unsigned target, std::uint64_t period_ps);
  void collect(observe::StatisticsSink& sink) const;

  // No transaction on its way.
  bool quiescent() const;
  // When quiescent.
  void archive(common::Archive& archive);

 private:
  static constexpr std::uint64_t kStoredBytes =
      std::uint64_t{64} * 1024;  // longer responses are cut through
  struct Transaction;

  struct Counters {
    std::uint64_t transactions = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bytes = 0;
    std::uint64_t holes = 0;
    std::uint64_t request_busy_ps = 0;
    std::uint64_t response_busy_ps = 0;
    std::uint64_t request_wait_ps = 0;
    std::uint64_t response_wait_ps = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(transactions, read_bytes, write_bytes, holes);
      archive(request_busy_ps, response_busy_ps, request_wait_ps, response_wait_ps);
    }
  };
  // What both kinds of port have: two data paths, reserved until some time.
  struct Lane {
    std::uint64_t period_ps = 0;
    std::uint64_t latency_ps = 0;
    unsigned width_bytes = 0;
    std::uint64_t request_busy_ps = 0;
    std::uint64_t response_busy_ps = 0;
    Counters counters;

    void set(const Port& port);
    // At least one cycle, also for a request or a response without data.
    std::uint64_t transfer_ps(std::uint64_t bytes) const {
      return bytes <= width_bytes ? period_ps : (bytes + width_bytes - 1) / width_bytes * period_ps;
    }
  };
  struct Input : Lane {
    Transaction* request = nullptr;        // between BEGIN_REQ and END_REQ
    common::Ring<Transaction*> responses;  // on their way, in order
    common::Ring<Transaction*> held;       // responses that found `responses` full
    Transaction* response = nullptr;       // between BEGIN_RESP and END_RESP
    std::uint64_t response_free_ps = 0;
    bool delivery_due = false;  // an agenda entry exists
    std::uint64_t last_delivery_ps = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(request_busy_ps, response_busy_ps, counters, response_free_ps, last_delivery_ps);
    }
  };
  struct Output : Lane {
    explicit Output(Arbiter a) : arbiter(std::move(a)) {}
    Arbiter arbiter;
    std::uint64_t waiting = 0;            // initiators whose request is for this target
    bool arbitration_due = false;         // when the request path is free again
    common::Ring<Transaction*> requests;  // granted, in order
    Transaction* request = nullptr;       // between BEGIN_REQ and END_REQ
    std::uint64_t request_free_ps = 0;    // END_REQ may lie in the future
    bool send_due = false;                // an agenda entry exists

    template <typename Archive>
    void archive(Archive& archive) {
      archive(request_busy_ps, response_busy_ps, counters, arbiter, request_free_ps);
    }
  };

  void b_transport(int initiator, common::Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_fw(int initiator, common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_bw(int target, common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  bool get_direct_mem_ptr(int initiator, common::Payload& payload, tlm::tlm_dmi& dmi);
  unsigned transport_dbg(int initiator, common::Payload& payload);
  void invalidate_direct_mem_ptr(int target, sc_dt::uint64 start, sc_dt::uint64 end);

  // Decoding and arithmetic.
  // nullptr, with the response set, when the transaction goes nowhere.
  const AddressRange* route(Input& input, common::Payload& payload) const;
  // Both reserve the two ports from `ready_ps` on and return when the transfer ends.
  static std::uint64_t reserve_request(Input& input, Output& output, const common::Payload& payload,
                                       std::uint64_t arrival_ps, std::uint64_t ready_ps);
  static std::uint64_t reserve_response(Input& input, Output& output,
                                        const common::Payload& payload, std::uint64_t sent_ps,
                                        std::uint64_t ready_ps);

  // AT: request path.
  tlm::tlm_sync_enum begin_request(unsigned initiator, common::Payload& payload,
                                   tlm::tlm_phase& phase, sc_core::sc_time& delay);
  void grant_waiting(unsigned target, Transaction* in_call);
  void arbitrate();
  void grant(unsigned target, Transaction& transaction, Transaction* in_call);
  void schedule_send(unsigned target);
  void send_requests(unsigned target);
  void send_request(unsigned target, Transaction& transaction);
  void request_ended(unsigned target, std::uint64_t time_ps);

  // AT: response path.
  bool accept_response(Transaction& transaction, std::uint64_t ready_ps);
  void queue_response(Transaction& transaction, std::uint64_t ready_ps);
  void finish_at_target(Transaction& transaction);
  void schedule_delivery(unsigned initiator);
  void deliver_responses(unsigned initiator);
  void admit_held_responses(Input& input);
  void end_response(Input& input, std::uint64_t time_ps);

  Transaction& attach(common::Payload& payload, unsigned initiator, const AddressRange* range);
  Transaction* find(const common::Payload& payload) const;
  void detach(Transaction& transaction);
  static void unlink(Transaction& transaction);
  void on_reset();

  Config config_;
  AddressMap map_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  common::Agenda agenda_;
  common::Ring<unsigned> arbitrations_;  // targets whose request path has become free
  sc_core::sc_event arbitrate_;
  std::vector<std::unique_ptr<Transaction>> storage_;
  std::vector<Transaction*> free_;
  bool in_reset_ = false;
};

}  // namespace tandem::interconnect
