// SPDX-License-Identifier: Apache-2.0
#include "validate/run_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

namespace tandem::platform {
namespace {

class FileActions {
 public:
  explicit FileActions(const ProcessOrder& order) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, order.errors.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addchdir_np(&actions_, order.directory.c_str());
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

ProcessEnd wait_for(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) return {false, std::strerror(errno)};
  }
  if (WIFSIGNALED(status)) return {false, "signal " + std::to_string(WTERMSIG(status))};
  if (WEXITSTATUS(status) != 0) return {false, "exit code " + std::to_string(WEXITSTATUS(status))};
  return {true, ""};
}

ProcessEnd run_process(const std::filesystem::path& program, const ProcessOrder& order) {
  const FileActions actions(order);
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), order.arguments.begin(), order.arguments.end());
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t process = 0;
  const int error =
      posix_spawn(&process, program.c_str(), actions.get(), nullptr, pointers.data(), environ);
  if (error != 0) return {false, "cannot start " + program.string() + ": " + std::strerror(error)};
  return wait_for(process);
}

}  // namespace

void run_processes(const std::filesystem::path& program, const std::vector<ProcessOrder>& orders,
                   unsigned jobs,
                   const std::function<bool(std::size_t order, const ProcessEnd& end)>& ended) {
  std::atomic<std::size_t> next{0};
  std::mutex one_at_a_time;
  const auto work = [&] {
    for (std::size_t order = next++; order < orders.size(); order = next++) {
      const ProcessEnd end = run_process(program, orders[order]);
      const std::lock_guard<std::mutex> lock(one_at_a_time);
      if (!ended(order, end)) next = orders.size();
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < jobs && i < orders.size(); ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
}

}  // namespace tandem::platform
