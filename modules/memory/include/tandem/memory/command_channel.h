// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tandem/common/archive.h"
#include "tandem/memory/bank_agent.h"
#include "tandem/memory/bank_timing.h"
#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"

namespace tandem::memory {

// One DRAM channel at command fidelity: every command is issued at a cycle of its own, as the
// device's timing and the controller's policy allow. Knows no SystemC; somebody calls tick() at the
// cycles that next() names, and idle cycles cost nothing.
//
// A request is one burst. It waits for a command queue, moves into it (one per cycle), and is
// served from there: activate, precharge and column commands, one command per cycle (one per bus
// with separate buses). Writes are posted: done one cycle after they are taken, drained in batches.
// A read of what a queued write holds is answered from the queue.
class CommandChannel {
 public:
  struct Request {
    std::uint64_t tag = 0;
    unsigned bank = 0;
    std::uint32_t row = 0;
    std::uint32_t column = 0;  // burst within the row
    bool is_write = false;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(tag, bank, row, column, is_write);
    }
  };
  // Hears once for every request, no later than in the tick that precedes `done`.
  class Client {
   public:
    virtual void request_done(std::uint64_t tag, Cycle done) = 0;

   protected:
    ~Client() = default;
  };
  struct Counters {
    std::array<std::uint64_t, kCommandKinds> commands{};
    std::uint64_t row_hits = 0;       // column commands whose row had been opened for another one
    std::uint64_t forwarded = 0;      // reads answered from the write queue
    std::uint64_t merged_writes = 0;  // writes to what a queued write holds
    std::uint64_t data_cycles = 0;    // bursts on the data bus
    std::uint64_t of(CommandKind kind) const { return commands[static_cast<std::size_t>(kind)]; }

    template <typename Archive>
    void archive(Archive& archive) {
      archive(commands, row_hits, forwarded, merged_writes, data_cycles);
    }
  };

  // Both have been validated. `client` outlives the channel.
  CommandChannel(const DeviceConfig& device, const ControllerConfig& controller, Client& client,
                 const ComputeBanks& compute = {});

  // Whether a request may be submitted now; until then the caller keeps it.
  bool accepts(bool is_write) const {
    return (is_write ? writes_ : reads_).size() <
           (is_write ? controller_.write_queue : controller_.read_queue);
  }
  // Takes a request at cycle `now`, which is not before the last tick. tick(now) sees it, or the
  // next one if that has been.
  void submit(const Request& request, Cycle now);

  // The next cycle at which tick() has something to do; kNoCycle when there is no work. Refreshes
  // of an idle channel are caught up with the next request.
  Cycle next() const { return idle() ? kNoCycle : next_; }
  // Does what is due at `now`, after everything that was due before.
  void tick(Cycle now);
  bool idle() const;

  // Brings refreshes up to `now`, for counting at the end of a run.
  void catch_up(Cycle now);

  // Hear every command; at most a few.
  void add_listener(CommandListener& listener) { listeners_.push_back(&listener); }
  // Who computes in the banks; nullptr: nobody. It outlives the channel.
  void set_agent(BankAgent* agent) { agent_ = agent; }
  // The agent has got new work at `now`.
  void wake(Cycle now);

  // A command with the coordinates of `bank` filled in.
  Command make(CommandKind kind, unsigned bank, std::uint32_t row, Cycle now) const;
  // Cycles from `now` until the next refresh falls due.
  Cycle refresh_slack(Cycle now) const;
  const BankTiming& timing() const { return timing_; }
  const Counters& counters() const { return counters_; }
  // Rank-cycles with a row open, up to `now`.
  std::uint64_t active_cycles(Cycle now) const;

  // As new at `now`; counters stay, requests are forgotten.
  void reset(Cycle now);
  // Requests in the queues included.
  void archive(common::Archive& archive);

