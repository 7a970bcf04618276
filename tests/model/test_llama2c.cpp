// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "model_files.h"
#include "tandem/numerics/fp.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model/loaded_model.h"
#include "tandem/platform/model/synthetic.h"

using namespace tandem;
using namespace tandem::platform;
using namespace tandem::platform::test;
using Catch::Matchers::Contains;

namespace {

// dim 4, hidden 6, 1 layer, 2 heads, 1 kv head, 5 tokens, 3 positions, as llama2.c writes it.
struct Checkpoint {
  std::int32_t header[7] = {4, 6, 1, 2, 1, 5, 3};
  std::vector<float> elements;

  Checkpoint() { resize(false); }
  void resize(bool own_classifier) {
    const std::size_t layer = 4 + 16 + 8 + 8 + 16 + 4 + 24 + 24 + 24;
    elements.resize(20 + layer + 4 + 6 + (own_classifier ? 20 : 0));
    for (std::size_t i = 0; i < elements.size(); ++i) {
      elements[i] = 0.125f * static_cast<float>(static_cast<int>(i) - 40);
    }
  }
  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> result(sizeof header + 4 * elements.size());
    std::memcpy(result.data(), header, sizeof header);
    std::memcpy(result.data() + sizeof header, elements.data(), 4 * elements.size());
    return result;
  }
  Model parse() const {
    const std::vector<std::uint8_t> b = bytes();
    return parse_llama2c(b.data(), b.size(), "tiny.bin");
  }
};

float first(const Matrix& m) {
  return numerics::fp16_to_float(m.elements.at(0));
}

}  // namespace

TEST_CASE("the story model has the shape and the weights of its file") {
  const Model model = stories();
  CHECK(model.shape.dim == 64);
  CHECK(model.shape.hidden_dim == 172);
  CHECK(model.shape.layers == 5);
  CHECK(model.shape.heads == 8);
  CHECK(model.shape.kv_heads == 4);
  CHECK(model.shape.head_dim() == 8);
  CHECK(model.shape.kv_dim() == 32);
  CHECK(model.shape.vocabulary == 512);
  CHECK(model.shape.max_positions == 512);
  CHECK(model.shape.shared_classifier);
  CHECK(&model.classifier() == &model.embedding);

  std::size_t elements = model.embedding.elements.size() + model.final_norm.elements.size();
  for (const LayerWeights& l : model.layers) {
    for (const Matrix* m : {&l.attention_norm, &l.query, &l.key, &l.value, &l.attention_output,
                            &l.ffn_norm, &l.gate, &l.up, &l.down}) {
      elements += m->elements.size();
    }
  }
  CHECK(elements == 260032);
}

TEST_CASE("tensors come in the order of the file") {
  Checkpoint checkpoint;
  checkpoint.header[5] = -5;
  checkpoint.resize(true);
  const Model model = checkpoint.parse();
  const auto expected = [&](std::size_t element) { return checkpoint.elements.at(element); };
  CHECK(first(model.embedding) == expected(0));
  const LayerWeights& layer = model.layers.at(0);
  CHECK(first(layer.attention_norm) == expected(20));
  CHECK(first(layer.query) == expected(24));
  CHECK(first(layer.key) == expected(40));
  CHECK(first(layer.value) == expected(48));
  CHECK(first(layer.attention_output) == expected(56));
  CHECK(first(layer.ffn_norm) == expected(72));
  CHECK(first(layer.gate) == expected(76));
  CHECK(first(layer.down) == expected(100));
  CHECK(first(layer.up) == expected(124));
  CHECK(first(model.final_norm) == expected(148));
  CHECK(first(model.unshared_classifier) == expected(158));
  CHECK(layer.down.rows == 4);
  CHECK(layer.down.columns == 6);
  CHECK_FALSE(model.shape.shared_classifier);
  CHECK(&model.classifier() == &model.unshared_classifier);
}

TEST_CASE("weights are rounded to nearest, ties to even") {
  Checkpoint checkpoint;
  checkpoint.elements[0] = 1.0f + 0x1p-11f;          // tie: down to even
  checkpoint.elements[1] = 1.0f + 3 * 0x1p-11f;      // tie: up to even
  checkpoint.elements[2] = 1.0f + 1.01f * 0x1p-11f;  // above the tie
  checkpoint.elements[3] = 65519.0f;                 // rounds to the largest FP16
  const Model model = checkpoint.parse();
  CHECK(model.embedding.elements[0] == 0x3C00);
  CHECK(model.embedding.elements[1] == 0x3C02);
  CHECK(model.embedding.elements[2] == 0x3C01);
  CHECK(model.embedding.elements[3] == 0x7BFF);
}

TEST_CASE("weights without an FP16 value are refused by name") {
  Checkpoint checkpoint;
  SECTION("not a number") {
    checkpoint.elements[24 + 3] = std::numeric_limits<float>::quiet_NaN();
    REQUIRE_THROWS_AS(checkpoint.parse(), UserError);
    CHECK_THROWS_WITH(checkpoint.parse(),
                      Contains("tiny.bin") && Contains("layer 0 query[3] is not a number"));
  }
  SECTION("infinite") {
    checkpoint.elements[149] = -std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(checkpoint.parse(), Contains("final norm[1] is infinite"));
  }
  SECTION("too large") {
    checkpoint.elements[7] = 65520.0f;
    CHECK_THROWS_WITH(checkpoint.parse(),
                      Contains("token embedding[7] is 65520, outside the range of FP16"));
  }
}

