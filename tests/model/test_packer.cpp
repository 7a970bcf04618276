// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <set>

#include "model_files.h"
#include "tandem/abi/boot_info.h"
#include "tandem/abi/command.h"
#include "tandem/numerics/decode.h"
#include "tandem/numerics/fp.h"
#include "tandem/platform/model/synthetic.h"

using namespace tandem;
using namespace tandem::platform;
using namespace tandem::platform::test;
using abi::TensorKind;
using abi::TensorRole;

namespace {

constexpr std::uint64_t kWeights = 0x8000'0000;
constexpr std::uint64_t kDirectory = 0x1001'0000;

PackedModel pack(const Model& model, std::optional<DraftConfig> draft,
                 const Tokenizer* tokenizer = nullptr) {
  return pack_model(model, tokenizer, {draft, kWeights, kDirectory});
}

const abi::TensorEntry& entry(const PackedModel& packed, TensorKind kind, TensorRole role,
                              std::uint32_t layer = 0) {
  const abi::TensorEntry* found = find_tensor(packed, kind, role, layer);
  REQUIRE(found != nullptr);
  return *found;
}

abi::Format format(const abi::TensorEntry& e) {
  return static_cast<abi::Format>(e.format);
}

struct Range {
  std::uint64_t begin, end;
  bool operator<(const Range& other) const { return begin < other.begin; }
};

std::vector<Range> ranges_of(const abi::TensorEntry& e) {
  std::vector<Range> ranges;
  const auto add = [&](std::uint64_t begin, std::uint64_t bytes) {
    if (bytes != 0) ranges.push_back({begin, begin + bytes});
  };
  add(e.stream, e.stream_bytes);
  add(e.remainder, e.remainder_bytes);
  add(e.scales, e.scales_bytes);
  add(e.tables, e.tables_bytes);
  return ranges;
}

Model small_model(bool shared_classifier) {
  ModelShape shape;
  shape.dim = 36;
  shape.hidden_dim = 150;
  shape.layers = 2;
  shape.heads = 6;
  shape.kv_heads = 3;
  shape.vocabulary = 41;
  shape.max_positions = 16;
  shape.shared_classifier = shared_classifier;
  return synthetic_model(shape, 11);
}

const DraftConfig kDrafts[] = {
    draft_config(DraftFormat::kBsfpE),
    draft_config(DraftFormat::kBsfpE, DraftGroup::k128, DraftScale::kMse, Classifier::kFull),
    draft_config(DraftFormat::kBsfpE, DraftGroup::kRow, DraftScale::kPow2, Classifier::kPlane,
                 DraftScope::kRow),
    draft_config(DraftFormat::kBsfpI),
    draft_config(DraftFormat::kBsfpI, DraftGroup::kTensor, DraftScale::kAbsmax, Classifier::kFull,
                 DraftScope::kRow),
    draft_config(DraftFormat::kBsfpIShiftAdd),
    draft_config(DraftFormat::kInt4, DraftGroup::k128),
    draft_config(DraftFormat::kE2m1, DraftGroup::kRow, DraftScale::kMse, Classifier::kFull),
    draft_config(DraftFormat::kE3m0, DraftGroup::kTensor, DraftScale::kPow2),
};

}  // namespace

TEST_CASE("plain decoding has FP16 tensors and no drafts") {
  const Model model = stories();
  const PackedModel packed = pack(model, std::nullopt);
  CHECK(packed.tensors.size() == 5 * 9 + 4);
  for (const abi::TensorEntry& e : packed.tensors) {
    CHECK(e.role == static_cast<abi::u32>(TensorRole::kFull));
    const bool frequencies = e.kind == static_cast<abi::u32>(TensorKind::kInverseFrequency);
    CHECK(format(e) == (frequencies ? abi::Format::kFp32 : abi::Format::kFp16));
  }
  CHECK(packed.sizes.full_bytes == 2 * 260032 + 4 * 4);
  CHECK(entry(packed, TensorKind::kClassifier, TensorRole::kFull).stream ==
        entry(packed, TensorKind::kEmbedding, TensorRole::kFull).stream);
}

