// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "figures_fixture.h"

using namespace tandem::platform;
using tandem::test::FiguresFixture;

namespace {

double number_at(const FiguresFixture& fixture, const std::string& expression) {
  const FiguresFile file = fixture.figures(
      FiguresFixture::head("tolerance: 10\n"
                           "runs: {a: {scenario: s.yaml}, b: {scenario: s.yaml, set: {seed: 2}}}\n"
                           "values: {half: x.y / 2, ten: 10, fifth: half / 5 + 0 * ten}\n"
                           "figures:\n"
                           "  - {name: f, ours: \"" +
                           expression + " + 0 * (a.fifth + b.z + ten)\"}\n"));
  return evaluate(file.figures.at(0).ours, [](const Term& name) {
    if (name.path == "x.y") return name.run == 0 ? 8.0 : 80.0;
    return name.path == "z" ? 3.0 : -1.0;
  });
}

}  // namespace

TEST_CASE_METHOD(FiguresFixture, "an expression follows the rules of arithmetic") {
  CHECK(number_at(*this, "a.x.y") == 8.0);
  CHECK(number_at(*this, "b.x.y / a.x.y") == 10.0);
  CHECK(number_at(*this, "a.half + b.half") == 44.0);
  CHECK(number_at(*this, "2 + 3 * 4") == 14.0);
  CHECK(number_at(*this, "(2 + 3) * 4") == 20.0);
  CHECK(number_at(*this, "8 - 4 - 2") == 2.0);
  CHECK(number_at(*this, "8 / 4 / 2") == 1.0);
  CHECK(number_at(*this, "2 ^ 3 ^ 2") == 512.0);
  CHECK(number_at(*this, "-2 ^ 2") == -4.0);
  CHECK(number_at(*this, "2 ^ -1") == 0.5);
  CHECK(number_at(*this, "1e-3 * 1.5E3 * ten") == 15.0);
  CHECK(number_at(*this, "min(a.z, 7) + max(1 + 1, 1)") == 5.0);
}

TEST_CASE_METHOD(FiguresFixture, "a wrong expression is refused where it is wrong") {
  const auto error = [&](const std::string& expression) {
    return figures_error(with_runs("figures:\n  - {name: f, ours: " + expression + "}\n"));
  };
  CHECK(error("a.x + b.x").empty());
  CHECK(error("a.x + + b.x") ==
        "x.figures.yaml:8:27: figures.0.ours: expected a number, a name or '(', got '+ b.x'");
  CHECK(error("(a.x + b.x") == "x.figures.yaml:8:31: figures.0.ours: expected ')', got the end");
  CHECK(error("a.x b.x") ==
        "x.figures.yaml:8:25: figures.0.ours: expected an operator or the end, got 'b.x'");
  CHECK(error("a.x + 2kg").find("expected an operator after a number, got 'kg'") !=
        std::string::npos);
  CHECK(error("\"a.x + c.x\"") ==
        "x.figures.yaml:8:28: figures.0.ours: there is no run 'c'; expected a or b");
  CHECK(error("seed").find("expected RUN.PATH or a constant of `values`, got 'seed'") !=
        std::string::npos);
  CHECK(error("a..x").find("'a..x' is no name") != std::string::npos);
  CHECK(error("2 * 3").find("expected a figure of a run: RUN.PATH") != std::string::npos);
  CHECK(error(std::string(40, '(') + "a.x").find("nested too deeply") != std::string::npos);
}

