// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/program.h"

#include <algorithm>

#include "tandem/abi/batch.h"
#include "tandem/npu/weight_stream.h"
#include "tandem/numerics/slices.h"

namespace tandem::npu {

using abi::Format;
using abi::Operand;
using abi::OperandLayout;
using abi::ParameterBlock;
using abi::Primitive;
using abi::PrimitiveOp;
using abi::RowMode;
using abi::Space;
using abi::Status;

namespace {

constexpr std::uint32_t kMostExperts = 1u << 16;   // whose rows the device counts
constexpr std::uint64_t kMaxDimension = 1u << 24;  // so that no size computed from two overflows

bool implemented(PrimitiveOp op) {
  switch (op) {
    case PrimitiveOp::kDispatch:
    case PrimitiveOp::kTopk:
      return false;
    default:
      return true;
  }
}

bool runs_on_pim(PrimitiveOp op) {
  return op == PrimitiveOp::kLinear || op == PrimitiveOp::kAttention;
}

bool kind_is_known(const Primitive& primitive) {
  switch (static_cast<PrimitiveOp>(primitive.op)) {
    case PrimitiveOp::kNorm:
      return primitive.kind <= 1;
    case PrimitiveOp::kPosition:
      return primitive.kind <= 2;
    case PrimitiveOp::kElementwise:
      return primitive.kind <= 3;
    case PrimitiveOp::kCollective:
      return primitive.collective <= static_cast<std::uint8_t>(abi::CollectiveOp::kAllGather);
    default:
      return true;
  }
}

bool needs_experts(const Primitive& primitive) {
  const auto op = static_cast<PrimitiveOp>(primitive.op);
  return op == PrimitiveOp::kRoute || op == PrimitiveOp::kCombine || is_over_experts(primitive);
}

// Experts: what is chosen must be there, and each row has its choices.
Status check_experts(const Primitive& primitive, bool computes) {
  const bool linear = is_over_experts(primitive);
  if (computes || (linear && primitive.bias.slot != abi::kNoSlot) || primitive.row_mode != 0 ||
      (linear && primitive.kind > 1) || primitive.predicate_slot != abi::kNoSlot) {
    return Status::kUnsupported;
  }
  const auto op = static_cast<PrimitiveOp>(primitive.op);
  const bool no_list = op != PrimitiveOp::kCombine && primitive.index_slot == abi::kNoSlot;
  return primitive.top_k == 0 || no_list ? Status::kBadProgram : Status::kOk;
}

// Matrices side by side: without a list of choices, without biases, in rows.
Status check_groups(const Primitive& primitive) {
  if (primitive.op != static_cast<std::uint8_t>(PrimitiveOp::kLinear) || primitive.kind != 0 ||
      primitive.bias.slot != abi::kNoSlot ||
      primitive.weight.layout == static_cast<std::uint8_t>(abi::OperandLayout::kBankTiles)) {
    return Status::kUnsupported;
  }
  return primitive.top_k != 0 ? Status::kBadProgram : Status::kOk;
}

Status check_static(const Primitive& primitive, std::size_t index, bool pim_bound, bool computes) {
  if (primitive.op >= abi::kPrimitiveOps) return Status::kBadProgram;
  const auto op = static_cast<PrimitiveOp>(primitive.op);
  if (!implemented(op)) return Status::kNoEngine;
  if (!kind_is_known(primitive)) return Status::kUnsupported;
  if (primitive.row_mode > 2 || primitive.kv_set >= abi::kKvSets) return Status::kBadProgram;
  if (needs_experts(primitive)) {
    const Status status = check_experts(primitive, computes);
    if (status != Status::kOk) return status;
  } else if (primitive.groups > 1) {
    const Status status = check_groups(primitive);
    if (status != Status::kOk) return status;
  } else if (primitive.index_slot != abi::kNoSlot || primitive.top_k > 1) {
    return Status::kUnsupported;
  }
  if (primitive.residency != 0) return Status::kUnsupported;
  if (op == PrimitiveOp::kAttention &&
      primitive.mask > static_cast<std::uint8_t>(abi::Mask::kNone)) {
    return Status::kUnsupported;
  }
  const bool rms_norm =
      op == PrimitiveOp::kNorm && primitive.kind == static_cast<std::uint8_t>(abi::NormKind::kRms);
  if (rms_norm && primitive.bias.slot != abi::kNoSlot) return Status::kUnsupported;
  if (primitive.predecessor_count > abi::kMaxPredecessors) return Status::kBadProgram;
  for (std::size_t i = 0; i < primitive.predecessor_count; ++i) {
    if (primitive.predecessors[i] >= index) return Status::kBadProgram;
  }
  const std::uint8_t engines =
      abi::kEngineNpu | (runs_on_pim(op) && pim_bound ? abi::kEnginePim : 0);
  return (primitive.engine_mask & engines) == 0 ? Status::kNoEngine : Status::kOk;
}

}  // namespace

Fault Program::load(std::uint64_t address, std::vector<Primitive> primitives, bool pim_bound,
                    bool computes, std::uint32_t replay_layers) {
  unload();
  for (std::size_t i = 0; i < primitives.size(); ++i) {
    const Status status = check_static(primitives[i], i, pim_bound, computes);
    if (status != Status::kOk) {
      return {status, static_cast<std::uint16_t>(i), address + i * sizeof(Primitive)};
    }
  }
  const Fault fault = find_routes(address, primitives);
  if (fault) return fault;
  address_ = address;
  loaded_count_ = primitives.size();
  if (replay_layers != 0) leave_out_layers(primitives, replay_layers);
  primitives_ = std::move(primitives);
  dependents_.assign(primitives_.size(), {});
  tiles_.assign(primitives_.size(), {});
  for (std::size_t i = 0; i < primitives_.size(); ++i) {
    for (std::size_t p = 0; p < primitives_[i].predecessor_count; ++p) {
      dependents_[primitives_[i].predecessors[p]].push_back(static_cast<std::uint16_t>(i));
    }
  }
  return {};
}

void Program::leave_out_layers(std::vector<Primitive>& primitives, std::uint32_t replay_layers) {
  const std::optional<LayerReplay> replay = plan_replay(primitives, replay_layers);
  if (!replay) return;
  replay_ = *replay;
  turn_ = 0;
  loaded_ = primitives;
  primitives = primitives_run(loaded_, replay_);
  for (std::size_t i = 0; i < primitives.size(); ++i) {
    times_.push_back(replay_.times(replay_.block_of(i)));
    most_times_ = std::max(most_times_, times_.back());
  }
}

void Program::next_turn() {
  if (loaded_.empty()) return;
  ++turn_;
  for (std::size_t i = 0; i < primitives_.size(); ++i) {
    if (times_[i] == 1) continue;
    Primitive primitive = loaded_[replay_.source(i, turn_)];
    std::copy(std::begin(primitives_[i].predecessors), std::end(primitives_[i].predecessors),
              std::begin(primitive.predecessors));
    primitives_[i] = primitive;
  }
}

// A LINEAR over experts names the ROUTE with its list among its predecessors.
Fault Program::find_routes(std::uint64_t address, const std::vector<Primitive>& primitives) {
  has_experts_ = false;
  routes_.resize(primitives.size());
  for (std::size_t i = 0; i < primitives.size(); ++i) {
    const Primitive& primitive = primitives[i];
    routes_[i] = static_cast<std::uint16_t>(i);
    if (!is_over_experts(primitive)) continue;
    has_experts_ = true;
    for (std::size_t p = 0; p < primitive.predecessor_count; ++p) {
      const Primitive& route = primitives[primitive.predecessors[p]];
      if (route.op == static_cast<std::uint8_t>(PrimitiveOp::kRoute) &&
          route.index_slot == primitive.index_slot && route.n == primitive.groups &&
          route.top_k == primitive.top_k) {
        routes_[i] = primitive.predecessors[p];
      }
    }
    if (routes_[i] == i) {
      return {Status::kBadProgram, static_cast<std::uint16_t>(i), address + i * sizeof(Primitive)};
    }
  }
  return {};
}

namespace {

// Collects the first thing that is wrong with the operands of one primitive.
class OperandCheck {
 public:
  OperandCheck(const ParameterBlock& parameters, std::uint64_t activation_bytes)
      : parameters_(parameters), activation_bytes_(activation_bytes) {}

