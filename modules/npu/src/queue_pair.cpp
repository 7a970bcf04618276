// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/queue_pair.h"

#include <algorithm>

#include "tandem/abi/checks.h"

namespace tandem::npu {

using abi::Status;

void QueuePair::enable(const Rings& rings) {
  rings_ = rings;
  head_ = tail_ = completion_head_ = completion_tail_ = 0;
  phase_ = 1;
  enabled_ = true;
}

void QueuePair::reset() {
  enabled_ = fetching_ = writing_ = false;
  waiting_.clear();
  unwritten_.clear();
  delayed_ = 0;
  if (running_ != nullptr) running_->abandon();
  running_.reset();
  head_ = tail_ = completion_head_ = completion_tail_ = 0;
}

bool QueuePair::submission_tail(std::uint32_t tail) {
  if (!enabled_ || tail >= rings_.submission_size) return false;
  tail_ = tail;
  fetch();
  return true;
}

bool QueuePair::completion_head(std::uint32_t head) {
  if (head >= rings_.completion_size) return false;
  completion_head_ = head;
  write_completion();
  return true;
}

void QueuePair::fetch() {
  if (!enabled_ || fetching_ || head_ == tail_ || waiting_.size() >= fetch_ahead_) return;
  if (unwritten_.size() >= rings_.completion_size) return;  // until the driver reads completions
  fetching_ = true;
  dma_.read(Dma::kControl, rings_.submission_base + std::uint64_t{head_} * sizeof(abi::Command),
            &arriving_, sizeof arriving_,
            [this](bool ok, std::uint64_t fault_address) { fetched(ok, fault_address); });
}

void QueuePair::fetched(bool ok, std::uint64_t fault_address) {
  fetching_ = false;
  const std::uint64_t address =
      rings_.submission_base + std::uint64_t{head_} * sizeof(abi::Command);
  head_ = (head_ + 1) % rings_.submission_size;
  if (ok && owner_.faults() != nullptr) {
    owner_.faults()->descriptor_fetched(FaultHooks::Descriptor::kCommand, address, &arriving_,
                                        sizeof arriving_);
  }
  if (!ok) {
    wait_unknown({Status::kBusError, 0xFFFF, fault_address});
  } else if (rings_.checked && arriving_.check != abi::command_check(arriving_)) {
    wait_unknown({Status::kCorrupted, 0xFFFF, address});
  } else {
    Fault fault = owner_.check(arriving_);
    const bool cancel = arriving_.opcode == static_cast<std::uint8_t>(abi::Opcode::kCancel);
    if (cancel && !fault) {
      if (!owner_.cancel(static_cast<std::uint32_t>(arriving_.semaphore_address))) {
        fault = {Status::kNotFound, 0xFFFF, arriving_.semaphore_address};
      }
      complete(arriving_, fault, 0);
    } else {
      waiting_.push_back({arriving_, fault});
    }
  }
  start_next();
  fetch();
}

// Of a command nothing is known, not even its tag.
void QueuePair::wait_unknown(const Fault& fault) {
  abi::Command unknown{};
  unknown.tag = 0xFFFF'FFFF;
  waiting_.push_back({unknown, fault});
}

void QueuePair::start_next() {
  while (running_ == nullptr && !waiting_.empty()) {
    const Waiting& next = waiting_.front();
    if (next.fault) {
      complete(next.command, next.fault, 0);
      waiting_.pop_front();
      continue;
    }
    running_ = owner_.try_start(
        index_, next.command,
        [this](const Fault& fault, std::uint64_t value) { finished(fault, value); });
    if (running_ == nullptr) return;
    waiting_.pop_front();
    running_->start();
  }
  fetch();
}

void QueuePair::retry() {
  start_next();
}

// The execution is still on the stack, so it goes a moment later. Other queue pairs that wait for
// its context come before the next command of this one.
void QueuePair::finished(const Fault& fault, std::uint64_t value) {
  complete(running_->command(), fault, value);
  owner_.defer([this] {
    owner_.ended(index_, *running_);
    running_.reset();
    owner_.defer([this] { start_next(); });
  });
}

bool QueuePair::cancel(std::uint32_t tag) {
  if (running_ != nullptr && running_->command().tag == tag) {
    return running_->cancel();
  }
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    return waiting.command.tag == tag && !waiting.fault;
  });
  if (found == waiting_.end()) return false;
  found->fault = {Status::kCancelled, 0xFFFF, 0};
  owner_.defer([this] { start_next(); });
  return true;
}

void QueuePair::complete(const abi::Command& command, const Fault& fault, std::uint64_t value) {
  abi::Completion completion{};
  completion.tag = command.tag;
  completion.status = static_cast<std::uint8_t>(fault.status);
  completion.primitive = fault.primitive;
  completion.value = fault ? fault.value : value;
  const bool interrupt = fault || (command.flags & abi::kCommandInterrupt) != 0;
  const std::uint64_t delay_ps =
      owner_.faults() == nullptr ? 0 : owner_.faults()->completion_delay_ps();
  if (delay_ps != 0) {
    ++delayed_;
    return owner_.later(delay_ps, [this, held = Unwritten{completion, interrupt}] {
      --delayed_;
      unwritten_.push_back(held);
      write_completion();
    });
  }
  unwritten_.push_back({completion, interrupt});
  write_completion();
}

void QueuePair::write_completion() {
  if (writing_ || unwritten_.empty()) return;
  const std::uint32_t next = (completion_tail_ + 1) % rings_.completion_size;
  if (next == completion_head_) return;  // full: the driver's doorbell lets it go on
  writing_ = true;
  abi::Completion& completion = unwritten_.front().completion;
  completion.phase = phase_;
  if (rings_.checked) {
    completion.phase |= static_cast<std::uint8_t>(abi::completion_check(completion) << 1);
  }
  const std::uint64_t address =
      rings_.completion_base + std::uint64_t{completion_tail_} * sizeof(abi::Completion);
  if (owner_.faults() != nullptr) owner_.faults()->completion_written(address, completion);
  completion_tail_ = next;
  if (completion_tail_ == 0) phase_ ^= 1u;
  dma_.write(Dma::kControl, address, &completion, sizeof completion,
             [this](bool ok, std::uint64_t fault_address) {
               if (!ok) owner_.report(Status::kBusError, fault_address);
               const Unwritten written = unwritten_.front();
               unwritten_.pop_front();
               writing_ = false;
               owner_.completed(index_, written.completion, written.interrupt);
               write_completion();
               fetch();
             });
}

}  // namespace tandem::npu
