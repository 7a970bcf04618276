// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <sstream>

#include "figures_fixture.h"
#include "validate/validate_command.h"

using namespace tandem::platform;
using tandem::test::FiguresFixture;
using tandem::test::read_whole;
namespace fs = std::filesystem;

namespace {

// `tandem validate` with a script in the place of `tandem`: it counts its calls in `calls`, and
// writes a result whose `x` is the seed, unless that is 13, for which it fails.
class ValidateFixture : public FiguresFixture {
 public:
  ValidateFixture() {
    program = folder.write(
        "tandem.sh",
        "#!/bin/sh\n"
        "echo \"$PWD $*\" >> '" +
            (folder.path() / "calls").string() +
            "'\n"
            "seed=1\n"
            "while [ $# -gt 0 ]; do\n"
            "  case $1 in --out) out=$2;; seed=*) seed=${1#seed=};; esac\n"
            "  shift\n"
            "done\n"
            "if [ $seed = 13 ]; then echo 'unlucky' >&2; exit 2; fi\n"
            "if [ $seed = 14 ]; then kill -KILL $$; fi\n"
            "mkdir -p \"$out\" && echo \"{\\\"x\\\": $seed}\" > \"$out/result.json\"\n");
    fs::permissions(program, fs::perms::owner_all);
    file = (folder.path() / "x.figures.yaml").string();
  }

  int validate(const std::string& text, const std::vector<std::string>& options = {}) {
    folder.write("x.figures.yaml", text);
    std::vector<std::string> arguments = {"validate", file};
    arguments.insert(arguments.end(), options.begin(), options.end());
    out.str("");
    err.str("");
    return run_command(arguments, program, {}, {out, err});
  }

  std::string results() const { return read_whole(folder.path() / "RESULTS.md"); }

  static std::string seeds(const std::string& list, const std::string& figure) {
    std::string axis;
    for (const char seed : list) axis += std::string(", ") + seed + ": {seed: " + seed + "}";
    return head("tolerance: 10\naxes: {n: {0: {seed: 0}" + axis +
                "}}\nruns: {a: {scenario: s.yaml, over: [n]}}\nfigures: [{name: f, " + figure +
                "}]\n");
  }

  static std::string one(int seed, const std::string& figure) {
    return head("tolerance: 10\nruns: {a: {scenario: s.yaml, set: {seed: " + std::to_string(seed) +
                "}}}\nfigures: [{name: f, " + figure + "}]\n");
  }

  fs::path program;
  std::string file;
  std::ostringstream out;
  std::ostringstream err;
};

}  // namespace

TEST_CASE_METHOD(ValidateFixture, "every run is made once, in the folder of the figures") {
  CHECK(validate(seeds("2357", "ours: a.x + 2 * a.x, published: 6, at: {n: [2, 3, 5]}"),
                 {"--jobs", "2"}) == 0);
  CHECK(err.str().empty());
  CHECK(out.str().find("f (n 2)          6  6.000    +0.0 %  within 10 %") != std::string::npos);
  CHECK(out.str().find("f (n 5)          6  15.00  +150.0 %  outside 10 %") != std::string::npos);
  const std::string calls = read_whole(folder.path() / "calls");
  CHECK(std::count(calls.begin(), calls.end(), '\n') == 3);
  CHECK(calls.find(folder.path().string() + " run s.yaml --quiet --out ") != std::string::npos);
  CHECK_FALSE(fs::exists(folder.path() / "RESULTS.md"));
}

TEST_CASE_METHOD(ValidateFixture, "results are written and compared, without machine paths") {
  CHECK(validate(one(5, "ours: a.x, published: 5"), {"--check"}) == 1);
  CHECK(validate(one(5, "ours: a.x, published: 5"), {"--write"}) == 0);
  CHECK(results().find("| f | 5 | 5.000 | +0.0 % | within 10 % |") != std::string::npos);
  CHECK(results().find("`tandem run s.yaml --set seed=5`") != std::string::npos);
  CHECK(results().find(folder.path().string()) == std::string::npos);
  CHECK(validate(one(5, "ours: a.x, published: 5"), {"--check"}) == 0);
  CHECK(validate(one(6, "ours: a.x, published: 5"), {"--check"}) == 1);
  CHECK(err.str().find("RESULTS.md differs from these runs") != std::string::npos);
}

