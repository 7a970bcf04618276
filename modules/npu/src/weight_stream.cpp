// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/weight_stream.h"

#include <algorithm>

namespace tandem::npu {

using numerics::Plane;
using numerics::TensorLayout;
using numerics::Tile;

namespace {

std::uint64_t address_of(const abi::Operand& operand, const abi::ParameterBlock& parameters) {
  if (operand.slot >= parameters.slot_count) return 0;
  return parameters.slots[operand.slot].base + operand.offset;
}

constexpr std::uint64_t kMaxTiles = 1u << 18;  // of a tensor; what a driver may make us keep

constexpr std::array<Plane, numerics::kPlaneCount> kPlanes = {Plane::kStream, Plane::kRemainder,
                                                              Plane::kScales, Plane::kTables};

bool has_plane(const TensorLayout& layout, Plane plane) {
  return numerics::plane_bytes(layout, plane) != 0;
}

numerics::PlaneView& plane_view(numerics::WeightView& view, Plane plane) {
  switch (plane) {
    case Plane::kStream:
      return view.stream;
    case Plane::kRemainder:
      return view.remainder;
    case Plane::kScales:
      return view.scales;
    default:
      return view.tables;
  }
}

// A transfer of a plane: whole, or a row at a time where the tile is narrower than the tensor.
struct PlaneFetch {
  bool by_rows;
  std::uint32_t pitch;
  std::uint64_t bytes;
};

PlaneFetch plan(const TensorLayout& layout, const Tile& tile, Plane plane) {
  if (numerics::is_contiguous(layout, tile, plane)) {
    return {false, 0, numerics::plane_range(layout, tile, plane).bytes};
  }
  const std::uint32_t pitch = numerics::row_pitch_bytes(layout, tile, plane);
  return {true, pitch, std::uint64_t{pitch} * tile.rows};
}

}  // namespace

PlaneAddresses plane_addresses(const abi::Primitive& primitive,
                               const abi::ParameterBlock& parameters) {
  return {address_of(primitive.weight, parameters), address_of(primitive.remainder, parameters),
          address_of(primitive.scales, parameters), address_of(primitive.tables, parameters)};
}

TensorLayout layout_of(const abi::Primitive& primitive) {
  const bool gather = primitive.op == static_cast<std::uint8_t>(abi::PrimitiveOp::kGather);
  return {static_cast<abi::Format>(primitive.weight.format),
          static_cast<abi::Grouping>(primitive.grouping),
          static_cast<abi::TableScope>(primitive.scope), gather ? primitive.k : primitive.n,
          gather ? primitive.n : primitive.k};
}

numerics::SlicedTensor sliced_weight(const abi::Primitive& primitive) {
  if (primitive.weight.layout != static_cast<std::uint8_t>(abi::OperandLayout::kBankTiles)) {
    return {layout_of(primitive)};
  }
  return {layout_of(primitive), primitive.slice_columns, primitive.slice_rows};
}

PlaneAddresses slice_addresses(const numerics::SlicedTensor& tensor, std::uint32_t slice,
                               const PlaneAddresses& planes) {
  PlaneAddresses addresses = planes;
  for (const Plane plane : kPlanes) {
    addresses[static_cast<std::size_t>(plane)] += tensor.offset(slice, plane);
  }
  return addresses;
}

std::uint64_t tile_bytes(const TensorLayout& layout, const Tile& tile) {
  std::uint64_t bytes = 0;
  for (const Plane plane : kPlanes) {
    if (has_plane(layout, plane)) bytes += plan(layout, tile, plane).bytes;
  }
  return bytes;
}

void fetch_tile(Dma& dma, Dma::Channel channel, WeightTile& tile, const PlaneAddresses& planes,
                Dma::Done done, std::uint64_t flow) {
  struct Fetch {
    unsigned pending;
    bool ok = true;
    std::uint64_t fault = 0;
    Dma::Done done;
  };
  const TensorLayout& layout = tile.view.layout;
  const auto fetch = std::make_shared<Fetch>(Fetch{1, true, 0, std::move(done)});
  const auto one_done = [fetch](bool ok, std::uint64_t fault) {
    if (!ok && fetch->ok) fetch->fault = fault;
    fetch->ok = fetch->ok && ok;
    if (--fetch->pending == 0) fetch->done(fetch->ok, fetch->fault);
  };
  for (const Plane plane : kPlanes) {
    if (!has_plane(layout, plane)) continue;
    const auto index = static_cast<std::size_t>(plane);
    const PlaneFetch fetch_plan = plan(layout, tile.view.tile, plane);
    if (tile.wanted) {
      tile.bytes[index].resize(fetch_plan.bytes);
      plane_view(tile.view, plane) = {tile.bytes[index].data(), fetch_plan.pitch};
    }
    const std::uint32_t transfers = fetch_plan.by_rows ? tile.view.tile.rows : 1;
    for (std::uint32_t row = 0; row < transfers; ++row) {
      const numerics::ByteRange range =
          fetch_plan.by_rows ? numerics::row_range(layout, tile.view.tile, plane, row)
                             : numerics::plane_range(layout, tile.view.tile, plane);
      ++fetch->pending;
      std::uint8_t* const to =
          tile.wanted ? tile.bytes[index].data() + std::uint64_t{fetch_plan.pitch} * row : nullptr;
      dma.read(channel, planes[index] + range.offset, to, range.bytes, one_done, flow);
    }
  }
  dma.read(channel, 0, nullptr, 0, one_done);  // balances the initial count
}

std::vector<Tile> cut(const TensorLayout& layout, std::uint64_t limit_bytes,
                      std::uint32_t row_multiple) {
  const auto fits = [&](std::uint32_t rows, std::uint32_t cols) {
    return tile_bytes(layout, {0, rows, 0, cols}) <= limit_bytes;
  };
  std::uint32_t rows = std::min(row_multiple, layout.rows);
  std::uint32_t cols = layout.cols;
  // Fewer whole rows leave PEs idle, narrower tiles make short memory accesses: up to a factor of
  // eight the array pays.
  while (rows > std::max(1u, row_multiple / 8) && !fits(rows, cols)) rows = (rows + 1) / 2;
  if (fits(rows, cols)) {
    while (rows % row_multiple == 0 && rows + row_multiple <= layout.rows &&
           fits(rows + row_multiple, cols)) {
      rows += row_multiple;
    }
  } else {
    cols = std::min(cols, abi::kChunk);
    while (rows > 1 && !fits(rows, cols)) rows = (rows + 1) / 2;
    if (!fits(rows, cols)) return {};
    while (cols + abi::kChunk < layout.cols && fits(rows, cols + abi::kChunk)) cols += abi::kChunk;
  }
  const std::uint64_t count =
      std::uint64_t{(layout.rows + rows - 1) / rows} * ((layout.cols + cols - 1) / cols);
  if (count > kMaxTiles) return {};
  std::vector<Tile> tiles;
  tiles.reserve(count);
  for (std::uint32_t row = 0; row < layout.rows; row += rows) {
    for (std::uint32_t col = 0; col < layout.cols; col += cols) {
      tiles.push_back(
          {row, std::min(rows, layout.rows - row), col, std::min(cols, layout.cols - col)});
    }
  }
  return tiles;
}

std::vector<Tile> cut_in_bulk(const TensorLayout& layout, std::uint64_t bulk_bytes,
                              std::uint32_t row_multiple) {
  const std::uint64_t block =
      tile_bytes(layout, {0, std::min(row_multiple, layout.rows), 0, layout.cols});
  const std::uint64_t blocks = std::max<std::uint64_t>(1, bulk_bytes / block);
  const auto rows =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(layout.rows, blocks * row_multiple));
  std::vector<Tile> tiles;
  for (std::uint32_t row = 0; row < layout.rows; row += rows) {
    tiles.push_back({row, std::min(rows, layout.rows - row), 0, layout.cols});
  }
  return tiles;
}

