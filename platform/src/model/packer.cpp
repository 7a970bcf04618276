// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/packer.h"

#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "draft_tensor.h"
#include "tandem/abi/command.h"
#include "tandem/abi/program.h"
#include "tandem/numerics/decode.h"
#include "tandem/numerics/fp.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

using abi::TensorKind;
using abi::TensorRole;

constexpr std::uint64_t kAlignment = 64;

std::uint64_t align(std::uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

// Grows a stretch of memory piece by piece, each on a boundary of 64 bytes.
class Stretch {
 public:
  Stretch(std::uint64_t base, std::vector<std::uint8_t>& bytes) : base_(base), bytes_(bytes) {}

  // The bus address of the copy.
  std::uint64_t append(const void* data, std::size_t size) {
    const std::uint64_t offset = align(bytes_.size());
    padding_ += offset - bytes_.size();
    bytes_.resize(offset + size);
    if (size != 0) std::memcpy(bytes_.data() + offset, data, size);
    return base_ + offset;
  }
  std::uint64_t padding_bytes() const { return padding_; }

 private:
  std::uint64_t base_;
  std::vector<std::uint8_t>& bytes_;
  std::uint64_t padding_ = 0;
};

struct NamedMatrix {
  TensorKind kind;
  std::uint32_t layer;
  const Matrix* matrix;
};

std::vector<NamedMatrix> matrices_of(const LayerWeights& w, std::uint32_t layer) {
  return {{TensorKind::kQuery, layer, &w.query},
          {TensorKind::kKey, layer, &w.key},
          {TensorKind::kValue, layer, &w.value},
          {TensorKind::kAttentionOutput, layer, &w.attention_output},
          {TensorKind::kGate, layer, &w.gate},
          {TensorKind::kUp, layer, &w.up},
          {TensorKind::kDown, layer, &w.down}};
}

class Packer {
 public:
  Packer(const Model& model, const Tokenizer* tokenizer, const PackOptions& options)
      : model_(model),
        tokenizer_(tokenizer),
        options_(options),
        weights_(options.weights_base, packed_.weights) {
    if (options.weights_base % kAlignment != 0 || options.directory_base % kAlignment != 0) {
      throw std::invalid_argument("PackOptions: a base address is not a multiple of 64");
    }
    packed_.image.weights_base = options.weights_base;
  }

  PackedModel pack() {
    place_vectors();
    place_drafts();
    place_full_matrices();
    list_entries();
    prove_restoration();
    packed_.sizes.padding_bytes = weights_.padding_bytes();
    write_directory();
    return std::move(packed_);
  }

 private:
  using Key = std::pair<TensorKind, std::uint32_t>;
  struct Entries {
    abi::TensorEntry full{};
    abi::TensorEntry draft{};
    bool has_draft = false;
    std::vector<std::uint8_t> remainder;  // until it is placed
  };

  static abi::TensorEntry entry(TensorKind kind, std::uint32_t layer, abi::Format format,
                                std::uint32_t rows, std::uint32_t columns) {
    abi::TensorEntry e{};
    e.kind = static_cast<abi::u32>(kind);
    e.layer = static_cast<abi::u16>(layer);
    e.format = static_cast<abi::u8>(format);
    e.rows = rows;
    e.columns = columns;
    return e;
  }

  std::uint64_t place(const void* data, std::size_t size, std::uint64_t& counted) {
    counted += size;
    return weights_.append(data, size);
  }
  std::uint64_t place(const std::vector<std::uint8_t>& bytes, std::uint64_t& counted) {
    return bytes.empty() ? 0 : place(bytes.data(), bytes.size(), counted);
  }

  void place_vector(TensorKind kind, std::uint32_t layer, const Matrix& vector) {
    abi::TensorEntry e = entry(kind, layer, abi::Format::kFp16, 1, vector.columns);
    e.stream_bytes = 2ull * vector.columns;
    e.stream = place(vector.elements.data(), e.stream_bytes, packed_.sizes.full_bytes);
    tensors_[{kind, layer}].full = e;
  }

  void place_vectors() {
    const std::vector<float> frequencies = inverse_frequencies(model_);
    abi::TensorEntry e = entry(TensorKind::kInverseFrequency, 0, abi::Format::kFp32, 1,
                               static_cast<std::uint32_t>(frequencies.size()));
    e.stream_bytes = sizeof(float) * frequencies.size();
    e.stream = place(frequencies.data(), e.stream_bytes, packed_.sizes.full_bytes);
    tensors_[{TensorKind::kInverseFrequency, 0}].full = e;
    for (std::uint32_t layer = 0; layer < model_.layers.size(); ++layer) {
      place_vector(TensorKind::kAttentionNorm, layer, model_.layers[layer].attention_norm);
      place_vector(TensorKind::kFfnNorm, layer, model_.layers[layer].ffn_norm);
    }
    place_vector(TensorKind::kFinalNorm, 0, model_.final_norm);
  }

  void place_drafts() {
    if (!options_.draft) return;
    for (std::uint32_t layer = 0; layer < model_.layers.size(); ++layer) {
      for (const NamedMatrix& m : matrices_of(model_.layers[layer], layer))
        place_draft(m, *options_.draft);
    }
    const bool full = options_.draft->classifier == Classifier::kFull;
    DraftConfig draft = *options_.draft;
    if (full) draft.group = DraftGroup::kTensor;  // a BSFP form for its planes, not for its scales
    if (!full || is_bsfp(draft.format)) place_draft(classifier(), draft);
    if (full) tensors_[{TensorKind::kClassifier, 0}].has_draft = true;
  }

  NamedMatrix classifier() const { return {TensorKind::kClassifier, 0, &model_.classifier()}; }

  void place_draft(const NamedMatrix& m, const DraftConfig& draft) {
    DraftTensor made = make_draft_tensor(*m.matrix, draft, tensor_name(m.kind, m.layer));
    const bool shared_bits = made.full_format != abi::Format::kFp16;
    PackedSizes& sizes = packed_.sizes;
    Entries& placed = tensors_[{m.kind, m.layer}];
    abi::TensorEntry e =
        entry(m.kind, m.layer, made.draft_format, m.matrix->rows, m.matrix->columns);
    e.scope = static_cast<abi::u8>(made.scope);
    e.stream_bytes = made.stream.size();
    e.stream = place(made.stream, shared_bits ? sizes.plane_bytes : sizes.draft_copy_bytes);
    e.tables_bytes = made.tables.size();
    e.tables = place(made.tables, sizes.table_bytes);
    if (shared_bits) {
      placed.full = e;
      placed.full.format = static_cast<abi::u8>(made.full_format);
      placed.remainder = std::move(made.remainder);
    }
    e.grouping = static_cast<abi::u8>(made.grouping);
    e.scales_bytes = made.scales.size();
    e.scales = place(made.scales, sizes.scale_bytes);
    placed.draft = e;
    placed.has_draft = true;
  }

  void place_full(const NamedMatrix& m) {
    Entries& placed = tensors_[{m.kind, m.layer}];
    if (!placed.remainder.empty()) {
      placed.full.remainder_bytes = placed.remainder.size();
      placed.full.remainder = place(placed.remainder, packed_.sizes.remainder_bytes);
      std::vector<std::uint8_t>().swap(placed.remainder);
      return;
    }
    abi::TensorEntry e =
        entry(m.kind, m.layer, abi::Format::kFp16, m.matrix->rows, m.matrix->columns);
    e.stream_bytes = 2ull * m.matrix->elements.size();
    e.stream = place(m.matrix->elements.data(), e.stream_bytes, packed_.sizes.full_bytes);
    placed.full = e;
  }

  // The classifier first, next to the drafts: a draft pass may read it too.
  void place_full_matrices() {
    place_full(classifier());
    Entries& shared = tensors_[{TensorKind::kClassifier, 0}];
    if (options_.draft && options_.draft->classifier == Classifier::kFull) {
      shared.draft = shared.full;
    }
    if (model_.shape.shared_classifier) {
      Entries& embedding = tensors_[{TensorKind::kEmbedding, 0}];
      embedding.full = shared.full;
      embedding.full.kind = static_cast<abi::u32>(TensorKind::kEmbedding);
    } else {
      place_full({TensorKind::kEmbedding, 0, &model_.embedding});
    }
    for (std::uint32_t layer = 0; layer < model_.layers.size(); ++layer) {
      for (const NamedMatrix& m : matrices_of(model_.layers[layer], layer)) place_full(m);
    }
  }

  void list_entries() {
    for (const auto& [key, entries] : tensors_) packed_.tensors.push_back(entries.full);
    for (const auto& [key, entries] : tensors_) {
      if (!entries.has_draft) continue;
      packed_.tensors.push_back(entries.draft);
      packed_.tensors.back().role = static_cast<abi::u32>(TensorRole::kDraft);
    }
  }

  const Matrix& source(const abi::TensorEntry& e) const {
    const auto kind = static_cast<TensorKind>(e.kind);
    if (kind == TensorKind::kEmbedding) return model_.embedding;
    if (kind == TensorKind::kClassifier) return model_.classifier();
    for (const NamedMatrix& m : matrices_of(model_.layers[e.layer], e.layer)) {
      if (m.kind == kind) return *m.matrix;
    }
    throw std::logic_error("no matrix of that kind");
  }

  // From the bytes as they lie in memory, which is what the hardware will read.
  void prove_restoration() const {
    for (const abi::TensorEntry& e : packed_.tensors) {
      if (!abi::is_bsfp_full(static_cast<abi::Format>(e.format))) continue;
      const Matrix& matrix = source(e);
      const numerics::WeightView view = weight_view(packed_, e);
      std::vector<float> values(e.columns);
      for (std::uint32_t row = 0; row < e.rows; ++row) {
        numerics::decode_row(view, row, 0, e.columns, values.data());
        for (std::uint32_t column = 0; column < e.columns; ++column) {
          if (numerics::float_to_fp16(values[column]) == matrix.row(row)[column]) continue;
          throw UserError(tensor_name(static_cast<TensorKind>(e.kind), e.layer) + "[" +
                          std::to_string(row) + "][" + std::to_string(column) +
                          "] is not restored bit for bit from its two planes");
        }
      }
    }
  }

  void write_directory() {
    abi::ModelImage& image = packed_.image;
    const ModelShape& shape = model_.shape;
    image.magic = abi::kModelMagic;
    image.abi_version = abi::kAbiVersion;
    image.dim = shape.dim;
    image.hidden_dim = shape.hidden_dim;
    image.layers = shape.layers;
    image.heads = shape.heads;
    image.kv_heads = shape.kv_heads;
    image.head_dim = shape.head_dim();
    image.vocabulary = shape.vocabulary;
    image.max_positions = shape.max_positions;
    image.norm_epsilon = numerics::float_bits(model_.norm_epsilon);
    image.attention_scale =
        numerics::float_bits(1.0f / std::sqrt(static_cast<float>(shape.head_dim())));
    image.position_kind = static_cast<abi::u32>(abi::PositionKind::kRotaryInterleaved);
    image.norm_kind = static_cast<abi::u32>(abi::NormKind::kRms);
    image.flags = shape.shared_classifier ? abi::kModelSharedClassifier : 0;
    image.bos_id = kBosToken;
    image.eos_id = kEosToken;
    image.weights_bytes = packed_.weights.size();

    Stretch directory(options_.directory_base, packed_.directory);
    directory.append(&image, sizeof image);
    image.tensor_count = static_cast<abi::u32>(packed_.tensors.size());
    image.tensors =
        directory.append(packed_.tensors.data(), packed_.tensors.size() * sizeof(abi::TensorEntry));
    if (tokenizer_ != nullptr) write_pieces(directory);
    std::memcpy(packed_.directory.data(), &image, sizeof image);
  }

  void write_pieces(Stretch& directory) {
    std::vector<abi::TokenPiece> pieces;
    std::string text;
    for (std::uint32_t token = 0; token < tokenizer_->vocabulary(); ++token) {
      const std::string& piece = tokenizer_->text(token);
      pieces.push_back({static_cast<abi::u32>(text.size()), static_cast<abi::u32>(piece.size())});
      text += piece;
    }
    abi::ModelImage& image = packed_.image;
    image.piece_count = static_cast<abi::u32>(pieces.size());
    image.pieces = directory.append(pieces.data(), pieces.size() * sizeof(abi::TokenPiece));
    image.text = directory.append(text.data(), text.size());
    image.text_bytes = text.size();
  }

  const Model& model_;
  const Tokenizer* tokenizer_;
  const PackOptions& options_;
  PackedModel packed_{};
  Stretch weights_;
  std::map<Key, Entries> tensors_;
};

}  // namespace

