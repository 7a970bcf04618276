// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "tandem/abi/pim_registers.h"
#include "tandem/npu/dma.h"

namespace tandem::npu {

// The NPU's side of the PIM: vectors, commands and results as bus transactions. Jobs go out in
// order, as many as have room in the windows side by side, and end in order.
class PimPort {
 public:
  struct Write {
    std::uint32_t offset;  // in the job's part of the vector window
    std::uint64_t size;
    std::vector<std::uint8_t> bytes;  // `size` of them, or none: timing-only
  };
  struct Read {
    std::uint32_t offset;  // in the job's part of the result window
    void* to;              // nullptr: timing-only
    std::uint64_t bytes;
  };
  // In this order, with commands; the PIM holds a read until the commands are done whose results it
  // reads. Offsets, those of the commands too, count from the begin of what the job gets of the
  // windows.
  struct Job {
    std::vector<Write> writes;
    std::vector<abi::PimCommand> commands;
    std::vector<Read> reads;
    std::uint64_t multiply_ps;  // what the banks' rate alone would make of it
    std::uint64_t* busy_ps;     // what it took is added here
    Dma::Done done;
    std::uint64_t times = 1;  // that it counts, see Dma::count_times; set by run()
  };
  // What the PIM says of itself.
  struct Geometry {
    std::uint32_t channels = 0, banks = 0, lanes = 0, draft_lanes = 0;
    std::uint32_t vector_bytes = 0, result_bytes = 0, formats = 0, clock_ps = 0;
    std::uint32_t channel_layout = 0;
    // 0 if addresses do not say.
    std::uint32_t channel_of(std::uint64_t address) const {
      const std::uint32_t bits = abi::pim::CHANNEL_LAYOUT_CHANNELS.get(channel_layout);
      const std::uint32_t shift = abi::pim::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(channel_layout);
      return static_cast<std::uint32_t>(address >> shift & ((std::uint64_t{1} << bits) - 1));
    }
    std::uint32_t row_bytes = 0, row_open_ps = 0, buffer_bytes = 0, accumulators = 0;
    bool channels_first = false;  // neighbouring rows lie in different channels

    template <typename Archive>
    void archive(Archive& archive) {
      archive(channels, banks, lanes, draft_lanes, vector_bytes, result_bytes, formats, clock_ps);
      archive(channel_layout, row_bytes, row_open_ps, buffer_bytes, accumulators, channels_first);
    }
  };

  PimPort(Dma& dma, std::uint64_t expected_overhead_ps)
      : dma_(dma),
        expected_overhead_ps_(expected_overhead_ps),
        overhead_ps_(expected_overhead_ps) {}

  void set_base(std::uint64_t base) {
    base_ = base;
    known_ = false;
  }
  // Reads the PIM's capability registers the first time; `done` gets ok.
  void with_geometry(Dma::Done done);
  bool known() const { return known_; }
  const Geometry& geometry() const { return geometry_; }

  // What a job takes beyond its multiplications: bus, rows, buffers, but not waiting for the job
  // before it. A running mean over the jobs so far, from `expected_overhead_ps` on.
  std::uint64_t overhead_ps() const { return overhead_ps_; }
  // Time of multiplying `weights` weights of a format with each of `vectors` vectors.
  std::uint64_t multiply_ps(abi::Format format, std::uint64_t weights, std::uint64_t vectors) const;

  // The same for a matrix, with the rows that are opened for it.
  std::uint64_t gemv_ps(abi::Format format, std::uint64_t rows, std::uint64_t columns,
                        std::uint64_t vectors) const;
  // And for one in slices of so many columns.
  std::uint64_t sliced_gemv_ps(abi::Format format, std::uint64_t rows, std::uint64_t columns,
                               std::uint64_t slice_columns, std::uint64_t vectors) const;

  void run(Job job);
  bool idle() const { return sent_.empty() && waiting_.empty(); }
  void reset();
  // When idle.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(overhead_ps_, last_end_ps_, base_, known_, geometry_, next_tag_, commands_);
    archive(jobs_done_);
  }

  std::uint64_t commands() const { return commands_; }
  std::uint64_t jobs() const { return jobs_done_; }

 private:
  // Of a window, [begin, end).
  struct Room {
    std::uint64_t begin = 0, end = 0;
  };
  struct Sent {
    Job job;
    Room vectors, results;
    std::uint64_t begin_ps = 0;
    std::size_t pending = 0;  // transfers
    bool requested = false;   // its commands have been asked for
    bool ok = true;
    std::uint64_t fault = 0;
  };

  void pump();
  bool make_room(std::uint64_t bytes, std::uint64_t window, Room Sent::*room, Room& found) const;
  void send(Sent& sent);
  Dma::Done done_of(Sent& sent);
  void read_results(Sent& sent);
  void part_done(Sent& sent, bool ok, std::uint64_t fault);
  void retire();

  Dma& dma_;
  std::uint64_t expected_overhead_ps_;
  std::uint64_t overhead_ps_;
  std::uint64_t last_end_ps_ = 0;  // of a job
  std::uint64_t base_ = 0;
  bool known_ = false;
  Geometry geometry_;
  std::deque<Job> waiting_;
  std::deque<std::unique_ptr<Sent>> sent_;
  std::uint32_t next_tag_ = 0;
  std::uint64_t commands_ = 0, jobs_done_ = 0;
};

}  // namespace tandem::npu
