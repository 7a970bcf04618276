// SPDX-License-Identifier: Apache-2.0
#include "measured.h"

#include <charconv>
#include <limits>
#include <set>

#include "../text.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kMaxToken = std::numeric_limits<std::uint32_t>::max() - 1;
constexpr const char* kAll = "ALL";

std::uint32_t integer32(const CsvFile& file, std::size_t row, std::size_t column,
                        std::uint64_t max) {
  return static_cast<std::uint32_t>(file.integer(row, column, max));
}

bool flag(const CsvFile& file, std::size_t row, std::size_t column) {
  return file.integer(row, column, 1) != 0;
}

// No row has this method and category.
[[noreturn]] void fail_selection(const CsvFile& file, const std::string& method,
                                 const std::string& category) {
  std::set<std::string> methods, categories;
  for (std::size_t row = 0; row < file.rows(); ++row) {
    methods.insert(file.text(row, file.column("method")));
    categories.insert(file.text(row, file.column("category")));
  }
  file.fail("no row has method '" + printable(method) + "' and category '" + printable(category) +
            "'; methods: " + join_or({methods.begin(), methods.end()}) +
            "; categories: " + join_or({categories.begin(), categories.end()}));
}

std::vector<std::uint32_t> numbers(const CsvFile& file, std::size_t row, std::size_t column,
                                   std::uint32_t max) {
  const std::string& text = file.text(row, column);
  std::vector<std::uint32_t> values;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    const bool blank = !values.empty() && *at == ' ';
    std::uint32_t value = 0;
    const auto read = std::from_chars(at + (blank ? 1 : 0), text.data() + text.size(), value);
    if (read.ec != std::errc() || value < 1 || value > max || (!values.empty() && !blank)) {
      values.clear();
      break;
    }
    values.push_back(value);
    at = read.ptr;
  }
  if (values.empty()) {
    file.expected(row, column, "integers 1.." + std::to_string(max) + " with blanks between");
  }
  return values;
}

}  // namespace

std::vector<double> acceptance_table(const CsvFile& file, const std::string& method,
                                     const std::string& category) {
  const std::size_t methods = file.column("method");
  const std::size_t categories = file.column("category");
  const std::size_t tokens = file.column("tokens_in_step");
  const std::size_t next = file.column("P(next_position_accepted)");
  std::vector<double> table;
  std::uint64_t expected = 0;
  for (std::size_t row = 0; row < file.rows(); ++row) {
    const std::uint64_t count = file.integer(row, tokens, kMaxToken);
    const double probability = file.number(row, next, 0.0, 1.0);
    if (file.text(row, methods) != method || file.text(row, categories) != category) continue;
    if (count != expected) {
      file.expected(row, tokens, std::to_string(expected) + ", the rows in order without a gap");
    }
    if (expected++ > 0) table.push_back(probability);  // every step has the target's own token
  }
  if (table.empty()) fail_selection(file, method, category);
  return table;
}

std::vector<MeasuredDraft> measured_drafts(const CsvFile& file) {
  const std::size_t confidence = file.column("draft_top1_prob");
  const std::size_t match = file.column("match");
  std::vector<MeasuredDraft> pairs;
  for (std::size_t row = 0; row < file.rows(); ++row) {
    pairs.push_back(
        {static_cast<float>(file.number(row, confidence, 0.0, 1.0)), flag(file, row, match)});
  }
  return pairs;
}

std::vector<std::vector<TracedToken>> traced_answers(const CsvFile& file) {
  const std::size_t prompt = file.column("prompt");
  const std::size_t position = file.column("pos");
  const std::size_t target = file.column("target_token");
  const std::size_t draft = file.column("draft_token");
  const std::size_t confidence = file.column("draft_top1_prob");
  const std::size_t match = file.column("match");
  const std::size_t own = file.column("run_ownkv");
  const std::size_t shared = file.column("run_sharedkv");
  std::vector<std::vector<TracedToken>> answers;
  std::uint64_t next_position = 0;
  for (std::size_t row = 0; row < file.rows(); ++row) {
    const std::uint64_t number = file.integer(row, prompt, kMaxToken);
    const std::uint64_t at = file.integer(row, position, kMaxToken);
    if (number == answers.size()) {
      answers.emplace_back();
    } else if (answers.empty() || number + 1 != answers.size()) {
      file.expected(row, prompt, "the prompts in order, from 0 on, without a gap");
    } else if (at != next_position) {
      file.expected(row, position, std::to_string(next_position) + ", one more than before");
    }
    next_position = at + 1;
    const TracedToken token{integer32(file, row, target, kMaxToken),
                            integer32(file, row, draft, kMaxToken),
                            static_cast<float>(file.number(row, confidence, 0.0, 1.0)),
                            integer32(file, row, own, kTracedRun),
                            integer32(file, row, shared, kTracedRun),
                            file.line(row)};
    const bool right = token.target == token.draft;
    if (flag(file, row, match) != right) {
      file.expected(row, match, right ? "1, as the tokens are equal" : "0, as the tokens differ");
    }
    answers.back().push_back(token);
  }
  return answers;
}

std::vector<StepLengths> step_lengths(const CsvFile& file, const std::string& method,
                                      const std::string& category) {
  constexpr std::uint32_t kLongestStep = 1024;
  if (!file.has("accept_length_per_step")) {
    file.fail(
        "nothing that replay knows: expected a recorded run (first line '# tandem_oracle: 1'), or "
        "a column 'run_ownkv', or columns 'method', 'category' and 'accept_length_per_step'");
  }
  const std::size_t methods = file.column("method");
  const std::size_t categories = file.column("category");
  const std::size_t lengths = file.column("accept_length_per_step");
  std::vector<StepLengths> answers;
  for (std::size_t row = 0; row < file.rows(); ++row) {
    StepLengths steps{numbers(file, row, lengths, kLongestStep), file.line(row)};
    const bool wanted = file.text(row, methods) == method &&
                        (category == kAll || file.text(row, categories) == category);
    if (wanted) answers.push_back(std::move(steps));
  }
  if (answers.empty()) fail_selection(file, method, category);
  return answers;
}

}  // namespace tandem::platform
