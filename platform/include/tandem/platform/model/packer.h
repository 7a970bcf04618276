// SPDX-License-Identifier: Apache-2.0
// Lays a model out in memory for the hardware: the bytes of the tensors (DRAM), and the directory
// that firmware finds them by (control memory).
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tandem/abi/model_image.h"
#include "tandem/numerics/slices.h"
#include "tandem/platform/model/tokenizer.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// What matrices are cut for in abi::OperandLayout::kBankTiles.
struct BankTiles {
  std::uint64_t bytes = 0;         // of a row of every bank of all channels; contiguous, aligned
  std::uint64_t row_bytes = 0;     // of one of them
  std::uint64_t vector_bytes = 0;  // of FP16 vectors that a channel holds

  // Columns of the widest slice, a power of two.
  std::uint32_t widest(abi::Format format) const;
};

struct PackOptions {
  std::optional<DraftConfig> draft;  // none: FP16 tensors only, no draft entries
  std::uint64_t weights_base = 0;    // bus address of the tensors, a multiple of 64
  std::uint64_t directory_base = 0;  // bus address of the directory, a multiple of 64
  // Of the matrices where there is only a shape; weights from a file are FP16.
  WeightFormat format = WeightFormat::kFp16;
  // Of the layers' matrices and the classifier, routers and experts excepted; none: all lie in
  // rows. Tiles begin at multiples of their size, counted from weights_base.
  std::optional<BankTiles> tiles = std::nullopt;
};

// Bytes by purpose. A plane that two entries name counts once.
struct PackedSizes {
  std::uint64_t full_bytes = 0;        // matrices that share no bits with a draft, and vectors
  std::uint64_t plane_bytes = 0;       // 4-bit planes of BSFP
  std::uint64_t remainder_bytes = 0;   // 12-bit planes of BSFP
  std::uint64_t draft_copy_bytes = 0;  // draft weights with their own storage
  std::uint64_t table_bytes = 0;
  std::uint64_t scale_bytes = 0;       // of drafts
  std::uint64_t full_scale_bytes = 0;  // of INT8 and INT4 matrices
  std::uint64_t padding_bytes = 0;     // from alignment, and in tiles
};

struct PackedModel {
  abi::ModelImage image;
  std::vector<abi::TensorEntry> tensors;
  std::vector<std::uint8_t> weights;  // at weights_base; empty where there is only a shape
  std::uint64_t weights_bytes = 0;
  std::vector<std::uint8_t> directory;  // at directory_base: image, tensors, pieces, text
  PackedSizes sizes;
};

// Entries, in this order:
//   kFull   every tensor. The classifier always has its own entry; if it is shared with the
//           embedding, both name the same bytes. In a BSFP draft format the matrices have the full
//           format of the same kind (an embedding that is no classifier stays FP16).
//   kDraft  (with a draft) every matrix of every layer and the classifier; with `classifier: full`
//           the latter repeats the full entry. The draft pass gathers from the kFull embedding.
// All that a draft pass reads lies in one stretch. With a BSFP format, group `tensor` means no
// scales: the table belongs to the tensor already.
// Proves that every BSFP tensor is restored bit for bit, else throws UserError naming the tensor
// and the reason. `tokenizer` may be nullptr: no piece table.
PackedModel pack_model(const Model& model, const Tokenizer* tokenizer, const PackOptions& options);

// The same directory, addresses and sizes for a model of which only the shape is known: no weights
// and no memory for them. Matrices have the format that the options name (INT8 and INT4 with an
// FP16 scale per 128 weights of a row, BSFP with a table per tensor), a BSFP draft format gives
// FP16 matrices its own. Vectors, routers, learned positions and an embedding that is no classifier
// stay FP16. `shape` must be one that find_problem() has nothing against.
PackedModel pack_shape(const ModelShape& shape, const Tokenizer* tokenizer,
                       const PackOptions& options);

// The entry of a tensor, nullptr if there is none.
const abi::TensorEntry* find_tensor(const PackedModel& packed, abi::TensorKind kind,
                                    abi::TensorRole role, std::uint32_t layer);

// How an entry's matrix lies.
numerics::SlicedTensor sliced_tensor(const abi::TensorEntry& entry);
// The bytes of a slice of it in this model, without padding.
numerics::WeightView weight_view(const PackedModel& packed, const abi::TensorEntry& entry,
                                 std::uint32_t slice = 0);

}  // namespace tandem::platform
