// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <ostream>
#include <sstream>

#include "report_fixture.h"
#include "scenario_fixture.h"
#include "tandem/platform/cli.h"
#include "tandem/platform/errors.h"

using namespace tandem::platform;
using tandem::test::consistent_report;
using tandem::test::read_whole;
using tandem::test::ScenarioFixture;
namespace fs = std::filesystem;

namespace {

class CommandFixture : public ScenarioFixture {
 public:
  CommandFixture() {
    file = folder.write("s.yaml", minimal()).string();
    out_folder = (folder.path() / "out").string();
    hooks.run = [this](const Scenario& scenario, RunObserver& observer) {
      ++runs;
      observer.uart("Once upon");
      RunReport report = consistent_report();
      if (scenario.run.timeline.enabled) report.timeline = std::make_unique<Timeline>();
      return report;
    };
    hooks.registers = [](const std::string& format, std::ostream& stream) {
      stream << "as " << format;
      return 0;
    };
  }

  int command(const std::vector<std::string>& arguments) {
    out.str("");
    err.str("");
    return run_command(arguments, "/nowhere/tandem", hooks, {out, err});
  }

  using Timeline = tandem::observe::Timeline;
  std::string file;
  std::string out_folder;
  CommandHooks hooks;
  int runs = 0;
  std::ostringstream out;
  std::ostringstream err;
};

}  // namespace

TEST_CASE_METHOD(CommandFixture, "run writes the results and shows the summary") {
  CHECK(command({"run", file, "--out", out_folder, "--set", "seed=9"}) == 0);
  CHECK(err.str().empty());
  CHECK(out.str().find("Once upon\n") == 0);
  CHECK(out.str().find("tokens per second") != std::string::npos);
  const auto json = nlohmann::json::parse(read_whole(folder.path() / "out/result.json"));
  CHECK(json["seed"] == 9);
  CHECK(read_whole(folder.path() / "out/summary.txt").find("Speed") != std::string::npos);
  CHECK(nlohmann::json::accept(read_whole(folder.path() / "out/timeline.json")));
}

TEST_CASE_METHOD(CommandFixture, "without a timeline there is no timeline.json") {
  CHECK(command({"run", file, "--out", out_folder}) == 0);
  CHECK(command({"run", file, "--out", out_folder, "--set", "run.timeline=off"}) == 0);
  CHECK_FALSE(fs::exists(folder.path() / "out/timeline.json"));
}

TEST_CASE_METHOD(CommandFixture, "serving leaves a line per request, and says when some failed") {
  hooks.run = [](const Scenario& scenario, RunObserver&) {
    RunReport report = consistent_report();
    report.requests.push_back(report.requests[0]);
    report.requests.back().status = "error: NoSpace";
    report.requests.back().times.served = ServedAs::kFailed;
    report.serving = serving_report({report.requests[0].times, report.requests[1].times}, {},
                                    scenario.workload.slo);
    return report;
  };
  CHECK(command({"run", file, "--out", out_folder}) == 0);
  CHECK(err.str() ==
        "warning: 1 of 2 requests failed; requests.csv in the result folder says why\n");
  CHECK(read_whole(folder.path() / "out/requests.csv").find("NoSpace") != std::string::npos);
  CHECK(command({"run", file, "--out", out_folder}) == 0);  // requests.csv is ours: replaced
}

TEST_CASE_METHOD(CommandFixture, "what the platform cannot hold is the scenario's mistake") {
  hooks.run = [](const Scenario&, RunObserver&) {
    RunReport report = consistent_report();
    report.complete = false;
    report.incomplete_reason = "the platform can hold none of the requests";
    report.none_fits = true;
    return report;
  };
  CHECK(command({"run", file, "--out", out_folder}) == 2);
  CHECK(err.str().find("hint: raise platform.dram.capacity") != std::string::npos);
}

