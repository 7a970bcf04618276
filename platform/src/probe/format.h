// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tandem::platform {

// "29.41"
std::string fixed(double value, int digits);
// "-1.6 %" of `of`; with a sign
std::string difference(double value, double of, int digits = 1);
// "1,234,567"
std::string grouped(std::uint64_t value);
// With the unit that leaves one to three digits before the point: "17.25 us", "2.30 mJ".
std::string time_text(std::uint64_t ps);
std::string energy_text(double picojoules);

// Lines "label   value", values below each other.
class Lines {
 public:
  void add(const std::string& label, const std::string& value) { rows_.emplace_back(label, value); }
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

// A Markdown table; all columns but the first `left` are aligned to the right.
class MarkdownTable {
 public:
  MarkdownTable(std::vector<std::string> header, std::size_t left)
      : header_(std::move(header)), left_(left) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::size_t left_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tandem::platform
