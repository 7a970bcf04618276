// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/packer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "bank_tiles.h"
#include "draft_tensor.h"
#include "stretch.h"
#include "tandem/abi/command.h"
#include "tandem/abi/program.h"
#include "tandem/numerics/decode.h"
#include "tandem/numerics/fp.h"
#include "tandem/platform/errors.h"
#include "tensor_list.h"

namespace tandem::platform {
namespace {

using abi::TensorKind;
using abi::TensorRole;

// The draft format that shares its bits with weights of this format.
std::optional<DraftFormat> planes_of(WeightFormat format) {
  if (format == WeightFormat::kBsfpE) return DraftFormat::kBsfpE;
  if (format == WeightFormat::kBsfpI) return DraftFormat::kBsfpI;
  return std::nullopt;
}

numerics::TensorLayout full_layout(WeightFormat format, const TensorShape& t) {
  numerics::TensorLayout layout;
  layout.rows = t.rows;
  layout.cols = t.columns;
  switch (format) {
    case WeightFormat::kFp16:
      break;
    case WeightFormat::kBf16:
      layout.format = abi::Format::kBf16;
      break;
    case WeightFormat::kInt8:
      layout.format = abi::Format::kInt8;
      layout.grouping = abi::Grouping::kGroup128;
      break;
    case WeightFormat::kInt4:
      layout.format = abi::Format::kInt4;
      layout.grouping = abi::Grouping::kGroup128;
      break;
    case WeightFormat::kBsfpE:
      layout.format = abi::Format::kBsfpEFull;
      break;
    case WeightFormat::kBsfpI:
      layout.format = abi::Format::kBsfpIFull;
      break;
  }
  return layout;
}

bool is_drafted(TensorKind kind) {
  return kind != TensorKind::kRouter;
}

bool may_be_tiled(TensorKind kind) {
  switch (kind) {
    case TensorKind::kQuery:
    case TensorKind::kKey:
    case TensorKind::kValue:
    case TensorKind::kAttentionOutput:
    case TensorKind::kGate:
    case TensorKind::kUp:
    case TensorKind::kDown:
    case TensorKind::kClassifier:
      return true;
    default:
      return false;
  }
}

class Packer {
 public:
  // `model`, if not null, has the bytes of a model of this shape.
  Packer(const ModelShape& shape, const Model* model, const Tokenizer* tokenizer,
         const PackOptions& options)
      : shape_(shape),
        model_(model),
        tokenizer_(tokenizer),
        options_(options),
        weights_(options.weights_base, model != nullptr ? &packed_.weights : nullptr) {
    if (options.weights_base % Stretch::kAlignment != 0 ||
        options.directory_base % Stretch::kAlignment != 0) {
      throw std::invalid_argument("PackOptions: a base address is not a multiple of 64");
    }
    if (model != nullptr && options.format != WeightFormat::kFp16) {
      throw std::invalid_argument("PackOptions: weights are FP16");
    }
    packed_.image.weights_base = options.weights_base;
  }

  PackedModel pack() {
    place_vectors();
    place_drafts();
    place_full_matrices();
    list_entries();
    if (model_ != nullptr) prove_restoration();
    packed_.weights_bytes = weights_.size_bytes();
    packed_.sizes.padding_bytes += weights_.padding_bytes();
    write_directory();
    return std::move(packed_);
  }

 private:
  using Key = std::pair<TensorKind, std::uint32_t>;
  struct Entries {
    abi::TensorEntry full{};
    abi::TensorEntry draft{};
    bool has_draft = false;
    bool has_plane = false;               // full names the draft's plane, its remainder is to come
    std::vector<std::uint8_t> remainder;  // until it is placed
  };

  numerics::SlicedTensor laid_out(TensorKind kind, const numerics::TensorLayout& layout) const {
    if (!options_.tiles || !may_be_tiled(kind)) return {layout};
    return in_tiles(*options_.tiles, layout);
  }

