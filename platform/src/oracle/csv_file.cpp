// SPDX-License-Identifier: Apache-2.0
#include "csv_file.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "../text.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = line.find(',', begin);
    fields.push_back(line.substr(begin, comma - begin));
  }
  return fields;
}

template <typename Number>
bool parse(const std::string& text, Number& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

}  // namespace

CsvFile::CsvFile(const std::filesystem::path& file) : name_(printable_path(file)) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) fail("there is no such file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail("it cannot be read");
  std::string text;
  for (std::size_t line = 1; std::getline(stream, text); ++line) {
    if (!text.empty() && text.back() == '\r') text.pop_back();
    add_line(line, text);
  }
  if (names_.empty()) fail("expected a line of column names, the file has none");
  if (rows_.empty()) fail("it has no rows");
}

void CsvFile::add_line(std::size_t line, const std::string& text) {
  if (names_.empty() && text.rfind("# ", 0) == 0) {
    const std::size_t colon = text.find(": ");
    if (colon == std::string::npos) fail_at(line, "expected '# key: value'");
    remarks_.push_back({line, text.substr(2, colon - 2), text.substr(colon + 2)});
    return;
  }
  std::vector<std::string> fields = split(text);
  if (names_.empty()) {
    names_ = std::move(fields);
    names_line_ = line;
    return;
  }
  if (fields.size() != names_.size()) {
    fail_at(line, "expected " + std::to_string(names_.size()) + " fields, got " +
                      std::to_string(fields.size()));
  }
  rows_.push_back({line, std::move(fields)});
}

std::size_t CsvFile::find(std::string_view column) const {
  const auto found = std::find(names_.begin(), names_.end(), column);
  return static_cast<std::size_t>(found - names_.begin());
}

bool CsvFile::has(std::string_view column) const {
  return find(column) != names_.size();
}

std::size_t CsvFile::column(std::string_view name) const {
  const std::size_t index = find(name);
  if (index == names_.size()) {
    fail_at(names_line_, "expected a column '" + std::string(name) + "'");
  }
  return index;
}

const std::string& CsvFile::text(std::size_t row, std::size_t column) const {
  return rows_[row].fields[column];
}

std::uint64_t CsvFile::integer(std::size_t row, std::size_t column, std::uint64_t max) const {
  std::uint64_t value = 0;
  if (!parse(text(row, column), value) || value > max) {
    expected(row, column, "an integer 0.." + std::to_string(max));
  }
  return value;
}

double CsvFile::number(std::size_t row, std::size_t column, double min, double max) const {
  double value = 0.0;
  const bool read = parse(text(row, column), value);
  if (!read || !(value >= min && value <= max)) {
    expected(row, column, "a number " + platform::number(min) + ".." + platform::number(max));
  }
  return value;
}

void CsvFile::fail(const std::string& message) const {
  throw UserError(name_ + ": " + message);
}

void CsvFile::fail_at(std::size_t line, const std::string& message) const {
  throw UserError(name_ + ":" + std::to_string(line) + ": " + message);
}

void CsvFile::expected(std::size_t row, std::size_t column, const std::string& what) const {
  fail_at(line(row),
          names_[column] + ": expected " + what + ", got '" + printable(text(row, column)) + "'");
}

}  // namespace tandem::platform
