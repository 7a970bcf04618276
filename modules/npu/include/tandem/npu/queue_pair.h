// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "tandem/abi/command.h"
#include "tandem/npu/dma.h"
#include "tandem/npu/execution.h"

namespace tandem::npu {

// A submission and a completion ring. Commands are fetched ahead and run in order, one at a time;
// CANCEL acts as soon as it is fetched. Completions wait while their ring is full.
class QueuePair {
 public:
  // What a queue pair needs of the device.
  class Owner {
   public:
    // Starts a command if its context is free; the queue pair asks again when told to retry().
    virtual std::unique_ptr<Execution> try_start(unsigned queue, const abi::Command& command,
                                                 Execution::Finished finished) = 0;
    virtual void ended(unsigned queue, Execution& execution) = 0;
    virtual void report(abi::Status status, std::uint64_t address) = 0;
    virtual void completed(unsigned queue, const abi::Completion& completion, bool interrupt) = 0;
    // True if a command of that tag was found and told to stop.
    virtual bool cancel(std::uint32_t tag) = 0;
    virtual Fault check(const abi::Command& command) const = 0;
    virtual void defer(std::function<void()> function) = 0;
    virtual void later(std::uint64_t delay_ps, std::function<void()> function) = 0;
    virtual FaultHooks* faults() const = 0;

   protected:
    ~Owner() = default;
  };

  QueuePair(Owner& owner, Dma& dma, unsigned index, std::uint32_t fetch_ahead)
      : owner_(owner), dma_(dma), index_(index), fetch_ahead_(fetch_ahead) {}

  struct Rings {
    std::uint64_t submission_base, completion_base;
    std::uint32_t submission_size, completion_size;
    bool checked;  // tandem/abi/checks.h
  };
  void enable(const Rings& rings);
  bool enabled() const { return enabled_; }
  bool checked() const { return rings_.checked; }
  // What has been fetched still runs.
  void disable() { enabled_ = false; }
  void reset();

  // Doorbells; false if the index is outside the ring.
  bool submission_tail(std::uint32_t tail);
  bool completion_head(std::uint32_t head);
  std::uint32_t submission_head() const { return head_; }
  std::uint32_t completion_tail() const { return completion_tail_; }

  // When idle.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(enabled_, rings_.submission_base, rings_.completion_base, rings_.submission_size);
    archive(rings_.completion_size, rings_.checked, head_, tail_, completion_head_,
            completion_tail_, phase_);
  }

  bool cancel(std::uint32_t tag);
  void retry();
  bool idle() const {
    return running_ == nullptr && waiting_.empty() && !fetching_ && unwritten_.empty() &&
           !writing_ && delayed_ == 0;
  }

 private:
  struct Waiting {
    abi::Command command;
    Fault fault;
  };
  struct Unwritten {
    abi::Completion completion;
    bool interrupt;
  };
  void fetch();
  void fetched(bool ok, std::uint64_t fault_address);
  void wait_unknown(const Fault& fault);
  void start_next();
  void finished(const Fault& fault, std::uint64_t value);
  void complete(const abi::Command& command, const Fault& fault, std::uint64_t value);
  void write_completion();

  Owner& owner_;
  Dma& dma_;
  unsigned index_;
  std::uint32_t fetch_ahead_;
  bool enabled_ = false, fetching_ = false, writing_ = false;
  Rings rings_{};
  std::uint32_t head_ = 0, tail_ = 0, completion_head_ = 0, completion_tail_ = 0;
  std::uint8_t phase_ = 1;
  abi::Command arriving_{};
  std::deque<Waiting> waiting_;
  std::deque<Unwritten> unwritten_;
  unsigned delayed_ = 0;  // completions that a fault holds back
  std::unique_ptr<Execution> running_;
};

}  // namespace tandem::npu