TEST_CASE("BSFP drafts are bits of the full weights") {
  const Model model = stories();
  const PackedModel packed = pack(model, draft_config(DraftFormat::kBsfpI));
  for (std::uint32_t layer = 0; layer < 5; ++layer) {
    for (const TensorKind kind :
         {TensorKind::kQuery, TensorKind::kKey, TensorKind::kValue, TensorKind::kAttentionOutput,
          TensorKind::kGate, TensorKind::kUp, TensorKind::kDown}) {
      const abi::TensorEntry& full = entry(packed, kind, TensorRole::kFull, layer);
      const abi::TensorEntry& draft = entry(packed, kind, TensorRole::kDraft, layer);
      CHECK(format(full) == abi::Format::kBsfpIFull);
      CHECK(format(draft) == abi::Format::kBsfpIDraft);
      CHECK(full.stream == draft.stream);
      CHECK(full.stream_bytes == draft.stream_bytes);
      CHECK(full.tables == draft.tables);
      CHECK(draft.remainder == 0);
      CHECK(draft.scales == 0);
      CHECK(3 * full.stream_bytes == full.remainder_bytes);
      CHECK(2ull * full.rows * full.columns == full.stream_bytes + full.remainder_bytes);
    }
  }
  CHECK(packed.sizes.plane_bytes + packed.sizes.remainder_bytes == 2 * (260032 - 704));
  CHECK(packed.sizes.draft_copy_bytes == 0);
  CHECK(packed.sizes.scale_bytes == 0);
  CHECK(packed.sizes.table_bytes == 36 * 30);
}

TEST_CASE("the draft classifier is a plane or the full tensor, as asked") {
  const Model model = stories();
  for (const DraftFormat draft : {DraftFormat::kBsfpE, DraftFormat::kInt4}) {
    const PackedModel plane = pack(model, draft_config(draft));
    const abi::TensorEntry& full = entry(plane, TensorKind::kClassifier, TensorRole::kFull);
    const abi::TensorEntry& low = entry(plane, TensorKind::kClassifier, TensorRole::kDraft);
    CHECK(abi::stream_bits(format(low)) == 4);
    CHECK((full.stream == low.stream) == (draft == DraftFormat::kBsfpE));

    DraftConfig config = draft_config(draft);
    config.classifier = Classifier::kFull;
    const PackedModel whole = pack(model, config);
    abi::TensorEntry copy = entry(whole, TensorKind::kClassifier, TensorRole::kDraft);
    copy.role = static_cast<abi::u32>(TensorRole::kFull);
    const abi::TensorEntry& original = entry(whole, TensorKind::kClassifier, TensorRole::kFull);
    CHECK(std::memcmp(&copy, &original, sizeof copy) == 0);
  }
}

TEST_CASE("every layout is aligned, inside its stretch, without overlap, and counted") {
  for (const bool shared : {true, false}) {
    const Model model = small_model(shared);
    for (const DraftConfig& draft : kDrafts) {
      const PackedModel packed = pack(model, draft);
      CHECK(packed.image.weights_base == kWeights);
      CHECK(packed.image.weights_bytes == packed.weights.size());
      std::set<Range> ranges;
      for (const abi::TensorEntry& e : packed.tensors) {
        for (const Range& range : ranges_of(e)) {
          CHECK(range.begin % 64 == 0);
          CHECK(range.begin >= kWeights);
          CHECK(range.end <= kWeights + packed.weights.size());
          const auto [known, inserted] = ranges.insert(range);
          CHECK(known->end == range.end);
        }
        const numerics::WeightView view = weight_view(packed, e);
        CHECK(e.stream_bytes == numerics::plane_bytes(view.layout, numerics::Plane::kStream));
        CHECK(e.remainder_bytes == numerics::plane_bytes(view.layout, numerics::Plane::kRemainder));
        CHECK(e.scales_bytes == numerics::plane_bytes(view.layout, numerics::Plane::kScales));
        CHECK(e.tables_bytes == numerics::plane_bytes(view.layout, numerics::Plane::kTables));
      }
      std::uint64_t end = 0, used = 0;
      for (const Range& range : ranges) {
        CHECK(range.begin >= end);
        end = range.end;
        used += range.end - range.begin;
      }
      const PackedSizes& s = packed.sizes;
      CHECK(used == s.full_bytes + s.plane_bytes + s.remainder_bytes + s.draft_copy_bytes +
                        s.table_bytes + s.scale_bytes);
      CHECK(used + s.padding_bytes == packed.weights.size());
    }
  }
}

