// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/kv_layout.h"

#include <algorithm>

#include "tandem/abi/pim_registers.h"

namespace tandem::npu {
namespace {

namespace regs = abi::pim;
using abi::KvLayout;
using abi::Status;

std::uint32_t ceil_divide(std::uint32_t a, std::uint32_t b) {
  return (a + b - 1) / b;
}

KvLayout layout_of(const abi::KvSet& set) {
  return static_cast<KvLayout>(set.layout);
}

}  // namespace

Fault BankedKv::check(const abi::KvSet& set) {
  if (layout_of(set) < KvLayout::kBankRows) return {};
  const std::uint32_t row = regs::BANK_LAYOUT_ROW.get(set.banks);
  const std::uint32_t banks = regs::BANK_LAYOUT_BANKS.get(set.banks);
  const std::uint32_t bank_stride = regs::BANK_LAYOUT_BANK_STRIDE.get(set.banks);
  const std::uint32_t row_stride = regs::BANK_LAYOUT_ROW_STRIDE.get(set.banks);
  const bool shaped = row >= 5 && row <= 16 && banks <= 10 && bank_stride >= row &&
                      row_stride <= 32 && row_stride >= bank_stride + banks;
  if (!shaped) return {Status::kBadBatch, kNoPrimitive, set.banks};
  if (set.page_tokens % (1u << banks) != 0) {
    return {Status::kBadBatch, kNoPrimitive, set.page_tokens};
  }
  if (layout_of(set) != KvLayout::kHeadSplit) return {};
  const std::uint32_t channels = regs::CHANNEL_LAYOUT_CHANNELS.get(set.channels);
  const std::uint32_t channel_stride = regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(set.channels);
  const bool apart = channels == 0 || channel_stride >= bank_stride + banks ||
                     (channel_stride >= row && channel_stride + channels <= bank_stride);
  const bool within = set.channels >> abi::kKvFirstChannelShift < 1u << std::min(channels, 8u);
  if (channels > 8 || channel_stride > 48 || !apart || !within) {
    return {Status::kBadBatch, kNoPrimitive, set.channels};
  }
  return {};
}

BankedKv::BankedKv(const abi::Primitive& primitive, const abi::KvSet& set)
    : kv_heads_(primitive.kv_heads),
      head_dim_(primitive.head_dim),
      page_tokens_(set.page_tokens),
      layer_(primitive.layer),
      row_elements_((1u << regs::BANK_LAYOUT_ROW.get(set.banks)) / 2),
      banks_(1u << regs::BANK_LAYOUT_BANKS.get(set.banks)),
      bank_shift_(regs::BANK_LAYOUT_BANK_STRIDE.get(set.banks)),
      row_shift_(regs::BANK_LAYOUT_ROW_STRIDE.get(set.banks)) {
  if (layout_of(set) == KvLayout::kHeadSplit) {
    channels_ = 1u << regs::CHANNEL_LAYOUT_CHANNELS.get(set.channels);
    channel_shift_ = regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(set.channels);
    first_channel_ = set.channels >> abi::kKvFirstChannelShift;
  }
  lines_ = abi::kv_lines(ceil_divide(kv_heads_, channels_), head_dim_, page_tokens_, row_elements_,
                         banks_);
}

Fault BankedKv::check_shape() const {
  if (lines_.possible()) return {};
  return {Status::kUnsupported, kNoPrimitive, std::max(head_dim_, page_tokens_)};
}

std::uint32_t BankedKv::heads_in(std::uint32_t channel) const {
  return channel >= kv_heads_ ? 0 : (kv_heads_ - channel - 1) / channels_ + 1;
}

std::uint32_t BankedKv::key_line(std::uint32_t local_head, std::uint32_t token) const {
  return local_head / lines_.key_heads * (page_tokens_ / banks_) + token / banks_;
}

std::uint32_t BankedKv::value_line(std::uint32_t local_head, std::uint32_t element) const {
  return (local_head * lines_.value_elements + element) / banks_;
}

BankedKv::Line BankedKv::key(std::uint32_t channel, std::uint32_t local_head,
                             std::uint32_t token) const {
  const std::uint32_t line = key_line(local_head, token);
  return {channel, token % banks_, first_key_row() + line / lines_.key_lines_per_row,
          (line % lines_.key_lines_per_row * lines_.key_heads + local_head % lines_.key_heads) *
              head_dim_};
}

BankedKv::Line BankedKv::value(std::uint32_t channel, std::uint32_t local_head,
                               std::uint32_t element) const {
  const std::uint32_t line = value_line(local_head, element);
  return {channel, (local_head * lines_.value_elements + element) % banks_,
          first_value_row() + line / lines_.value_lines_per_row,
          line % lines_.value_lines_per_row * page_tokens_};
}

BankedKv::Run BankedKv::run(std::uint32_t first, std::uint32_t lines, std::uint32_t lines_per_row,
                            std::uint32_t line_elements) const {
  if (lines_per_row == 1) return {lines, std::uint64_t{1} << row_shift_};
  return {std::min(lines, lines_per_row - first % lines_per_row), 2ull * line_elements};
}

BankedKv::Run BankedKv::key_run(std::uint32_t local_head, std::uint32_t token,
                                std::uint32_t lines) const {
  return run(key_line(local_head, token), lines, lines_.key_lines_per_row,
             lines_.key_heads * head_dim_);
}

BankedKv::Run BankedKv::value_run(std::uint32_t local_head, std::uint32_t element,
                                  std::uint32_t lines) const {
  return run(value_line(local_head, element), lines, lines_.value_lines_per_row, page_tokens_);
}

std::uint32_t BankedKv::key_elements(std::uint32_t bank, std::uint32_t row,
                                     std::uint32_t tokens) const {
  const std::uint32_t lines_of_group = page_tokens_ / banks_;
  const std::uint32_t used_of_group = tokens > bank ? (tokens - bank - 1) / banks_ + 1 : 0;
  const std::uint32_t first = (row - first_key_row()) * lines_.key_lines_per_row;
  // A row with several lines holds one group of heads, whose lines come in the order of tokens.
  const std::uint32_t at = first % lines_of_group;
  const std::uint32_t used = used_of_group <= at ? 0 : used_of_group - at;
  return std::min(used, lines_.key_lines_per_row) * lines_.key_heads * head_dim_;
}

std::uint32_t BankedKv::value_elements(std::uint32_t row, std::uint32_t tokens) const {
  const std::uint32_t heads = ceil_divide(kv_heads_, channels_);
  const std::uint32_t lines = ceil_divide(heads * lines_.value_elements, banks_);
  const std::uint32_t first = (row - first_value_row()) * lines_.value_lines_per_row;
  const std::uint32_t in_row = std::min(lines_.value_lines_per_row, lines - first);
  return (in_row - 1) * page_tokens_ + tokens;
}

std::uint64_t BankedKv::address(std::uint64_t page_address, std::uint32_t page,
                                const Line& line) const {
  const std::uint64_t channel = channel_of(page, line.channel);
  return page_address + (channel << channel_shift_) + (std::uint64_t{line.row} << row_shift_) +
         (std::uint64_t{line.bank} << bank_shift_) + 2ull * line.element;
}

std::uint64_t BankedKv::image_offset(const Line& line, std::uint32_t first_row,
                                     std::uint32_t rows) const {
  const std::uint64_t row = std::uint64_t{line.channel} * rows + (line.row - first_row);
  return (row * banks_ + line.bank) * row_bytes() + 2ull * line.element;
}

KvGeometry geometry_of(const abi::Primitive& primitive, const abi::KvSet& set) {
  KvGeometry geometry{primitive.kv_heads,
                      primitive.head_dim,
                      set.page_tokens,
                      primitive.layer,
                      layout_of(set),
                      primitive.value_dim,
                      {}};
  if (geometry.is_banked()) geometry.banked = BankedKv(primitive, set);
  return geometry;
}

}  // namespace tandem::npu
