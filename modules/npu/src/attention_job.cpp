// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/attention_job.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

AttentionJob::AttentionJob(Execution& execution, std::uint16_t index,
                           const abi::Primitive& primitive, bool on_pim)
    : execution_(execution),
      core_(execution.core()),
      index_(index),
      primitive_(primitive),
      on_pim_(on_pim) {
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

// --- NPU
// ------------------------------------------------------------------------------------------

// Sequences are fetched in order as the KV buffer has room; one that is larger than the buffer
// streams through alone.
void AttentionJob::fetch_more() {
  std::vector<std::vector<LineRead>> lines;
  while (next_fetch_ < work_.size()) {
    Work& work = *work_[next_fetch_];
    const std::uint64_t bytes = pages(work) * work.geometry.layer_bytes();
    if (core_.kv_held_bytes != 0 && next_fetch_ != done_ &&
        core_.kv_held_bytes + bytes > core_.config.kv_buffer_bytes)
      break;
    work.held_bytes = bytes;
    core_.kv_held_bytes += bytes;
    ++next_fetch_;
    allocate(work);
    fetch(work, lines.emplace_back());
  }
  read_lines(lines);
}

void AttentionJob::fetch(Work& work, std::vector<LineRead>& lines) {
  const auto keys_pending = std::make_shared<std::size_t>(1);
  const auto arrived = [this, &work, keys_pending] {
    if (--*keys_pending != 0) return;
    for (std::uint32_t i = 0; i < kPiecesAhead; ++i) next_scores(work);
  };
  fetch_half(
      work, work.keys, false,
      [this, keys_pending, arrived] {
        ++*keys_pending;
        return execution_.then(index_, arrived);
      },
      lines);
  if (work.geometry.keys_only()) return arrived();
  work.values_pending = 1;
  fetch_half(
      work, work.values, true,
      [this, &work] {
        ++work.values_pending;
        return execution_.then(index_, [this, &work] { values_arrived(work); });
      },
      lines);
  values_arrived(work);
  arrived();
}

void AttentionJob::read(std::uint64_t address, void* to, std::uint64_t bytes, Dma::Done done) {
  execution_.stage_of(primitive_).read_bytes += bytes;
  core_.dma.read(Dma::kKv, address, to, bytes, std::move(done), execution_.serial());
}

// A full page's half is contiguous. Of the last page only the tokens that exist are read, but for
// element-major values, whose rows of a few tokens cost as much as the half.
void AttentionJob::fetch_half(Work& work, std::vector<std::uint8_t>& into, bool values,
                              const std::function<Dma::Done()>& part,
                              std::vector<LineRead>& lines) {
  const KvGeometry& geometry = work.geometry;
  if (geometry.is_banked()) {
    return fetch_image(work, values ? work.value_image : work.key_image, values, part, lines);
  }
  const std::uint64_t half = geometry.half_bytes();
  const bool wanted = !execution_.timing_only();
  if (wanted) into.resize(pages(work) * half);
  for (std::uint32_t page = 0; page < pages(work); ++page) {
    const std::uint64_t address = values ? geometry.values(page_address(work, page))
                                         : geometry.keys(page_address(work, page));
    std::uint8_t* to = wanted ? into.data() + page * half : nullptr;
    const std::uint32_t tokens = tokens_of(work, page);
    const bool by_elements = values && geometry.element_major();
    if (core_.config.bulk_bytes != 0 && !by_elements) {
      read(address, nullptr, half / geometry.page_tokens * tokens, part());
      continue;
    }
    if (tokens == geometry.page_tokens || by_elements) {
      read(address, to, half, part());
      continue;
    }
    for (std::uint32_t head = 0; head < primitive_.kv_heads; ++head) {
      read(address + geometry.head(head), wanted ? to + geometry.head(head) : nullptr,
           2ull * tokens * primitive_.head_dim, part());
    }
  }
}

// What the page's tokens occupy of each bank's rows; the lines within are sorted out on arrival.
// Channels take turns, so that all of them have something to do.
void AttentionJob::fetch_image(Work& work, std::vector<std::uint8_t>& into, bool values,
                               const std::function<Dma::Done()>& part,
                               std::vector<LineRead>& lines) {
  const BankedKv& banked = work.geometry.banked;
  const std::uint32_t rows = values ? banked.value_rows() : banked.key_rows();
  const std::uint32_t first = values ? banked.first_value_row() : banked.first_key_row();
  const std::uint64_t page_bytes = banked.image_bytes(rows);
  const bool wanted = !execution_.timing_only();
  if (wanted) into.resize(pages(work) * page_bytes);
  for (std::uint32_t page = 0; page < pages(work); ++page) {
    const std::uint32_t tokens = tokens_of(work, page);
    for (std::uint32_t row = first; row < first + rows; ++row) {
      for (std::uint32_t bank = 0; bank < banked.banks(); ++bank) {
        const std::uint32_t elements =
            values ? banked.value_elements(row, tokens) : banked.key_elements(bank, row, tokens);
        if (elements == 0) continue;
        for (std::uint32_t channel = 0; channel < banked.channels(); ++channel) {
          const BankedKv::Line line{channel, bank, row, 0};
          std::uint8_t* const to =
              wanted ? into.data() + page * page_bytes + banked.image_offset(line, first, rows)
                     : nullptr;
          lines.push_back(
              {banked.address(page_address(work, page), page, line), to, 2ull * elements, part()});
        }
      }
    }
  }
}

// A sequence of `bank_rows` lies in one channel, hence a line of each in turn.
void AttentionJob::read_lines(std::vector<std::vector<LineRead>>& sequences) {
  std::size_t most = 0;
  for (const auto& lines : sequences) most = std::max(most, lines.size());
  for (std::size_t i = 0; i < most; ++i) {
    for (auto& lines : sequences) {
      if (i >= lines.size()) continue;
      read(lines[i].address, lines[i].to, lines[i].bytes, std::move(lines[i].done));
    }
  }
}

void AttentionJob::unpack_keys(Work& work) {
  const KvGeometry& geometry = work.geometry;
  const BankedKv& banked = geometry.banked;
  const std::uint64_t head_bytes = 2ull * primitive_.head_dim;
  work.keys.resize(pages(work) * geometry.half_bytes());
  for (std::uint32_t page = 0; page < pages(work); ++page) {
    const std::uint8_t* image =
        work.key_image.data() + page * banked.image_bytes(banked.key_rows());
    for (std::uint32_t channel = 0; channel < banked.channels(); ++channel) {
      for (std::uint32_t local = 0; local < banked.heads_in(channel); ++local) {
        std::uint8_t* to = work.keys.data() + page * geometry.half_bytes() +
                           geometry.head(banked.head_of(channel, local));
        for (std::uint32_t t = 0; t < tokens_of(work, page); ++t) {
          const std::uint64_t from = banked.image_offset(banked.key(channel, local, t),
                                                         banked.first_key_row(), banked.key_rows());
          std::memcpy(to + t * head_bytes, image + from, head_bytes);
        }
      }
    }
  }
  work.key_image = {};
}

void AttentionJob::unpack_values(Work& work) {
  const KvGeometry& geometry = work.geometry;
  const BankedKv& banked = geometry.banked;
  work.values.resize(pages(work) * geometry.half_bytes());
  for (std::uint32_t page = 0; page < pages(work); ++page) {
    const std::uint8_t* image =
        work.value_image.data() + page * banked.image_bytes(banked.value_rows());
    for (std::uint32_t channel = 0; channel < banked.channels(); ++channel) {
      for (std::uint32_t local = 0; local < banked.heads_in(channel); ++local) {
        std::uint8_t* to = work.values.data() + page * geometry.half_bytes() +
                           geometry.head(banked.head_of(channel, local));
        for (std::uint32_t e = 0; e < primitive_.head_dim; ++e) {
          const std::uint64_t from = banked.image_offset(
              banked.value(channel, local, e), banked.first_value_row(), banked.value_rows());
          std::memcpy(to + 2ull * e * geometry.page_tokens, image + from,
                      2ull * tokens_of(work, page));
        }
      }
    }
  }
  work.value_image = {};
}

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

// A row alone has so little softmax that it is not worth dividing.
AttentionJob::Heads AttentionJob::piece(const Work& work, std::uint32_t index) const {
  const std::uint32_t pieces =
      work.range.count == 1 ? 1 : std::min<std::uint32_t>(kPieces, primitive_.kv_heads);
  if (index >= pieces) return {0, 0};
  const std::uint32_t first = primitive_.kv_heads * index / pieces;
  return {first, primitive_.kv_heads * (index + 1) / pieces - first};
}

// Scores of the next heads, softmax, values: softmax of some heads beside the products of others.
void AttentionJob::next_scores(Work& work) {
  const Heads heads = piece(work, work.next_piece);
  if (heads.count == 0) return;
  ++work.next_piece;
  multiply(work, work.length, primitive_.head_dim, heads.count, [this, &work, heads] {
    if (!execution_.timing_only()) multiply_keys(work, heads);
    softmax(work, heads.count, [this, &work, heads] {
      for (std::uint32_t i = 0; i < heads.count && !execution_.timing_only(); ++i) {
        scale_and_normalise(work, heads.first + i);
      }
      work.normalised.push_back(heads);
      sum_values(work);
      next_scores(work);
    });
  });
}

void AttentionJob::multiply_keys(Work& work, const Heads& heads) {
  const KvGeometry& geometry = work.geometry;
  if (!work.key_image.empty()) unpack_keys(work);
  std::vector<float> q(primitive_.head_dim), sums(geometry.page_tokens);
  for (std::uint32_t kv_head = heads.first; kv_head < heads.first + heads.count; ++kv_head) {
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
}

void AttentionJob::values_arrived(Work& work) {
  if (--work.values_pending == 0) sum_values(work);
}

void AttentionJob::sum_values(Work& work) {
  if (work.values_pending != 0) return;
  for (const Heads& heads : std::exchange(work.normalised, {})) {
    multiply(work, value_dim(), work.length, heads.count, [this, &work, heads] {
      if (!execution_.timing_only()) multiply_values(work, heads);
      work.heads_pending -= heads.count;
      if (work.heads_pending == 0) outputs_done(work);
    });
  }
}

void AttentionJob::outputs_done(Work& work) {
  core_.kv_held_bytes -= work.held_bytes;
  work.held_bytes = 0;
  work.keys = {};
  work.values = {};
  sequence_done(work);
  if (done_ != work_.size()) fetch_more();
}

void AttentionJob::multiply_values(Work& work, const Heads& heads) {
  const KvGeometry& geometry = work.geometry;
  if (!work.value_image.empty()) unpack_values(work);
  const bool element_major = geometry.element_major();
  const std::uint8_t* const source = geometry.keys_only() ? work.keys.data() : work.values.data();
  const std::size_t token_stride = element_major ? 1 : primitive_.head_dim;
  const std::size_t element_stride = element_major ? geometry.page_tokens : 1;
  numerics::WeightedRowSum sum;
  for (std::uint32_t kv_head = heads.first; kv_head < heads.first + heads.count; ++kv_head) {
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
}

}  // namespace tandem::npu
