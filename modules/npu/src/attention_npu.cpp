// SPDX-License-Identifier: Apache-2.0
// ATTENTION on the NPU: products of heads on the array, softmax of others beside them.
#include <utility>

#include "tandem/npu/attention_job.h"
#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

// Products of KV heads with n weight rows and k weight columns each, on the matrix unit. As long as
// products follow each other, a fill hides behind those before and a drain behind those after.
void AttentionJob::multiply(const Work& work, std::uint32_t n, std::uint32_t k,
                            std::uint32_t kv_heads, std::function<void()> next) {
  const pe_array::TileTiming timing =
      core_.array.tile_timing(abi::Format::kFp16, n, k, vectors(work));
  std::uint64_t cycles = timing.occupancy_cycles * kv_heads;
  if (core_.matrix_engine.idle()) cycles += timing.fill_cycles;
  core_.array.record(abi::Format::kFp16, n, std::uint64_t{k} * kv_heads, vectors(work), cycles);
  cycles += core_.array.reconfigure_cycles(abi::Format::kFp16);  // counted by the array itself
  core_.buffer_bytes += 4ull * n * k * kv_heads;
  const std::uint64_t period_ps = core_.array.config().clock_period_ps;
  execution_.stage_of(primitive_).matrix_ps += cycles * period_ps;
  const std::uint64_t end_ps = core_.matrix_engine.reserve(
      cycles * period_ps, core_.name_of(primitive_), execution_.serial());
  execution_.at(end_ps + timing.drain_cycles * period_ps, std::move(next));
}

// The first pieces are small, because the vector unit waits for their products, and so are the
// last, whose softmax the array waits for: 1, 3, 5, 7, 7, 5, 3 and 1 of 32 heads.
std::uint32_t AttentionJob::heads_before(std::uint32_t piece) const {
  constexpr std::uint32_t kHalf = kPieces / 2;
  const std::uint32_t rest = kPieces - piece;
  const std::uint32_t share = piece <= kHalf ? piece * piece : 2 * kHalf * kHalf - rest * rest;
  return primitive_.kv_heads * share / (2 * kHalf * kHalf);
}

// None if there is no more. A row alone has so little softmax that it is not worth dividing.
AttentionJob::Heads AttentionJob::next_piece(const Work& work) const {
  std::uint32_t last = work.range.count == 1 ? kPieces : 1;
  while (last < kPieces && heads_before(last) <= work.next_head) ++last;
  return {work.next_head, heads_before(last) - work.next_head};
}

// Scores of the next heads, softmax, values: softmax of some heads beside the products of others.
void AttentionJob::next_scores(Work& work) {
  const Heads heads = next_piece(work);
  if (heads.count == 0) return;
  if ((heads.first + heads.count) * group() * primitive_.head_dim > query_columns_) {
    ++work.held_back;
    return;
  }
  work.next_head += heads.count;
  multiply(work, work.length, primitive_.head_dim, heads.count, [this, &work, heads] {
    softmax(work, heads.count, [this, &work, heads] {
      work.normalised.push_back(heads);
      sum_values(work);
      next_scores(work);
    });
  });
}

void AttentionJob::queries_ready(std::uint32_t columns) {
  query_columns_ = columns;
  for (const auto& work : work_) {
    for (std::uint32_t calls = std::exchange(work->held_back, 0); calls != 0; --calls) {
      next_scores(*work);
    }
  }
}

// All at once, because only now all queries have been computed.
void AttentionJob::compute(Work& work) {
  if (!work.key_image.empty()) unpack_keys(work);
  if (!work.value_image.empty()) unpack_values(work);
  for (std::uint32_t kv_head = 0; kv_head < primitive_.kv_heads; ++kv_head) {
    multiply_keys(work, kv_head);
    scale_and_normalise(work, kv_head);
    multiply_values(work, kv_head);
  }
}

void AttentionJob::multiply_keys(Work& work, std::uint32_t kv_head) {
  const KvGeometry& geometry = work.geometry;
  std::vector<float> q(primitive_.head_dim), sums(geometry.page_tokens);
  for (std::uint32_t vector = 0; vector < vectors(work); ++vector) {
    load_query(work, kv_head, vector, q.data());
    std::uint16_t* scores =
        &work.scores[(std::size_t{kv_head} * vectors(work) + vector) * work.length];
    for (std::uint32_t page = 0; page < pages(work); ++page) {
      const auto* keys = reinterpret_cast<const std::uint16_t*>(
          work.keys.data() + page * geometry.half_bytes() + geometry.head(kv_head));
      const std::uint32_t tokens = tokens_of(work, page);
      numerics::dot_rows(q.data(), keys, primitive_.head_dim, tokens, primitive_.head_dim,
                         sums.data());
      numerics::float_to_fp16(sums.data(), scores + std::size_t{page} * geometry.page_tokens,
                              tokens);
    }
  }
}

void AttentionJob::values_arrived(Work& work) {
  if (--work.values_pending == 0) sum_values(work);
}

void AttentionJob::sum_values(Work& work) {
  if (work.values_pending != 0) return;
  for (const Heads& heads : std::exchange(work.normalised, {})) {
    multiply(work, value_dim(), work.length, heads.count, [this, &work, heads] {
      work.heads_pending -= heads.count;
      if (work.heads_pending == 0) outputs_done(work);
    });
  }
}

void AttentionJob::outputs_done(Work& work) {
  if (!execution_.timing_only()) compute(work);
  core_.kv_held_bytes -= work.held_bytes;
  work.held_bytes = 0;
  work.keys = {};
  work.values = {};
  sequence_done(work);
  if (done_ != work_.size()) fetch_more();
}

void AttentionJob::multiply_values(Work& work, std::uint32_t kv_head) {
  const KvGeometry& geometry = work.geometry;
  const bool element_major = geometry.element_major();
  const std::uint8_t* const source = geometry.keys_only() ? work.keys.data() : work.values.data();
  const std::size_t token_stride = element_major ? 1 : primitive_.head_dim;
  const std::size_t element_stride = element_major ? geometry.page_tokens : 1;
  numerics::WeightedRowSum sum;
  for (std::uint32_t vector = 0; vector < vectors(work); ++vector) {
    const std::size_t at = std::size_t{kv_head} * vectors(work) + vector;
    const std::uint16_t* probabilities = &work.scores[at * work.length];
    sum.begin(value_dim());
    for (std::uint32_t t = 0; t < visible(work, vector); ++t) {
      const auto* values = reinterpret_cast<const std::uint16_t*>(
          source + t / geometry.page_tokens * geometry.half_bytes() + geometry.head(kv_head));
      sum.add(numerics::fp16_to_float(probabilities[t]),
              values + t % geometry.page_tokens * token_stride, element_stride);
    }
    const std::vector<float>& totals = sum.finish();
    numerics::float_to_fp16(totals.data(), &work.outputs[at * value_dim()], value_dim());
  }
}

}  // namespace tandem::npu
