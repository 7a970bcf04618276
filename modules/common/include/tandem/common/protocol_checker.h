// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/common/systemc.h"

namespace tandem::common {

// Sits in line between an initiator and a target, passes everything through unchanged and records
// every breach of the base protocol: order of phases, request and response exclusion, attributes
// changed in flight, missing or premature response status, delays that run backwards, references
// not held, transactions never answered.
class ProtocolChecker : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<ProtocolChecker> target;
  tlm_utils::simple_initiator_socket<ProtocolChecker> initiator;

  explicit ProtocolChecker(const sc_core::sc_module_name& name);

  // What went wrong, in order of time; at most 1,000 are kept.
  const std::vector<std::string>& violations() const { return violations_; }
  // Adds a violation for every transaction still in flight. Call it when traffic should be over.
  void check_all_answered();
  std::uint64_t transactions() const { return transactions_; }

 private:
  struct Attributes {
    tlm::tlm_command command;
    std::uint64_t address;
    const void* data;
    unsigned length;
    unsigned streaming_width;
    const void* byte_enables;
    unsigned byte_enable_length;

    explicit Attributes(const Payload& payload);
    bool operator==(const Attributes& other) const;
  };
  enum class Stage { request_begun, request_ended, response_begun };
  struct Flight {
    Stage stage;
    Attributes attributes;
  };
  using Flights = std::map<Payload*, Flight>;

  void b_transport(Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_bw(Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  bool get_direct_mem_ptr(Payload& payload, tlm::tlm_dmi& dmi);
  unsigned transport_dbg(Payload& payload);
  void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end);

  void on_forward(Payload& payload, const tlm::tlm_phase& phase, std::uint64_t time_ps);
  void on_backward(Payload& payload, const tlm::tlm_phase& phase, std::uint64_t time_ps);
  void on_returned(Payload& payload, tlm::tlm_sync_enum status, const tlm::tlm_phase& before,
                   const tlm::tlm_phase& after, std::uint64_t time_ps, bool forward_call);
  void begin_request(Payload& payload, std::uint64_t time_ps);
  void end_request(Payload& payload, Flight& flight, std::uint64_t time_ps);
  void begin_response(Payload& payload, Flight& flight, std::uint64_t time_ps);
  void end_response(Payload& payload, std::uint64_t time_ps);
  void complete_early(Payload& payload, std::uint64_t time_ps);
  void check_start(const Payload& payload);
  void check_answer(const Payload& payload, const Attributes& before);
  void violate(std::string_view rule, const Payload& payload);

  Flights flights_;  // never iterated except to count and to list by address
  Payload* open_request_ = nullptr;
  Payload* open_response_ = nullptr;
  std::uint64_t request_free_ps_ = 0;
  std::uint64_t response_free_ps_ = 0;
  std::uint64_t transactions_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace tandem::common
