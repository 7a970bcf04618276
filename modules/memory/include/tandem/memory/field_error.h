// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace tandem::memory {

// A field of a configuration that breaks a rule. what() is "FIELD: RULE", with the value in it.
class FieldError : public std::invalid_argument {
 public:
  FieldError(std::string field, const std::string& rule)
      : std::invalid_argument(field + ": " + rule), field_(std::move(field)), rule_(rule) {}
  // As the struct names it, with its section: "timing.tRC", "geometry.row_bytes", "mapping".
  const std::string& field() const { return field_; }
  const std::string& rule() const { return rule_; }

 private:
  std::string field_;
  std::string rule_;
};

}  // namespace tandem::memory
