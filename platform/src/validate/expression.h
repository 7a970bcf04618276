// SPDX-License-Identifier: Apache-2.0
// Arithmetic over figures of results, as it is written in figures files.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tandem/platform/yaml_reader.h"

namespace tandem::platform {

// One step of an expression in postfix order.
struct Term {
  enum class Kind {
    kNumber,
    kName,
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kPower,
    kSmaller,
    kLarger
  };
  Kind kind = Kind::kNumber;
  double number = 0.0;
  std::size_t run = 0;  // of a name: whose result ...
  std::string path;     // ... and which of its figures
  YamlMark mark;
};

using Expression = std::vector<Term>;

// What a name such as "npu.summary.tokens_per_s" stands for; throws ScenarioError if for nothing.
using NameReader = std::function<Expression(const std::string& name, const YamlMark& mark)>;

// + - * / ^, parentheses, min(a, b), max(a, b), numbers and names. `key_path` is for messages.
// Throws ScenarioError.
Expression parse_expression(const YamlNode& node, const std::string& key_path,
                            const NameReader& reader);

// `value_of` gives the number of a name.
double evaluate(const Expression& expression, const std::function<double(const Term&)>& value_of);

}  // namespace tandem::platform
