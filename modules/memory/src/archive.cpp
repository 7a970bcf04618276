// SPDX-License-Identifier: Apache-2.0
// What of the memory's state goes into a checkpoint. What is measured once and always the same
// (MixedPace, StreamPace) does not.
#include "tandem/common/archive.h"

#include <algorithm>

#include "tandem/memory/sram.h"
#include "tandem/memory/stack.h"

namespace tandem::memory {

using common::Archive;

void SparseStore::archive(Archive& archive, const SparseStore& initial) {
  constexpr std::uint64_t kNoMore = ~std::uint64_t{0};
  for (std::uint64_t i = 0; i < chunks_.size() && !archive.loading(); ++i) {
    if (!chunks_[i]) continue;
    archive(i);
    archive.pages(chunks_[i].get(), chunk_size(i), initial.chunks_[i].get());
  }
  std::uint64_t index = kNoMore;
  for (archive(index); index != kNoMore; archive(index)) {
    if (index >= chunks_.size()) throw common::ArchiveError("memory contents beyond its end");
    archive.pages(touch(index), chunk_size(index), nullptr);
  }
}

bool MemoryTarget::quiescent() const {
  return agenda_.empty() && std::all_of(at_.begin(), at_.end(),
                                        [](const common::AtTarget& at) { return at.quiescent(); });
}

void MemoryTarget::archive(Archive& archive) {
  archive.in_place(at_);
  archive(options_.dmi, in_reset_);
}

void Sram::archive(Archive& archive) {
  MemoryTarget::archive(archive);
  archive(busy_until_ps_, read_bytes_, write_bytes_, reads_, writes_, busy_ps_, wait_ps_);
}

bool Stack::quiescent() const {
  return MemoryTarget::quiescent() && (!commands_ || commands_->quiescent()) &&
         timing_violations() == 0;
}

void Stack::archive(Archive& archive) {
  MemoryTarget::archive(archive);
  archive.in_place(channels_);
  if (commands_) archive(*commands_);
  for (const auto& checker : checkers_) archive(*checker);
  archive(violations_before_reset_, checks_finished_, times_);
  archive(reads_, writes_, read_bytes_, write_bytes_, recorded_until_ps_);
}

void Channel::archive(Archive& archive) {
  archive(streamed_, head_of_line_, times_, banks_, banks_used_, streamed_until_, ranks_, groups_);
  archive(bus_, commands_, schedule_, refreshed_, refreshes_before_epoch_, open_cycles_before_);
  archive(read_slots_, write_slots_);
  archive.in_place(queues_);
  archive(buffer_, waiting_writes_, over_low_since_, drain_until_, next_transfer_, last_column_);
  archive(last_read_, last_write_, last_activity_, wck_until_, opening_share_, write_share_);
  archive(paced_until_, last_drain_, counters_, data_ps_, run_);
}

void BankTiming::archive(Archive& archive) {
  archive(banks_, groups_, ranks_, wck_from_, wck_until_, compute_from_, result_from_);
  archive(buffer_write_from_, buffer_load_from_, compute_precharge_, run_open_);
}

void CommandChannel::archive(Archive& archive) {
  archive(timing_, reads_, writes_, queues_, rank_entries_, bank_from_, queued_, most_queued_);
  archive(active_banks_, next_order_, round_robin_, writing_, to_drain_, batch_due_, written_);
  archive(unfinished_, due_order_, pending_writes_, last_activity_, refresh_interval_);
  archive(refresh_due_, refreshes_inserted_, refresh_wait_, blocked_banks_, next_, stepped_);
  archive(ready_, bank_ready_, denied_, issued_, column_issued_, last_was_column_);
  archive(open_banks_, open_since_, active_cycles_, counters_);
}

}  // namespace tandem::memory
