// SPDX-License-Identifier: Apache-2.0
// How the lines of a banked KV page divide over the rows of a channel's banks, in numbers that
// driver and device compute alike. batch.h says what a line is and where it lies.
#pragma once
#include "tandem/abi/structures.h"

namespace tandem::abi {

constexpr u32 kMostKeyHeads = 128;  // dot products side by side in one PimCommand

struct KvLines {
  u32 key_heads;            // whose keys of a token share a line
  u32 key_lines_per_row;    // lines of key_heads * head_dim elements
  u32 key_rows;             // of a layer
  u32 value_elements;       // that a head takes, with padding
  u32 value_lines_per_row;  // lines of page_tokens elements
  u32 value_rows;           // of a layer

  // False: a head or a page is longer than a row, or the page does not divide over the banks.
  constexpr bool possible() const { return key_rows != 0; }
  constexpr u32 rows() const { return key_rows + value_rows; }
};

// `heads` are those of one channel.
constexpr KvLines kv_lines(u32 heads, u32 head_dim, u32 page_tokens, u32 row_elements, u32 banks) {
  if (heads == 0 || head_dim == 0 || head_dim > row_elements || page_tokens == 0 ||
      page_tokens > row_elements || banks == 0 || page_tokens % banks != 0) {
    return {};
  }
  const auto divide_up = [](u32 value, u32 divisor) { return (value + divisor - 1) / divisor; };
  KvLines lines{};
  lines.key_heads = row_elements / head_dim < heads ? row_elements / head_dim : heads;
  if (lines.key_heads > kMostKeyHeads) lines.key_heads = kMostKeyHeads;
  lines.key_lines_per_row =
      lines.key_heads < heads ? 1 : row_elements / (lines.key_heads * head_dim);
  const u32 key_lines = divide_up(heads, lines.key_heads) * (page_tokens / banks);
  lines.key_rows = divide_up(key_lines, lines.key_lines_per_row);
  lines.value_elements = divide_up(head_dim, banks) * banks;
  if (head_dim < banks) {
    lines.value_elements = 1;
    while (lines.value_elements < head_dim) lines.value_elements *= 2;
  }
  lines.value_lines_per_row = row_elements / page_tokens;
  const u32 value_lines = divide_up(heads * lines.value_elements, banks);
  lines.value_rows = divide_up(value_lines, lines.value_lines_per_row);
  return lines;
}

}  // namespace tandem::abi
