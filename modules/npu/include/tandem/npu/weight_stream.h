// SPDX-License-Identifier: Apache-2.0
// Weights on their way to the engines. Each context has a buffer; its stream fetches what the
// program will need, in program order, as long as there is room, whether or not the primitive is
// ready yet. So the memory works while engines wait for each other.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "tandem/npu/dma.h"
#include "tandem/npu/program.h"
#include "tandem/numerics/slices.h"

namespace tandem::npu {

// A tile of a weight tensor in a buffer, or on its way there.
struct WeightTile {
  std::uint16_t primitive = 0;
  std::uint64_t times = 1;    // that it counts, see Dma::count_times
  numerics::WeightView view;  // planes point into `bytes` once it has arrived
  std::array<std::vector<std::uint8_t>, numerics::kPlaneCount> bytes;
  std::uint64_t size_bytes = 0;
  std::uint32_t first_column = 0;  // of the matrix: where the tensor of the view, a slice, begins
  unsigned pending = 0;            // transfers under way
  std::uint64_t flow_ps = 0;       // when its bytes were asked for
  bool wanted = true;              // false: timing-only, its bytes are not kept
  bool active = false;             // its primitive has been issued
  bool held = false;               // ROUTE has yet to say that it is wanted
  bool requested = false;
  bool arrived = false;
  bool failed = false;
  std::uint64_t fault_address = 0;
  bool dropped = false;  // nobody wants it any more; it is released when it arrives

  // What it holds of a matrix with `columns`: its own count from a slice, and may end in padding.
  numerics::Tile part(std::uint32_t columns) const {
    numerics::Tile of_matrix = view.tile;
    of_matrix.col0 += first_column;
    of_matrix.cols = std::min(of_matrix.cols, columns - of_matrix.col0);
    return of_matrix;
  }
  const std::uint8_t* raw() const { return bytes[0].data(); }
};

// Bus addresses of a tensor's planes; 0 where the primitive names none.
using PlaneAddresses = std::array<std::uint64_t, numerics::kPlaneCount>;
PlaneAddresses plane_addresses(const abi::Primitive& primitive,
                               const abi::ParameterBlock& parameters);
numerics::TensorLayout layout_of(const abi::Primitive& primitive);
// The same with the slices of BankTiles.
numerics::SlicedTensor sliced_weight(const abi::Primitive& primitive);
PlaneAddresses slice_addresses(const numerics::SlicedTensor& tensor, std::uint32_t slice,
                               const PlaneAddresses& planes);

// Bytes that fetching the tile moves.
std::uint64_t tile_bytes(const numerics::TensorLayout& layout, const numerics::Tile& tile);

// Starts the transfers of a tile; `done` runs once, after the last one.
void fetch_tile(Dma& dma, Dma::Channel channel, WeightTile& tile, const PlaneAddresses& planes,
                Dma::Done done, std::uint64_t flow);

// Cuts a weight tensor into tiles of at most `limit_bytes`: whole rows where that leaves the
// array well used (`row_multiple` rows fill it), else columns at multiples of abi::kChunk,
// ascending within a block of rows. Empty if not even one chunk of one row fits, or if the tiles
// would be too many to keep.
std::vector<numerics::Tile> cut(const numerics::TensorLayout& layout, std::uint64_t limit_bytes,
                                std::uint32_t row_multiple);

// The same in few tiles, whole rows as many as `bulk_bytes` hold and in any case `row_multiple`.
std::vector<numerics::Tile> cut_in_bulk(const numerics::TensorLayout& layout,
                                        std::uint64_t bulk_bytes, std::uint32_t row_multiple);

// Either of them, but of a matrix in slices: the same tiles of every slice, padding included. Empty
// also if there would be too many of all slices.
std::vector<numerics::Tile> cut_slice(const numerics::SlicedTensor& tensor,
                                      std::uint64_t limit_bytes, bool in_bulk,
                                      std::uint32_t row_multiple);

// A tile that is larger than half the buffer (they come in bulk) flows through it: half a buffer is
// fetched ahead, the rest when its primitive has been issued.
class WeightStream {
 public:
  // Called when a tile has arrived, or its fetch has failed.
  using Arrived = std::function<void(WeightTile&, bool ok, std::uint64_t fault_address)>;

  // `serial`: a tile is requested only when the one before it has been used.
  // `wanted`: false where bytes are not kept.
  WeightStream(Dma& dma, std::uint64_t capacity_bytes, bool serial, bool wanted = true)
      : dma_(dma), capacity_bytes_(capacity_bytes), serial_(serial), wanted_(wanted) {}

  // For the command that uses the stream now; `flow` names it in the timeline.
  void serve(Arrived arrived, std::uint64_t flow) {
    arrived_ = std::move(arrived);
    flow_ = flow;
  }

  // Appends a tile, which counts as often as the port says now. `raw_bytes` != 0: plain bytes at
  // planes[0] instead of a tile of a tensor.
  WeightTile* push(std::uint16_t primitive, const numerics::TensorLayout& layout,
                   const numerics::Tile& tile, const PlaneAddresses& planes,
                   std::uint64_t raw_bytes = 0, std::uint32_t first_column = 0);
  // The primitive that uses the tile has been issued; pump() follows.
  static void activate(WeightTile& tile) { tile.active = true; }
  // A held tile, and all behind it, wait until it is let go; pump() follows.
  static void hold(WeightTile& tile, bool held) { tile.held = held; }
  // Frees the room of a tile that has been used.
  void release(WeightTile* tile);
  // Gives up a tile, wherever it is.
  void drop(WeightTile* tile);
  // Gives up the tiles not requested yet; those under way still arrive.
  void cancel_rest();
  void pump();
  void reset();
  bool idle() const { return under_way_ == 0; }
  // Nothing asked for, nothing held.
  bool empty() const { return idle() && waiting_.empty() && used_bytes_ == 0; }
  // When empty.
  template <typename Archive>
  void archive(Archive& archive) {
    archive(peak_bytes_, requested_bytes_);
  }

  std::uint64_t requested_bytes() const { return requested_bytes_; }
  std::uint64_t peak_bytes() const { return peak_bytes_; }

 private:
  struct Waiting {
    WeightTile* tile;
    PlaneAddresses planes;
    std::uint64_t raw_bytes;
  };
  std::uint64_t held_bytes(const WeightTile& tile) const;
  numerics::ByteRange head_of(const WeightTile& tile) const;
  bool flows_through(const WeightTile& tile) const;
  void request_head(const Waiting& waiting);
  void request_rest(const Waiting& waiting);
  void request(const Waiting& waiting);
  void part_done(WeightTile& tile, bool ok, std::uint64_t fault_address);
  bool forget(const WeightTile& tile);
  WeightTile* take();

  Dma& dma_;
  std::uint64_t capacity_bytes_;
  bool serial_;
  bool wanted_;
  Arrived arrived_;
  std::uint64_t flow_ = 0;
  std::deque<Waiting> waiting_;
  std::vector<std::unique_ptr<WeightTile>> storage_;
  std::vector<WeightTile*> free_;
  std::uint64_t used_bytes_ = 0, peak_bytes_ = 0, requested_bytes_ = 0;
  unsigned under_way_ = 0;
};

}  // namespace tandem::npu
