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
                geometry_ = {w[1],
                             w[2],
                             w[3],
                             w[4],
                             w[5],
                             w[6],
                             w[7] >> 16,
                             w[8],
                             w[9],
                             w[10],
                             w[11],
                             w[12],
                             abi::pim::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(w[14]) <
                                 abi::pim::BANK_LAYOUT_BANK_STRIDE.get(w[13])};
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

void PimPort::run(Job job) {
  jobs_.push_back(std::move(job));
  if (!busy_) start();
}

void PimPort::start() {
  Job& job = jobs_.front();
  busy_ = true;
  started_ps_ = common::now_ps();
  failed_ = false;
  pending_ = job.writes.size() + job.commands.size() + job.reads.size() + 1;
  const auto done = [this](bool ok, std::uint64_t fault) { part_done(ok, fault); };
  for (const Write& write : job.writes) {
    dma_.write(Dma::kPim, base_ + abi::kPimVectorWindow + write.offset,
               write.bytes.empty() ? nullptr : write.bytes.data(), write.size, done);
  }
  for (abi::PimCommand& command : job.commands) {
    command.abi_version = abi::kAbiVersion;
    command.tag = next_tag_++;
    ++commands_;
    dma_.write(Dma::kPim, base_ + abi::kPimCommandWindow, &command, sizeof command, done);
  }
  for (const Read& read : job.reads) {
    dma_.read(Dma::kPim, base_ + abi::kPimResultWindow + read.offset, read.to, read.bytes, done);
  }
  dma_.read(Dma::kPim, 0, nullptr, 0, done);
}

void PimPort::part_done(bool ok, std::uint64_t fault) {
  if (!ok && !failed_) fault_ = fault;
  failed_ = failed_ || !ok;
  if (--pending_ != 0) return;
  const std::uint64_t taken_ps = common::now_ps() - started_ps_;
  const std::uint64_t beyond_ps = taken_ps - std::min(taken_ps, jobs_.front().multiply_ps);
  *jobs_.front().busy_ps += taken_ps;
  overhead_ps_ = (7 * overhead_ps_ + beyond_ps) / 8;
  const Dma::Done done = std::move(jobs_.front().done);
  jobs_.pop_front();
  ++jobs_done_;
  busy_ = false;
  const bool failed = failed_;
  const std::uint64_t where = fault_;
  if (!jobs_.empty()) start();
  done(!failed, failed ? where : 0);
}

void PimPort::reset() {
  jobs_.clear();
  busy_ = false;
  set_base(0);
  overhead_ps_ = expected_overhead_ps_;
}

}  // namespace tandem::npu