  abi::TensorEntry entry(const TensorShape& t, const numerics::TensorLayout& layout) const {
    const numerics::SlicedTensor tensor = laid_out(t.kind, layout);
    abi::TensorEntry e{};
    if (tensor.is_sliced()) e.layout = static_cast<abi::u8>(abi::OperandLayout::kBankTiles);
    e.slice_columns = tensor.columns;
    e.slice_rows = tensor.rows;
    e.kind = static_cast<abi::u32>(t.kind);
    e.layer = static_cast<abi::u16>(t.layer);
    e.format = static_cast<abi::u8>(layout.format);
    e.grouping = static_cast<abi::u8>(layout.grouping);
    e.scope = static_cast<abi::u8>(layout.table_scope);
    e.rows = t.rows;
    e.columns = t.columns;
    return e;
  }

  // `bytes`, if not null, are those of the plane.
  void place(const TensorShape& t, const numerics::TensorLayout& layout, numerics::Plane plane,
             const std::vector<std::uint8_t>* bytes, std::uint64_t& counted, abi::u64& address,
             abi::u64& size) {
    if (bytes != nullptr && bytes->size() != numerics::plane_bytes(layout, plane)) {
      throw std::logic_error("a plane has another size than its format says");
    }
    place(t, layout, plane, bytes != nullptr ? bytes->data() : nullptr, counted, address, size);
  }
  void place(const TensorShape& t, const numerics::TensorLayout& layout, numerics::Plane plane,
             const std::uint8_t* bytes, std::uint64_t& counted, abi::u64& address, abi::u64& size) {
    const numerics::SlicedTensor tensor = laid_out(t.kind, layout);
    const std::uint64_t weights = numerics::plane_bytes(layout, plane);
    size = tensor.plane_bytes(plane);
    if (size == 0) return;
    counted += weights;
    packed_.sizes.padding_bytes += size - weights;
    const bool tiled = tensor.is_sliced() && plane == numerics::Plane::kStream;
    const std::uint64_t alignment = tiled ? options_.tiles->bytes : Stretch::kAlignment;
    if (bytes == nullptr || !tensor.is_sliced(plane)) {
      address = weights_.append(bytes, size, alignment);
    } else {
      address = weights_.append(slice_plane(tensor, plane, bytes).data(), size, alignment);
    }
  }

  const std::uint8_t* elements(const TensorShape& t) const {
    if (model_ == nullptr) return nullptr;
    return reinterpret_cast<const std::uint8_t*>(
        tensor_of(*model_, t.kind, t.layer).elements.data());
  }

  void place_fp16(const TensorShape& t) {
    const numerics::TensorLayout layout = full_layout(WeightFormat::kFp16, t);
    abi::TensorEntry e = entry(t, layout);
    place(t, layout, numerics::Plane::kStream, elements(t), packed_.sizes.full_bytes, e.stream,
          e.stream_bytes);
    tensors_[{t.kind, t.layer}].full = e;
  }

  void place_vectors() {
    if (shape_.is_learned()) {
      place_fp16(position_table(shape_));
    } else {
      place_frequencies();
    }
    for (std::uint32_t layer = 0; layer < shape_.layers; ++layer) {
      for (const TensorShape& t : layer_vectors(shape_, layer)) place_fp16(t);
    }
    for (const TensorShape& t : final_vectors(shape_)) place_fp16(t);
  }

  void place_frequencies() {
    const std::uint32_t turned = shape_.is_latent() ? shape_.latent.qk_rope_dim : shape_.head_dim();
    const TensorShape t{TensorKind::kInverseFrequency, 0, 1, turned / 2};
    const numerics::TensorLayout layout{abi::Format::kFp32, {}, {}, 1, t.columns};
    abi::TensorEntry e = entry(t, layout);
    std::vector<float> frequencies;
    if (model_ != nullptr) frequencies = inverse_frequencies(*model_);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(frequencies.data());
    place(t, layout, numerics::Plane::kStream, frequencies.empty() ? nullptr : bytes,
          packed_.sizes.full_bytes, e.stream, e.stream_bytes);
    tensors_[{t.kind, 0}].full = e;
  }