TEST_CASE_METHOD(CommandFixture, "what is refused later names the line of its key") {
  std::string message;
  hooks.run = [&](const Scenario&, RunObserver&) -> RunReport { throw UserError(message, "less"); };
  const auto says = [&](const std::string& text, const std::string& expected) {
    message = text;
    err.str("");
    CHECK(command({"run", file, "--out", out_folder, "--set", "policy.max_batch=7"}) == 2);
    CHECK(err.str() == "tandem: " + expected + text + "\n  hint: less\n");
  };
  says("workload.prompts[0]: token 600 is not one", file + ":3:21: ");
  says("policy.max_batch: too many", "--set policy.max_batch=7: ");
  says("policy.kv_layout: impossible", "--set policy.max_batch=7: ");  // the section is only there
  says("the firmware cannot run", file + ": ");
  CHECK(command({"run", file, "--out", out_folder, "--set", "run.record_oracle=/nowhere/x"}) == 2);
  CHECK(err.str().find(
            "tandem: --set run.record_oracle=/nowhere/x: run.record_oracle: cannot write") !=
        std::string::npos);
}

TEST_CASE_METHOD(CommandFixture, "quiet prints nothing") {
  CHECK(command({"run", file, "--quiet", "--no-progress", "--out=" + out_folder}) == 0);
  CHECK(out.str().empty());
  CHECK(err.str().empty());
  CHECK(fs::exists(folder.path() / "out/result.json"));
}

TEST_CASE_METHOD(CommandFixture, "a mistake in the scenario: exit code 2, one line, no results") {
  CHECK(command({"run", file, "--out", out_folder, "--set", "policy.draft.length=99"}) == 2);
  CHECK(err.str() ==
        "tandem: --set policy.draft.length=99: policy.draft.length: expected an integer 1..16, "
        "got '99'\n");
  CHECK(out.str().empty());
  CHECK(runs == 0);
  CHECK_FALSE(fs::exists(out_folder));
}

TEST_CASE_METHOD(CommandFixture, "a place for results that cannot be is found before the run") {
  const std::string place = file + "/out";  // a folder within a file
  CHECK(command({"run", file, "--out", place}) == 2);
  CHECK(err.str().find("tandem: cannot write the results to '" + place + "'") == 0);
  CHECK(err.str().find("  hint: choose another folder with --out DIR") != std::string::npos);
  CHECK(runs == 0);
}

TEST_CASE_METHOD(CommandFixture, "a recorded run is written if it is complete") {
  const std::string record = (folder.path() / "record.csv").string();
  bool complete = true;
  hooks.run = [&](const Scenario& scenario, RunObserver&) {
    ++runs;
    CHECK(scenario.run.record_oracle == record);
    RunReport report = consistent_report();
    report.complete = complete;
    report.oracle_record = "# tandem_oracle: 1\n";
    return report;
  };
  const std::vector<std::string> arguments = {"run",      file,    "--out",
                                              out_folder, "--set", "run.record_oracle=" + record};
  complete = false;
  CHECK(command(arguments) == 1);
  CHECK(err.str().find("run.record_oracle was not written") != std::string::npos);
  CHECK_FALSE(fs::exists(record));
  complete = true;
  CHECK(command(arguments) == 0);
  CHECK(read_whole(record) == "# tandem_oracle: 1\n");
  folder.write("record.csv", "mine");
  runs = 0;
  CHECK(command(arguments) == 2);
  CHECK(err.str().find("it exists and is no recorded run") != std::string::npos);
  CHECK(runs == 0);
  CHECK(read_whole(record) == "mine");
}

TEST_CASE_METHOD(CommandFixture, "what goes wrong in the run leaves no results") {
  SECTION("a mistake of the user") {
    hooks.run = [](const Scenario&, RunObserver& observer) -> RunReport {
      observer.uart("Once");
      throw UserError("w.bin: truncated", "7 bytes");
    };
    CHECK(command({"run", file, "--out", out_folder}) == 2);
    CHECK(err.str() == "tandem: " + file + ": w.bin: truncated\n  hint: 7 bytes\n");
    CHECK(out.str() == "Once\n");
  }
  SECTION("a defect") {
    hooks.run = [](const Scenario&, RunObserver&) -> RunReport {
      throw std::logic_error("queue overrun");
    };
    CHECK(command({"run", file, "--out", out_folder}) == 1);
    CHECK(err.str() == "tandem: internal error: queue overrun\n");
  }
  SECTION("a result against physics") {
    hooks.run = [](const Scenario&, RunObserver&) {
      RunReport report = consistent_report();
      report.utilisations[0].fraction = 2.0;
      return report;
    };
    CHECK(command({"run", file, "--out", out_folder}) == 1);
    CHECK(err.str().find("above its peak") != std::string::npos);
  }
  CHECK_FALSE(fs::exists(out_folder));
}

