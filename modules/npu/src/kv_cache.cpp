// SPDX-License-Identifier: Apache-2.0
// KV_APPEND and KV_COMMIT.
#include <cstring>

#include "join.h"
#include "tandem/npu/execution.h"

namespace tandem::npu {

namespace {
constexpr std::uint64_t kLeastWrite = 64;
}  // namespace

void Execution::start_kv_append(std::uint16_t index) {
  const auto joint = join([this, index] { primitive_done(index); });
  const auto part = [this, index, joint] {
    ++joint->pending;
    return then(index, [joint] { joint->done(); });
  };
  if (core_.config.bulk_bytes != 0) {
    append_in_bulk(program_[index], part);
  } else {
    for (const RowRange& range : pass_.ranges) append_rows(program_[index], range, part);
  }
  joint->done();
}

// Runs of tokens of one page.
std::vector<Execution::PageRows> Execution::pages_of(const RowRange& range, std::uint16_t kv_set,
                                                     std::uint32_t page_tokens) const {
  const Sequence& sequence = sequences_[range.sequence];
  std::vector<PageRows> pages;
  for (std::uint32_t done = 0; done < range.count; done += pages.back().count) {
    const std::uint32_t at_token = sequence.kv_length[kv_set] + done;
    PageRows rows;
    rows.page = at_token / page_tokens;
    rows.address = sequence.pages[kv_set][rows.page];
    rows.slot = at_token % page_tokens;
    rows.count = std::min(page_tokens - rows.slot, range.count - done);
    rows.row = range.first + done;
    pages.push_back(rows);
  }
  return pages;
}

void Execution::append_rows(const abi::Primitive& primitive, const RowRange& range,
                            const std::function<Dma::Done()>& part) {
  const KvGeometry geometry =
      geometry_of(primitive, sequences_[range.sequence].entry.kv[primitive.kv_set]);
  for (const PageRows& rows : pages_of(range, primitive.kv_set, geometry.page_tokens)) {
    if (geometry.keys_only()) {
      append_keys_only(primitive, geometry, rows, part);
    } else if (geometry.is_banked()) {
      append_banked(primitive, geometry, rows, part);
    } else {
      append_contiguous(primitive, geometry, rows, part);
    }
  }
}

// One write of the keys of all sequences and one of their values, as if their pages followed the
// first of them. Where an element's values lie in a line of its own, each line takes a masked write
// of at least one DRAM burst.
void Execution::append_in_bulk(const abi::Primitive& primitive,
                               const std::function<Dma::Done()>& part) {
  const std::uint64_t elements = std::uint64_t{primitive.kv_heads} * primitive.head_dim;
  std::uint64_t keys = ~std::uint64_t{0}, values = keys, key_bytes = 0, value_bytes = 0;
  for (const RowRange& range : pass_.ranges) {
    const KvGeometry geometry =
        geometry_of(primitive, sequences_[range.sequence].entry.kv[primitive.kv_set]);
    for (const PageRows& rows : pages_of(range, primitive.kv_set, geometry.page_tokens)) {
      const std::uint64_t bytes = 2 * elements * rows.count;
      const std::uint64_t line_bytes =
          (2ull * rows.count + kLeastWrite - 1) / kLeastWrite * kLeastWrite;
      // Banked layers lie in rows of the page, contiguous ones in its halves: about where, either
      // way.
      keys = std::min(keys, geometry.keys(rows.address));
      key_bytes += bytes;
      if (geometry.keys_only()) continue;
      values = std::min(values, geometry.values(rows.address));
      value_bytes +=
          geometry.element_major() ? std::min(elements * line_bytes, geometry.half_bytes()) : bytes;
    }
  }
  if (key_bytes != 0) core_.dma.write(Dma::kKv, keys, nullptr, key_bytes, part());
  if (value_bytes != 0) core_.dma.write(Dma::kKv, values, nullptr, value_bytes, part());
}

// A head's keys are contiguous, its values too unless the layout is element-major, where each
// element's run of tokens is.
void Execution::append_contiguous(const abi::Primitive& primitive, const KvGeometry& geometry,
                                  const PageRows& rows, const std::function<Dma::Done()>& part) {
  const std::uint64_t head_bytes = 2ull * primitive.head_dim;
  std::vector<std::uint8_t> bytes(rows.count * head_bytes);
  const auto write_tokens = [&](const abi::Operand& operand, std::uint32_t head,
                                std::uint64_t half) {
    for (std::uint32_t t = 0; t < rows.count && !timing_only(); ++t) {
      std::memcpy(bytes.data() + t * head_bytes,
                  activation(operand, rows.row + t) + head * head_bytes, head_bytes);
    }
    core_.dma.write(Dma::kKv, half + geometry.head(head) + rows.slot * head_bytes, kept(bytes),
                    bytes.size(), part(), serial_);
  };
  for (std::uint32_t head = 0; head < primitive.kv_heads; ++head) {
    write_tokens(primitive.input, head, geometry.keys(rows.address));
    const std::uint64_t values = geometry.values(rows.address);
    if (geometry.layout == abi::KvLayout::kTokenMajor) {
      write_tokens(primitive.input2, head, values);
      continue;
    }
    for (std::uint32_t e = 0; e < primitive.head_dim; ++e) {
      const std::uint64_t line = values + geometry.head(head) + 2ull * e * geometry.page_tokens;
      append_values(primitive, head, e, line, rows, part);
    }
  }
}

// A key comes in two parts, the first of which is its value.
void Execution::append_keys_only(const abi::Primitive& primitive, const KvGeometry& geometry,
                                 const PageRows& rows, const std::function<Dma::Done()>& part) {
  const std::uint64_t head_bytes = 2ull * primitive.head_dim;
  const std::uint64_t value_bytes = 2ull * primitive.value_dim;
  const std::uint64_t rest_bytes = head_bytes - value_bytes;
  std::vector<std::uint8_t> bytes(rows.count * head_bytes);
  for (std::uint32_t head = 0; head < primitive.kv_heads; ++head) {
    for (std::uint32_t t = 0; t < rows.count && !timing_only(); ++t) {
      std::uint8_t* const key = bytes.data() + t * head_bytes;
      std::memcpy(key, activation(primitive.input, rows.row + t) + head * value_bytes, value_bytes);
      if (rest_bytes == 0) continue;
      std::memcpy(key + value_bytes, activation(primitive.input2, rows.row + t) + head * rest_bytes,
                  rest_bytes);
    }
    core_.dma.write(Dma::kKv,
                    geometry.keys(rows.address) + geometry.head(head) + rows.slot * head_bytes,
                    kept(bytes), bytes.size(), part(), serial_);
  }
}

// The keys of a token that share a line go out together, so do an element's values.
void Execution::append_banked(const abi::Primitive& primitive, const KvGeometry& geometry,
                              const PageRows& rows, const std::function<Dma::Done()>& part) {
  const BankedKv& banked = geometry.banked;
  const std::uint64_t head_bytes = 2ull * primitive.head_dim;
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t channel = 0; channel < banked.channels(); ++channel) {
    const std::uint32_t heads = banked.heads_in(channel);
    for (std::uint32_t first = 0; first < heads; first += banked.key_heads()) {
      const std::uint32_t together = std::min(banked.key_heads(), heads - first);
      bytes.resize(together * head_bytes);
      for (std::uint32_t t = 0; t < rows.count; ++t) {
        const std::uint8_t* keys =
            timing_only() ? nullptr : activation(primitive.input, rows.row + t);
        for (std::uint32_t i = 0; i < together && !timing_only(); ++i) {
          std::memcpy(bytes.data() + i * head_bytes,
                      keys + banked.head_of(channel, first + i) * head_bytes, head_bytes);
        }
        const BankedKv::Line line = banked.key(channel, first, rows.slot + t);
        core_.dma.write(Dma::kKv, banked.address(rows.address, rows.page, line), kept(bytes),
                        bytes.size(), part(), serial_);
      }
    }
    for (std::uint32_t local = 0; local < heads; ++local) {
      for (std::uint32_t e = 0; e < primitive.head_dim; ++e) {
        const BankedKv::Line line = banked.value(channel, local, e);
        append_values(primitive, banked.head_of(channel, local), e,
                      banked.address(rows.address, rows.page, line), rows, part);
      }
    }
  }
}

