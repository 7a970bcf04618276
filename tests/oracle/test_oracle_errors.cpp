// SPDX-License-Identifier: Apache-2.0
// Sections and files that do not fit: what the user is told.
#include <catch2/catch.hpp>
#include <iterator>
#include <random>
#include <vector>

#include "oracle_rig.h"

using namespace tandem;
using Catch::Contains;
using test::OracleRig;

namespace {

const std::string kHead =
    "# tandem_oracle: 1\n"
    "# vocabulary: 512\n"
    "# policy.name: self_speculative\n"
    "# policy.draft.format: bsfp_i\n"
    "# policy.draft.group: tensor\n"
    "# policy.draft.scale: mse\n"
    "# policy.draft.length: 4\n"
    "# policy.draft.stop_below: 0.0\n"
    "# policy.draft.classifier: plane\n"
    "# policy.draft.scope: tensor\n"
    "# policy.draft.kv: own\n"
    "row,request,position,index,token,confidence\n";  // line 12
const std::string kRows =
    "prompt,0,3,,,\n"
    "target,0,3,,7,\n"
    "target,0,4,,8,\n"
    "target,0,5,,9,\n"
    "draft,0,4,0,8,3f000000\n"
    "end,1,,,,\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

const std::string kReplay = "oracle: {kind: replay, file: r.csv}\n";

std::string error_with_file(OracleRig& rig, const std::string& section, const std::string& content,
                            const platform::OracleFacts& facts = test::oracle_facts(1, 3, 3)) {
  rig.folder.write("r.csv", content);
  return rig.make_error(section, facts);
}

}  // namespace

TEST_CASE("keys of the section that contradict each other are refused") {
  OracleRig rig;
  rig.folder.write("r.csv", kHead + kRows);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"oracle: {acceptance: 1.5}", "s.yaml:4:22: oracle.acceptance: expected a number 0..1"},
      {"oracle: {kind: dice}", "oracle.kind: expected bernoulli, table, confidence or replay"},
      {"oracle: {kind: replay}", "s.yaml:4:16: oracle.kind: replay needs oracle.file"},
      {"oracle: {kind: table}", "oracle.kind: table needs either oracle.table or oracle.file"},
      {"oracle: {kind: table, table: [0.5], file: r.csv}",
       "oracle.kind: table needs either oracle.table or oracle.file"},
      {"oracle: {kind: table, table: []}", "oracle.table: the list must not be empty"},
      {"oracle: {kind: table, table: 0.5}", "oracle.table: expected a list of numbers 0..1"},
      {"oracle: {kind: table, table: [0.5, -1]}",
       "s.yaml:4:36: oracle.table: expected numbers 0..1, got '-1'"},
      {"oracle: {table: [0.5]}", "oracle.table: bernoulli has no table"},
      {"oracle: {file: r.csv}", "oracle.file: bernoulli has no file"},
      {"oracle: {kind: confidence, beta_a: 0}", "oracle.beta_a: expected an integer 1..64"},
      {"oracle: {experts: {kind: popularity}}",
       "oracle.experts.kind: popularity needs oracle.experts.file"},
      {"oracle: {experts: {file: r.csv}}", "oracle.experts.file: uniform has no file"},
      {"oracle: {kind: replay, file: none.csv}", "none.csv: there is no such file"},
      {"oracle: {kind: confidence, file: r.csv}", "r.csv:12: expected a column 'draft_top1_prob'"},
      {"oracle: {kind: table, file: r.csv}", "r.csv:12: expected a column 'method'"},
  };
  for (const auto& [section, message] : cases) {
    CAPTURE(section);
    CHECK_THAT(rig.error_of(rig.minimal(section + "\n")), Contains(message));
  }
}

TEST_CASE("a file of no kind that replay knows is refused with those there are") {
  OracleRig rig;
  CHECK_THAT(error_with_file(rig, kReplay, "input_tokens,output_tokens\n3,4\n"),
             Contains("s.yaml:4:30: oracle.file: ") &&
                 Contains("r.csv: nothing that replay knows") && Contains("'# tandem_oracle: 1'") &&
                 Contains("'run_ownkv'") && Contains("'accept_length_per_step'"));
}

TEST_CASE("a recorded run that fits is accepted") {
  OracleRig rig;
  CHECK(error_with_file(rig, kReplay, kHead + kRows).empty());
  // Plain decoding needs the target's tokens only.
  CHECK(error_with_file(rig, "policy: {name: plain}\n" + kReplay, kHead + kRows).empty());
}

