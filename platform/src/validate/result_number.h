// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace tandem::platform {

// The number at a path such as "summary.tokens_per_s" of result.json; a statistic stands for its
// value. Throws UserError that says what is there instead.
double result_number(const nlohmann::json& result, const std::string& path);

}  // namespace tandem::platform
