// SPDX-License-Identifier: Apache-2.0
#include "figure_text.h"

#include <array>
#include <cstdio>
#include <initializer_list>

namespace tandem::platform::summary {
namespace {

// 12.35 k, 1.23 M
std::string with_prefix(double value, std::initializer_list<const char*> names, double step) {
  const auto* name = names.begin();
  while (value >= step && name + 1 != names.end()) {
    value /= step;
    ++name;
  }
  return fixed(value, value >= 100.0 ? 1 : 2) + " " + *name;
}

}  // namespace

std::string fixed(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string time_text(std::uint64_t time_ps) {
  return with_prefix(static_cast<double>(time_ps), {"ps", "ns", "us", "ms", "s"}, 1000.0);
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  return with_prefix(static_cast<double>(bytes), {"B", "KiB", "MiB", "GiB", "TiB", "PiB"}, 1024.0);
}

std::string energy_text(double picojoules) {
  return with_prefix(picojoules, {"pJ", "nJ", "uJ", "mJ", "J", "kJ"}, 1000.0);
}

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string percent(double fraction) {
  return fixed(fraction * 100.0, 1) + " %";
}

}  // namespace tandem::platform::summary