TEST_CASE("every full tensor reads back as the model's own bits") {
  for (const bool shared : {true, false}) {
    const Model model = small_model(shared);
    for (const DraftConfig& draft : kDrafts) {
      const PackedModel packed = pack(model, draft);
      const auto check = [&](TensorKind kind, std::uint32_t layer, const Matrix& matrix) {
        const abi::TensorEntry& e = entry(packed, kind, TensorRole::kFull, layer);
        REQUIRE(e.rows == matrix.rows);
        REQUIRE(e.columns == matrix.columns);
        const numerics::WeightView view = weight_view(packed, e);
        std::vector<float> values(e.columns);
        std::size_t wrong = 0;
        for (std::uint32_t row = 0; row < e.rows; ++row) {
          numerics::decode_row(view, row, 0, e.columns, values.data());
          for (std::uint32_t c = 0; c < e.columns; ++c) {
            wrong += numerics::float_to_fp16(values[c]) != matrix.row(row)[c];
          }
        }
        CHECK(wrong == 0);
      };
      check(TensorKind::kEmbedding, 0, model.embedding);
      check(TensorKind::kClassifier, 0, model.classifier());
      check(TensorKind::kFinalNorm, 0, model.final_norm);
      for (std::uint32_t layer = 0; layer < 2; ++layer) {
        check(TensorKind::kAttentionNorm, layer, model.layers[layer].attention_norm);
        check(TensorKind::kQuery, layer, model.layers[layer].query);
        check(TensorKind::kKey, layer, model.layers[layer].key);
        check(TensorKind::kValue, layer, model.layers[layer].value);
        check(TensorKind::kAttentionOutput, layer, model.layers[layer].attention_output);
        check(TensorKind::kFfnNorm, layer, model.layers[layer].ffn_norm);
        check(TensorKind::kGate, layer, model.layers[layer].gate);
        check(TensorKind::kUp, layer, model.layers[layer].up);
        check(TensorKind::kDown, layer, model.layers[layer].down);
      }
    }
  }
}

TEST_CASE("what a draft pass reads of the matrices is one stretch of memory") {
  const Model model = small_model(true);
  for (const DraftConfig& draft : kDrafts) {
    const PackedModel packed = pack(model, draft);
    std::set<Range> drafted, others;
    for (const abi::TensorEntry& e : packed.tensors) {
      if (e.role != static_cast<abi::u32>(TensorRole::kDraft)) continue;
      for (const Range& range : ranges_of(e)) drafted.insert(range);
    }
    for (const abi::TensorEntry& e : packed.tensors) {
      for (const Range& range : ranges_of(e)) {
        if (drafted.count(range) == 0) others.insert(range);
      }
    }
    for (const Range& range : others) {
      CHECK((range.end <= drafted.begin()->begin || range.begin >= drafted.rbegin()->end));
    }
  }
}

