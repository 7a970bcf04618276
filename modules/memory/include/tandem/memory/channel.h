// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "tandem/common/archive.h"
#include "tandem/memory/address_mapping.h"
#include "tandem/memory/bank_timing.h"
#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/memory/divider.h"
#include "tandem/memory/mixed_pace.h"
#include "tandem/memory/refresh_schedule.h"
#include "tandem/memory/reservations.h"
#include "tandem/observe/energy.h"
#include "tandem/observe/statistics.h"

namespace tandem::memory {

struct Interval {
  std::uint64_t begin_ps;
  std::uint64_t end_ps;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(begin_ps, end_ps);
  }
};

// What a long run of consecutive addresses costs a channel that does nothing else, refreshes
// included.
struct StreamPace {
  double burst_ps;             // per burst
  double activates_per_burst;  // rows opened
};

// How the requests of a stream come.
struct StreamLoad {
  std::uint64_t window_bytes = 0;   // in flight at once, all channels together; 0: no limit
  std::uint64_t request_bytes = 0;  // of one request; 0: whole rows
  std::uint64_t round_trip_ps = 0;  // from data to the request that follows it
};

// As Channel itself has it, measured over 32 refresh intervals on the first channel of `mapping`.
StreamPace measure_stream(const DeviceConfig& device, const ControllerConfig& controller,
                          const AddressMapping& mapping, bool is_write,
                          const StreamLoad& load = {});

// Time of one DRAM channel at transaction fidelity: predicts what the scheduler of CommandChannel
// achieves, from the same tables, without issuing commands. Nothing is simulated step by step: each
// access takes, in the order of the calls, the earliest time that queues, banks, activate windows,
// data bus and refresh have left, holes included (that is how later accesses overtake). Cost
// follows runs within a row, not bytes. README.md has the rules.
class Channel {
 public:
  static constexpr std::uint64_t kAllBanks = ~std::uint64_t{0};

  struct Counters {
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bytes = 0;
    std::uint64_t row_hits = 0;       // runs that found their row open
    std::uint64_t row_misses = 0;     // runs that found the bank precharged
    std::uint64_t row_conflicts = 0;  // runs that found another row open
    std::uint64_t activates = 0;
    std::uint64_t read_bursts = 0;
    std::uint64_t write_bursts = 0;
    std::uint64_t forwarded = 0;      // reads answered from the write buffer
    std::uint64_t merged_writes = 0;  // writes to what the write buffer holds
    std::uint64_t drains = 0;         // batches of writes
    std::uint64_t busy_ps = 0;        // data on the bus
    std::uint64_t compute_ps = 0;     // reserved for computation in the banks

    template <typename Archive>
    void archive(Archive& archive) {
      archive(read_bytes, write_bytes, row_hits, row_misses, row_conflicts, activates);
      archive(read_bursts, write_bursts, forwarded, merged_writes, drains, busy_ps, compute_ps);
    }
  };

  // Both have been validated. Copies share what they measure (MixedPace).
  Channel(const DeviceConfig& device, const ControllerConfig& controller);

  // Reads or writes `bytes` (> 0) of one row from byte `column_byte` on, not before `earliest_ps`.
  // A read returns the time from its first to its last byte on the data bus. A write is posted: the
  // interval ends when the write buffer has taken its last byte.
  Interval reserve(unsigned bank, unsigned row, unsigned column_byte, std::uint64_t bytes,
                   bool is_write, std::uint64_t earliest_ps) {
    return reserve_from(bank, row, column_byte, bytes, is_write, to_cycles(earliest_ps));
  }
  Interval reserve_from(unsigned bank, unsigned row, unsigned column_byte, std::uint64_t bytes,
                        bool is_write, Cycle arrival);

