// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "layer_rules.h"

namespace fs = std::filesystem;
using tandem::test::check_source;

namespace {

const std::vector<std::string> kModules = {"abi", "common", "memory", "npu"};
const std::string kLicence = "// SPDX-License-Identifier: Apache-2.0\n";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Files of the tree that rules apply to, relative to its root, in order.
std::vector<std::string> sources(const fs::path& root) {
  const std::set<std::string> endings = {".h", ".cpp", ".c", ".cmake", ".txt"};
  std::vector<std::string> paths;
  for (const char* folder : {"modules", "firmware", "platform", "tests", ".cmake"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const fs::path& path = entry.path();
      const bool is_build_file = path.filename() == "CMakeLists.txt";
      if (!entry.is_regular_file() || endings.count(path.extension().string()) == 0) continue;
      if (path.extension() == ".txt" && !is_build_file) continue;
      paths.push_back(fs::relative(path, root).generic_string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> breaches(const std::string& path, const std::string& code) {
  return check_source(path, kLicence + code, kModules);
}

bool refused(const std::string& path, const std::string& code) {
  return breaches(path, code).size() == 1;
}

}  // namespace

TEST_CASE("the tree keeps its layers") {
  const fs::path root = TANDEM_SOURCE_DIR;
  const auto modules = tandem::test::module_order(read(root / "modules/CMakeLists.txt"));
  REQUIRE(std::find(modules.begin(), modules.end(), "npu") != modules.end());
  const auto paths = sources(root);
  REQUIRE(paths.size() > 50);
  for (const std::string& path : paths) {
    for (const std::string& breach : check_source(path, read(root / path), modules)) {
      FAIL_CHECK(breach);
    }
  }
}

TEST_CASE("a module may include SystemC, the standard library and what lies below it") {
  for (const char* header : {"<systemc>", "<tlm>", "<tlm_utils/simple_target_socket.h>", "<vector>",
                             "\"tandem/abi/tables.h\"", "\"tandem/memory/stack.h\"",
                             "\"tandem/npu/npu.h\"", "\"private.h\""}) {
    CHECK(breaches("modules/npu/src/a.cpp", std::string("#include ") + header + "\n").empty());
  }
}

TEST_CASE("a module may not include what lies above it or beside the project") {
  for (const char* header :
       {"<yaml-cpp/yaml.h>", "<boost/any.hpp>", "<nlohmann/json.hpp>", "<iostream>", "<unistd.h>",
        "<thread>", "\"tandem/npu/npu.h\"", "\"tandem/platform/soc.h\"",
        "\"tandem/firmware/driver/npu.h\"", "\"../src/other.h\""}) {
    CHECK(refused("modules/memory/src/a.cpp", std::string("#include ") + header + "\n"));
  }
}

TEST_CASE("only the RISC-V core may include Unicorn") {
  const std::string code = "#include <unicorn/unicorn.h>\n";
  CHECK(breaches("modules/cpu_riscv/src/a.cpp", code).empty());
  CHECK(refused("modules/cpu/src/a.cpp", code));
  CHECK(refused("modules/cpu_riscv/src/a.cpp", "#include <yaml-cpp/yaml.h>\n"));
}

TEST_CASE("firmware may include the contract and itself, nothing else") {
  for (const char* header : {"<cstdint>", "<cstddef>", "<stdint.h>", "\"tandem/abi/hal.h\"",
                             "\"tandem/firmware/driver/npu.h\""}) {
    CHECK(breaches("firmware/driver/a.cpp", std::string("#include ") + header + "\n").empty());
  }
  for (const char* header : {"<systemc>", "<cstring>", "<string.h>", "<vector>", "<cmath>",
                             "\"tandem/npu/npu.h\"", "\"tandem/platform/soc.h\""}) {
    CHECK(refused("firmware/driver/a.cpp", std::string("#include ") + header + "\n"));
  }
}

TEST_CASE("a module leaves console, process and kernel alone") {
  for (const char* code :
       {"std::cout << 1;", "std::cerr << 1;", "printf(\"x\");", "exit(1);", "std::exit(1);",
        "  std::abort();", "return abort();", "sc_core::sc_start();", "sc_stop();"}) {
    INFO(code);
    CHECK(refused("modules/npu/src/a.cpp", std::string(code) + "\n"));
    CHECK(breaches("tests/npu/a.cpp", std::string(code) + "\n").empty());
  }
  for (const char* code : {"// never calls exit(1) or std::cout", "/* sc_start\n sc_stop */",
                           "log(\"std::cout exit(1)\");", "queue.abort(1);", "on_exit(1);",
                           "snprintf(text, 3, \"\");"}) {
    INFO(code);
    CHECK(breaches("modules/npu/src/a.cpp", std::string(code) + "\n").empty());
  }
}

TEST_CASE("headers do not open namespaces") {
  CHECK(refused("modules/npu/include/tandem/npu/a.h", "using namespace std;\n"));
  CHECK(refused("platform/src/a.h", "  using namespace std;\n"));
  CHECK(breaches("modules/npu/src/a.cpp", "using namespace tlm;\n").empty());
}

TEST_CASE("every file names its licence") {
  CHECK(check_source("modules/npu/src/a.cpp", "int a;\n", kModules).size() == 1);
  CHECK(check_source("modules/npu/CMakeLists.txt", "# nothing\n", kModules).size() == 1);
  CHECK(check_source("modules/npu/CMakeLists.txt", "# SPDX-License-Identifier: Apache-2.0\n",
                     kModules)
            .empty());
}

TEST_CASE("everything that the headers of the contract declare is in the tables") {
  const fs::path folder = fs::path(TANDEM_SOURCE_DIR) / "modules/abi/include/tandem/abi";
  const std::string tables = read(folder / "tables.h");
  const std::regex declaration(
      R"((?:^|\n)TANDEM_(REGISTER_BLOCK|STRUCTURE|ENUM|CONSTANTS)\(\s*(\w+))");
  unsigned found = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string text = read(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), declaration), end; it != end; ++it) {
      const std::string kind = (*it)[1], name = (*it)[2];
      const std::string wanted = kind == "REGISTER_BLOCK" ? "&" + name + "::kBlock"
                                 : kind == "STRUCTURE"    ? "&Describe<" + name + ">::kInfo"
                                 : kind == "ENUM" ? "&DescribeEnumeration<" + name + ">::kInfo"
                                                  : "&k" + name + "Group";
      INFO(entry.path().filename() << " declares " << name);
      CHECK(tables.find(wanted) != std::string::npos);
      ++found;
    }
  }
  CHECK(found > 60);
}
