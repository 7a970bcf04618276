// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/register_target.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "tandem/common/stands_for.h"

namespace tandem::common {

namespace {

// Outside of the simulation nobody is ahead.
bool may_wait() {
  const sc_core::sc_process_handle caller = sc_core::sc_get_current_process_handle();
  return caller.valid() && caller.proc_kind() != sc_core::SC_METHOD_PROC_;
}

}  // namespace

void RegisterTarget::Config::validate() const {
  if (max_outstanding < 1 || max_outstanding > 1024) {
    throw std::invalid_argument("max_outstanding is " + std::to_string(max_outstanding) +
                                ", must be 1..1024");
  }
}

RegisterTarget::RegisterTarget(const sc_core::sc_module_name& name, RegisterBank& bank,
                               const Config& config)
    : sc_module(name), socket("socket"), bank_(bank), config_(config), agenda_("agenda") {
  config.validate();
  flights_.reserve(config.max_outstanding);
  socket.register_b_transport(this, &RegisterTarget::b_transport);
  socket.register_nb_transport_fw(this, &RegisterTarget::nb_transport_fw);
  socket.register_transport_dbg(this, &RegisterTarget::transport_dbg);
}

void RegisterTarget::serve_windows(WindowHandler handler, WindowDebug debug) {
  window_handler_ = std::move(handler);
  window_debug_ = std::move(debug);
}

std::uint64_t RegisterTarget::execute(Payload& payload, std::uint64_t time_ps, bool may_pend) {
  in_access_ = true;
  access_ps_ = time_ps;
  std::uint64_t response_ps = time_ps + config_.latency_ps;
  if (is_window(payload)) {
    const WindowResult result = window_handler_({payload, time_ps, may_pend});
    const bool refused = result.response_ps == kPending && !may_pend;
    response_ps = refused ? response_ps : std::max(result.response_ps, time_ps);
    if (response_ps != kPending) {
      payload.set_response_status(refused ? tlm::TLM_GENERIC_ERROR_RESPONSE : result.status);
    }
  } else {
    bank_.access(payload);
  }
  in_access_ = false;
  if (response_ps != kPending) count(payload);
  return response_ps;
}

void RegisterTarget::count(const Payload& payload) {
  if (payload.is_response_error()) {
    errors_ += times_of(payload);
  } else if (payload.is_read()) {
    reads_ += times_of(payload);
  } else {
    writes_ += times_of(payload);
  }
}

bool RegisterTarget::synchronises(const Payload& payload) const {
  const auto found = std::find(synchronised_.begin(), synchronised_.end(), payload.get_address());
  return found != synchronised_.end() && payload.is_write() && may_wait();
}

void RegisterTarget::b_transport(Payload& payload, sc_core::sc_time& delay) {
  const bool synchronise = synchronises(payload);
  if (synchronise && delay != sc_core::SC_ZERO_TIME) wait(std::exchange(delay, {}));
  const std::uint64_t response_ps = execute(payload, local_time_ps(delay), false);
  delay = from_ps(response_ps - now_ps());
  if (synchronise) wait(std::max(std::exchange(delay, {}), from_ps(1)));
}

tlm::tlm_sync_enum RegisterTarget::nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                                   sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_REQ) {
    payload.acquire();
    if (delay != sc_core::SC_ZERO_TIME) {
      agenda_.at(local_time_ps(delay), [this, p = &payload] { arrive(*p); });
      return tlm::TLM_ACCEPTED;
    }
    if (full()) {
      held_ = &payload;
      return tlm::TLM_ACCEPTED;
    }
    start(payload);
    phase = tlm::END_REQ;
    return tlm::TLM_UPDATED;
  }
  if (phase == tlm::END_RESP && responding_ == &payload) {
    agenda_.at(local_time_ps(delay), [this] { end_response(); });
    return tlm::TLM_COMPLETED;
  }
  return tlm::TLM_ACCEPTED;  // an ignorable phase of another protocol
}

void RegisterTarget::arrive(Payload& payload) {
  if (full()) {
    held_ = &payload;
    return;
  }
  start(payload);
  tlm::tlm_phase phase = tlm::END_REQ;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  socket->nb_transport_bw(payload, phase, delay);
}

void RegisterTarget::start(Payload& payload) {
  const std::uint64_t response_ps = execute(payload, now_ps(), true);
  flights_.push_back({&payload, response_ps});
  if (response_ps != kPending) agenda_.at(response_ps, [this] { respond(); });
}

void RegisterTarget::complete(Payload& payload, tlm::tlm_response_status status,
                              std::uint64_t time_ps) {
  const auto flight = std::find_if(flights_.begin(), flights_.end(), [&](const Flight& f) {
    return f.payload == &payload && f.response_ps == kPending;
  });
  if (flight == flights_.end()) return;
  payload.set_response_status(status);
  count(payload);
  flight->response_ps = std::max(time_ps, now_ps());
  agenda_.at(flight->response_ps, [this] { respond(); });
}

void RegisterTarget::respond() {
  if (responding_ != nullptr || flights_.empty()) return;
  const auto next = std::min_element(
      flights_.begin(), flights_.end(),
      [](const Flight& a, const Flight& b) { return a.response_ps < b.response_ps; });
  if (next->response_ps > now_ps()) return;
  Payload& payload = *next->payload;
  flights_.erase(next);
  responding_ = &payload;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  const tlm::tlm_sync_enum status = socket->nb_transport_bw(payload, phase, delay);
  if (status == tlm::TLM_COMPLETED || (status == tlm::TLM_UPDATED && phase == tlm::END_RESP)) {
    agenda_.at(local_time_ps(delay), [this] { end_response(); });
  }
}

void RegisterTarget::end_response() {
  if (responding_ == nullptr) return;
  Payload& payload = *responding_;
  responding_ = nullptr;
  payload.release();
  if (held_ != nullptr) {
    Payload& held = *held_;
    held_ = nullptr;
    arrive(held);
  }
  respond();
}

void RegisterTarget::reset() {
  for (Flight& flight : flights_) {
    if (flight.response_ps == kPending) {
      flight.payload->set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
      count(*flight.payload);
    }
    flight.response_ps = std::min(flight.response_ps, now_ps());
  }
  agenda_.at(now_ps(), [this] { respond(); });
}

unsigned RegisterTarget::transport_dbg(Payload& payload) {
  if (payload.get_address() < bank_.block().size_bytes) return bank_.debug(payload);
  return window_debug_ ? window_debug_(payload) : 0;
}

void RegisterTarget::collect(observe::StatisticsSink& sink) const {
  sink.value("register_reads", reads_, "1", "Register and window reads answered");
  sink.value("register_writes", writes_, "1", "Register and window writes answered");
  sink.value("register_errors", errors_, "1", "Register and window accesses refused");
}

}  // namespace tandem::common
