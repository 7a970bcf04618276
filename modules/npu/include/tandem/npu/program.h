// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/command.h"
#include "tandem/abi/program.h"
#include "tandem/common/archive.h"
#include "tandem/npu/replay.h"
#include "tandem/numerics/weights.h"

namespace tandem::npu {

constexpr std::uint16_t kNoPrimitive = 0xFFFF;

// Why something cannot run. `value` is the address or the value that is to blame.
struct Fault {
  abi::Status status = abi::Status::kOk;
  std::uint16_t primitive = kNoPrimitive;
  std::uint64_t value = 0;

  explicit operator bool() const { return status != abi::Status::kOk; }
};

// A program as it is resident in a context, with its dependences turned round.
class Program {
 public:
  // Checks what needs no command: opcodes, kinds, engines, order of predecessors.
  // `computes`: tensors are there, so that what only an oracle can decide is refused.
  // `replay_layers` != 0: so many layers stand for all of them where plan_replay() finds a way; the
  // program is then what is run.
  Fault load(std::uint64_t address, std::vector<abi::Primitive> primitives, bool pim_bound,
             bool computes, std::uint32_t replay_layers = 0);
  void unload() {
    primitives_.clear();
    loaded_.clear();
    times_.clear();
    most_times_ = 1;
  }

  bool holds(std::uint64_t address, std::size_t count) const {
    return !primitives_.empty() && address == address_ && count == loaded_count_;
  }
  // At most 65,535, see Config::max_primitives.
  std::uint16_t size() const { return static_cast<std::uint16_t>(primitives_.size()); }
  const abi::Primitive& operator[](std::size_t i) const { return primitives_[i]; }
  // How the weights of primitive i are cut into tiles; `make` is asked once per load.
  template <typename Make>
  const std::vector<numerics::Tile>& tiles(std::size_t i, Make make) {
    if (tiles_[i].empty()) tiles_[i] = make();
    return tiles_[i];
  }
  // The ROUTE that a LINEAR over experts follows.
  std::uint16_t route_of(std::size_t i) const { return routes_[i]; }
  bool has_experts() const { return has_experts_; }
  // How often primitive i counts: itself, and those that it stands for.
  std::uint64_t times(std::size_t i) const { return times_.empty() ? 1 : times_[i]; }
  // The most that a primitive counts.
  std::uint64_t most_times() const { return most_times_; }
  // The index of primitive i in the driver's program.
  std::uint16_t loaded_index(std::uint16_t i) const {
    return i < times_.size() ? static_cast<std::uint16_t>(replay_.source(i, turn_)) : i;
  }
  // A command begins: other layers stand for those left out.
  void next_turn();
  const std::vector<std::uint16_t>& dependents(std::size_t i) const { return dependents_[i]; }

  // The program as its driver has written it, from which the rest is made again; the parameters are
  // those of load().
  void archive(common::Archive& archive, bool pim_bound, bool computes,
               std::uint32_t replay_layers);

 private:
  void leave_out_layers(std::vector<abi::Primitive>& primitives, std::uint32_t replay_layers);
  Fault find_routes(std::uint64_t address, const std::vector<abi::Primitive>& primitives);

  std::uint64_t address_ = 0;
  std::size_t loaded_count_ = 0;
  LayerReplay replay_;
  std::uint32_t turn_ = 0;
  std::vector<abi::Primitive> loaded_;  // the driver's program, if layers are left out
  std::vector<std::uint64_t> times_;    // by primitive; empty if none is left out
  std::uint64_t most_times_ = 1;
  std::vector<abi::Primitive> primitives_;
  std::vector<std::vector<std::uint16_t>> dependents_;
  std::vector<std::vector<numerics::Tile>> tiles_;
  std::vector<std::uint16_t> routes_;  // itself where there is none
  bool has_experts_ = false;
};

// Checks a primitive against the slots that a command binds and the rows of its pass: every operand
// that the primitive uses lies inside its slot, has a format the engine takes, and has the shape
// the primitive needs.
struct PassShape {
  std::uint32_t rows;  // token positions
  std::uint32_t sequences;
};
Fault check_operands(const abi::Primitive& primitive, const abi::ParameterBlock& parameters,
                     const PassShape& shape, std::uint64_t activation_bytes);

// Whether POSITION adds rows of a table, instead of rotating.
inline bool is_learned_position(const abi::Primitive& primitive) {
  return primitive.kind == static_cast<std::uint8_t>(abi::PositionKind::kLearned);
}

// Whether a LINEAR multiplies each row with the weights of the experts that ROUTE chose for it.
inline bool is_over_experts(const abi::Primitive& primitive) {
  return primitive.op == static_cast<std::uint8_t>(abi::PrimitiveOp::kLinear) &&
         primitive.groups > 1 && primitive.index_slot != abi::kNoSlot;
}

// Matrices that a LINEAR multiplies every row with, each with columns of its own.
inline std::uint32_t groups_of(const abi::Primitive& primitive) {
  const bool linear = primitive.op == static_cast<std::uint8_t>(abi::PrimitiveOp::kLinear);
  return linear && primitive.groups > 1 && !is_over_experts(primitive) ? primitive.groups : 1;
}

// Of a LINEAR: columns of a row, of one choice where it is over experts.
inline std::uint32_t input_columns(const abi::Primitive& primitive) {
  return groups_of(primitive) * primitive.k;
}
inline std::uint32_t output_columns(const abi::Primitive& primitive) {
  return groups_of(primitive) * primitive.n;
}

// How many experts a LINEAR multiplies a row with.
inline std::uint32_t choices_of(const abi::Primitive& primitive) {
  return is_over_experts(primitive) ? primitive.top_k : 1;
}

// Elements of a head that ATTENTION gives, of KV_APPEND's first input.
inline std::uint32_t value_dim_of(const abi::Primitive& primitive) {
  return primitive.value_dim != 0 ? primitive.value_dim : primitive.head_dim;
}

// Devices that share the work of a command, this one included.
std::uint32_t devices_of(const abi::ParameterBlock& parameters);

// Rows that a primitive writes, by its row mode.
std::uint32_t output_rows(const abi::Primitive& primitive, const PassShape& shape);
std::uint32_t input_rows(const abi::Primitive& primitive, const PassShape& shape);

}  // namespace tandem::npu
