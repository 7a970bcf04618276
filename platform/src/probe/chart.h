// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace tandem::platform {

struct Series {
  enum class Style { kStrong, kPlain, kReference };
  std::string name;
  Style style = Style::kPlain;
  std::vector<std::pair<double, double>> points;
};

struct Panel {
  std::string y_label;
  double y_most = 1;
  double y_step = 1;
  std::vector<Series> series;
};

// Panels one below the other over one x axis of 0..100.
struct Chart {
  std::string title;
  std::string x_label;
  std::vector<Panel> panels;
};

// As an SVG document, the same bytes for the same chart.
std::string svg(const Chart& chart);

}  // namespace tandem::platform
