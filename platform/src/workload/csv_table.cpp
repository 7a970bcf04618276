// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/workload/csv_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {
namespace {

constexpr std::size_t kMaxLineBytes = 4096;
constexpr double kMaxNs = 1e15;

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    std::string_view field = line.substr(0, comma);
    while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
    while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
    fields.emplace_back(field);
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

template <typename T>
std::optional<T> parse(const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return {};
  return value;
}

}  // namespace

CsvTable::CsvTable(const std::filesystem::path& file, const std::vector<std::string>& known,
                   std::size_t rows)
    : name_(printable_path(file)) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw UserError(name_ + ": cannot be read");
  std::string line;
  std::size_t blank = 0;
  for (std::size_t number = 1; lines_.size() < rows && std::getline(stream, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.size() > kMaxLineBytes) fail_at(number, "the line is too long for a table");
    if (line.find('"') != std::string::npos) fail_at(number, "quoted fields are not read");
    if (number == 1) {
      read_header(line, known);
    } else if (line.empty()) {
      blank = blank == 0 ? number : blank;
    } else {
      if (blank != 0) fail_at(blank, "an empty line within the table");
      read_line(line, number);
    }
  }
  if (header_.empty()) fail_at(1, "the file is empty, expected a header line with column names");
  if (lines_.empty()) fail_at(1, "there is no line below the header");
}

void CsvTable::fail_at(std::size_t line, const std::string& message,
                       const std::string& hint) const {
  throw UserError(name_ + ":" + std::to_string(line) + ": " + message, hint);
}

void CsvTable::fail(std::size_t row, const std::string& message) const {
  fail_at(lines_[row].number, message);
}

void CsvTable::read_header(std::string_view line, const std::vector<std::string>& known) {
  header_ = split(line);
  for (std::size_t i = 0; i < header_.size(); ++i) {
    const std::string& name = header_[i];
    if (std::find(header_.begin(), header_.begin() + static_cast<std::ptrdiff_t>(i), name) !=
        header_.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail_at(1, "two columns named '" + printable(name) + "'");
    }
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string meant = nearest(name, known);
    if (!meant.empty()) {
      fail_at(1, "unknown column '" + printable(name) + "'; did you mean '" + meant + "'?",
              "columns that resemble no known one are ignored");
    }
  }
}

void CsvTable::read_line(std::string_view line, std::size_t number) {
  lines_.push_back({number, split(line)});
  const std::size_t fields = lines_.back().fields.size();
  if (fields != header_.size()) {
    fail_at(number, "expected " + std::to_string(header_.size()) +
                        " fields, as in the header, got " + std::to_string(fields));
  }
}

std::optional<std::size_t> CsvTable::column(const std::string& name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) return {};
  return static_cast<std::size_t>(found - header_.begin());
}

std::size_t CsvTable::required_column(const std::string& name) const {
  if (const std::optional<std::size_t> found = column(name)) return *found;
  fail_at(1, "the column '" + name + "' is missing");
}

std::uint64_t CsvTable::integer(std::size_t row, std::size_t column, std::uint64_t min,
                                std::uint64_t max) const {
  const std::string& field = lines_[row].fields[column];
  const std::optional<std::uint64_t> value = parse<std::uint64_t>(field);
  if (!value || *value < min || *value > max) {
    fail(row, header_[column] + ": expected an integer " + std::to_string(min) + ".." +
                  std::to_string(max) + ", got '" + printable(field) + "'");
  }
  return *value;
}

std::uint64_t CsvTable::time_ns(std::size_t row, std::size_t column, double unit_ns) const {
  const std::string& field = lines_[row].fields[column];
  const std::optional<double> value = parse<double>(field);
  if (!value || !std::isfinite(*value) || *value < 0.0 || *value * unit_ns > kMaxNs) {
    fail(row,
         header_[column] + ": expected a time from 0 to 10^6 s, got '" + printable(field) + "'");
  }
  return static_cast<std::uint64_t>(std::llround(*value * unit_ns));
}

}  // namespace tandem::platform
