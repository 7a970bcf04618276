// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/tokenizer.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <queue>

#include "file_bytes.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

constexpr std::int32_t kLongestToken = 1 << 16;
constexpr std::size_t kNone = ~std::size_t{0};

class Reader {
 public:
  Reader(const std::uint8_t* bytes, std::size_t size, const std::string& origin)
      : bytes_(bytes), left_(size), origin_(origin) {}

  template <typename T>
  T read(const std::string& what) {
    T value;
    std::memcpy(&value, take(sizeof value, what), sizeof value);
    return value;
  }
  std::string read_text(std::size_t length, const std::string& what) {
    return std::string(reinterpret_cast<const char*>(take(length, what)), length);
  }
  std::size_t left() const { return left_; }
  [[noreturn]] void fail(const std::string& what) const { throw UserError(origin_ + ": " + what); }

 private:
  const std::uint8_t* take(std::size_t length, const std::string& what) {
    if (length > left_) {
      fail("truncated at " + what + ": " + std::to_string(length) + " bytes wanted, " +
           std::to_string(left_) + " left");
    }
    const std::uint8_t* begin = bytes_;
    bytes_ += length;
    left_ -= length;
    return begin;
  }

  const std::uint8_t* bytes_;
  std::size_t left_;
  const std::string& origin_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of a "<0xNN>" piece, or -1.
int byte_of(const std::string& piece) {
  if (piece.size() != 6 || piece.compare(0, 3, "<0x") != 0 || piece[5] != '>') return -1;
  const int high = hex_digit(piece[3]);
  const int low = hex_digit(piece[4]);
  return high < 0 || low < 0 ? -1 : 16 * high + low;
}

std::string printed(std::uint32_t token, const std::string& piece) {
  if (token == kBosToken || token == kEosToken) return {};
  const int byte = byte_of(piece);
  return byte < 0 ? piece : std::string(1, static_cast<char>(byte));
}

// Bytes of the UTF-8 character at the begin of `text`, however ill-formed it is.
std::size_t character_bytes(std::string_view text) {
  std::size_t n = 1;
  while (n < text.size() && n < 4 && (static_cast<unsigned char>(text[n]) & 0xC0u) == 0x80u) ++n;
  return n;
}

// A sequence of tokens in which neighbours are merged.
struct Link {
  std::uint32_t token;
  std::size_t previous;
  std::size_t next;
  bool merged_away;
};

struct Candidate {
  float score;
  std::size_t left;
  std::size_t right;
  std::uint32_t left_token;  // as they were when this was found
  std::uint32_t right_token;
  std::uint32_t merged;
  // The best score comes out of the queue first, of equal ones the leftmost.
  bool operator<(const Candidate& other) const {
    return score != other.score ? score < other.score : left > other.left;
  }
};

}  // namespace

Tokenizer Tokenizer::parse(const std::uint8_t* bytes, std::size_t size, std::uint32_t vocabulary,
                           const std::string& origin) {
  Reader reader(bytes, size, origin);
  const auto longest = reader.read<std::int32_t>("its header");
  if (longest < 1 || longest > kLongestToken) {
    reader.fail("the longest token has " + std::to_string(longest) + " bytes, expected 1 to " +
                std::to_string(kLongestToken) + ": not a llama2.c tokenizer, or corrupt");
  }
  Tokenizer tokenizer;
  for (std::uint32_t token = 0; token < vocabulary; ++token) {
    const std::string what = "token " + std::to_string(token) + " of " + std::to_string(vocabulary);
    const auto score = reader.read<float>(what);
    if (std::isnan(score)) reader.fail(what + ": the score is not a number");
    const auto length = reader.read<std::int32_t>(what);
    if (length < 1 || length > longest) {
      reader.fail(what + ": the length is " + std::to_string(length) + ", expected 1 to " +
                  std::to_string(longest));
    }
    const std::string piece = reader.read_text(static_cast<std::size_t>(length), what);
    tokenizer.ids_.emplace(piece, token);
    tokenizer.texts_.push_back(printed(token, piece));
    tokenizer.pieces_.push_back(piece);
    tokenizer.scores_.push_back(score);
  }
  if (reader.left() != 0) {
    reader.fail(std::to_string(reader.left()) + " bytes follow after the " +
                std::to_string(vocabulary) + " tokens that the model has");
  }
  return tokenizer;
}

Tokenizer Tokenizer::load(const std::filesystem::path& file, std::uint32_t vocabulary) {
  const std::vector<std::uint8_t> bytes = read_file_bytes(file, "tokenizer");
  return parse(bytes.data(), bytes.size(), vocabulary, "tokenizer '" + file.string() + "'");
}

std::vector<std::uint32_t> Tokenizer::split(std::string_view text) const {
  std::vector<std::uint32_t> tokens;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, character_bytes(text));
    text.remove_prefix(character.size());
    if (const auto found = ids_.find(character); found != ids_.end()) {
      tokens.push_back(found->second);
      continue;
    }
    for (const char c : character) tokens.push_back(byte_token(static_cast<unsigned char>(c)));
  }
  return tokens;
}

std::uint32_t Tokenizer::byte_token(unsigned char byte) const {
  char piece[8];
  std::snprintf(piece, sizeof piece, "<0x%02X>", byte);
  const auto found = ids_.find(std::string_view(piece));
  if (found == ids_.end()) {
    throw UserError(std::string("the tokenizer has neither a token for a character of the prompt "
                                "nor the byte token ") +
                    piece);
  }
  return found->second;
}

std::vector<std::uint32_t> Tokenizer::encode(std::string_view text) const {
  if (text.empty()) return {};
  const std::vector<std::uint32_t> tokens = split(" " + std::string(text));

  std::vector<Link> links(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    links[i] = {tokens[i], i == 0 ? kNone : i - 1, i + 1 == tokens.size() ? kNone : i + 1, false};
  }
  std::priority_queue<Candidate> candidates;
  const auto consider = [&](std::size_t left) {
    if (left == kNone || links[left].next == kNone) return;
    const std::size_t right = links[left].next;
    const auto merged = ids_.find(pieces_[links[left].token] + pieces_[links[right].token]);
    if (merged == ids_.end()) return;
    candidates.push({scores_[merged->second], left, right, links[left].token, links[right].token,
                     merged->second});
  };
  for (std::size_t i = 0; i < links.size(); ++i) consider(i);

  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Link& left = links[best.left];
    Link& right = links[best.right];
    const bool stale = left.merged_away || right.merged_away || left.token != best.left_token ||
                       right.token != best.right_token;
    if (stale) continue;
    left.token = best.merged;
    left.next = right.next;
    if (right.next != kNone) links[right.next].previous = best.left;
    right.merged_away = true;
    consider(left.previous);
    consider(best.left);
  }

  std::vector<std::uint32_t> merged;
  for (std::size_t i = 0; i != kNone; i = links[i].next) merged.push_back(links[i].token);
  return merged;
}

std::string Tokenizer::decode(const std::vector<std::uint32_t>& tokens,
                              std::uint32_t previous) const {
  std::string text;
  for (const std::uint32_t token : tokens) {
    if (token < texts_.size()) {
      const std::string& piece = texts_[token];
      const bool drop_blank = previous == kBosToken && !piece.empty() && piece[0] == ' ';
      text.append(piece, drop_blank ? 1 : 0, std::string::npos);
    }
    previous = token;
  }
  return text;
}

}  // namespace tandem::platform
