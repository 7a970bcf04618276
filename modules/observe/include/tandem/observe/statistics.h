// SPDX-License-Identifier: Apache-2.0
// Statistics are pulled, never pushed: a module counts in plain members and describes them when
// asked, so that counting costs an addition and nothing else.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::observe {

// Receives the values of one module. Groups nest: "npu.matrix.macs".
class StatisticsSink {
 public:
  virtual ~StatisticsSink() = default;
  // `unit` is SI or one of: "1" (count), "B", "ps", "pJ", "fraction".
  virtual void value(std::string_view name, std::uint64_t value, std::string_view unit,
                     std::string_view description) = 0;
  virtual void value(std::string_view name, double value, std::string_view unit,
                     std::string_view description) = 0;
  virtual void begin_group(std::string_view name) = 0;
  virtual void end_group() = 0;
};

// Opens a group for the life of the object.
class StatisticsGroup {
 public:
  StatisticsGroup(StatisticsSink& sink, std::string_view name) : sink_(sink) {
    sink_.begin_group(name);
  }
  ~StatisticsGroup() { sink_.end_group(); }
  StatisticsGroup(const StatisticsGroup&) = delete;
  StatisticsGroup& operator=(const StatisticsGroup&) = delete;

 private:
  StatisticsSink& sink_;
};

struct Statistic {
  std::string path;  // dotted, from the outermost group
  bool is_integer;
  std::uint64_t integer;
  double real;
  std::string unit;
  std::string description;

  double as_double() const { return is_integer ? static_cast<double>(integer) : real; }
};

// Keeps what it is told, in the order it is told.
class StatisticsTable : public StatisticsSink {
 public:
  void value(std::string_view name, std::uint64_t value, std::string_view unit,
             std::string_view description) override;
  void value(std::string_view name, double value, std::string_view unit,
             std::string_view description) override;
  void begin_group(std::string_view name) override;
  void end_group() override;

  const std::vector<Statistic>& all() const { return statistics_; }
  // nullptr when there is no such path.
  const Statistic* find(std::string_view path) const;

 private:
  std::string path_of(std::string_view name) const;
  std::vector<std::string> groups_;
  std::vector<Statistic> statistics_;
};

}  // namespace tandem::observe
