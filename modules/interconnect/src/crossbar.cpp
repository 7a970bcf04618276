// SPDX-License-Identifier: Apache-2.0
#include "tandem/interconnect/crossbar.h"

#include <algorithm>
#include <stdexcept>

#include "tandem/common/stands_for.h"
#include "transaction.h"

namespace tandem::interconnect {

using common::from_ps;
using common::local_time_ps;
using common::now_ps;
using common::Payload;

namespace {

void check_port(const Crossbar::Port& port, const char* kind) {
  const auto require = [&](bool holds, const char* rule) {
    if (!holds) {
      throw std::invalid_argument("Crossbar: " + std::string(kind) + " port '" + port.name +
                                  "': " + rule);
    }
  };
  require(port.width_bytes > 0, "width_bytes is 0, must be at least 1");
  require(port.clock_period_ps > 0, "clock_period_ps is 0, must be at least 1");
  require(port.weight > 0, "weight is 0, must be at least 1");
}

const Crossbar::Config& checked(const Crossbar::Config& config) {
  config.validate();
  return config;
}

}  // namespace

void Crossbar::Config::validate() const {
  const auto require = [](bool holds, const std::string& message) {
    if (!holds) throw std::invalid_argument("Crossbar: " + message);
  };
  require(!initiators.empty() && initiators.size() <= 64,
          "there are " + std::to_string(initiators.size()) + " initiator ports, must be 1 to 64");
  require(!targets.empty(), "there are no target ports, must be at least 1");
  require(request_depth > 0, "request_depth is 0, must be at least 1");
  require(response_depth > 0, "response_depth is 0, must be at least 1");
  for (const Port& port : initiators) check_port(port, "initiator");
  for (const Port& port : targets) check_port(port, "target");
  const AddressMap map(ranges);
  for (const AddressRange& range : map.ranges()) {
    require(range.target < targets.size(), "address range '" + range.name + "' names target " +
                                               std::to_string(range.target) + ", there are " +
                                               std::to_string(targets.size()));
  }
}

void Crossbar::Lane::set(const Port& port) {
  period_ps = port.clock_period_ps;
  latency_ps = port.latency_cycles * port.clock_period_ps;
  width_bytes = port.width_bytes;
}

Crossbar::Crossbar(const sc_core::sc_module_name& name, const Config& config)
    : sc_module(name),
      from_initiators("from_initiator", checked(config).initiators.size()),
      to_targets("to_target", config.targets.size()),
      reset("reset"),
      config_(config),
      map_(config.ranges),
      inputs_(config.initiators.size()),
      agenda_("agenda") {
  TANDEM_HAS_PROCESS(Crossbar);
  std::vector<unsigned> weights;
  std::vector<unsigned> priorities;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i].set(config.initiators[i]);
    weights.push_back(config.initiators[i].weight);
    priorities.push_back(config.initiators[i].priority);
    const int tag = static_cast<int>(i);
    auto& socket = from_initiators[i];
    socket.register_b_transport(this, &Crossbar::b_transport, tag);
    socket.register_nb_transport_fw(this, &Crossbar::nb_transport_fw, tag);
    socket.register_get_direct_mem_ptr(this, &Crossbar::get_direct_mem_ptr, tag);
    socket.register_transport_dbg(this, &Crossbar::transport_dbg, tag);
  }
  for (std::size_t j = 0; j < config.targets.size(); ++j) {
    outputs_.emplace_back(Arbiter(config.arbitration, weights, priorities));
    outputs_[j].set(config.targets[j]);
    const int tag = static_cast<int>(j);
    to_targets[j].register_nb_transport_bw(this, &Crossbar::nb_transport_bw, tag);
    to_targets[j].register_invalidate_direct_mem_ptr(this, &Crossbar::invalidate_direct_mem_ptr,
                                                     tag);
  }
  SC_METHOD(on_reset);
  sensitive << reset;
  dont_initialize();
  SC_METHOD(arbitrate);
  sensitive << arbitrate_;
  dont_initialize();
}

Crossbar::~Crossbar() {
  for (const std::unique_ptr<Transaction>& transaction : storage_) {
    if (transaction->payload != nullptr) unlink(*transaction);
  }
}

void Crossbar::set_initiator_clock_period_ps(unsigned initiator, std::uint64_t period_ps) {
  Port& port = config_.initiators.at(initiator);
  port.clock_period_ps = period_ps;
  check_port(port, "initiator");
  inputs_[initiator].set(port);
}

