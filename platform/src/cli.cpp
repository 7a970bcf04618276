// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/cli.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <ostream>
#include <string_view>

#include "cli_list.h"
#include "command_line.h"
#include "debug/server.h"
#include "oracle/oracle_recorder.h"
#include "register_names.h"
#include "tandem/platform/checkpoint.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"
#include "tandem/platform/progress.h"
#include "tandem/platform/result_folder.h"
#include "tandem/platform/scenario_loader.h"
#include "tandem/platform/units.h"
#include "text.h"
#include "validate/validate_command.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(Tandem: a virtual platform of an LLM accelerator that decodes speculatively.

Usage
  tandem run FILE [options]     simulate a scenario and write its results
  tandem check FILE [options]   validate a scenario without running it
  tandem serve FILE [options]   let another process drive the platform over a Unix socket
  tandem validate [SYSTEM ...]  published figures beside ours; 'tandem validate --help' has the options
  tandem list [TOPIC]           scenarios, hardware, devices, models, published, policies, formats,
                                keys, device-keys
  tandem registers [NAME]       print the hardware-software contract, or what a register or block is
  tandem probe TOPIC [options]  characterise a DRAM device; 'tandem probe --help' has the options
  tandem --help | --version

Options of run, check and serve
  --set KEY=VALUE   override one key with a YAML value; may be repeated, later wins
  --timeout TIME    (run) end the run as incomplete after a time of the host, such as 30s, or, with
                    simulated=5ms, of the simulation; run.max_wall_time, run.max_simulated_time
  --log MODULE=LEVEL  (run) write access.log: off, error, info or access, of a module (run.log); without
                    MODULE= of all of them; may be repeated
  --registers NAMES@TIME  (run) show registers as they are at a time, such as npu.STATUS,npu.SQ_*@10us
  --out DIR         (run) result folder, replaced if it holds results; default out/NAME
  --gdb ADDRESS     (run) wait for gdb at :PORT, HOST:PORT or /SOCKET and let it debug the firmware,
                    which must run on the RISC-V core: --set platform.cpu=riscv
  --no-progress     (run) no progress line
  --quiet           (run, serve) print nothing but errors; serve: and the UART's text
  --checkpoint FILE     (run) save the state in FILE; the run goes on
  --checkpoint-at TIME  (run) at the first quiescent moment from then on, for instance '2 ms'
  --restore FILE    (run) go on from there, with the scenario and the options of that run
  --effective       (check) print every key with its final value
  --socket PATH     (serve) where clients connect; the owner alone may

Options of registers
  NAME              such as npu, npu.CONTROL, npu.SQ_*
  --format F        markdown, c-header, svd or json; default markdown

Examples
  tandem run scenarios/quickstart.yaml
  tandem run scenarios/quickstart.yaml --set policy.draft.length=8 --out out/length8
  tandem run scenarios/quickstart.yaml --set platform.cpu=riscv --gdb :1234
  tandem run scenarios/quickstart.yaml --set 'platform.dram.channels=2' --set seed=7
  tandem check scenarios/quickstart.yaml --effective
  tandem serve scenarios/quickstart.yaml --socket tandem.socket
  tandem registers --format c-header > tandem_registers.h
  tandem probe memory --device hbm2_neupims --pattern random

Results
  DIR/result.json     statistics with units, effective configuration, tokens
  DIR/summary.txt     what an architect wants first
  DIR/requests.csv    a line per request, if there are several
  DIR/console.txt     what bring-up said over the UART
  DIR/access.log, registers.txt  what --log and --registers ask for
  DIR/timeline.json   open it in https://ui.perfetto.dev

Exit code: 0 success, 1 a defect of Tandem, 2 a mistake in what it was given.
)";

constexpr const char* kSeeHelp = "'tandem --help' shows the commands with examples";

po::variables_map parse(const std::vector<std::string>& arguments,
                        const po::options_description& options, const char* positional_name) {
  return parse_command_line(arguments, options, positional_name, kSeeHelp);
}

