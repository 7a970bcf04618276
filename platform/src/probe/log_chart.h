// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "chart.h"

namespace tandem::platform {

// Powers of ten, the ends of an axis.
struct Decades {
  int first;
  int last;
};

struct LogPanel {
  std::string x_label;
  std::string y_label;
  Decades x;
  Decades y;
  std::vector<Series> series;  // values greater than 0, within the decades
};

// Panels one below the other, each with two logarithmic axes.
struct LogChart {
  std::string title;
  std::string subtitle;
  std::vector<LogPanel> panels;
};

// The decades that hold all values of the series, at least one.
Decades decades_of(const std::vector<Series>& series, bool of_x);

// As an SVG document, the same bytes for the same chart.
std::string svg(const LogChart& chart);

}  // namespace tandem::platform
