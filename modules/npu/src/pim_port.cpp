// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/pim_port.h"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>

#include "tandem/abi/command.h"

namespace tandem::npu {

namespace {

constexpr std::uint32_t kPimId = 0x5450'494D;
constexpr std::uint64_t kAlignment = 64;  // of what a job gets of a window
static_assert(abi::pim::kRegisters[0].offset == abi::pim::ID &&
              abi::pim::kRegisters[0].reset == kPimId);

}  // namespace

void PimPort::with_geometry(Dma::Done done) {
  if (known_) {
    dma_.read(Dma::kPim, 0, nullptr, 0, std::move(done));
    return;
  }
  struct Probe {
    std::array<std::uint32_t, 15> words{};
    std::size_t pending = 0;
    bool ok = true;
    std::uint64_t fault = 0;
    Dma::Done done;
  };
  static constexpr std::array<std::uint32_t, 15> kOffsets = {
      abi::pim::ID,           abi::pim::CHANNELS,    abi::pim::BANKS,
      abi::pim::LANES,        abi::pim::DRAFT_LANES, abi::pim::VECTOR_BYTES,
      abi::pim::RESULT_BYTES, abi::pim::CAPABILITY,  abi::pim::CLOCK_PS,
      abi::pim::ROW_BYTES,    abi::pim::ROW_OPEN_PS, abi::pim::BUFFER_BYTES,
      abi::pim::ACCUMULATORS, abi::pim::BANK_LAYOUT, abi::pim::CHANNEL_LAYOUT};
  const auto probe = std::make_shared<Probe>();
  probe->pending = kOffsets.size();
  probe->done = std::move(done);
  for (std::size_t i = 0; i < kOffsets.size(); ++i) {
    dma_.read(Dma::kPim, base_ + kOffsets[i], &probe->words[i], 4,
              [this, probe](bool ok, std::uint64_t fault) {
                if (!ok && probe->ok) probe->fault = fault;
                probe->ok = probe->ok && ok;
                if (--probe->pending != 0) return;
                const auto& w = probe->words;
                const bool channels_first = abi::pim::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(w[14]) <
                                            abi::pim::BANK_LAYOUT_BANK_STRIDE.get(w[13]);
                geometry_ = {w[1], w[2],  w[3], w[4],  w[5],  w[6],  w[7] >> 16,
                             w[8], w[14], w[9], w[10], w[11], w[12], channels_first};
                if (probe->ok && w[0] != kPimId) {
                  probe->ok = false;
                  probe->fault = base_ + abi::pim::ID;
                }
                known_ = probe->ok;
                probe->done(probe->ok, probe->fault);
              });
  }
}

std::uint64_t PimPort::multiply_ps(abi::Format format, std::uint64_t weights,
                                   std::uint64_t vectors) const {
  const std::uint64_t lanes =
      abi::stream_bits(format) == 4 ? geometry_.draft_lanes : geometry_.lanes;
  const std::uint64_t per_cycle =
      std::max<std::uint64_t>(1, std::uint64_t{geometry_.channels} * geometry_.banks * lanes);
  return vectors * ((weights + per_cycle - 1) / per_cycle) * geometry_.clock_ps;
}

// Rows of the memory go round all banks, and a channel multiplies with one piece of the vector, as
// much as its buffer holds, at a time. It takes the rows of its banks once for each piece that some
// of them hold, as long as the bank with most of it, and again for vectors that the accumulators do
// not take together.
std::uint64_t PimPort::gemv_ps(abi::Format format, std::uint64_t rows, std::uint64_t columns,
                               std::uint64_t vectors) const {
  const auto at_least_1 = [](std::uint64_t value) { return std::max<std::uint64_t>(1, value); };
  const std::uint64_t bits = abi::stream_bits(format);
  const std::uint64_t all_banks = at_least_1(std::uint64_t{geometry_.channels} * geometry_.banks);
  const std::uint64_t row_elements = at_least_1(std::uint64_t{geometry_.row_bytes} * 8 / bits);
  const std::uint64_t width = all_banks * row_elements;
  const std::uint64_t tiles = (rows * columns + width - 1) / width;
  const std::uint64_t buffered = at_least_1(geometry_.buffer_bytes / 2);
  const std::uint64_t pieces = (columns + buffered - 1) / buffered;
  std::uint64_t in_row = 0;  // elements of each piece that a row may hold, added up
  for (std::uint64_t first = 0; first < columns; first += buffered) {
    const std::uint64_t lines = (row_elements + columns - 1) / columns;
    in_row += std::min(row_elements, lines * std::min(buffered, columns - first));
  }
  std::uint64_t opened = pieces;
  if (columns % row_elements == 0 && row_elements == buffered) {
    // A row holds one piece; neighbouring banks of a channel are so many rows apart.
    const std::uint64_t apart = geometry_.channels_first ? at_least_1(geometry_.channels) : 1;
    opened = std::min<std::uint64_t>(geometry_.banks, pieces / std::gcd(pieces, apart));
    in_row = opened * row_elements;
  }
  const std::uint64_t together = at_least_1(std::min<std::uint64_t>(
      geometry_.accumulators, buffered / std::min(buffered, at_least_1(columns))));
  const std::uint64_t passes = (vectors + together - 1) / together;
  return tiles * opened * passes * geometry_.row_open_ps +
         multiply_ps(format, tiles * in_row * all_banks, vectors);
}

// A row of the memory holds as many rows of a slice as fit, all of them with the same columns; they
// go round all banks. It is opened for each piece that the buffer holds of a vector's slice.
std::uint64_t PimPort::sliced_gemv_ps(abi::Format format, std::uint64_t rows, std::uint64_t columns,
                                      std::uint64_t slice_columns, std::uint64_t vectors) const {
  const auto at_least_1 = [](std::uint64_t value) { return std::max<std::uint64_t>(1, value); };
  const auto ceil_divide = [](std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; };
  const std::uint64_t all_banks = at_least_1(std::uint64_t{geometry_.channels} * geometry_.banks);
  const std::uint64_t row_bits = at_least_1(geometry_.row_bytes) * 8;
  const std::uint64_t in_row = at_least_1(row_bits / (slice_columns * abi::stream_bits(format)));
  const std::uint64_t tiles = ceil_divide(rows, all_banks * in_row);
  const std::uint64_t slices = ceil_divide(columns, slice_columns);
  const std::uint64_t buffered = at_least_1(geometry_.buffer_bytes / 2);
  const std::uint64_t pieces = ceil_divide(slice_columns, buffered);
  const std::uint64_t together =
      at_least_1(std::min<std::uint64_t>(geometry_.accumulators, buffered / slice_columns));
  const std::uint64_t passes = ceil_divide(vectors, together);
  const std::uint64_t multiplied = tiles * std::min(in_row, rows) * columns * all_banks;
  return tiles * slices * pieces * passes * geometry_.row_open_ps +
         multiply_ps(format, multiplied, vectors);
}

void PimPort::run(Job job) {
  job.times = dma_.times();
  waiting_.push_back(std::move(job));
  pump();
}

void PimPort::pump() {
  while (!waiting_.empty()) {
    std::uint64_t vector_bytes = 0, result_bytes = 0;
    for (const Write& write : waiting_.front().writes) {
      vector_bytes = std::max(vector_bytes, write.offset + write.size);
    }
    for (const Read& read : waiting_.front().reads) {
      result_bytes = std::max(result_bytes, read.offset + read.bytes);
    }
    Room vectors, results;
    if (!make_room(vector_bytes, geometry_.vector_bytes, &Sent::vectors, vectors) ||
        !make_room(result_bytes, geometry_.result_bytes, &Sent::results, results)) {
      return;
    }
    sent_.push_back(std::make_unique<Sent>());
    Sent& sent = *sent_.back();
    sent.job = std::move(waiting_.front());
    waiting_.pop_front();
    sent.vectors = vectors;
    sent.results = results;
    send(sent);
  }
}

// Behind the job that was sent last, round the window. A job that is alone has all of it, and
// learns from the PIM if that is too little.
bool PimPort::make_room(std::uint64_t bytes, std::uint64_t window, Room Sent::*room,
                        Room& found) const {
  const std::uint64_t size =
      std::max<std::uint64_t>(1, (bytes + kAlignment - 1) / kAlignment) * kAlignment;
  std::uint64_t begin = 0;
  if (!sent_.empty()) {
    const Room& oldest = (*sent_.front()).*room;
    const Room& newest = (*sent_.back()).*room;
    begin = newest.end;
    const bool wrapped = newest.begin < oldest.begin;
    if (!wrapped && begin + size > window) begin = 0;
    const std::uint64_t limit = wrapped || begin == 0 ? oldest.begin : window;
    if (begin + size > limit) return false;
  }
  found = {begin, begin + size};
  return true;
}

void PimPort::send(Sent& sent) {
  sent.begin_ps = common::now_ps();
  sent.pending = sent.job.writes.size() + sent.job.commands.size() + sent.job.reads.size() + 1;
  const auto done = done_of(sent);
  const std::uint64_t times_before = dma_.times();
  dma_.count_times(sent.job.times);
  const std::uint64_t vectors = base_ + abi::kPimVectorWindow + sent.vectors.begin;
  for (const Write& write : sent.job.writes) {
    dma_.write(Dma::kPim, vectors + write.offset,
               write.bytes.empty() ? nullptr : write.bytes.data(), write.size, done);
  }
  for (abi::PimCommand& command : sent.job.commands) {
    command.abi_version = abi::kAbiVersion;
    command.tag = next_tag_++;
    command.vector_offset += static_cast<std::uint32_t>(sent.vectors.begin);
    command.output_offset += static_cast<std::uint32_t>(sent.results.begin);
    commands_ += sent.job.times;
    std::function<void()> requested;
    if (&command == &sent.job.commands.back()) {
      requested = [this, job = &sent] {
        job->requested = true;
        if (sent_.front().get() == job) read_results(*job);
      };
    }
    dma_.write(Dma::kPim, base_ + abi::kPimCommandWindow, &command, sizeof command, done, 0,
               std::move(requested));
  }
  dma_.count_times(times_before);
}

// Before vectors and commands of later jobs, but behind the job's own, because the PIM holds reads
// for commands that it knows of. Of one job at a time: reads that it holds take room from all other
// traffic.
void PimPort::read_results(Sent& sent) {
  const std::uint64_t results = base_ + abi::kPimResultWindow + sent.results.begin;
  const std::uint64_t times_before = dma_.times();
  dma_.count_times(sent.job.times);
  for (const Read& read : sent.job.reads) {
    dma_.read(Dma::kPimResults, results + read.offset, read.to, read.bytes, done_of(sent));
  }
  dma_.read(Dma::kPimResults, 0, nullptr, 0, done_of(sent));
  dma_.count_times(times_before);
}

Dma::Done PimPort::done_of(Sent& sent) {
  return [this, job = &sent](bool ok, std::uint64_t fault) { part_done(*job, ok, fault); };
}

void PimPort::part_done(Sent& sent, bool ok, std::uint64_t fault) {
  if (!ok && sent.ok) sent.fault = fault;
  sent.ok = sent.ok && ok;
  --sent.pending;
  retire();
}

void PimPort::retire() {
  while (!sent_.empty() && sent_.front()->pending == 0) {
    const std::unique_ptr<Sent> sent = std::move(sent_.front());
    sent_.pop_front();
    const std::uint64_t taken_ps =
        common::now_ps() - std::max(sent->begin_ps, std::exchange(last_end_ps_, common::now_ps()));
    const std::uint64_t beyond_ps = taken_ps - std::min(taken_ps, sent->job.multiply_ps);
    *sent->job.busy_ps += taken_ps;
    overhead_ps_ = (7 * overhead_ps_ + beyond_ps) / 8;
    ++jobs_done_;
    if (!sent_.empty() && sent_.front()->requested) read_results(*sent_.front());
    pump();
    sent->job.done(sent->ok, sent->fault);
  }
}

void PimPort::reset() {
  waiting_.clear();
  sent_.clear();
  set_base(0);
  overhead_ps_ = expected_overhead_ps_;
}

}  // namespace tandem::npu
