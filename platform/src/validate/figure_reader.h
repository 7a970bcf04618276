// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "validate/figures_file.h"

namespace tandem::platform {

// The section `values`: names for expressions over one result.
class NamedValues {
 public:
  void add(const std::string& name, const YamlNode& node, const std::string& path);
  bool has(const std::string& name) const { return values_.count(name) != 0; }
  // Of the result of a run; names in it become figures of that run.
  Expression of_run(const std::string& name, std::size_t run);
  // Whether it is made of numbers alone.
  bool is_constant(const std::string& name) const;
  void refuse_unused() const;

 private:
  struct Value {
    YamlMark mark;
    Expression expression;
    bool used = false;
  };
  std::map<std::string, Value> values_;
};

// Reads the entries of `figures`.
class FigureReader {
 public:
  FigureReader(const FiguresFile& file, NamedValues& values,
               const std::optional<double>& tolerance_percent)
      : file_(file), values_(values), tolerance_percent_(tolerance_percent) {}

  Figure read(const YamlNode& node, const std::string& path);

 private:
  Expression expression(const YamlNode& node, const std::string& path);
  Expression meaning_of(const std::string& name, const YamlMark& mark, const std::string& path);
  void choose_points(Figure& figure, const YamlNode* at, const std::string& path) const;
  void read_published(Figure& figure, const YamlNode& node, const std::string& path,
                      const std::map<std::size_t, std::size_t>& points);
  void add_published(Figure& figure, const YamlNode& node, const std::string& path,
                     const std::map<std::size_t, std::size_t>& points);
  std::size_t axis_of_keys(const Figure& figure, const YamlNode& node, const std::string& path,
                           const std::map<std::size_t, std::size_t>& points) const;
  void check_tolerance(Figure& figure, const std::optional<double>& own,
                       const std::string& path) const;

  const FiguresFile& file_;
  NamedValues& values_;
  std::optional<double> tolerance_percent_;
};

}  // namespace tandem::platform
