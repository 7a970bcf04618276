// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/probe/probe_command.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <ostream>
#include <sstream>

#include "command_line.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"
#include "tandem/platform/probe/probe_report.h"
#include "tandem/platform/probe/tables.h"
#include "text.h"

namespace tandem::platform {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(Characterise a DRAM device before building on it.

Usage
  tandem probe memory --device FILE [options]   one pattern of ordinary requests
  tandem probe pim --device FILE [options]      tiles for the computing banks of one channel
  tandem probe table TOPIC [--into FILE]        validation in Markdown: memory, pim or contention;
                                                in FILE, between '<!-- tandem probe table TOPIC -->'
                                                and '<!-- end -->'
  tandem probe picture contention               single and dual row buffers under load, as SVG

FILE is a path, or the name of a device that 'tandem list devices' shows.

Options of memory
  --pattern P         sequential        burst after burst
                      sequential-write
                      sequential-mixed:PERCENT   of writes, drawn at random
                      random            bursts from the whole capacity
                      random-write
                      mixed:PERCENT     random, PERCENT of writes
                      stride:BYTES      each time round begins one burst later
                      pingpong          two rows of one bank in turn
                      row-misses        one bank, another row each time
                      default sequential
  --requests N        of one burst; default 1000000
  --outstanding N     in flight, all channels together; default 128 per channel
  --channels N        a power of two; default 1
  --fidelity F        command (default) or transaction
  --seed S            of what is drawn; default 1
  --check             the timing checker replays every command; exit code 1 if it objects
  --log FILE          every command, as text; with several channels FILE.0, FILE.1, ...
  --json              the same results as JSON

Options of pim
  --tiles N           rows of every bank to be multiplied; default 1
  --macs M            columns of a run, which ends with its result; default 8
  --composites C      runs of a tile; default 4
  --writes W          rows copied to the global buffer first; default 1
  --reads R           ordinary reads of one burst beside it, one after the other; default 0
  --row-buffer B      single or dual; default the device's
  --commands F        composite: a command per run, raw: a command per column and per result;
                      default composite with dual row buffers, else raw
  --check, --log FILE, --json   as above

Examples
  tandem probe memory --device hbm2_neupims --pattern random --check
  tandem probe memory --device ./mine.yaml --pattern mixed:30 --outstanding 32 --json
  tandem probe pim --device hbm2_neupims --tiles 64 --reads 4000 --row-buffer single
)";

constexpr const char* kSeeHelp = "'tandem probe --help' shows the options with examples";

std::uint64_t count_of(const po::variables_map& values, const char* name, std::uint64_t least,
                       std::uint64_t most) {
  const std::string text = values[name].as<std::string>();
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < least || value > most) {
    throw UserError("--" + std::string(name) + " " + printable(text) + ": expected a number " +
                        std::to_string(least) + ".." + std::to_string(most),
                    kSeeHelp);
  }
  return value;
}

template <typename Enum>
Enum choice_of(const po::variables_map& values, const char* name) {
  const std::string text = values[name].as<std::string>();
  std::vector<std::string> words;
  for (const Choice& choice : choices<Enum>()) {
    if (text == choice.name) return static_cast<Enum>(words.size());
    words.emplace_back(choice.name);
  }
  throw UserError("--" + std::string(name) + " " + printable(text) + ": expected " + join_or(words),
                  kSeeHelp);
}

// The device as a file; empty if it is a name, or missing.
std::filesystem::path file_of(const po::variables_map& values) {
  if (values.count("device") == 0) return {};
  const std::filesystem::path path = values["device"].as<std::string>();
  return path.has_parent_path() || path.extension() == ".yaml" ? path : std::filesystem::path();
}

DeviceFile device_of(const po::variables_map& values, const char* topic) {
  if (values.count("device") == 0) {
    throw UserError("probe " + std::string(topic) + ": which device? give --device FILE",
                    "'tandem list devices' shows those that come with Tandem");
  }
  NamedFile file;
  file.path = file_of(values);
  if (file.path.empty()) file.name = values["device"].as<std::string>();
  return read_named_device(file);
}

po::typed_value<std::string>* text_value(const char* standard) {
  return po::value<std::string>()->default_value(standard);
}

void add_common(po::options_description& options) {
  options.add_options()("device", po::value<std::string>())("check", "")(
      "log", po::value<std::string>())("json", "");
}

constexpr std::uint64_t kMostRequests = 1'000'000'000;
constexpr std::uint64_t kMostOutstanding = 1'000'000;
constexpr std::uint64_t kMostChannels = 256;

template <typename Probe, typename Result>
int print(const po::variables_map& values, const DeviceFile& device, const Probe& probe,
          const Result& result, std::ostream& out) {
  if (values.count("json") != 0) {
    out << to_json(device, probe, result).dump(2) << '\n';
  } else {
    for (const std::string& warning : device.warnings) out << "warning: " << warning << '\n';
    out << to_text(device, probe, result);
  }
  return result.violations.value_or(0) == 0 ? kExitOk : kExitInternal;
}

