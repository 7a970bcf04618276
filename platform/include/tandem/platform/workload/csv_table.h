// SPDX-License-Identifier: Apache-2.0
// Comma separated values with a header line: unquoted fields, LF or CRLF, whole numbers and
// decimals.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::platform {

class CsvTable {
 public:
  // `known` are the columns that somebody reads: another one is ignored, unless it looks like one
  // of them misspelled. At most `rows` lines are read. Throws UserError, naming file and line.
  CsvTable(const std::filesystem::path& file, const std::vector<std::string>& known,
           std::size_t rows);

  std::size_t rows() const { return lines_.size(); }
  // Nothing if the header does not name it.
  std::optional<std::size_t> column(const std::string& name) const;
  // Throws UserError if the header does not name it.
  std::size_t required_column(const std::string& name) const;

  // Throws UserError, naming file, line and column, unless the field is an integer min..max.
  std::uint64_t integer(std::size_t row, std::size_t column, std::uint64_t min,
                        std::uint64_t max) const;
  // A decimal number of `unit_ns` nanoseconds, rounded to a nanosecond; at most 10^6 s.
  std::uint64_t time_ns(std::size_t row, std::size_t column, double unit_ns) const;

  // Throws UserError about a row.
  [[noreturn]] void fail(std::size_t row, const std::string& message) const;

 private:
  struct Line {
    std::size_t number;  // in the file, from 1
    std::vector<std::string> fields;
  };
  [[noreturn]] void fail_at(std::size_t line, const std::string& message,
                            const std::string& hint = {}) const;
  void read_header(std::string_view line, const std::vector<std::string>& known);
  void read_line(std::string_view line, std::size_t number);

  std::string name_;  // of the file, as messages show it
  std::vector<std::string> header_;
  std::vector<Line> lines_;
};

}  // namespace tandem::platform