std::vector<Tile> cut_slice(const numerics::SlicedTensor& tensor, std::uint64_t limit_bytes,
                            bool in_bulk, std::uint32_t row_multiple) {
  TensorLayout layout = tensor.slice();
  layout.rows = tensor.matrix.rows;
  std::vector<Tile> tiles = in_bulk ? cut_in_bulk(layout, limit_bytes, row_multiple)
                                    : cut(layout, limit_bytes, row_multiple);
  if (tensor.is_sliced() && tiles.size() * tensor.slices() > kMaxTiles) tiles.clear();
  return tiles;
}

WeightTile* WeightStream::take() {
  if (free_.empty()) {
    storage_.push_back(std::make_unique<WeightTile>());
    free_.push_back(storage_.back().get());
  }
  WeightTile* tile = free_.back();
  free_.pop_back();
  return tile;
}

WeightTile* WeightStream::push(std::uint16_t primitive, const TensorLayout& layout,
                               const Tile& part, const PlaneAddresses& planes,
                               std::uint64_t raw_bytes, std::uint32_t first_column) {
  WeightTile* tile = take();
  tile->primitive = primitive;
  tile->times = dma_.times();
  tile->view = {};
  tile->view.layout = layout;
  tile->view.tile = part;
  tile->first_column = first_column;
  tile->size_bytes = raw_bytes != 0 ? raw_bytes : tile_bytes(layout, part);
  tile->wanted = wanted_;
  tile->pending = 0;
  tile->flow_ps = tile->fault_address = 0;
  tile->held = tile->active = tile->requested = tile->arrived = tile->failed = tile->dropped =
      false;
  waiting_.push_back({tile, planes, raw_bytes});
  return tile;
}

