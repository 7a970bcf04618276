// SPDX-License-Identifier: Apache-2.0
// A CSV file with a line of column names; mistakes are reported with file and line.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::platform {

// Fields are separated by commas and not quoted. Lines "# key: value" may precede the names.
class CsvFile {
 public:
  struct Remark {
    std::size_t line;
    std::string key, value;
  };

  // Throws UserError, as every function here does.
  explicit CsvFile(const std::filesystem::path& file);

  const std::vector<Remark>& remarks() const { return remarks_; }
  bool has(std::string_view column) const;
  std::size_t column(std::string_view name) const;
  std::size_t columns() const { return names_.size(); }
  std::size_t rows() const { return rows_.size(); }
  std::size_t line(std::size_t row) const { return rows_[row].line; }

  const std::string& text(std::size_t row, std::size_t column) const;
  std::uint64_t integer(std::size_t row, std::size_t column, std::uint64_t max) const;
  double number(std::size_t row, std::size_t column, double min, double max) const;

  [[noreturn]] void fail(const std::string& message) const;  // of the whole file
  [[noreturn]] void fail_at(std::size_t line, const std::string& message) const;
  [[noreturn]] void expected(std::size_t row, std::size_t column, const std::string& what) const;

 private:
  struct Row {
    std::size_t line;
    std::vector<std::string> fields;
  };
  void add_line(std::size_t line, const std::string& text);
  std::size_t find(std::string_view column) const;

  std::string name_;  // printable
  std::vector<Remark> remarks_;
  std::vector<std::string> names_;
  std::size_t names_line_ = 0;
  std::vector<Row> rows_;
};

}  // namespace tandem::platform