 private:
  struct Entry {
    std::uint64_t tag;
    std::uint64_t order;  // of arrival in the command queues
    std::uint32_t row;
    std::uint32_t column;
    bool is_write;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(tag, order, row, column, is_write);
    }
  };
  struct Queue {
    std::size_t oldest(bool is_write) const;  // there is one
    std::vector<Entry> entries;               // oldest first
    // Reads and writes, indexed by Kind.
    std::array<unsigned, 2> count{};
    std::array<unsigned, 2> hits{};  // of the open row

    template <typename Archive>
    void archive(Archive& archive) {
      archive(entries, count, hits);
    }
  };
  enum Kind : std::size_t { kReads = 0, kWrites = 1 };  // is_write
  enum class Bus { kAny, kRow, kColumn };
  struct Choice {
    bool found = false;
    CommandKind kind = CommandKind::kActivate;
    unsigned bank = 0;
    std::size_t entry = 0;    // of the queue: what a column command serves
    std::uint64_t order = 0;  // of the request it is for
  };

  void step(Cycle now);
  void insert_refreshes(Cycle now);
  unsigned refresh_target(std::uint64_t n) const;
  bool refresh_step(Cycle now);
  bool shut_bank(unsigned bank, Cycle now);
  bool blocked(unsigned bank) const { return (blocked_banks_ >> bank & 1) != 0; }

  bool pick(Cycle now, Bus bus);
  Choice pick_round_robin(Cycle now, Bus bus);
  Choice pick_oldest(Cycle now, Bus bus);
  Choice candidate(unsigned bank, Cycle now, Bus bus);
  bool sleeps(unsigned bank, Cycle now);
  Choice first_ready(unsigned bank, Cycle now, Bus bus);
  void try_oldest(std::uint32_t row, Cycle now, Choice& choice);
  void try_hits(std::uint32_t row, Cycle now, Choice& choice);
  bool try_column(std::size_t entry, Cycle now, Choice& choice);
  bool try_command(CommandKind kind, Cycle from, Cycle now, Choice& choice);
  std::size_t first_hit(const Queue& queue, std::uint32_t row, bool is_write) const;
  bool overtakes_read(const Queue& queue, std::size_t entry) const;
  void soon(Cycle cycle) {
    bank_ready_ = cycle < bank_ready_ ? cycle : bank_ready_;
    ready_ = cycle < ready_ ? cycle : ready_;
  }

  bool turns(Cycle now);
  void turn_bus();
  void note_unfinished();
  bool batch_ready();
  Cycle next_column(bool is_write, Cycle now, Cycle enough) const;
  Cycle next_column_of(unsigned bank, bool is_write, Cycle now) const;
  bool works_for_writes(const Queue& queue) const;
  bool keeps_row(unsigned bank, bool for_writes) const;

  void issue(const Command& command);
  void serve(const Choice& choice, Cycle now);
  void row_changed(unsigned bank, Cycle now);
  std::uint64_t rank_mask(unsigned rank) const;

  bool transfer(Cycle now);
  bool transfer_from(std::vector<Request>& waiting);
  bool room(unsigned bank) const;
  bool start_drain(Cycle now);
  bool has_pending_write(const Request& request) const;

  const ControllerConfig controller_;
  BankTiming timing_;
  Client& client_;
  BankAgent* agent_ = nullptr;
  std::vector<CommandListener*> listeners_;
  unsigned banks_per_group_;
  bool separate_buses_;

  std::vector<Request> reads_;
  std::vector<Request> writes_;
  std::vector<Queue> queues_;           // per bank, whatever the structure
  std::vector<unsigned> rank_entries_;  // entries of each rank
  // No command of a bank's queue before it: limits only grow until its queue or its row changes.
  std::array<Cycle, 64> bank_from_{};
  std::array<unsigned, 2> queued_{};  // reads and writes in all queues
  unsigned most_queued_ = 0;
  std::uint64_t active_banks_ = 0;  // with entries, a bit each
  std::uint64_t next_order_ = 0;
  unsigned round_robin_ = 0;  // bank or rank served last
  bool writing_ = false;      // direction of the data bus
  unsigned to_drain_ = 0;     // writes of the present batch still to be moved
  bool batch_due_ = false;    // the bus is to turn for the writes
  unsigned written_ = 0;      // since the bus turned
  // Banks that may have reads, queued before this order, of the row that was open when the batch
  // became due or the bus turned.
  std::uint64_t unfinished_ = 0;
  std::uint64_t due_order_ = 0;
  unsigned pending_writes_ = 0;  // waiting or queued
  Cycle last_activity_ = 0;

  Cycle refresh_interval_ = 0;  // between refresh commands of the channel; 0: none
  Cycle refresh_due_ = kNoCycle;
  std::uint64_t refreshes_inserted_ = 0;
  std::vector<unsigned> refresh_wait_;  // ranks or banks whose refresh is due
  std::uint64_t blocked_banks_ = 0;     // shut for the refresh that waits first

  Cycle next_ = 0;
  Cycle stepped_ = 0;            // first cycle that has not been stepped
  Cycle ready_ = kNoCycle;       // least time at which one of the commands looked at may be issued
  Cycle bank_ready_ = kNoCycle;  // the same for the bank that is being looked at
  bool denied_ = false;          // by the agent, whose mind may change
  bool issued_ = false;          // in this tick
  bool column_issued_ = false;   // likewise
  bool last_was_column_ = false;

  std::uint64_t open_banks_ = 0;   // with a row in one of their buffers, a bit each
  std::vector<Cycle> open_since_;  // per rank, while one of its banks is open
  std::uint64_t active_cycles_ = 0;
  Counters counters_;
};

}  // namespace tandem::memory
