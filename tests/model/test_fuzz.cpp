// SPDX-License-Identifier: Apache-2.0
// Random bytes and mutated files as weights and tokenizer: a model or a UserError, never anything
// else.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "model_files.h"
#include "tandem/platform/errors.h"

using namespace tandem::platform;
using namespace tandem::platform::test;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes random_bytes(std::mt19937& random, std::size_t size) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// Changes, cuts or lengthens a file.
Bytes mutated(const Bytes& file, std::mt19937& random) {
  Bytes bytes = file;
  const unsigned changes = 1 + random() % 4;
  for (unsigned i = 0; i < changes && !bytes.empty(); ++i) {
    // Half of the changes hit the beginning, where the header is.
    const std::size_t range =
        random() % 2 == 0 ? std::min<std::size_t>(64, bytes.size()) : bytes.size();
    const std::size_t at = random() % range;
    switch (random() % 5) {
      case 0:
        bytes[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
        break;
      case 1:
        bytes[at] = static_cast<std::uint8_t>(random());
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), 1 + random() % 9, 0xFF);
        break;
      default:
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
        break;
    }
  }
  return bytes;
}

// Weights of dim 4 are small enough to be mutated thousands of times.
Bytes tiny_checkpoint() {
  const std::int32_t header[7] = {4, 6, 1, 2, 1, 5, 3};
  Bytes bytes(660);
  std::memcpy(bytes.data(), header, sizeof header);
  return bytes;
}

struct Outcome {
  unsigned loaded = 0;
  unsigned refused = 0;
};

template <typename Load>
void attempt(Outcome& outcome, Load load) {
  try {
    load();
    ++outcome.loaded;
  } catch (const UserError& error) {
    REQUIRE(std::strlen(error.what()) > 10);
    ++outcome.refused;
  }
}

}  // namespace

TEST_CASE("random and mutated weights are loaded or refused") {
  std::mt19937 random(1);
  const Bytes file = tiny_checkpoint();
  Outcome outcome;
  for (unsigned i = 0; i < 20000; ++i) {
    const Bytes bytes = i % 4 == 0 ? random_bytes(random, random() % 200) : mutated(file, random);
    attempt(outcome, [&] { parse_llama2c(bytes.data(), bytes.size(), "fuzz"); });
  }
  CHECK(outcome.loaded > 100);
  CHECK(outcome.refused > 100);
}

TEST_CASE("headers of plausible words with few bytes behind them are refused") {
  std::mt19937 random(2);
  Outcome outcome;
  for (unsigned i = 0; i < 20000; ++i) {
    Bytes bytes = random_bytes(random, 28 + random() % 64);
    for (unsigned word = 0; word < 7; ++word) {
      const std::int32_t value = static_cast<std::int32_t>(random() >> (random() % 32));
      std::memcpy(bytes.data() + 4 * word, &value, 4);
    }
    attempt(outcome, [&] { parse_llama2c(bytes.data(), bytes.size(), "fuzz"); });
  }
  CHECK(outcome.loaded == 0);
}

TEST_CASE("random and mutated tokenizers are loaded or refused, and then encode anything") {
  std::mt19937 random(3);
  const Bytes file = file_contents(model_path("tok512.bin"));
  REQUIRE(file.size() == 6227);
  Outcome outcome;
  for (unsigned i = 0; i < 5000; ++i) {
    const Bytes bytes = i % 4 == 0 ? random_bytes(random, random() % 200) : mutated(file, random);
    const Bytes text = random_bytes(random, random() % 40);
    attempt(outcome, [&] {
      const Tokenizer tokenizer = Tokenizer::parse(bytes.data(), bytes.size(), 512, "fuzz");
      tokenizer.decode(tokenizer.encode(
          std::string_view(reinterpret_cast<const char*>(text.data()), text.size())));
    });
  }
  CHECK(outcome.loaded > 100);
  CHECK(outcome.refused > 100);
}
