// SPDX-License-Identifier: Apache-2.0
// The two kinds of failure that the command tells apart: the user's (exit code 2) and ours (1).
#pragma once
#include <stdexcept>
#include <string>

namespace tandem::platform {

constexpr int kExitOk = 0;
constexpr int kExitInternal = 1;
constexpr int kExitUser = 2;

// Something the user can put right: one line that says what is wrong, and possibly how to go on.
class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

// A result that contradicts itself or the physics of the platform: a defect of this program.
class InternalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace tandem::platform