void add_overrides(po::options_description& options) {
  options.add_options()("set", po::value<std::vector<std::string>>()->composing());
}

// "platform.sram.size: too small" begins with a key, "workload.prompts[3]: ..." too.
std::string key_of(const std::string& message) {
  const std::string key =
      message.substr(0, message.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_."));
  const bool is_key = key.size() < message.size() &&
                      (message.compare(key.size(), 2, ": ") == 0 || message[key.size()] == '[');
  return is_key ? key : std::string();
}

// What modules, model or firmware refuse has no line; it gets that of the key that it begins with,
// or the scenario's name.
template <typename Function>
auto naming_the_file(const Scenario& scenario, Function function) {
  try {
    return function();
  } catch (const ScenarioError&) {
    throw;  // names its place
  } catch (const UserError& error) {
    if (std::string_view(error.what()).substr(0, 2) == "--") throw;  // an option, not the scenario
    const std::string key = key_of(error.what());
    std::string place;
    if (!key.empty() && scenario.place_of) place = scenario.place_of(key);
    if (place.empty()) place = printable_path(scenario.file);
    throw UserError(place + ": " + error.what(), error.hint());
  }
}

// "30s" or "wall=30s", and "simulated=5ms".
std::string timeout_override(const std::string& limit) {
  const std::size_t equals = limit.find('=');
  const std::string kind = equals == std::string::npos ? "wall" : limit.substr(0, equals);
  if (kind != "wall" && kind != "simulated") {
    throw UserError("--timeout " + printable(limit) +
                    ": expected a time, wall=TIME or simulated=TIME");
  }
  const std::string time = equals == std::string::npos ? limit : limit.substr(equals + 1);
  return (kind == "wall" ? "run.max_wall_time=" : "run.max_simulated_time=") + time;
}

// "npu=access", or "access" of all modules.
void add_log_overrides(const std::string& log, std::vector<std::string>& overrides) {
  if (log.find('=') != std::string::npos) {
    overrides.push_back("run.log." + log);
    return;
  }
  const ChoiceList modules = choices<LogModule>();
  for (std::size_t i = 0; i < kLogModules; ++i) {
    overrides.push_back("run.log." + std::string(modules.data[i].name) + "=" + log);
  }
}

std::string registers_override(const std::vector<std::string>& views) {
  std::string all;
  for (const std::string& view : views) all += (all.empty() ? "" : "; ") + view;
  return "run.registers='" + all + "'";
}

Scenario load(const po::variables_map& values, const char* command, const CommandHooks& hooks,
              const CommandStreams& streams) {
  if (values.count("file") == 0) {
    throw UserError(std::string(command) + ": which scenario? give a FILE", kSeeHelp);
  }
  std::vector<std::string> overrides;
  if (values.count("set") != 0) overrides = values["set"].as<std::vector<std::string>>();
  if (values.count("timeout") != 0) {
    for (const std::string& limit : values["timeout"].as<std::vector<std::string>>()) {
      overrides.push_back(timeout_override(limit));
    }
  }
  if (values.count("log") != 0) {
    for (const std::string& log : values["log"].as<std::vector<std::string>>()) {
      add_log_overrides(log, overrides);
    }
  }
  if (values.count("registers") != 0) {
    overrides.push_back(registers_override(values["registers"].as<std::vector<std::string>>()));
  }
  const std::string file = values["file"].as<std::string>();
  Scenario scenario = load_scenario(file, overrides);
  for (const std::string& warning : scenario.warnings) {
    streams.err << "warning: " << warning << '\n';
  }
  if (hooks.check) {
    naming_the_file(scenario, [&] { hooks.check(scenario); });
  }
  return scenario;
}

std::vector<ResultFile> result_files(const Scenario& scenario, const RunReport& report,
                                     const WallTime& wall, const std::string& summary) {
  using Json = nlohmann::ordered_json;
  const Json result = result_json(scenario, report, wall);
  std::vector<ResultFile> files;
  files.push_back({"result.json", result.dump(2, ' ', false, Json::error_handler_t::replace)});
  files.back().content.append(1, '\n');
  files.push_back({"summary.txt", summary});
  if (report.serving) files.push_back({"requests.csv", requests_csv(report)});
  const std::string& console = report.bringup ? report.bringup->console : report.console;
  if (report.bringup || !console.empty()) files.push_back({"console.txt", console});
  if (scenario.run.log.enabled()) files.push_back({"access.log", report.access_log});
  if (!report.registers.empty()) {
    files.push_back({"registers.txt", registers_text(report)});
    files.push_back({"registers.json", registers_json(report).dump(2) + "\n"});
  }
  if (report.timeline) files.push_back({"timeline.json", report.timeline->to_json()});
  return files;
}

CheckpointPlan checkpoint_plan(const po::variables_map& values) {
  CheckpointPlan plan;
  for (const char* option : {"restore", "checkpoint"}) {
    if (values.count(option) == 0 || !values[option].as<std::string>().empty()) continue;
    throw UserError(std::string("--") + option + ": expected the name of a file, got nothing",
                    kSeeHelp);
  }
  if (values.count("restore") != 0) plan.restore = values["restore"].as<std::string>();
  if (values.count("checkpoint") != values.count("checkpoint-at")) {
    throw UserError("--checkpoint FILE and --checkpoint-at TIME go together", kSeeHelp);
  }
  if (values.count("checkpoint") == 0) return plan;
  plan.save = values["checkpoint"].as<std::string>();
  try {
    plan.save_at_ps = parse_quantity(values["checkpoint-at"].as<std::string>(), Quantity::kTime);
  } catch (const UnitError& error) {
    throw UserError(std::string("--checkpoint-at: ") + error.what());
  }
  check_checkpoint_target(plan.save);
  return plan;
}

// The result folder is replaced as a whole, and holds results only.
void refuse_inside(const fs::path& folder, const fs::path& file, const std::string& asked_by) {
  const auto whole = [](const fs::path& path) { return fs::weakly_canonical(fs::absolute(path)); };
  const fs::path inside = whole(file).lexically_relative(whole(folder));
  if (inside.empty() || *inside.begin() == "..") return;
  throw UserError(asked_by + ": '" + printable_path(file) + "' lies in the result folder '" +
                      printable_path(folder) + "', which holds results only",
                  "write it somewhere else");
}

// Throws UserError if gdb would find nobody there.
std::string gdb_address(const std::string& text, const Scenario& scenario) {
  debug::parse_address(text);
  if (scenario.platform.cpu.form == CpuForm::kRiscv) return text;
  throw UserError(
      "--gdb: the firmware of this run is compiled into the simulator "
      "(platform.cpu.form: native)",
      "use --set platform.cpu=riscv, or gdb on tandem itself");
}

int run(const std::vector<std::string>& arguments, const CommandHooks& hooks,
        const CommandStreams& streams) {
  po::options_description options;
  add_overrides(options);
  options.add_options()("timeout", po::value<std::vector<std::string>>()->composing());
  options.add_options()("gdb", po::value<std::string>());
  options.add_options()("log", po::value<std::vector<std::string>>()->composing());
  options.add_options()("registers", po::value<std::vector<std::string>>()->composing());
  options.add_options()("out", po::value<std::string>())("no-progress", "")("quiet", "");
  options.add_options()("checkpoint", po::value<std::string>())(
      "checkpoint-at", po::value<std::string>())("restore", po::value<std::string>());
  const po::variables_map values = parse(arguments, options, "file");
  Scenario scenario = load(values, "run", hooks, streams);
  scenario.checkpoint = checkpoint_plan(values);
  if (values.count("gdb") != 0) {
    scenario.gdb = gdb_address(values["gdb"].as<std::string>(), scenario);
  }
  const fs::path folder = values.count("out") != 0 ? fs::path(values["out"].as<std::string>())
                                                   : fs::path("out") / scenario.file.stem();
  check_result_folder(folder);
  if (!scenario.checkpoint.save.empty()) {
    refuse_inside(folder, scenario.checkpoint.save, "--checkpoint");
  }
  if (!scenario.run.record_oracle.empty()) {
    refuse_inside(folder, scenario.run.record_oracle, "run.record_oracle");
  }
  if (!scenario.run.record_oracle.empty()) {
    naming_the_file(scenario, [&] { check_oracle_target(scenario.run.record_oracle); });
  }
  if (scenario.platform.cpu.form == CpuForm::kNative && !scenario.platform.cpu.riscv.elf.empty()) {
    streams.err << "warning: platform.cpu.riscv.elf is not run: platform.cpu.form is native\n";
  }
  if (!hooks.run) {
    throw InternalError("this build has no simulation linked in: it can only check scenarios");
  }

  const bool quiet = values.count("quiet") != 0;
  const bool show_progress = streams.err_is_terminal && !quiet && scenario.run.progress &&
                             values.count("no-progress") == 0;
  ConsoleObserver observer(streams.out, streams.err, {!quiet, show_progress});
  const auto start = std::chrono::steady_clock::now();
  RunReport report = [&] {
    try {
      return naming_the_file(scenario, [&] { return hooks.run(scenario, observer); });
    } catch (...) {
      observer.finish();  // the message gets a line of its own
      throw;
    }
  }();
  observer.finish();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  check_physics(scenario, report);
  const std::string summary = summary_text(scenario, report);
  write_result_folder(folder, result_files(scenario, report, {elapsed.count()}, summary));
  if (report.complete && !report.oracle_record.empty()) {
    write_oracle_record(scenario.run.record_oracle, report.oracle_record);
  }
  if (!quiet) {
    streams.out << '\n' << summary << "\nresults in " << folder.string() << '\n';
  }
  if (!quiet && !scenario.checkpoint.save.empty() && report.no_checkpoint.empty()) {
    streams.out << "checkpoint in " << scenario.checkpoint.save.string() << '\n';
  }
  if (!quiet && report.access_log_dropped > 0) {
    streams.out << "access.log is cut short: " << report.access_log_dropped
                << " lines were dropped; raise run.log.max_size, or lower some level\n";
  }
  if (!quiet && report.timeline && report.timeline->dropped() != 0) {
    streams.out << "timeline.json is cut short: " << report.timeline->dropped()
                << " events were dropped; raise run.timeline.max_events, or narrow its window\n";
  }
  if (report.serving && report.serving->failed > 0) {
    streams.err << "warning: " << report.serving->failed << " of " << report.requests.size()
                << " requests failed; requests.csv in the result folder says why\n";
  }
  if (!report.no_checkpoint.empty()) {
    streams.err << "tandem: no checkpoint was written: " << report.no_checkpoint << '\n';
  }
  if (report.complete) return report.no_checkpoint.empty() ? kExitOk : kExitUser;
  streams.err << "tandem: the run is incomplete: " << report.incomplete_reason << '\n';
  if (report.bringup) {
    for (const std::string& failure : report.bringup->failures) {
      streams.err << "  [fail] " << failure << '\n';
    }
  }
  if (!report.oracle_record.empty()) {
    streams.err << "  hint: run.record_oracle was not written, it holds complete runs only\n";
  }
  if (report.none_fits) {
    streams.err << "  hint: raise platform.dram.capacity, or ask for shorter prompts and answers\n";
  }
  const bool by_user = report.stopped_by_limit || report.stopped_by_firmware || report.none_fits ||
                       scenario.faults.present;
  return by_user ? kExitUser : kExitInternal;
}

int check(const std::vector<std::string>& arguments, const CommandHooks& hooks,
          const CommandStreams& streams) {
  po::options_description options;
  add_overrides(options);
  options.add_options()("effective", "");
  const po::variables_map values = parse(arguments, options, "file");
  const Scenario scenario = load(values, "check", hooks, streams);
  if (hooks.start) {
    naming_the_file(scenario, [&] { hooks.start(scenario); });
  }
  if (values.count("effective") != 0) {
    streams.out << to_yaml(effective_configuration(scenario));
  } else {
    streams.out << scenario.file.string() << ": ok\n";
  }
  return kExitOk;
}

int serve(const std::vector<std::string>& arguments, const CommandHooks& hooks,
          const CommandStreams& streams) {
  po::options_description options;
  add_overrides(options);
  options.add_options()("socket", po::value<std::string>())("quiet", "");
  const po::variables_map values = parse(arguments, options, "file");
  if (values.count("socket") == 0) {
    throw UserError("serve: where do clients connect? give --socket PATH", kSeeHelp);
  }
  const Scenario scenario = load(values, "serve", hooks, streams);
  if (!hooks.serve) throw InternalError("this build has no server linked in");
  const ServeOptions chosen{values["socket"].as<std::string>(), values.count("quiet") != 0};
  naming_the_file(scenario, [&] { hooks.serve(scenario, chosen, streams.out); });
  return kExitOk;
}

int list(const std::vector<std::string>& arguments, const fs::path& program,
         const CommandStreams& streams) {
  const po::variables_map values = parse(arguments, {}, "topic");
  list_topic(values.count("topic") != 0 ? values["topic"].as<std::string>() : "", program,
             streams.out);
  return kExitOk;
}

int registers(const std::vector<std::string>& arguments, const CommandHooks& hooks,
              const CommandStreams& streams) {
  po::options_description options;
  options.add_options()("format", po::value<std::string>()->default_value("markdown"));
  const po::variables_map values = parse(arguments, options, "name");
  if (values.count("name") != 0) {
    if (!values["format"].defaulted()) {
      throw UserError("registers: --format is of the whole contract, a NAME is for people");
    }
    streams.out << describe_registers(values["name"].as<std::string>());
    return kExitOk;
  }
  const std::string format = values["format"].as<std::string>();
  const std::vector<std::string> formats = {"markdown", "c-header", "svd", "json"};
  if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
    throw UserError("registers: unknown format '" + printable(format) + "'; expected " +
                    join_or(formats));
  }
  if (!hooks.registers) throw InternalError("this build has no register printer linked in");
  return hooks.registers(format, streams.out);
}

