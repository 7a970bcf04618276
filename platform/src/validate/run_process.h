// SPDX-License-Identifier: Apache-2.0
// Simulations as processes of their own: SystemC allows one per process.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tandem::platform {

struct ProcessOrder {
  std::vector<std::string> arguments;  // without the program
  std::filesystem::path directory;     // working directory
  std::filesystem::path errors;        // file for what it writes to standard error
};

struct ProcessEnd {
  bool ok = false;
  std::string reason;  // "exit code 2", "signal 11", or why it did not start
};

// Runs `program` for each order, `jobs` at a time; calls `ended` for each, in the order in which
// they end, one call at a time. No more are started once it returns false.
void run_processes(const std::filesystem::path& program, const std::vector<ProcessOrder>& orders,
                   unsigned jobs,
                   const std::function<bool(std::size_t order, const ProcessEnd& end)>& ended);

}  // namespace tandem::platform