  void place_drafts() {
    if (!options_.draft) return;
    for (std::uint32_t layer = 0; layer < shape_.layers; ++layer) {
      for (const TensorShape& t : layer_matrices(shape_, layer)) {
        if (is_drafted(t.kind)) place_draft(t, *options_.draft);
      }
    }
    const bool full = options_.draft->classifier == Classifier::kFull;
    DraftConfig draft = *options_.draft;
    if (full) draft.group = DraftGroup::kTensor;  // a BSFP form for its planes, not for its scales
    if (!full || is_bsfp(draft.format)) place_draft(classifier_matrix(shape_), draft);
    if (full) tensors_[{TensorKind::kClassifier, 0}].has_draft = true;
  }

  void place_draft(const TensorShape& t, const DraftConfig& draft) {
    using numerics::Plane;
    const DraftForm form = draft_form(draft, t.rows, t.columns);
    std::optional<DraftTensor> made;
    if (model_ != nullptr) {
      made = make_draft_tensor(tensor_of(*model_, t.kind, t.layer), draft,
                               tensor_name(t.kind, t.layer));
    }
    const auto bytes = [&made](std::vector<std::uint8_t> DraftTensor::*plane) {
      return made ? &((*made).*plane) : nullptr;
    };
    const bool shared_bits = form.full_format != abi::Format::kFp16;
    PackedSizes& sizes = packed_.sizes;
    Entries& placed = tensors_[{t.kind, t.layer}];
    abi::TensorEntry e = entry(t, form.layout);
    place(t, form.layout, Plane::kStream, bytes(&DraftTensor::stream),
          shared_bits ? sizes.plane_bytes : sizes.draft_copy_bytes, e.stream, e.stream_bytes);
    place(t, form.layout, Plane::kTables, bytes(&DraftTensor::tables), sizes.table_bytes, e.tables,
          e.tables_bytes);
    if (shared_bits) {
      placed.full = e;
      placed.full.format = static_cast<abi::u8>(form.full_format);
      placed.full.grouping = static_cast<abi::u8>(abi::Grouping::kNone);
      placed.has_plane = true;
      if (made) placed.remainder = std::move(made->remainder);
    }
    place(t, form.layout, Plane::kScales, bytes(&DraftTensor::scales), sizes.scale_bytes, e.scales,
          e.scales_bytes);
    placed.draft = e;
    placed.has_draft = true;
  }

  void place_full(const TensorShape& t) {
    using numerics::Plane;
    Entries& placed = tensors_[{t.kind, t.layer}];
    if (placed.has_plane) return place_remainder(t, placed);
    const WeightFormat format = is_drafted(t.kind) ? options_.format : WeightFormat::kFp16;
    if (format == WeightFormat::kFp16) return place_fp16(t);
    const numerics::TensorLayout layout = full_layout(format, t);
    PackedSizes& sizes = packed_.sizes;
    const std::uint8_t* const no_bytes = nullptr;  // there is only a shape
    abi::TensorEntry e = entry(t, layout);
    place(t, layout, Plane::kStream, no_bytes,
          planes_of(format) ? sizes.plane_bytes : sizes.full_bytes, e.stream, e.stream_bytes);
    place(t, layout, Plane::kTables, no_bytes, sizes.table_bytes, e.tables, e.tables_bytes);
    place(t, layout, Plane::kScales, no_bytes, sizes.full_scale_bytes, e.scales, e.scales_bytes);
    place(t, layout, Plane::kRemainder, no_bytes, sizes.remainder_bytes, e.remainder,
          e.remainder_bytes);
    placed.full = e;
  }

  void place_remainder(const TensorShape& t, Entries& placed) {
    const numerics::TensorLayout layout{
        static_cast<abi::Format>(placed.full.format), abi::Grouping::kNone,
        static_cast<abi::TableScope>(placed.full.scope), t.rows, t.columns};
    place(t, layout, numerics::Plane::kRemainder, model_ != nullptr ? &placed.remainder : nullptr,
          packed_.sizes.remainder_bytes, placed.full.remainder, placed.full.remainder_bytes);
    std::vector<std::uint8_t>().swap(placed.remainder);
  }

