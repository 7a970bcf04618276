// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/protocol_checker.h"

#include <algorithm>
#include <sstream>

namespace tandem::common {

ProtocolChecker::Attributes::Attributes(const Payload& payload)
    : command(payload.get_command()),
      address(payload.get_address()),
      data(payload.get_data_ptr()),
      length(payload.get_data_length()),
      streaming_width(payload.get_streaming_width()),
      byte_enables(payload.get_byte_enable_ptr()),
      byte_enable_length(payload.get_byte_enable_length()) {}

bool ProtocolChecker::Attributes::operator==(const Attributes& other) const {
  return command == other.command && address == other.address && data == other.data &&
         length == other.length && streaming_width == other.streaming_width &&
         byte_enables == other.byte_enables && byte_enable_length == other.byte_enable_length;
}

ProtocolChecker::ProtocolChecker(const sc_core::sc_module_name& name)
    : sc_module(name), target("target"), initiator("initiator") {
  target.register_b_transport(this, &ProtocolChecker::b_transport);
  target.register_nb_transport_fw(this, &ProtocolChecker::nb_transport_fw);
  target.register_get_direct_mem_ptr(this, &ProtocolChecker::get_direct_mem_ptr);
  target.register_transport_dbg(this, &ProtocolChecker::transport_dbg);
  initiator.register_nb_transport_bw(this, &ProtocolChecker::nb_transport_bw);
  initiator.register_invalidate_direct_mem_ptr(this, &ProtocolChecker::invalidate_direct_mem_ptr);
}

void ProtocolChecker::violate(std::string_view rule, const Payload& payload) {
  if (violations_.size() >= 1000) return;
  std::ostringstream text;
  text << now_ps() << " ps: " << rule << " (address 0x" << std::hex << payload.get_address() << ")";
  violations_.push_back(text.str());
}

void ProtocolChecker::check_start(const Payload& payload) {
  ++transactions_;
  if (payload.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE) {
    violate("request without TLM_INCOMPLETE_RESPONSE", payload);
  }
  if (payload.is_dmi_allowed()) violate("request with the DMI hint set", payload);
}

void ProtocolChecker::check_answer(const Payload& payload, const Attributes& before) {
  if (payload.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE) {
    violate("response with TLM_INCOMPLETE_RESPONSE", payload);
  }
  if (!(before == Attributes(payload))) violate("attributes changed in flight", payload);
}

void ProtocolChecker::b_transport(Payload& payload, sc_core::sc_time& delay) {
  check_start(payload);
  const Attributes before(payload);
  const std::uint64_t start_ps = local_time_ps(delay);
  initiator->b_transport(payload, delay);
  check_answer(payload, before);
  if (local_time_ps(delay) < start_ps) violate("b_transport lowered the local time", payload);
}

tlm::tlm_sync_enum ProtocolChecker::nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                                    sc_core::sc_time& delay) {
  const tlm::tlm_phase before = phase;
  const std::uint64_t time_ps = local_time_ps(delay);
  on_forward(payload, phase, time_ps);
  const tlm::tlm_sync_enum status = initiator->nb_transport_fw(payload, phase, delay);
  if (local_time_ps(delay) < time_ps && status != tlm::TLM_ACCEPTED) {
    violate("nb_transport_fw lowered the delay", payload);
  }
  on_returned(payload, status, before, phase, local_time_ps(delay), true);
  return status;
}

tlm::tlm_sync_enum ProtocolChecker::nb_transport_bw(Payload& payload, tlm::tlm_phase& phase,
                                                    sc_core::sc_time& delay) {
  const tlm::tlm_phase before = phase;
  const std::uint64_t time_ps = local_time_ps(delay);
  on_backward(payload, phase, time_ps);
  const tlm::tlm_sync_enum status = target->nb_transport_bw(payload, phase, delay);
  if (local_time_ps(delay) < time_ps && status != tlm::TLM_ACCEPTED) {
    violate("nb_transport_bw lowered the delay", payload);
  }
  on_returned(payload, status, before, phase, local_time_ps(delay), false);
  return status;
}

void ProtocolChecker::on_forward(Payload& payload, const tlm::tlm_phase& phase,
                                 std::uint64_t time_ps) {
  if (phase == tlm::BEGIN_REQ) {
    begin_request(payload, time_ps);
  } else if (phase == tlm::END_RESP) {
    end_response(payload, time_ps);
  } else if (phase == tlm::END_REQ || phase == tlm::BEGIN_RESP) {
    violate("phase on the wrong path (forward)", payload);
  }
}