// What the tile takes of the buffer.
std::uint64_t WeightStream::held_bytes(const WeightTile& tile) const {
  return flows_through(tile) ? capacity_bytes_ / 2 : tile.size_bytes;
}

bool WeightStream::flows_through(const WeightTile& tile) const {
  return !tile.wanted && tile.size_bytes > capacity_bytes_ / 2 && tile.view.layout.rows != 0;
}

void WeightStream::pump() {
  const std::uint64_t times_before = dma_.times();
  while (!waiting_.empty()) {
    const Waiting waiting = waiting_.front();
    WeightTile& tile = *waiting.tile;
    if (tile.held) break;
    if (!tile.requested) {
      if (used_bytes_ + held_bytes(tile) > capacity_bytes_) break;
      if (serial_ && used_bytes_ != 0) break;
      used_bytes_ += held_bytes(tile);
      peak_bytes_ = std::max(peak_bytes_, used_bytes_);
      ++under_way_;
      tile.requested = true;
      tile.pending = 0;
      dma_.count_times(tile.times);
      if (flows_through(tile)) request_head(waiting);
    }
    if (flows_through(tile) && !tile.active) break;
    waiting_.pop_front();
    dma_.count_times(tile.times);
    flows_through(tile) ? request_rest(waiting) : request(waiting);
  }
  dma_.count_times(times_before);
}

// What is fetched ahead: the begin of the stream, as far as half the buffer holds it.
numerics::ByteRange WeightStream::head_of(const WeightTile& tile) const {
  const numerics::ByteRange stream =
      numerics::plane_range(tile.view.layout, tile.view.tile, Plane::kStream);
  return {stream.offset, std::min(stream.bytes, capacity_bytes_ / 2)};
}

void WeightStream::request_head(const Waiting& waiting) {
  WeightTile& tile = *waiting.tile;
  const numerics::ByteRange head = head_of(tile);
  requested_bytes_ += tile.times * head.bytes;
  // The rest counts as pending from now on, so that the head's arrival does not end the tile.
  tile.pending = 2;
  dma_.read(
      Dma::kWeights, waiting.planes[0] + head.offset, nullptr, head.bytes,
      [this, &tile](bool ok, std::uint64_t fault) { part_done(tile, ok, fault); }, flow_);
}

