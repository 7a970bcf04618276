// SPDX-License-Identifier: Apache-2.0
#include "pim_bench.h"

#include <algorithm>

namespace tandem::platform {

using memory::Command;
using memory::CommandKind;
using memory::Cycle;

memory::CommandChannel::Request StreamingReads::take(Cycle now) {
  const std::uint64_t address = next_ * geometry_.burst_bytes() & (mapping_.size_bytes() - 1);
  const memory::Location at = mapping_.decode(address);
  ++next_;
  return {now, mapping_.flat_bank(at), geometry_.rows / 2 + at.row % (geometry_.rows / 4),
          at.column_byte / geometry_.burst_bytes(), false};
}

PimBench::PimBench(const DeviceFile& device, const pim::PimCommandSet& set, bool check, bool record)
    : banks_(set.banks()),
      channel_(device.device, device.controller, *this, banks_),
      pim_(set.channel(), channel_, *this),
      log_(device.device, &banks_, check, record) {
  log_.attach(channel_);
  channel_.add_listener(*this);
}

void PimBench::run(PimWork& work, StreamingReads& reads) {
  const auto operation_enters = [&] { return !work.empty() && pim_.accepts(); };
  const auto read_enters = [&] { return !reads.empty() && channel_.accepts(false); };
  for (Cycle now = 0; now != memory::kNoCycle;) {
    if (operation_enters()) {
      pim_.submit(work.front(), now);
      work.pop();
      ++operations_;
    }
    if (read_enters()) channel_.submit(reads.take(now), now);
    channel_.tick(now);
    const Cycle next = operation_enters() || read_enters() ? now + 1 : channel_.next();
    now = next == memory::kNoCycle ? next : std::max(next, now + 1);
  }
}

void PimBench::finish(Cycle end) {
  channel_.catch_up(end);
  log_.finish(end);
}

void PimBench::request_done(std::uint64_t tag, Cycle done) {
  latencies_.add(done - tag);
  last_read_ = std::max(last_read_, done);
}

void PimBench::operation_done(std::uint64_t, Cycle done) {
  last_result_ = std::max(last_result_, done);
}

void PimBench::on_command(const Command& command) {
  if (command.kind == CommandKind::kRefresh || command.kind == CommandKind::kRefreshBank) {
    refreshed_ = busy_until_ != 0;
  }
  const bool computes =
      command.kind == CommandKind::kCompute || command.kind == CommandKind::kComputeRead;
  if (!computes && command.kind != CommandKind::kBufferWrite &&
      command.kind != CommandKind::kBufferLoad && command.kind != CommandKind::kResultRead) {
    return;
  }
  if (refreshed_ && command.cycle > busy_until_) idle_cycles_ += command.cycle - busy_until_;
  refreshed_ = false;
  Cycle busy = 1;
  if (computes) {
    computes_ += command.count;
    busy = Cycle{command.count} * banks_.compute_spacing;
  } else if (command.kind == CommandKind::kBufferWrite) {
    busy = banks_.buffer_write_cycles;
  }
  busy_until_ = command.cycle + busy;
}

}  // namespace tandem::platform
