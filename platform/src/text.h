// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::platform {

// Text of unknown origin, fit for a one-line message: control characters and bytes beyond ASCII
// as \xNN, at most 60 characters.
std::string printable(std::string_view text);

// The same of a file's name, whole: a path that is cut names nothing.
std::string printable_path(const std::filesystem::path& path);

// The candidate that a person most likely meant; empty if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "a, b or c"
std::string join_or(const std::vector<std::string>& words);

// Whether the bytes are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// "0x1000"
std::string hexadecimal(std::uint64_t value);

// The shortest decimal that reads back as the same number.
std::string number(double value);

}  // namespace tandem::platform
