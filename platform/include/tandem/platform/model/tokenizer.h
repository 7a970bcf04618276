// SPDX-License-Identifier: Apache-2.0
// Byte-pair tokenizers in the format of llama2.c (github.com/karpathy/llama2.c, tokenizer.py).
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::platform {

constexpr std::uint32_t kBosToken = 1;
constexpr std::uint32_t kEosToken = 2;

class Tokenizer {
 public:
  // Reads `vocabulary` tokens. Throws UserError, naming the file and what was expected, if it
  // cannot be read, is truncated, has bytes to spare, lengths that make no sense, or scores that
  // are NaN.
  static Tokenizer load(const std::filesystem::path& file, std::uint32_t vocabulary);
  static Tokenizer parse(const std::uint8_t* bytes, std::size_t size, std::uint32_t vocabulary,
                         const std::string& origin);

  std::uint32_t vocabulary() const { return static_cast<std::uint32_t>(pieces_.size()); }

  // Tokens of a text, without BOS: a blank in front, characters (or bytes, for those that are no
  // token), then the adjacent pair of the best score merged, over and over.
  std::vector<std::uint32_t> encode(std::string_view text) const;

  // What a token prints: the byte that `<0xNN>` stands for, nothing for BOS and EOS.
  const std::string& text(std::uint32_t token) const { return texts_[token]; }

  // The text of `tokens` after `previous`: a leading blank after BOS is dropped. Tokens out of the
  // vocabulary print nothing.
  std::string decode(const std::vector<std::uint32_t>& tokens,
                     std::uint32_t previous = kBosToken) const;

 private:
  // Characters, or bytes where a character is no token.
  std::vector<std::uint32_t> split(std::string_view text) const;
  std::uint32_t byte_token(unsigned char byte) const;

  std::vector<std::string> pieces_;  // as in the file
  std::vector<std::string> texts_;
  std::vector<float> scores_;
  std::map<std::string, std::uint32_t, std::less<>> ids_;  // of equal pieces the lowest id
};

}  // namespace tandem::platform
