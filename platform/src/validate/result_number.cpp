// SPDX-License-Identifier: Apache-2.0
#include "validate/result_number.h"

#include <vector>

#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {
namespace {

using Json = nlohmann::json;

// The item of a list, or null.
const Json* item_at(const Json& list, const std::string& index) {
  if (index.find_first_not_of("0123456789") != std::string::npos || index.size() > 9)
    return nullptr;
  const std::size_t position = std::stoul(index);
  return position < list.size() ? &list[position] : nullptr;
}

// What is found on the way along the path, keys with dots of their own included; null if nothing.
// `reached` is how far the longest way went.
const Json* find(const Json& node, const std::string& path, std::size_t at, std::size_t& reached) {
  if (at > path.size()) return &node;
  reached = std::max(reached, at);
  for (std::size_t dot = path.find('.', at);; dot = path.find('.', dot + 1)) {
    const std::size_t end = std::min(dot, path.size());
    const std::string key = path.substr(at, end - at);
    const Json* inner = nullptr;
    if (node.is_object() && node.contains(key)) inner = &node[key];
    if (node.is_array()) inner = item_at(node, key);
    if (inner != nullptr) {
      if (const Json* found = find(*inner, path, end + 1, reached)) return found;
    }
    if (end == path.size()) return nullptr;
  }
}

[[noreturn]] void fail_missing(const Json& result, const std::string& path, std::size_t reached) {
  std::size_t ignored = 0;
  const std::string parent = reached == 0 ? "" : path.substr(0, reached - 1);
  const Json* const where = parent.empty() ? &result : find(result, parent, 0, ignored);
  std::string rest = path.substr(reached);
  rest = rest.substr(0, rest.find('.'));
  std::vector<std::string> keys;
  if (where != nullptr && where->is_object()) {
    for (const auto& [key, value] : where->items()) keys.push_back(key);
  }
  const std::string meant = nearest(rest, keys);
  throw UserError("the result has no '" + path + "'" +
                      (meant.empty() ? "" : "; did you mean '" + meant + "' for '" + rest + "'?"),
                  keys.empty() ? "" : "known there: " + join_or(keys));
}

}  // namespace

double result_number(const Json& result, const std::string& path) {
  std::size_t reached = 0;
  const Json* found = find(result, path, 0, reached);
  if (found == nullptr) fail_missing(result, path, reached);
  if (found->is_object() && found->contains("value")) found = &(*found)["value"];
  if (!found->is_number()) {
    const std::string what = found->is_null() ? "null: this run has no such figure"
                                              : std::string("a ") + found->type_name();
    throw UserError("'" + path + "' of the result is no number but " + what);
  }
  return found->get<double>();
}

}  // namespace tandem::platform
