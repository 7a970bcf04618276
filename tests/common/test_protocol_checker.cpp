// SPDX-License-Identifier: Apache-2.0
// The checker must see every breach: a target and an initiator that break the rules on purpose.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tandem/common/payload_pool.h"
#include "tandem/common/protocol_checker.h"

using namespace tandem::common;

namespace {

// Does what it is told, in both directions, without any protocol logic of its own.
class Rogue : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Rogue> initiator;
  tlm_utils::simple_target_socket<Rogue> target;

  explicit Rogue(const sc_core::sc_module_name& name)
      : sc_module(name), initiator("initiator"), target("target") {
    initiator.register_nb_transport_bw(this, &Rogue::backward);
    target.register_nb_transport_fw(this, &Rogue::forward);
    target.register_b_transport(this, &Rogue::blocking);
  }

  tlm::tlm_sync_enum fw(Payload& payload, tlm::tlm_phase phase, std::uint64_t delay_ps = 0) {
    sc_core::sc_time delay = from_ps(delay_ps);
    return initiator->nb_transport_fw(payload, phase, delay);
  }
  tlm::tlm_sync_enum bw(Payload& payload, tlm::tlm_phase phase, std::uint64_t delay_ps = 0) {
    sc_core::sc_time delay = from_ps(delay_ps);
    return target->nb_transport_bw(payload, phase, delay);
  }

  // What the target end returns from the next calls.
  tlm::tlm_sync_enum answer = tlm::TLM_ACCEPTED;
  tlm::tlm_phase answer_phase = tlm::BEGIN_REQ;
  tlm::tlm_response_status blocking_status = tlm::TLM_OK_RESPONSE;

 private:
  tlm::tlm_sync_enum forward(Payload&, tlm::tlm_phase& phase, sc_core::sc_time&) {
    if (answer == tlm::TLM_UPDATED) phase = answer_phase;
    return answer;
  }
  tlm::tlm_sync_enum backward(Payload&, tlm::tlm_phase&, sc_core::sc_time&) {
    return tlm::TLM_ACCEPTED;
  }
  void blocking(Payload& payload, sc_core::sc_time& delay) {
    payload.set_response_status(blocking_status);
    payload.set_address(payload.get_address() + shift);
    delay = sc_core::SC_ZERO_TIME;
  }

 public:
  std::uint64_t shift = 0;
};

struct Bench {
  Bench() : rogue("rogue"), checker("checker") {
    rogue.initiator.bind(checker.target);
    checker.initiator.bind(rogue.target);
  }
  Payload& payload(std::uint64_t address = 0) {
    return pool.acquire(tlm::TLM_READ_COMMAND, address, 4);
  }
  bool saw(const std::string& text) const {
    return std::any_of(checker.violations().begin(), checker.violations().end(),
                       [&](const std::string& v) { return v.find(text) != std::string::npos; });
  }
  void respond(Payload& p, std::uint64_t delay_ps = 0) {
    p.set_response_status(tlm::TLM_OK_RESPONSE);
    rogue.bw(p, tlm::BEGIN_RESP, delay_ps);
  }

  PayloadPool pool;
  Rogue rogue;
  ProtocolChecker checker;
};

}  // namespace

TEST_CASE("a correct transaction leaves no violation") {
  Bench bench;
  Payload& p = bench.payload();
  bench.rogue.fw(p, tlm::BEGIN_REQ);
  bench.rogue.bw(p, tlm::END_REQ);
  bench.respond(p);
  bench.rogue.fw(p, tlm::END_RESP);
  bench.checker.check_all_answered();
  REQUIRE(bench.checker.violations().empty());
  REQUIRE(bench.checker.transactions() == 1);
}

TEST_CASE("early completion and skipped END_REQ are legal") {
  Bench bench;
  Payload& skipped = bench.payload();
  bench.rogue.fw(skipped, tlm::BEGIN_REQ);
  bench.respond(skipped);
  bench.rogue.fw(skipped, tlm::END_RESP);
  Payload& early = bench.payload();
  early.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  bench.rogue.answer = tlm::TLM_COMPLETED;
  bench.rogue.fw(early, tlm::BEGIN_REQ);
  // Completed without ever setting the response: the one violation here.
  REQUIRE(bench.checker.violations().size() == 1);
  REQUIRE(bench.saw("TLM_INCOMPLETE_RESPONSE"));
}

