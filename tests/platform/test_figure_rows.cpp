// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <sstream>

#include "figures_fixture.h"
#include "validate/figure_rows.h"
#include "validate/result_number.h"
#include "validate/validation_report.h"

using namespace tandem::platform;
using tandem::test::FiguresFixture;

namespace {

class RowsFixture : public FiguresFixture {
 public:
  // Rows of figures of the run a, whose `x` is 4, 6 and 9 at the points of `size`; its `zero` is 0.
  std::vector<FigureRow> rows(const std::string& figure) {
    file =
        figures(head("tolerance: 10\n"
                     "axes: {size: {s: {seed: 1}, m: {seed: 2}, l: {seed: 3}}}\n"
                     "runs: {a: {scenario: s.yaml, over: [size]}}\n"
                     "figures: [{name: f, " +
                     figure + "}]\n"));
    return figure_rows(file, [](const Term& name, const Combination& at) {
      constexpr double kValues[] = {4.0, 6.0, 9.0};
      return name.path == "x" ? kValues[at.at(0)] : 0.0;
    });
  }

  FiguresFile file;
};

}  // namespace

TEST_CASE_METHOD(RowsFixture, "a figure is within its tolerance or outside") {
  const auto verdict = [&](const std::string& figure) {
    return rows("ours: a.x, at: {size: l}, " + figure).at(0).verdict;
  };
  CHECK(verdict("published: 10") == Verdict::kWithin);
  CHECK(verdict("published: 10.1") == Verdict::kOutside);
  CHECK(verdict("published: 8.1") == Verdict::kOutside);
  CHECK(verdict("published: 10.1, precision: 0.1") == Verdict::kWithin);
  CHECK(verdict("published: 10, tolerance: 9") == Verdict::kOutside);
  CHECK(rows("ours: a.x, at: {size: l}, published: 10").at(0).error_percent == Approx(-10.0));
  CHECK(rows("ours: a.x, at: {size: l}, published: a.x * 2").at(0).published == 18.0);
  CHECK(rows("ours: a.x, at: {size: l}").at(0).verdict == Verdict::kNone);
}

TEST_CASE_METHOD(RowsFixture, "each combination has a row, or all of them have one mean") {
  const std::vector<FigureRow> each = rows("ours: a.x, published: {s: 4, l: 8}");
  REQUIRE(each.size() == 3);
  CHECK(each[0].points == "size s");
  CHECK(each[0].verdict == Verdict::kWithin);
  CHECK(each[1].verdict == Verdict::kNone);
  CHECK_FALSE(each[1].published);
  CHECK(each[2].verdict == Verdict::kOutside);
  CHECK(rows("ours: a.x, combine: mean, published: 6").at(0).ours == Approx(19.0 / 3));
  CHECK(rows("ours: a.x, combine: geomean, published: 6").at(0).ours == Approx(6.0));
}

TEST_CASE_METHOD(RowsFixture, "figures of one name are told apart by their points") {
  const auto names = [&](const std::string& first, const std::string& second) {
    std::vector<std::string> points;
    for (const FigureRow& row : rows("ours: a.x, " + first + "}, {name: f, ours: a.x, " + second)) {
      points.push_back(row.points);
    }
    return points;
  };
  using Names = std::vector<std::string>;
  CHECK(names("at: {size: s}", "at: {size: m}") == Names{"size s", "size m"});
  CHECK(names("at: {size: s}, combine: mean", "at: {size: m}, combine: band") ==
        Names{"size s", "size m"});
  CHECK(names("at: {size: s}", "at: {size: [m, l]}") == Names{"size s", "size m", "size l"});
  CHECK(names("at: {size: s}", "at: {size: s}, unit: ms") == Names{"", ""});
  CHECK(results_section(file, rows("ours: a.x, at: {size: s}}, {name: f, ours: a.x, at: {size: m}"))
            .find("| f (size m) |") != std::string::npos);
  CHECK_THROWS_WITH(names("at: {size: s}", "at: {size: s}"),
                    Catch::Contains("'f' stands for two figures, which have the same points"));
}

TEST_CASE_METHOD(RowsFixture, "a band says where the published value lies") {
  const FigureRow row = rows("ours: a.x, combine: band, published: 5").at(0);
  CHECK(row.lowest == 4.0);
  CHECK(row.highest == 9.0);
  CHECK(row.lowest_at == "size s");
  CHECK(row.highest_at == "size l");
  CHECK(row.verdict == Verdict::kInBand);
  CHECK(results_section(file, {row})
            .find("| f | 5 | 4.000 .. 9.000 | - | in the band, at 20 % of it |") !=
        std::string::npos);
  CHECK(rows("ours: a.x, combine: band, published: 3.9").at(0).verdict == Verdict::kBelowBand);
  CHECK(rows("ours: a.x, combine: band, published: 9.1").at(0).verdict == Verdict::kAboveBand);
  CHECK(rows("ours: a.x, combine: band, published: 9.1, precision: 0.2").at(0).verdict ==
        Verdict::kInBand);
}

TEST_CASE_METHOD(RowsFixture, "what is no finite number is refused") {
  CHECK_THROWS_WITH(rows("ours: a.x / a.zero, at: {size: m}"),
                    Catch::Contains("'f' is no finite number at size m"));
  CHECK_THROWS_WITH(rows("ours: a.zero, combine: geomean"),
                    Catch::Contains("'f' has no geometric mean"));
}

TEST_CASE("a path names a number of a result, or the error says what is there") {
  const auto result = nlohmann::json::parse(
      R"({"summary": {"rate": 2.5, "none": null, "utilisation": {"npu.matrix": {"fraction": 0.5}}},
          "statistics": {"busy": {"value": 7, "unit": "ps"}}, "requests": [{"rounds": 3}],
          "scenario": {"clock": "1 GHz"}})");
  CHECK(result_number(result, "summary.rate") == 2.5);
  CHECK(result_number(result, "statistics.busy") == 7.0);
  CHECK(result_number(result, "requests.0.rounds") == 3.0);
  CHECK(result_number(result, "summary.utilisation.npu.matrix.fraction") == 0.5);
  CHECK_THROWS_WITH(result_number(result, "summary.rat"),
                    "the result has no 'summary.rat'; did you mean 'rate' for 'rat'?");
  CHECK_THROWS_WITH(result_number(result, "requests.1.rounds"),
                    "the result has no 'requests.1.rounds'");
  CHECK_THROWS_WITH(result_number(result, "summary.none"), Catch::Contains("no such figure"));
  CHECK_THROWS_WITH(result_number(result, "scenario.clock"),
                    "'scenario.clock' of the result is no number but a string");
  CHECK_THROWS_WITH(result_number(result, "summary"), Catch::Contains("no number but a object"));
}

TEST_CASE("sections of a results file are replaced one by one") {
  const std::string one = with_sections("", {{"b", "B\n"}, {"a", "A\n"}});
  CHECK(one.find("A\n") < one.find("B\n"));
  const std::string two = with_sections(one, {{"a", "new\n"}});
  CHECK(two.find("A\n") == std::string::npos);
  CHECK(two.find("new\n") < two.find("B\n"));
  CHECK(with_sections(two, {{"a", "A\n"}}) == one);
}
