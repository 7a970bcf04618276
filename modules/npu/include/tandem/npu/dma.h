// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tandem/common/agenda.h"
#include "tandem/common/payload_pool.h"
#include "tandem/common/stands_for.h"
#include "tandem/common/systemc.h"
#include "tandem/common/timing_only.h"
#include "tandem/observe/statistics.h"
#include "tandem/observe/timeline.h"

namespace tandem::npu {

// The NPU's memory port: five channels of transfers of any length, cut into bursts, many of them
// outstanding. Channels are served by priority, control first, transfers of a channel in order.
// Vectors and commands for a PIM have at most three quarters of what may be outstanding, and no
// more than Config::pim_outstanding. Data that count pass through a buffer that belongs to the
// burst, so that a late response after a reset touches nothing of the caller's.
class Dma {
 public:
  enum Channel : unsigned { kControl, kPimResults, kPim, kKv, kWeights, kChannels };
  // `fault_address` is that of the first burst answered with an error.
  using Done = std::function<void(bool ok, std::uint64_t fault_address)>;
  // Sends a phase, or the whole transaction when the port is LT.
  using Forward =
      std::function<tlm::tlm_sync_enum(common::Payload&, tlm::tlm_phase&, sc_core::sc_time&)>;

  // `bulk_bytes` is the burst of transfers whose bytes nobody looks at; 0: as all others.
  Dma(common::Agenda& agenda, std::uint32_t burst_bytes, std::uint64_t bulk_bytes,
      std::uint32_t outstanding, std::uint32_t pim_outstanding, Forward forward);
  ~Dma();
  Dma(const Dma&) = delete;
  Dma& operator=(const Dma&) = delete;

  // `flow` joins the transfer to a command in the timeline; 0: none. Zero bytes complete in the
  // same way, without a transaction. `to` must stay valid until `done` or reset(). If `to` or
  // `from` is nullptr, the transactions are marked as timing-only: they take the same time, and
  // their bytes are whatever is there.
  void read(Channel channel, std::uint64_t address, void* to, std::uint64_t bytes, Done done,
            std::uint64_t flow = 0);
  // Copies the data before it returns. `requested` is called when its last burst has been asked
  // for: requests that follow reach the same target behind it.
  void write(Channel channel, std::uint64_t address, const void* from, std::uint64_t bytes,
             Done done, std::uint64_t flow = 0, std::function<void()> requested = {});

  // Transfers asked for from now on count `times` times, here and wherever their transactions go
  // (common::StandsFor): they stand for others that are not made.
  void count_times(std::uint64_t times) { times_ = times; }
  std::uint64_t times() const { return times_; }

  tlm::tlm_sync_enum backward(common::Payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);

  // Forgets every transfer without calling its `done`; responses still to come are absorbed.
  void reset();
  bool idle() const { return in_flight_.empty() && queued() == 0; }
  // When idle.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(times_, channels_, generation_);
  }

  void set_timeline(observe::Timeline* timeline);
  void collect(observe::StatisticsSink& sink) const;
  std::uint64_t read_bytes() const;
  std::uint64_t written_bytes() const;

 private:
  struct Transfer {
    Channel channel;
    bool is_write;
    std::uint64_t address;
    std::uint8_t* data;  // nullptr: timing-only
    std::uint64_t bytes;
    std::uint64_t issued;
    std::uint64_t completed;
    std::uint64_t begin_ps;
    bool failed;
    std::uint64_t fault_address;
    std::uint64_t flow;
    std::uint64_t times;
    Done done;
    std::function<void()> requested;
    std::vector<std::uint8_t> copy;
  };
  struct Burst {
    common::Payload* payload;
    Transfer* transfer;  // nullptr: forgotten by a reset
    std::uint64_t offset;
    Channel channel;
  };
  struct ChannelState {
    std::deque<Transfer*> queue;  // front: bursts still to be issued
    std::uint32_t in_flight = 0;  // bursts
    std::uint64_t read_bytes = 0, written_bytes = 0, transfers = 0, bursts = 0;
    std::uint64_t shown_until_ps = 0;
    observe::Timeline::Track track = 0;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(read_bytes, written_bytes, transfers, bursts, shown_until_ps);
    }
  };

  Transfer& take(Channel channel, std::uint64_t address, std::uint64_t bytes, Done done);
  void start(Transfer& transfer);
  void pump();
  Transfer* next();
  bool may_issue(Channel channel) const;
  void issue(Transfer& transfer);
  common::StandsFor& mark_for(std::uint64_t times);
  common::Payload& payload_for(Transfer& transfer, std::uint64_t address, unsigned length);
  void end_request();
  void respond(common::Payload& payload);
  void burst_done(Transfer& transfer, const common::Payload& payload, std::uint64_t offset);
  void finish(Transfer& transfer);
  std::size_t queued() const;

  common::Agenda& agenda_;
  common::PayloadPool pool_;
  std::uint32_t burst_bytes_;
  std::uint64_t bulk_bytes_;
  struct Free {
    void operator()(std::uint8_t* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::uint8_t, Free> unseen_;  // what timing-only payloads point to, all of them
  common::TimingOnly timing_only_;
  std::uint64_t times_ = 1;
  std::vector<std::unique_ptr<common::StandsFor>> marks_;  // one per number of times
  std::uint32_t outstanding_, pim_outstanding_;
  Forward forward_;
  std::array<ChannelState, kChannels> channels_;
  std::vector<Burst> in_flight_;
  std::vector<std::unique_ptr<Transfer>> storage_;
  std::vector<Transfer*> free_;
  common::Payload* requesting_ = nullptr;  // between BEGIN_REQ and END_REQ
  bool pump_scheduled_ = false;
  std::uint64_t generation_ = 0;  // resets so far
  observe::Timeline* timeline_ = nullptr;
  observe::Timeline::Name read_name_ = 0, write_name_ = 0;
};

}  // namespace tandem::npu
