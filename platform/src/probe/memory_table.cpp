// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "format.h"
#include "tandem/platform/probe/memory_probe.h"
#include "tandem/platform/probe/tables.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kRequests = 50'000;  // of one burst, per figure

DeviceFile device(const char* name) {
  return read_named_device({name, {}});
}

MemoryProbeResult run(const DeviceFile& file, const std::string& pattern, unsigned outstanding,
                      FidelityLevel fidelity) {
  MemoryProbe probe;
  probe.pattern = parse_pattern(pattern);
  probe.requests = kRequests;
  probe.outstanding = outstanding;
  probe.fidelity = fidelity;
  return probe_memory(file, probe);
}

// --- Points of public simulators -------------------------------------------------------------

struct MemoryPoint {
  const char* device;
  const char* pattern;
  unsigned outstanding;  // 0: the default
  bool is_latency;       // else bandwidth
  double published;
};

// One channel, reads of 64 B, open page, FR-FCFS. DRAMsim3, and its relative in NeuPIMs.
constexpr MemoryPoint kMemoryPoints[] = {
    {"hbm2_dramsim3", "sequential", 0, false, 29.41}, {"hbm2_dramsim3", "random", 0, false, 7.86},
    {"hbm2_dramsim3", "sequential", 1, true, 18.9},   {"hbm2_dramsim3", "random", 1, true, 46.0},
    {"hbm2_neupims", "sequential", 0, false, 28.6},   {"hbm2_neupims", "random", 0, false, 14.8},
};

std::string memory_points() {
  MarkdownTable table({"device", "load", "quantity", "simulator", "command", "difference",
                       "transaction", "difference"},
                      3);
  for (const MemoryPoint& point : kMemoryPoints) {
    const DeviceFile file = device(point.device);
    const auto value = [&](FidelityLevel fidelity) {
      const MemoryProbeResult result = run(file, point.pattern, point.outstanding, fidelity);
      return point.is_latency ? result.latency.mean : result.gb_per_s;
    };
    const double command = value(FidelityLevel::kCommand);
    const double transaction = value(FidelityLevel::kTransaction);
    const int digits = point.is_latency ? 1 : 2;
    table.add({point.device,
               std::string(point.pattern) + (point.outstanding == 1 ? ", one outstanding" : ""),
               point.is_latency ? "mean latency, cycles" : "GB/s", fixed(point.published, digits),
               fixed(command, digits), difference(command, point.published),
               fixed(transaction, digits), difference(transaction, point.published)});
  }
  return table.text();
}

// --- Patterns by devices ---------------------------------------------------------------------

constexpr const char* kDevices[] = {"hbm2_dramsim3", "ddr4_3200",    "lpddr5_6400",
                                    "gddr6_aim",     "hbm2_neupims", "hbm2e",
                                    "hbm3",          "hbm3_attacc",  "hbm_pim"};

struct Load {
  const char* pattern;
  unsigned outstanding;
};
constexpr Load kLoads[] = {{"sequential", 0},   {"sequential-write", 0}, {"random", 0},
                           {"random-write", 0}, {"mixed:33", 0},         {"sequential-mixed:33", 0},
                           {"stride:4096", 0},  {"row-misses", 0},       {"pingpong", 1},
                           {"pingpong", 0}};

// Formulas by number, in the order of their first use.
class Footnotes {
 public:
  std::string mark(const std::string& formula) {
    auto it = std::find(formulas_.begin(), formulas_.end(), formula);
    if (it == formulas_.end()) it = formulas_.insert(it, formula);
    return "(" + std::to_string(it - formulas_.begin() + 1) + ")";
  }
  std::string text() const {
    std::string text;
    for (std::size_t i = 0; i < formulas_.size(); ++i) {
      text += "- (" + std::to_string(i + 1) + ") " + formulas_[i] + "\n";
    }
    return text;
  }

 private:
  std::vector<std::string> formulas_;
};

std::string memory_patterns() {
  MarkdownTable table({"device", "pattern", "limit", "command", "to limit", "row hits",
                       "latency p50 / p99", "transaction", "to command"},
                      2);
  Footnotes notes;
  for (const char* name : kDevices) {
    const DeviceFile file = device(name);
    for (const Load& load : kLoads) {
      const MemoryProbeResult command =
          run(file, load.pattern, load.outstanding, FidelityLevel::kCommand);
      const MemoryProbeResult transaction =
          run(file, load.pattern, load.outstanding, FidelityLevel::kTransaction);
      const std::optional<ClosedForm>& limit = command.limit;
      table.add(
          {name, std::string(load.pattern) + (load.outstanding == 1 ? ", one outstanding" : ""),
           limit ? fixed(limit->gb_per_s, 2) + " " + notes.mark(limit->formula) : "",
           fixed(command.gb_per_s, 2), limit ? difference(command.gb_per_s, limit->gb_per_s) : "",
           fixed(100 * command.row_hit_rate, 1) + " %",
           grouped(command.latency.p50) + " / " + grouped(command.latency.p99),
           fixed(transaction.gb_per_s, 2), difference(transaction.gb_per_s, command.gb_per_s)});
    }
  }
  return table.text() + '\n' + notes.text();
}

}  // namespace

std::string memory_table() {
  return memory_points() + '\n' + memory_patterns();
}

}  // namespace tandem::platform
