// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "tandem/memory/bank_agent.h"
#include "tandem/memory/command_channel.h"

namespace tandem::pim {

// One operation of a channel's computing banks, as a PimCommandSet makes them.
struct BankOperation {
  enum class Kind : std::uint8_t {
    kBufferWrite,  // row of a bank to the global vector buffer, through the ordinary row buffer
    kBufferLoad,   // `count` bursts from the data bus to the global vector buffer
    kHeader,       // announces a group: `count` computes of one row and `results` result reads
    kCompute,      // `count` columns of the row in every bank, a command each
    kComputeRead,  // the same and the result read, as one command (composite)
    kResultRead,   // `count` bursts of accumulators to the data bus
    kMode,         // to or from PIM mode
  };
  Kind kind = Kind::kHeader;
  bool last = false;     // of its header's group
  bool counted = false;  // `tag` is told when it is done
  std::uint8_t bank = 0;
  std::uint16_t repeat = 1;  // computes that a column takes: more than 1 with narrow or slow lanes
  std::uint32_t count = 1;
  std::uint32_t results = 1;
  std::uint32_t row = 0;
  std::uint64_t bank_mask = 0;  // header, compute: banks that take part; 0: all
  std::uint64_t tag = 0;
  memory::Cycle not_before = 0;  // enters the command queue no sooner

  template <typename Archive>
  void archive(Archive& archive) {
    archive(kind, last, counted, bank, repeat, count, results, row, bank_mask, tag, not_before);
  }
};

// Who gives the commands of a channel's computing banks (PIM) and arbitrates between them and
// ordinary requests, at command fidelity. Pure C++; runs inside CommandChannel::tick().
//
// Operations wait in a transaction queue and move into the command queue as ordinary requests do.
// With dual row buffers ordinary requests go on beside them; with a single row buffer the channel
// is blocked as long as operations are queued, and from one kMode to the next: PIM goes first, and
// ordinary requests enter the command queues only while no operation is there. With a refresh guard
// a group, or a buffer write, begins only if it is expected to end before the next refresh, else
// PIM waits for the refresh; without, a refresh that falls due interrupts the group, whose rows are
// opened again. README.md has the rules.
class PimChannel final : public memory::BankAgent {
 public:
  class Client {
   public:
    virtual void operation_done(std::uint64_t tag, memory::Cycle done) = 0;

   protected:
    ~Client() = default;
  };
  struct Config {
    unsigned transaction_queue = 32;
    unsigned command_queue = 128;
    bool precharge_all = false;  // one command shuts all compute buffers
    bool refresh_guard = true;
  };

  PimChannel(const Config& config, memory::CommandChannel& channel, Client& client);

  bool accepts() const { return waiting_.size() < config_.transaction_queue; }
  // Takes an operation, whether it accepts() one or not: the bound is for who models the queue.
  void submit(const BankOperation& operation, memory::Cycle now);
  std::size_t queued() const { return waiting_.size() + queue_.size(); }
  // As new; operations are forgotten.
  void reset();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(waiting_, queue_, in_group_, in_mode_, writing_buffer_, buffer_ready_, buffer_bank_);
    archive(skipping_, slack_, reserved_row_, ready_);
  }

  Verdict step(memory::Cycle now, bool refreshing, bool busy, memory::Command& command) override;
  bool permits(const memory::Command& command, std::uint32_t row) override;
  void issued(const memory::Command& command) override;
  void refreshed() override;
  memory::Cycle next(memory::Cycle now) const override;
  bool idle() const override { return waiting_.empty() && queue_.empty(); }
  bool admits_requests() const override;
  bool take_transfer(memory::Cycle now, bool ordinary, bool draining) override;

 private:
  static constexpr memory::Cycle kLeastSlack = 10;  // below it ordinary commands wait for PIM
  using Kind = BankOperation::Kind;

  bool dual() const { return timing_.dual(); }
  Verdict front(memory::Cycle now, memory::Command& command);
  Verdict buffer_write(const BankOperation& operation, memory::Cycle now, memory::Command& command);
  Verdict header(const BankOperation& operation, memory::Cycle now, memory::Command& command);
  Verdict shut(unsigned bank, memory::Cycle now, memory::Command& command);
  Verdict buffer_load(const BankOperation& operation, memory::Cycle now, memory::Command& command);
  Verdict mode(memory::Cycle now, memory::Command& command);
  Verdict open_rows(const BankOperation& operation, memory::Cycle now, memory::Command& command);
  bool rows_open(const BankOperation& operation) const;
  Verdict compute(const BankOperation& operation, memory::Cycle now, memory::Command& command);
  Verdict at(memory::CommandKind kind, unsigned bank, std::uint32_t row, memory::Cycle from,
             memory::Cycle now, memory::Command& command);
  bool wck_stopped(memory::Cycle from, memory::Cycle now) const {
    return timing_.needs_wck_sync(std::max(from, now));
  }
  Verdict synchronise(memory::Cycle from, memory::Cycle now, memory::Command& command);
  Verdict finish(memory::Cycle done);
  bool meets_refresh(memory::Cycle estimate, memory::Cycle now);
  memory::Cycle buffer_write_estimate(const BankOperation& operation) const;
  memory::Cycle group_estimate(const BankOperation& operation) const;
  bool takes_part(const BankOperation& operation, unsigned first_bank) const;
  bool is_open(unsigned first_bank, std::uint32_t row) const;
  void soon(memory::Cycle cycle) { ready_ = std::min(ready_, cycle); }

  Config config_;
  memory::CommandChannel& channel_;
  const memory::BankTiming& timing_;
  Client& client_;
  std::deque<BankOperation> waiting_;
  std::deque<BankOperation> queue_;

  bool in_group_ = false;                          // between a header and its last result
  bool in_mode_ = false;                           // between two kMode
  bool writing_buffer_ = false;                    // from the choice of a buffer write to its end
  memory::Cycle buffer_ready_ = memory::kNoCycle;  // its end; kNoCycle while it has not been issued
  unsigned buffer_bank_ = 0;
  bool skipping_ = false;    // until the next refresh
  memory::Cycle slack_ = 0;  // cycles that ordinary row commands may still cost
  std::uint32_t reserved_row_ = memory::BankTiming::kNoRow;
  memory::Cycle ready_ = memory::kNoCycle;
};

}  // namespace tandem::pim