  void activation(const Operand& operand, std::uint64_t rows, std::uint64_t columns,
                  bool writes = false) {
    if (!format(operand, {Format::kFp16})) return;
    if (operand.scale_slot != abi::kNoSlot || operand.layout != 0) {
      return fail(Status::kUnsupported, operand.scale_slot);
    }
    if (rows > 1 && operand.stride < columns * 2) return fail(Status::kBadOperand, operand.stride);
    if (operand.offset % 2 != 0 || operand.stride % 2 != 0) {
      return fail(Status::kBadOperand, operand.offset);
    }
    const std::uint64_t bytes = rows == 0 ? 0 : (rows - 1) * operand.stride + columns * 2;
    range(operand, bytes, writes, true);
  }

  void memory(const Operand& operand, std::uint64_t bytes, std::initializer_list<Format> formats,
              bool writes = false) {
    if (format(operand, formats)) range(operand, bytes, writes, false);
  }

  void weight(const Primitive& primitive, std::uint64_t rows, std::uint64_t columns) {
    using numerics::Plane;
    if (primitive.weight.format >= abi::kFormatCount || primitive.grouping > 3 ||
        primitive.scope > 1) {
      return fail(Status::kBadOperand, primitive.weight.format);
    }
    const auto weight_format = static_cast<Format>(primitive.weight.format);
    if (weight_format == Format::kFp32 || weight_format == Format::kU32) {
      return fail(Status::kBadOperand, primitive.weight.format);
    }
    if (rows > kMaxDimension || columns > kMaxDimension) {
      return fail(Status::kBadOperand, std::max(rows, columns));
    }
    numerics::SlicedTensor tensor = sliced_weight(primitive);
    tensor.matrix.rows = static_cast<std::uint32_t>(rows);
    tensor.matrix.cols = static_cast<std::uint32_t>(columns);
    if (!slices(primitive, tensor)) return;
    range(primitive.weight, tensor.plane_bytes(Plane::kStream), false, false);
    range_if(primitive.remainder, tensor.plane_bytes(Plane::kRemainder));
    range_if(primitive.scales, tensor.plane_bytes(Plane::kScales));
    range_if(primitive.tables, tensor.plane_bytes(Plane::kTables));
  }

