// SPDX-License-Identifier: Apache-2.0
// The sequencer: passes over a program, primitives by their dependences.
#include "tandem/npu/execution.h"

#include <algorithm>

#include "tandem/npu/attention_job.h"

namespace tandem::npu {

using abi::KvLayout;
using abi::Opcode;
using abi::PrimitiveOp;
using abi::Status;

namespace {

constexpr std::uint16_t kNoPrimitive = 0xFFFF;
// What one ATTENTION may hold of one sequence; larger ones are refused with kNoSpace.
constexpr std::uint64_t kMaxKvHalfBytes = 1ull << 30;
constexpr std::uint64_t kMaxScores = 1ull << 28;

bool touches_kv(const abi::Primitive& primitive) {
  const auto op = static_cast<PrimitiveOp>(primitive.op);
  return op == PrimitiveOp::kKvAppend || op == PrimitiveOp::kAttention;
}

}  // namespace

Execution::Execution(Core& core, WeightStream& stream, Program& program,
                     const abi::Command& command, std::uint64_t serial, Finished finished)
    : core_(core),
      stream_(stream),
      program_(program),
      command_(command),
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
      if (length > std::uint64_t{kv.page_count} * kv.page_tokens) {
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

// Decided once per command, so that tiles fetched ahead fit the passes to come; for DRAFT by the
// shape of its later passes, a row per sequence.
void Execution::place() {
  PassShape shape = pass_.shape();
  if (opcode() == Opcode::kDraft) shape.rows = shape.sequences;
  on_pim_.assign(program_.size(), false);
  for (std::uint16_t i = 0; i < program_.size(); ++i) {
    const abi::Primitive& primitive = program_[i];
    if ((primitive.engine_mask & abi::kEnginePim) == 0 || !core_.config.pim_bound) continue;
    const bool npu_can = (primitive.engine_mask & abi::kEngineNpu) != 0;
    const Fault fault = why_not_on_pim(primitive);
    if (fault && !npu_can && !fault_) fault_ = {fault.status, i, fault.value};
    on_pim_[i] = !fault && (!npu_can || pim_is_faster(primitive, shape));
  }
}

Fault Execution::why_not_on_pim(const abi::Primitive& primitive) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  const auto has = [&](abi::Format format) {
    return (pim.formats >> static_cast<unsigned>(format) & 1u) != 0;
  };
  const auto no_space = [&](std::uint64_t vector_bytes, std::uint64_t result_bytes) {
    const bool fits = vector_bytes <= pim.vector_bytes && result_bytes <= pim.result_bytes;
    return fits ? Fault{} : Fault{Status::kNoSpace, kNoPrimitive, vector_bytes};
  };
  if (static_cast<PrimitiveOp>(primitive.op) == PrimitiveOp::kLinear) {
    const numerics::TensorLayout layout = layout_of(primitive);
    const bool tables_and_scales = numerics::has_tables(layout) && numerics::has_scales(layout) &&
                                   primitive.scales.slot != abi::kNoSlot;
    if (is_over_experts(primitive) || !has(layout.format) || tables_and_scales) {
      return {Status::kNoEngine, kNoPrimitive, primitive.weight.format};
    }
    return fits_pim_windows(primitive) ? Fault{}
                                       : Fault{Status::kNoSpace, kNoPrimitive, 2ull * primitive.k};
  }
  if (!has(abi::Format::kFp16) || primitive.mask != 0) {
    return {Status::kNoEngine, kNoPrimitive, primitive.mask};
  }
  std::uint64_t scores = 0;
  for (const RowRange& range : pass_.ranges) {
    const Sequence& sequence = sequences_[range.sequence];
    const abi::KvSet& kv = sequence.entry.kv[primitive.kv_set];
    if (!geometry_of(primitive, kv).element_major() || kv.page_tokens % abi::kChunk != 0) {
      return {Status::kNoEngine, kNoPrimitive, kv.layout};
    }
    const std::uint64_t length =
        std::uint64_t{sequence.kv_length[primitive.kv_set]} + range.count + parameters_.max_draft;
    const std::uint64_t vectors = std::uint64_t{range.count} * primitive.heads / primitive.kv_heads;
    const std::uint64_t longest = 2 * vectors * std::max<std::uint64_t>(length, primitive.head_dim);
    if (vectors > 0xFFFF) return {Status::kNoSpace, kNoPrimitive, vectors};
    const Fault fault = no_space(longest, longest);
    if (fault) return fault;
    scores += length * range.count * primitive.heads;  // all sequences at once
    if (scores > kMaxScores && !timing_only()) return {Status::kNoSpace, kNoPrimitive, scores};
  }
  return {};
}

// The expected times of both: bytes over the memory port's rate, against multiplications at the
// banks' rate, the traffic of vectors and results, and what jobs have been seen to cost besides.
bool Execution::pim_is_faster(const abi::Primitive& primitive, const PassShape& shape) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  if (static_cast<PrimitiveOp>(primitive.op) == PrimitiveOp::kLinear) {
    const std::uint32_t m = output_rows(primitive, shape);
    return pim_linear_ps(primitive, m) < npu_linear_ps(primitive, m);
  }
  constexpr abi::Format kFormat = abi::Format::kFp16;
  std::uint64_t weights = 0, moved_elements = 0, idle_factor = 1, read_factor = 1;
  bool one_channel_each = true;
  bool heads_apart = true;
  for (const RowRange& range : pass_.ranges) {
    const Sequence& sequence = sequences_[range.sequence];
    const std::uint64_t length = sequence.kv_length[primitive.kv_set] + range.count;
    weights += 2 * length * primitive.kv_heads * primitive.head_dim;
    moved_elements += 2 * length * shape.rows / shape.sequences * primitive.heads;
    const auto layout = static_cast<KvLayout>(sequence.entry.kv[primitive.kv_set].layout);
    one_channel_each = one_channel_each && layout == KvLayout::kBankRows;
    heads_apart = heads_apart && layout == KvLayout::kHeadSplit;
  }
  const std::uint64_t vectors =
      std::uint64_t{shape.rows} * primitive.heads / primitive.kv_heads / shape.sequences;
  // Scores and outputs, a head for each channel, fewer where they do not fit the windows.
  const std::uint64_t window =
      std::max<std::uint64_t>(1, std::min(pim.vector_bytes, pim.result_bytes));
  const std::uint64_t channels = std::max(1u, pim.channels);
  const std::uint64_t jobs =
      2 * ((std::uint64_t{shape.sequences} * primitive.kv_heads + channels - 1) / channels) +
      2 * moved_elements / window;
  if (one_channel_each) {
    const std::uint64_t sequence_bytes = std::max<std::uint64_t>(1, 2 * weights / shape.sequences);
    const std::uint64_t buffered = core_.config.kv_buffer_bytes / sequence_bytes;
    idle_factor = std::max<std::uint64_t>(1, channels / shape.sequences);
    read_factor = std::max(idle_factor, channels / std::max<std::uint64_t>(1, buffered));
  }
  if (heads_apart) {
    // Heads whose scores the windows hold, each in its own channels.
    const std::uint64_t scores = std::max<std::uint64_t>(
        1, vectors * weights / (std::uint64_t{primitive.kv_heads} * primitive.head_dim));
    const std::uint64_t heads =
        std::max<std::uint64_t>(1, window * shape.sequences / std::max<std::uint64_t>(1, scores));
    const std::uint64_t of_head = std::max<std::uint64_t>(1, channels / primitive.kv_heads);
    idle_factor = std::max<std::uint64_t>(1, channels / (heads * of_head));
  }
  const std::uint64_t rate = std::max<std::uint64_t>(1, core_.config.memory_bytes_per_us);
  const std::uint64_t npu_ps =
      weights * read_factor * abi::stream_bits(kFormat) / 8 * 1'000'000 / rate;
  const std::uint64_t pim_ps = core_.pim.multiply_ps(kFormat, weights, vectors) * idle_factor +
                               moved_elements * 2 * 1'000'000 / rate +
                               jobs * core_.pim.overhead_ps();
  return pim_ps < npu_ps;
}

