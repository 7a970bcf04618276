// SPDX-License-Identifier: Apache-2.0
#include "oracle_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "../fnv1a.h"
#include "../text.h"
#include "tandem/numerics/fp.h"
#include "tandem/platform/scenario_loader.h"

namespace tandem::platform {
namespace {

constexpr const char* kNames = "row,request,position,index,token,confidence,prompt_hash";
constexpr const char* kPromptHash = "prompt_hash";
constexpr const char* kAheadKey = "policy.draft.ahead";
constexpr std::uint64_t kMaxNumber = std::numeric_limits<std::uint32_t>::max() - 1;

// All digits of the number.
template <typename Unsigned>
std::string hex_text(Unsigned value) {
  std::string digits(2 * sizeof(Unsigned), '0');
  for (std::size_t i = digits.size(); i-- > 0; value >>= 4) {
    digits[i] = "0123456789abcdef"[value & 15];
  }
  return digits;
}

template <typename Unsigned>
std::optional<Unsigned> parse_hex(const std::string& text) {
  Unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value, 16);
  if (text.size() != 2 * sizeof(Unsigned) || read.ec != std::errc() || read.ptr != end) return {};
  return value;
}

std::optional<float> parse_confidence(const std::string& text) {
  const std::optional<std::uint32_t> bits = parse_hex<std::uint32_t>(text);
  if (!bits) return {};
  const float value = numerics::bits_float(*bits);
  if (!(value >= 0.0f && value <= 1.0f)) return {};
  return value;
}

void append_row(std::string& text, const char* kind, std::uint64_t request,
                const std::array<std::string, 5>& fields) {
  text.append(kind).append(1, ',').append(std::to_string(request));
  for (const std::string& field : fields) text.append(1, ',').append(field);
  text.append(1, '\n');
}

void append_request(std::string& text, std::size_t number, const RecordedRequest& request) {
  append_row(text, "prompt", number,
             {std::to_string(request.prompt_tokens), "", "", "",
              request.prompt_hash ? hex_text(*request.prompt_hash) : ""});
  for (std::size_t i = 0; i < request.tokens.size(); ++i) {
    append_row(
        text, "target", number,
        {std::to_string(request.prompt_tokens + i), "", std::to_string(request.tokens[i]), ""});
  }
  for (const auto& [first, drafted] : request.rounds) {
    for (const auto& [index, draft] : drafted) {
      append_row(text, "draft", number,
                 {std::to_string(first), std::to_string(index), std::to_string(draft.token),
                  hex_text(numerics::float_bits(draft.confidence))});
    }
  }
}

void append_remark(std::string& text, const std::string& key, const std::string& value) {
  text.append("# ").append(key).append(": ").append(value).append(1, '\n');
}

const CsvFile::Remark& remark_of(const CsvFile& file, const std::string& key) {
  for (const CsvFile::Remark& remark : file.remarks()) {
    if (remark.key == key) return remark;
  }
  file.fail("expected a line '# " + key + ": ...' before the column names");
}

// Of the model that was recorded.
std::uint32_t vocabulary_of(const CsvFile& file) {
  const CsvFile::Remark& remark = remark_of(file, "vocabulary");
  std::uint32_t value = 0;
  const char* end = remark.value.data() + remark.value.size();
  const auto read = std::from_chars(remark.value.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value == 0) {
    file.fail_at(remark.line,
                 "vocabulary: expected a number of tokens, got '" + printable(remark.value) + "'");
  }
  return value;
}

// Reads the rows in the order in which to_csv() writes them.
class RecordReader {
 public:
  explicit RecordReader(const CsvFile& file)
      : file_(file),
        largest_token_(vocabulary_of(file) - 1),
        kind_(file.column("row")),
        request_(file.column("request")),
        position_(file.column("position")),
        index_(file.column("index")),
        token_(file.column("token")),
        confidence_(file.column("confidence")) {
    if (file.has(kPromptHash)) prompt_hash_ = file.column(kPromptHash);
    for (const CsvFile::Remark& remark : file.remarks()) ahead_ |= remark.key == kAheadKey;
  }

  std::vector<RecordedRequest> read() {
    const std::size_t last = file_.rows() - 1;
    for (std::size_t row = 0; row < last; ++row) read_row(row);
    if (file_.text(last, kind_) != "end") {
      file_.fail_at(file_.line(last), "expected a row 'end' at the end: the file is cut off");
    }
    if (file_.integer(last, request_, kMaxNumber) != requests_.size()) {
      file_.expected(last, request_, "the number of requests, " + std::to_string(requests_.size()));
    }
    return std::move(requests_);
  }

 private:
  std::uint32_t number(std::size_t row, std::size_t column) const {
    return static_cast<std::uint32_t>(file_.integer(row, column, kMaxNumber));
  }
  std::uint32_t token(std::size_t row) const {
    return static_cast<std::uint32_t>(file_.integer(row, token_, largest_token_));
  }

  std::optional<std::uint64_t> hash(std::size_t row) const {
    if (!prompt_hash_) return {};
    const auto value = parse_hex<std::uint64_t>(file_.text(row, *prompt_hash_));
    if (!value) file_.expected(row, *prompt_hash_, "16 hexadecimal digits");
    return value;
  }

