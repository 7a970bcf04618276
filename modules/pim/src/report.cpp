// SPDX-License-Identifier: Apache-2.0
// What a PimStack tells about itself: timeline, statistics, energy.
#include "gemv_plan.h"
#include "gemv_unit.h"
#include "tandem/pim/pim_stack.h"

namespace tandem::pim {

void PimStack::set_timeline(observe::Timeline* timeline, const std::string& process) {
  timeline_ = timeline;
  if (timeline_ == nullptr) return;
  tracks_.clear();
  for (unsigned i = 0; i < stack_.channels(); ++i) {
    tracks_.push_back(timeline_->track(process, "pim channel " + std::to_string(i)));
  }
  slice_name_ = timeline_->name("gemv");
}

void PimStack::collect(observe::StatisticsSink& sink) const {
  const std::uint64_t column_bytes = config_.column_bytes;
  const std::uint64_t time_ps = common::now_ps();
  std::uint64_t columns = 0;
  for (const ChannelCounters& channel : channels_) columns += channel.columns;
  sink.value("commands", commands_, "1", "commands accepted");
  sink.value("errors", errors_, "1", "commands that failed");
  sink.value("macs", macs_16_ + macs_8_ + macs_4_, "1", "multiply-accumulates in the banks");
  sink.value("internal_bytes", columns * column_bytes, "B", "read from row buffers to MAC units");
  sink.value("vector_bytes", vector_bytes_, "B", "input vectors, once per command");
  sink.value("result_bytes", result_bytes_, "B", "results");
  sink.value("peak_fp16_macs", config_.peak_macs_per_s(abi::Format::kFp16, clock_period_ps_), "1/s",
             "of all banks, at the rate of their lanes or of their column accesses");
  bus_.collect(sink);
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const ChannelCounters& c = channels_[i];
    const observe::StatisticsGroup group(sink, "channel" + std::to_string(i));
    sink.value("commands", c.commands, "1", "commands with weights in this channel");
    sink.value("busy", c.busy_ps, "ps", "time from the first activate to the last precharge");
    sink.value("activations", c.activations, "1", "rows opened for multiplication");
    sink.value("internal_bytes", c.columns * column_bytes, "B",
               "read from row buffers to MAC units");
    sink.value("utilisation",
               time_ps == 0 ? 0.0 : static_cast<double>(c.busy_ps) / static_cast<double>(time_ps),
               "fraction", "busy time over simulated time");
  }
}

// Activates are in the memory's ledger, which counts them where it counts all others.
void PimStack::collect_energy(observe::EnergySink& sink) const {
  const Energy& energy = config_.energy;
  const auto times = [](double pj, std::uint64_t n) { return pj * static_cast<double>(n); };
  std::uint64_t columns = 0;
  for (const ChannelCounters& channel : channels_) columns += channel.columns;
  const std::uint64_t bits = 8 * columns * config_.column_bytes;
  sink.spend("column_read", times(energy.column_read_pj_per_bit, bits), energy.source);
  sink.spend("mac_16_bit", times(energy.fp16_mac_pj, macs_16_), energy.source);
  sink.spend("mac_8_bit", times(energy.int8_mac_pj, macs_8_), energy.source);
  sink.spend("mac_4_bit", times(energy.four_bit_mac_pj, macs_4_), energy.source);
}

}  // namespace tandem::pim
