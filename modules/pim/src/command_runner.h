// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "tandem/common/archive.h"
#include "tandem/memory/command_controller.h"
#include "tandem/pim/pim_channel.h"

namespace tandem::pim {

// The computing banks of a stack at command fidelity: hands the operations of a job to the channels
// and says when the last of them is done.
class CommandRunner {
 public:
  class Listener {
   public:
    // Called from within the channels' loop; times may lie in the future.
    virtual void channel_done(unsigned channel, std::uint64_t begin_ps, std::uint64_t end_ps) = 0;
    virtual void job_done(std::uint64_t job, std::uint64_t done_ps) = 0;

   protected:
    ~Listener() = default;
  };

  CommandRunner(memory::CommandController& controller, const PimChannel::Config& config,
                Listener& listener);
  ~CommandRunner();

  // Operations of one channel for a job, in order; not empty. The first begins at `start_ps` at the
  // earliest, each other one `gap_ps` after that before it, all behind those of earlier jobs. All
  // channels of a job are given before time passes.
  void run(std::uint64_t job, unsigned channel, const std::vector<BankOperation>& operations,
           std::uint64_t start_ps, std::uint64_t gap_ps);

  // As new; jobs are forgotten.
  void reset();
  bool idle() const { return jobs_.empty(); }
  // When idle.
  void archive(common::Archive& archive);

 private:
  struct Lane;
  struct Job {
    std::uint64_t number;
    unsigned channels;  // not done yet
    std::uint64_t done_ps;
  };
  void channel_done(std::uint64_t job, std::uint64_t done_ps);

  memory::CommandController& controller_;
  Listener& listener_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Job> jobs_;  // in progress, few
};

}  // namespace tandem::pim
