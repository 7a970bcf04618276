// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/attention_job.h"

#include <algorithm>
#include <cstring>

#include "tandem/numerics/fp.h"

namespace tandem::npu {

AttentionJob::AttentionJob(Execution& execution, std::uint16_t index,
                           const abi::Primitive& primitive, bool on_pim)
    : execution_(execution),
      core_(execution.core()),
      index_(index),
      primitive_(primitive),
      on_pim_(on_pim),
      query_columns_(std::uint32_t{primitive.heads} * primitive.head_dim) {
  for (const RowRange& range : execution.pass().ranges) {
    const Sequence& sequence = execution.sequence(range.sequence);
    auto work = std::make_unique<Work>();
    work->range = range;
    work->geometry = geometry_of(primitive, sequence.entry.kv[primitive.kv_set]);
    work->length = sequence.kv_length[primitive.kv_set] + range.count;
    work_.push_back(std::move(work));
  }
}

AttentionJob::~AttentionJob() {
  for (const auto& work : work_) core_.kv_held_bytes -= work->held_bytes;
}

void AttentionJob::start() {
  on_pim_ ? start_on_pim() : fetch_more();
}

void AttentionJob::allocate(Work& work) {
  work.heads_pending = primitive_.kv_heads;
  if (execution_.timing_only()) return;
  work.scores.resize(std::size_t{primitive_.kv_heads} * vectors(work) * work.length);
  work.outputs.resize(std::size_t{primitive_.kv_heads} * vectors(work) * value_dim());
}

const std::uint16_t* AttentionJob::query(const Work& work, std::uint32_t kv_head,
                                         std::uint32_t vector) {
  const std::uint32_t row = work.range.first + vector / group();
  const std::uint32_t head = kv_head * group() + vector % group();
  return reinterpret_cast<const std::uint16_t*>(execution_.activation(primitive_.input, row)) +
         std::size_t{head} * primitive_.head_dim;
}

// In two parts where values are part of the keys.
void AttentionJob::load_query(const Work& work, std::uint32_t kv_head, std::uint32_t vector,
                              float* to) {
  if (!work.geometry.keys_only()) {
    return numerics::fp16_to_float(query(work, kv_head, vector), to, primitive_.head_dim);
  }
  const std::uint32_t row = work.range.first + vector / group();
  const std::size_t head = kv_head * group() + vector % group();
  const auto load = [&](const abi::Operand& operand, std::uint32_t elements, float* at) {
    if (elements == 0) return;
    const auto* from = reinterpret_cast<const std::uint16_t*>(execution_.activation(operand, row));
    numerics::fp16_to_float(from + head * elements, at, elements);
  };
  load(primitive_.input, value_dim(), to);
  load(primitive_.input2, primitive_.head_dim - value_dim(), to + value_dim());
}

// A row sees the tokens up to its own.
std::uint32_t AttentionJob::visible(const Work& work, std::uint32_t vector) const {
  if (primitive_.mask == static_cast<std::uint8_t>(abi::Mask::kNone)) return work.length;
  return work.length - work.range.count + vector / group() + 1;
}

std::uint32_t AttentionJob::pages(const Work& work) const {
  return (work.length + work.geometry.page_tokens - 1) / work.geometry.page_tokens;
}

std::uint32_t AttentionJob::tokens_of(const Work& work, std::uint32_t page) const {
  return std::min(work.geometry.page_tokens, work.length - page * work.geometry.page_tokens);
}

std::uint64_t AttentionJob::page_address(const Work& work, std::uint32_t page) const {
  return execution_.sequence(work.range.sequence).pages[primitive_.kv_set][page];
}

void AttentionJob::sequence_done(Work& work) {
  store(work);
  work.scores = {};
  work.outputs = {};
  if (++done_ == work_.size()) execution_.primitive_done(index_);
}

void AttentionJob::store(Work& work) {
  core_.buffer_bytes += 2ull * work.range.count * primitive_.heads * value_dim();
  if (execution_.timing_only()) return;
  for (std::uint32_t kv_head = 0; kv_head < primitive_.kv_heads; ++kv_head) {
    for (std::uint32_t vector = 0; vector < vectors(work); ++vector) {
      const std::uint32_t row = work.range.first + vector / group();
      const std::uint32_t head = kv_head * group() + vector % group();
      const std::uint16_t* from =
          &work.outputs[(std::size_t{kv_head} * vectors(work) + vector) * value_dim()];
      std::memcpy(execution_.activation(primitive_.output, row) + 2ull * head * value_dim(), from,
                  2ull * value_dim());
    }
  }
}

void AttentionJob::softmax(const Work& work, std::uint32_t kv_heads, std::function<void()> next) {
  const std::uint64_t cycles = charge_softmax(work, kv_heads);
  execution_.stage_of(primitive_).vector_ps += cycles * core_.vector.config().clock_period_ps;
  const std::uint64_t end_ps =
      core_.vector_engine.reserve(cycles * core_.vector.config().clock_period_ps,
                                  core_.name_of(primitive_), execution_.serial());
  execution_.at(end_ps, std::move(next));
}

// Of what each row sees; rows that take as many vectors of the unit are charged together.
std::uint64_t AttentionJob::charge_softmax(const Work& work, std::uint32_t kv_heads) {
  const std::uint32_t width = core_.vector.config().unit_lanes();
  const bool alike = visible(work, 0) == work.length;
  std::uint64_t cycles = 0;
  for (std::uint32_t row = 0; row < work.range.count;) {
    const std::uint32_t seen = visible(work, row * group());
    const std::uint32_t same_width = (seen + width - 1) / width * width - seen + 1;
    const std::uint32_t together =
        alike ? work.range.count : std::min(work.range.count - row, same_width);
    const std::uint64_t columns = alike ? seen : seen + (together - 1) / 2;
    const std::uint64_t rows = std::uint64_t{together} * group() * kv_heads;
    cycles += core_.vector.charge(VectorOperation::kMultiply, rows, columns) +
              core_.vector.charge(VectorOperation::kSoftmax, rows, columns);
    core_.buffer_bytes += 8 * rows * columns;
    row += together;
  }
  return cycles;
}

void AttentionJob::scale_and_normalise(Work& work, std::uint32_t kv_head) {
  const float scale = numerics::bits_float(primitive_.scale);
  for (std::uint32_t vector = 0; vector < vectors(work); ++vector) {
    std::uint16_t* scores =
        &work.scores[(std::size_t{kv_head} * vectors(work) + vector) * work.length];
    const std::uint32_t seen = visible(work, vector);
    for (std::uint32_t t = 0; t < seen; ++t) {
      scores[t] = numerics::float_to_fp16(numerics::fp16_to_float(scores[t]) * scale);
    }
    core_.vector.softmax_row(scores, seen, scores);
    std::fill(scores + seen, scores + work.length, std::uint16_t{0});
  }
}

}  // namespace tandem::npu