numerics::WeightView weight_view(const PackedModel& packed, const abi::TensorEntry& e) {
  const numerics::TensorLayout layout{static_cast<abi::Format>(e.format),
                                      static_cast<abi::Grouping>(e.grouping),
                                      static_cast<abi::TableScope>(e.scope), e.rows, e.columns};
  const auto bytes = [&](abi::u64 address, abi::u64 size) {
    return size == 0 ? nullptr : packed.weights.data() + (address - packed.image.weights_base);
  };
  return numerics::view_of(layout, numerics::whole(layout), bytes(e.stream, e.stream_bytes),
                           bytes(e.remainder, e.remainder_bytes), bytes(e.scales, e.scales_bytes),
                           bytes(e.tables, e.tables_bytes));
}

const abi::TensorEntry* find_tensor(const PackedModel& packed, TensorKind kind, TensorRole role,
                                    std::uint32_t layer) {
  for (const abi::TensorEntry& e : packed.tensors) {
    if (e.kind == static_cast<abi::u32>(kind) && e.role == static_cast<abi::u32>(role) &&
        e.layer == layer) {
      return &e;
    }
  }
  return nullptr;
}

PackedModel pack_model(const Model& model, const Tokenizer* tokenizer, const PackOptions& options) {
  return Packer(model, tokenizer, options).pack();
}

}  // namespace tandem::platform
