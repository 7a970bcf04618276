// SPDX-License-Identifier: Apache-2.0
// Matrices in tiles for the banks, as the packer lays them out.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "model_files.h"
#include "tandem/memory/address_mapping.h"
#include "tandem/platform/model/synthetic.h"

using namespace tandem;
using namespace tandem::platform;
using namespace tandem::platform::test;
using abi::TensorKind;
using abi::TensorRole;
using numerics::Plane;

namespace {

constexpr std::uint64_t kBase = 0x8000'0000;
constexpr unsigned kChannels = 2;

memory::DeviceGeometry geometry() {
  memory::DeviceGeometry g;
  g.ranks = 1;
  g.bank_groups = 2;
  g.banks_per_group = 2;
  g.rows = 1 << 14;
  g.row_bytes = 512;
  g.bus_bits = 16;
  g.burst_length = 16;
  return g;
}

memory::AddressMapping mapping() {
  return memory::AddressMapping("RoRaBgBaChCo", kChannels, geometry(), 512);
}

BankTiles tiles(std::uint64_t vector_bytes = 512) {
  return {std::uint64_t{kChannels} * geometry().banks() * geometry().row_bytes,
          geometry().row_bytes, vector_bytes};
}

PackOptions options(std::optional<DraftConfig> draft, bool tiled) {
  PackOptions options;
  options.draft = draft;
  options.weights_base = kBase;
  if (tiled) options.tiles = tiles();
  return options;
}

// Widths that fill slices and widths that do not, odd ones too.
Model model() {
  ModelShape shape;
  shape.dim = 270;
  shape.hidden_dim = 601;
  shape.layers = 2;
  shape.heads = 27;
  shape.kv_heads = 9;
  shape.vocabulary = 41;
  shape.max_positions = 16;
  shape.shared_classifier = true;
  return synthetic_model(shape, 11);
}

const DraftConfig kDrafts[] = {
    draft_config(DraftFormat::kBsfpE),
    draft_config(DraftFormat::kBsfpI, DraftGroup::k128, DraftScale::kMse, Classifier::kFull),
    draft_config(DraftFormat::kInt4, DraftGroup::k128),
    draft_config(DraftFormat::kE2m1, DraftGroup::kRow),
    draft_config(DraftFormat::kE3m0, DraftGroup::kTensor),
};

bool is_tiled(const abi::TensorEntry& e) {
  return e.layout == static_cast<abi::u8>(abi::OperandLayout::kBankTiles);
}

void check_same(const ReferenceWeights::Linear& a, const ReferenceWeights::Linear& b) {
  CHECK(a.elements == b.elements);
  CHECK(a.scales == b.scales);
}

// By row of the memory, the slices that its banks hold of one matrix.
using SlicesByRow = std::map<unsigned, std::set<std::uint64_t>>;

SlicesByRow slices_by_row(const abi::TensorEntry& e, std::uint64_t piece_columns) {
  const numerics::SlicedTensor tensor = sliced_tensor(e);
  const numerics::TensorLayout slice = tensor.slice();
  const memory::AddressMapping map = mapping();
  SlicesByRow found;
  for (std::uint32_t row = 0; row < e.rows; ++row) {
    for (std::uint32_t column = 0; column < e.columns; ++column) {
      const std::uint32_t index = tensor.is_sliced() ? column / tensor.columns : 0;
      const std::uint64_t element =
          std::uint64_t{row} * slice.cols + column - tensor.first_column(index);
      const std::uint64_t address = e.stream - kBase + tensor.offset(index, Plane::kStream) +
                                    element * abi::stream_bits(slice.format) / 8;
      found[map.decode(address).row].insert(column / piece_columns);
    }
  }
  return found;
}

std::size_t rows_with_several(const SlicesByRow& rows) {
  std::size_t count = 0;
  for (const auto& [row, slices] : rows) count += slices.size() > 1 ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("tiles: all banks hold the same columns of a matrix in the same row") {
  const Model m = model();
  for (const DraftConfig& draft : kDrafts) {
    const PackedModel packed = pack_model(m, nullptr, options(draft, true));
    unsigned tiled = 0;
    for (const abi::TensorEntry& e : packed.tensors) {
      if (!is_tiled(e)) continue;
      ++tiled;
      // As wide as the vector's 512 bytes, or what the matrix needs.
      CHECK(e.slice_columns == 256);
      CHECK(e.slice_rows >= e.rows);
      CHECK((e.stream - kBase) % tiles().bytes == 0);
      CHECK(rows_with_several(slices_by_row(e, 256)) == 0);
    }
    CHECK(tiled >= 2 * 2 * 7);  // two roles, two layers, seven matrices
  }
  // What they are for: in rows, banks hold different columns.
  const PackedModel rows = pack_model(m, nullptr, options(std::nullopt, false));
  const abi::TensorEntry* down = find_tensor(rows, TensorKind::kDown, TensorRole::kFull, 0);
  CHECK(rows_with_several(slices_by_row(*down, 256)) > 0);
}

TEST_CASE("tiles: every weight is there once, whatever its format") {
  const Model m = model();
  for (const DraftConfig& draft : kDrafts) {
    const PackedModel in_rows = pack_model(m, nullptr, options(draft, false));
    const PackedModel in_tiles = pack_model(m, nullptr, options(draft, true));
    for (const TensorRole role : {TensorRole::kFull, TensorRole::kDraft}) {
      const ReferenceWeights a = unpack(in_rows, role), b = unpack(in_tiles, role);
      CHECK(a.embedding == b.embedding);
      check_same(a.classifier, b.classifier);
      for (std::size_t layer = 0; layer < a.layers.size(); ++layer) {
        check_same(a.layers[layer].query, b.layers[layer].query);
        check_same(a.layers[layer].key, b.layers[layer].key);
        check_same(a.layers[layer].value, b.layers[layer].value);
        check_same(a.layers[layer].attention_output, b.layers[layer].attention_output);
        check_same(a.layers[layer].gate, b.layers[layer].gate);
        check_same(a.layers[layer].up, b.layers[layer].up);
        check_same(a.layers[layer].down, b.layers[layer].down);
      }
    }
  }
}

TEST_CASE("tiles: padding is counted as such, and takes memory") {
  const Model m = model();
  for (const DraftConfig& draft : kDrafts) {
    const PackedModel in_rows = pack_model(m, nullptr, options(draft, false));
    const PackedModel in_tiles = pack_model(m, nullptr, options(draft, true));
    const PackedSizes& a = in_rows.sizes;
    const PackedSizes& b = in_tiles.sizes;
    CHECK(a.full_bytes == b.full_bytes);
    CHECK(a.plane_bytes == b.plane_bytes);
    CHECK(a.remainder_bytes == b.remainder_bytes);
    CHECK(a.draft_copy_bytes == b.draft_copy_bytes);
    CHECK(a.scale_bytes == b.scale_bytes);
    CHECK(b.padding_bytes > a.padding_bytes);
    CHECK(in_tiles.weights_bytes - in_rows.weights_bytes == b.padding_bytes - a.padding_bytes);
    CHECK(in_tiles.weights.size() == in_tiles.weights_bytes);
  }
}

TEST_CASE("tiles: a shape alone lies like the model") {
  const Model m = model();
  for (const DraftConfig& draft : kDrafts) {
    const PackedModel whole = pack_model(m, nullptr, options(draft, true));
    const PackedModel shape = pack_shape(m.shape, nullptr, options(draft, true));
    CHECK(whole.directory == shape.directory);
    CHECK(whole.weights_bytes == shape.weights_bytes);
    CHECK(whole.sizes.padding_bytes == shape.sizes.padding_bytes);
  }
}

TEST_CASE("tiles: what the banks do not multiply stays in rows") {
  ModelShape shape = model().shape;
  shape.shared_classifier = false;
  shape.experts = {4, 2, 128, 0, 1};
  const PackedModel packed = pack_shape(shape, nullptr, options(std::nullopt, true));
  for (const abi::TensorEntry& e : packed.tensors) {
    const auto kind = static_cast<TensorKind>(e.kind);
    const bool in_rows = kind == TensorKind::kEmbedding || kind == TensorKind::kRouter ||
                         kind == TensorKind::kExpertGate || kind == TensorKind::kExpertUp ||
                         kind == TensorKind::kExpertDown || e.rows == 1;
    INFO(abi::name_of(kind));
    CHECK(is_tiled(e) == !in_rows);
  }
}
