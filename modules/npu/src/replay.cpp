// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/replay.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "tandem/abi/command.h"
#include "tandem/npu/program.h"

namespace tandem::npu {

namespace {

using abi::Primitive;
using abi::PrimitiveOp;

struct Layers {
  std::size_t begin;  // the first primitive of layer 0
  std::size_t size;   // primitives of each
  std::size_t count;
  std::size_t at(std::size_t layer) const { return begin + layer * size; }
};

bool may_be_left_out(const Primitive& primitive) {
  if (is_over_experts(primitive) || primitive.predicate_slot != abi::kNoSlot) return false;
  switch (static_cast<PrimitiveOp>(primitive.op)) {
    case PrimitiveOp::kLinear:
    case PrimitiveOp::kNorm:
    case PrimitiveOp::kPosition:
    case PrimitiveOp::kElementwise:
    case PrimitiveOp::kKvAppend:
    case PrimitiveOp::kAttention:
    case PrimitiveOp::kCollective:
      return true;
    default:
      return false;
  }
}

// What decides the time of a primitive; where its operands lie does not.
bool alike(Primitive a, Primitive b) {
  for (Primitive* primitive : {&a, &b}) {
    primitive->layer = 0;
    primitive->label = 0;
    primitive->predecessor_count = 0;
    std::fill(std::begin(primitive->predecessors), std::end(primitive->predecessors),
              std::uint16_t{0});
    for (abi::Operand* operand :
         {&primitive->input, &primitive->input2, &primitive->weight, &primitive->remainder,
          &primitive->scales, &primitive->tables, &primitive->bias, &primitive->output}) {
      operand->offset = 0;
    }
  }
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// The layers lie one after the other, numbered from 0. What is not of a layer has number 0 too; one
// that is not whole (a prompt's keys and values need no more of the last) belongs to what follows.
std::optional<Layers> find_layers(const std::vector<Primitive>& primitives) {
  const auto first_of = [&](std::uint16_t layer) {
    const auto found = std::find_if(primitives.begin(), primitives.end(),
                                    [&](const Primitive& p) { return p.layer == layer; });
    return static_cast<std::size_t>(found - primitives.begin());
  };
  const std::size_t second = first_of(1), third = first_of(2);
  if (third >= primitives.size() || third <= second || third - second > second) return {};
  const std::size_t size = third - second;
  Layers layers{second - size, size, 0};
  const auto is_whole = [&](std::size_t layer) {
    if (layers.at(layer + 1) > primitives.size()) return false;
    const auto begin = primitives.begin() + static_cast<std::ptrdiff_t>(layers.at(layer));
    return std::all_of(begin, begin + static_cast<std::ptrdiff_t>(size),
                       [&](const Primitive& p) { return p.layer == layer; });
  };
  while (is_whole(layers.count)) ++layers.count;
  for (std::size_t i = 0; i < primitives.size(); ++i) {
    const bool outside = i < layers.begin || i >= layers.at(layers.count);
    const std::uint16_t layer = primitives[i].layer;
    if (outside && layer != 0 && layer != layers.count) return {};
  }
  return layers;
}

// From the layer itself, or from the one before.
bool depends_as_before(const Primitive& primitive, const Primitive& before, std::size_t size,
                       std::size_t begin) {
  if (primitive.predecessor_count != before.predecessor_count) return false;
  for (std::size_t p = 0; p < primitive.predecessor_count; ++p) {
    const std::size_t predecessor = primitive.predecessors[p];
    if (predecessor != before.predecessors[p] + size || predecessor + size < begin) return false;
  }
  return true;
}

bool are_alike(const std::vector<Primitive>& primitives, const Layers& layers) {
  for (std::size_t i = layers.at(0); i < layers.at(layers.count); ++i) {
    const Primitive& primitive = primitives[i];
    if (!may_be_left_out(primitive)) return false;
    if (i < layers.at(1)) continue;
    const Primitive& before = primitives[i - layers.size];
    if (!alike(primitive, before)) return false;
    const std::size_t begin = layers.at((i - layers.begin) / layers.size);
    // What layer 0 depends on is no layer.
    if (i >= layers.at(2) && !depends_as_before(primitive, before, layers.size, begin)) {
      return false;
    }
  }
  return true;
}

constexpr std::uint32_t kBlocksAhead = 2;  // that stand for themselves

// The layers that share `block`: [begin, begin + count).
struct Share {
  std::uint32_t begin;
  std::uint32_t count;
};

Share share_of(const LayerReplay& replay, std::uint32_t block) {
  if (block < kBlocksAhead) return {block, 1};
  if (block + 1 == replay.blocks) return {replay.layers - 1, 1};
  const std::uint32_t layers = replay.layers - kBlocksAhead - 1;
  const std::uint32_t shares = replay.blocks - kBlocksAhead - 1;
  const std::uint32_t share = block - kBlocksAhead;
  const std::uint32_t begin = share * layers / shares;
  return {kBlocksAhead + begin, (share + 1) * layers / shares - begin};
}

// Coprime to `count` and about 0.618 of it, so that a few turns are spread over all.
std::uint32_t step_through(std::uint32_t count) {
  std::uint32_t step = std::max(1u, count * 618 / 1000);
  while (std::gcd(step, count) != 1) ++step;
  return step;
}

}  // namespace

std::uint32_t LayerReplay::times(std::uint32_t block) const {
  return block < blocks ? share_of(*this, block).count : 1;
}

std::uint32_t LayerReplay::layer(std::uint32_t block, std::uint32_t turn) const {
  const Share share = share_of(*this, block);
  const std::uint32_t middle = share.count / 2;
  return share.begin + (middle + turn % share.count * step_through(share.count)) % share.count;
}

std::uint32_t LayerReplay::block_of(std::size_t index) const {
  if (size == 0 || index < before) return blocks;
  return static_cast<std::uint32_t>(std::min<std::size_t>(blocks, (index - before) / size));
}

std::size_t LayerReplay::source(std::size_t index, std::uint32_t turn) const {
  const std::uint32_t block = block_of(index);
  if (size == 0 || index < before) return index;
  if (block == blocks) return index + (layers - blocks) * size;
  return before + layer(block, turn) * size + (index - before) % size;
}

std::optional<LayerReplay> plan_replay(const std::vector<Primitive>& primitives,
                                       std::uint32_t blocks) {
  const std::optional<Layers> layers = find_layers(primitives);
  if (!layers || layers->count <= blocks || !are_alike(primitives, *layers)) return {};
  return LayerReplay{layers->begin, layers->size, static_cast<std::uint32_t>(layers->count),
                     blocks};
}

// A block depends on the one before as a layer does; what follows the layers, on the last one.
std::vector<Primitive> primitives_run(const std::vector<Primitive>& primitives,
                                      const LayerReplay& replay) {
  const std::size_t layers_end = replay.before + replay.layers * replay.size;
  std::vector<Primitive> run;
  const std::size_t count = primitives.size() - (replay.layers - replay.blocks) * replay.size;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t source = replay.source(i, 0);
    Primitive& primitive = run.emplace_back(primitives[source]);
    for (std::size_t p = 0; p < primitive.predecessor_count; ++p) {
      const std::size_t predecessor = primitive.predecessors[p];
      if (predecessor < replay.before) continue;
      std::size_t place = i - (source - predecessor);
      if (source >= layers_end && predecessor < layers_end) {
        place = replay.before + (replay.blocks - 1) * replay.size +
                (predecessor - replay.before) % replay.size;
      }
      primitive.predecessors[p] = static_cast<std::uint16_t>(place);
    }
  }
  return run;
}

}  // namespace tandem::npu