  void require(bool condition, std::uint64_t value) {
    if (!condition) fail(Status::kBadOperand, value);
  }

  Fault fault() const { return fault_; }

 private:
  bool slices(const Primitive& primitive, const numerics::SlicedTensor& tensor) {
    if (primitive.weight.layout == static_cast<std::uint8_t>(OperandLayout::kRowMajor)) return true;
    const bool known =
        primitive.weight.layout == static_cast<std::uint8_t>(OperandLayout::kBankTiles);
    if (!known || is_over_experts(primitive)) {
      fail(Status::kUnsupported, primitive.weight.layout);
      return false;
    }
    const bool columns_fit =
        tensor.columns != 0 && tensor.columns % abi::kChunk == 0 && tensor.columns <= kMaxDimension;
    const bool rows_fit = tensor.rows >= tensor.matrix.rows && tensor.rows <= kMaxDimension;
    if (!columns_fit) fail(Status::kBadOperand, tensor.columns);
    if (!rows_fit) fail(Status::kBadOperand, tensor.rows);
    return columns_fit && rows_fit;
  }

  bool format(const Operand& operand, std::initializer_list<Format> formats) {
    for (const Format candidate : formats) {
      if (operand.format == static_cast<std::uint8_t>(candidate)) return true;
    }
    fail(Status::kBadOperand, operand.format);
    return false;
  }

  void range_if(const Operand& operand, std::uint64_t bytes) {
    if (bytes != 0) range(operand, bytes, false, false);
  }

  void range(const Operand& operand, std::uint64_t bytes, bool writes, bool local) {
    if (operand.slot >= parameters_.slot_count) return fail(Status::kBadOperand, operand.slot);
    const abi::Slot& slot = parameters_.slots[operand.slot];
    const bool is_local = slot.space == static_cast<std::uint32_t>(Space::kLocal);
    if (slot.space == static_cast<std::uint32_t>(Space::kUnbound) || is_local != local) {
      return fail(Status::kBadOperand, operand.slot);
    }
    if (writes && slot.writable == 0) return fail(Status::kBadOperand, operand.slot);
    if (bytes > slot.bytes || operand.offset > slot.bytes - bytes) {
      return fail(Status::kBadOperand, slot.base + operand.offset);
    }
    if (local && (slot.base % 2 != 0 || slot.bytes > activation_bytes_ ||
                  slot.base > activation_bytes_ - slot.bytes)) {
      return fail(Status::kBadOperand, slot.base);
    }
  }

