// SPDX-License-Identifier: Apache-2.0
#include "command_runner.h"

#include <algorithm>

namespace tandem::pim {

struct CommandRunner::Lane final : PimChannel::Client {
  Lane(CommandRunner& runner, unsigned number, const PimChannel::Config& config)
      : owner(runner), index(number), pim(config, runner.controller_.channel(number), *this) {}

  void operation_done(std::uint64_t tag, memory::Cycle done) override {
    const std::uint64_t done_ps = done * owner.controller_.tck_ps();
    owner.listener_.channel_done(index, std::max(begin_ps, end_ps), done_ps);
    end_ps = done_ps;
    owner.channel_done(tag, done_ps);
  }

  CommandRunner& owner;
  unsigned index;
  PimChannel pim;
  std::uint64_t begin_ps = 0;  // of the job that was given last while the channel was idle
  std::uint64_t end_ps = 0;    // of the job that was done last

  template <typename Archive>
  void archive(Archive& archive) {
    archive(pim, begin_ps, end_ps);
  }
};

CommandRunner::CommandRunner(memory::CommandController& controller,
                             const PimChannel::Config& config, Listener& listener)
    : controller_(controller), listener_(listener) {
  for (unsigned i = 0; i < controller.channels(); ++i) {
    lanes_.push_back(std::make_unique<Lane>(*this, i, config));
  }
}

CommandRunner::~CommandRunner() = default;

void CommandRunner::archive(common::Archive& archive) {
  for (const auto& lane : lanes_) archive(*lane);
}

void CommandRunner::run(std::uint64_t job, unsigned channel,
                        const std::vector<BankOperation>& operations, std::uint64_t start_ps,
                        std::uint64_t gap_ps) {
  const auto same = [job](const Job& other) { return other.number == job; };
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), same);
  if (found == jobs_.end()) {
    jobs_.push_back({job, 1, 0});
  } else {
    ++found->channels;
  }
  Lane& lane = *lanes_[channel];
  if (lane.pim.idle()) lane.begin_ps = start_ps;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    BankOperation operation = operations[i];
    operation.not_before = controller_.cycle_at(channel, start_ps + i * gap_ps);
    operation.counted = i + 1 == operations.size();
    operation.tag = job;
    lane.pim.submit(operation, controller_.cycle_at(channel, common::now_ps()));
  }
  controller_.wake(channel);
}

void CommandRunner::channel_done(std::uint64_t job, std::uint64_t done_ps) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(),
                                  [job](const Job& other) { return other.number == job; });
  found->done_ps = std::max(found->done_ps, done_ps);
  if (--found->channels > 0) return;
  const Job done = *found;
  jobs_.erase(found);
  listener_.job_done(done.number, done.done_ps);
}

void CommandRunner::reset() {
  jobs_.clear();
  for (const auto& lane : lanes_) {
    lane->pim.reset();
    // Ordinary requests that it held back go on.
    controller_.channel(lane->index).wake(controller_.cycle_at(lane->index, common::now_ps()));
    controller_.wake(lane->index);
    lane->begin_ps = lane->end_ps = common::now_ps();
  }
}

}  // namespace tandem::pim
