// SPDX-License-Identifier: Apache-2.0
#include "traffic.h"

#include <chrono>

namespace tandem::memory::test {
namespace {

class Latencies {
 public:
  void add(bool is_write, std::uint64_t cycles) {
    (is_write ? writes_ : reads_) += static_cast<double>(cycles);
    (is_write ? write_count_ : read_count_) += 1;
  }
  double mean() const { return (reads_ + writes_) / (read_count_ + write_count_); }
  double reads() const { return read_count_ == 0 ? 0 : reads_ / read_count_; }

 private:
  double reads_ = 0, writes_ = 0, read_count_ = 0, write_count_ = 0;
};

// Tells latencies by the tag of the request.
class Client final : public CommandChannel::Client {
 public:
  explicit Client(const std::vector<Access>& accesses)
      : accesses_(accesses), wanted_(accesses.size()) {}
  void want(std::size_t index, Cycle now) { wanted_[index] = now; }
  void request_done(std::uint64_t tag, Cycle done) override {
    latencies.add(accesses_[tag].is_write, done - wanted_[tag]);
    finished.push(done);
    last = std::max(last, done);
  }
  Latencies latencies;
  std::priority_queue<Cycle, std::vector<Cycle>, std::greater<>> finished;  // in flight
  Cycle last = 0;

 private:
  const std::vector<Access>& accesses_;
  std::vector<Cycle> wanted_;
};

double gb_per_s(const DeviceConfig& device, std::size_t requests, std::uint64_t ps) {
  return static_cast<double>(requests) * device.geometry.burst_bytes() * 1e3 /
         static_cast<double>(ps);
}

std::uint64_t since_ns(std::chrono::steady_clock::time_point begin) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin)
          .count());
}

}  // namespace

// Whatever the fidelity: in flight are requests submitted whose end lies ahead.
Outcome run_command(const DeviceConfig& device, const ControllerConfig& controller,
                    const std::vector<Access>& accesses, unsigned outstanding) {
  const auto begin = std::chrono::steady_clock::now();
  Client client(accesses);
  CommandChannel channel(device, controller, client);
  const std::size_t count = accesses.size();
  std::size_t next = 0, wanted = 0, done = 0;
  Cycle now = 0, last_tick = 0;
  while (done < count || !channel.idle()) {
    for (; !client.finished.empty() && client.finished.top() <= now; client.finished.pop()) ++done;
    for (; wanted < count && wanted - done < outstanding; ++wanted) client.want(wanted, now);
    for (; next < wanted && channel.accepts(accesses[next].is_write); ++next) {
      const Access& a = accesses[next];
      channel.submit({next, a.bank, a.row, a.column, a.is_write}, now);
    }
    channel.tick(now);
    Cycle then = channel.next();
    if (!client.finished.empty()) then = std::min(then, client.finished.top());
    last_tick = now;
    now = std::max(now + 1, then);
  }
  Outcome outcome;
  outcome.wall_ns = since_ns(begin);
  outcome.gb_per_s = gb_per_s(device, count, std::max(client.last, last_tick) * device.timing.tCK);
  outcome.latency_cycles = client.latencies.mean();
  outcome.read_latency_cycles = client.latencies.reads();
  outcome.row_hits = static_cast<double>(channel.counters().row_hits) / static_cast<double>(count);
  outcome.activates = channel.counters().of(CommandKind::kActivate);
  return outcome;
}

Outcome run_transaction(const DeviceConfig& device, const ControllerConfig& controller,
                        const std::vector<Access>& accesses, unsigned outstanding) {
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t tck_ps = device.timing.tCK;
  const unsigned bytes = device.geometry.burst_bytes();
  Channel channel(device, controller);
  Latencies latencies;
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> in_flight;
  std::uint64_t now_ps = 0, last_ps = 0;
  for (const Access& a : accesses) {
    while (!in_flight.empty() && (in_flight.top() <= now_ps || in_flight.size() >= outstanding)) {
      now_ps = std::max(now_ps, in_flight.top());
      in_flight.pop();
    }
    const std::uint64_t end_ps =
        channel.reserve(a.bank, a.row, a.column * bytes, bytes, a.is_write, now_ps).end_ps;
    in_flight.push(end_ps);
    latencies.add(a.is_write, (end_ps - now_ps) / tck_ps);
    last_ps = std::max(last_ps, end_ps);
  }
  Outcome outcome;
  outcome.wall_ns = since_ns(begin);
  last_ps = std::max(last_ps, channel.finish_writes());
  outcome.gb_per_s = gb_per_s(device, accesses.size(), last_ps);
  outcome.latency_cycles = latencies.mean();
  outcome.read_latency_cycles = latencies.reads();
  outcome.row_hits =
      static_cast<double>(channel.counters().row_hits) / static_cast<double>(accesses.size());
  outcome.activates = channel.counters().activates;
  return outcome;
}

Access locate(const DeviceGeometry& g, std::uint64_t index) {
  const std::uint64_t columns = g.columns();
  const std::uint64_t rows = index / columns;
  return {static_cast<unsigned>(rows % g.banks()),
          static_cast<std::uint32_t>(rows / g.banks() % g.rows),
          static_cast<std::uint32_t>(index % columns), false};
}

