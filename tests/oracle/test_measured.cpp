// SPDX-License-Identifier: Apache-2.0
// Oracles made from published and measured files.
#include <array>
#include <catch2/catch.hpp>
#include <sstream>

#include "decode.h"
#include "oracle_rig.h"

using namespace tandem;
using npu::TokenOracle;
using test::decode;
using test::is_plausible;
using test::OracleRig;

namespace {

const std::string kFiles = TANDEM_ORACLE_DIR;
const std::string kTrace = kFiles + "/runlength_trace_E3M0_g128.csv";
const std::string kSteps = kFiles + "/specbench_vicuna7b_accept_lengths.csv";
const std::string kHistogram = kFiles + "/specbench_vicuna7b_accept_histogram.csv";
constexpr std::uint32_t kRounds = 20'000;

bool accepted(TokenOracle& oracle, std::uint32_t first, std::uint32_t index) {
  return oracle.draft(0, first, index).token == oracle.target(0, first + index);
}

void check_acceptance(TokenOracle& oracle, const std::vector<double>& expected) {
  for (std::uint32_t index = 0; index < expected.size(); ++index) {
    CAPTURE(index);
    std::uint64_t hits = 0;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      hits += accepted(oracle, 20 * round, index) ? 1 : 0;
    }
    CHECK(is_plausible(hits, kRounds, expected[index]));
    CHECK(oracle.draft(0, 1, index).confidence == static_cast<float>(expected[index]));
  }
}

std::vector<std::string> lines_of(const std::string& file) {
  std::istringstream stream(test::read_whole(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> fields;
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

}  // namespace

TEST_CASE("a table gives each index of a round its acceptance, the last one to all later ones") {
  OracleRig rig;
  const auto oracle = rig.make("oracle: {kind: table, table: [0.9, 0.5, 0.25]}\n");
  check_acceptance(*oracle, {0.9, 0.5, 0.25, 0.25, 0.25});
}

TEST_CASE("a published histogram is a table by method and category") {
  OracleRig rig;
  const std::string section = "oracle: {kind: table, file: " + kHistogram;
  const auto writing = rig.make(section + ", category: writing}\n");
  check_acceptance(*writing, {0.89510, 0.79528, 0.67464, 0.53759, 0.64116, 0.0, 0.0});
  const auto all = rig.make(section + "}\n");
  check_acceptance(*all, {0.89689, 0.80295, 0.72544, 0.51706, 0.62538, 0.0});
  const auto sps = rig.make(section + ", method: sps_vicuna68m}\n");
  check_acceptance(*sps, {0.56502, 0.53152, 0.59785, 0.63962});
}

TEST_CASE("without a file confidences are Beta, and acceptance is what they say") {
  OracleRig rig;
  const auto oracle = rig.make("oracle: {kind: confidence, beta_a: 3, beta_b: 2}\n");
  std::array<std::uint64_t, 5> drawn{}, hits{};
  double sum = 0.0, squares = 0.0;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const auto confidence = static_cast<double>(oracle->draft(0, round, 1).confidence);
    REQUIRE(confidence > 0.0);
    REQUIRE(confidence < 1.0);
    sum += confidence;
    squares += confidence * confidence;
    const auto bin = static_cast<std::size_t>(confidence * 5);
    ++drawn[bin];
    hits[bin] += accepted(*oracle, round, 1) ? 1 : 0;
  }
  // Mean a / (a + b) = 0.6, variance a b / ((a + b)^2 (a + b + 1)) = 0.04.
  const double mean = sum / kRounds;
  CHECK(std::abs(mean - 0.6) < 4.5 * std::sqrt(0.04 / kRounds));
  CHECK(squares / kRounds - mean * mean == Approx(0.04).epsilon(0.05));
  // In a bin the acceptance lies between the bin's confidences.
  for (std::size_t bin = 0; bin < drawn.size(); ++bin) {
    CAPTURE(bin);
    const double share = static_cast<double>(hits[bin]) / static_cast<double>(drawn[bin]);
    const double slack = 4.5 * std::sqrt(0.25 / static_cast<double>(drawn[bin]));
    CHECK(share > 0.2 * static_cast<double>(bin) - slack);
    CHECK(share < 0.2 * static_cast<double>(bin + 1) + slack);
  }
}

TEST_CASE("measured pairs of confidence and match are drawn as often as they were measured") {
  OracleRig rig;
  const auto oracle = rig.make("oracle: {kind: confidence, file: " + kTrace + "}\n");
  constexpr std::size_t kBins = 4;
  std::array<double, kBins> drawn{}, hits{}, measured{}, matches{};
  double rows = 0;
  const std::vector<std::string> lines = lines_of(kTrace);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = fields_of(lines[i]);
    const auto bin = std::min(kBins - 1, static_cast<std::size_t>(std::stod(fields[4]) * kBins));
    measured[bin] += 1;
    matches[bin] += fields[6] == "1" ? 1 : 0;
    rows += 1;
  }
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const float confidence = oracle->draft(0, round, 0).confidence;
    const auto bin = std::min(kBins - 1, static_cast<std::size_t>(confidence * kBins));
    drawn[bin] += 1;
    hits[bin] += accepted(*oracle, round, 0) ? 1 : 0;
  }
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    CAPTURE(bin);
    CHECK(is_plausible(static_cast<std::uint64_t>(drawn[bin]), kRounds, measured[bin] / rows));
    CHECK(is_plausible(static_cast<std::uint64_t>(hits[bin]),
                       static_cast<std::uint64_t>(drawn[bin]), matches[bin] / measured[bin]));
  }
  CHECK(hits[kBins - 1] / drawn[kBins - 1] > hits[0] / drawn[0] + 0.2);
}

