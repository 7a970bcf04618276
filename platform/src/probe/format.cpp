// SPDX-License-Identifier: Apache-2.0
#include "format.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tandem::platform {

std::string fixed(double value, int digits) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, digits);
  return std::string(text.data(), end.ptr);
}

std::string difference(double value, double of, int digits) {
  if (of == 0) return "";
  const double percent = (value / of - 1) * 100;
  const std::string text = fixed(percent, digits);
  const bool zero = text.find_first_not_of("-0.") == std::string::npos;
  if (zero) return fixed(0, digits) + " %";
  return (percent > 0 ? "+" : "") + text + " %";
}

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

namespace {

std::string scaled(double value, const std::array<const char*, 5>& units) {
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  return fixed(value, 2) + " " + units[unit];
}

}  // namespace

std::string time_text(std::uint64_t ps) {
  return scaled(static_cast<double>(ps), {"ps", "ns", "us", "ms", "s"});
}

std::string energy_text(double picojoules) {
  return scaled(picojoules, {"pJ", "nJ", "uJ", "mJ", "J"});
}

std::string Lines::text() const {
  std::size_t width = 0;
  for (const auto& [label, value] : rows_) width = std::max(width, label.size());
  std::string text;
  for (const auto& [label, value] : rows_) {
    text.append(label).append(width + 2 - label.size(), ' ').append(value).append(1, '\n');
  }
  return text;
}

std::string MarkdownTable::text() const {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + cell + " |";
    return text + '\n';
  };
  std::string text = line(header_) + "|";
  for (std::size_t i = 0; i < header_.size(); ++i) text += i < left_ ? " --- |" : " ---: |";
  text += '\n';
  for (const std::vector<std::string>& row : rows_) text += line(row);
  return text;
}

}  // namespace tandem::platform
