// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/abi/batch.h"
#include "tandem/abi/kv_lines.h"
#include "tandem/abi/program.h"
#include "tandem/npu/program.h"

namespace tandem::npu {

// Where the lines of a banked page lie (abi/batch.h draws it): a line is a stretch of one row that
// holds a token's keys of some heads, or an element's values of the page's tokens.
class BankedKv {
 public:
  // Part of the page's lines in one bank.
  struct Line {
    std::uint32_t channel;  // from that of head 0 on
    std::uint32_t bank;
    std::uint32_t row;      // of the page
    std::uint32_t element;  // of the row
  };
  // Lines of a bank that are at one stride.
  struct Run {
    std::uint32_t lines;
    std::uint64_t stride;  // bytes
  };

  BankedKv() = default;
  BankedKv(const abi::Primitive& primitive, const abi::KvSet& set);
  // kBadBatch: the strides cannot be those of a memory, or the page does not divide over the banks.
  static Fault check(const abi::KvSet& set);
  // kUnsupported: a head or a page is longer than a row.
  Fault check_shape() const;

  // That hold something of a page; channels count from the one that holds head 0.
  std::uint32_t channels() const { return channels_ < kv_heads_ ? channels_ : kv_heads_; }
  std::uint32_t banks() const { return banks_; }
  std::uint32_t row_bytes() const { return 2 * row_elements_; }
  std::uint64_t bank_stride() const { return std::uint64_t{1} << bank_shift_; }
  std::uint32_t heads_in(std::uint32_t channel) const;
  std::uint32_t head_of(std::uint32_t channel, std::uint32_t local) const {
    return local * channels_ + channel;
  }

  // Of the memory, for one that counts from that of head 0 of the page.
  std::uint32_t channel_of(std::uint32_t page, std::uint32_t channel) const {
    return (first_channel_ + page * kv_heads_ + channel) % channels_;
  }

  // Heads whose keys of a token share a line.
  std::uint32_t key_heads() const { return lines_.key_heads; }
  // Where a head's keys of a token are, and its values of an element.
  Line key(std::uint32_t channel, std::uint32_t local_head, std::uint32_t token) const;
  Line value(std::uint32_t channel, std::uint32_t local_head, std::uint32_t element) const;
  // At most `lines` lines from that place on.
  Run key_run(std::uint32_t local_head, std::uint32_t token, std::uint32_t lines) const;
  Run value_run(std::uint32_t local_head, std::uint32_t element, std::uint32_t lines) const;

  std::uint32_t key_rows() const { return lines_.key_rows; }
  std::uint32_t value_rows() const { return lines_.value_rows; }
  // Elements of a bank's row that hold something once the page has `tokens` tokens.
  std::uint32_t key_elements(std::uint32_t bank, std::uint32_t row, std::uint32_t tokens) const;
  std::uint32_t value_elements(std::uint32_t row, std::uint32_t tokens) const;

  // Bus address of a line. `page` is the page's place in the table.
  std::uint64_t address(std::uint64_t page_address, std::uint32_t page, const Line& line) const;
  // Offset of a line in an image [channel][row][bank] of the rows of all keys or all values.
  std::uint64_t image_offset(const Line& line, std::uint32_t first_row, std::uint32_t rows) const;
  std::uint64_t image_bytes(std::uint32_t rows) const {
    return std::uint64_t{channels()} * rows * banks_ * row_bytes();
  }
  std::uint32_t first_key_row() const { return layer_ * lines_.rows(); }
  std::uint32_t first_value_row() const { return first_key_row() + lines_.key_rows; }

 private:
  std::uint32_t key_line(std::uint32_t local_head, std::uint32_t token) const;
  std::uint32_t value_line(std::uint32_t local_head, std::uint32_t element) const;
  Run run(std::uint32_t first, std::uint32_t lines, std::uint32_t lines_per_row,
          std::uint32_t line_elements) const;

  std::uint32_t kv_heads_ = 0, head_dim_ = 0, page_tokens_ = 0, layer_ = 0;
  std::uint32_t row_elements_ = 0, banks_ = 0, channels_ = 1, first_channel_ = 0;
  unsigned bank_shift_ = 0, row_shift_ = 0, channel_shift_ = 0;
  abi::KvLines lines_{};
};

// Where a layer's keys and values of one KV head lie within a page.
struct KvGeometry {
  std::uint32_t kv_heads;
  std::uint32_t head_dim;
  std::uint32_t page_tokens;
  std::uint32_t layer;
  abi::KvLayout layout;
  std::uint32_t value_dim;  // that begin each key and are its value; 0: values lie apart
  BankedKv banked;          // of the banked layouts

  bool is_banked() const { return layout >= abi::KvLayout::kBankRows; }
  // Values of an element follow each other.
  bool element_major() const { return layout != abi::KvLayout::kTokenMajor; }
  bool keys_only() const { return value_dim != 0; }
  std::uint64_t half_bytes() const { return 2ull * kv_heads * page_tokens * head_dim; }
  std::uint64_t layer_bytes() const { return (keys_only() ? 1 : 2) * half_bytes(); }
  // Contiguous layouts.
  std::uint64_t keys(std::uint64_t page) const { return page + layer * layer_bytes(); }
  std::uint64_t values(std::uint64_t page) const { return keys(page) + half_bytes(); }
  // Byte offset of a head's block within a half.
  std::uint64_t head(std::uint32_t kv_head) const {
    return 2ull * kv_head * page_tokens * head_dim;
  }
};

KvGeometry geometry_of(const abi::Primitive& primitive, const abi::KvSet& set);

}  // namespace tandem::npu
