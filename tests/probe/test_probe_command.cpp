// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tandem/memory/command_log.h"
#include "tandem/memory/timing_checker.h"
#include "tandem/platform/cli.h"
#include "tandem/platform/probe/probe_command.h"
#include "tandem/test/devices.h"
#include "temporary_folder.h"

using namespace tandem::platform;
using Json = nlohmann::json;

namespace {

struct Command {
  int operator()(std::vector<std::string> arguments) {
    out.str("");
    err.str("");
    CommandHooks hooks;
    hooks.probe = run_probe;
    arguments.insert(arguments.begin(), "probe");
    return run_command(arguments, "/nowhere/tandem", hooks, {out, err});
  }
  Json json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    REQUIRE((*this)(std::move(arguments)) == 0);
    return Json::parse(out.str());
  }

  std::ostringstream out;
  std::ostringstream err;
};

std::string device_path(const std::string& name) {
  return std::string(TANDEM_TEST_DEVICES "/") + name + ".yaml";
}

}  // namespace

TEST_CASE("JSON of a memory probe") {
  Command command;
  for (const std::string fidelity : {"command", "transaction"}) {
    CAPTURE(fidelity);
    const Json json = command.json({"memory", "--device", device_path("hbm2_dramsim3"), "--pattern",
                                    "mixed:25", "--requests", "5000", "--outstanding", "32",
                                    "--channels", "2", "--fidelity", fidelity, "--seed", "4"});
    CHECK(json["probe"] == "memory");
    CHECK(json["device"] == "hbm2_dramsim3");
    CHECK(json["device_file"] == device_path("hbm2_dramsim3"));
    CHECK(json["pattern"] == "mixed:25");
    CHECK(json["fidelity"] == fidelity);
    CHECK(json["requests"] == 5000);
    CHECK(json["outstanding"] == 32);
    CHECK(json["channels"] == 2);
    CHECK(json["seed"] == 4);
    CHECK(json["cycles"].get<std::uint64_t>() * json["tck_ps"].get<std::uint64_t>() ==
          json["time_ps"].get<std::uint64_t>());
    CHECK(json["gb_per_s"].get<double>() ==
          Approx(json["bytes"].get<double>() * 1e3 / json["time_ps"].get<double>()));
    CHECK(json["peak_gb_per_s"] == 64.0);
    CHECK(json["limit_gb_per_s"].is_null());
    for (const char* key : {"mean", "p50", "p95", "p99", "max"}) {
      CHECK(json["latency_cycles"][key].get<double>() > 0);
      CHECK(json["latency_ns"][key].get<double>() ==
            Approx(json["latency_cycles"][key].get<double>()));  // tCK is 1 ns
    }
    CHECK(json["row_hits"].is_number_unsigned());
    CHECK(json["row_hit_rate"].is_number_float());
    CHECK(json["commands"]["RD"].get<std::uint64_t>() > 3'500);
    CHECK(json["commands"]["ACT"].get<std::uint64_t>() > 0);
    CHECK(json["energy_pj"]["total"].get<double>() > 0);
    CHECK(json["energy_pj"]["read"].get<double>() > 0);
    CHECK(json["energy_sources"]["read"].get<std::string>().find("DRAMsim3") != std::string::npos);
    CHECK(json["requests_per_wall_s"].get<double>() > 0);
    CHECK(json["violations"].is_null());
  }
}

TEST_CASE("JSON of a PIM probe") {
  Command command;
  const Json json = command.json({"pim", "--device", device_path("hbm2_neupims"), "--tiles", "4",
                                  "--macs", "8", "--composites", "4", "--writes", "1", "--reads",
                                  "100", "--row-buffer", "single", "--commands", "raw", "--check"});
  CHECK(json["probe"] == "pim");
  CHECK(json["row_buffer"] == "single");
  CHECK(json["command_form"] == "raw");
  CHECK(json["pim_cycles"] == 944);
  CHECK(json["cycles"].get<std::uint64_t>() >= 944);
  CHECK(json["cycles"].get<std::uint64_t>() >= json["read_cycles"].get<std::uint64_t>());
  CHECK(json["cycles_per_tile"] == 236.0);
  CHECK(json["gb_per_s"].get<double>() <= json["peak_gb_per_s"].get<double>());
  CHECK(json["read_gb_per_s"].get<double>() > 0);
  CHECK(json["commands"]["COMP"] == 128);
  CHECK(json["latency_cycles"]["max"].get<std::uint64_t>() > 0);
  CHECK(json["energy_pj"]["pim_column"].get<double>() > 0);
  CHECK(json["violations"] == 0);
}

TEST_CASE("a device's file is named whole, however long its path") {
  const tandem::test::TemporaryFolder folder;
  const std::filesystem::path deep = folder.path() / std::string(80, 'a');
  const std::filesystem::path file = folder.write(
      std::string(80, 'a') + "/mine.yaml", tandem::test::read_whole(device_path("hbm2_dramsim3")));
  Command command;
  const std::vector<std::string> arguments = {"memory", "--device", file, "--requests", "100"};
  CHECK(command.json(arguments)["device_file"] == file.string());
  CHECK(command(arguments) == 0);
  CHECK(command.out.str().find(file.string()) != std::string::npos);
  CHECK(command({"memory", "--device", (deep / "none.yaml").string()}) == 2);
  CHECK(command.err.str().find((deep / "none.yaml").string()) != std::string::npos);
}

TEST_CASE("the same probe prints the same, but for the wall clock") {
  Command command;
  const std::vector<std::string> arguments = {
      "memory", "--device", device_path("ddr4_3200"), "--pattern", "random", "--requests", "3000"};
  Json first = command.json(arguments);
  Json again = command.json(arguments);
  for (Json* json : {&first, &again}) {
    json->erase("wall_s");
    json->erase("requests_per_wall_s");
  }
  CHECK(first == again);
}

TEST_CASE("tables for people") {
  Command command;
  CHECK(command({"memory", "--device", device_path("hbm2_dramsim3"), "--requests", "2000",
                 "--check"}) == 0);
  for (const char* word : {"GB/s", "peak", "limit", "latency", "row hits", "ACT ", "pJ/bit",
                           "timing violations  0", "M requests per second of wall time"}) {
    CAPTURE(word);
    CHECK(command.out.str().find(word) != std::string::npos);
  }
  CHECK(command({"pim", "--device", device_path("hbm2_neupims"), "--reads", "10"}) == 0);
  for (const char* word : {"PIM done", "per tile", "inside", "reads done", "G_ACT 8"}) {
    CAPTURE(word);
    CHECK(command.out.str().find(word) != std::string::npos);
  }
}

TEST_CASE("a log has every command, and the checker agrees when it is replayed") {
  const tandem::test::TemporaryFolder folder;
  Command command;
  const std::string log = (folder.path() / "run.log").string();
  const Json json = command.json({"memory", "--device", device_path("hbm2e"), "--pattern", "random",
                                  "--requests", "1000", "--channels", "2", "--log", log});
  std::uint64_t reads = 0;
  for (const char* channel : {".0", ".1"}) {
    std::ifstream file(log + channel);
    const std::vector<tandem::memory::Command> commands = tandem::memory::read_log(file);
    tandem::memory::TimingChecker checker(tandem::test::device("hbm2e"));
    tandem::memory::replay(commands, checker);
    CHECK(checker.violation_count() == 0);
    for (const tandem::memory::Command& c : commands) {
      reads += c.kind == tandem::memory::CommandKind::kRead ? 1 : 0;
    }
  }
  CHECK(reads == json["commands"]["RD"]);
  CHECK(command({"memory", "--device", device_path("hbm2e"), "--requests", "10", "--log",
                 "/nonexistent/x.log"}) == 2);
  CHECK(command.err.str() ==
        "tandem: --log: cannot write /nonexistent/x.log: No such file or directory\n");
}

TEST_CASE("mistakes: exit code 2, and what was expected") {
  const std::string device = device_path("hbm2_dramsim3");
  const std::string pim = device_path("hbm2_neupims");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "probe: of what? expected memory, pim, table or picture"},
      {{"dram"}, "probe: unknown topic 'dram'; expected memory, pim, table or picture"},
      {{"memory"}, "probe memory: which device? give --device FILE"},
      {{"memory", "--device", "hbm9"}, "there is no DRAM device 'hbm9'"},
      {{"memory", "--device", "/nowhere/x.yaml"}, "cannot read the device file '/nowhere/x.yaml'"},
      {{"memory", "--device", device, "--pattern", "zigzag"}, "--pattern zigzag: expected sequent"},
      {{"memory", "--device", device, "--pattern", "stride:100", "--requests", "1"},
       "--pattern stride:100: expected a multiple of the device's burst, 64 bytes"},
      {{"memory", "--device", device, "--requests", "0"},
       "--requests 0: expected a number 1..1000000000"},
      {{"memory", "--device", device, "--requests", "1e6"}, "--requests 1e6: expected a number"},
      {{"memory", "--device", device, "--outstanding", "0"}, "--outstanding 0: expected a number"},
      {{"memory", "--device", device, "--channels", "3"}, "--channels 3: expected a power of two"},
      {{"memory", "--device", device, "--fidelity", "cycle"},
       "--fidelity cycle: expected transaction or command"},
      {{"memory", "--device", device, "--fidelity", "transaction", "--check"},
       "--check needs --fidelity command"},
      {{"memory", "--device", device, "--tiles", "3"}, "unrecognised option '--tiles'"},
      {{"pim"}, "probe pim: which device? give --device FILE"},
      {{"pim", "--device", device}, "device hbm2_dramsim3 does not compute"},
      {{"pim", "--device", pim, "--tiles", "0"}, "--tiles 0: expected a number 1..1000000"},
      {{"pim", "--device", pim, "--macs", "0"}, "--macs 0: expected a number 1..65535"},
      {{"pim", "--device", pim, "--macs", "33"}, "--macs 33 --composites 4: a row of hbm2_neupims"},
      {{"pim", "--device", pim, "--row-buffer", "triple"},
       "--row-buffer triple: expected single or dual"},
      {{"pim", "--device", pim, "--commands", "fast"},
       "--commands fast: expected composite or raw"},
      {{"table"}, "probe table: unknown topic ''; expected memory, pim or contention"},
      {{"picture", "memory"}, "probe picture: unknown topic 'memory'; expected contention"},
  };
  Command command;
  for (const auto& [arguments, message] : cases) {
    CAPTURE(message);
    CHECK(command(arguments) == 2);
    CHECK(command.err.str().find("tandem: " + message) == 0);
    CHECK(command.out.str().empty());
  }
}

TEST_CASE("probe explains itself") {
  Command command;
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"}, {"memory", "--help"}, {"pim", "-h"}}) {
    CHECK(command(arguments) == 0);
    for (const char* word : {"mixed:PERCENT", "--outstanding N", "--row-buffer B", "--json"}) {
      CHECK(command.out.str().find(word) != std::string::npos);
    }
  }
  CommandHooks hooks;
  CHECK(run_command({"--help"}, "", hooks, {command.out, command.err}) == 0);
  CHECK(command.out.str().find("tandem probe") != std::string::npos);
}