void Execution::push_tiles(Tiles& tiles) {
  tiles.resize(program_.size());
  for (std::uint16_t i = 0; i < program_.size(); ++i) {
    push_primitive(i, tiles[i]);
  }
}

const std::vector<numerics::Tile>& Execution::tiles_of(std::uint16_t index,
                                                       const numerics::TensorLayout& layout) {
  return program_.tiles(index, [&] {
    const std::uint32_t at_once = core_.config.array.columns * core_.config.array.arrays;
    return core_.config.bulk_bytes == 0 ? cut(layout, core_.config.weight_tile_bytes, at_once)
                                        : cut_in_bulk(layout, core_.config.bulk_bytes, at_once);
  });
}

void Execution::push_primitive(std::uint16_t index, std::vector<WeightTile*>& tiles) {
  const Repeated repeated(core_, program_.times(index));
  const abi::Primitive& primitive = program_[index];
  const PlaneAddresses planes = plane_addresses(primitive, parameters_);
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
      if (on_pim_[index]) break;
      const numerics::TensorLayout layout = layout_of(primitive);
      const std::vector<numerics::Tile>& parts = tiles_of(index, layout);
      if (parts.empty() && !fault_)
        fault_ = {Status::kNoSpace, index, tile_bytes(layout, {0, 1, 0, primitive.k})};
      for (const numerics::Tile& part : parts) {
        tiles.push_back(stream_.push(index, layout, part, planes));
      }
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
      return start_elementwise(index);
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
      return attention_.back()->start();
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
    if (--states_[dependent].waiting == 0) dispatch(dependent);
  }
  if (core_.config.serial) dispatch_serial();
}

