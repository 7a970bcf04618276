// SPDX-License-Identifier: Apache-2.0
// How a command ends: the time of layers that were left out, its results, its signal, and the
// lengths of its batch if it did not succeed.
#include <cstddef>
#include <utility>

#include "tandem/npu/execution.h"

namespace tandem::npu {

using abi::Opcode;
using abi::PrimitiveOp;
using abi::Status;

// The layers that were left out take their time at the end, when nothing is on its way that could
// use it: about layer by layer, so that CANCEL need not wait for all of them.
void Execution::await_left_out(std::uint64_t steps, std::uint64_t left_out_ps) {
  if (left_out_ps == 0) {
    settle_stages(true);
    core_.watch.add_left_out(serial_);
    core_.watch.enter(serial_, StageWatch::kBetween, 1, common::now_ps());
    return write_results();
  }
  const std::uint64_t step_ps = left_out_ps / steps;
  at(common::now_ps() + step_ps, [this, steps, rest_ps = left_out_ps - step_ps] {
    await_left_out(std::max<std::uint64_t>(1, steps - 1), rest_ps);
  });
}

// In all passes.
std::uint64_t Execution::left_out_ps() const {
  std::uint64_t time_ps = 0;
  for (std::size_t less = 0; less < repeated_stages_.size(); ++less) {
    for (const StageCounters& repeated : repeated_stages_[less]) {
      time_ps += (most_times() - less - 1) * repeated.time_ps;
    }
  }
  return time_ps;
}

// Adds what layers that stand for others did, as often as they count; of time, as often as it has
// passed.
void Execution::settle_stages(bool waited) {
  if (std::exchange(settled_, true)) return;
  for (std::size_t less = 0; less < repeated_stages_.size(); ++less) {
    const std::uint64_t times = most_times() - less;
    for (std::size_t i = 0; i < abi::kStages; ++i) {
      const StageCounters& repeated = repeated_stages_[less][i];
      StageCounters& stage = core_.stages[command_.phase % abi::kPhases][i];
      stage.time_ps += (waited ? times : 1) * repeated.time_ps;
      stage.pim_ps += times * repeated.pim_ps;
      stage.matrix_ps += times * repeated.matrix_ps;
      stage.vector_ps += times * repeated.vector_ps;
      stage.link_ps += times * repeated.link_ps;
      stage.read_bytes += times * repeated.read_bytes;
    }
  }
}

void Execution::count_passes() {
  settle_stages(false);
  core_.watch.end(serial_, common::now_ps());
  PassCounters& counters = core_.phases[command_.phase % abi::kPhases];
  counters.passes += passes_;
  counters.weight_bytes += stream_.requested_bytes() - stream_bytes_before_ + gather_bytes_;
}

void Execution::abandon() {
  if (!finished_called_) count_passes();
}

void Execution::write_results() {
  stream_.cancel_rest();  // nothing, unless a DRAFT has ended before its length
  setup_pending_ = 1;
  const auto part = [this] {
    ++setup_pending_;
    return then(kNoPrimitive, [this] {
      if (--setup_pending_ == 0) signal_and_finish();
    });
  };
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    Sequence& sequence = sequences_[i];
    if (opcode() == Opcode::kDraft) {
      const abi::DraftBlock& draft = sequence.draft;
      const std::uint64_t block = sequence.entry.draft_block;
      const std::uint32_t first = parameters_.draft_index;
      const std::uint64_t bytes = 4ull * (draft.count - first);
      core_.dma.write(Dma::kControl, block, &draft, 8, part());
      core_.dma.write(Dma::kControl, block + offsetof(abi::DraftBlock, tokens) + 4ull * first,
                      draft.tokens + first, bytes, part());
      core_.dma.write(Dma::kControl, block + offsetof(abi::DraftBlock, confidences) + 4ull * first,
                      draft.confidences + first, bytes, part());
      emitted_ += draft.count - first;
    } else if (sequence.accepted) {
      core_.dma.write(Dma::kControl, command_.result_block + i * sizeof(abi::VerifyResult),
                      &sequence.result, offsetof(abi::VerifyResult, path), part());
      emitted_ += sequence.result.emitted;
    }
  }
  if (--setup_pending_ == 0) signal_and_finish();
}

void Execution::signal_and_finish() {
  finishing_ = true;
  if ((command_.flags & abi::kCommandSignal) == 0) return maybe_finish();
  core_.dma.write(Dma::kControl, command_.semaphore_address, &command_.signal_value, 4,
                  then(kNoPrimitive, [this] { maybe_finish(); }));
}

void Execution::maybe_finish() {
  if (finished_called_ || pending_ != 0 || !stream_.idle()) return;
  if (!stopped() && !finishing_) return;
  const Repeated once(core_, 1);
  if (stopped()) {
    stream_.cancel_rest();
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const bool attends = static_cast<PrimitiveOp>(program_[i].op) == PrimitiveOp::kAttention;
      if (!attends || !states_[i].issued || states_[i].done) continue;
      const Repeated repeated(core_, program_.times(i));
      if (--core_.attention_in_flight == 0) {
        core_.attention_ps += common::now_ps() - core_.attention_since_ps;
      }
    }
    states_.clear();
    for (Sequence& sequence : sequences_) {
      if (!sequence.committed) continue;
      restore_lengths();
      return;
    }
  }
  finished_called_ = true;
  count_passes();
  core_.turn.forget(serial_);
  stream_.reset();
  if (cancelled_ && !fault_) fault_ = {Status::kCancelled, kNoPrimitive, 0};
  fault_.primitive = program_.loaded_index(fault_.primitive);
  if (fault_) ++core_.failed_commands;
  finished_(fault_, emitted_);
}

// A command that does not succeed leaves the lengths of its batch as they were.
void Execution::restore_lengths() {
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.committed) continue;
    sequence.committed = false;
    for (std::uint32_t set = 0; set < abi::kKvSets; ++set) {
      const std::uint64_t address = command_.batch_table + i * sizeof(abi::BatchEntry) +
                                    offsetof(abi::BatchEntry, kv) + set * sizeof(abi::KvSet) +
                                    offsetof(abi::KvSet, committed_length);
      core_.dma.write(Dma::kControl, address, &sequence.entry.kv[set].committed_length, 4,
                      then(kNoPrimitive, [this] { maybe_finish(); }));
    }
  }
}

}  // namespace tandem::npu