void Crossbar::set_target_clock_period_ps(unsigned target, std::uint64_t period_ps) {
  Port& port = config_.targets.at(target);
  port.clock_period_ps = period_ps;
  check_port(port, "target");
  outputs_[target].set(port);
}

const AddressRange* Crossbar::route(Input& input, Payload& payload) const {
  const AddressRange* range = map_.find(payload.get_address(), payload.get_data_length());
  if (in_reset_) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return nullptr;
  }
  if (range == nullptr) {
    ++input.counters.holes;
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  }
  return range;
}

std::uint64_t Crossbar::reserve_request(Input& input, Output& output, const Payload& payload,
                                        std::uint64_t arrival_ps, std::uint64_t ready_ps) {
  const std::uint64_t bytes = payload.is_write() ? payload.get_data_length() : 0;
  const std::uint64_t in_ps = input.transfer_ps(bytes);
  const std::uint64_t out_ps = output.transfer_ps(bytes);
  const std::uint64_t begin_ps =
      std::max({ready_ps, input.request_busy_ps, output.request_busy_ps});
  const std::uint64_t end_ps = begin_ps + std::max(in_ps, out_ps);
  input.request_busy_ps = end_ps;
  output.request_busy_ps = end_ps;
  const std::uint64_t times = common::times_of(payload);
  for (Counters* counters : {&input.counters, &output.counters}) {
    counters->transactions += times;
    counters->write_bytes += times * bytes;
    counters->request_wait_ps += times * (begin_ps - arrival_ps);
    counters->request_busy_ps += times * (end_ps - begin_ps);
  }
  return end_ps;
}

std::uint64_t Crossbar::reserve_response(Input& input, Output& output, const Payload& payload,
                                         std::uint64_t sent_ps, std::uint64_t ready_ps) {
  const std::uint64_t bytes = payload.is_read() ? payload.get_data_length() : 0;
  const std::uint64_t transfer_ps = std::max(input.transfer_ps(bytes), output.transfer_ps(bytes));
  // The target answers with the last byte; what no buffer holds has been forwarded as it came.
  const std::uint64_t ahead_ps =
      bytes > kStoredBytes ? std::min(ready_ps - std::min(ready_ps, sent_ps),
                                      transfer_ps - std::max(input.period_ps, output.period_ps))
                           : 0;
  const std::uint64_t first_ps = ready_ps - ahead_ps;
  const std::uint64_t begin_ps =
      std::max({first_ps, input.response_busy_ps, output.response_busy_ps});
  const std::uint64_t end_ps = begin_ps + transfer_ps;
  input.response_busy_ps = end_ps;
  output.response_busy_ps = end_ps;
  const std::uint64_t times = common::times_of(payload);
  for (Counters* counters : {&input.counters, &output.counters}) {
    counters->read_bytes += times * bytes;
    counters->response_wait_ps += times * (begin_ps - first_ps);
    counters->response_busy_ps += times * (end_ps - begin_ps);
  }
  return end_ps;
}

void Crossbar::b_transport(int initiator, Payload& payload, sc_core::sc_time& delay) {
  Input& input = inputs_[static_cast<std::size_t>(initiator)];
  const std::uint64_t arrival_ps = local_time_ps(delay);
  const AddressRange* range = route(input, payload);
  if (range == nullptr) {
    delay += from_ps(2 * (input.latency_ps + input.period_ps));
    return;
  }
  Output& output = outputs_[range->target];
  const std::uint64_t latency_ps = input.latency_ps + output.latency_ps;
  const std::uint64_t sent_ps =
      reserve_request(input, output, payload, arrival_ps, arrival_ps) + latency_ps;
  const std::uint64_t address = payload.get_address();
  payload.set_address(range->to_target(address));
  delay = from_ps(sent_ps - now_ps());
  to_targets[range->target]->b_transport(payload, delay);
  payload.set_address(address);
  const std::uint64_t done_ps =
      reserve_response(input, output, payload, sent_ps, local_time_ps(delay)) + latency_ps;
  delay = from_ps(done_ps - now_ps());
}