// Values of one element, whose line of tokens begins at `address`.
void Execution::append_values(const abi::Primitive& primitive, std::uint32_t head,
                              std::uint32_t element, std::uint64_t address, const PageRows& rows,
                              const std::function<Dma::Done()>& part) {
  const std::uint64_t offset = 2ull * (std::uint64_t{head} * primitive.head_dim + element);
  std::vector<std::uint8_t> bytes(2ull * rows.count);
  for (std::uint32_t t = 0; t < rows.count && !timing_only(); ++t) {
    std::memcpy(bytes.data() + 2ull * t, activation(primitive.input2, rows.row + t) + offset, 2);
  }
  core_.dma.write(Dma::kKv, address + 2ull * rows.slot, kept(bytes), bytes.size(), part(), serial_);
}

void Execution::start_kv_commit(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const auto joint = join([this, index] { primitive_done(index); });
  for (const RowRange& range : pass_.ranges) {
    Sequence& sequence = sequences_[range.sequence];
    const std::uint32_t rows =
        sequence.accepted ? sequence.entry.pending_count + sequence.result.accepted : range.count;
    const std::uint32_t length = sequence.kv_length[primitive.kv_set] + rows;
    sequence.result.committed_length = length;
    sequence.committed = true;
    const std::uint64_t address = command_.batch_table + range.sequence * sizeof(abi::BatchEntry) +
                                  offsetof(abi::BatchEntry, kv) +
                                  primitive.kv_set * sizeof(abi::KvSet) +
                                  offsetof(abi::KvSet, committed_length);
    ++joint->pending;
    core_.dma.write(Dma::kControl, address, &length, 4, then(index, [joint] { joint->done(); }));
  }
  joint->done();
}

}  // namespace tandem::npu
