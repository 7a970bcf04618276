// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/at_target.h"

#include <algorithm>

namespace tandem::common {

AtTarget::AtTarget(AtTargetOwner& owner, Agenda& agenda, unsigned port, unsigned max_outstanding)
    : owner_(owner), agenda_(agenda), port_(port), max_outstanding_(max_outstanding) {
  in_service_.reserve(max_outstanding);
}

tlm::tlm_sync_enum AtTarget::nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                             sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_REQ) return begin_request(payload, phase, delay);
  if (phase == tlm::END_RESP && response_ == &payload) {
    end_response(local_time_ps(delay));
    return tlm::TLM_COMPLETED;
  }
  // Not a phase that an initiator may send: phases of other protocols are ignored, as the base
  // protocol asks.
  return tlm::TLM_ACCEPTED;
}

tlm::tlm_sync_enum AtTarget::begin_request(Payload& payload, tlm::tlm_phase& phase,
                                           sc_core::sc_time& delay) {
  payload.acquire();
  if (delay != sc_core::SC_ZERO_TIME) {
    arriving_ = &payload;
    arrival_ps_ = local_time_ps(delay);
    agenda_.at(arrival_ps_, [this] { arrive(); });
    return tlm::TLM_ACCEPTED;
  }
  if (full()) {
    held_ = &payload;
    return tlm::TLM_ACCEPTED;
  }
  const std::uint64_t accepted_ps = start(payload);
  phase = tlm::END_REQ;
  delay = from_ps(accepted_ps - now_ps());
  return tlm::TLM_UPDATED;
}

std::uint64_t AtTarget::start(Payload& payload) {
  const AtTargetOwner::Service service = owner_.serve(port_, payload);
  in_service_.push_back(&payload);
  last_accepted_ps_ = service.accepted_ps;
  if (service.response_ps != AtTargetOwner::kPending) complete(payload, service.response_ps);
  return service.accepted_ps;
}

void AtTarget::complete(Payload& payload, std::uint64_t response_ps) {
  agenda_.at(response_ps, [this, p = &payload] { finish_service(*p); });
}

void AtTarget::arrive() {
  held_ = arriving_;
  arriving_ = nullptr;
  admit_held();
}

void AtTarget::admit_held() {
  if (held_ == nullptr || full()) return;
  Payload& payload = *held_;
  held_ = nullptr;
  const std::uint64_t accepted_ps = start(payload);
  tlm::tlm_phase phase = tlm::END_REQ;
  sc_core::sc_time delay = from_ps(accepted_ps - now_ps());
  owner_.send_backward(port_, payload, phase, delay);
}

void AtTarget::finish_service(Payload& payload) {
  in_service_.erase(std::find(in_service_.begin(), in_service_.end(), &payload));
  ready_.push(&payload);
  send_response();
}

void AtTarget::send_response() {
  if (response_ != nullptr || ready_.empty()) return;
  if (response_free_ps_ > now_ps()) {
    if (response_due_) return;
    response_due_ = true;
    agenda_.at(response_free_ps_, [this] {
      response_due_ = false;
      send_response();
    });
    return;
  }
  Payload& payload = *ready_.pop();
  response_ = &payload;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  const tlm::tlm_sync_enum status = owner_.send_backward(port_, payload, phase, delay);
  const bool ended =
      status == tlm::TLM_COMPLETED || (status == tlm::TLM_UPDATED && phase == tlm::END_RESP);
  if (ended && response_ == &payload) end_response(local_time_ps(delay));
}

void AtTarget::end_response(std::uint64_t time_ps) {
  Payload& payload = *response_;
  response_ = nullptr;
  response_free_ps_ = time_ps;
  payload.release();
  admit_held();
  send_response();
}

void AtTarget::reset() {
  for (Payload* payload : in_service_) ready_.push(payload);
  in_service_.clear();
  if (held_ != nullptr) {
    held_->set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    ready_.push(held_);
    held_ = nullptr;
  }
  if (arriving_ != nullptr) agenda_.at(arrival_ps_, [this] { arrive(); });
  response_due_ = false;
  // Not before the END_REQ that was announced last.
  agenda_.at(last_accepted_ps_, [this] { send_response(); });
}

}  // namespace tandem::common