  void read_row(std::size_t row) {
    const std::string& kind = file_.text(row, kind_);
    const std::uint32_t request = number(row, request_);
    if (kind == "prompt") {
      if (request != requests_.size()) file_.expected(row, request_, "the requests in order");
      requests_.push_back({number(row, position_), {}, {}, file_.line(row), hash(row)});
      return;
    }
    if (requests_.empty() || request + 1 != requests_.size()) {
      file_.expected(row, request_, "the request of the row 'prompt' before");
    }
    if (kind == "target") return read_target(row);
    if (kind == "draft") return read_draft(row);
    file_.expected(row, kind_, "prompt, target, draft or end");
  }

  void read_target(std::size_t row) {
    RecordedRequest& request = requests_.back();
    const std::uint64_t next = std::uint64_t{request.prompt_tokens} + request.tokens.size();
    if (number(row, position_) != next) file_.expected(row, position_, std::to_string(next));
    request.tokens.push_back(token(row));
  }

  void read_draft(std::size_t row) {
    auto& drafted = requests_.back().rounds[number(row, position_)];
    const std::uint32_t index = number(row, index_);
    if (!ahead_ && index != drafted.size()) {
      file_.expected(row, index_, std::to_string(drafted.size()));
    }
    if (!drafted.empty() && index <= drafted.rbegin()->first) {
      file_.expected(row, index_, "more than " + std::to_string(drafted.rbegin()->first));
    }
    const std::optional<float> confidence = parse_confidence(file_.text(row, confidence_));
    if (!confidence) file_.expected(row, confidence_, "8 hexadecimal digits, an FP32 0..1");
    drafted.emplace(index, npu::TokenOracle::Drafted{token(row), *confidence});
  }

  const CsvFile& file_;
  const std::uint32_t largest_token_;
  bool ahead_ = false;  // drafted ahead: rounds may begin with any index
  const std::size_t kind_, request_, position_, index_, token_, confidence_;
  std::optional<std::size_t> prompt_hash_;
  std::vector<RecordedRequest> requests_;
};

void check_version(const CsvFile& file) {
  const CsvFile::Remark& version = remark_of(file, kOracleRecordMark);
  if (version.value == std::to_string(kOracleRecordVersion)) return;
  file.fail_at(version.line, "this is version " + printable(version.value) + ", expected " +
                                 std::to_string(kOracleRecordVersion));
}

}  // namespace

std::uint64_t prompt_hash(const std::vector<std::uint32_t>& tokens) {
  Fnv1a hash;
  for (const std::uint32_t token : tokens) {
    for (int shift = 0; shift < 32; shift += 8) hash.add(static_cast<std::uint8_t>(token >> shift));
  }
  return hash.value();
}

PolicyFacts policy_facts(const Scenario& scenario) {
  const nlohmann::ordered_json policy = effective_configuration(scenario)["policy"];
  PolicyFacts facts{{"policy.name", policy["name"].get<std::string>()}};
  if (scenario.policy.name == PolicyName::kPlain) return facts;
  for (const auto& [key, value] : policy["draft"].items()) {
    // Rounds in turn are what a record is of if it does not say otherwise.
    const bool of_ahead = key == "ahead" || key == "control" || key == "pre_verify";
    if (scenario.policy.draft.ahead == 0 && of_ahead) continue;
    facts.emplace_back("policy.draft." + key,
                       value.is_string() ? value.get<std::string>() : value.dump());
  }
  return facts;
}

std::string to_csv(const PolicyFacts& policy, std::uint32_t vocabulary,
                   const std::vector<RecordedRequest>& requests) {
  std::string text;
  append_remark(text, kOracleRecordMark, std::to_string(kOracleRecordVersion));
  append_remark(text, "vocabulary", std::to_string(vocabulary));
  for (const auto& [key, value] : policy) append_remark(text, key, value);
  text.append(kNames).append(1, '\n');
  for (std::size_t i = 0; i < requests.size(); ++i) append_request(text, i, requests[i]);
  append_row(text, "end", requests.size(), {});
  return text;
}

bool is_oracle_record(const CsvFile& file) {
  return !file.remarks().empty() && file.remarks().front().key == kOracleRecordMark;
}

std::vector<RecordedRequest> recorded_requests(const CsvFile& file) {
  check_version(file);
  return RecordReader(file).read();
}

void check_policy(const CsvFile& file, const Scenario& scenario) {
  if (scenario.policy.name == PolicyName::kPlain) return;  // every record has the target's tokens
  const PolicyFacts facts = policy_facts(scenario);
  for (const auto& [key, value] : facts) {
    const CsvFile::Remark& remark = remark_of(file, key);
    if (remark.value == value) continue;
    std::string message = "recorded with ";
    message.append(key).append(1, ' ').append(printable(remark.value));
    file.fail_at(remark.line, message.append(", the scenario has ").append(value));
  }
  for (const CsvFile::Remark& remark : file.remarks()) {
    if (remark.key == kAheadKey && scenario.policy.draft.ahead == 0) {
      file.fail_at(remark.line, "recorded with policy.draft.ahead " + printable(remark.value) +
                                    ", the scenario has 0");
    }
    const bool known = remark.key == kOracleRecordMark || remark.key == "vocabulary" ||
                       std::any_of(facts.begin(), facts.end(),
                                   [&](const auto& fact) { return fact.first == remark.key; });
    if (!known) file.fail_at(remark.line, "unknown key '" + printable(remark.key) + "'");
  }
}

void check_vocabulary(const CsvFile& file, std::uint32_t vocabulary) {
  const std::uint32_t recorded = vocabulary_of(file);
  if (recorded == vocabulary) return;
  file.fail_at(remark_of(file, "vocabulary").line,
               "recorded with a vocabulary of " + std::to_string(recorded) + ", the model has " +
                   std::to_string(vocabulary));
}

}  // namespace tandem::platform
