// SPDX-License-Identifier: Apache-2.0
// How many drafted tokens the target accepts, measured on the platform (firmware, DRAFT and VERIFY
// commands, NPU) over the 64 sequences of prompts.csv, against figures of an independent program.
//
// Conditions: greedy, full classifier, the first 64 tokens after each prompt. A round that starts
// with `position` tokens of the answer known counts while position + length <= 64.
// The independent program drafts from the prompt on (position 0). On the platform the pass that
// takes in the prompt already gives the target's first token, so its first round starts at
// position 1 and the rounds of a sequence may be other ones. Hence two checks: against the
// independent program within the stated tolerance, and exactly, round for round, against the model
// in plain loops started at position 1. (test_model_acceptance starts the plain loops at 0.)
#include <catch2/catch.hpp>
#include <cstdio>
#include <iterator>
#include <optional>
#include <systemc>

#include "model_files.h"
#include "soc.h"
#include "system_run.h"
#include "workload.h"

namespace tandem::test {
namespace {

using platform::DraftConfig;
using platform::DraftFormat;
using platform::DraftGroup;
using platform::DraftKv;
using platform::DraftScale;
using platform::DraftScope;

constexpr std::size_t kPrompts = 64;
constexpr std::uint32_t kWindow = 64;  // tokens after the prompt

struct Counts {
  std::uint64_t rounds = 0;
  std::uint64_t drafted = 0;
  std::uint64_t accepted = 0;

  void add(std::uint64_t drafted_tokens, std::uint64_t accepted_tokens) {
    ++rounds;
    drafted += drafted_tokens;
    accepted += accepted_tokens;
  }
  double acceptance() const { return static_cast<double>(accepted) / static_cast<double>(drafted); }
  double tokens_per_round() const {
    return 1.0 + static_cast<double>(accepted) / static_cast<double>(rounds);
  }
};

// --- on the platform ---------------------------------------------------------------------------

// Tells the rounds of a transcript apart; to be shown it after every record.
class RoundCounter {
 public:
  RoundCounter(std::size_t requests, std::uint32_t length) : seen_(requests), length_(length) {}

  void look(const platform::Transcript& transcript) {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const platform::RequestLog& now = transcript.requests()[i];
      platform::RequestLog& before = seen_[i];
      if (now.rounds > before.rounds && before.tokens.size() + length_ <= kWindow) {
        counts_.add(now.drafted - before.drafted, now.accepted - before.accepted);
      }
      if (now.tokens.size() > before.tokens.size()) before = now;
    }
  }
  const Counts& counts() const { return counts_; }

 private:
  std::vector<platform::RequestLog> seen_;
  std::uint32_t length_;
  Counts counts_;
};

struct PlatformRun {
  Counts counts;
  std::vector<Tokens> answers;
};

PlatformRun run_on_platform(const platform::Scenario& scenario) {
  const platform::LoadedModel model = platform::load_model(scenario.model, scenario.execution);
  const platform::RequestList requests(scenario, model.tokenizer_or_null(), model.shape);
  RoundCounter counter(requests.size(), scenario.policy.draft.length);

  std::optional<platform::Soc> soc;
  const platform::Soc::Setup setup{scenario, scenario.policy, model, requests};
  soc.emplace("soc", setup, platform::Soc::Listener{nullptr, [&] {
                                                      counter.look(soc->transcript());
                                                      if (soc->ended()) sc_core::sc_pause();
                                                    }});
  sc_core::sc_start(common::from_ps(scenario.run.max_simulated_time_ps),
                    sc_core::SC_EXIT_ON_STARVATION);
  REQUIRE(soc->transcript().violation().empty());

  const auto report =
      platform::make_report(soc->outcome("time limit"), model.tokenizer_or_null(), requests, {});
  platform::check_physics(scenario, report);
  REQUIRE(report.complete);
  return {counter.counts(), answers(report)};
}

// --- in plain loops ----------------------------------------------------------------------------

class PlainLoops {
 public:
  explicit PlainLoops(const DraftConfig& draft)
      : packed_(platform::pack_model(model_, nullptr, {draft, 0, 0})),
        target_(platform::unpack(packed_, abi::TensorRole::kFull)),
        draft_(platform::unpack(packed_, abi::TensorRole::kDraft)),
        reference_(packed_.image, platform::inverse_frequencies(model_)),
        length_(draft.length),
        own_kv_(draft.kv == DraftKv::kOwn) {}

