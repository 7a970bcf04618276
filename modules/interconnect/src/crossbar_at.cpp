// SPDX-License-Identifier: Apache-2.0
// The four phases. A request waits at its initiator's port until its target's request path is free
// and the arbiter chooses it (END_REQ); it then travels to the target's port and waits there for
// the END_REQ of the one before. Responses take the reverse way, first come, first served.
#include <algorithm>

#include "tandem/interconnect/crossbar.h"
#include "transaction.h"

namespace tandem::interconnect {

using common::from_ps;
using common::local_time_ps;
using common::now_ps;
using common::Payload;
using sc_core::sc_time;

Crossbar::Transaction& Crossbar::attach(Payload& payload, unsigned initiator,
                                        const AddressRange* range) {
  if (free_.empty()) {
    storage_.push_back(std::make_unique<Transaction>());
    free_.reserve(storage_.size());
    free_.push_back(storage_.back().get());
  }
  Transaction& transaction = *free_.back();
  free_.pop_back();
  transaction.owner = this;
  transaction.payload = &payload;
  transaction.initiator = initiator;
  transaction.target = range == nullptr ? Transaction::kNoTarget : range->target;
  transaction.initiator_address = payload.get_address();
  transaction.target_address = range == nullptr ? 0 : range->to_target(payload.get_address());
  transaction.target_waits = false;
  payload.acquire();
  transaction.outer = payload.get_extension<Transaction>();
  payload.set_extension(&transaction);
  return transaction;
}

Crossbar::Transaction* Crossbar::find(const Payload& payload) const {
  Transaction* transaction = payload.get_extension<Transaction>();
  while (transaction != nullptr && transaction->owner != this) transaction = transaction->outer;
  return transaction;
}

// The payload forgets the transaction.
void Crossbar::unlink(Transaction& transaction) {
  Payload& payload = *transaction.payload;
  transaction.payload = nullptr;
  Transaction* innermost = payload.get_extension<Transaction>();
  if (innermost == &transaction) {
    payload.set_extension(transaction.outer);
  } else {
    while (innermost->outer != &transaction) innermost = innermost->outer;
    innermost->outer = transaction.outer;
  }
}

void Crossbar::detach(Transaction& transaction) {
  Payload& payload = *transaction.payload;
  unlink(transaction);
  free_.push_back(&transaction);
  payload.release();
}

tlm::tlm_sync_enum Crossbar::nb_transport_fw(int initiator, Payload& payload, tlm::tlm_phase& phase,
                                             sc_time& delay) {
  const auto port = static_cast<unsigned>(initiator);
  if (phase == tlm::BEGIN_REQ) return begin_request(port, payload, phase, delay);
  Input& input = inputs_[port];
  if (phase == tlm::END_RESP && input.response != nullptr && input.response->payload == &payload) {
    end_response(input, local_time_ps(delay));
    schedule_delivery(port);
    return tlm::TLM_COMPLETED;
  }
  return tlm::TLM_ACCEPTED;
}

tlm::tlm_sync_enum Crossbar::begin_request(unsigned initiator, Payload& payload,
                                           tlm::tlm_phase& phase, sc_time& delay) {
  Input& input = inputs_[initiator];
  const AddressRange* range = route(input, payload);
  if (range == nullptr) {
    delay += from_ps(2 * (input.latency_ps + input.period_ps));
    return tlm::TLM_COMPLETED;
  }
  Transaction& transaction = attach(payload, initiator, range);
  input.request = &transaction;
  transaction.time_ps = local_time_ps(delay);
  if (delay != sc_core::SC_ZERO_TIME) {
    agenda_.at(transaction.time_ps, [this, t = &transaction] {
      outputs_[t->target].waiting |= std::uint64_t{1} << t->initiator;
      grant_waiting(t->target, nullptr);
    });
    return tlm::TLM_ACCEPTED;
  }
  outputs_[range->target].waiting |= std::uint64_t{1} << initiator;
  grant_waiting(range->target, &transaction);
  if (input.request == &transaction) return tlm::TLM_ACCEPTED;
  phase = tlm::END_REQ;
  delay = from_ps(transaction.end_request_ps - now_ps());
  return tlm::TLM_UPDATED;
}

void Crossbar::grant_waiting(unsigned target, Transaction* in_call) {
  Output& output = outputs_[target];
  while (output.waiting != 0 && output.requests.size() < config_.request_depth &&
         !output.arbitration_due) {
    if (output.request_busy_ps > now_ps()) {
      output.arbitration_due = true;
      agenda_.at(output.request_busy_ps, [this, target] {
        arbitrations_.push(target);
        arbitrate_.notify(sc_core::SC_ZERO_TIME);
      });
      return;
    }
    const unsigned initiator = output.arbiter.pick(output.waiting);
    output.waiting &= ~(std::uint64_t{1} << initiator);
    grant(target, *inputs_[initiator].request, in_call);
  }
}

// A delta cycle after the path has become free, so that initiators whose END_REQ comes at the same
// time can take part with their next request.
void Crossbar::arbitrate() {
  while (!arbitrations_.empty()) {
    const unsigned target = arbitrations_.pop();
    outputs_[target].arbitration_due = false;
    grant_waiting(target, nullptr);
  }
}

void Crossbar::grant(unsigned target, Transaction& transaction, Transaction* in_call) {
  Input& input = inputs_[transaction.initiator];
  Output& output = outputs_[target];
  const std::uint64_t now = now_ps();
  const std::uint64_t end_ps =
      reserve_request(input, output, *transaction.payload, transaction.time_ps, now);
  transaction.end_request_ps = end_ps;
  transaction.time_ps = end_ps + input.latency_ps + output.latency_ps;
  input.request = nullptr;
  output.requests.push(&transaction);
  schedule_send(target);
  if (&transaction == in_call) return;
  tlm::tlm_phase phase = tlm::END_REQ;
  sc_time delay = from_ps(end_ps - now);
  from_initiators[transaction.initiator]->nb_transport_bw(*transaction.payload, phase, delay);
}

// One agenda entry per target: for the request in front.
void Crossbar::schedule_send(unsigned target) {
  Output& output = outputs_[target];
  if (output.send_due || output.request != nullptr || output.requests.empty()) return;
  output.send_due = true;
  agenda_.at(std::max(output.requests.front()->time_ps, output.request_free_ps), [this, target] {
    outputs_[target].send_due = false;
    send_requests(target);
  });
}

void Crossbar::send_requests(unsigned target) {
  Output& output = outputs_[target];
  while (!output.requests.empty() && output.request == nullptr &&
         std::max(output.requests.front()->time_ps, output.request_free_ps) <= now_ps()) {
    send_request(target, *output.requests.pop());
    grant_waiting(target, nullptr);
  }
  schedule_send(target);
}

void Crossbar::send_request(unsigned target, Transaction& transaction) {
  Output& output = outputs_[target];
  output.request = &transaction;
  Payload& payload = *transaction.payload;
  payload.set_address(transaction.target_address);
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_time delay = sc_core::SC_ZERO_TIME;
  const tlm::tlm_sync_enum status = to_targets[target]->nb_transport_fw(payload, phase, delay);
  if (status == tlm::TLM_ACCEPTED) return;
  const std::uint64_t time_ps = local_time_ps(delay);
  if (output.request == &transaction) {
    output.request = nullptr;
    output.request_free_ps = time_ps;
  }
  if (status == tlm::TLM_COMPLETED) {
    payload.set_address(transaction.initiator_address);
    queue_response(transaction, time_ps);
  } else if (phase == tlm::BEGIN_RESP) {
    transaction.target_waits = true;
    if (accept_response(transaction, time_ps)) finish_at_target(transaction);
  }
}

void Crossbar::request_ended(unsigned target, std::uint64_t time_ps) {
  Output& output = outputs_[target];
  output.request = nullptr;
  output.request_free_ps = time_ps;
  send_requests(target);
}

tlm::tlm_sync_enum Crossbar::nb_transport_bw(int target, Payload& payload, tlm::tlm_phase& phase,
                                             sc_time& delay) {
  Transaction* transaction = find(payload);
  if (transaction == nullptr) return tlm::TLM_COMPLETED;
  const auto port = static_cast<unsigned>(target);
  const bool ends_request = outputs_[port].request == transaction;
  const std::uint64_t time_ps = local_time_ps(delay);
  if (phase == tlm::END_REQ) {
    if (ends_request) request_ended(port, time_ps);
    return tlm::TLM_ACCEPTED;
  }
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_ACCEPTED;
  tlm::tlm_sync_enum status = tlm::TLM_COMPLETED;
  if (accept_response(*transaction, time_ps)) {
    delay = from_ps(transaction->target_free_ps - now_ps());
  } else {
    transaction->target_waits = true;
    status = tlm::TLM_ACCEPTED;
  }
  if (ends_request) request_ended(port, time_ps);
  return status;
}

// False when the response has to wait at the target, which then waits for its END_RESP.
bool Crossbar::accept_response(Transaction& transaction, std::uint64_t ready_ps) {
  transaction.payload->set_address(transaction.initiator_address);
  Input& input = inputs_[transaction.initiator];
  if (input.responses.size() >= config_.response_depth || !input.held.empty()) {
    transaction.time_ps = ready_ps;
    input.held.push(&transaction);
    return false;
  }
  queue_response(transaction, ready_ps);
  return true;
}

void Crossbar::queue_response(Transaction& transaction, std::uint64_t ready_ps) {
  const unsigned initiator = transaction.initiator;
  Input& input = inputs_[initiator];
  Output& output = outputs_[transaction.target];
  const std::uint64_t end_ps =
      reserve_response(input, output, *transaction.payload, transaction.time_ps, ready_ps);
  transaction.target_free_ps = end_ps;
  transaction.time_ps =
      std::max(input.last_delivery_ps, end_ps + input.latency_ps + output.latency_ps);
  input.last_delivery_ps = transaction.time_ps;
  input.responses.push(&transaction);
  schedule_delivery(initiator);
}

void Crossbar::finish_at_target(Transaction& transaction) {
  if (!transaction.target_waits) return;
  transaction.target_waits = false;
  tlm::tlm_phase phase = tlm::END_RESP;
  sc_time delay = from_ps(transaction.target_free_ps - now_ps());
  to_targets[transaction.target]->nb_transport_fw(*transaction.payload, phase, delay);
}

// One agenda entry per initiator: for the response in front.
void Crossbar::schedule_delivery(unsigned initiator) {
  Input& input = inputs_[initiator];
  if (input.delivery_due || input.response != nullptr || input.responses.empty()) return;
  input.delivery_due = true;
  agenda_.at(std::max(input.responses.front()->time_ps, input.response_free_ps), [this, initiator] {
    inputs_[initiator].delivery_due = false;
    deliver_responses(initiator);
  });
}

void Crossbar::deliver_responses(unsigned initiator) {
  Input& input = inputs_[initiator];
  while (!input.responses.empty() && input.response == nullptr &&
         std::max(input.responses.front()->time_ps, input.response_free_ps) <= now_ps()) {
    Transaction& transaction = *input.responses.pop();
    input.response = &transaction;
    admit_held_responses(input);
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_time delay = sc_core::SC_ZERO_TIME;
    const tlm::tlm_sync_enum status =
        from_initiators[initiator]->nb_transport_bw(*transaction.payload, phase, delay);
    const bool ended =
        status == tlm::TLM_COMPLETED || (status == tlm::TLM_UPDATED && phase == tlm::END_RESP);
    if (ended && input.response == &transaction) end_response(input, local_time_ps(delay));
  }
  schedule_delivery(initiator);
}

void Crossbar::admit_held_responses(Input& input) {
  while (!input.held.empty() && input.responses.size() < config_.response_depth) {
    Transaction& transaction = *input.held.pop();
    queue_response(transaction, std::max(transaction.time_ps, now_ps()));
    finish_at_target(transaction);
  }
}

void Crossbar::end_response(Input& input, std::uint64_t time_ps) {
  Transaction& transaction = *input.response;
  input.response = nullptr;
  input.response_free_ps = time_ps;
  detach(transaction);
}

}  // namespace tandem::interconnect
