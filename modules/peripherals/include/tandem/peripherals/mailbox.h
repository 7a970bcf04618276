// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "tandem/abi/mailbox.h"
#include "tandem/abi/peripheral_registers.h"
#include "tandem/common/alarm.h"
#include "tandem/common/interrupt_output.h"
#include "tandem/peripherals/peripheral.h"
#include "tandem/peripherals/prompt_store.h"

namespace tandem::peripherals {

// The firmware's link to the host (registers: abi::mailbox). The host stands outside simulated
// time: it reads and writes the rings by debug transport, which takes no time and does not contend.
class Mailbox : public Peripheral {
 private:
  common::InterruptOutput output_;

 public:
  struct Config {
    common::RegisterTarget::Config registers;
    std::uint64_t prompt_base = 0;   // bus address of memory that holds the prompts
    std::uint64_t prompt_bytes = 0;  // 0: no request can be posted
    // Throws std::invalid_argument.
    void validate() const;
  };
  using RecordSink = std::function<void(const abi::Record&)>;

  tlm_utils::simple_initiator_socket<Mailbox> memory;
  common::InterruptPort& irq;

  Mailbox(const sc_core::sc_module_name& name, const Config& config);

  // Hands over a request; `prompt` are request.prompt_count token ids, copied. It is given to the
  // firmware in order of posting, not before request.arrival_ns, once the mailbox is enabled and
  // ring and prompt memory have room. `request.prompt` is filled in here. Throws
  // std::invalid_argument for an empty prompt, one that can never fit, and an id in use.
  void host_post(const abi::Request& request, const std::uint32_t* prompt);
  // No request will follow. STATUS.CLOSED is set when the last one is in the ring. A reset does not
  // undo it.
  void host_close();
  // Called for each record, in order, when the firmware rings the doorbell.
  void on_record(RecordSink sink) { sink_ = std::move(sink); }
  // Requests that the firmware has not taken yet.
  std::size_t host_waiting() const { return waiting_.size() + posted_.size(); }

  void collect(observe::StatisticsSink& sink) const override;
  void archive(common::Archive& archive) override;

 private:
  struct HostRequest {
    abi::Request request;
    std::vector<std::uint32_t> prompt;

    void archive(common::Archive& archive) {
      archive.plain(request);
      archive(prompt);
    }
  };
  // A ring as the firmware has set it up; entries is 0 when it has not.
  struct RingView {
    std::uint64_t base;
    std::uint32_t entries;
  };

  void on_reset() override;
  void write_control();
  void write_request_head();
  void write_record_tail();
  void take_back_posted();
  void take_back(std::deque<HostRequest>& requests);
  bool is_taken(std::uint32_t request_id) const;
  void post_waiting();
  bool post(HostRequest& host_request, const RingView& ring, std::uint32_t slot);
  void update_status();
  bool enabled() const;
  RingView ring(std::uint32_t base_lo, std::uint32_t base_hi, std::uint32_t size) const;
  bool transfer(tlm::tlm_command command, std::uint64_t address, void* data, unsigned bytes);

  Config config_;
  PromptStore prompts_;
  RecordSink sink_;
  std::deque<HostRequest> waiting_;  // not in the ring yet
  std::deque<HostRequest> posted_;   // in the ring, not taken by the firmware
  std::deque<HostRequest> taken_;    // by the firmware, not ended
  bool close_requested_ = false;
  bool was_enabled_ = false;
  std::uint32_t last_head_ = 0;
  common::Alarm arrival_{[this] { post_waiting(); }};
  std::uint64_t requests_posted_ = 0;
  std::uint64_t records_received_ = 0;
  std::uint64_t tokens_received_ = 0;
  std::uint64_t errors_ = 0;
};

}  // namespace tandem::peripherals