  // The target's answer to a prompt: the tokens of the window and one more.
  Tokens answer(const Tokens& prompt) const {
    return platform::generate_greedy(reference_, target_, prompt, kWindow + 1);
  }

  void count(const Tokens& prompt, Counts& counts) const {
    Tokens tokens = prompt;
    const Tokens answered = answer(prompt);
    tokens.insert(tokens.end(), answered.begin(), answered.end());
    const platform::ReferenceKv kv = cache(tokens);
    for (std::size_t position = 1; position + length_ <= kWindow;) {
      const std::uint32_t accepted = accepted_from(kv, tokens, prompt.size() + position);
      counts.add(length_, accepted);
      position += accepted + 1;
    }
  }

 private:
  // What the draft finds behind it: keys and values of the tokens themselves.
  platform::ReferenceKv cache(const Tokens& tokens) const {
    platform::ReferenceKv kv = reference_.make_kv();
    for (std::uint32_t p = 0; p < tokens.size(); ++p) {
      reference_.step(own_kv_ ? draft_ : target_, kv, p, tokens[p]);
    }
    return kv;
  }

  std::uint32_t accepted_from(platform::ReferenceKv kv, const Tokens& tokens,
                              std::size_t next) const {
    std::uint32_t token = tokens.at(next - 1);
    for (std::uint32_t i = 0; i < length_; ++i) {
      const auto position = static_cast<std::uint32_t>(next + i);
      token = platform::argmax(reference_.step(draft_, kv, position - 1, token));
      if (token != tokens.at(position)) return i;
    }
    return length_;
  }

  platform::Model model_ = platform::test::stories();
  platform::PackedModel packed_;
  platform::ReferenceWeights target_;
  platform::ReferenceWeights draft_;
  platform::Reference reference_;
  std::uint32_t length_;
  bool own_kv_;
};

// --- what is expected --------------------------------------------------------------------------

struct Figure {
  double acceptance = 0.0;
  bool lower_bound = false;  // only too few accepted tokens are an error
};

struct Draft {
  const char* name;
  const char* format;  // as scenarios spell it
  const char* group;
  const char* scale;
  const char* scope;
  bool in_csv;       // acceptance.csv has figures for every length, own and shared KV cache
  Figure own_kv[3];  // else, own KV cache: lengths 2, 4 and 8
};

// The figures of BSFP were made by an independent program whose fit is not known. BSFP-I with the
// cuts of least squared error does better by more than two points in five of the six cases: there
// the figure is a lower bound, and those cases say so in their names. What the cuts are worth: per
// tensor, moving them by less than 64 patterns changes the acceptance by more than two points at
// the same squared error; per row, a fit that is 1.7 dB worse (shift-add levels, or cuts rounded to
// 64 patterns) gives the figures.
const Draft kDrafts[] = {
    {"INT4_g128", "int4", "128", "absmax", "tensor", true, {}},
    {"E2M1_g128", "e2m1", "128", "absmax", "tensor", true, {}},
    {"E3M0_mse_g128", "e3m0", "128", "mse", "tensor", true, {}},
    {"BSFP-E", "bsfp_e", "tensor", "mse", "tensor", false, {{0.54}, {0.38}, {0.22}}},
    {"BSFP-I_shift_add",
     "bsfp_i_shift_add",
     "tensor",
     "mse",
     "tensor",
     false,
     {{0.68}, {0.54}, {0.37}}},
    {"BSFP-I", "bsfp_i", "tensor", "mse", "tensor", false, {{0.70}, {0.54, true}, {0.37, true}}},
    {"BSFP-I_per_row",
     "bsfp_i",
     "tensor",
     "mse",
     "row",
     false,
     {{0.79, true}, {0.70, true}, {0.55, true}}},
};

constexpr double kCsvTolerance = 0.01;
constexpr double kTableTolerance = 0.02;
constexpr std::uint32_t kLengths[] = {2, 4, 8};

double from_csv(const std::string& draft, const std::string& kv, std::uint32_t length) {
  for (const std::string& line : platform::test::data_lines("acceptance.csv", 1)) {
    const std::vector<std::string> columns = platform::test::fields(line, ',');
    if (columns.at(0) == draft && columns.at(1) == kv && std::stoul(columns.at(2)) == kWindow &&
        std::stoul(columns.at(3)) == length) {
      return std::stod(columns.at(7));
    }
  }
  throw std::runtime_error("acceptance.csv has no row for " + draft);
}

struct Case {
  const Draft* draft;
  const char* kv;
  std::size_t length_index;

