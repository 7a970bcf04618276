// SPDX-License-Identifier: Apache-2.0
// Long streams: their pace is measured once, on a channel of the same kind that does nothing else.
#include <algorithm>
#include <deque>
#include <utility>

#include "tandem/memory/channel.h"

namespace tandem::memory {
namespace {

// std::llround, inline: of values not below 0.
std::uint64_t rounded(double value) {
  const auto whole = static_cast<std::uint64_t>(value);
  return whole + (value - static_cast<double>(whole) >= 0.5 ? 1 : 0);
}

// Bytes under way to or from a channel, oldest first.
class InFlight {
 public:
  explicit InFlight(std::uint64_t window_bytes) : window_bytes_(window_bytes) {}

  // When `bytes` more may be asked for.
  std::uint64_t admit(std::uint64_t bytes) {
    std::uint64_t earliest_ps = 0;
    while (window_bytes_ != 0 && !pieces_.empty() && bytes_ + bytes > window_bytes_) {
      earliest_ps = pieces_.front().end_ps;
      bytes_ -= pieces_.front().bytes;
      pieces_.pop_front();
    }
    last_ps_ = std::max(last_ps_, earliest_ps);
    return last_ps_;
  }
  void add(std::uint64_t bytes, std::uint64_t end_ps) {
    if (window_bytes_ == 0) return;
    pieces_.push_back({bytes, end_ps});
    bytes_ += bytes;
  }