int probe_memory_command(const std::vector<std::string>& arguments, std::ostream& out) {
  po::options_description options;
  add_common(options);
  options.add_options()("pattern", text_value("sequential"))("requests", text_value("1000000"))(
      "outstanding", po::value<std::string>())("channels", text_value("1"))(
      "fidelity", text_value("command"))("seed", text_value("1"));
  const po::variables_map values = parse_command_line(arguments, options, nullptr, kSeeHelp);
  MemoryProbe probe;
  probe.device_file = file_of(values);
  probe.pattern = parse_pattern(values["pattern"].as<std::string>());
  probe.requests = count_of(values, "requests", 1, kMostRequests);
  if (values.count("outstanding") != 0) {
    probe.outstanding = static_cast<unsigned>(count_of(values, "outstanding", 1, kMostOutstanding));
  }
  probe.channels = static_cast<unsigned>(count_of(values, "channels", 1, kMostChannels));
  probe.fidelity = choice_of<FidelityLevel>(values, "fidelity");
  probe.seed = count_of(values, "seed", 0, std::numeric_limits<std::uint64_t>::max());
  probe.check = values.count("check") != 0;
  if (values.count("log") != 0) probe.log = values["log"].as<std::string>();
  const DeviceFile device = device_of(values, "memory");
  return print(values, device, probe, probe_memory(device, probe), out);
}

PimCommands commands_of(const std::string& text) {
  if (text == "composite") return PimCommands::kComposite;
  if (text == "raw") return PimCommands::kRaw;
  throw UserError("--commands " + printable(text) + ": expected composite or raw", kSeeHelp);
}

int probe_pim_command(const std::vector<std::string>& arguments, std::ostream& out) {
  po::options_description options;
  add_common(options);
  options.add_options()("tiles", text_value("1"))("macs", text_value("8"))(
      "composites", text_value("4"))("writes", text_value("1"))("reads", text_value("0"))(
      "row-buffer", po::value<std::string>())("commands", po::value<std::string>());
  const po::variables_map values = parse_command_line(arguments, options, nullptr, kSeeHelp);
  PimProbe probe;
  probe.device_file = file_of(values);
  probe.tiles = count_of(values, "tiles", 1, 1'000'000);
  probe.macs = static_cast<unsigned>(count_of(values, "macs", 1, 65'535));
  probe.composites = static_cast<unsigned>(count_of(values, "composites", 1, 65'535));
  probe.writes = count_of(values, "writes", 0, 1'000'000);
  probe.reads = count_of(values, "reads", 0, kMostRequests);
  if (values.count("row-buffer") != 0)
    probe.row_buffer = choice_of<RowBuffer>(values, "row-buffer");
  if (values.count("commands") != 0) {
    probe.commands = commands_of(values["commands"].as<std::string>());
  }
  probe.check = values.count("check") != 0;
  if (values.count("log") != 0) probe.log = values["log"].as<std::string>();
  const DeviceFile device = device_of(values, "pim");
  return print(values, device, probe, probe_pim(device, probe), out);
}

using Printer = std::string (*)();
struct Printable {
  const char* topic;
  Printer print;
};

// Replaces what stands between the markers of `command`.
void write_into(const std::string& file, const std::string& command, const std::string& content) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream read;
  read << in.rdbuf();
  std::string text = read.str();
  const std::string begin = "<!-- " + command + " -->\n";
  const std::string end = "<!-- end -->";
  const std::size_t from = text.find(begin);
  const std::size_t to = from == std::string::npos ? from : text.find(end, from);
  if (!in || to == std::string::npos) {
    throw UserError("--into " + printable(file) + ": expected a file with the lines '<!-- " +
                    command + " -->' and '" + end + "'");
  }
  text.replace(from + begin.size(), to - from - begin.size(), content);
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.flush();
  if (!out) throw UserError("--into " + printable(file) + ": cannot write it");
}

int print_topic(const std::vector<std::string>& arguments, const std::string& what,
                const std::vector<Printable>& topics, std::ostream& out) {
  po::options_description options;
  options.add_options()("into", po::value<std::string>());
  const po::variables_map values = parse_command_line(arguments, options, "topic", kSeeHelp);
  const std::string topic = values.count("topic") != 0 ? values["topic"].as<std::string>() : "";
  std::vector<std::string> words;
  for (const Printable& entry : topics) {
    words.emplace_back(entry.topic);
    if (topic != entry.topic) continue;
    if (values.count("into") != 0) {
      std::string marker = "tandem probe ";
      marker.append(what).append(" ").append(topic);
      write_into(values["into"].as<std::string>(), marker, entry.print());
    } else {
      out << entry.print();
    }
    return kExitOk;
  }
  throw UserError(
      "probe " + what + ": unknown topic '" + printable(topic) + "'; expected " + join_or(words),
      kSeeHelp);
}

}  // namespace

int run_probe(const std::vector<std::string>& arguments, std::ostream& out) {
  const auto asks_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (std::any_of(arguments.begin(), arguments.end(), asks_help)) {
    out << kHelp;
    return kExitOk;
  }
  if (arguments.empty())
    throw UserError("probe: of what? expected memory, pim, table or picture", kSeeHelp);
  const std::string& topic = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (topic == "memory") return probe_memory_command(rest, out);
  if (topic == "pim") return probe_pim_command(rest, out);
  if (topic == "table") {
    return print_topic(
        rest, topic,
        {{"memory", memory_table}, {"pim", pim_table}, {"contention", contention_table}}, out);
  }
  if (topic == "picture")
    return print_topic(rest, topic, {{"contention", contention_picture}}, out);
  throw UserError(
      "probe: unknown topic '" + printable(topic) + "'; expected memory, pim, table or picture",
      kSeeHelp);
}

}  // namespace tandem::platform