TEST_CASE("recorded runs that are malformed are refused with file and line") {
  OracleRig rig;
  const std::vector<std::array<std::string, 3>> cases = {
      {"# tandem_oracle: 1", "# tandem_oracle: 2", "r.csv:1: this is version 2, expected 1"},
      {"# vocabulary: 512", "# vocabulary: many", "r.csv:2: vocabulary: expected a number"},
      {"# vocabulary: 512\n", "", "r.csv: expected a line '# vocabulary: ...'"},
      {"# policy.draft.kv: own\n", "", "r.csv: expected a line '# policy.draft.kv: ...'"},
      {"# policy.draft.kv: own", "# policy", "r.csv:11: expected '# key: value'"},
      {"row,request", "# colour: blue\nrow,request", "r.csv:12: unknown key 'colour'"},
      {"row,request", "rows,request", "r.csv:12: expected a column 'row'"},
      {"prompt,0,3,,,", "prompt,0,3,,", "r.csv:13: expected 6 fields, got 5"},
      {"prompt,0,3,,,", "prompt,1,3,,,", "r.csv:13: request: expected the requests in order"},
      {"prompt,0,3,,,\n", "", "r.csv:13: request: expected the request of the row 'prompt'"},
      {"target,0,4,,8,", "target,0,6,,8,", "r.csv:15: position: expected 4, got '6'"},
      {"target,0,4,,8,", "target,0,4,,512,", "r.csv:15: token: expected an integer 0..511"},
      {"target,0,4,,8,", "target,0,4,,-1,", "r.csv:15: token: expected an integer 0..511"},
      {"target,0,4,,8,", "guess,0,4,,8,", "r.csv:15: row: expected prompt, target, draft or end"},
      {"draft,0,4,0,8", "draft,0,4,1,8", "r.csv:17: index: expected 0, got '1'"},
      {"row,request", "# policy.draft.ahead: 4\nrow,request",
       "r.csv:12: recorded with policy.draft.ahead 4, the scenario has 0"},
      {"3f000000", "0.5", "r.csv:17: confidence: expected 8 hexadecimal digits"},
      {"3f000000", "40000000", "r.csv:17: confidence: expected 8 hexadecimal digits"},
      {"3f000000", "7fc00000", "r.csv:17: confidence: expected 8 hexadecimal digits"},
      {"end,1,,,,\n", "", "r.csv:17: expected a row 'end' at the end: the file is cut off"},
      {"end,1,,,,", "end,2,,,,", "r.csv:18: request: expected the number of requests, 1"},
      {kRows, "", "r.csv: it has no rows"},
  };
  for (const auto& [from, to, message] : cases) {
    CAPTURE(from, to);
    const std::string error = error_with_file(rig, kReplay, replaced(kHead + kRows, from, to));
    CHECK_THAT(error, Contains("s.yaml:4:30: oracle.file: ") && Contains(message));
  }
  CHECK_THAT(error_with_file(rig, kReplay, ""), Contains("expected a line of column names"));
}

TEST_CASE("a recorded run of another policy is refused") {
  OracleRig rig;
  for (const std::string policy : {"length: 5", "kv: shared", "stop_below: 0.25", "format: int4"}) {
    CAPTURE(policy);
    const std::string key = policy.substr(0, policy.find(':'));
    const std::string value = policy.substr(policy.find(' ') + 1);
    CHECK_THAT(error_with_file(rig, "policy: {draft: {" + policy + "}}\n" + kReplay, kHead + kRows),
               Contains("recorded with policy.draft." + key + " ") &&
                   Contains(", the scenario has " + value));
  }
  const std::string plain = "# tandem_oracle: 1\n# vocabulary: 512\n# policy.name: plain\n";
  CHECK_THAT(
      error_with_file(rig, kReplay,
                      plain + "row,request,position,index,token,confidence\n" + kRows),
      Contains("r.csv:3: recorded with policy.name plain, the scenario has self_speculative"));
}

TEST_CASE("a recorded run that does not fit model or workload is refused before it begins") {
  OracleRig rig;
  const auto error = [&](const platform::OracleFacts& facts) {
    return error_with_file(rig, kReplay, kHead + kRows, facts);
  };
  CHECK_THAT(error(test::oracle_facts(2, 3, 3)),
             Contains("r.csv: it has 1 requests, the workload has 2"));
  CHECK_THAT(error(test::oracle_facts(1, 4, 3)),
             Contains("r.csv:13: recorded with a prompt of 3 tokens, the workload's has 4"));
  CHECK_THAT(error(test::oracle_facts(1, 3, 4)),
             Contains("r.csv:13: the recorded answer has 3 tokens, request 0 may ask for 4"));
  platform::OracleFacts facts = test::oracle_facts(1, 3, 4);
  facts.stop_ids = {9};  // the answer ends there, so no more is needed
  CHECK(error(facts).empty());
  facts = test::oracle_facts(1, 3, 3);
  facts.vocabulary = 32'000;
  CHECK_THAT(error(facts),
             Contains("r.csv:2: recorded with a vocabulary of 512, the model has 32000"));
}

