// SPDX-License-Identifier: Apache-2.0
// Runs PIM operations, beside streaming reads, on one channel at command fidelity, every command
// checked.
#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tandem/memory/command_channel.h"
#include "tandem/memory/timing_checker.h"
#include "tandem/pim/command_set.h"
#include "tandem/pim/pim_channel.h"

namespace tandem::test {

class ChannelRun final : private memory::CommandChannel::Client, private pim::PimChannel::Client {
 public:
  struct Result {
    memory::Cycle pim = 0;    // end of the last PIM operation
    memory::Cycle reads = 0;  // end of the last read
    std::array<std::uint64_t, memory::kCommandKinds> commands{};
    std::uint64_t violations = 0;
    std::string report;
    std::uint64_t of(memory::CommandKind kind) const {
      return commands[static_cast<std::size_t>(kind)];
    }
  };

  ChannelRun(const memory::DeviceConfig& device, const memory::ControllerConfig& controller,
             const memory::ComputeBanks& banks, const pim::PimChannel::Config& pim)
      : channel_(device, controller, *this, banks),
        pim_(pim, channel_, *this),
        checker_(device, banks),
        geometry_(device.geometry) {
    channel_.add_listener(checker_);
  }

  // One operation per cycle into the queue, as it has room; likewise the reads, in order of
  // addresses: column, bank, row from `first_read_row` on.
  Result run(const pim::Operations& operations, std::size_t reads = 0,
             std::uint32_t first_read_row = 20'000) {
    std::size_t next = 0, sent = 0;
    memory::Cycle now = 0;
    while (operations_done_ < operations.size() || reads_done_ < reads) {
      if (next < operations.size() && pim_.accepts()) {
        pim::BankOperation operation = operations[next++];
        operation.counted = true;
        pim_.submit(operation, now);
      }
      if (sent < reads && channel_.accepts(false)) submit_read(sent++, first_read_row, now);
      channel_.tick(now);
      const bool more =
          (next < operations.size() && pim_.accepts()) || (sent < reads && channel_.accepts(false));
      const memory::Cycle event = channel_.next();
      if (!more && event == memory::kNoCycle) break;
      now = more ? now + 1 : std::max(event, now + 1);
      if (now > kTooLong) break;
    }
    stuck_ = operations_done_ < operations.size() || reads_done_ < reads;
    return {stuck_ ? memory::kNoCycle : pim_end_, reads_end_, channel_.counters().commands,
            checker_.violation_count(), checker_.report()};
  }

 private:
  static constexpr memory::Cycle kTooLong = 1'000'000'000;

  void request_done(std::uint64_t, memory::Cycle done) override {
    ++reads_done_;
    reads_end_ = std::max(reads_end_, done);
  }
  void operation_done(std::uint64_t, memory::Cycle done) override {
    ++operations_done_;
    pim_end_ = std::max(pim_end_, done);
  }
  void submit_read(std::size_t index, std::uint32_t first_row, memory::Cycle now) {
    memory::CommandChannel::Request request;
    const std::size_t columns = geometry_.columns();
    request.tag = index;
    request.column = static_cast<std::uint32_t>(index % columns);
    request.bank = static_cast<unsigned>(index / columns % geometry_.banks());
    request.row = first_row + static_cast<std::uint32_t>(index / columns / geometry_.banks());
    channel_.submit(request, now);
  }

  memory::CommandChannel channel_;
  pim::PimChannel pim_;
  memory::TimingChecker checker_;
  memory::DeviceGeometry geometry_;
  std::size_t operations_done_ = 0;
  std::size_t reads_done_ = 0;
  memory::Cycle pim_end_ = 0;
  memory::Cycle reads_end_ = 0;
  bool stuck_ = false;
};

}  // namespace tandem::test