  std::uint32_t length() const { return kLengths[length_index]; }
  bool lower_bound() const {
    return figure_known() && !draft->in_csv && draft->own_kv[length_index].lower_bound;
  }
  bool figure_known() const { return draft->in_csv || kv == std::string("own"); }
  std::string name() const {
    return std::string("acceptance ") + draft->name + " " + kv + " length " +
           std::to_string(length()) + (lower_bound() ? " at least as in the table" : "") +
           (figure_known() ? "" : " without a figure");
  }
  double expected() const {
    return draft->in_csv ? from_csv(draft->name, kv, length())
                         : draft->own_kv[length_index].acceptance;
  }
  // 64 tokens and the target's own after the last draft that fits.
  platform::Scenario scenario(const std::vector<Tokens>& prompts) const {
    const std::string key = "policy.draft.";
    return story_scenario(prompts, kWindow + 1,
                          {"policy.max_batch=16", key + "classifier=full",
                           key + "format=" + draft->format, key + "group=" + draft->group,
                           key + "scale=" + draft->scale, key + "scope=" + draft->scope,
                           key + "kv=" + kv, key + "length=" + std::to_string(length())});
  }
};

void report(const Case& c, const Counts& counts) {
  std::printf("acceptance %-17s %-6s length %u: %5llu rounds, accepted %4llu / %5llu = %.4f, ",
              c.draft->name, c.kv, c.length(), static_cast<unsigned long long>(counts.rounds),
              static_cast<unsigned long long>(counts.accepted),
              static_cast<unsigned long long>(counts.drafted), counts.acceptance());
  if (c.figure_known()) {
    std::printf("expected %s%.4f, ", c.lower_bound() ? ">= " : "", c.expected());
  } else {
    std::printf("no figure, ");
  }
  std::printf("%.3f tokens/round\n", counts.tokens_per_round());
}

void check_figure(const Case& c, double acceptance) {
  if (!c.figure_known()) return;
  const double tolerance = c.draft->in_csv ? kCsvTolerance : kTableTolerance;
  CHECK(acceptance >= c.expected() - tolerance);
  if (!c.lower_bound()) CHECK(acceptance <= c.expected() + tolerance);
}

class AcceptanceCase : public Catch::ITestInvoker {
 public:
  explicit AcceptanceCase(const Case& c) : case_(c) {}
  void invoke() const override {
    const std::vector<Tokens> prompts = recorded_prompts(kPrompts);
    const auto scenario = case_.scenario(prompts);
    const PlatformRun run = run_on_platform(scenario);
    report(case_, run.counts);

    const PlainLoops plain_loops(scenario.policy.draft);
    Counts plain;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      CHECK(run.answers[i] == plain_loops.answer(prompts[i]));
      plain_loops.count(prompts[i], plain);
    }
    CHECK(run.counts.rounds == plain.rounds);
    CHECK(run.counts.drafted == plain.drafted);
    CHECK(run.counts.accepted == plain.accepted);
    check_figure(case_, run.counts.acceptance());
  }

 private:
  Case case_;
};

struct RegisterCases {
  RegisterCases() {
    for (const Draft& draft : kDrafts) {
      for (const char* kv : {"own", "shared"}) {
        for (std::size_t i = 0; i < std::size(kLengths); ++i) add({&draft, kv, i});
      }
    }
  }
  static void add(const Case& c) {
    Catch::AutoReg(new AcceptanceCase(c), CATCH_INTERNAL_LINEINFO, {},
                   Catch::NameAndTags(c.name(), "[acceptance]"));
  }
};
const RegisterCases kCases;

}  // namespace
}  // namespace tandem::test