TEST_CASE_METHOD(CommandFixture, "what the modules refuse carries the scenario's name") {
  hooks.check = [](const Scenario&) { throw UserError("platform.dram: tRAS = 0"); };
  CHECK(command({"check", file}) == 2);
  CHECK(err.str() == "tandem: " + file + ": platform.dram: tRAS = 0\n");
}

TEST_CASE_METHOD(CommandFixture, "check validates, and prints the effective configuration") {
  CHECK(command({"check", file}) == 0);
  CHECK(out.str() == file + ": ok\n");
  CHECK(command({"check", file, "--effective", "--set", "seed=3"}) == 0);
  CHECK(out.str().find("version: 1\nseed: 3\n") == 0);
  CHECK(runs == 0);
  CHECK(command({"check", (folder.path() / "none.yaml").string()}) == 2);
  CHECK(err.str().find("No such file or directory") != std::string::npos);
}

TEST_CASE_METHOD(CommandFixture, "device files: warnings go to standard error, errors end in 2") {
  // include puts a device that comes with the project beneath one changed line.
  const std::string original = TANDEM_SCENARIO_DIR "/hardware/devices/lpddr5_6400.yaml";
  const auto device = [&](const std::string& change) {
    folder.write("mine.yaml", "include: " + original + "\n" + change + "\n");
    return command(
        {"check", file, "--set", "platform.dram.device=" + (folder.path() / "mine.yaml").string()});
  };
  const std::string mine = (folder.path() / "mine.yaml").string();
  CHECK(device("timing: {tRC: 48}") == 0);
  CHECK(err.str() == "warning: " + mine +
                         ":2:15: timing.tRC: 60 ns is less than tRAS + tRP; 61.25 ns is used "
                         "(accept_published: true keeps it)\n");
  CHECK(device("timing: {tRC: 48}\naccept_published: true") == 0);
  CHECK(err.str().empty());
  CHECK(device("timing: {tRP: 0}") == kExitUser);
  CHECK(err.str().find("tandem: " + mine + ":2:15: timing.tRP: is 0") != std::string::npos);
  CHECK(device("geometry: {bank_groups: 3}") == kExitUser);
  CHECK(err.str().find(":2:25: geometry.bank_groups: 3 is not a power of two") !=
        std::string::npos);
  CHECK(device("mapping: RoRaBaCoBgRo") == kExitUser);
  CHECK(err.str().find(":2:10: mapping: 'RoRaBaCoBgRo' has 'Ro' twice, so it is no bijection") !=
        std::string::npos);
}

TEST_CASE_METHOD(CommandFixture,
                 "more capacity than the channels of the device have is a warning") {
  CHECK(command({"check", file, "--set", "platform.dram.capacity=1 TiB"}) == 0);
  CHECK(err.str().find("warning: platform.dram.capacity: 1 TiB is more than the 1 channel of the "
                       "device have, ") == 0);
}

TEST_CASE_METHOD(CommandFixture, "wrong command lines: exit code 2 and the way to the help") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "tandem: which command?"},
      {{"rnu"}, "tandem: unknown command 'rnu'\n  hint: did you mean 'run'?"},
      {{"run"}, "tandem: run: which scenario? give a FILE"},
      {{"run", "a", "b"}, "tandem: too many positional options"},
      {{"run", file, "--gdb", "1234"}, "tandem: --gdb 1234: it names no port"},
      {{"run", file, "--gdb", ":1234"},
       "tandem: --gdb: the firmware of this run is compiled into the simulator "
       "(platform.cpu.form: native)\n  hint: use --set platform.cpu=riscv"},
      {{"run", file, "--sett", "a=b"}, "tandem: unrecognised option '--sett'"},
      {{"run", file, "--qui"}, "tandem: unrecognised option '--qui'"},
      {{"run", file, "--set"}, "tandem: the required argument for option '--set' is missing"},
      {{"run", file, "--set", "x"}, "tandem: --set x: expected KEY=VALUE"},
      {{"serve", "--socket", "x"}, "tandem: serve: which scenario? give a FILE"},
      {{"serve", file}, "tandem: serve: where do clients connect? give --socket PATH"},
      {{"list", "polices"}, "tandem: list: unknown topic 'polices'; expected"},
      {{"registers", "--format", "pdf"}, "tandem: registers: unknown format 'pdf'; expected"},
  };
  for (const auto& [arguments, message] : cases) {
    CAPTURE(message);
    CHECK(command(arguments) == 2);
    CHECK(err.str().find(message) == 0);
    CHECK(out.str().empty());
  }
}

