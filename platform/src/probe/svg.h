// SPDX-License-Identifier: Apache-2.0
// What the charts are made of.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "chart.h"
#include "format.h"

namespace tandem::platform::svg_elements {

struct Look {
  const char* colour;
  const char* width;
  const char* dash;
};
inline Look look_of(Series::Style style) {
  if (style == Series::Style::kReference) return {"#777777", "1.5", "2 4"};
  return style == Series::Style::kStrong ? Look{"#0b5fa5", "2.5", "none"}
                                         : Look{"#b5460f", "2", "6 4"};
}

inline std::string at(double value) {
  return fixed(value, 1);
}

inline std::string text(double x, double y, const std::string& attributes,
                        const std::string& content) {
  return "<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" " + attributes + ">" + content +
         "</text>\n";
}

inline std::string line(double x1, double y1, double x2, double y2, const std::string& attributes) {
  return "<line x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) + "\" y2=\"" + at(y2) +
         "\" " + attributes + "/>\n";
}

// With a mark at every point, unless it is a reference.
inline std::string polyline(const std::vector<std::pair<double, double>>& points, const Look& look,
                            bool marked = true) {
  std::string path;
  std::string marks;
  for (const auto& [x, y] : points) {
    path += (path.empty() ? "" : " ") + at(x) + "," + at(y);
    if (!marked) continue;
    marks += "<circle cx=\"" + at(x) + "\" cy=\"" + at(y) + "\" r=\"3\" fill=\"" + look.colour +
             "\"/>\n";
  }
  return "<polyline points=\"" + path + "\" fill=\"none\" stroke=\"" + look.colour +
         "\" stroke-width=\"" + look.width + "\" stroke-dasharray=\"" + look.dash + "\"/>\n" +
         marks;
}

// Ends with "</svg>\n", which the caller writes.
inline std::string begin(double width, double height) {
  return "<!-- SPDX-License-Identifier: Apache-2.0 -->\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
         "width=\"" +
         fixed(width, 0) + "\" height=\"" + fixed(height, 0) + "\" viewBox=\"0 0 " +
         fixed(width, 0) + " " + fixed(height, 0) +
         "\" font-family=\"sans-serif\" font-size=\"12\">\n"
         "<style>.axis{stroke:#333}.grid{stroke:#ddd}.label{font-weight:bold}</style>\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
}

}  // namespace tandem::platform::svg_elements
