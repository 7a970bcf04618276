// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "model_files.h"
#include "tandem/platform/errors.h"

using namespace tandem::platform;
using namespace tandem::platform::test;
using Catch::Matchers::Contains;

namespace {

struct Piece {
  float score;
  std::int32_t length;
  std::string text;
};

std::vector<std::uint8_t> tokenizer_file(std::int32_t longest, const std::vector<Piece>& pieces) {
  std::vector<std::uint8_t> bytes(4);
  std::memcpy(bytes.data(), &longest, 4);
  for (const Piece& piece : pieces) {
    std::uint8_t words[8];
    std::memcpy(words, &piece.score, 4);
    std::memcpy(words + 4, &piece.length, 4);
    bytes.insert(bytes.end(), words, words + 8);
    bytes.insert(bytes.end(), piece.text.begin(), piece.text.end());
  }
  return bytes;
}

Tokenizer parse(const std::vector<std::uint8_t>& bytes, std::uint32_t vocabulary) {
  return Tokenizer::parse(bytes.data(), bytes.size(), vocabulary, "tok.bin");
}

const std::vector<Piece> kLetters = {{0, 5, "<unk>"}, {0, 3, "<s>"},   {0, 4, "</s>"}, {-1, 1, "a"},
                                     {-2, 1, "b"},    {-3, 1, " "},    {5, 2, "ab"},   {9, 2, "ba"},
                                     {3, 3, "aba"},   {0, 6, "<0x0A>"}};

}  // namespace

TEST_CASE("the published greedy text is what its tokens print") {
  const Tokenizer tokenizer = stories_tokenizer();
  std::vector<std::uint32_t> tokens;
  for (const std::string& line : data_lines("greedy200.ids", 0)) {
    tokens.push_back(static_cast<std::uint32_t>(std::stoul(line)));
  }
  REQUIRE(tokens.size() == 200);
  CHECK(tokenizer.decode(tokens) ==
        "Once upon a time, there was a little girl named Lily. She loved to play outside in the "
        "park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n"
        "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. "
        "She said, \"I want to play with your ball, but I can't find it.\"\n"
        "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what "
        "to do.\"\n"
        "Lily didn't want to help her mom, so she");
  CHECK(tokenizer.encode("Once upon a time") == std::vector<std::uint32_t>{403, 407, 261, 378});
}

TEST_CASE("every prompt survives decoding and encoding") {
  const Tokenizer tokenizer = stories_tokenizer();
  for (const PromptSequence& sequence : prompt_sequences()) {
    REQUIRE(sequence.tokens.at(0) == kBosToken);
    const std::string text = tokenizer.decode({sequence.tokens.begin() + 1, sequence.tokens.end()});
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
}

TEST_CASE("any bytes survive encoding and decoding, by byte tokens where no character fits") {
  const Tokenizer tokenizer = stories_tokenizer();
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(255 - i);
  for (const std::string& text :
       {std::string("Zoo"), std::string(" leading"), std::string("\n\t\r"),
        std::string("na\xC3\xAFve caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), every_byte,
        std::string("\x80\x80\x80\x80\x80\xFF\xC3"), std::string(100, ' ')}) {
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
  CHECK(tokenizer.encode("").empty());
}

TEST_CASE("the best score merges first, of equal ones the leftmost") {
  const Tokenizer tokenizer = parse(tokenizer_file(6, kLetters), 10);
  // " aba": (a b) scores 5 and (b a) 9, so "ba" forms first and "aba" cannot form from "a" + "ba"
  // unless that pair is a token: it is, with score 3.
  CHECK(tokenizer.encode("aba") == std::vector<std::uint32_t>{5, 8});
  CHECK(tokenizer.encode("aab") == std::vector<std::uint32_t>{5, 3, 6});
  CHECK(tokenizer.encode("bab") == std::vector<std::uint32_t>{5, 7, 4});
  CHECK(tokenizer.encode("\n") == std::vector<std::uint32_t>{5, 9});
  CHECK(tokenizer.decode({5, 9}) == "\n");
  CHECK_THROWS_AS(tokenizer.encode("x"), UserError);
  CHECK_THROWS_WITH(tokenizer.encode("x"), Contains("<0x78>"));
}

TEST_CASE("only the blank right after BOS is dropped, BOS and EOS print nothing") {
  const Tokenizer tokenizer = parse(tokenizer_file(6, kLetters), 10);
  CHECK(tokenizer.decode({5, 3, 5, 4}) == "a b");
  CHECK(tokenizer.decode({5, 3}, 4) == " a");
  CHECK(tokenizer.decode({3, 2, 1, 5, 4}) == "ab");
  CHECK(tokenizer.decode({3, 4000000000u, 4}) == "ab");
}

TEST_CASE("a tokenizer that is broken is refused by name") {
  std::vector<std::uint8_t> good = tokenizer_file(6, kLetters);
  const auto refused = [](const std::vector<std::uint8_t>& bytes, const char* message) {
    CHECK_THROWS_AS(parse(bytes, 10), UserError);
    CHECK_THROWS_WITH(parse(bytes, 10), Contains("tok.bin: ") && Contains(message));
  };
  const auto with = [](std::size_t index, Piece piece) {
    std::vector<Piece> pieces = kLetters;
    pieces[index] = std::move(piece);
    return tokenizer_file(6, pieces);
  };
  REQUIRE_NOTHROW(parse(good, 10));
  refused({}, "truncated at its header");
  refused({good.begin(), good.end() - 1}, "truncated at token 9 of 10: 6 bytes wanted, 5 left");
  refused({good.begin(), good.begin() + 8}, "truncated at token 0 of 10");
  refused(tokenizer_file(0, kLetters), "the longest token has 0 bytes");
  refused(tokenizer_file(-5, kLetters), "the longest token has -5 bytes");
  refused(with(4, {0, -1, "b"}), "token 4 of 10: the length is -1, expected 1 to 6");
  refused(with(4, {0, 7, "bbbbbbb"}), "token 4 of 10: the length is 7, expected 1 to 6");
  refused(with(4, {0, 0, ""}), "token 4 of 10: the length is 0");
  refused(with(4, {std::numeric_limits<float>::quiet_NaN(), 1, "b"}),
          "token 4 of 10: the score is not a number");
  good.push_back(0);
  refused(good, "1 bytes follow after the 10 tokens that the model has");
  CHECK_THROWS_WITH(Tokenizer::load("/nonexistent/tok.bin", 512),
                    Contains("tokenizer '/nonexistent/tok.bin': no such file"));
}
