// SPDX-License-Identifier: Apache-2.0
#include "tandem/peripherals/mailbox.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tandem/common/payload_pool.h"

namespace tandem::peripherals {

namespace regs = abi::mailbox;

namespace {

constexpr std::uint32_t kMinEntries = 2;
constexpr std::uint32_t kMaxEntries = 1024;
constexpr std::uint64_t kPsPerNs = 1000;

std::uint64_t prompt_size_bytes(const abi::Request& request) {
  return std::uint64_t{request.prompt_count} * sizeof(std::uint32_t);
}

}  // namespace

void Mailbox::Config::validate() const {
  registers.validate();
  if (prompt_base % 64 != 0) {
    throw std::invalid_argument("prompt_base is " + std::to_string(prompt_base) +
                                ", must be a multiple of 64");
  }
  if (prompt_bytes > ~prompt_base) {
    throw std::invalid_argument("prompt_bytes is " + std::to_string(prompt_bytes) +
                                ", must not reach beyond the address space");
  }
}

Mailbox::Mailbox(const sc_core::sc_module_name& name, const Config& config)
    : Peripheral(name, regs::kBlock, config.registers),
      output_("output"),
      memory("memory"),
      irq(output_.port),
      config_(config),
      prompts_(config.prompt_bytes) {
  config.validate();
  bank().on_write(regs::CONTROL, [this](std::uint32_t, std::uint32_t) { write_control(); });
  bank().on_write(regs::REQUEST_HEAD,
                  [this](std::uint32_t, std::uint32_t) { write_request_head(); });
  bank().on_write(regs::RECORD_TAIL, [this](std::uint32_t, std::uint32_t) { write_record_tail(); });
}

void Mailbox::host_post(const abi::Request& request, const std::uint32_t* prompt) {
  const std::string which = "request " + std::to_string(request.request_id);
  if (request.prompt_count == 0) throw std::invalid_argument(which + " has an empty prompt");
  if (prompt_size_bytes(request) > config_.prompt_bytes) {
    throw std::invalid_argument(which + " has a prompt of " + std::to_string(request.prompt_count) +
                                " tokens, prompt_bytes is " + std::to_string(config_.prompt_bytes));
  }
  const bool in_use = prompts_.holds(request.request_id) || is_taken(request.request_id) ||
                      std::any_of(waiting_.begin(), waiting_.end(), [&](const HostRequest& other) {
                        return other.request.request_id == request.request_id;
                      });
  if (in_use) throw std::invalid_argument(which + " has an id that is in use");
  waiting_.push_back({request, {prompt, prompt + request.prompt_count}});
  post_waiting();
}

void Mailbox::host_close() {
  close_requested_ = true;
  update_status();
}

bool Mailbox::enabled() const {
  return regs::CONTROL_ENABLE.get(bank().get(regs::CONTROL)) != 0;
}

Mailbox::RingView Mailbox::ring(std::uint32_t base_lo, std::uint32_t base_hi,
                                std::uint32_t size) const {
  const std::uint32_t entries = bank().get(size);
  const bool valid =
      entries >= kMinEntries && entries <= kMaxEntries && (entries & (entries - 1)) == 0;
  return {std::uint64_t{bank().get(base_hi)} << 32 | bank().get(base_lo), valid ? entries : 0};
}

void Mailbox::write_control() {
  if (enabled() != was_enabled_) {
    was_enabled_ = enabled();
    take_back_posted();
    bank().set(regs::REQUEST_HEAD, 0);
    bank().set(regs::REQUEST_TAIL, 0);
    bank().set(regs::RECORD_HEAD, 0);
    bank().set(regs::RECORD_TAIL, 0);
    last_head_ = 0;
  }
  post_waiting();
}

void Mailbox::take_back_posted() {
  for (const HostRequest& posted : posted_) prompts_.release(posted.request.request_id);
  take_back(posted_);
}

// In front of those that wait, in the same order.
void Mailbox::take_back(std::deque<HostRequest>& requests) {
  while (!requests.empty()) {
    waiting_.push_front(std::move(requests.back()));
    requests.pop_back();
  }
}

bool Mailbox::is_taken(std::uint32_t request_id) const {
  return std::any_of(taken_.begin(), taken_.end(), [&](const HostRequest& taken) {
    return taken.request.request_id == request_id;
  });
}

void Mailbox::write_request_head() {
  const RingView requests = ring(regs::REQUEST_BASE_LO, regs::REQUEST_BASE_HI, regs::REQUEST_SIZE);
  const std::uint32_t head = bank().get(regs::REQUEST_HEAD);
  if (head == last_head_) return;
  const std::uint32_t taken = (head - last_head_) & (requests.entries - 1);
  if (!enabled() || requests.entries == 0 || head >= requests.entries || taken > posted_.size()) {
    bank().set(regs::REQUEST_HEAD, last_head_);
    ++errors_;
    return;
  }
  for (std::uint32_t i = 0; i < taken; ++i) {
    prompts_.release(posted_[i].request.request_id);
    taken_.push_back(std::move(posted_[i]));
  }
  posted_.erase(posted_.begin(), posted_.begin() + taken);
  last_head_ = head;
  post_waiting();
}

void Mailbox::post_waiting() {
  const RingView requests = ring(regs::REQUEST_BASE_LO, regs::REQUEST_BASE_HI, regs::REQUEST_SIZE);
  while (enabled() && !waiting_.empty() && posted_.size() + 1 < requests.entries) {
    const std::uint64_t arrival_ps = waiting_.front().request.arrival_ns * kPsPerNs;
    if (arrival_ps > common::now_ps()) {
      arrival_.set(arrival_ps);
      break;
    }
    const std::uint32_t tail = bank().get(regs::REQUEST_TAIL);
    if (!post(waiting_.front(), requests, tail)) break;
    posted_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    bank().set(regs::REQUEST_TAIL, (tail + 1) & (requests.entries - 1));
    ++requests_posted_;
  }
  update_status();
}

bool Mailbox::post(HostRequest& host_request, const RingView& ring, std::uint32_t slot) {
  abi::Request& request = host_request.request;
  const std::uint64_t bytes = prompt_size_bytes(request);
  const auto offset = prompts_.allocate(request.request_id, bytes);
  if (!offset) return false;
  request.prompt = config_.prompt_base + *offset;
  const bool written =
      transfer(tlm::TLM_WRITE_COMMAND, request.prompt, host_request.prompt.data(),
               static_cast<unsigned>(bytes)) &&
      transfer(tlm::TLM_WRITE_COMMAND, ring.base + std::uint64_t{slot} * sizeof(abi::Request),
               &request, sizeof(abi::Request));
  if (!written) prompts_.release(request.request_id);
  return written;
}

void Mailbox::write_record_tail() {
  const RingView records = ring(regs::RECORD_BASE_LO, regs::RECORD_BASE_HI, regs::RECORD_SIZE);
  const std::uint32_t tail = bank().get(regs::RECORD_TAIL);
  std::uint32_t head = bank().get(regs::RECORD_HEAD);
  if (tail == head) return;
  if (!enabled() || records.entries == 0 || tail >= records.entries) {
    bank().set(regs::RECORD_TAIL, head);
    ++errors_;
    return;
  }
  while (head != tail) {
    abi::Record record{};
    const std::uint64_t address = records.base + std::uint64_t{head} * sizeof(abi::Record);
    head = (head + 1) & (records.entries - 1);
    bank().set(regs::RECORD_HEAD, head);
    if (!transfer(tlm::TLM_READ_COMMAND, address, &record, sizeof record)) continue;
    ++records_received_;
    tokens_received_ += std::min(record.count, abi::kRecordTokens);
    const auto kind = static_cast<abi::RecordKind>(record.kind);
    if (kind == abi::RecordKind::kFinished || kind == abi::RecordKind::kFailed) {
      const auto ended = std::find_if(taken_.begin(), taken_.end(), [&](const HostRequest& taken) {
        return taken.request.request_id == record.request_id;
      });
      if (ended != taken_.end()) taken_.erase(ended);
    }
    if (sink_) sink_(record);
  }
  post_waiting();
}

void Mailbox::update_status() {
  const bool closed = close_requested_ && waiting_.empty();
  bank().set(regs::STATUS, regs::STATUS_CLOSED.put(closed ? 1 : 0));
  const bool wanted = regs::CONTROL_IRQ_ENABLE.get(bank().get(regs::CONTROL)) != 0;
  output_.set(enabled() && wanted && (!posted_.empty() || closed));
}

bool Mailbox::transfer(tlm::tlm_command command, std::uint64_t address, void* data,
                       unsigned bytes) {
  common::Payload payload;
  common::set_attributes(payload, command, address, static_cast<std::uint8_t*>(data), bytes);
  if (memory->transport_dbg(payload) == bytes) return true;
  ++errors_;
  SC_REPORT_WARNING("/tandem/mailbox",
                    ("no memory at bus address " + std::to_string(address)).c_str());
  return false;
}

void Mailbox::on_reset() {
  take_back_posted();
  take_back(taken_);
  prompts_.clear();
  was_enabled_ = false;
  last_head_ = 0;
  arrival_.cancel();
  update_status();
}

void Mailbox::archive(common::Archive& archive) {
  Peripheral::archive(archive);
  archive(output_, prompts_, waiting_, posted_, taken_, close_requested_, was_enabled_, last_head_);
  archive(requests_posted_, records_received_, tokens_received_, errors_);
  if (!archive.loading()) return;
  arrival_.cancel();
  if (waiting_.empty()) return;
  const std::uint64_t arrival_ps = waiting_.front().request.arrival_ns * kPsPerNs;
  if (arrival_ps < common::now_ps()) return;  // it waits for room
  arrival_.set(arrival_ps);
}

void Mailbox::collect(observe::StatisticsSink& sink) const {
  Peripheral::collect(sink);
  sink.value("requests_posted", requests_posted_, "1", "Requests given to the firmware");
  sink.value("records_received", records_received_, "1", "Records taken from the firmware");
  sink.value("tokens_received", tokens_received_, "1", "Tokens in those records");
  sink.value("errors", errors_, "1", "Impossible ring indices and ring memory that is not there");
}

}  // namespace tandem::peripherals