TEST_CASE("a run with another prompt of the same length is refused") {
  OracleRig rig;
  const std::string head = replaced(kHead, "confidence\n", "confidence,prompt_hash\n");
  // FNV-1a of 01 00 00 00 05 00 00 00 09 00 00 00.
  const std::string rows =
      "prompt,0,3,,,,HASH\ntarget,0,3,,7,,\ntarget,0,4,,8,,\ntarget,0,5,,9,,\nend,1,,,,,\n";
  const auto error = [&](const std::string& hash, const std::vector<std::uint32_t>& prompt) {
    platform::OracleFacts facts = test::oracle_facts(1, 3, 3);
    facts.prompt = [prompt](std::size_t) { return prompt; };
    return error_with_file(rig, kReplay, head + replaced(rows, "HASH", hash), facts);
  };
  CHECK(error("620e8c58fcec7578", {1, 5, 9}).empty());
  CHECK_THAT(error("620e8c58fcec7578", {1, 9, 5}),
             Contains("r.csv:13: request 0 was recorded with another prompt"));
  CHECK_THAT(
      error("620e8c58fcec757", {1, 5, 9}),
      Contains("r.csv:13: prompt_hash: expected 16 hexadecimal digits, got '620e8c58fcec757'"));
}

TEST_CASE("a recorded run is replayed without drafts by a plain policy") {
  OracleRig rig;
  rig.folder.write("r.csv", kHead + kRows);
  const auto oracle = rig.make("policy: {name: plain}\n" + kReplay, test::oracle_facts(1, 3, 3));
  CHECK(oracle->target(0, 3) == 7);
  CHECK(oracle->target(0, 5) == 9);
}

TEST_CASE("a recorded run that is replayed in bulk takes another time, and a warning says so") {
  OracleRig rig;
  rig.folder.write("r.csv", kHead + kRows);
  const auto warnings = [&](const std::string& more) {
    return rig.load(rig.minimal("execution: timing\n" + kReplay + more)).warnings;
  };
  REQUIRE(warnings("").size() == 1);
  CHECK_THAT(warnings("").front(), Contains("fidelity.transfers: bursts"));
  CHECK(warnings("fidelity: {transfers: bursts}\n").empty());
  CHECK(warnings("platform: {npu: {sequencer: serial}}\n").empty());
}

TEST_CASE("traced answers that are malformed or do not fit are refused with file and line") {
  OracleRig rig;
  const std::string good =
      "prompt,pos,target_token,draft_token,draft_top1_prob,target_top1_prob,match,run_ownkv,"
      "run_sharedkv\n"
      "0,0,5,5,0.5,0.9,1,2,2\n0,1,6,6,0.5,0.9,1,1,1\n0,2,7,8,0.5,0.9,0,0,0\n"
      "1,9,5,5,0.5,0.9,1,1,1\n1,10,5,5,0.5,0.9,1,0,0\n1,11,5,5,0.5,0.9,1,0,0\n";
  CHECK(error_with_file(rig, kReplay, good).empty());
  const std::vector<std::array<std::string, 3>> cases = {
      {"0,1,6,6,0.5", "0,3,6,6,0.5", "r.csv:3: pos: expected 1, one more than before, got '3'"},
      {"1,9,5,5", "2,9,5,5", "r.csv:5: prompt: expected the prompts in order"},
      {"0,2,7,8,0.5,0.9,0", "0,2,7,8,0.5,0.9,1", "r.csv:4: match: expected 0"},
      {"0,1,6,6,0.5", "0,1,6,6,1.5", "r.csv:3: draft_top1_prob: expected a number 0..1"},
      {"0,1,6,6,0.5", "0,1,6,6,nan", "r.csv:3: draft_top1_prob: expected a number 0..1"},
      {"0.9,1,2,2", "0.9,1,9,2", "r.csv:2: run_ownkv: expected an integer 0..8"},
      {"run_sharedkv", "run_shared", "r.csv:1: expected a column 'run_sharedkv'"},
      {"0,1,6,6,", "0,1,600,600,", "r.csv:3: token 600 is not one of the model's 512"},
  };
  for (const auto& [from, to, message] : cases) {
    CAPTURE(from, to);
    CHECK_THAT(error_with_file(rig, kReplay, replaced(good, from, to)), Contains(message));
  }
  CHECK_THAT(error_with_file(rig, kReplay, good, test::oracle_facts(4, 3, 4)),
             Contains("r.csv:2: the recorded answer has 3 tokens, request 0 may ask for 4"));
  CHECK_THAT(error_with_file(rig, "policy: {draft: {length: 9}}\n" + kReplay, good),
             Contains("at most 8 right tokens in a row, policy.draft.length is 9"));
}

