// SPDX-License-Identifier: Apache-2.0
#include "layer_rules.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace tandem::test {

namespace {

constexpr std::array kStandardHeaders = {
    "algorithm",
    "array",
    "atomic",
    "bitset",
    "cassert",
    "cctype",
    "charconv",
    "chrono",
    "cmath",
    "cstddef",
    "cstdint",
    "cstdio",
    "cstdlib",
    "cstring",
    "deque",
    "exception",
    "fstream",
    "functional",
    "initializer_list",
    "iomanip",
    "iosfwd",
    "istream",
    "iterator",
    "limits",
    "list",
    "map",
    "memory",
    "new",
    "numeric",
    "optional",
    "ostream",
    "queue",
    "random",  // its engines are the same everywhere; its distributions are not
    "set",
    "sstream",
    "stdexcept",
    "string",
    "string_view",
    "system_error",
    "tuple",
    "type_traits",
    "unordered_map",
    "utility",
    "variant",
    "vector",
    "stdint.h",
    "stddef.h",
};
constexpr std::array kFreestandingHeaders = {"cstdint", "cstddef", "stdint.h"};

template <typename List>
bool contains(const List& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Second part of "modules/npu/src/x.cpp" or "tandem/npu/x.h".
std::string second_part(const std::string& path) {
  const std::size_t begin = path.find('/') + 1;
  return path.substr(begin, path.find('/', begin) - begin);
}

// Comments and the contents of string literals give way to spaces; lines stay lines.
std::string code_of(const std::string& text) {
  enum class State { code, line_comment, block_comment, string };
  State state = State::code;
  std::string code = text;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (state == State::code) {
      if (c == '/' && next == '/') state = State::line_comment;
      if (c == '/' && next == '*') state = State::block_comment;
      if (c == '"' && (i == 0 || (text[i - 1] != '\'' && text[i - 1] != '\\')))
        state = State::string;
      continue;
    }
    const bool escaped = state == State::string && c == '\\';
    const bool ends_string = state == State::string && c == '"';
    const bool ends_block = state == State::block_comment && c == '*' && next == '/';
    if (c != '\n' && !ends_string) code[i] = ' ';
    if (escaped || ends_block) code[++i] = ' ';
    if (ends_string || ends_block || (state == State::line_comment && c == '\n')) {
      state = State::code;
    }
  }
  return code;
}

// A header of the own folder, not reached through another one.
bool is_private(const std::string& header) {
  return header.find("..") == std::string::npos;
}

bool module_may_include(const std::string& module, const std::string& header, bool quoted,
                        const std::vector<std::string>& modules) {
  if (starts_with(header, "tandem/")) {
    const auto own = std::find(modules.begin(), modules.end(), module);
    const auto other = std::find(modules.begin(), modules.end(), second_part(header));
    return other != modules.end() && other <= own;
  }
  if (quoted) return is_private(header);
  return contains(kStandardHeaders, header) || header == "systemc" || header == "tlm" ||
         starts_with(header, "tlm_utils/") ||
         (module == "cpu_riscv" && starts_with(header, "unicorn/"));
}

bool firmware_may_include(const std::string& header, bool quoted) {
  if (starts_with(header, "tandem/")) {
    return starts_with(header, "tandem/abi/") || starts_with(header, "tandem/firmware/");
  }
  if (quoted) return is_private(header);
  return contains(kFreestandingHeaders, header);
}

class Checker {
 public:
  Checker(const std::string& path, const std::vector<std::string>& modules)
      : path_(path), modules_(modules) {}

  void check_licence(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    for (int i = 0; i < 3 && std::getline(lines, line); ++i) {
      if (line.find("SPDX-License-Identifier: Apache-2.0") != std::string::npos) return;
    }
    add(1, "no SPDX line");
  }

  void check_include(std::size_t number, const std::string& line) {
    static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::smatch match;
    if (!std::regex_search(line, match, kInclude)) return;
    const bool quoted = match[1] == "\"";
    const std::string header = match[2];
    if (in_modules() && !module_may_include(second_part(path_), header, quoted, modules_)) {
      add(number, "a module may not include " + header);
    }
    if (in_firmware() && !firmware_may_include(header, quoted)) {
      add(number, "firmware may not include " + header);
    }
  }

  void check_code(std::size_t number, const std::string& line) {
    static const std::regex kForbidden(
        R"(std::c(out|err)\b|(^|[^\w.>:]|std::)(printf|puts|exit|abort|_Exit|quick_exit)\s*\(|\bsc_(start|stop)\b)");
    std::smatch match;
    if (in_modules() && std::regex_search(line, match, kForbidden)) {
      add(number, "a module may not use " + std::string(match[0]));
    }
    static const std::regex kUsing(R"(^\s*using\s+namespace\b)");
    if (is_header() && std::regex_search(line, kUsing)) add(number, "using namespace in a header");
  }

  std::vector<std::string> breaches;

 private:
  bool in_modules() const { return starts_with(path_, "modules/"); }
  bool in_firmware() const { return starts_with(path_, "firmware/"); }
  bool is_header() const { return path_.size() > 2 && path_.substr(path_.size() - 2) == ".h"; }
  void add(std::size_t number, const std::string& what) {
    breaches.push_back(path_ + ":" + std::to_string(number) + ": " + what);
  }

  std::string path_;
  const std::vector<std::string>& modules_;
};

bool is_cpp(const std::string& path) {
  const std::string end = path.substr(path.find_last_of('.') + 1);
  return end == "h" || end == "cpp" || end == "c";
}

}  // namespace

std::vector<std::string> module_order(std::string_view cmake_text) {
  const std::string text(cmake_text);
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(R"(foreach\(module ([^)]*)\))"))) {
    throw std::runtime_error("modules/CMakeLists.txt has no foreach(module ...)");
  }
  std::istringstream words(match[1]);
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

std::vector<std::string> check_source(const std::string& path, const std::string& text,
                                      const std::vector<std::string>& modules) {
  Checker checker(path, modules);
  checker.check_licence(text);
  if (!is_cpp(path)) return checker.breaches;
  std::istringstream lines(text);
  std::istringstream code_lines(code_of(text));
  std::string line, code;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    std::getline(code_lines, code);
    checker.check_include(number, line);
    checker.check_code(number, code);
  }
  return checker.breaches;
}

}  // namespace tandem::test