void Execution::account_stage() {
  const std::uint64_t now_ps = common::now_ps();
  stage_of(program_[front_]).time_ps += now_ps - front_since_ps_;
  front_since_ps_ = now_ps;
  while (front_ < program_.size() && states_[front_].done) ++front_;
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
  await_left_out(most_times(), settle_stages());
}

// The layers that were left out take their time at the end, when nothing is on its way that could
// use it: about layer by layer, so that CANCEL need not wait for all of them.
void Execution::await_left_out(std::uint64_t steps, std::uint64_t left_out_ps) {
  if (left_out_ps == 0) return write_results();
  const std::uint64_t step_ps = left_out_ps / steps;
  at(common::now_ps() + step_ps, [this, steps, rest_ps = left_out_ps - step_ps] {
    await_left_out(std::max<std::uint64_t>(1, steps - 1), rest_ps);
  });
}

// Adds what layers that stand for others did, as often as they count, and returns the time of those
// that were left out, in all passes.
std::uint64_t Execution::settle_stages() {
  settled_ = true;
  std::uint64_t left_out_ps = 0;
  for (std::size_t less = 0; less < repeated_stages_.size(); ++less) {
    const std::uint64_t times = most_times() - less;
    for (std::size_t i = 0; i < abi::kStages; ++i) {
      const StageCounters& repeated = repeated_stages_[less][i];
      StageCounters& stage = core_.stages[command_.phase % abi::kPhases][i];
      stage.time_ps += times * repeated.time_ps;
      stage.pim_ps += times * repeated.pim_ps;
      stage.matrix_ps += times * repeated.matrix_ps;
      stage.vector_ps += times * repeated.vector_ps;
      stage.link_ps += times * repeated.link_ps;
      stage.read_bytes += times * repeated.read_bytes;
      left_out_ps += (times - 1) * repeated.time_ps;
    }
  }
  return left_out_ps;
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

void Execution::write_results() {
  stream_.cancel_rest();  // nothing, unless a DRAFT has ended before its length
  setup_pending_ = 1;
  const auto part = [this] {
    ++setup_pending_;
    return then(kNoPrimitive, [this] {
      if (--setup_pending_ == 0) signal_and_finish();
    });
  };
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    Sequence& sequence = sequences_[i];
    if (opcode() == Opcode::kDraft) {
      const abi::DraftBlock& draft = sequence.draft;
      const std::uint64_t block = sequence.entry.draft_block;
      const std::uint32_t first = parameters_.draft_index;
      const std::uint64_t bytes = 4ull * (draft.count - first);
      core_.dma.write(Dma::kControl, block, &draft, 8, part());
      core_.dma.write(Dma::kControl, block + offsetof(abi::DraftBlock, tokens) + 4ull * first,
                      draft.tokens + first, bytes, part());
      core_.dma.write(Dma::kControl, block + offsetof(abi::DraftBlock, confidences) + 4ull * first,
                      draft.confidences + first, bytes, part());
      emitted_ += draft.count - first;
    } else if (sequence.accepted) {
      core_.dma.write(Dma::kControl, command_.result_block + i * sizeof(abi::VerifyResult),
                      &sequence.result, offsetof(abi::VerifyResult, path), part());
      emitted_ += sequence.result.emitted;
    }
  }
  if (--setup_pending_ == 0) signal_and_finish();
}

