// SPDX-License-Identifier: Apache-2.0
// Long streams in closed form against the same bytes row by row.
#include <catch2/catch.hpp>
#include <numeric>

#include "tandem/memory/stack.h"
#include "tandem/test/devices.h"
#include "tandem/test/lt_initiator.h"

using namespace tandem;

namespace {

memory::StreamPace pace_of_one_channel(const memory::Stack::Config& config, bool is_write) {
  const memory::AddressMapping mapping(config.mapping, 1, config.device.geometry,
                                       config.interleave_bytes, config.hash);
  return memory::measure_stream(config.device, config.controller, mapping, is_write);
}

struct RowByRow {
  std::uint64_t end_ps = 0;
  std::uint64_t activates = 0;
};

RowByRow row_by_row(const memory::Stack::Config& config, std::uint64_t bytes, bool is_write) {
  const memory::AddressMapping mapping(config.mapping, config.channels, config.device.geometry,
                                       config.interleave_bytes, config.hash);
  memory::Channel channel(config.device, config.controller);
  RowByRow result;
  mapping.for_each_run(0, bytes, [&](const memory::Run& run) {
    const memory::Interval data =
        channel.reserve(run.bank, run.row, run.column_byte, run.bytes, is_write, 0);
    result.end_ps = is_write ? channel.last_drain().end_ps : data.end_ps;
  });
  result.activates = channel.counters().activates;
  return result;
}

}  // namespace

TEST_CASE("a stream takes the time and the activates of its rows, within 1.5 percent") {
  constexpr std::uint64_t kBytes = 16u << 20;
  for (const std::string& name : test::device_names()) {
    for (const bool is_write : {false, true}) {
      CAPTURE(name, is_write);
      const memory::Stack::Config config = test::stack_config(name);
      const memory::StreamPace pace = pace_of_one_channel(config, is_write);
      memory::Channel channel(config.device, config.controller);
      const memory::Interval data = channel.stream(kBytes, is_write, pace, 0);
      const RowByRow expected = row_by_row(config, kBytes, is_write);
      CHECK(static_cast<double>(data.end_ps) ==
            Approx(static_cast<double>(expected.end_ps)).epsilon(0.015));
      CHECK(static_cast<double>(channel.counters().activates) ==
            Approx(static_cast<double>(expected.activates)).epsilon(0.015));
      const double seconds = static_cast<double>(data.end_ps - data.begin_ps) * 1e-12;
      CHECK(kBytes / seconds <= config.device.geometry.peak_bytes_per_s());
    }
  }
}

