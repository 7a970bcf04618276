// SPDX-License-Identifier: Apache-2.0
// ATTENTION on the NPU: keys and values on their way into the KV buffer.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "tandem/npu/attention_job.h"

namespace tandem::npu {

namespace {
constexpr std::uint64_t kLongPage = 64ull * 1024;  // bytes of its keys or values
}  // namespace

// Sequences are fetched in order as the KV buffer has room; one that is larger than the buffer
// streams through alone.
void AttentionJob::fetch_more() {
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
    fetch(work);
  }
  read_lines();
}

void AttentionJob::fetch(Work& work) {
  std::vector<LineRead> lines;
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
  const bool keys_only = work.geometry.keys_only();
  if (!keys_only) {
    work.values_pending = 1;
    fetch_half(
        work, work.values, true,
        [this, &work] {
          ++work.values_pending;
          return execution_.then(index_, [this, &work] { values_arrived(work); });
        },
        lines);
  }
  if (!lines.empty()) {
    lines_.emplace_back(std::make_move_iterator(lines.begin()),
                        std::make_move_iterator(lines.end()));
  }
  if (!keys_only) values_arrived(work);
  arrived();
}

void AttentionJob::read(std::uint64_t address, void* to, std::uint64_t bytes, Dma::Done done) {
  execution_.stage_of(primitive_).read_bytes += bytes;
  core_.dma.read(Dma::kKv, address, to, bytes, std::move(done), execution_.serial());
}

// In bulk, as if the pages followed the first of them, unless they are so short that some channels
// of the memory may have much more of them than others.
void AttentionJob::fetch_half_in_bulk(Work& work, bool values,
                                      const std::function<Dma::Done()>& part) {
  const KvGeometry& geometry = work.geometry;
  const std::uint64_t half = geometry.half_bytes();
  std::uint64_t address = ~std::uint64_t{0}, bytes = 0;
  for (std::uint32_t page = 0; page < pages(work); ++page) {
    const std::uint64_t at = page_address(work, page);
    address = std::min(address, values ? geometry.values(at) : geometry.keys(at));
    const bool whole = values && geometry.element_major();
    bytes += whole ? half : half / geometry.page_tokens * tokens_of(work, page);
    if (half >= kLongPage) continue;
    read(address, nullptr, std::exchange(bytes, 0), part());
    address = ~std::uint64_t{0};
  }
  if (bytes != 0) read(address, nullptr, bytes, part());
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
  if (core_.config.bulk_bytes != 0) return fetch_half_in_bulk(work, values, part);
  const std::uint64_t half = geometry.half_bytes();
  const bool wanted = !execution_.timing_only();
  if (wanted) into.resize(pages(work) * half);
  for (std::uint32_t page = 0; page < pages(work); ++page) {
    const std::uint64_t address = values ? geometry.values(page_address(work, page))
                                         : geometry.keys(page_address(work, page));
    std::uint8_t* to = wanted ? into.data() + page * half : nullptr;
    const std::uint32_t tokens = tokens_of(work, page);
    const bool by_elements = values && geometry.element_major();
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

// A sequence of `bank_rows` lies in one channel, hence a line of each in turn. The memory port
// takes transfers in order, so it is given no more than it needs: lines of a sequence that comes
// later would wait behind all those of others.
void AttentionJob::read_lines() {
  const std::size_t most = 2 * std::size_t{core_.config.outstanding};
  while (!lines_.empty() && lines_in_flight_ < most) {
    std::deque<LineRead> sequence = std::move(lines_.front());
    lines_.pop_front();
    LineRead line = std::move(sequence.front());
    sequence.pop_front();
    if (!sequence.empty()) lines_.push_back(std::move(sequence));
    ++lines_in_flight_;
    // Even after a fault: every line has somebody who waits for it.
    Dma::Done done = [this, times = core_.times, next = std::move(line.done)](
                         bool ok, std::uint64_t fault_address) {
      {
        const Repeated repeated(core_, times);
        --lines_in_flight_;
        read_lines();
      }
      next(ok, fault_address);
    };
    read(line.address, line.to, line.bytes, std::move(done));
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

}  // namespace tandem::npu