TEST_CASE("request exclusion is checked") {
  Bench bench;
  bench.rogue.fw(bench.payload(0), tlm::BEGIN_REQ);
  bench.rogue.fw(bench.payload(4), tlm::BEGIN_REQ);
  REQUIRE(bench.saw("BEGIN_REQ before the previous END_REQ"));
}

TEST_CASE("request exclusion holds for annotated times") {
  Bench bench;
  Payload& first = bench.payload(0);
  bench.rogue.fw(first, tlm::BEGIN_REQ);
  bench.rogue.bw(first, tlm::END_REQ, 1000);
  bench.rogue.fw(bench.payload(4), tlm::BEGIN_REQ, 999);
  REQUIRE(bench.saw("BEGIN_REQ earlier than the previous END_REQ"));
}

TEST_CASE("response exclusion is checked") {
  Bench bench;
  Payload& first = bench.payload(0);
  Payload& second = bench.payload(4);
  for (Payload* p : {&first, &second}) {
    bench.rogue.fw(*p, tlm::BEGIN_REQ);
    bench.rogue.bw(*p, tlm::END_REQ);
  }
  bench.respond(first);
  bench.respond(second);
  REQUIRE(bench.saw("BEGIN_RESP before the previous END_RESP"));
}

TEST_CASE("phases out of order and on the wrong path are seen") {
  Bench bench;
  Payload& p = bench.payload();
  bench.rogue.fw(p, tlm::END_RESP);
  REQUIRE(bench.saw("END_RESP out of order"));
  bench.rogue.bw(p, tlm::BEGIN_RESP);
  REQUIRE(bench.saw("not in flight"));
  bench.rogue.fw(p, tlm::BEGIN_REQ);
  bench.rogue.bw(p, tlm::END_REQ);
  bench.rogue.bw(p, tlm::END_REQ);
  REQUIRE(bench.saw("END_REQ out of order"));
  bench.rogue.bw(p, tlm::BEGIN_REQ);
  REQUIRE(bench.saw("wrong path (backward)"));
  bench.rogue.fw(p, tlm::BEGIN_RESP);
  REQUIRE(bench.saw("wrong path (forward)"));
}

TEST_CASE("attributes changed in flight are seen") {
  Bench bench;
  Payload& p = bench.payload(8);
  bench.rogue.fw(p, tlm::BEGIN_REQ);
  p.set_address(12);
  bench.respond(p);
  REQUIRE(bench.saw("attributes changed"));
}

TEST_CASE("a payload used twice, unmanaged or stale is seen") {
  Bench bench;
  Payload& p = bench.payload();
  bench.rogue.fw(p, tlm::BEGIN_REQ);
  bench.rogue.bw(p, tlm::END_REQ);
  bench.rogue.fw(p, tlm::BEGIN_REQ);
  REQUIRE(bench.saw("already in flight"));

  Payload unmanaged;
  set_attributes(unmanaged, tlm::TLM_READ_COMMAND, 0, nullptr, 4);
  unmanaged.set_response_status(tlm::TLM_OK_RESPONSE);
  bench.rogue.fw(unmanaged, tlm::BEGIN_REQ);
  REQUIRE(bench.saw("without memory management"));
  REQUIRE(bench.saw("without TLM_INCOMPLETE_RESPONSE"));
}

TEST_CASE("an answer that never comes is seen") {
  Bench bench;
  bench.rogue.fw(bench.payload(0xABC), tlm::BEGIN_REQ);
  bench.checker.check_all_answered();
  REQUIRE(bench.saw("never answered (address 0xabc)"));
}

TEST_CASE("TLM_UPDATED must bring a new phase") {
  Bench bench;
  bench.rogue.answer = tlm::TLM_UPDATED;
  bench.rogue.answer_phase = tlm::BEGIN_REQ;
  bench.rogue.fw(bench.payload(), tlm::BEGIN_REQ);
  REQUIRE(bench.saw("TLM_UPDATED without a new phase"));
}

TEST_CASE("blocking calls are checked too") {
  Bench bench;
  Payload& p = bench.payload();
  sc_core::sc_time delay(5, sc_core::SC_NS);
  bench.rogue.blocking_status = tlm::TLM_INCOMPLETE_RESPONSE;
  bench.rogue.shift = 4;
  bench.rogue.initiator->b_transport(p, delay);
  REQUIRE(bench.saw("lowered the local time"));
  REQUIRE(bench.saw("response with TLM_INCOMPLETE_RESPONSE"));
  REQUIRE(bench.saw("attributes changed"));
}