TEST_CASE("the draft values of a group-scaled BSFP tensor are nearer to the weights") {
  const Model model = stories();
  const auto error = [&](const DraftConfig& config) {
    const PackedModel packed = pack(model, config);
    double sum = 0.0;
    for (std::uint32_t layer = 0; layer < 5; ++layer) {
      const abi::TensorEntry& e = entry(packed, TensorKind::kDown, TensorRole::kDraft, layer);
      const numerics::WeightView view = weight_view(packed, e);
      std::vector<float> values(e.columns);
      for (std::uint32_t row = 0; row < e.rows; ++row) {
        numerics::decode_row(view, row, 0, e.columns, values.data());
        for (std::uint32_t c = 0; c < e.columns; ++c) {
          const float value = values[c] * numerics::scale_at(view, row, c);
          const float weight = numerics::fp16_to_float(model.layers[layer].down.row(row)[c]);
          sum += static_cast<double>((value - weight) * (value - weight));
        }
      }
    }
    return sum;
  };
  const double plain = error(draft_config(DraftFormat::kBsfpE));
  CHECK(error(draft_config(DraftFormat::kBsfpE, DraftGroup::kRow, DraftScale::kMse)) < plain);
  CHECK(error(draft_config(DraftFormat::kBsfpE, DraftGroup::k128, DraftScale::kMse)) < plain);
}

TEST_CASE("the directory holds what the firmware looks for") {
  const Model model = stories();
  const Tokenizer tokenizer = stories_tokenizer();
  const PackedModel packed = pack(model, draft_config(DraftFormat::kBsfpI), &tokenizer);
  abi::ModelImage image;
  REQUIRE(packed.directory.size() > sizeof image);
  std::memcpy(&image, packed.directory.data(), sizeof image);
  CHECK(std::memcmp(&image, &packed.image, sizeof image) == 0);
  CHECK(image.magic == abi::kModelMagic);
  CHECK(image.abi_version == abi::kAbiVersion);
  CHECK(image.head_dim == 8);
  CHECK(numerics::bits_float(image.norm_epsilon) == 1e-5f);
  CHECK(numerics::bits_float(image.attention_scale) == 0.35355339f);
  CHECK(image.flags == abi::kModelSharedClassifier);
  CHECK(image.bos_id == 1);
  CHECK(image.eos_id == 2);
  REQUIRE(image.tensor_count == packed.tensors.size());
  CHECK(image.tensors % 64 == 0);
  CHECK(std::memcmp(packed.directory.data() + (image.tensors - kDirectory), packed.tensors.data(),
                    image.tensor_count * sizeof(abi::TensorEntry)) == 0);

  REQUIRE(image.piece_count == 512);
  REQUIRE(image.text + image.text_bytes == kDirectory + packed.directory.size());
  for (std::uint32_t token = 0; token < image.piece_count; ++token) {
    abi::TokenPiece piece;
    std::memcpy(&piece, packed.directory.data() + (image.pieces - kDirectory) + 8 * token, 8);
    REQUIRE(piece.offset + piece.bytes <= image.text_bytes);
    const char* text =
        reinterpret_cast<const char*>(packed.directory.data()) + (image.text - kDirectory);
    CHECK(std::string(text + piece.offset, piece.bytes) == tokenizer.text(token));
  }
}

TEST_CASE("inverse frequencies are the powers of the rotary base") {
  const std::vector<float> frequencies = inverse_frequencies(stories());
  REQUIRE(frequencies.size() == 4);
  CHECK(frequencies[0] == 1.0f);
  CHECK(frequencies[1] == 0.1f);
  CHECK(frequencies[2] == 0.01f);
  CHECK(frequencies[3] == 0.001f);
}

TEST_CASE("a base address that is not aligned is refused") {
  const Model model = small_model(true);
  CHECK_THROWS_AS(pack_model(model, nullptr, {std::nullopt, 32, 0}), std::invalid_argument);
  CHECK_THROWS_AS(pack_model(model, nullptr, {std::nullopt, 0, 8}), std::invalid_argument);
}
