// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/pim_port.h"

#include <algorithm>
#include <array>
#include <memory>

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
    std::array<std::uint32_t, 9> words{};
    std::size_t pending = 0;
    bool ok = true;
    std::uint64_t fault = 0;
    Dma::Done done;
  };
  static constexpr std::array<std::uint32_t, 9> kOffsets = {
      abi::pim::ID,           abi::pim::CHANNELS,    abi::pim::BANKS,
      abi::pim::LANES,        abi::pim::DRAFT_LANES, abi::pim::VECTOR_BYTES,
      abi::pim::RESULT_BYTES, abi::pim::CAPABILITY,  abi::pim::CLOCK_PS};
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
                geometry_ = {w[1], w[2], w[3], w[4], w[5], w[6], w[7] >> 16, w[8]};
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

void PimPort::run(Job job) {
  job.times = dma_.times();
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
  const std::uint64_t times_before = dma_.times();
  dma_.count_times(job.times);
  for (const Write& write : job.writes) {
    dma_.write(Dma::kPim, base_ + abi::kPimVectorWindow + write.offset,
               write.bytes.empty() ? nullptr : write.bytes.data(), write.size, done);
  }
  for (abi::PimCommand& command : job.commands) {
    command.abi_version = abi::kAbiVersion;
    command.tag = next_tag_++;
    commands_ += job.times;
    dma_.write(Dma::kPim, base_ + abi::kPimCommandWindow, &command, sizeof command, done);
  }
  for (const Read& read : job.reads) {
    dma_.read(Dma::kPim, base_ + abi::kPimResultWindow + read.offset, read.to, read.bytes, done);
  }
  dma_.read(Dma::kPim, 0, nullptr, 0, done);
  dma_.count_times(times_before);
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