TEST_CASE("recorded steps that are malformed or do not fit are refused with file and line") {
  OracleRig rig;
  const std::string good =
      "method,question_id,category,accept_length_per_step\n"
      "eagle,81,writing,4 2 4\neagle,82,math,1 1\n";
  CHECK(error_with_file(rig, kReplay, good).empty());
  for (const std::string steps : {"", "4 2 x", "4  2", "4 2 ", " 4", "4 0 2", "4 2000"}) {
    CAPTURE(steps);
    CHECK_THAT(error_with_file(rig, kReplay, replaced(good, "4 2 4", steps)),
               Contains("r.csv:2: accept_length_per_step: expected integers 1..1024"));
  }
  CHECK_THAT(error_with_file(rig, "oracle: {kind: replay, file: r.csv, method: sps}\n", good),
             Contains("r.csv: no row has method 'sps' and category 'ALL'; methods: eagle; "
                      "categories: math or writing"));
  CHECK_THAT(error_with_file(rig, kReplay, good, test::oracle_facts(3, 3, 2)),
             Contains("it has 2 answers of method eagle and category ALL, the workload has 3"));
  platform::OracleFacts facts = test::oracle_facts(2, 3, 4);
  CHECK(error_with_file(rig, kReplay, good, facts).empty());  // the end of an answer is a stop id
  facts.stop_ids.clear();
  CHECK_THAT(error_with_file(rig, kReplay, good, facts),
             Contains("r.csv:3: the recorded answer has 3 tokens, request 1 may ask for 4"));
}

TEST_CASE("a damaged file is refused or read, nothing else") {
  OracleRig rig;
  const std::string files[] = {
      kHead + kRows,
      "prompt,pos,target_token,draft_token,draft_top1_prob,match,run_ownkv,run_sharedkv\n"
      "0,0,5,5,0.5,1,2,2\n0,1,6,6,0.5,1,1,1\n0,2,7,8,0.5,0,0,0\n",
      "method,category,accept_length_per_step\neagle,writing,4 2 4\neagle,math,1 1\n"};
  const std::string bytes = "0123456789,,.. -#:\n\nnae\xff";
  std::mt19937 random(1);
  std::size_t refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string file = files[random() % std::size(files)];
    for (std::size_t i = random() % 3 + 1; i-- > 0;) {
      const std::size_t at = random() % file.size();
      const std::size_t kind = random() % 3;
      if (kind == 0) file[at] = bytes[random() % bytes.size()];
      if (kind == 1) file.erase(at, random() % 8 + 1);
      if (kind == 2) file.insert(at, 1, bytes[random() % bytes.size()]);
    }
    CAPTURE(file);
    rig.folder.write("r.csv", file);
    try {
      const auto oracle = rig.make(kReplay, test::oracle_facts(1, 3, 3));
      for (std::uint32_t position = 0; position < 10; ++position) {
        oracle->target(0, position);
        oracle->draft(0, position, position % 3);
      }
    } catch (const platform::UserError&) {
      ++refused;
    }
  }
  CHECK(refused > 500);
}

TEST_CASE("histograms that are malformed are refused with file and line") {
  OracleRig rig;
  const std::string section = "oracle: {kind: table, file: r.csv, category: math}\n";
  const std::string good =
      "method,category,tokens_in_step,P(next_position_accepted)\n"
      "eagle,math,0,1.0\neagle,math,1,0.5\neagle,math,2,0.0\n";
  CHECK(error_with_file(rig, section, good).empty());
  CHECK_THAT(error_with_file(rig, section, replaced(good, "math,1", "math,3")),
             Contains("r.csv:3: tokens_in_step: expected 1, the rows in order"));
  CHECK_THAT(error_with_file(rig, section, replaced(good, "0.5", "5")),
             Contains("r.csv:3: P(next_position_accepted): expected a number 0..1, got '5'"));
  CHECK_THAT(error_with_file(rig, "oracle: {kind: table, file: r.csv}\n", good),
             Contains("no row has method 'eagle' and category 'ALL'"));
}