namespace {

// Banks consecutive bursts fall into: bank groups first, as controllers interleave them.
Access across_groups(const DeviceGeometry& g, std::uint64_t index) {
  const unsigned group = static_cast<unsigned>(index % g.bank_groups);
  Access a = locate(g, index / g.bank_groups);
  const unsigned others = g.banks() / g.bank_groups;  // banks beside the group field
  const std::uint64_t rows = index / g.bank_groups / g.columns();
  const unsigned other = static_cast<unsigned>(rows % others);
  a.bank = (other / g.banks_per_group * g.bank_groups + group) * g.banks_per_group +
           other % g.banks_per_group;
  a.row = static_cast<std::uint32_t>(rows / others % g.rows);
  return a;
}

template <typename Next>
std::vector<Access> generate(std::size_t count, Next next) {
  std::vector<Access> accesses;
  accesses.reserve(count);
  for (std::size_t i = 0; i < count; ++i) accesses.push_back(next(i));
  return accesses;
}

using Make = std::function<std::vector<Access>(const DeviceGeometry&, std::size_t)>;

// `writes` of every `of` requests, evenly drawn; `random`: of the whole channel.
Make traffic(bool random, unsigned writes, unsigned of) {
  return [=](const DeviceGeometry& g, std::size_t count) {
    std::mt19937_64 engine(7);
    const std::uint64_t bursts = g.channel_bytes() / g.burst_bytes();
    return generate(count, [&](std::size_t i) {
      Access a = random ? locate(g, engine() % bursts) : across_groups(g, i);
      a.is_write = writes != 0 && engine() % of < writes;
      return a;
    });
  };
}

Make in_bank_order(bool writes) {
  return [=](const DeviceGeometry& g, std::size_t count) {
    return generate(count, [&](std::size_t i) {
      Access a = locate(g, i);
      a.is_write = writes;
      return a;
    });
  };
}

Make stride(std::uint64_t bytes) {
  return [=](const DeviceGeometry& g, std::size_t count) {
    const std::uint64_t step = std::max<std::uint64_t>(1, bytes / g.burst_bytes());
    const std::uint64_t bursts = g.channel_bytes() / g.burst_bytes();
    return generate(count, [&](std::size_t i) {
      const std::uint64_t at = i * step;
      return locate(g, (at + at / bursts) % bursts);
    });
  };
}

Make one_bank(unsigned rows, bool writes) {
  return [=](const DeviceGeometry& g, std::size_t count) {
    return generate(count, [&](std::size_t i) {
      const auto row = static_cast<std::uint32_t>(rows == 0 ? i % g.rows : i % rows);
      const auto column = static_cast<std::uint32_t>(rows == 0 ? 0 : i / rows % g.columns());
      return Access{0, row, column, writes};
    });
  };
}

Make few_rows(unsigned rows) {
  return [=](const DeviceGeometry& g, std::size_t count) {
    std::mt19937_64 engine(5);
    return generate(count, [&](std::size_t) {
      const std::uint64_t draw = engine();
      return Access{static_cast<unsigned>(draw % g.banks()),
                    static_cast<std::uint32_t>((draw >> 8) % rows),
                    static_cast<std::uint32_t>((draw >> 20) % g.columns()), false};
    });
  };
}

}  // namespace

std::vector<Pattern> patterns() {
  return {{"sequential read", traffic(false, 0, 1)},
          {"sequential read, bank by bank", in_bank_order(false)},
          {"sequential write, bank by bank", in_bank_order(true)},
          {"sequential write", traffic(false, 1, 1)},
          {"random read", traffic(true, 0, 1)},
          {"random write", traffic(true, 1, 1)},
          {"sequential 2 reads : 1 write", traffic(false, 1, 3)},
          {"sequential 1 : 1", traffic(false, 1, 2)},
          {"random 9 reads : 1 write", traffic(true, 1, 10)},
          {"random 2 reads : 1 write", traffic(true, 1, 3)},
          {"random 1 read : 9 writes", traffic(true, 9, 10)},
          {"random 1 : 1", traffic(true, 1, 2)},
          {"stride 256 B", stride(256)},
          {"stride 4 KiB", stride(4096)},
          {"one bank, new row each", one_bank(0, false)},
          {"one bank, new row each, write", one_bank(0, true)},
          {"one bank, ping-pong", one_bank(2, false)},
          {"one bank, four rows", one_bank(4, false)},
          {"random in 4 rows per bank", few_rows(4)}};
}

DeviceConfig hbm2(unsigned ranks, unsigned row_bytes) {
  DeviceConfig device;
  device.name = "hbm2";
  device.geometry = {ranks, 4, 4, 32768, row_bytes, 128, 4, 2000, true};
  DeviceTiming& t = device.timing;
  t.tCK = 1'000;
  t.CL = 14'000;
  t.CWL = 4'000;
  t.tRCDRD = t.tRCDWR = t.tRP = 14'000;
  t.tRAS = 34'000;
  t.tRC = 48'000;
  t.tCCD_S = 1'000;
  t.tCCD_L = 2'000;
  t.tRTRS = 2'000;
  t.tRRD_S = 4'000;
  t.tRRD_L = 6'000;
  t.tFAW = 30'000;
  t.tWTR_S = 6'000;
  t.tWTR_L = 8'000;
  t.tWR = 16'000;
  t.tRTP_L = 5'000;
  t.tRFC = 260'000;
  t.tREFI = 3'900'000;
  device.source = "NeuPIMs, HBM2_8Gb_x128_dualpim.ini; tRTP and tRTRS are its simulator's defaults";
  return device;
}

}  // namespace tandem::memory::test
