// SPDX-License-Identifier: Apache-2.0
#include "contract_text.h"

#include <cctype>
#include <iomanip>
#include <sstream>

namespace tandem::platform {

namespace {

bool is_upper(char c) {
  return std::isupper(static_cast<unsigned char>(c)) != 0;
}
bool is_lower(char c) {
  return std::islower(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

std::string hex(std::uint64_t value, unsigned digits) {
  std::ostringstream text;
  text << "0x" << std::hex << std::setfill('0') << std::setw(static_cast<int>(digits)) << value;
  return text.str();
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string upper_snake(std::string_view camel) {
  std::string result;
  for (std::size_t i = 0; i < camel.size(); ++i) {
    const bool starts_word =
        i > 0 && is_upper(camel[i]) &&
        (!is_upper(camel[i - 1]) || (i + 1 < camel.size() && is_lower(camel[i + 1])));
    if (starts_word) result += '_';
    result += camel[i];
  }
  return upper(result);
}

std::string lower_snake(std::string_view camel) {
  std::string result = upper_snake(camel);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

const char* short_name(abi::Access access) {
  switch (access) {
    case abi::Access::kReadOnly:
    case abi::Access::kInstance:
      return "RO";
    case abi::Access::kReadWrite:
      return "RW";
    case abi::Access::kWriteOnly:
      return "WO";
    case abi::Access::kWriteOneToClear:
      return "W1C";
  }
  return "?";
}

}  // namespace tandem::platform