TEST_CASE_METHOD(CommandFixture, "help and version") {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"}, {"-h"}, {"help"}, {"run", "--help"}}) {
    CHECK(command(arguments) == 0);
    CHECK(out.str().find("tandem run scenarios/quickstart.yaml") != std::string::npos);
  }
  CHECK(command({"--version"}) == 0);
  CHECK(out.str().find("tandem ") == 0);
}

TEST_CASE_METHOD(CommandFixture, "list tells what there is") {
  CHECK(command({"list"}) == 0);
  for (const char* word : {"self_speculative", "bsfp_i_shift_add", "lpddr5_6400"}) {
    CHECK(out.str().find(word) != std::string::npos);
  }
  CHECK(command({"list", "keys"}) == 0);
  CHECK(out.str().find("| `policy.draft.length` | integer 1..16 | 4 |") != std::string::npos);
}

TEST_CASE_METHOD(CommandFixture, "registers are printed by whoever knows them") {
  CHECK(command({"registers", "--format", "svd"}) == 0);
  CHECK(out.str() == "as svd");
  CHECK(command({"registers"}) == 0);
  CHECK(out.str() == "as markdown");
}

TEST_CASE_METHOD(CommandFixture, "serve hands on the scenario and the socket") {
  CHECK(command({"serve", file, "--socket", "x"}) == 1);
  CHECK(err.str() == "tandem: internal error: this build has no server linked in\n");
  hooks.serve = [](const Scenario& scenario, const ServeOptions& options, std::ostream& stream) {
    stream << scenario.seed << " " << options.socket.string() << " " << options.quiet;
  };
  CHECK(command({"serve", file, "--socket", "x", "--set", "seed=9", "--quiet"}) == 0);
  CHECK(out.str() == "9 x 1");
  hooks.serve = [](const Scenario&, const ServeOptions&, std::ostream&) {
    throw UserError("--socket x: exists and is not a socket");
  };
  CHECK(command({"serve", file, "--socket", "x"}) == 2);
  CHECK(err.str() == "tandem: --socket x: exists and is not a socket\n");
}

TEST_CASE_METHOD(CommandFixture, "a checkpoint without a name is refused") {
  CHECK(command({"run", file, "--restore", ""}) == 2);
  CHECK(err.str().find("--restore: expected the name of a file") != std::string::npos);
  err.str("");
  CHECK(command({"run", file, "--checkpoint", "", "--checkpoint-at", "1 ms"}) == 2);
  CHECK(err.str().find("--checkpoint: expected the name of a file") != std::string::npos);
}

TEST_CASE_METHOD(CommandFixture, "output that cannot be written is noticed") {
  std::ostream broken(nullptr);
  CHECK(run_command({"--version"}, "", hooks, {broken, err}) == 2);
  CHECK(err.str() == "tandem: cannot write to standard output\n");
}

TEST_CASE_METHOD(CommandFixture, "bring-up with a failing check gives exit code 2 and the lines") {
  hooks.run = [](const Scenario&, RunObserver&) {
    RunReport report = consistent_report();
    report.requests.clear();
    report.bringup =
        read_bringup("[fail] npu.nop: no completion\nbringup: 0 passed, 1 failed, 0 skipped\n");
    report.complete = false;
    report.incomplete_reason = report.bringup->reason();
    report.stopped_by_firmware = true;
    return report;
  };
  CHECK(command({"run", file, "--out", out_folder, "--quiet"}) == 2);
  CHECK(err.str().find("1 of 1 bring-up checks failed") != std::string::npos);
  CHECK(err.str().find("[fail] npu.nop: no completion") != std::string::npos);
  CHECK(read_whole(folder.path() / "out/console.txt").find("[fail] npu.nop") == 0);
}