TEST_CASE_METHOD(FiguresFixture,
                 "unknown keys, runs, axes and points are refused with their place") {
  CHECK(figures_error(with_runs("figurs: []\n")) ==
        "x.figures.yaml:7:1: figurs: unknown key; did you mean 'figures'?");
  CHECK(figures_error(with_runs("figures: [{name: f, our: a.x}]\n")) ==
        "x.figures.yaml:7:21: figures.0.our: unknown key; did you mean 'ours'?");
  CHECK(figures_error(head("runs: {a: {scenario: s.yaml, over: [size]}}\nfigures: []\n")) ==
        "x.figures.yaml:6:37: runs.a.over: there is no axis 'size'; `axes` is empty");
  const std::string axes =
      "axes: {size: {small: {seed: 1}, large: {seed: 2}}}\n"
      "runs: {a: {scenario: s.yaml, over: [size]}}\n";
  CHECK(figures_error(head(axes + "figures: [{name: f, ours: a.x, at: {size: huge}}]\n")) ==
        "x.figures.yaml:8:43: figures.0.at.size: expected a point of the axis 'size': small or "
        "large, got 'huge'");
  CHECK(figures_error(head(axes + "figures: [{name: f, ours: a.x, at: {shape: small}}]\n"))
            .find("there is no axis 'shape'; expected size") != std::string::npos);
  CHECK(figures_error(head(axes + "figures: [{name: f, ours: a.x, published: {huge: 2}}]\n"))
            .find("'huge' is no point of an axis that this figure goes over") != std::string::npos);
}

TEST_CASE_METHOD(FiguresFixture,
                 "wrong types and missing keys are refused with what was expected") {
  CHECK(figures_error("[]") ==
        "x.figures.yaml:1:1: expected a map of keys to values, such as 'version: 1'");
  CHECK(figures_error("version: 2\n").find("version: expected 1, got '2'") != std::string::npos);
  CHECK(figures_error("version: 1\nsystem: y\n").find("system: expected the name of the file") !=
        std::string::npos);
  CHECK(figures_error("version: 1\nsystem: x\ntitle: X\n") ==
        "x.figures.yaml:1:1: source: this key is required");
  CHECK(figures_error(with_runs("")) == "x.figures.yaml:1:1: figures: this key is required");
  CHECK(figures_error(with_runs("figures: [{ours: a.x}]\n")) ==
        "x.figures.yaml:7:11: figures.0.name: this key is required");
  CHECK(figures_error(
            with_runs("figures: [{name: f, ours: a.x + b.x, tolerance: lots, published: 1}]\n"))
            .find("tolerance: expected a number 0..1000, got 'lots'") != std::string::npos);
  CHECK(figures_error(with_runs("figures: [{name: f, ours: a.x + b.x, published: 1}]\n"))
            .find("tolerance: this key is required, here or for the whole file") !=
        std::string::npos);
  CHECK(figures_error(with_runs("figures: [{name: f, ours: a.x + b.x, published: 0}]\n"))
            .find("must not be 0") != std::string::npos);
  CHECK(figures_error(with_runs("figures: [{name: f, ours: a.x, combine: best}]\n"))
            .find("expected each, mean, geomean or band, got 'best'") != std::string::npos);
}

TEST_CASE_METHOD(FiguresFixture, "what nothing uses is refused") {
  CHECK(figures_error(with_runs("figures: [{name: f, ours: a.x}]\n")) ==
        "x.figures.yaml:6:31: runs.b: no figure uses this run");
  CHECK(figures_error(with_runs("values: {v: x}\nfigures: [{name: f, ours: a.x + b.x}]\n")) ==
        "x.figures.yaml:7:13: values.v: nothing uses this value");
  CHECK(figures_error(with_runs("axes: {size: {s: {}}}\nfigures: [{name: f, ours: a.x + b.x}]\n"))
            .find("axes.size: no run goes over this axis") != std::string::npos);
}

TEST_CASE_METHOD(FiguresFixture,
                 "scenarios are checked with their overrides before anything runs") {
  CHECK(figures_error(head("runs: {a: {scenario: s.yaml, set: {policy.draft.lenght: 4}}}\n"
                           "figures: [{name: f, ours: a.x}]\n")) ==
        "x.figures.yaml:6:36: policy.draft.lenght: unknown key; did you mean 'length'?");
  CHECK(figures_error(head("axes: {n: {1: {}, 99: {policy.draft.length: 99}}}\n"
                           "runs: {a: {scenario: s.yaml, over: [n]}}\n"
                           "figures: [{name: f, ours: a.x}]\n")) ==
        "x.figures.yaml:6:45: policy.draft.length: expected an integer 1..16, got '99'");
  CHECK(figures_error(head("runs: {a: {scenario: none.yaml}}\nfigures: [{name: f, ours: a.x}]\n"))
            .find("none.yaml': No such file") != std::string::npos);
}