 private:
  struct Piece {
    std::uint64_t bytes;
    std::uint64_t end_ps;
  };
  std::uint64_t window_bytes_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_ps_ = 0;
  std::deque<Piece> pieces_;
};

}  // namespace

StreamPace measure_stream(const DeviceConfig& device, const ControllerConfig& controller,
                          const AddressMapping& mapping, bool is_write, const StreamLoad& load) {
  constexpr std::uint64_t kRefreshIntervals = 32;
  constexpr std::uint64_t kLeastRows = 1024;
  const DeviceGeometry& geometry = device.geometry;
  const std::uint64_t interval_bytes =
      device.timing.tREFI / geometry.burst_ps() * geometry.burst_bytes();
  const std::uint64_t wanted_bytes =
      std::max(kRefreshIntervals * interval_bytes, kLeastRows * geometry.row_bytes);
  Channel channel(device, controller);
  // Whole blocks of rows that interleave, unless requests are shorter.
  const std::uint64_t step = load.request_bytes != 0 ? load.request_bytes
                                                     : std::uint64_t{geometry.row_bytes} *
                                                           geometry.banks() * mapping.channels();
  const std::uint64_t least = load.window_bytes != 0 ? 1 : 0;  // no window is not a small one
  InFlight in_flight(std::max(least, load.window_bytes / mapping.channels()));
  std::uint64_t bytes = 0, warm_bytes = 0, end_ps = 0, warm_ps = 0, warm_activates = 0;
  for (std::uint64_t address = 0; address < mapping.size_bytes() && bytes < wanted_bytes;
       address += step) {
    mapping.for_each_run(
        address, std::min(step, mapping.size_bytes() - address), [&](const Run& run) {
          if (run.channel != 0) return;
          const std::uint64_t earliest_ps = in_flight.admit(run.bytes);
          const Interval data =
              channel.reserve(run.bank, run.row, run.column_byte, run.bytes, is_write, earliest_ps);
          bytes += run.bytes;
          in_flight.add(run.bytes, data.end_ps + load.round_trip_ps);
          end_ps = is_write ? channel.last_drain().end_ps : std::max(end_ps, data.end_ps);
        });
    if (warm_bytes != 0 || bytes < wanted_bytes / 4 || bytes >= wanted_bytes) continue;
    warm_bytes = bytes;
    warm_ps = end_ps;
    warm_activates = channel.counters().activates;
  }
  // At least a burst, in a memory of which one request is the most.
  const std::uint64_t count = (bytes - warm_bytes) / geometry.burst_bytes();
  const auto bursts = static_cast<double>(count);
  return {static_cast<double>(end_ps - warm_ps) / bursts,
          static_cast<double>(channel.counters().activates - warm_activates) / bursts};
}

// When all banks are free for a stream; it leaves none open.
Cycle Channel::shut_banks() {
  Cycle ready = 0;
  for (std::size_t i = 0; banks_used_ != 0; ++i, banks_used_ >>= 1) {
    if ((banks_used_ & 1) == 0 || i >= banks_.size()) continue;
    ready = std::max(ready, banks_[i].activate_ready);
    banks_[i].count = 0;
  }
  return ready;
}

Channel::Stream Channel::stream_of(std::uint64_t bytes, const StreamPace& pace,
                                   std::uint64_t times) const {
  const std::uint64_t bursts = (bytes + device_.geometry.burst_bytes() - 1) >> burst_shift_;
  const std::uint64_t rows = rounded(pace.activates_per_burst * static_cast<double>(bursts));
  const Cycle cycles = std::max<Cycle>(
      1, rounded(pace.burst_ps * static_cast<double>(bursts) / static_cast<double>(t_.tck_ps)));
  return {cycles, times, times * bytes, times * bursts, times * rows, (times - 1) * cycles};
}

// Data of streams until `cycle`.
std::uint64_t Channel::data_of(const StreamRun& run, Cycle cycle) {
  const Cycle passed = std::clamp(cycle, run.begin, run.end) - run.begin;
  return static_cast<std::uint64_t>(run.data_ps_per_cycle * static_cast<double>(passed));
}

std::uint64_t Channel::data_ps(std::uint64_t time_ps) const {
  const Cycle now = time_ps / t_.tck_ps;
  StreamRun run = run_;
  if (streamed_.on_bus) run.end = streamed_.end;
  const std::uint64_t promised_ps = data_ps_ + data_of(run, now);
  if (streamed_.on_bus) return promised_ps;  // nothing lies behind it
  const std::uint64_t ahead_ps = bus_.taken_after(std::max(now, run.end)) * t_.tck_ps;
  return promised_ps - std::min(ahead_ps, promised_ps);
}

// Behind something else, or after a pause.
Cycle Channel::stream_anew(const Stream& stream, bool is_write, Cycle earliest) {
  enter_streams();
  (is_write ? counters_.write_bytes : counters_.read_bytes) += stream.bytes;
  (is_write ? counters_.write_bursts : counters_.read_bursts) += stream.bursts;
  counters_.activates += stream.rows;
  counters_.row_misses += stream.rows;
  counters_.busy_ps += stream.bursts * burst_ps_;
  const std::uint64_t times_before = std::exchange(times_, stream.times);

  Cycle ready = std::max(earliest, head_of_line_);
  settle_writes(ready);
  ready = std::max(ready, shut_banks());
  const Cycle first = ready + (is_write ? t_.RCDWR : t_.RCDRD) + latency(is_write);
  const DataBus::User user{0, is_write, false};
  const Cycle begin = bus_.append(user, first, stream.cycles, t_);
  const Cycle end = begin + stream.cycles;
  for (RankState& rank : ranks_) mark_open(rank.open, begin - latency(is_write), end);
  times_ = times_before;
  data_ps_ += data_of(run_, run_.end);
  run_ = {begin, end,
          static_cast<double>(stream.bursts * burst_ps_) /
              static_cast<double>(stream.times * stream.cycles)};
  streamed_until(end, is_write);
  if (is_write) {
    last_drain_ = {begin * t_.tck_ps, end * t_.tck_ps};
  } else if (buffer_.empty() && waiting_writes_.empty()) {
    streamed_.on_bus = std::all_of(ranks_.begin(), ranks_.end(),
                                   [end](const RankState& rank) { return rank.open.until == end; });
    streamed_.end = end;
  }
  return end;
}

void Channel::streamed_until(Cycle end, bool is_write) {
  streamed_until_ = end + t_.RP;
  last_column_ = std::max(last_column_, end - latency(is_write));
  (is_write ? last_write_ : last_read_) = last_column_;
  last_activity_ = std::max(last_activity_, last_column_);
}

void Channel::end_streams() {
  counters_.read_bytes += streamed_.bytes;
  counters_.read_bursts += streamed_.bursts;
  counters_.activates += streamed_.rows;
  counters_.row_misses += streamed_.rows;
  counters_.busy_ps += streamed_.bursts * burst_ps_;
  bus_.extend(streamed_.end);
  run_.end = streamed_.end;
  for (RankState& rank : ranks_) {
    rank.open.until = streamed_.end;
    rank.open.owed_cycles += streamed_.owed_cycles;
  }
  streamed_until(streamed_.end, false);
  streamed_.bytes = streamed_.bursts = streamed_.rows = streamed_.owed_cycles = 0;
  streamed_.on_bus = false;
}

}  // namespace tandem::memory
