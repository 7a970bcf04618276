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
  for (const ChannelCounters& channel : channels_) columns += channel.counts.columns;
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
    sink.value("busy", c.busy_ps, "ps",
               "time with operations of a command in progress, from its start to the last result");
    sink.value("activations", c.counts.activations, "1", "rows opened for multiplication");
    sink.value("buffer_writes", c.counts.buffer_writes, "1", "DRAM rows to the global buffer");
    sink.value("buffer_loads", c.counts.buffer_loads, "1", "bursts of vectors from the data bus");
    sink.value("result_reads", c.counts.result_reads, "1", "bursts of accumulators");
    sink.value("internal_bytes", c.counts.columns * column_bytes, "B",
               "read from row buffers to MAC units");
    sink.value("utilisation",
               time_ps == 0 ? 0.0 : static_cast<double>(c.busy_ps) / static_cast<double>(time_ps),
               "fraction", "busy time over simulated time");
  }
}

// The same for both fidelities: rows that refresh shuts and that are opened again are not counted.
void PimStack::collect_energy(observe::EnergySink& sink) const {
  const CommandEnergy commands = config_.command_energy();
  PlanCounts sum;
  for (const ChannelCounters& channel : channels_) sum += channel.counts;
  const auto spend = [&sink](const char* component, double pj, std::uint64_t n,
                             const std::string& source) {
    sink.spend(component, pj * static_cast<double>(n), source);
  };
  spend("activate", commands.activate_pj, sum.activations, commands.source);
  spend("column", commands.column_pj, sum.columns, commands.source);
  spend("buffer_write", commands.buffer_write_pj, sum.buffer_writes, commands.source);
  spend("buffer_load", commands.buffer_load_pj, sum.buffer_loads, commands.source);
  spend("result_read", commands.result_read_pj, sum.result_reads, commands.source);
  if (commands.with_macs) return;
  const Energy& energy = config_.energy;
  spend("mac_16_bit", energy.fp16_mac_pj, macs_16_, energy.source);
  spend("mac_8_bit", energy.int8_mac_pj, macs_8_, energy.source);
  spend("mac_4_bit", energy.four_bit_mac_pj, macs_4_, energy.source);
}

}  // namespace tandem::pim
