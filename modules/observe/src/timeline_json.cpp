// SPDX-License-Identifier: Apache-2.0
// Trace-event format:
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU Times are
// microseconds with six decimals, which is one picosecond.
#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <tuple>

#include "tandem/observe/timeline.h"

namespace tandem::observe {
namespace {

constexpr std::uint64_t kPsPerUs = 1'000'000;

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.append(1, '"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (byte < 0x20) {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out.append(1, c);
    }
  }
  out.append(1, '"');
}

void append_us(std::string& out, std::uint64_t time_ps) {
  out.append(std::to_string(time_ps / kPsPerUs)).append(1, '.');
  const std::string decimals = std::to_string(time_ps % kPsPerUs);
  out.append(6 - decimals.size(), '0').append(decimals);
}

class Writer {
 public:
  explicit Writer(const Timeline& timeline) : timeline_(timeline) {
    for (const Timeline::TrackInfo& track : timeline.tracks()) {
      const auto found = std::find(processes_.begin(), processes_.end(), track.process);
      pids_.push_back(static_cast<std::size_t>(found - processes_.begin()) + 1);
      if (found == processes_.end()) processes_.push_back(track.process);
    }
    for (const Timeline::Slice& slice : timeline.slices()) ++flows_[slice.flow].slices;
    flows_.erase(0);
  }

  std::string write() {
    out_ = "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"dropped_events\":\"" +
           std::to_string(timeline_.dropped()) + "\"},\"traceEvents\":[";
    write_metadata();
    for (const std::size_t index : order()) {
      write_slice(timeline_.slices()[index]);
      write_flow(timeline_.slices()[index]);
    }
    out_.append("\n]}\n");
    return std::move(out_);
  }

 private:
  struct Flow {
    std::size_t slices = 0;
    std::size_t written = 0;
  };

  // By begin; of those that begin together, the one that contains the other comes first.
  std::vector<std::size_t> order() const {
    const std::vector<Timeline::Slice>& slices = timeline_.slices();
    std::vector<std::size_t> indices(slices.size());
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    std::stable_sort(indices.begin(), indices.end(), [&](std::size_t a, std::size_t b) {
      return std::tuple(slices[a].begin_ps, slices[a].track, slices[b].end_ps) <
             std::tuple(slices[b].begin_ps, slices[b].track, slices[a].end_ps);
    });
    return indices;
  }

  void open_event(char phase) {
    out_.append(first_ ? "\n" : ",\n").append("{\"ph\":\"").append(1, phase).append("\"");
    first_ = false;
  }

  void append_number(const char* key, std::uint64_t value) {
    out_.append(",\"").append(key).append("\":").append(std::to_string(value));
  }

  void append_place(Timeline::Track track) {
    append_number("pid", pids_[track]);
    append_number("tid", track + std::uint64_t{1});
  }

  void write_name(const char* what, std::string_view name) {
    out_.append(",\"name\":\"").append(what).append("\",\"args\":{\"name\":");
    append_quoted(out_, name);
    out_.append("}}");
  }

  void write_sort_index(const char* what, std::uint64_t index) {
    out_.append(",\"name\":\"").append(what).append("\",\"args\":{\"sort_index\":");
    out_.append(std::to_string(index)).append("}}");
  }

  void write_metadata() {
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      open_event('M');
      append_number("pid", i + 1);
      write_name("process_name", processes_[i]);
      open_event('M');
      append_number("pid", i + 1);
      write_sort_index("process_sort_index", i);
    }
    for (std::size_t i = 0; i < pids_.size(); ++i) {
      const auto track = static_cast<Timeline::Track>(i);
      open_event('M');
      append_place(track);
      write_name("thread_name", timeline_.tracks()[i].name);
      open_event('M');
      append_place(track);
      write_sort_index("thread_sort_index", i);
    }
  }

  void write_slice(const Timeline::Slice& slice) {
    open_event('X');
    append_place(slice.track);
    out_.append(",\"ts\":");
    append_us(out_, slice.begin_ps);
    out_.append(",\"dur\":");
    append_us(out_, slice.end_ps - slice.begin_ps);
    out_.append(",\"name\":");
    append_quoted(out_, timeline_.text(slice.name));
    out_.append("}");
  }

  // An arrow needs two ends: a flow of one slice has none.
  void write_flow(const Timeline::Slice& slice) {
    const auto found = flows_.find(slice.flow);
    if (found == flows_.end() || found->second.slices < 2) return;
    Flow& flow = found->second;
    ++flow.written;
    const char phase = flow.written == 1 ? 's' : flow.written == flow.slices ? 'f' : 't';
    open_event(phase);
    append_place(slice.track);
    out_.append(",\"ts\":");
    append_us(out_, slice.begin_ps);
    append_number("id", slice.flow);
    // The end of an arrow belongs to the slice that is open at its time.
    out_.append(",\"cat\":\"flow\",\"name\":\"flow\"")
        .append(phase == 's' ? "}" : ",\"bp\":\"e\"}");
  }

  const Timeline& timeline_;
  std::vector<std::string> processes_;
  std::vector<std::size_t> pids_;  // by track
  std::map<std::uint64_t, Flow> flows_;
  std::string out_;
  bool first_ = true;
};

}  // namespace

std::string Timeline::to_json() const {
  return Writer(*this).write();
}

}  // namespace tandem::observe