TEST_CASE("a window that is less than a byte for each channel still is one") {
  const memory::Stack::Config config = test::stack_config("hbm2_dramsim3");
  constexpr unsigned kChannels = 64;
  const memory::AddressMapping mapping(config.mapping, kChannels, config.device.geometry,
                                       config.interleave_bytes, config.hash);
  const auto burst_ps = [&](std::uint64_t window_bytes) {
    const memory::StreamLoad load{window_bytes, 32, 100'000};
    return memory::measure_stream(config.device, config.controller, mapping, false, load).burst_ps;
  };
  CHECK(burst_ps(32) >= burst_ps(64));
}

TEST_CASE("streams of one channel follow each other and nothing overtakes them") {
  const memory::Stack::Config config = test::stack_config("hbm2_dramsim3");
  const memory::StreamPace pace = pace_of_one_channel(config, false);
  memory::Channel channel(config.device, config.controller);
  const memory::Interval first = channel.stream(1 << 20, false, pace, 0);
  const memory::Interval second = channel.stream(1 << 20, false, pace, 0);
  CHECK(second.begin_ps == first.end_ps);
  const memory::Interval access = channel.reserve(0, 0, 0, 64, false, 0);
  CHECK(access.end_ps > second.end_ps);
  // And a stream waits for banks that compute.
  channel.reserve_compute(memory::Channel::kAllBanks, second.end_ps, second.end_ps + 5'000'000, 0);
  CHECK(channel.stream(1 << 20, false, pace, 0).begin_ps > second.end_ps + 5'000'000);
}

// Whoever asks a channel enters into its state what streams have put off.
TEST_CASE("streams in a row are the same whether or not somebody asks in between") {
  const memory::Stack::Config config = test::stack_config("hbm2_neupims");
  const memory::StreamPace pace = pace_of_one_channel(config, false);
  memory::Channel undisturbed(config.device, config.controller);
  memory::Channel asked(config.device, config.controller);
  std::uint64_t end_ps = 0;
  for (const std::uint64_t times : {1, 3, 1, 9}) {
    for (memory::Channel* channel : {&undisturbed, &asked}) channel->count_times(times);
    for (const std::uint64_t bytes : {1 << 20, 100'000, 64}) {
      for (const std::uint64_t earliest_ps : {std::uint64_t{0}, end_ps + 7'000'000}) {
        const memory::Interval data = undisturbed.stream(bytes, false, pace, earliest_ps);
        const memory::Interval same = asked.stream(bytes, false, pace, earliest_ps);
        CHECK(data.begin_ps == same.begin_ps);
        CHECK(data.end_ps == same.end_ps);
        asked.banks_free_ps(0, 0);
        end_ps = data.end_ps;
        for (const std::uint64_t time_ps : {end_ps / 2, end_ps, 20 * end_ps}) {
          CHECK(undisturbed.active_ps(time_ps) == asked.active_ps(time_ps));
        }
      }
    }
    CHECK(undisturbed.counters().read_bytes == asked.counters().read_bytes);
    CHECK(undisturbed.counters().read_bursts == asked.counters().read_bursts);
    CHECK(undisturbed.counters().activates == asked.counters().activates);
    CHECK(undisturbed.counters().row_misses == asked.counters().row_misses);
    CHECK(undisturbed.counters().busy_ps == asked.counters().busy_ps);
    const memory::Interval access = undisturbed.reserve(0, 5, 0, 64, false, end_ps / 2);
    CHECK(access.end_ps == asked.reserve(0, 5, 0, 64, false, end_ps / 2).end_ps);
  }
}

TEST_CASE("data of a stream are on the bus as time passes, once whatever it counts") {
  const memory::Stack::Config config = test::stack_config("hbm2_neupims");
  const memory::StreamPace pace = pace_of_one_channel(config, false);
  memory::Channel channel(config.device, config.controller);
  const std::uint64_t tck_ps = config.device.timing.tCK;
  channel.count_times(7);
  const memory::Interval first = channel.stream(1 << 20, false, pace, 0);
  const std::uint64_t all_ps = channel.counters().busy_ps / 7;
  const std::uint64_t middle_ps = (first.begin_ps + first.end_ps) / 2;
  CHECK(channel.data_ps(first.begin_ps) == 0);
  CHECK(static_cast<double>(channel.data_ps(middle_ps)) ==
        Approx(static_cast<double>(all_ps) / 2).margin(static_cast<double>(tck_ps)));
  const auto same = [tck_ps](std::uint64_t a, std::uint64_t b) {
    return std::max(a, b) - std::min(a, b) <= 2 * tck_ps;
  };
  CHECK(same(channel.data_ps(first.end_ps), all_ps));
  channel.count_times(1);
  const memory::Interval second = channel.stream(1 << 20, false, pace, 0);  // without a gap
  CHECK(same(channel.data_ps(first.end_ps), all_ps));
  CHECK(same(channel.data_ps(second.end_ps), 2 * all_ps));
  // Behind a stream, and ahead of time.
  const memory::Interval access = channel.reserve(0, 0, 0, 1024, false, second.end_ps);
  CHECK(same(channel.data_ps(second.end_ps), 2 * all_ps));
  const std::uint64_t access_ps = channel.counters().busy_ps - 8 * all_ps;
  CHECK(access_ps > 0);
  CHECK(channel.data_ps(access.end_ps) == channel.data_ps(2 * access.end_ps));
  CHECK(same(channel.data_ps(access.end_ps), 2 * all_ps + access_ps));
  // And another one, after a pause.
  const memory::Interval third = channel.stream(1 << 20, false, pace, 2 * access.end_ps);
  CHECK(same(channel.data_ps(third.begin_ps), 2 * all_ps + access_ps));
  CHECK(same(channel.data_ps(third.end_ps), 3 * all_ps + access_ps));
}

TEST_CASE("bytes of a range by channel are those of its runs") {
  for (const char* order : {"RoRaBaCoBgCh", "RoChRaBgBaCo", "ChRoRaBgBaCo"}) {
    CAPTURE(order);
    memory::Stack::Config config = test::stack_config("hbm2_neupims");
    config.channels = 8;
    config.mapping = order;
    const memory::AddressMapping mapping(config.mapping, config.channels, config.device.geometry,
                                         config.interleave_bytes);
    for (const std::uint64_t address : {0ull, 64ull, 300'032ull, 77'777'728ull}) {
      for (const std::uint64_t length : {64ull, 4'096ull, 1'000'000ull, 9'999'936ull}) {
        std::vector<std::uint64_t> expected(8), bytes(8);
        mapping.for_each_run(address, length,
                             [&](const memory::Run& run) { expected[run.channel] += run.bytes; });
        mapping.for_each_share(address, length,
                               [&bytes](unsigned first, unsigned last, std::uint64_t share) {
                                 for (unsigned i = first; i < last; ++i) bytes[i] += share;
                               });
        CHECK(bytes == expected);
        CHECK(std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0}) == length);
      }
    }
  }
}

TEST_CASE("a stack answers a long read when its slowest channel has streamed") {
  memory::Stack::Config config = test::stack_config("hbm2_neupims");
  config.channels = 8;
  memory::Stack stack("stack", config);
  test::LtInitiator bus("bus");
  bus.socket.bind(stack.target());
  std::vector<std::uint8_t> data(32u << 20);
  REQUIRE(bus.read(0, data.data(), static_cast<unsigned>(data.size())) == tlm::TLM_OK_RESPONSE);
  const double seconds = static_cast<double>(bus.time_ps()) * 1e-12;
  const double bandwidth = static_cast<double>(data.size()) / seconds;
  CHECK(bandwidth < stack.config().peak_bytes_per_s());
  CHECK(bandwidth > 0.9 * stack.config().peak_bytes_per_s());
  for (unsigned i = 0; i < 8; ++i) CHECK(stack.traffic(i).read_bytes == data.size() / 8);
}
