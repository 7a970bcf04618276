// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tandem/abi/program.h"

namespace tandem::npu {

// How a few layers of a program stand for all of them, because layers are alike and nobody looks at
// what they compute. Blocks of primitives are run: two for the first two layers, until weights are
// as far ahead as they will be, one for the last layer, which may wait for what follows it, and
// between them blocks that stand for an equal share of the other layers each. Which layer of its
// share a block is differs from command to command, so that what depends on addresses averages out.
struct LayerReplay {
  std::size_t before = 0;    // primitives before the first layer
  std::size_t size = 0;      // of a layer; 0: all primitives are run as they are
  std::uint32_t layers = 0;  // of the program
  std::uint32_t blocks = 0;  // that are run

  // How many layers a block stands for, itself included.
  std::uint32_t times(std::uint32_t block) const;
  // The layer that a block is in the command with number `turn`.
  std::uint32_t layer(std::uint32_t block, std::uint32_t turn) const;
  // Of a primitive among those that are run; `blocks` if it belongs to none.
  std::uint32_t block_of(std::size_t index) const;
  // The primitive of the program that primitive `index` of those that are run is.
  std::size_t source(std::size_t index, std::uint32_t turn) const;
};

constexpr std::uint32_t kLeastReplayLayers = 4;

// Nothing if the program cannot be run that way: it has no more than `blocks` layers, or they
// differ in anything but addresses, or do more than pass on a residual stream.
std::optional<LayerReplay> plan_replay(const std::vector<abi::Primitive>& primitives,
                                       std::uint32_t blocks);
// What is run in the first command; predecessors are places in it.
std::vector<abi::Primitive> primitives_run(const std::vector<abi::Primitive>& primitives,
                                           const LayerReplay& replay);

}  // namespace tandem::npu
