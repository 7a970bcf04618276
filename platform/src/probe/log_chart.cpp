// SPDX-License-Identifier: Apache-2.0
#include "log_chart.h"

#include <algorithm>
#include <cmath>

#include "format.h"
#include "svg.h"

namespace tandem::platform {
namespace {

using namespace svg_elements;

constexpr double kWidth = 720;
constexpr double kLeft = 72;
constexpr double kRight = 24;
constexpr double kTop = 86;
constexpr double kDecade = 64;     // height of one
constexpr double kPanelGap = 116;  // axis, its label, the legend, the next title
constexpr double kLegendLine = 28;
constexpr double kLegendColumn = 200;

double height_of(const LogPanel& panel) {
  return kDecade * (panel.y.last - panel.y.first);
}

std::string power(int exponent) {
  return exponent < 0 ? fixed(std::pow(10.0, exponent), -exponent)
                      : fixed(std::pow(10.0, exponent), 0);
}

class PanelWriter {
 public:
  PanelWriter(const LogPanel& panel, double top)
      : panel_(panel), top_(top), bottom_(top + height_of(panel)) {}

  std::string write() const {
    std::string out = text(kLeft, top_ - 12, "class=\"label\"", panel_.y_label);
    for (int y = panel_.y.first; y <= panel_.y.last; ++y) out += row(y);
    for (int x = panel_.x.first; x <= panel_.x.last; ++x) out += column(x);
    for (const Series& series : panel_.series) out += curve(series);
    out +=
        text((kLeft + kWidth - kRight) / 2, bottom_ + 40, "text-anchor=\"middle\"", panel_.x_label);
    return out + legend();
  }

 private:
  double x_of(double value) const {
    const double part = (std::log10(value) - panel_.x.first) / (panel_.x.last - panel_.x.first);
    return kLeft + part * (kWidth - kLeft - kRight);
  }
  double y_of(double value) const {
    return bottom_ - kDecade * (std::log10(value) - panel_.y.first);
  }

  std::string row(int exponent) const {
    const double y = y_of(std::pow(10.0, exponent));
    return line(kLeft, y, kWidth - kRight, y,
                exponent == panel_.y.first ? "class=\"axis\"" : "class=\"grid\"") +
           text(kLeft - 8, y + 4, "text-anchor=\"end\"", power(exponent));
  }
  std::string column(int exponent) const {
    const double x = x_of(std::pow(10.0, exponent));
    return line(x, top_, x, bottom_,
                exponent == panel_.x.first ? "class=\"axis\"" : "class=\"grid\"") +
           text(x, bottom_ + 19, "text-anchor=\"middle\"", power(exponent));
  }
  std::string curve(const Series& series) const {
    std::vector<std::pair<double, double>> points;
    for (const auto& [x, y] : series.points) points.emplace_back(x_of(x), y_of(y));
    return polyline(points, look_of(series.style), series.style != Series::Style::kReference);
  }
  std::string legend() const {
    std::string out;
    double x = kLeft;
    const double y = bottom_ + 64;
    for (const Series& series : panel_.series) {
      out += polyline({{x, y - 4}, {x + kLegendLine, y - 4}}, look_of(series.style), false);
      out += text(x + kLegendLine + 8, y, "", series.name);
      x += kLegendColumn;
    }
    return out;
  }

  const LogPanel& panel_;
  double top_;
  double bottom_;
};

}  // namespace

Decades decades_of(const std::vector<Series>& series, bool of_x) {
  double least = 0;
  double most = 0;
  for (const Series& one : series) {
    for (const auto& [x, y] : one.points) {
      const double value = of_x ? x : y;
      least = least == 0 ? value : std::min(least, value);
      most = std::max(most, value);
    }
  }
  if (least <= 0) return {0, 1};
  const int first = static_cast<int>(std::floor(std::log10(least)));
  const int last = static_cast<int>(std::ceil(std::log10(most)));
  return {first, std::max(last, first + 1)};
}

std::string svg(const LogChart& chart) {
  double height = kTop - kPanelGap + 84;
  for (const LogPanel& panel : chart.panels) height += height_of(panel) + kPanelGap;
  std::string out = begin(kWidth, height) +
                    text(kLeft, 24, "font-size=\"14\" class=\"label\"", chart.title) +
                    text(kLeft, 44, "fill=\"#555\"", chart.subtitle);
  double top = kTop;
  for (const LogPanel& panel : chart.panels) {
    out += PanelWriter(panel, top).write();
    top += height_of(panel) + kPanelGap;
  }
  return out + "</svg>\n";
}

}  // namespace tandem::platform