TEST_CASE("a header that makes no sense is refused by field") {
  Checkpoint checkpoint;
  struct Case {
    unsigned field;
    std::int32_t value;
    const char* message;
  };
  const Case cases[] = {
      {0, 0, "dim is 0, expected a positive number"},
      {0, 5, "dim (5) is not a multiple of n_heads (2)"},
      {0, 6, "the head size, dim / n_heads (3), is odd"},
      {0, 1 << 20, "dim is 1048576, expected 1 to 65536"},
      {1, -6, "hidden_dim is -6, expected a positive number"},
      {2, 0, "n_layers is 0"},
      {2, 1 << 30, "n_layers is 1073741824, expected 1 to 4096"},
      {3, -1, "n_heads is -1"},
      {4, 3, "n_heads (2) is not a multiple of n_kv_heads (3)"},
      {5, 0, "vocab_size is 0"},
      {5, std::numeric_limits<std::int32_t>::min(), "vocab_size is 2147483648"},
      {6, 0, "seq_len is 0"},
  };
  for (const Case& c : cases) {
    Checkpoint broken = checkpoint;
    broken.header[c.field] = c.value;
    REQUIRE_THROWS_AS(broken.parse(), UserError);
    CHECK_THROWS_WITH(broken.parse(), Contains("tiny.bin: ") && Contains(c.message) &&
                                          Contains("not a llama2.c version 0 checkpoint"));
  }
}

TEST_CASE("a file of another kind in the place of weights is named with its key") {
  const std::filesystem::path file = std::filesystem::path(TANDEM_MODEL_DIR) / "LICENSE";
  REQUIRE(std::filesystem::exists(file));
  ModelConfig config;
  config.weights = file;
  CHECK_THROWS_WITH(
      load_model(config, Execution::kTiming),
      Contains("model.weights: ") && Contains("not a llama2.c version 0 checkpoint, or corrupt"));
}

TEST_CASE("the size of the file must be the one that the header asks for") {
  Checkpoint checkpoint;
  std::vector<std::uint8_t> bytes = checkpoint.bytes();
  const auto parse = [&] { parse_llama2c(bytes.data(), bytes.size(), "tiny.bin"); };
  SECTION("truncated") {
    bytes.pop_back();
    CHECK_THROWS_WITH(parse(), Contains("asks for 660 bytes, the file has 659: truncated"));
  }
  SECTION("no header") {
    bytes.resize(27);
    CHECK_THROWS_WITH(parse(), Contains("truncated, 27 bytes are less than the header of 28"));
  }
  SECTION("empty") {
    bytes.clear();
    CHECK_THROWS_WITH(parse(), Contains("truncated, 0 bytes"));
  }
  SECTION("bytes to spare") {
    bytes.push_back(0);
    CHECK_THROWS_WITH(parse(), Contains("bytes to spare"));
  }
  SECTION("own classifier, not announced") {
    checkpoint.resize(true);
    bytes = checkpoint.bytes();
    CHECK_THROWS_WITH(parse(), Contains("a negative vocab_size announces"));
  }
  SECTION("own classifier, announced but absent") {
    checkpoint.header[5] = -5;
    bytes = checkpoint.bytes();
    CHECK_THROWS_WITH(parse(), Contains("a positive vocab_size announces"));
  }
}

TEST_CASE("files that cannot be read are refused by name") {
  CHECK_THROWS_AS(load_llama2c("/nonexistent/weights.bin"), UserError);
  CHECK_THROWS_WITH(load_llama2c("/nonexistent/weights.bin"),
                    Contains("weights '/nonexistent/weights.bin': no such file"));
  CHECK_THROWS_WITH(load_llama2c(TANDEM_MODEL_DIR), Contains("not a regular file"));
}

TEST_CASE("synthetic weights follow from seed, tensor and index alone") {
  ModelShape shape;
  shape.dim = 64;
  shape.hidden_dim = 96;
  shape.layers = 2;
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.vocabulary = 128;
  shape.max_positions = 32;
  const Model model = synthetic_model(shape, 7);
  const Model again = synthetic_model(shape, 7);
  const Model other = synthetic_model(shape, 8);
  CHECK(model.layers[1].gate.elements == again.layers[1].gate.elements);
  CHECK(model.layers[1].gate.elements != other.layers[1].gate.elements);
  CHECK(model.layers[0].gate.elements != model.layers[1].gate.elements);
  CHECK(model.layers[0].gate.elements != model.layers[0].up.elements);

  double sum = 0.0, squares = 0.0;
  const std::vector<std::uint16_t>& elements = model.embedding.elements;
  for (const std::uint16_t e : elements) {
    const double value = static_cast<double>(numerics::fp16_to_float(e));
    sum += value;
    squares += value * value;
  }
  const double n = static_cast<double>(elements.size());
  CHECK(std::abs(sum / n) < 5.0 * 0.125 / std::sqrt(n));
  CHECK(std::sqrt(squares / n) == Approx(0.125).epsilon(0.03));

  shape.heads = 5;
  CHECK_THROWS_AS(synthetic_model(shape, 7), UserError);
}