TEST_CASE_METHOD(ValidateFixture,
                 "a figure outside its tolerance fails only if that is asked for") {
  CHECK(validate(one(6, "ours: a.x, published: 5")) == 0);
  CHECK(validate(one(6, "ours: a.x, published: 5"), {"--strict"}) == 1);
  CHECK(validate(one(6, "ours: a.x, published: 6"), {"--strict"}) == 0);
}

TEST_CASE_METHOD(ValidateFixture, "a run that fails is told, and nothing is written") {
  CHECK(validate(one(13, "ours: a.x, published: 5"), {"--write"}) == 1);
  CHECK(err.str() ==
        "tandem: validate: x: run 'a' failed: exit code 2: unlucky\n"
        "tandem: validate: RESULTS.md was not written\n");
  CHECK_FALSE(fs::exists(folder.path() / "RESULTS.md"));
  CHECK(validate(one(14, "ours: a.x, published: 5")) == 1);
  CHECK(err.str().find("run 'a' failed: signal 9") != std::string::npos);
  program = folder.path() / "nowhere";
  CHECK(validate(one(1, "ours: a.x, published: 5")) == 1);
  CHECK(err.str().find("cannot start") != std::string::npos);
}

TEST_CASE_METHOD(ValidateFixture, "a path that the result does not have is the file's mistake") {
  CHECK(validate(one(1, "ours: a.y, published: 5")) == 2);
  CHECK(err.str().find("x.figures.yaml:8:27: figures: run 'a': the result has no 'y'") !=
        std::string::npos);
}

TEST_CASE_METHOD(ValidateFixture, "results of runs are kept where the user says") {
  const fs::path kept = folder.path() / "kept";
  CHECK(validate(one(1, "ours: a.x"), {"--out", kept.string()}) == 0);
  CHECK(fs::exists(kept / "x/a/result.json"));
}

TEST_CASE_METHOD(ValidateFixture, "mistakes on the command line are told") {
  const std::string good = one(1, "ours: a.x");
  CHECK(validate(good, {"--jobs", "0"}) == 2);
  CHECK(validate(good, {"--job", "1"}) == 2);
  CHECK(validate(good, {"--write", "--check"}) == 2);
  CHECK(validate(good, {"./none.figures.yaml"}) == 2);
  CHECK(validate(good, {file}) == 2);
  CHECK(err.str().find("'x' is given twice") != std::string::npos);
  CHECK(validate(good, {"neupim"}) == 2);
  CHECK(err.str().find("there is no system 'neupim'") != std::string::npos);
  CHECK(validate(good, {"--help"}) == 0);
  CHECK(out.str().find("tandem validate [SYSTEM ...] [options]") != std::string::npos);
}

TEST_CASE_METHOD(ValidateFixture, "figures can be restricted to a point of an axis") {
  const std::string text = seeds("23", "ours: a.x");
  CHECK(validate(text, {"--at", "n=3"}) == 0);
  CHECK(out.str().find("3.000") != std::string::npos);
  CHECK(out.str().find("2.000") == std::string::npos);
  CHECK(validate(text, {"--at", "n=4"}) == 2);
  CHECK(err.str().find("'x' has no point '4' of its axis 'n'") != std::string::npos);
  CHECK(validate(text, {"--at", "m=3"}) == 2);
  CHECK(validate(text, {"--at", "n"}) == 2);
  CHECK(validate(text, {"--at", "n=3", "--write"}) == 2);
  CHECK(validate(seeds("23", "ours: a.x, at: {n: 2}"), {"--at", "n=3"}) == 2);
  CHECK(err.str().find("'x' has no figure at n 3") != std::string::npos);
}