void ProtocolChecker::on_backward(Payload& payload, const tlm::tlm_phase& phase,
                                  std::uint64_t time_ps) {
  const auto flight = flights_.find(&payload);
  if (flight == flights_.end()) {
    violate("backward phase of a transaction that is not in flight", payload);
  } else if (phase == tlm::END_REQ) {
    end_request(payload, flight->second, time_ps);
  } else if (phase == tlm::BEGIN_RESP) {
    begin_response(payload, flight->second, time_ps);
  } else if (phase == tlm::BEGIN_REQ || phase == tlm::END_RESP) {
    violate("phase on the wrong path (backward)", payload);
  }
}

void ProtocolChecker::on_returned(Payload& payload, tlm::tlm_sync_enum status,
                                  const tlm::tlm_phase& before, const tlm::tlm_phase& after,
                                  std::uint64_t time_ps, bool forward_call) {
  if (status == tlm::TLM_COMPLETED) {
    // After END_RESP, and after BEGIN_RESP, this ends the transaction in the ordinary way.
    if (forward_call && before == tlm::BEGIN_REQ) {
      complete_early(payload, time_ps);
    } else if (!forward_call) {
      end_response(payload, time_ps);
    }
  } else if (status == tlm::TLM_UPDATED) {
    if (after == before) {
      violate("TLM_UPDATED without a new phase", payload);
    } else if (forward_call) {
      on_backward(payload, after, time_ps);
    } else {
      on_forward(payload, after, time_ps);
    }
  } else if (after != before) {
    violate("TLM_ACCEPTED with a changed phase", payload);
  }
}

void ProtocolChecker::begin_request(Payload& payload, std::uint64_t time_ps) {
  check_start(payload);
  if (!payload.has_mm() || payload.get_ref_count() < 1) {
    violate("payload without memory management or reference", payload);
  }
  if (open_request_ != nullptr) violate("BEGIN_REQ before the previous END_REQ", payload);
  if (time_ps < request_free_ps_) violate("BEGIN_REQ earlier than the previous END_REQ", payload);
  const bool is_new =
      flights_.insert({&payload, Flight{Stage::request_begun, Attributes(payload)}}).second;
  if (!is_new) violate("BEGIN_REQ of a transaction already in flight", payload);
  open_request_ = &payload;
}

void ProtocolChecker::end_request(Payload& payload, Flight& flight, std::uint64_t time_ps) {
  if (flight.stage != Stage::request_begun) violate("END_REQ out of order", payload);
  flight.stage = Stage::request_ended;
  if (open_request_ == &payload) open_request_ = nullptr;
  request_free_ps_ = std::max(request_free_ps_, time_ps);
}

void ProtocolChecker::begin_response(Payload& payload, Flight& flight, std::uint64_t time_ps) {
  if (flight.stage == Stage::response_begun) violate("BEGIN_RESP out of order", payload);
  if (flight.stage == Stage::request_begun) end_request(payload, flight, time_ps);
  flight.stage = Stage::response_begun;
  if (open_response_ != nullptr) violate("BEGIN_RESP before the previous END_RESP", payload);
  if (time_ps < response_free_ps_)
    violate("BEGIN_RESP earlier than the previous END_RESP", payload);
  check_answer(payload, flight.attributes);
  open_response_ = &payload;
}

void ProtocolChecker::end_response(Payload& payload, std::uint64_t time_ps) {
  const auto flight = flights_.find(&payload);
  if (flight == flights_.end() || flight->second.stage != Stage::response_begun) {
    violate("END_RESP out of order", payload);
    return;
  }
  flights_.erase(flight);
  if (open_response_ == &payload) open_response_ = nullptr;
  response_free_ps_ = std::max(response_free_ps_, time_ps);
}

void ProtocolChecker::complete_early(Payload& payload, std::uint64_t time_ps) {
  const auto flight = flights_.find(&payload);
  if (flight == flights_.end()) {
    violate("TLM_COMPLETED for a transaction that is not in flight", payload);
    return;
  }
  check_answer(payload, flight->second.attributes);
  flights_.erase(flight);
  if (open_request_ == &payload) open_request_ = nullptr;
  request_free_ps_ = std::max(request_free_ps_, time_ps);
}

bool ProtocolChecker::get_direct_mem_ptr(Payload& payload, tlm::tlm_dmi& dmi) {
  return initiator->get_direct_mem_ptr(payload, dmi);
}

unsigned ProtocolChecker::transport_dbg(Payload& payload) {
  return initiator->transport_dbg(payload);
}

void ProtocolChecker::invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) {
  target->invalidate_direct_mem_ptr(start, end);
}

void ProtocolChecker::check_all_answered() {
  std::vector<std::uint64_t> addresses;
  for (const auto& [payload, flight] : flights_) addresses.push_back(flight.attributes.address);
  std::sort(addresses.begin(), addresses.end());
  for (const std::uint64_t address : addresses) {
    std::ostringstream text;
    text << "never answered (address 0x" << std::hex << address << ")";
    violations_.push_back(text.str());
  }
}

}  // namespace tandem::common
