// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "tandem/memory/bank_timing.h"
#include "tandem/platform/probe/memory_probe.h"

namespace tandem::platform {
namespace {

using Kind = AccessPattern::Kind;
using memory::RefreshMode;

// Bursts per cycle of one channel, and why.
struct Rate {
  double bursts = 0;
  std::string formula;
};

class Limits {
 public:
  Limits(const DeviceFile& device, const MemoryProbe& probe, bool refreshed)
      : device_(device),
        probe_(probe),
        geometry_(device.device.geometry),
        t_(device.device),
        outage_(shut() + t_.RP + t_.RFC + t_.RCDRD),
        refreshed_(refreshed && t_.REFI != 0),
        all_bank_(device.controller.refresh == RefreshMode::kAllBank && refreshed_) {}

  std::optional<Rate> of_pattern() const {
    if (probe_.pattern.write_percent % 100 != 0) return std::nullopt;  // turnarounds
    // What one posted write after the other reaches depends on the write queue.
    if (probe_.pattern.write_percent == 100 && probe_.in_flight() <= probe_.channels) {
      return std::nullopt;
    }
    switch (probe_.pattern.kind) {
      case Kind::kSequential:
        return latency_bound(stream(), t_.CL + t_.burst, "CL + burst");
      case Kind::kRandom:
        return latency_bound(random(), t_.RCDRD + t_.CL + t_.burst, "tRCD + CL + burst");
      case Kind::kRowMisses:
        return one_bank();
      case Kind::kPingPong:
        if (probe_.in_flight() > probe_.channels) return std::nullopt;  // hits depend on the queue
        return one_bank();
      case Kind::kStride:
        return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  // Part of the time in which a bank is not being refreshed, shut for it, or opened again.
  double available() const {
    if (!refreshed_) return 1;
    const double lost = static_cast<double>(all_bank_ ? outage_ : t_.RP + t_.RFCpb + t_.RCDRD);
    return 1 - lost / static_cast<double>(t_.REFI);
  }
  bool writes() const { return probe_.pattern.write_percent == 100; }
  memory::Cycle shut_one_by_one() const {
    if (device_.controller.page != memory::PagePolicy::kOpen) return 0;
    return (geometry_.banks_per_rank() - 1) * std::max<memory::Cycle>(1, t_.PPD);
  }
  memory::Cycle recovery() const { return writes() ? t_.CWL + t_.burst + t_.WR : t_.RTP; }
  // From the last column command before a refresh to the last precharge: every bank is open.
  memory::Cycle shut() const { return std::max(shut_one_by_one(), recovery()); }
  std::string outage_formula() const {
    const bool banks = shut_one_by_one() >= recovery();
    const char* const step = t_.PPD > 1 ? "tPPD" : "tCK";
    const std::string shut = banks      ? std::string("(banks - 1) x ") + step
                             : writes() ? "CWL + burst + tWR"
                                        : "tRTP";
    return shut + " + tRP + tRFC + tRCD";
  }
  std::string refresh_formula() const {
    if (!refreshed_) return "";
    return all_bank_ ? " x (1 - D / tREFI), D = " + outage_formula()
                     : " x (1 - (tRP + tRFCpb + tRCD) / tREFI)";
  }

  // Whether the requests in flight lie in more than one bank group.
  bool groups_alternate() const {
    const memory::AddressMapping mapping(device_.mapping, probe_.channels, geometry_,
                                         device_.interleave_bytes, device_.hash);
    std::set<unsigned> groups;
    for (std::uint64_t i = 0; i < probe_.in_flight() && groups.size() < 2; ++i) {
      const memory::Location at =
          mapping.decode((i * geometry_.burst_bytes()) & (mapping.size_bytes() - 1));
      if (at.channel == 0) groups.insert(at.bank_group);
    }
    return groups.size() > 1;
  }

  // With several ranks, or banks refreshed one by one, a stream may go on elsewhere meanwhile: the
  // bus alone bounds it.
  Rate stream() const {
    const bool alternate = groups_alternate();
    const memory::Cycle pace = std::max(t_.burst, alternate ? t_.CCD_S : t_.CCD_L);
    const double rate = 1 / static_cast<double>(pace);
    const std::string bus = pace == t_.burst ? "peak" : alternate ? "1 / tCCD_S" : "1 / tCCD_L";
    if (!all_bank_ || geometry_.ranks > 1) return {rate, bus};
    const double lost = static_cast<double>(outage_) / static_cast<double>(t_.REFI);
    return {rate * (1 - lost), bus + refresh_formula()};
  }

  // Every request opens a row; commands on one bus: precharge, activate and column.
  Rate random() const {
    const double ranks = geometry_.ranks;
    const auto per = [](double count, memory::Cycle cycles) {
      return cycles == 0 ? 1.0 : count / static_cast<double>(cycles);
    };
    Rate least{per(1, std::max(t_.burst, t_.CCD_S)), "peak"};
    const auto also = [&least](double bursts, const char* formula) {
      if (bursts < least.bursts) least = {bursts, formula};
    };
    also(per(4 * ranks, t_.FAW), geometry_.ranks > 1 ? "ranks x 4 / tFAW" : "4 / tFAW");
    also(per(ranks, t_.RRD_S), geometry_.ranks > 1 ? "ranks / tRRD_S" : "1 / tRRD_S");
    const memory::Cycle write_cycle = t_.RCDWR + t_.CWL + t_.burst + t_.WR + t_.RP;
    if (probe_.pattern.write_percent == 100 && write_cycle > t_.RC) {
      also(per(geometry_.banks(), write_cycle), "banks / (tRCD + CWL + burst + tWR + tRP)");
    }
    also(per(geometry_.banks(), t_.RC), "banks / tRC");
    if (!geometry_.separate_command_buses) also(1.0 / 3, "1 / 3 commands");
    return {least.bursts * available(), least.formula + refresh_formula()};
  }

  // The row is shut for every request, so that a refresh costs no more than its own time.
  Rate one_bank() const {
    const memory::Cycle refresh = all_bank_ ? t_.RFC : t_.RFCpb;
    const char* const formula = all_bank_ ? " x (1 - tRFC / tREFI)" : " x (1 - tRFCpb / tREFI)";
    const double up =
        refreshed_ ? 1 - static_cast<double>(refresh) / static_cast<double>(t_.REFI) : 1;
    return latency_bound({1 / static_cast<double>(t_.RC), "1 / tRC"},
                         t_.RP + t_.RCDRD + t_.CL + t_.burst, "tRP + tRCD + CL + burst", up,
                         refreshed_ ? formula : "");
  }

  Rate latency_bound(Rate rate, memory::Cycle latency, const char* formula) const {
    const Rate by_latency = outstanding_over(latency, formula);
    const double bound = by_latency.bursts * available();
    if (bound >= rate.bursts || probe_.pattern.write_percent == 100) return rate;
    return {bound, by_latency.formula + refresh_formula()};
  }
  // The lesser of both, while `up` of the time is left by refreshes.
  Rate latency_bound(const Rate& rate, memory::Cycle latency, const char* formula, double up,
                     const std::string& up_formula) const {
    const Rate by_latency = outstanding_over(latency, formula);
    const bool posted = probe_.pattern.write_percent == 100;
    const Rate& least = posted || rate.bursts <= by_latency.bursts ? rate : by_latency;
    return {least.bursts * up, least.formula + up_formula};
  }
  Rate outstanding_over(memory::Cycle latency, const char* formula) const {
    const double in_flight = static_cast<double>(probe_.in_flight()) / probe_.channels;
    return {in_flight / static_cast<double>(latency),
            "outstanding / (" + std::string(formula) + ")"};
  }

  const DeviceFile& device_;
  const MemoryProbe& probe_;
  const memory::DeviceGeometry& geometry_;
  memory::CycleTiming t_;
  memory::Cycle outage_;  // of a rank, for a refresh
  bool refreshed_;        // while the requests go on
  bool all_bank_;
};

// Whether all is done, at this rate, before anything is refreshed.
bool over_before_refresh(const DeviceFile& device, const MemoryProbe& probe, const Rate& rate) {
  const memory::CycleTiming t(device.device);
  const memory::DeviceGeometry& g = device.device.geometry;
  const bool by_bank = device.controller.refresh == RefreshMode::kPerBank;
  const double first = static_cast<double>(t.REFI) / (by_bank ? g.banks() : g.ranks);
  return static_cast<double>(probe.requests) / probe.channels / rate.bursts < first;
}

}  // namespace

std::optional<ClosedForm> memory_limit(const DeviceFile& device, const MemoryProbe& probe) {
  std::optional<Rate> rate = Limits(device, probe, false).of_pattern();
  if (!rate) return std::nullopt;
  if (!over_before_refresh(device, probe, *rate)) rate = Limits(device, probe, true).of_pattern();
  if (!rate) return std::nullopt;
  const double bytes_per_cycle = rate->bursts * device.device.geometry.burst_bytes();
  const double gb_per_s = bytes_per_cycle * 1e3 / static_cast<double>(device.device.timing.tCK);
  return ClosedForm{gb_per_s * probe.channels, rate->formula};
}

}  // namespace tandem::platform
