// SPDX-License-Identifier: Apache-2.0
// The sequencer: passes over a program, primitives by their dependences.
#include "tandem/npu/execution.h"

#include <algorithm>
#include <limits>

#include "tandem/npu/attention_job.h"

namespace tandem::npu {

using abi::Opcode;
using abi::PrimitiveOp;
using abi::Status;

namespace {

// What one ATTENTION may hold of one sequence; larger ones are refused with kNoSpace.
constexpr std::uint64_t kMaxKvHalfBytes = 1ull << 30;

FaultHooks::Unit unit_of(const abi::Primitive& primitive) {
  switch (static_cast<PrimitiveOp>(primitive.op)) {
    case PrimitiveOp::kLinear:
      return FaultHooks::Unit::kMatrix;
    case PrimitiveOp::kSample:
    case PrimitiveOp::kAccept:
      return FaultHooks::Unit::kSampler;
    default:
      return FaultHooks::Unit::kVector;
  }
}

bool touches_kv(const abi::Primitive& primitive) {
  const auto op = static_cast<PrimitiveOp>(primitive.op);
  return op == PrimitiveOp::kKvAppend || op == PrimitiveOp::kAttention;
}

}  // namespace

Execution::Execution(Core& core, WeightStream& stream, Program& program,
                     const abi::Command& command, bool checked, std::uint64_t serial,
                     Finished finished)
    : core_(core),
      stream_(stream),
      program_(program),
      command_(command),
      checked_(checked),
      serial_(serial),
      finished_(std::move(finished)),
      stream_bytes_before_(stream.requested_bytes()) {
  stream_.serve([this](WeightTile& tile, bool ok,
                       std::uint64_t fault_address) { tile_arrived(tile, ok, fault_address); },
                serial);
}

Execution::~Execution() = default;

Dma::Done Execution::then(std::uint16_t primitive, std::function<void()> next) {
  ++pending_;
  return [this, primitive, times = core_.times, next = std::move(next)](
             bool ok, std::uint64_t fault_address) {
    const Repeated repeated(core_, times);
    --pending_;
    if (!ok && !fault_) fault_ = {Status::kBusError, primitive, fault_address};
    if (stopped()) return maybe_finish();
    next();
  };
}

void Execution::at(std::uint64_t time_ps, std::function<void()> next) {
  ++pending_;
  core_.later.at(time_ps, [this, times = core_.times, next = std::move(next)] {
    const Repeated repeated(core_, times);
    --pending_;
    if (stopped()) return maybe_finish();
    next();
  });
}

void Execution::fail(const Fault& fault) {
  if (!fault_) fault_ = fault;
  stream_.cancel_rest();
  maybe_finish();
}

bool Execution::cancel() {
  if (finishing_ || finished_called_) return false;
  cancelled_ = true;
  stream_.cancel_rest();
  maybe_finish();
  return true;
}

std::uint8_t* Execution::activation(const abi::Operand& operand, std::uint32_t row) {
  const std::uint64_t offset =
      parameters_.slots[operand.slot].base + operand.offset + std::uint64_t{row} * operand.stride;
  return core_.activations.data() + offset;
}

void Execution::first_pass() {
  program_.next_turn();
  pass_.clear();
  for (std::uint32_t i = 0; i < sequences_.size(); ++i) {
    Sequence& sequence = sequences_[i];
    pass_.add(i, sequence.pending.data(), sequence.entry.pending_count, sequence.position);
    if (!drafted_rows()) continue;
    RowRange& range = pass_.ranges.back();
    for (std::uint32_t d = 0; d < sequence.draft.count; ++d) {
      pass_.rows.push_back({i, sequence.draft.tokens[d], sequence.position + range.count});
      ++range.count;
    }
  }
  begin_pass();
}

Fault Execution::check_pass() {
  if (pass_.rows.size() > core_.config.max_rows) {
    return {Status::kBadBatch, kNoPrimitive, pass_.rows.size()};
  }
  for (const RowRange& range : pass_.ranges) {
    const Sequence& sequence = sequences_[range.sequence];
    for (std::uint32_t set = 0; set < abi::kKvSets; ++set) {
      if (!uses_kv_set(set)) continue;
      const abi::KvSet& kv = sequence.entry.kv[set];
      const std::uint64_t length = std::uint64_t{sequence.kv_length[set]} + range.count;
      if (length > std::uint64_t{kv.page_count} * kv.page_tokens ||
          length > std::numeric_limits<std::uint32_t>::max()) {
        return {Status::kBadBatch, kNoPrimitive, length};
      }
    }
  }
  const PassShape shape = pass_.shape();
  for (std::size_t i = 0; i < program_.size(); ++i) {
    Fault fault = check_operands(program_[i], parameters_, shape, core_.config.activation_bytes);
    if (!fault && touches_kv(program_[i])) fault = check_kv(program_[i]);
    if (!fault && !predicate_is_bound(program_[i])) {
      fault = {Status::kBadOperand, kNoPrimitive, program_[i].predicate_slot};
    }
    if (fault) {
      fault.primitive = static_cast<std::uint16_t>(i);
      return fault;
    }
  }
  return {};
}

Fault Execution::check_kv(const abi::Primitive& primitive) const {
  for (const RowRange& range : pass_.ranges) {
    const Sequence& sequence = sequences_[range.sequence];
    const abi::KvSet& kv = sequence.entry.kv[primitive.kv_set];
    const std::uint64_t length = std::uint64_t{sequence.kv_length[primitive.kv_set]} + range.count;
    const std::uint64_t pages = (length + kv.page_tokens - 1) / kv.page_tokens;
    const KvGeometry geometry = geometry_of(primitive, kv);
    if (geometry.keys_only() && geometry.layout != abi::KvLayout::kTokenMajor) {
      return {Status::kBadBatch, kNoPrimitive, kv.layout};
    }
    std::uint64_t half_bytes = geometry.half_bytes();
    if (geometry.is_banked()) {
      const BankedKv& banked = geometry.banked;
      if (const Fault fault = banked.check_shape()) return fault;
      const std::uint32_t rows = std::max(banked.key_rows(), banked.value_rows());
      half_bytes = std::max(half_bytes, banked.image_bytes(rows));
    }
    if (timing_only()) continue;  // nothing of this is kept
    if (half_bytes > kMaxKvHalfBytes || pages * half_bytes > kMaxKvHalfBytes) {
      return {Status::kNoSpace, kNoPrimitive, pages * half_bytes};
    }
    const std::uint64_t score_rows = std::uint64_t{range.count} * primitive.heads;
    if (length * score_rows > kMaxScores) {
      return {Status::kNoSpace, kNoPrimitive, length * score_rows};
    }
  }
  return {};
}

bool Execution::predicate_is_bound(const abi::Primitive& primitive) const {
  if (primitive.predicate_slot == abi::kNoSlot) return true;
  if (primitive.predicate_slot >= parameters_.slot_count) return false;
  const abi::Slot& slot = parameters_.slots[primitive.predicate_slot];
  return slot.bytes >= 4 && slot.space == static_cast<std::uint32_t>(abi::Space::kBus);
}

void Execution::begin_pass() {
  const Fault fault = check_pass();
  if (fault) return fail(fault);
  states_.assign(program_.size(), State{});
  attention_.clear();
  remaining_ = program_.size();
  front_ = 0;
  front_since_ps_ = common::now_ps();
  watch_front();
  if (on_pim_.empty()) place();
  for (std::uint16_t i = 0; i < program_.size(); ++i) {
    states_[i].waiting = program_[i].predecessor_count;
    states_[i].on_pim = on_pim_[i];
  }
  choices_.clear();
  if (!fault_ && !core_.config.serial) prefetch();
  if (fault_) return fail(fault_);
  stream_.pump();
  // Collected first, because issuing changes the counts.
  std::vector<std::uint16_t> roots;
  for (std::uint16_t i = 0; i < program_.size(); ++i) {
    if (states_[i].waiting == 0) roots.push_back(i);
  }
  for (const std::uint16_t root : roots) dispatch(root);
  if (core_.config.serial) dispatch_serial();
}

// The tiles of this pass, and of the next one where it is certain to come.
void Execution::prefetch() {
  Tiles tiles = std::move(next_tiles_);
  next_tiles_.clear();
  if (tiles.empty()) push_tiles(tiles);
  for (std::uint16_t i = 0; i < program_.size(); ++i) states_[i].tiles = std::move(tiles[i]);
  // The experts of the next pass are not known yet.
  const bool goes_on = opcode() == Opcode::kDraft && parameters_.stop_below == 0 &&
                       iteration_ + 1 < parameters_.max_draft && !program_.has_experts();
  if (goes_on) push_tiles(next_tiles_);
}

void Execution::push_tiles(Tiles& tiles) {
  tiles.resize(program_.size());
  for (std::uint16_t i = 0; i < program_.size(); ++i) {
    push_primitive(i, tiles[i]);
  }
}

const std::vector<numerics::Tile>& Execution::tiles_of(std::uint16_t index,
                                                       const numerics::SlicedTensor& tensor) {
  return program_.tiles(index, [&] {
    const std::uint32_t at_once = core_.config.array.columns * core_.config.array.arrays;
    const bool in_bulk = core_.config.bulk_bytes != 0;
    return cut_slice(tensor, in_bulk ? core_.config.bulk_bytes : core_.config.weight_tile_bytes,
                     in_bulk, at_once);
  });
}

void Execution::push_matrix(std::uint16_t index, std::vector<WeightTile*>& tiles) {
  const abi::Primitive& primitive = program_[index];
  const numerics::SlicedTensor tensor = sliced_weight(primitive);
  numerics::TensorLayout layout = tensor.slice();
  const std::vector<numerics::Tile>& parts = tiles_of(index, tensor);
  if (parts.empty() && !fault_) {
    fault_ = {Status::kNoSpace, index, tile_bytes(layout, {0, 1, 0, layout.cols})};
  }
  const PlaneAddresses planes = plane_addresses(primitive, parameters_);
  const std::uint32_t groups = output_columns(primitive) / primitive.n;
  if (groups > 1) layout.rows = output_columns(primitive);  // never in slices
  for (std::uint32_t slice = 0; slice < tensor.slices() && !parts.empty(); ++slice) {
    const PlaneAddresses addresses = slice_addresses(tensor, slice, planes);
    for (std::uint32_t group = 0; group < groups; ++group) {
      for (numerics::Tile part : parts) {
        if (part.col0 >= tensor.columns_in(slice)) continue;  // nothing but padding
        part.row0 += group * primitive.n;
        tiles.push_back(
            stream_.push(index, layout, part, addresses, 0, tensor.first_column(slice)));
      }
    }
  }
}

void Execution::push_primitive(std::uint16_t index, std::vector<WeightTile*>& tiles) {
  const Repeated repeated(core_, program_.times(index));
  const abi::Primitive& primitive = program_[index];
  const auto raw = [&](const abi::Operand& operand, std::uint64_t bytes) {
    const std::uint64_t address = parameters_.slots[operand.slot].base + operand.offset;
    if (bytes > core_.config.weight_buffer_bytes) {
      if (!fault_) fault_ = {Status::kNoSpace, index, bytes};
      return;
    }
    tiles.push_back(stream_.push(index, {}, {}, {address, 0, 0, 0}, bytes));
  };
  switch (static_cast<PrimitiveOp>(primitive.op)) {
    case PrimitiveOp::kLinear: {
      if (is_over_experts(primitive)) return push_experts(index, tiles);
      if (primitive.bias.slot != abi::kNoSlot) raw(primitive.bias, 2ull * primitive.n);
      if (!on_pim_[index]) push_matrix(index, tiles);
      break;
    }
    case PrimitiveOp::kNorm:
      raw(primitive.weight, 2ull * primitive.n);
      if (primitive.bias.slot != abi::kNoSlot) {
        // NORM waits for both at once.
        const std::uint64_t bytes = 4ull * primitive.n;
        if (bytes > core_.config.weight_buffer_bytes && !fault_) {
          fault_ = {Status::kNoSpace, index, bytes};
        }
        raw(primitive.bias, 2ull * primitive.n);
      }
      break;
    case PrimitiveOp::kPosition:
      if (!is_learned_position(primitive)) raw(primitive.input2, 2ull * primitive.head_dim);
      break;
    default:
      break;
  }
}

void Execution::tile_arrived(WeightTile& tile, bool ok, std::uint64_t fault_address) {
  if (!ok && !fault_) {
    fault_ = {Status::kBusError, tile.primitive, fault_address};
    stream_.cancel_rest();
  }
  if (stopped() || finishing_) return maybe_finish();
  const Repeated repeated(core_, program_.times(tile.primitive));
  if (!tile.dropped && states_[tile.primitive].issued) advance(tile.primitive);
}

void Execution::dispatch(std::uint16_t index) {
  if (core_.config.serial) {
    ready_.push_back(index);
  } else if (!waits_for_turn(index)) {
    issue(index);
  }
}

bool Execution::waits_for_turn(std::uint16_t index) {
  const bool matrix = static_cast<PrimitiveOp>(program_[index].op) == PrimitiveOp::kLinear;
  if ((command_.flags & abi::kCommandTurns) == 0 || !matrix || states_[index].on_pim) return false;
  return !core_.turn.take(serial_, [this, index] { issue(index); });
}

void Execution::dispatch_serial() {
  if (stopped() || active_ != 0 || ready_.empty()) return;
  const auto lowest = std::min_element(ready_.begin(), ready_.end());
  const std::uint16_t index = *lowest;
  ready_.erase(lowest);
  push_primitive(index, states_[index].tiles);
  if (fault_) return maybe_finish();
  stream_.pump();
  issue(index);
}

void Execution::issue(std::uint16_t index) {
  const Repeated repeated(core_, program_.times(index));
  ++active_;
  const abi::Primitive& primitive = program_[index];
  if (core_.faults != nullptr && core_.faults->hangs(unit_of(primitive))) {
    ++pending_;  // for ever: not even CANCEL ends the command
    return;
  }
  const std::uint64_t begin_ps = common::now_ps() + core_.cycles_ps(core_.config.primitive_cycles);
  if (primitive.predicate_slot == abi::kNoSlot) {
    return at(begin_ps, [this, index] { issue_unpredicated(index); });
  }
  const abi::Slot& slot = parameters_.slots[primitive.predicate_slot];
  const auto predicate = std::make_shared<std::uint32_t>(0);
  core_.dma.read(Dma::kControl, slot.base, predicate.get(), 4,
                 then(index, [this, index, predicate] {
                   if (*predicate != 0) return issue_unpredicated(index);
                   for (WeightTile* tile : states_[index].tiles) stream_.drop(tile);
                   primitive_done(index);
                 }));
}

void Execution::issue_unpredicated(std::uint16_t index) {
  State& state = states_[index];
  state.issued = true;
  state.begin_ps = common::now_ps();
  for (WeightTile* tile : state.tiles) WeightStream::activate(*tile);
  stream_.pump();
  const abi::Primitive& primitive = program_[index];
  stream_readers(index);
  switch (static_cast<PrimitiveOp>(primitive.op)) {
    case PrimitiveOp::kGather:
      return start_gather(index);
    case PrimitiveOp::kLinear:
      return state.on_pim ? start_pim_linear(index) : advance(index);
    case PrimitiveOp::kNorm:
      return advance(index);
    case PrimitiveOp::kPosition:
      return is_learned_position(primitive) ? start_learned_position(index) : advance(index);
    case PrimitiveOp::kRoute:
      return start_route(index);
    case PrimitiveOp::kCombine:
      return start_combine(index);
    case PrimitiveOp::kElementwise:
      return state.streams ? take_columns(index) : start_vector(index);
    case PrimitiveOp::kCollective:
      return start_collective(index);
    case PrimitiveOp::kKvAppend:
      return start_kv_append(index);
    case PrimitiveOp::kKvCommit:
      return start_kv_commit(index);
    case PrimitiveOp::kAttention:
      core_.turn.give_up(serial_);
      if (core_.attention_in_flight++ == 0) core_.attention_since_ps = common::now_ps();
      attention_.push_back(std::make_unique<AttentionJob>(*this, index, primitive, state.on_pim));
      state.attention = attention_.back().get();
      if (state.streams) state.attention->await_queries();
      state.attention->start();
      if (state.streams) take_columns(index);
      return;
    case PrimitiveOp::kSample:
      return start_sample(index);
    case PrimitiveOp::kAccept:
      return start_accept(index);
    case PrimitiveOp::kCopy:
      return start_copy(index);
    case PrimitiveOp::kWait:
      core_.turn.give_up(serial_);
      return wait_for(primitive.semaphore, primitive.semaphore_value, index,
                      [this, index] { primitive_done(index); });
    case PrimitiveOp::kSignal:
      core_.dma.write(Dma::kControl, primitive.semaphore, &primitive.semaphore_value, 4,
                      then(index, [this, index] { primitive_done(index); }));
      return;
    default:
      return fail({Status::kNoEngine, index, primitive.op});
  }
}

void Execution::primitive_done(std::uint16_t index) {
  State& state = states_[index];
  state.done = true;
  if (index == front_) account_stage();
  --active_;
  ++core_.primitives;
  if (state.on_pim) ++core_.pim_primitives;
  const auto op = static_cast<PrimitiveOp>(program_[index].op);
  if (op == PrimitiveOp::kAttention && state.issued && --core_.attention_in_flight == 0) {
    core_.attention_ps += common::now_ps() - core_.attention_since_ps;
  }
  // Deferred, because what reports its end here belongs to the pass.
  if (--remaining_ == 0) return at(common::now_ps(), [this] { pass_done(); });
  for (const std::uint16_t dependent : program_.dependents(index)) {
    const std::uint32_t waiting = --states_[dependent].waiting;
    if (waiting == 0 && !states_[dependent].streams) dispatch(dependent);
    if (waiting == 1) stream_from_last(dependent);
  }
  if (core_.config.serial) dispatch_serial();
}

void Execution::account_stage() {
  const std::uint64_t now_ps = common::now_ps();
  stage_of(program_[front_]).time_ps += now_ps - front_since_ps_;
  front_since_ps_ = now_ps;
  while (front_ < program_.size() && states_[front_].done) ++front_;
  watch_front();
}

void Execution::watch_front() {
  if (front_ == program_.size()) {
    return core_.watch.enter(serial_, StageWatch::kBetween, 1, common::now_ps());
  }
  const std::size_t stage = program_[front_].stage;
  core_.watch.enter(serial_, stage < abi::kStages ? stage : 0, program_.times(front_),
                    common::now_ps());
}

void Execution::pass_done() {
  const Repeated once(core_, 1);
  core_.turn.give_up(serial_);
  for (std::size_t i = 0; i < program_.size(); ++i) {
    const auto op = static_cast<PrimitiveOp>(program_[i].op);
    if (op == PrimitiveOp::kSample || op == PrimitiveOp::kAccept) {
      ++passes_;
      break;
    }
  }
  if (opcode() == Opcode::kDraft && next_draft_pass()) return begin_pass();
  core_.watch.await_left_out(serial_, common::now_ps());
  await_left_out(most_times(), left_out_ps());
}

// After a pass of DRAFT: the tokens just drafted are the rows of the next one.
bool Execution::next_draft_pass() {
  for (const RowRange& range : pass_.ranges) {
    Sequence& sequence = sequences_[range.sequence];
    for (std::uint32_t& length : sequence.kv_length) length += range.count;
    sequence.position += range.count;
    if (sequence.draft.stopped_early != 0) sequence.active = false;
  }
  ++iteration_;
  pass_.clear();
  if (iteration_ >= parameters_.max_draft) return false;
  for (std::uint32_t i = 0; i < sequences_.size(); ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.active || sequence.draft.count == 0) continue;
    pass_.add(i, &sequence.draft.tokens[sequence.draft.count - 1], 1, sequence.position);
  }
  return !pass_.ranges.empty();
}

}  // namespace tandem::npu
