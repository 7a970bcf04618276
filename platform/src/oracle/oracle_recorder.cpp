// SPDX-License-Identifier: Apache-2.0
#include "oracle_recorder.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "../text.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/result_folder.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, const std::string& why) {
  throw UserError("run.record_oracle: cannot write '" + printable_path(file) + "': " + why);
}

}  // namespace

OracleRecorder::OracleRecorder(const std::vector<std::vector<std::uint32_t>>& prompts)
    : requests_(prompts.size()) {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    requests_[i].prompt_tokens = static_cast<std::uint32_t>(prompts[i].size());
    requests_[i].prompt_hash = prompt_hash(prompts[i]);
  }
}

// Work that is repeated after a reset of the NPU replaces what it had chosen before.
void OracleRecorder::drafted(std::uint32_t request_id, std::uint32_t first_position,
                             std::uint32_t index, std::uint32_t token, float confidence) {
  if (request_id >= requests_.size()) return void(in_order_ = false);
  auto& round = requests_[request_id].rounds[first_position];
  round.erase(round.lower_bound(index), round.end());
  round.emplace(index, npu::TokenOracle::Drafted{token, confidence});
}

void OracleRecorder::accepted(std::uint32_t request_id, std::uint32_t position,
                              const std::uint32_t* drafted, std::uint32_t accepted,
                              std::uint32_t next_token) {
  if (request_id >= requests_.size()) return void(in_order_ = false);
  for (std::uint32_t i = 0; i < accepted; ++i) add(request_id, position + i, drafted[i]);
  add(request_id, position + accepted, next_token);
}

void OracleRecorder::add(std::uint32_t request_id, std::uint32_t position, std::uint32_t token) {
  RecordedRequest& request = requests_[request_id];
  const std::uint32_t index = position - request.prompt_tokens;
  if (position < request.prompt_tokens || index > request.tokens.size()) {
    return void(in_order_ = false);
  }
  if (index == request.tokens.size()) request.tokens.push_back(token);
  request.tokens[index] = token;
}

// Whether every token that was drafted in a round follows its first one.
bool OracleRecorder::rounds_are_whole() const {
  for (const RecordedRequest& request : requests_) {
    for (const auto& [first, drafted] : request.rounds) {
      if (drafted.rbegin()->first + 1 != drafted.size()) return false;
    }
  }
  return true;
}

std::string OracleRecorder::to_csv(const Scenario& scenario, std::uint32_t vocabulary) const {
  const bool in_turn = scenario.policy.draft.ahead == 0;
  if (!in_order_ || (in_turn && !rounds_are_whole()))
    throw InternalError("the firmware decoded other positions than the prompts have");
  return platform::to_csv(policy_facts(scenario), vocabulary, requests_);
}

void check_oracle_target(const fs::path& file) {
  std::error_code error;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) fail(file, "its folder does not exist");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    fail(file, std::generic_category().message(errno));
  }
  if (!fs::exists(file, error)) return;
  if (!fs::is_regular_file(file, error)) fail(file, "it exists and is no file");
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  if (line.rfind(std::string("# ") + kOracleRecordMark + ": ", 0) != 0) {
    fail(file, "it exists and is no recorded run");
  }
}

void write_oracle_record(const fs::path& file, std::string_view content) {
  check_oracle_target(file);
  try {
    replace_file(file, content);
  } catch (const std::system_error& error) {
    fail(file, error.code().message());
  }
}

}  // namespace tandem::platform
