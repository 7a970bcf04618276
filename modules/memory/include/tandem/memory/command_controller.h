// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "tandem/common/alarm.h"
#include "tandem/common/archive.h"
#include "tandem/common/systemc.h"
#include "tandem/memory/address_mapping.h"
#include "tandem/memory/command_channel.h"

namespace tandem::memory {

// The channels of a stack at command fidelity, in simulated time: cuts accesses into bursts, feeds
// them to the channels as their queues have room, and says when the last byte of an access has
// crossed the data bus (a write: when the last burst has been taken into a write queue). One
// SC_METHOD, run at the cycles at which a channel has something to do.
class CommandController : public sc_core::sc_module {
 public:
  class Listener {
   public:
    // `time_ps` is not before now.
    virtual void access_done(std::uint32_t access, std::uint64_t time_ps) = 0;
    virtual void data_moved(unsigned channel, bool is_write, std::uint64_t begin_ps,
                            std::uint64_t end_ps) = 0;

   protected:
    ~Listener() = default;
  };

  // `mapping` and `listener` outlive the controller.
  CommandController(const sc_core::sc_module_name& name, const DeviceConfig& device,
                    const ControllerConfig& controller, const ComputeBanks& compute,
                    const AddressMapping& mapping, Listener& listener);
  ~CommandController() override;

  // An access that arrives at `arrival_ps`. The listener is told when it is done, under the number
  // that is returned, unless finish() is called first. Channels that have been run ahead of the
  // arrival take it when they have come to.
  std::uint32_t begin(std::uint64_t address, std::uint64_t bytes, bool is_write,
                      std::uint64_t arrival_ps);
  // Runs the channels ahead until the access is done and returns that time (LT). The listener is
  // not told.
  std::uint64_t finish(std::uint32_t access);

  unsigned channels() const { return static_cast<unsigned>(lanes_.size()); }
  CommandChannel& channel(unsigned index);
  const CommandChannel& channel(unsigned index) const;
  std::uint64_t tck_ps() const { return tck_ps_; }
  // The cycle in which something that happens at `time_ps` reaches the channel.
  Cycle cycle_at(unsigned channel, std::uint64_t time_ps) const;
  // The agent of a channel has got work: run the channel when it is due.
  void wake(unsigned channel);
  // Runs all channels ahead until `done()` holds; gives up when none has anything to do.
  template <typename Done>
  void run_ahead(Done&& done) {
    while (!done() && step_earliest()) {
    }
    arm();
  }

  // Brings refreshes up to `time_ps`, for counting.
  void catch_up(std::uint64_t time_ps);
  // As new; accesses are forgotten.
  void reset();

  // No access under way; posted writes may wait in the channels.
  bool quiescent() const { return free_.size() == accesses_.size(); }
  // When quiescent.
  void archive(common::Archive& archive);

 private:
  struct Lane;
  struct Piece {  // bursts of one row
    Cycle arrival;
    std::uint32_t access;
    std::uint32_t row;
    std::uint32_t column;
    std::uint32_t bursts;
    std::uint8_t bank;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(arrival, access, row, column, bursts, bank);
    }
  };
  struct Access {
    std::uint64_t bursts = 0;  // not done yet
    Cycle last = 0;
    bool is_write = false;
    bool finishing = false;  // by finish()

    template <typename Archive>
    void archive(Archive& archive) {
      archive(bursts, last, is_write, finishing);
    }
  };

  void burst_done(Lane& lane, std::uint32_t access, Cycle done);
  void feed(Lane& lane, Cycle now);
  Cycle next_of(const Lane& lane) const;
  void step(Lane& lane, Cycle now);
  bool step_earliest();
  void run();
  void arm();
  std::uint32_t take_access();

  const AddressMapping& mapping_;
  Listener& listener_;
  std::uint64_t tck_ps_;
  unsigned burst_bytes_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Access> accesses_;
  std::vector<std::uint32_t> free_;
  common::Alarm due_{[this] { run(); }};
  Cycle armed_ = kNoCycle;
};

}  // namespace tandem::memory