TEST_CASE_METHOD(FiguresFixture, "a run is planned once for each combination of its own axes") {
  const FiguresFile file = figures(
      head("axes:\n"
           "  n: {1: {policy.draft.length: 1}, 2: {policy.draft.length: 2}}\n"
           "  m: {3: {seed: 3}, 4: {seed: 4}, 5: {seed: 5}}\n"
           "runs:\n"
           "  both: {scenario: s.yaml, set: {workload.prompts: [\"a, b\", [1, 2]]}, over: [n, m]}\n"
           "  one: {scenario: s.yaml, over: [m]}\n"
           "figures:\n"
           "  - {name: f, ours: both.x / one.x, at: {m: [4, 5]}}\n"
           "  - {name: g, ours: one.y, at: {m: 4}}\n"));
  const RunPlan plan(file);
  CHECK(plan.runs().size() == 6);  // 2 x 2 of `both`, 2 of `one`
  const std::size_t at = plan.index_of(0, {{0, 1}, {1, 2}});
  CHECK(plan.runs()[at].label == "both, n 2, m 5");
  CHECK(plan.runs()[at].assignments() ==
        std::vector<std::string>{"workload.prompts=[\"a, b\", [1, 2]]", "policy.draft.length=2",
                                 "seed=5"});
  CHECK(plan.index_of(1, {{0, 0}, {1, 1}}) == plan.index_of(1, {{0, 1}, {1, 1}}));
  CHECK(plan.runs()[plan.index_of(1, {{1, 1}})].paths.size() == 2);
  CHECK(shell_options(plan.runs()[at].settings) ==
        " --set 'workload.prompts=[\"a, b\", [1, 2]]' --set policy.draft.length=2 --set seed=5");
}

TEST_CASE_METHOD(FiguresFixture, "the name of a point can be part of an override") {
  const FiguresFile file = figures(head(
      "axes: {n: [1, 2], file: [s, t]}\n"
      "runs: {a: {scenario: <file>.yaml, set: {workload.prompts: [[<n>, 7]]}, over: [n, file]}}\n"
      "figures: [{name: f, ours: a.x, at: {n: 2, file: s}}]\n"));
  const RunPlan plan(file);
  REQUIRE(plan.runs().size() == 1);
  CHECK(plan.runs()[0].scenario == "s.yaml");
  CHECK(plan.runs()[0].assignments() == std::vector<std::string>{"workload.prompts=[[2, 7]]"});
  CHECK(figures_error(head("axes: {n: [1, 1]}\nruns: {a: {scenario: s.yaml, over: [n]}}\n"
                           "figures: [{name: f, ours: a.x}]\n")) ==
        "x.figures.yaml:6:15: axes.n: '1' is given twice");
  CHECK(
      figures_error(head("axes: {n: [1, 2]}\nruns: {a: {scenario: s.yaml, set: {seed: <m>}, over: "
                         "[n]}}\nfigures: [{name: f, ours: a.x}]\n"))
          .find("seed: expected an integer 0..18446744073709551615, got '<m>'") !=
      std::string::npos);
}

TEST_CASE("the example of the README is a valid figures file") {
  const std::filesystem::path folder = TANDEM_PUBLISHED;
  const std::string readme = tandem::test::read_whole(folder / "README.md");
  const std::string fence = "```yaml\n";
  const std::size_t begin = readme.find(fence) + fence.size();
  const std::string example = readme.substr(begin, readme.find("```", begin) - begin);
  const FiguresFile file = read_figures_text(example, folder / "neupims.figures.yaml");
  CHECK(file.figures.size() == 2);
  check_scenarios(file, RunPlan(file));
}