  // A long run of consecutive addresses in closed form: `bytes` at `pace`, behind everything
  // promised before. The banks are shut for those who come after.
  Interval stream(std::uint64_t bytes, bool is_write, const StreamPace& pace,
                  std::uint64_t earliest_ps) {
    const Stream share = stream_of(bytes, pace, times_);
    return to_ps(share, stream(share, is_write, to_cycles(earliest_ps)));
  }
  // The same in cycles and steps: all channels of a kind have the first one in common.
  struct Stream {
    Cycle cycles;
    std::uint64_t times;  // see count_times, which does not hold for it
    std::uint64_t bytes;  // the rest as often as it counts
    std::uint64_t bursts;
    std::uint64_t rows;
    Cycle owed_cycles;  // of the others that it stands for
  };
  Stream stream_of(std::uint64_t bytes, const StreamPace& pace, std::uint64_t times) const;
  // Returns the end of the data.
  Cycle stream(const Stream& stream, bool is_write, Cycle earliest) {
    if (is_write || !streamed_.on_bus ||
        std::max(earliest, head_of_line_) + read_lead_ > streamed_.end) {
      return stream_anew(stream, is_write, earliest);
    }
    streamed_.bytes += stream.bytes;
    streamed_.bursts += stream.bursts;
    streamed_.rows += stream.rows;
    streamed_.owed_cycles += stream.owed_cycles;
    return streamed_.end += stream.cycles;
  }
  Interval to_ps(const Stream& stream, Cycle end) const {
    return {(end - stream.cycles) * t_.tck_ps, end * t_.tck_ps};
  }
  Cycle to_cycles(std::uint64_t ps) const { return by_tck_.divide(ps + t_.tck_ps - 1); }

  // The data bus alone, for bytes that do not come from a row (global buffers, results).
  Interval reserve_bus(std::uint64_t bytes, bool is_write, std::uint64_t earliest_ps);

  // The earliest time, not before `earliest_ps`, at which the banks are shut and not refreshing.
  std::uint64_t banks_free_ps(std::uint64_t bank_mask, std::uint64_t earliest_ps);
  // Banks busy with computation (PIM) until `end_ps`, and shut then; ordinary accesses to them
  // wait. Counts `rows_opened` activates. Refreshes meanwhile are part of the time. Without banks
  // in the mask only counts. The data bus stays free.
  void reserve_compute(std::uint64_t bank_mask, std::uint64_t begin_ps, std::uint64_t end_ps,
                       std::uint64_t rows_opened);

  // What is reserved from now on counts `times` times, and takes the time of once: it stands for
  // others that are not made. Buffered writes count with the access that drains them.
  void count_times(std::uint64_t times) { times_ = times; }

  // Drains the write buffer and returns when the last write has had its data on the bus.
  std::uint64_t finish_writes();

  // As new at `time_ps`; counters stay.
  void reset(std::uint64_t time_ps);
  void archive(common::Archive& archive);

  const DeviceConfig& device() const { return device_; }
  Counters counters() const;
  // Time with data on the bus until `time_ps`, which is not before that of the last access; once
  // whatever it counts. Data of a stream are spread over it evenly.
  std::uint64_t data_ps(std::uint64_t time_ps) const;
  // The last batch of writes on the data bus.
  const Interval& last_drain() const { return last_drain_; }
  // Refreshes up to `time_ps`.
  std::uint64_t refreshes(std::uint64_t time_ps) const;
  // Time with at least one row open, summed over the ranks, up to `time_ps`.
  std::uint64_t active_ps(std::uint64_t time_ps) const;
  void collect(observe::StatisticsSink& sink, std::uint64_t time_ps) const;
  void collect_energy(observe::EnergySink& sink, std::uint64_t time_ps) const;

 private:
  static constexpr unsigned kSessions = 4;
  // A stay of one row in the row buffer.
  struct Session {
    std::uint32_t row;
    std::uint64_t columns;
    Cycle activate;
    Cycle last_column;
    Cycle precharge_ready;
    Cycle precharge;  // given; kNoCycle while no other row is wanted
    Cycle closes;     // the refresh that ends it at the latest