void Execution::signal_and_finish() {
  finishing_ = true;
  if ((command_.flags & abi::kCommandSignal) == 0) return maybe_finish();
  core_.dma.write(Dma::kControl, command_.semaphore_address, &command_.signal_value, 4,
                  then(kNoPrimitive, [this] { maybe_finish(); }));
}

void Execution::maybe_finish() {
  if (finished_called_ || pending_ != 0 || !stream_.idle()) return;
  if (!stopped() && !finishing_) return;
  const Repeated once(core_, 1);
  if (stopped()) {
    stream_.cancel_rest();
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const bool attends = static_cast<PrimitiveOp>(program_[i].op) == PrimitiveOp::kAttention;
      if (!attends || !states_[i].issued || states_[i].done) continue;
      const Repeated repeated(core_, program_.times(i));
      if (--core_.attention_in_flight == 0) {
        core_.attention_ps += common::now_ps() - core_.attention_since_ps;
      }
    }
    states_.clear();
    for (Sequence& sequence : sequences_) {
      if (!sequence.committed) continue;
      restore_lengths();
      return;
    }
  }
  finished_called_ = true;
  if (!settled_) settle_stages();
  core_.turn.forget(serial_);
  stream_.reset();
  PassCounters& counters = core_.phases[command_.phase % abi::kPhases];
  counters.passes += passes_;
  counters.weight_bytes += stream_.requested_bytes() - stream_bytes_before_ + gather_bytes_;
  if (cancelled_ && !fault_) fault_ = {Status::kCancelled, kNoPrimitive, 0};
  fault_.primitive = program_.loaded_index(fault_.primitive);
  if (fault_) ++core_.failed_commands;
  finished_(fault_, emitted_);
}

// A command that does not succeed leaves the lengths of its batch as they were.
void Execution::restore_lengths() {
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    Sequence& sequence = sequences_[i];
    if (!sequence.committed) continue;
    sequence.committed = false;
    for (std::uint32_t set = 0; set < abi::kKvSets; ++set) {
      const std::uint64_t address = command_.batch_table + i * sizeof(abi::BatchEntry) +
                                    offsetof(abi::BatchEntry, kv) + set * sizeof(abi::KvSet) +
                                    offsetof(abi::KvSet, committed_length);
      core_.dma.write(Dma::kControl, address, &sequence.entry.kv[set].committed_length, 4,
                      then(kNoPrimitive, [this] { maybe_finish(); }));
    }
  }
}

}  // namespace tandem::npu