TEST_CASE("a policy that stops below a confidence drafts less and wastes less of it") {
  OracleRig rig;
  const auto oracle = rig.make("oracle: {kind: confidence, file: " + kTrace + "}\n");
  const test::Decoded all = decode(*oracle, 0, 5, 5000, {8, 0.0f, test::kStop});
  const test::Decoded wary = decode(*oracle, 0, 5, 5000, {8, 0.5f, test::kStop});
  CHECK(all.tokens == wary.tokens);
  CHECK(wary.drafted < all.drafted);
  CHECK(static_cast<double>(wary.accepted) / static_cast<double>(wary.drafted) >
        static_cast<double>(all.accepted) / static_cast<double>(all.drafted));
}

TEST_CASE("a traced answer is replayed with its runs of right tokens") {
  OracleRig rig;
  const std::vector<std::string> lines = lines_of(kTrace);
  const auto facts = test::oracle_facts(30, 7, 150);
  for (const std::string kv : {"own", "shared"}) {
    for (const std::uint32_t length : {1u, 4u, 8u}) {
      CAPTURE(kv, length);
      const auto oracle =
          rig.make("policy: {draft: {length: " + std::to_string(length) + ", kv: " + kv +
                       "}}\noracle: {kind: replay, file: " + kTrace + "}\n",
                   facts);
      // Request 25 has the answer to prompt 1, whose first row is in line 347 of the file.
      const test::Decoded decoded = decode(*oracle, 25, 7, 150, {length, 0.0f, test::kStop});
      std::size_t at = 1;  // prefill gives the first token
      for (const std::uint32_t accepted : decoded.accepted_in_round) {
        const std::vector<std::string> fields = fields_of(lines[346 + at]);
        REQUIRE(fields[0] == "1");
        const auto run = static_cast<std::uint32_t>(std::stoul(fields[kv == "own" ? 7 : 8]));
        const auto room = static_cast<std::uint32_t>(150 - at - 1);
        CHECK(accepted == std::min({length, run, room}));
        at += accepted + 1;
      }
      CHECK(at == 150);
      for (std::size_t i = 0; i < 150; ++i) {
        CHECK(std::to_string(decoded.tokens[i]) == fields_of(lines[346 + i])[2]);
      }
    }
  }
}

TEST_CASE("recorded steps are replayed, cut by the draft length") {
  OracleRig rig;
  std::vector<std::vector<std::uint32_t>> answers;
  for (const std::string& line : lines_of(kSteps)) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields[0] != "eagle" || fields[2] != "writing") continue;
    std::istringstream stream(fields.back());
    answers.emplace_back();
    for (std::uint32_t gained = 0; stream >> gained;) answers.back().push_back(gained);
  }
  for (const std::uint32_t length : {2u, 5u, 8u}) {
    CAPTURE(length);
    const auto oracle =
        rig.make("policy: {draft: {length: " + std::to_string(length) +
                     "}}\noracle: {kind: replay, category: writing, file: " + kSteps + "}\n",
                 test::oracle_facts(10, 6, 100'000));
    for (std::uint32_t request = 0; request < 10; ++request) {
      const test::Decoded decoded = decode(*oracle, request, 6, 100'000, {length, 0.0f, 2});
      std::vector<std::uint32_t> expected;
      for (const std::uint32_t gained : answers[request]) {
        expected.push_back(std::min(gained - 1, length));
      }
      CHECK(decoded.accepted_in_round == expected);
      CHECK(decoded.tokens.back() == test::kStop);
    }
  }
}

TEST_CASE("where a replay has no answer it says so") {
  OracleRig rig;
  const auto trace = rig.make("oracle: {kind: replay, file: " + kTrace + "}\n");
  const auto steps = rig.make("oracle: {kind: replay, file: " + kSteps + "}\n");
  for (const auto& oracle : {trace.get(), steps.get()}) {
    CHECK(oracle->target(0, 3) != TokenOracle::kNoToken);
    CHECK(oracle->target(0, 2) == TokenOracle::kNoToken);       // of the prompt
    CHECK(oracle->target(0, 30'000) == TokenOracle::kNoToken);  // beyond the end
    CHECK(oracle->target(9, 3) == TokenOracle::kNoToken);       // no such request
    CHECK(oracle->draft(9, 4, 0).token == TokenOracle::kNoToken);
    CHECK(oracle->draft(0, 30'000, 0).token == TokenOracle::kNoToken);
  }
  // The first step gains 4 tokens: no round begins within it.
  CHECK(steps->draft(0, 4, 0).token != TokenOracle::kNoToken);
  CHECK(steps->draft(0, 5, 0).token == TokenOracle::kNoToken);
}
