// SPDX-License-Identifier: Apache-2.0
// Models of which only the shape is known.
#include <catch2/catch.hpp>
#include <cstring>

#include "model_files.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/model/shard.h"

using namespace tandem;
using namespace tandem::platform;
using namespace tandem::platform::test;
using abi::TensorKind;
using abi::TensorRole;

namespace {

constexpr std::uint64_t kWeights = 0x8000'0000;
constexpr std::uint64_t kDirectory = 0x1001'0000;

PackOptions options(std::optional<DraftConfig> draft, WeightFormat format = WeightFormat::kFp16) {
  return {draft, kWeights, kDirectory, format};
}

bool same(const PackedSizes& a, const PackedSizes& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

void check_same_layout(const Model& model, std::optional<DraftConfig> draft) {
  const Tokenizer tokenizer = stories_tokenizer();
  const PackedModel full = pack_model(model, &tokenizer, options(draft));
  const PackedModel shape = pack_shape(model.shape, &tokenizer, options(draft));
  REQUIRE(shape.tensors.size() == full.tensors.size());
  for (std::size_t i = 0; i < full.tensors.size(); ++i) {
    INFO("entry " << i);
    CHECK(std::memcmp(&shape.tensors[i], &full.tensors[i], sizeof full.tensors[i]) == 0);
  }
  CHECK(shape.directory == full.directory);
  CHECK(same(shape.sizes, full.sizes));
  CHECK(shape.weights.empty());
  CHECK(shape.weights_bytes == full.weights.size());
  CHECK(full.weights_bytes == full.weights.size());
}

ModelShape gpt_shape() {
  ModelShape shape;
  shape.dim = 64;
  shape.hidden_dim = 256;
  shape.layers = 2;
  shape.heads = 4;
  shape.kv_heads = 4;
  shape.vocabulary = 100;
  shape.max_positions = 32;
  shape.gated_ffn = false;
  shape.qkv_bias = shape.linear_bias = true;
  shape.norm = abi::NormKind::kLayer;
  shape.positions = abi::PositionKind::kLearned;
  return shape;
}

std::uint64_t elements(const PackedModel& packed, TensorRole role) {
  std::uint64_t sum = 0;
  for (const abi::TensorEntry& e : packed.tensors) {
    if (e.role == static_cast<abi::u32>(role)) sum += std::uint64_t{e.rows} * e.columns;
  }
  return sum;
}

}  // namespace

TEST_CASE("a shape has the directory of its weights for every draft") {
  const Model model = stories();
  check_same_layout(model, std::nullopt);
  for (const DraftFormat format :
       {DraftFormat::kBsfpE, DraftFormat::kBsfpI, DraftFormat::kBsfpIShiftAdd, DraftFormat::kInt4,
        DraftFormat::kE2m1, DraftFormat::kE3m0}) {
    for (const DraftGroup group : {DraftGroup::k128, DraftGroup::kRow, DraftGroup::kTensor}) {
      for (const Classifier classifier : {Classifier::kPlane, Classifier::kFull}) {
        for (const DraftScope scope : {DraftScope::kTensor, DraftScope::kRow}) {
          INFO("format " << static_cast<int>(format) << ", group " << static_cast<int>(group)
                         << ", classifier " << static_cast<int>(classifier) << ", scope "
                         << static_cast<int>(scope));
          check_same_layout(model,
                            draft_config(format, group, DraftScale::kAbsmax, classifier, scope));
        }
      }
    }
  }
}

TEST_CASE("a shape with biases, layer norms and learned positions has tensors for them") {
  const ModelShape shape = gpt_shape();
  const PackedModel packed = pack_shape(shape, nullptr, options(std::nullopt));
  const auto entry = [&](TensorKind kind, std::uint32_t layer = 0) {
    const abi::TensorEntry* const found = find_tensor(packed, kind, TensorRole::kFull, layer);
    REQUIRE(found != nullptr);
    return *found;
  };
  CHECK(entry(TensorKind::kPositionTable).rows == 32);
  CHECK(entry(TensorKind::kPositionTable).columns == 64);
  CHECK(entry(TensorKind::kUpBias, 1).columns == 256);
  CHECK(entry(TensorKind::kDownBias, 1).columns == 64);
  CHECK(entry(TensorKind::kFinalNormBias).columns == 64);
  CHECK(find_tensor(packed, TensorKind::kInverseFrequency, TensorRole::kFull, 0) == nullptr);
  CHECK(find_tensor(packed, TensorKind::kGate, TensorRole::kFull, 0) == nullptr);
  CHECK(find_tensor(packed, TensorKind::kGateBias, TensorRole::kFull, 0) == nullptr);
  CHECK(packed.image.position_kind == static_cast<abi::u32>(abi::PositionKind::kLearned));
  CHECK(packed.image.norm_kind == static_cast<abi::u32>(abi::NormKind::kLayer));
  CHECK(packed.image.piece_count == 0);
  // The classifier names the embedding's bytes.
  CHECK(elements(packed, TensorRole::kFull) - 100 * 64 == count_parameters(shape).all);
  CHECK(packed.sizes.full_bytes == 2 * count_parameters(shape).all);
}

TEST_CASE("a head may be larger than its share of the width") {
  ModelShape shape = gpt_shape();
  shape.head_size = 24;
  const PackedModel packed = pack_shape(shape, nullptr, options(std::nullopt));
  const abi::TensorEntry* const query =
      find_tensor(packed, TensorKind::kQuery, TensorRole::kFull, 1);
  const abi::TensorEntry* const output =
      find_tensor(packed, TensorKind::kAttentionOutput, TensorRole::kFull, 1);
  REQUIRE(query != nullptr);
  REQUIRE(output != nullptr);
  CHECK(query->rows == 96);
  CHECK(query->columns == 64);
  CHECK(output->rows == 64);
  CHECK(output->columns == 96);
  CHECK(packed.image.head_dim == 24);
}

TEST_CASE("matrices without bytes have the format that is asked for") {
  struct Expected {
    WeightFormat format;
    abi::Format full;
    abi::Grouping grouping;
    std::uint64_t stream_bytes, remainder_bytes, scales_bytes, tables_bytes;
  };
  constexpr std::uint64_t kElements = 256 * 64;
  const Expected all[] = {
      {WeightFormat::kFp16, abi::Format::kFp16, abi::Grouping::kNone, 2 * kElements, 0, 0, 0},
      {WeightFormat::kBf16, abi::Format::kBf16, abi::Grouping::kNone, 2 * kElements, 0, 0, 0},
      {WeightFormat::kInt8, abi::Format::kInt8, abi::Grouping::kGroup128, kElements, 0, 2 * 256, 0},
      {WeightFormat::kInt4, abi::Format::kInt4, abi::Grouping::kGroup128, kElements / 2, 0, 2 * 256,
       0},
      {WeightFormat::kBsfpE, abi::Format::kBsfpEFull, abi::Grouping::kNone, kElements / 2,
       kElements * 3 / 2, 0, 32},
      {WeightFormat::kBsfpI, abi::Format::kBsfpIFull, abi::Grouping::kNone, kElements / 2,
       kElements * 3 / 2, 0, 30},
  };
  for (const Expected& expected : all) {
    INFO("format " << static_cast<int>(expected.format));
    const PackedModel packed =
        pack_shape(gpt_shape(), nullptr, options(std::nullopt, expected.format));
    const abi::TensorEntry* const up = find_tensor(packed, TensorKind::kUp, TensorRole::kFull, 1);
    REQUIRE(up != nullptr);
    CHECK(up->format == static_cast<abi::u8>(expected.full));
    CHECK(up->grouping == static_cast<abi::u8>(expected.grouping));
    CHECK(up->stream_bytes == expected.stream_bytes);
    CHECK(up->remainder_bytes == expected.remainder_bytes);
    CHECK(up->scales_bytes == expected.scales_bytes);
    CHECK(up->tables_bytes == expected.tables_bytes);
    CHECK((packed.sizes.full_scale_bytes != 0) == (expected.scales_bytes != 0));
    CHECK(packed.sizes.scale_bytes == 0);
    CHECK((up->remainder != 0) == (expected.remainder_bytes != 0));
    CHECK(find_tensor(packed, TensorKind::kUp, TensorRole::kDraft, 1) == nullptr);
    const abi::TensorEntry* const bias =
        find_tensor(packed, TensorKind::kUpBias, TensorRole::kFull, 1);
    REQUIRE(bias != nullptr);
    CHECK(bias->format == static_cast<abi::u8>(abi::Format::kFp16));
  }
}

TEST_CASE("a draft with storage of its own comes beside weights of any format") {
  const DraftConfig draft = draft_config(DraftFormat::kInt4, DraftGroup::k128);
  for (const WeightFormat format :
       {WeightFormat::kFp16, WeightFormat::kInt8, WeightFormat::kBsfpI}) {
    const PackedModel packed = pack_shape(gpt_shape(), nullptr, options(draft, format));
    const abi::TensorEntry* const full = find_tensor(packed, TensorKind::kUp, TensorRole::kFull, 0);
    const abi::TensorEntry* const copy =
        find_tensor(packed, TensorKind::kUp, TensorRole::kDraft, 0);
    REQUIRE(full != nullptr);
    REQUIRE(copy != nullptr);
    CHECK(copy->format == static_cast<abi::u8>(abi::Format::kInt4));
    CHECK(copy->stream != full->stream);
    CHECK(packed.sizes.draft_copy_bytes != 0);
  }
}

TEST_CASE("BSFP weights and their draft share planes") {
  const PackedModel packed = pack_shape(
      gpt_shape(), nullptr, options(draft_config(DraftFormat::kBsfpI), WeightFormat::kBsfpI));
  const PackedModel from_fp16 =
      pack_shape(gpt_shape(), nullptr, options(draft_config(DraftFormat::kBsfpI)));
  CHECK(packed.directory == from_fp16.directory);
  CHECK(find_tensor(packed, TensorKind::kUp, TensorRole::kFull, 0)->stream ==
        find_tensor(packed, TensorKind::kUp, TensorRole::kDraft, 0)->stream);
}

TEST_CASE("experts are one tensor, and the router stays FP16 in drafts too") {
  ModelShape shape = gpt_shape();
  shape.gated_ffn = true;
  shape.experts = {4, 2, 32, 48, 1};
  const PackedModel packed =
      pack_shape(shape, nullptr, options(draft_config(DraftFormat::kBsfpI), WeightFormat::kBsfpI));
  CHECK(find_tensor(packed, TensorKind::kRouter, TensorRole::kFull, 0) == nullptr);
  const abi::TensorEntry* const router =
      find_tensor(packed, TensorKind::kRouter, TensorRole::kFull, 1);
  REQUIRE(router != nullptr);
  CHECK(router->format == static_cast<abi::u8>(abi::Format::kFp16));
  CHECK(find_tensor(packed, TensorKind::kRouter, TensorRole::kDraft, 1) == nullptr);
  const abi::TensorEntry* const up =
      find_tensor(packed, TensorKind::kExpertUp, TensorRole::kDraft, 1);
  REQUIRE(up != nullptr);
  CHECK(up->rows == 4 * 32);
  CHECK(find_tensor(packed, TensorKind::kUp, TensorRole::kFull, 0)->rows == 256);
  CHECK(find_tensor(packed, TensorKind::kUp, TensorRole::kFull, 1)->rows == 48);
  CHECK(packed.image.experts == 4);
  const ParameterCount count = count_parameters(shape);
  CHECK(count.all - count.active == 2 * 3 * 32 * 64);  // two of four experts of one layer
}

TEST_CASE("latent attention has matrices of its own, and one key head") {
  ModelShape shape = gpt_shape();
  shape.positions = abi::PositionKind::kRotaryInterleaved;
  shape.qkv_bias = false;
  shape.head_size = 24;
  shape.latent = {32, 16, 8, 12};
  const PackedModel packed = pack_shape(shape, nullptr, options(draft_config(DraftFormat::kBsfpI)));
  const auto check = [&packed](TensorKind kind, std::uint32_t rows, std::uint32_t columns) {
    const abi::TensorEntry* const entry = find_tensor(packed, kind, TensorRole::kFull, 1);
    REQUIRE(entry != nullptr);
    CHECK(entry->rows == rows);
    CHECK(entry->columns == columns);
  };
  check(TensorKind::kQuery, shape.heads * 24, shape.dim);
  check(TensorKind::kLatent, 32 + 8, shape.dim);
  check(TensorKind::kLatentNorm, 1, 32);
  check(TensorKind::kKeyExpansion, shape.heads * 32, 16);
  check(TensorKind::kValueExpansion, shape.heads * 12, 32);
  check(TensorKind::kAttentionOutput, shape.dim, shape.heads * 12);
  CHECK(find_tensor(packed, TensorKind::kKey, TensorRole::kFull, 1) == nullptr);
  CHECK(find_tensor(packed, TensorKind::kValueExpansion, TensorRole::kDraft, 1) != nullptr);
  CHECK(find_tensor(packed, TensorKind::kInverseFrequency, TensorRole::kFull, 0)->columns == 4);
  CHECK(packed.image.kv_heads == 1);
  CHECK(packed.image.latent_dim == 32);
  CHECK(packed.image.rope_dim == 8);
  CHECK(packed.image.v_head_dim == 12);
  CHECK(kv_bytes_per_token_and_layer(shape) == 2 * (32 + 8));
}

TEST_CASE("devices share heads, widths and the classifier's rows, nothing else") {
  ModelShape whole = gpt_shape();
  whole.vocabulary = 101;
  const ModelShape part = shard(whole, 4);
  CHECK(part.heads == 1);
  CHECK(part.kv_heads == 1);
  CHECK(part.head_dim() == whole.head_dim());
  CHECK(part.hidden_dim == whole.hidden_dim / 4);
  CHECK(part.dim == whole.dim);
  CHECK(part.vocabulary == whole.vocabulary);
  CHECK(part.classifier_rows() == 26);
  const PackedModel packed = pack_shape(part, nullptr, options(std::nullopt));
  CHECK(packed.image.devices == 4);
  CHECK(find_tensor(packed, TensorKind::kQuery, TensorRole::kFull, 0)->rows == 16);
  CHECK(find_tensor(packed, TensorKind::kAttentionOutput, TensorRole::kFull, 0)->columns == 16);
  CHECK(find_tensor(packed, TensorKind::kDown, TensorRole::kFull, 0)->columns == 64);
  CHECK(find_tensor(packed, TensorKind::kClassifier, TensorRole::kFull, 0)->rows == 26);
  CHECK(find_tensor(packed, TensorKind::kEmbedding, TensorRole::kFull, 0)->rows == 101);
}

TEST_CASE("fewer key/value heads than devices are on several each") {
  ModelShape whole = gpt_shape();
  whole.heads = 8;
  whole.kv_heads = 2;
  whole.head_size = 16;
  CHECK(shard(whole, 8).kv_heads == 1);
  CHECK(shard(whole, 2).kv_heads == 1);
  whole.kv_heads = 4;
  whole.heads = 12;
  CHECK(why_not_shared(whole, 6).find("key/value heads") != std::string::npos);
  CHECK_THROWS_AS(shard(whole, 5), UserError);
}