// All planes in one read, as if they followed the first of them.
void WeightStream::request_rest(const Waiting& waiting) {
  WeightTile& tile = *waiting.tile;
  const TensorLayout& layout = tile.view.layout;
  const std::uint64_t head_bytes = head_of(tile).bytes;
  const std::uint64_t rest_bytes = tile.size_bytes - head_bytes;
  std::uint64_t address = ~std::uint64_t{0};
  for (const Plane plane : kPlanes) {
    const numerics::ByteRange range = numerics::plane_range(layout, tile.view.tile, plane);
    const std::uint64_t read_bytes = plane == Plane::kStream ? head_bytes : 0;
    if (range.bytes == read_bytes) continue;
    address = std::min(address,
                       waiting.planes[static_cast<std::size_t>(plane)] + range.offset + read_bytes);
  }
  tile.flow_ps = common::now_ps();
  requested_bytes_ += tile.times * rest_bytes;
  dma_.read(
      Dma::kWeights, rest_bytes == 0 ? 0 : address, nullptr, rest_bytes,
      [this, &tile](bool ok, std::uint64_t fault) { part_done(tile, ok, fault); }, flow_);
}

void WeightStream::request(const Waiting& waiting) {
  WeightTile& tile = *waiting.tile;
  requested_bytes_ += tile.times * tile.size_bytes;
  tile.flow_ps = common::now_ps();
  tile.pending = 1;
  const auto done = [this, &tile](bool ok, std::uint64_t fault) { part_done(tile, ok, fault); };
  if (waiting.raw_bytes != 0) {
    if (tile.wanted) tile.bytes[0].resize(waiting.raw_bytes);
    dma_.read(Dma::kWeights, waiting.planes[0], tile.wanted ? tile.bytes[0].data() : nullptr,
              waiting.raw_bytes, done, flow_);
  } else {
    fetch_tile(dma_, Dma::kWeights, tile, waiting.planes, done, flow_);
  }
}

void WeightStream::part_done(WeightTile& tile, bool ok, std::uint64_t fault_address) {
  if (!ok && !tile.failed) {
    tile.failed = true;
    tile.fault_address = fault_address;
    if (forget(tile)) --tile.pending;  // the head has failed: nobody asks for the rest any more
  }
  if (--tile.pending != 0) return;
  --under_way_;
  tile.arrived = !tile.failed;
  if (tile.dropped) release(&tile);
  arrived_(tile, !tile.failed, tile.fault_address);
}

void WeightStream::release(WeightTile* tile) {
  used_bytes_ -= held_bytes(*tile);
  free_.push_back(tile);
  pump();
}

void WeightStream::drop(WeightTile* tile) {
  tile->dropped = true;
  if (tile->arrived) return release(tile);
  const bool waited = forget(*tile);
  if (!tile->requested) {
    free_.push_back(tile);
  } else if (waited && --tile->pending == 0) {  // its head is there, the rest will not come
    --under_way_;
    release(tile);
  }
}

// False if the tile does not wait to be requested, or for its rest.
bool WeightStream::forget(const WeightTile& tile) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& waiting) { return waiting.tile == &tile; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void WeightStream::cancel_rest() {
  std::deque<Waiting> waiting;
  waiting.swap(waiting_);
  for (const Waiting& entry : waiting) {
    WeightTile& tile = *entry.tile;
    if (!tile.requested) {
      free_.push_back(&tile);
      continue;
    }
    tile.dropped = true;
    if (--tile.pending == 0) {
      --under_way_;
      used_bytes_ -= held_bytes(tile);
      free_.push_back(&tile);
    }
  }
}

void WeightStream::reset() {
  waiting_.clear();
  free_.clear();
  for (const auto& tile : storage_) free_.push_back(tile.get());
  used_bytes_ = 0;
  under_way_ = 0;
}

}  // namespace tandem::npu
