// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "channel_log.h"
#include "pim_work.h"
#include "tandem/platform/probe/latency.h"

namespace tandem::platform {

// Ordinary reads of one burst, one after the other, in the third quarter of the rows: tiles lie
// below it, vectors above.
class StreamingReads {
 public:
  // `device` outlives it.
  StreamingReads(const DeviceFile& device, std::uint64_t count)
      : mapping_(device.mapping, 1, device.device.geometry, device.interleave_bytes, device.hash),
        geometry_(device.device.geometry),
        count_(count) {}

  bool empty() const { return next_ == count_; }
  // The tag is the cycle in which it is taken.
  memory::CommandChannel::Request take(memory::Cycle now);

 private:
  memory::AddressMapping mapping_;
  const memory::DeviceGeometry& geometry_;
  std::uint64_t count_;
  std::uint64_t next_ = 0;
};

// One channel at command fidelity with its computing banks.
class PimBench final : private memory::CommandChannel::Client,
                       private pim::PimChannel::Client,
                       private memory::CommandListener {
 public:
  // `set` outlives it.
  PimBench(const DeviceFile& device, const pim::PimCommandSet& set, bool check, bool record);

  // Until all is done; one operation and one read per cycle enter, as there is room.
  void run(PimWork& work, StreamingReads& reads);

  const memory::CommandChannel& channel() const { return channel_; }
  ChannelLog& log() { return log_; }
  // Brings refreshes up to `end`, for counting.
  void finish(memory::Cycle end);

  memory::Cycle last_result() const { return last_result_; }  // 0: there was none
  memory::Cycle last_read() const { return last_read_; }
  const LatencyHistogram& latencies() const { return latencies_; }
  std::uint64_t operations() const { return operations_; }
  std::uint64_t computes() const { return computes_; }
  // Without computes, results or vectors, in the gaps with a refresh in them.
  memory::Cycle idle_cycles() const { return idle_cycles_; }

 private:
  void request_done(std::uint64_t tag, memory::Cycle done) override;
  void operation_done(std::uint64_t tag, memory::Cycle done) override;
  void on_command(const memory::Command& command) override;

  const memory::ComputeBanks& banks_;
  memory::CommandChannel channel_;
  pim::PimChannel pim_;
  ChannelLog log_;
  LatencyHistogram latencies_;
  memory::Cycle last_result_ = 0;
  memory::Cycle last_read_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t computes_ = 0;
  memory::Cycle idle_cycles_ = 0;
  memory::Cycle busy_until_ = 0;  // with the last of these
  bool refreshed_ = false;        // since then
};

}  // namespace tandem::platform