int dispatch(const std::vector<std::string>& arguments, const fs::path& program,
             const CommandHooks& hooks, const CommandStreams& streams) {
  if (arguments.empty()) throw UserError("which command?", kSeeHelp);
  const std::string& command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "probe") {
    if (!hooks.probe) throw InternalError("this build has no probes linked in");
    return hooks.probe(rest, streams.out);
  }
  if (command == "validate") return run_validate(rest, program, streams);
  for (const std::string& argument : arguments) {
    if (argument != "--help" && argument != "-h" && command != "help") continue;
    streams.out << kHelp;
    return kExitOk;
  }
  if (command == "--version") {
    streams.out << "tandem " << TANDEM_VERSION << '\n';
    return kExitOk;
  }
  if (command == "run") return run(rest, hooks, streams);
  if (command == "check") return check(rest, hooks, streams);
  if (command == "serve") return serve(rest, hooks, streams);
  if (command == "list") return list(rest, program, streams);
  if (command == "registers") return registers(rest, hooks, streams);
  const std::string meant =
      nearest(command, {"run", "check", "serve", "list", "registers", "probe", "validate"});
  throw UserError("unknown command '" + printable(command) + "'",
                  meant.empty() ? kSeeHelp : "did you mean '" + meant + "'?");
}

}  // namespace

int run_command(const std::vector<std::string>& arguments, const fs::path& program,
                const CommandHooks& hooks, const CommandStreams& streams) {
  try {
    const int code = dispatch(arguments, program, hooks, streams);
    streams.out.flush();
    if (!streams.out) throw UserError("cannot write to standard output");
    return code;
  } catch (const UserError& error) {
    streams.err << "tandem: " << error.what() << '\n';
    if (!error.hint().empty()) streams.err << "  hint: " << error.hint() << '\n';
    return kExitUser;
  } catch (const std::exception& error) {
    streams.err << "tandem: internal error: " << error.what() << '\n';
    return kExitInternal;
  }
}

}  // namespace tandem::platform
