// SPDX-License-Identifier: Apache-2.0
// The rules of layers and house that a compiler does not check: who may include what, and what
// library code never does.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tandem::test {

// Modules, lowest first: the list in modules/CMakeLists.txt. Throws std::runtime_error if there is
// none in `cmake_text`.
std::vector<std::string> module_order(std::string_view cmake_text);

// Breaches of the rules in a file, "path:line: what"; `path` is relative to the root of the tree.
std::vector<std::string> check_source(const std::string& path, const std::string& text,
                                      const std::vector<std::string>& modules);

}  // namespace tandem::test