  void fail(Status status, std::uint64_t value) {
    if (!fault_) fault_ = {status, 0xFFFF, value};
  }

  const ParameterBlock& parameters_;
  std::uint64_t activation_bytes_;
  Fault fault_;
};

bool heads_fit(const Primitive& primitive) {
  return primitive.heads != 0 && primitive.kv_heads != 0 && primitive.head_dim != 0 &&
         primitive.heads % primitive.kv_heads == 0;
}

void check_expert_linear(OperandCheck& check, const Primitive& primitive, const PassShape& shape) {
  const bool per_choice = primitive.kind == static_cast<std::uint8_t>(abi::ExpertInput::kPerChoice);
  const std::uint64_t choices = primitive.top_k;
  check.require(primitive.n != 0 && primitive.k != 0, primitive.n);
  check.activation(primitive.input, shape.rows, (per_choice ? choices : 1) * primitive.k);
  check.weight(primitive, std::uint64_t{primitive.groups} * primitive.n, primitive.k);
  check.activation(primitive.output, shape.rows, choices * primitive.n, true);
}

void check_route(OperandCheck& check, const Primitive& primitive, const PassShape& shape) {
  check.require(primitive.top_k <= primitive.n && primitive.n <= kMostExperts, primitive.n);
  check.activation(primitive.input, shape.rows, primitive.n);
  check.activation(primitive.output, shape.rows, primitive.top_k, true);
}

void check_combine(OperandCheck& check, const Primitive& primitive, const PassShape& shape) {
  check.require(primitive.n != 0, primitive.n);
  check.activation(primitive.input, shape.rows, std::uint64_t{primitive.top_k} * primitive.n);
  check.activation(primitive.input2, shape.rows, primitive.top_k);
  check.activation(primitive.output, shape.rows, primitive.n, true);
}

void check_linear(OperandCheck& check, const Primitive& primitive, const PassShape& shape) {
  if (is_over_experts(primitive)) return check_expert_linear(check, primitive, shape);
  const std::uint32_t rows = output_rows(primitive, shape);
  const std::uint64_t groups = groups_of(primitive);
  check.require(primitive.n != 0 && primitive.k != 0, primitive.n);
  check.activation(primitive.input, input_rows(primitive, shape), groups * primitive.k);
  check.weight(primitive, groups * primitive.n, primitive.k);
  if (primitive.bias.slot != abi::kNoSlot) {
    check.memory(primitive.bias, 2ull * primitive.n, {Format::kFp16});
  }
  check.activation(primitive.output, rows, groups * primitive.n, true);
}

// Elements of `heads` heads: `head_dim` of each, or in two parts where values are part of the keys.
void check_heads(OperandCheck& check, const Primitive& primitive, std::uint64_t heads,
                 std::uint32_t rows) {
  const std::uint32_t rest = primitive.head_dim - primitive.value_dim;
  check.require(primitive.value_dim <= primitive.head_dim, primitive.value_dim);
  check.activation(primitive.input, rows, heads * value_dim_of(primitive));
  if (primitive.value_dim != 0 && rest != 0) {
    check.activation(primitive.input2, rows, heads * rest);
  }
}

void check_append(OperandCheck& check, const Primitive& primitive, const PassShape& shape) {
  const std::uint32_t columns = std::uint32_t{primitive.kv_heads} * primitive.head_dim;
  check.require(columns != 0, primitive.head_dim);
  check_heads(check, primitive, primitive.kv_heads, shape.rows);
  if (primitive.value_dim == 0) check.activation(primitive.input2, shape.rows, columns);
}

void check_position(OperandCheck& check, const Primitive& primitive, const PassShape& shape) {
  if (is_learned_position(primitive)) {
    check.require(primitive.n != 0 && primitive.k != 0, primitive.n);
    check.activation(primitive.input, shape.rows, primitive.n);
    check.memory(primitive.input2, 2ull * primitive.n * primitive.k, {Format::kFp16});
    check.activation(primitive.output, shape.rows, primitive.n, true);
    return;
  }
  const std::uint32_t columns = std::uint32_t{primitive.heads} * primitive.head_dim;
  check.require(columns != 0 && primitive.head_dim % 2 == 0, primitive.head_dim);
  check.activation(primitive.input, shape.rows, columns);
  check.memory(primitive.input2, 2ull * primitive.head_dim, {Format::kFp32});
  check.activation(primitive.output, shape.rows, columns, true);
}

}  // namespace

std::uint32_t devices_of(const ParameterBlock& parameters) {
  return std::max<std::uint32_t>(1, parameters.collective_size);
}

std::uint32_t output_rows(const Primitive& primitive, const PassShape& shape) {
  return static_cast<RowMode>(primitive.row_mode) == RowMode::kAll ? shape.rows : shape.sequences;
}

std::uint32_t input_rows(const Primitive& primitive, const PassShape& shape) {
  return static_cast<RowMode>(primitive.row_mode) == RowMode::kEntries ? shape.sequences
                                                                       : shape.rows;
}

Fault check_operands(const Primitive& primitive, const ParameterBlock& parameters,
                     const PassShape& shape, std::uint64_t activation_bytes) {
  OperandCheck check(parameters, activation_bytes);
  const std::uint32_t in_rows = input_rows(primitive, shape);
  const std::uint32_t out_rows = output_rows(primitive, shape);
  switch (static_cast<PrimitiveOp>(primitive.op)) {
    case PrimitiveOp::kGather:
      check.require(primitive.n != 0 && primitive.k != 0, primitive.n);
      check.weight(primitive, primitive.k, primitive.n);
      check.activation(primitive.output, shape.rows, primitive.n, true);
      break;
    case PrimitiveOp::kLinear:
      check_linear(check, primitive, shape);
      break;
    case PrimitiveOp::kRoute:
      check_route(check, primitive, shape);
      break;
    case PrimitiveOp::kCombine:
      check_combine(check, primitive, shape);
      break;
    case PrimitiveOp::kNorm:
      check.require(primitive.n != 0, primitive.n);
      check.activation(primitive.input, in_rows, primitive.n);
      check.memory(primitive.weight, 2ull * primitive.n, {Format::kFp16});
      if (primitive.bias.slot != abi::kNoSlot) {
        check.memory(primitive.bias, 2ull * primitive.n, {Format::kFp16});
      }
      check.activation(primitive.output, out_rows, primitive.n, true);
      break;
    case PrimitiveOp::kPosition:
      check_position(check, primitive, shape);
      break;
    case PrimitiveOp::kElementwise:
      check.require(primitive.n != 0, primitive.n);
      check.activation(primitive.input, in_rows, primitive.n);
      if (primitive.kind != static_cast<std::uint8_t>(abi::ElementwiseKind::kGelu)) {
        check.activation(primitive.input2, in_rows, primitive.n);
      }
      check.activation(primitive.output, out_rows, primitive.n, true);
      break;
    case PrimitiveOp::kCollective: {
      const bool gathers =
          primitive.collective == static_cast<std::uint8_t>(abi::CollectiveOp::kAllGather);
      const std::uint32_t parts = gathers ? devices_of(parameters) : 1;
      check.require(primitive.n != 0, primitive.n);
      check.activation(primitive.input, in_rows, (std::uint64_t{primitive.n} + parts - 1) / parts);
      check.activation(primitive.output, out_rows, primitive.n, true);
      break;
    }
    case PrimitiveOp::kKvAppend:
      check_append(check, primitive, shape);
      break;
    case PrimitiveOp::kAttention:
      check.require(heads_fit(primitive), primitive.heads);
      check_heads(check, primitive, primitive.heads, shape.rows);
      check.activation(primitive.output, shape.rows,
                       std::uint64_t{primitive.heads} * value_dim_of(primitive), true);
      break;
    case PrimitiveOp::kSample:
    case PrimitiveOp::kAccept:
      check.require(primitive.n != 0, primitive.n);
      check.activation(primitive.input, in_rows, primitive.n);
      break;
    case PrimitiveOp::kCopy:
      check.require(primitive.n != 0, primitive.n);
      check.memory(primitive.input, primitive.n, {Format::kFp16, Format::kU32, Format::kFp32});
      check.memory(primitive.output, primitive.n, {Format::kFp16, Format::kU32, Format::kFp32},
                   true);
      break;
    case PrimitiveOp::kWait:
    case PrimitiveOp::kSignal:
      check.require(primitive.semaphore % 4 == 0, primitive.semaphore);
      break;
    default:
      break;
  }
  return check.fault();
}

}  // namespace tandem::npu
