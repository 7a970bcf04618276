// SPDX-License-Identifier: Apache-2.0
// A machine without a simulator: a HAL on plain memory with a mailbox, a UART and a fake NPU.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fake_npu.h"
#include "tandem/abi/boot_info.h"
#include "tandem/abi/firmware_entry.h"
#include "tandem/abi/mailbox.h"
#include "tandem/abi/model_image.h"

namespace tandem::test {

class FakeMachine {
 public:
  static constexpr std::uint64_t kControlBase = abi::kBootInfoAddress;
  static constexpr std::uint64_t kControlBytes = 1u << 20;
  static constexpr std::uint64_t kSharedBase = kControlBase + 0x2'0000;
  static constexpr std::uint64_t kDramBase = 0x8000'0000;
  static constexpr std::uint64_t kNpu = 0x0210'0000;
  static constexpr std::uint64_t kIntc = 0x0200'0000;
  static constexpr std::uint64_t kUart = 0x0202'0000;
  static constexpr std::uint64_t kMailbox = 0x0203'0000;

  // Memory with boot information and a model of 2 layers, 32 tokens and 64 positions, which a test
  // may change before start().
  FakeMachine();
  FakeMachine(const FakeMachine&) = delete;

  abi::BootInfo& boot() { return at<abi::BootInfo>(kControlBase); }
  abi::PolicyBlock& policy() { return boot().policy; }
  abi::ModelImage& model() { return at<abi::ModelImage>(boot().model_image); }
  FakeNpu& npu() { return npu_; }
  const tandem_hal& hal() const { return hal_; }
  template <typename T>
  T& at(std::uint64_t address) {
    return *reinterpret_cast<T*>(memory_.data() + (address - kControlBase));
  }

  // Queues a request; it goes into the ring once the firmware has set that up.
  void post(std::uint32_t id, const std::vector<std::uint32_t>& prompt, std::uint32_t max_tokens,
            const std::function<void(abi::Request&)>& change = {});

  // Runs init; its result.
  int start(const tandem_firmware& firmware);
  // Runs up to `limit` steps; true when the firmware said DONE.
  bool run(unsigned limit = 100'000);

  std::vector<std::uint32_t> tokens(std::uint32_t id) const;
  std::vector<abi::Record> records(std::uint32_t id) const;
  abi::Record last_record(std::uint32_t id) const { return records(id).back(); }
  const std::string& uart() const { return uart_; }
  std::uint64_t now_ns() const { return now_ns_; }

  bool record_ring_stuck = false;     // the host takes no records
  unsigned uart_room = ~0u;           // bytes that the UART takes between two relaxes
  std::uint64_t faulty_register = 0;  // answers with a bus error

 private:
  void write_model();
  std::uint32_t read(std::uint64_t address);
  void write(std::uint64_t address, std::uint32_t value);
  void pass_time(std::uint64_t ns);
  void feed_requests();
  void take_records();

  std::vector<std::uint8_t> memory_;
  std::vector<std::uint8_t> arena_;
  tandem_hal hal_{};
  const tandem_firmware* firmware_ = nullptr;
  FakeNpu npu_;
  std::map<std::uint32_t, std::uint32_t> mailbox_;
  std::vector<abi::Request> waiting_;
  std::vector<abi::Record> records_;
  std::uint64_t next_prompt_;
  std::uint32_t request_tail_ = 0;
  std::uint32_t record_head_ = 0;
  unsigned uart_taken_ = 0;
  std::string uart_;
  std::uint64_t now_ns_ = 0;
};

}  // namespace tandem::test