    template <typename Archive>
    void archive(Archive& archive) {
      archive(row, columns, activate, last_column, precharge_ready, precharge, closes);
    }
  };
  struct Bank {
    std::array<Session, kSessions> sessions{};  // the latest, oldest first
    unsigned count = 0;
    Cycle activate_ready = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(sessions, count, activate_ready);
    }
  };
  struct Run {
    unsigned bank;
    std::uint32_t row;
    std::uint32_t column;  // of its first burst
    std::uint64_t bursts;
    bool is_write;
    Cycle arrival;  // of the payload that it belongs to
    bool paced;     // among such as open rows: turns of the bus are part of MixedPace

    template <typename Archive>
    void archive(Archive& archive) {
      archive(bank, row, column, bursts, is_write, arrival, paced);
    }
  };
  struct Columns {  // cycles of the column commands
    Cycle first;
    Cycle last;
    Cycle told_later;  // what others have lost to them
  };
  struct Refreshed {  // the last two refreshes of a target that were looked at
    Cycle due = 0;
    Cycle until = 0;
    Cycle previous_due = 0;
    Cycle previous_until = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(due, until, previous_due, previous_until);
    }
  };
  struct OpenTime {  // of a rank: with at least one row open
    Cycle since = 0;
    Cycle until = 0;
    std::uint64_t cycles = 0;  // before `since`
    // Of accesses that are stood for: counted when no row is open, as time passes.
    std::uint64_t owed_cycles = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(since, until, cycles, owed_cycles);
    }
  };
  struct RankState {
    ActivateSlots activates;
    OpenTime open;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(activates, open);
    }
  };
  struct Group {
    GroupPace pace;
    Cycle write_end = 0;  // of the last write's data

    template <typename Archive>
    void archive(Archive& archive) {
      archive(pace, write_end);
    }
  };

  struct WaitingWrite {
    Run run;
    Cycle ready;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(run, ready);
    }
  };
  // Streams to be read that follow one another on the bus without a gap. What they change is put
  // off until somebody else comes (enter_streams), so that a stream touches one line of the cache.
  struct Streamed {
    Cycle end = 0;
    std::uint64_t bytes = 0;
    std::uint64_t bursts = 0;
    std::uint64_t rows = 0;
    std::uint64_t owed_cycles = 0;  // of each rank
    bool on_bus = false;            // nothing has come since the last one

    template <typename Archive>
    void archive(Archive& archive) {
      archive(end, bytes, bursts, rows, owed_cycles, on_bus);
    }
  };
  // The last streams that follow one another without a gap, whose end may be streamed_.end.
  struct StreamRun {
    Cycle begin = 0;
    Cycle end = 0;
    double data_ps_per_cycle = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(begin, end, data_ps_per_cycle);
    }
  };
  struct Slot {  // for column commands
    Cycle begin;
    Cycle since;  // when the bank group could have begun, if its pace is slower than the bus
    std::uint64_t bursts;
  };

  unsigned rank_of(unsigned bank) const { return bank >> rank_shift_; }
  unsigned group_of(unsigned bank) const { return bank >> group_shift_; }
  unsigned target_of(unsigned bank) const { return per_bank_refresh_ ? bank : rank_of(bank); }
  QueueSlots& queue_of(unsigned bank) { return queues_[per_bank_queues_ ? bank : rank_of(bank)]; }
  Cycle latency(bool is_write) const { return is_write ? t_.CWL : t_.CL; }

  // Queues
  Columns read(const Run& run, Cycle at);
  Cycle write(const Run& run, Cycle at);
  Cycle write_row(const Run& run, Cycle at);
  void settle_writes(Cycle now);
  void drain(Cycle begin);
  bool holds(const Run& run) const;
  void serve_writes();
  void drained(const Columns& columns);
  Cycle enter(const Run& run, Cycle at);
  Cycle transfer(const Run& run, Cycle at, Cycle entered, QueueSlots& waiting, Columns& columns);
  Cycle expected_column(const Run& run, Cycle ready) const;

  // Banks
  Cycle stream_anew(const Stream& stream, bool is_write, Cycle earliest);
  static std::uint64_t data_of(const StreamRun& run, Cycle cycle);
  void enter_streams() {
    if (streamed_.on_bus) end_streams();
  }
  void end_streams();
  void streamed_until(Cycle end, bool is_write);
  Cycle shut_banks();
  Columns place(const Run& run, Cycle ready);
  bool join(const Run& run, Cycle row_ready, Cycle ready, Columns& columns, std::uint64_t& left);
  bool overtake(const Run& run, unsigned index, Cycle ready, Cycle from, Columns& columns);
  Cycle last_closing(unsigned target, Cycle closes, Cycle column);
  Cycle after_bus(const Run& run, unsigned target, Cycle from);
  void open(const Run& run, Cycle row_ready, Cycle ready, Columns& columns, std::uint64_t& left);
  Cycle precharge_of(const Bank& bank, Cycle ready) const;
  Cycle precharged(const Bank& bank, const Run& run, Cycle ready) const;
  Cycle next_turn(const Run& run, Cycle ready) const;
  Cycle pace(bool is_write, Cycle ready);
  Cycle posted_lead() const;
  std::uint64_t banks_of_writes() const;
  Slot find_columns(const Run& run, Cycle ready, Cycle from, std::uint64_t bursts) const;
  Slot find_slot(const Run& run, Cycle ready, Cycle from, std::uint64_t bursts) const;
  void claim(const Run& run, const Slot& slot);
  void take_columns(const Run& run, unsigned session, Slot slot, Columns& columns,
                    std::uint64_t& left);
  void count_miss(const Run& run, Cycle ready);
  void mark_open(OpenTime& open, Cycle from, Cycle until);
  OpenTime open_time(const RankState& rank) const;
  static Cycle open_cycles(const OpenTime& open, Cycle now);

  // Refresh
  // `cycle`, or the end of the refresh of `target` that it falls into.
  Cycle after_refresh(unsigned target, Cycle cycle) {
    const Refreshed& r = refreshed_[target];
    return is_latest(r, cycle) ? std::max(cycle, r.until) : after_another_refresh(target, cycle);
  }
  // When the next refresh of `target` is due.
  Cycle next_refresh(unsigned target, Cycle cycle) const {
    const Refreshed& r = refreshed_[target];
    return is_latest(r, cycle) ? r.due + schedule_.period() : schedule_.next(target, cycle);
  }
  bool is_latest(const Refreshed& r, Cycle cycle) const {
    return r.until != 0 && cycle >= r.due && cycle < r.due + schedule_.period();
  }
  Cycle after_another_refresh(unsigned target, Cycle cycle);
  Cycle refresh_end(unsigned target, Cycle due) const;
  Cycle after_refreshes(std::uint64_t bank_mask, Cycle cycle);

  // In front, because streams need nothing else.
  Streamed streamed_;
  Cycle head_of_line_ = 0;   // when the last access that had to wait for a slot got it
  std::uint64_t times_ = 1;  // see count_times
  Cycle read_lead_;          // from a request to its data, in a bank that is shut
  CycleTiming t_;

  DeviceConfig device_;
  ControllerConfig controller_;
  Divider by_tck_;
  std::uint64_t burst_ps_;
  unsigned burst_shift_;  // log2 of the bytes of a burst
  unsigned group_shift_;  // log2 of the banks of a group
  unsigned rank_shift_;   // log2 of the banks of a rank
  bool per_bank_refresh_;
  bool per_bank_queues_;
  bool shared_commands_;  // columns go over the same command bus as rows
  Cycle pace_;            // of column commands within a bank group

  std::vector<Bank> banks_;
  std::uint64_t banks_used_ = 0;  // since the last stream; no other has an open row
  Cycle streamed_until_ = 0;      // its rows are shut
  std::vector<RankState> ranks_;
  std::vector<Group> groups_;
  DataBus bus_;
  CommandBus commands_;  // the one that activates go over
  RefreshSchedule schedule_;
  std::vector<Refreshed> refreshed_;
  std::uint64_t refreshes_before_epoch_ = 0;
  std::uint64_t open_cycles_before_ = 0;  // all ranks, before the epoch

  QueueSlots read_slots_;
  QueueSlots write_slots_;
  std::vector<QueueSlots> queues_;            // per bank or rank
  std::vector<Run> buffer_;                   // writes not yet drained
  std::vector<WaitingWrite> waiting_writes_;  // drained, wait for the bus in the command queues
  Cycle over_low_since_ = 0;
  Cycle drain_until_ = 0;  // the last write of the present batch has its command queue
  Cycle next_transfer_ = 0;
  Cycle last_column_ = 0;
  Cycle last_read_ = 0;
  Cycle last_write_ = 0;
  Cycle last_activity_ = 0;
  Cycle wck_until_ = 0;
  std::shared_ptr<MixedPace> mixed_pace_;
  double opening_share_ = 0;  // of the last accesses: those that opened a row
  double write_share_ = 0;    // of those
  double paced_until_ = 0;    // when those would be over at the pace of MixedPace
  Interval last_drain_{0, 0};
  Counters counters_;
  std::uint64_t data_ps_ = 0;  // promised, without those of run_
  StreamRun run_;
};

}  // namespace tandem::memory
