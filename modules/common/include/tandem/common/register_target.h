// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/register_bank.h"
#include "tandem/common/systemc.h"
#include "tandem/observe/statistics.h"

namespace tandem::common {

// The register port of a device: serves a RegisterBank, and windows behind it, for LT, AT and debug
// initiators. An access takes effect when it arrives and is answered `latency_ps` later. AT keeps
// the four phases: END_REQ at once (later when max_outstanding accesses are in progress), responses
// in the order in which they become ready.
class RegisterTarget : public sc_core::sc_module {
 public:
  struct Config {
    std::uint64_t latency_ps = 10'000;
    unsigned max_outstanding = 8;  // AT accesses in progress, 1..1024
    // Throws std::invalid_argument.
    void validate() const;
  };

  // An access beyond the register block; its address is relative to the start of the block.
  struct WindowAccess {
    Payload& payload;
    std::uint64_t now_ps;  // the initiator's local time
    bool may_pend;         // false for LT, which cannot wait for an unknown time
  };
  struct WindowResult {
    tlm::tlm_response_status status;
    std::uint64_t response_ps;  // when it is answered, or kPending
  };
  // Answered by a later complete(). The status is then ignored.
  static constexpr std::uint64_t kPending = ~std::uint64_t{0};

  // Executes the access. Attributes are not checked yet: see tlm_checks.h. An LT access that is
  // left pending gets TLM_GENERIC_ERROR_RESPONSE.
  using WindowHandler = std::function<WindowResult(const WindowAccess&)>;
  // Returns the bytes served; no side effects.
  using WindowDebug = std::function<unsigned(Payload&)>;

  using Socket = tlm_utils::simple_target_socket<RegisterTarget>;
  Socket socket;

  RegisterTarget(const sc_core::sc_module_name& name, RegisterBank& bank, const Config& config);

  void serve_windows(WindowHandler handler, WindowDebug debug);
  // Writes to the register at `offset` end an LT initiator's lead: b_transport waits until the
  // write is due, and again until it is answered, at least for the deltas of that moment. For
  // registers that act on the initiator itself or on other devices.
  void synchronise_at(std::uint64_t offset) { synchronised_.push_back(offset); }
  // Answers a pending access at `time_ps` (a time that has passed means now). Unknown payloads, for
  // instance those that a reset has answered, are ignored.
  void complete(Payload& payload, tlm::tlm_response_status status, std::uint64_t time_ps);

  // Answers everything in flight now, because the base protocol cannot abort: executed accesses
  // with their result, pending ones with TLM_GENERIC_ERROR_RESPONSE. The bank is not touched.
  void reset();

  // No access in progress.
  bool quiescent() const {
    return flights_.empty() && held_ == nullptr && responding_ == nullptr && agenda_.empty();
  }
  // When quiescent; the bank is not part of it.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(reads_, writes_, errors_);
  }

  // Local time of the access that is being executed, for use in hooks; else the current time.
  std::uint64_t access_ps() const { return in_access_ ? access_ps_ : now_ps(); }

  void collect(observe::StatisticsSink& sink) const;

 private:
  struct Flight {
    Payload* payload;
    std::uint64_t response_ps;  // kPending: not known
  };

  void b_transport(Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  unsigned transport_dbg(Payload& payload);

  bool is_window(const Payload& payload) const {
    return window_handler_ && payload.get_address() >= bank_.block().size_bytes;
  }
  // Returns the time of the response, or kPending.
  std::uint64_t execute(Payload& payload, std::uint64_t time_ps, bool may_pend);
  void count(const Payload& payload);

  bool synchronises(const Payload& payload) const;
  bool full() const { return flights_.size() >= config_.max_outstanding; }
  void arrive(Payload& payload);
  void start(Payload& payload);
  void respond();
  void end_response();

  RegisterBank& bank_;
  Config config_;
  WindowHandler window_handler_;
  WindowDebug window_debug_;
  std::vector<std::uint64_t> synchronised_;
  Agenda agenda_;
  std::vector<Flight> flights_;    // accepted, response not begun, in order of arrival
  Payload* held_ = nullptr;        // arrived, END_REQ withheld because flights_ is full
  Payload* responding_ = nullptr;  // between BEGIN_RESP and END_RESP
  bool in_access_ = false;
  std::uint64_t access_ps_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t errors_ = 0;
};

// What devices call the type of their `registers` socket.
using RegisterSocket = RegisterTarget::Socket;

}  // namespace tandem::common