bool Crossbar::get_direct_mem_ptr(int, Payload& payload, tlm::tlm_dmi& dmi) {
  const std::uint64_t address = payload.get_address();
  const AddressRange* range = map_.find(address);
  if (range == nullptr) {
    dmi.allow_none();
    dmi.set_start_address(address);
    dmi.set_end_address(address);
    return false;
  }
  payload.set_address(range->to_target(address));
  const bool granted = to_targets[range->target]->get_direct_mem_ptr(payload, dmi);
  payload.set_address(address);
  // The target may answer for more than its range holds.
  const std::uint64_t first = range->to_target(range->base);
  const std::uint64_t last = range->to_target(range->last());
  const std::uint64_t start = std::max<std::uint64_t>(dmi.get_start_address(), first);
  const std::uint64_t end = std::min<std::uint64_t>(dmi.get_end_address(), last);
  if (granted) dmi.set_dmi_ptr(dmi.get_dmi_ptr() + (start - dmi.get_start_address()));
  dmi.set_start_address(range->from_target(start));
  dmi.set_end_address(range->from_target(end));
  return granted;
}

void Crossbar::invalidate_direct_mem_ptr(int target, sc_dt::uint64 start, sc_dt::uint64 end) {
  for (const AddressRange& range : map_.ranges()) {
    if (range.target != static_cast<unsigned>(target)) continue;
    const std::uint64_t first = std::max<std::uint64_t>(start, range.to_target(range.base));
    const std::uint64_t last = std::min<std::uint64_t>(end, range.to_target(range.last()));
    if (first > last) continue;
    for (auto& socket : from_initiators) {
      socket->invalidate_direct_mem_ptr(range.from_target(first), range.from_target(last));
    }
  }
}

unsigned Crossbar::transport_dbg(int, Payload& payload) {
  const std::uint64_t address = payload.get_address();
  const AddressRange* range = map_.find(address);
  if (range == nullptr) return 0;
  const unsigned length = payload.get_data_length();
  const std::uint64_t room = range->last() - address;
  payload.set_address(range->to_target(address));
  if (length > room) payload.set_data_length(static_cast<unsigned>(room) + 1);
  const unsigned done = to_targets[range->target]->transport_dbg(payload);
  payload.set_address(address);
  payload.set_data_length(length);
  return done;
}

void Crossbar::on_reset() {
  in_reset_ = reset->read();
  if (!in_reset_) return;
  for (Input& input : inputs_) input.request_busy_ps = input.response_busy_ps = 0;
  for (Output& output : outputs_) {
    output.request_busy_ps = output.response_busy_ps = 0;
    output.arbiter.reset();
  }
}

bool Crossbar::quiescent() const {
  const bool inputs_idle = std::all_of(inputs_.begin(), inputs_.end(), [](const Input& input) {
    return input.request == nullptr && input.responses.empty() && input.held.empty() &&
           input.response == nullptr;
  });
  const bool outputs_idle = std::all_of(outputs_.begin(), outputs_.end(), [](const Output& output) {
    return output.waiting == 0 && output.requests.empty() && output.request == nullptr;
  });
  return inputs_idle && outputs_idle && agenda_.empty() && arbitrations_.empty();
}

void Crossbar::archive(common::Archive& archive) {
  archive.in_place(inputs_);
  archive.in_place(outputs_);
  archive(in_reset_);
}

void Crossbar::collect(observe::StatisticsSink& sink) const {
  const auto collect_port = [&sink](const std::string& name, const Counters& c, bool is_input) {
    const observe::StatisticsGroup group(sink, name);
    sink.value("transactions", c.transactions, "1", "transactions that reached a target");
    sink.value("read_bytes", c.read_bytes, "B", "data of read responses");
    sink.value("write_bytes", c.write_bytes, "B", "data of write requests");
    sink.value("request_busy", c.request_busy_ps, "ps", "time the request path was taken");
    sink.value("response_busy", c.response_busy_ps, "ps", "time the response path was taken");
    sink.value("request_wait", c.request_wait_ps, "ps", "time requests waited for a path");
    sink.value("response_wait", c.response_wait_ps, "ps", "time responses waited for a path");
    if (is_input) sink.value("holes", c.holes, "1", "accesses that no target answers to");
  };
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    collect_port(config_.initiators[i].name, inputs_[i].counters, true);
  }
  for (std::size_t j = 0; j < outputs_.size(); ++j) {
    collect_port(config_.targets[j].name, outputs_[j].counters, false);
  }
}

}  // namespace tandem::interconnect