  // The classifier first, next to the drafts: a draft pass may read it too.
  void place_full_matrices() {
    place_full(classifier_matrix(shape_));
    Entries& shared = tensors_[{TensorKind::kClassifier, 0}];
    if (options_.draft && options_.draft->classifier == Classifier::kFull) {
      shared.draft = shared.full;
    }
    if (shape_.shared_classifier) {
      Entries& embedding = tensors_[{TensorKind::kEmbedding, 0}];
      embedding.full = shared.full;
      embedding.full.kind = static_cast<abi::u32>(TensorKind::kEmbedding);
    } else {
      place_fp16(embedding_table(shape_));
    }
    for (std::uint32_t layer = 0; layer < shape_.layers; ++layer) {
      for (const TensorShape& t : layer_matrices(shape_, layer)) place_full(t);
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

  // From the bytes as they lie in memory, which is what the hardware will read.
  void prove_restoration() const {
    for (const abi::TensorEntry& e : packed_.tensors) {
      if (!abi::is_bsfp_full(static_cast<abi::Format>(e.format))) continue;
      const Matrix& matrix = tensor_of(*model_, static_cast<TensorKind>(e.kind), e.layer);
      const numerics::SlicedTensor tensor = sliced_tensor(e);
      std::vector<float> values(e.columns);
      for (std::uint32_t row = 0; row < e.rows; ++row) {
        for (std::uint32_t slice = 0; slice < tensor.slices(); ++slice) {
          numerics::decode_row(weight_view(packed_, e, slice), row, 0, tensor.columns_in(slice),
                               values.data() + tensor.first_column(slice));
        }
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
    const ModelShape& shape = shape_;
    image.magic = abi::kModelMagic;
    image.abi_version = abi::kAbiVersion;
    image.dim = shape.dim;
    image.hidden_dim = std::max(shape.hidden_dim, shape.experts.shared_ffn);
    image.layers = shape.layers;
    image.heads = shape.heads;
    image.kv_heads = shape.is_latent() ? 1 : shape.kv_heads;
    image.head_dim = shape.head_dim();
    image.vocabulary = shape.vocabulary;
    image.max_positions = shape.max_positions;
    image.norm_epsilon =
        numerics::float_bits(model_ != nullptr ? model_->norm_epsilon : Model{}.norm_epsilon);
    image.attention_scale =
        numerics::float_bits(1.0f / std::sqrt(static_cast<float>(shape.head_dim())));
    image.position_kind = static_cast<abi::u32>(shape.positions);
    image.norm_kind = static_cast<abi::u32>(shape.norm);
    image.flags = (shape.shared_classifier ? abi::kModelSharedClassifier : 0) |
                  (shape.gated_ffn ? 0 : abi::kModelPlainFfn);
    image.bos_id = kBosToken;
    image.eos_id = kEosToken;
    image.weights_bytes = packed_.weights_bytes;
    image.experts = shape.experts.count;
    image.top_k = shape.experts.top_k;
    image.expert_dim = shape.experts.ffn;
    image.first_expert_layer = shape.experts.first_dense_layers;
    image.devices = shape.devices;
    image.latent_dim = shape.latent.kv_lora_rank;
    image.rope_dim = shape.latent.qk_rope_dim;
    image.v_head_dim = shape.latent.v_head_dim;

    Stretch directory(options_.directory_base, &packed_.directory);
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

  const ModelShape& shape_;
  const Model* model_;
  const Tokenizer* tokenizer_;
  const PackOptions& options_;
  PackedModel packed_{};
  Stretch weights_;
  std::map<Key, Entries> tensors_;
};

}  // namespace

PackedModel pack_model(const Model& model, const Tokenizer* tokenizer, const PackOptions& options) {
  return Packer(model.shape, &model, tokenizer, options).pack();
}

PackedModel pack_shape(const ModelShape& shape, const Tokenizer* tokenizer,
                       const PackOptions& options) {
  return Packer(shape, nullptr, tokenizer, options).pack();
}

}  // namespace tandem::platform
