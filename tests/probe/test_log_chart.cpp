// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "log_chart.h"

using namespace tandem::platform;

namespace {

LogChart chart_of(std::vector<std::pair<double, double>> points) {
  LogPanel panel{"commands", "seconds", {}, {}, {{"measured", Series::Style::kStrong, points}}};
  panel.x = decades_of(panel.series, true);
  panel.y = decades_of(panel.series, false);
  return {"title", "host", {panel}};
}

}  // namespace

TEST_CASE("decades of an axis hold every value") {
  const std::vector<Series> series = {{"a", Series::Style::kStrong, {{4, 0.025}, {4000, 0.3}}},
                                      {"b", Series::Style::kPlain, {{40, 4.4}}}};
  CHECK(decades_of(series, true).first == 0);
  CHECK(decades_of(series, true).last == 4);
  CHECK(decades_of(series, false).first == -2);
  CHECK(decades_of(series, false).last == 1);
}

TEST_CASE("an axis has at least one decade, whatever it is given") {
  const std::vector<Series> one = {{"a", Series::Style::kStrong, {{10, 10}}}};
  CHECK(decades_of(one, true).first == 1);
  CHECK(decades_of(one, true).last == 2);
  CHECK(decades_of({}, true).last == 1);
}

TEST_CASE("equal factors are equal distances on both axes") {
  const std::string picture = svg(chart_of({{1, 0.1}, {10, 1}, {100, 10}}));
  CHECK(picture.find("points=\"72.0,214.0 384.0,150.0 696.0,86.0\"") != std::string::npos);
  CHECK(picture.find(">0.1</text>") != std::string::npos);
  CHECK(picture.find(">100</text>") != std::string::npos);
}

TEST_CASE("a picture names its axes, its series and the host") {
  const std::string picture = svg(chart_of({{1, 1}, {10, 10}}));
  for (const char* name : {">title<", ">host<", ">commands<", ">seconds<", ">measured<"}) {
    CHECK(picture.find(name) != std::string::npos);
  }
}
