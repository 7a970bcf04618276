// SPDX-License-Identifier: Apache-2.0
#include "chart.h"

#include <algorithm>

#include "format.h"
#include "svg.h"

namespace tandem::platform {
namespace {

using namespace svg_elements;

constexpr double kWidth = 720;
constexpr double kLeft = 64;
constexpr double kRight = 24;
constexpr double kTop = 48;
constexpr double kPanelHeight = 200;
constexpr double kPanelGap = 48;
constexpr double kBottom = 76;
constexpr double kLegendLine = 28;

double x_of(double percent) {
  return kLeft + percent / 100 * (kWidth - kLeft - kRight);
}

class PanelWriter {
 public:
  PanelWriter(const Panel& panel, double top) : panel_(panel), top_(top) {}

  std::string write() const {
    std::string out = text(kLeft, top_ - 10, "class=\"label\"", panel_.y_label);
    for (double y = 0; y <= panel_.y_most; y += panel_.y_step) {
      out += line(kLeft, y_of(y), kWidth - kRight, y_of(y),
                  y == 0 ? "class=\"axis\"" : "class=\"grid\"");
      out += text(kLeft - 8, y_of(y) + 4, "text-anchor=\"end\"", fixed(y, 0));
    }
    for (int x = 0; x <= 100; x += 10) {
      out += line(x_of(x), y_of(0), x_of(x), y_of(0) + 5, "class=\"axis\"");
      out += text(x_of(x), y_of(0) + 19, "text-anchor=\"middle\"", std::to_string(x));
    }
    for (const Series& series : panel_.series) out += curve(series);
    return out;
  }

 private:
  double y_of(double value) const { return top_ + kPanelHeight * (1 - value / panel_.y_most); }

  std::string curve(const Series& series) const {
    const Look look = look_of(series.style);
    std::vector<std::pair<double, double>> points;
    for (const auto& [x, y] : series.points) points.emplace_back(x_of(x), y_of(y));
    return polyline(points, look) + label(series, look);
  }

  // At the middle of the curve, above it if it is the upper one, to the side that it turns away
  // from.
  std::string label(const Series& series, const Look& look) const {
    const std::size_t middle = series.points.size() / 2;
    if (series.points.empty()) return {};
    const auto& [x, y] = series.points[middle];
    const bool above =
        std::all_of(panel_.series.begin(), panel_.series.end(), [&, y = y](const Series& other) {
          return other.points.size() <= middle || other.points[middle].second <= y;
        });
    const bool falls = series.points.back().second < series.points.front().second;
    const char* anchor = above == falls ? "start" : "end";
    return text(
        x_of(x) + (above == falls ? 6 : -6), y_of(y) + (above ? -8 : 18),
        "text-anchor=\"" + std::string(anchor) + "\" class=\"label\" fill=\"" + look.colour + "\"",
        series.name);
  }

  const Panel& panel_;
  double top_;
};

std::string legend(const std::vector<Series>& series, double y) {
  std::string out;
  double x = kLeft;
  for (const Series& entry : series) {
    const Look look = look_of(entry.style);
    out += line(x, y - 4, x + kLegendLine, y - 4,
                "stroke=\"" + std::string(look.colour) + "\" stroke-width=\"" + look.width +
                    "\" stroke-dasharray=\"" + look.dash + "\"");
    out += text(x + kLegendLine + 8, y, "", entry.name);
    x += 190;
  }
  return out;
}

}  // namespace

std::string svg(const Chart& chart) {
  const double panels = static_cast<double>(chart.panels.size());
  const double height = kTop + panels * (kPanelHeight + kPanelGap) + kBottom - kPanelGap;
  std::string out =
      begin(kWidth, height) + text(kLeft, 20, "font-size=\"14\" class=\"label\"", chart.title);
  double top = kTop + 6;
  for (const Panel& panel : chart.panels) {
    out += PanelWriter(panel, top).write();
    top += kPanelHeight + kPanelGap;
  }
  const double foot = top - kPanelGap;
  out += text((kLeft + kWidth - kRight) / 2, foot + 38, "text-anchor=\"middle\"", chart.x_label);
  if (!chart.panels.empty()) out += legend(chart.panels.front().series, foot + 62);
  return out + "</svg>\n";
}

}  // namespace tandem::platform
