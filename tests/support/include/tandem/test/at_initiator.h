// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/payload_pool.h"
#include "tandem/common/systemc.h"

namespace tandem::test {

// A correct AT initiator that can be made slow and awkward: it keeps up to `max_outstanding`
// transactions in flight, answers BEGIN_RESP in each of the three legal ways, and annotates delays.
class AtInitiator : public sc_core::sc_module {
 public:
  enum class Answer { completed, updated, accepted };
  struct Behaviour {
    unsigned max_outstanding = 4;
    std::vector<Answer> answers = {Answer::completed};  // used in turn
    std::uint64_t end_response_delay_ps = 0;            // of `updated` and `accepted`
    std::uint64_t request_delay_ps = 0;                 // annotated on BEGIN_REQ
  };
  struct Request {
    tlm::tlm_command command;
    std::uint64_t address;
    std::vector<std::uint8_t> data;  // written, or the length of a read
    std::uint64_t earliest_ps = 0;
  };
  struct Result {
    tlm::tlm_command command;
    std::uint64_t address;
    tlm::tlm_response_status status;
    std::vector<std::uint8_t> data;
    std::uint64_t begin_ps;  // BEGIN_REQ
    std::uint64_t end_ps;    // BEGIN_RESP
  };

  tlm_utils::simple_initiator_socket<AtInitiator> socket;
  std::vector<Result> results;  // in order of completion
  std::function<void(const Result&)> on_result;
  std::function<bool(const Request&)> may_issue;  // asked for the next request in line
  std::uint64_t unexpected_phases = 0;
  std::size_t greatest_outstanding = 0;

  AtInitiator(const sc_core::sc_module_name& name, const Behaviour& behaviour)
      : sc_module(name), socket("socket"), behaviour_(behaviour), agenda_("agenda") {
    socket.register_nb_transport_bw(this, &AtInitiator::nb_transport_bw);
  }

  void submit(Request request) {
    requests_.push_back(std::move(request));
    agenda_.at(requests_.back().earliest_ps, [this] { issue(); });
  }
  std::size_t outstanding() const { return flights_.size(); }
  std::size_t unissued() const { return requests_.size(); }
  bool idle() const { return requests_.empty() && flights_.empty(); }

 private:
  struct Flight {
    std::uint64_t begin_ps;
    bool responded = false;
  };

  void issue() {
    while (!requests_.empty() && request_ == nullptr &&
           flights_.size() < behaviour_.max_outstanding &&
           requests_.front().earliest_ps <= common::now_ps()) {
      if (request_free_ps_ > common::now_ps()) {
        agenda_.at(request_free_ps_, [this] { issue(); });
        return;
      }
      if (may_issue && !may_issue(requests_.front())) return;
      const Request request = std::move(requests_.front());
      requests_.pop_front();
      begin(request);
    }
  }

  void begin(const Request& request) {
    const auto length = static_cast<unsigned>(request.data.size());
    common::Payload& payload = pool_.acquire(request.command, request.address, length);
    if (request.command == tlm::TLM_WRITE_COMMAND) {
      std::copy(request.data.begin(), request.data.end(), payload.get_data_ptr());
    }
    flights_[&payload] = {common::now_ps() + behaviour_.request_delay_ps};
    greatest_outstanding = std::max(greatest_outstanding, flights_.size());
    request_ = &payload;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = common::from_ps(behaviour_.request_delay_ps);
    const tlm::tlm_sync_enum status = socket->nb_transport_fw(payload, phase, delay);
    if (status == tlm::TLM_COMPLETED) {
      end_request(payload, common::local_time_ps(delay));
      finish(payload, common::local_time_ps(delay));
    } else if (status == tlm::TLM_UPDATED) {
      end_request(payload, common::local_time_ps(delay));
      if (phase == tlm::BEGIN_RESP) {
        note_response(payload, common::local_time_ps(delay));
        agenda_.at(common::local_time_ps(delay), [this, p = &payload] { end_response(*p); });
      }
    }
  }

  tlm::tlm_sync_enum nb_transport_bw(common::Payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) {
    const auto flight = flights_.find(&payload);
    if (flight == flights_.end()) {
      ++unexpected_phases;
      return tlm::TLM_COMPLETED;
    }
    end_request(payload, common::local_time_ps(delay));
    if (phase == tlm::END_REQ) {
      agenda_.at(0, [this] { issue(); });
      return tlm::TLM_ACCEPTED;
    }
    note_response(payload, common::local_time_ps(delay));
    const Answer answer = behaviour_.answers[next_answer_++ % behaviour_.answers.size()];
    if (answer == Answer::accepted) {
      agenda_.at(common::local_time_ps(delay) + behaviour_.end_response_delay_ps,
                 [this, p = &payload] { end_response(*p); });
      return tlm::TLM_ACCEPTED;
    }
    if (answer == Answer::updated) {
      phase = tlm::END_RESP;
      delay += common::from_ps(behaviour_.end_response_delay_ps);
    }
    release(payload);
    return answer == Answer::updated ? tlm::TLM_UPDATED : tlm::TLM_COMPLETED;
  }

  void end_request(common::Payload& payload, std::uint64_t time_ps) {
    if (request_ != &payload) return;
    request_ = nullptr;
    request_free_ps_ = time_ps;
  }
  void note_response(common::Payload& payload, std::uint64_t time_ps) {
    const Flight& flight = flights_[&payload];
    const std::uint8_t* data = payload.get_data_ptr();
    results.push_back({payload.get_command(),
                       payload.get_address(),
                       payload.get_response_status(),
                       {data, data + payload.get_data_length()},
                       flight.begin_ps,
                       time_ps});
    if (on_result) on_result(results.back());
  }
  void end_response(common::Payload& payload) {
    tlm::tlm_phase phase = tlm::END_RESP;
    sc_core::sc_time delay;
    socket->nb_transport_fw(payload, phase, delay);
    release(payload);
  }
  void finish(common::Payload& payload, std::uint64_t time_ps) {
    note_response(payload, time_ps);
    release(payload);
  }
  void release(common::Payload& payload) {
    flights_.erase(&payload);
    payload.release();
    agenda_.at(0, [this] { issue(); });
  }

  Behaviour behaviour_;
  common::PayloadPool pool_;
  std::deque<Request> requests_;
  std::map<common::Payload*, Flight> flights_;
  common::Payload* request_ = nullptr;
  std::uint64_t request_free_ps_ = 0;
  std::size_t next_answer_ = 0;
  common::Agenda agenda_;
};

}  // namespace tandem::test
