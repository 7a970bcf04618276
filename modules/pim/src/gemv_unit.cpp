// SPDX-License-Identifier: Apache-2.0
#include "gemv_unit.h"

#include <algorithm>
#include <cstring>

#include "tandem/numerics/decode.h"
#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"

namespace tandem::pim {
namespace {

using abi::Format;
using abi::Grouping;
using abi::PimCommand;
using abi::Status;

Format format_of(const PimCommand& command) {
  return static_cast<Format>(command.format);
}

bool has(const PimCommand& command, std::uint8_t flag) {
  return (command.flags & flag) != 0;
}

// Scales and tables share the command's one address, so a format has either.
bool grouping_fits(const PimCommand& command) {
  switch (format_of(command)) {
    case Format::kInt8:
    case Format::kInt4:
    case Format::kE2m1:
    case Format::kE3m0:
      return command.grouping <= static_cast<std::uint8_t>(Grouping::kTensor);
    default:
      return command.grouping == static_cast<std::uint8_t>(Grouping::kNone);
  }
}

std::uint32_t segments_of(const PimCommand& command) {
  return std::max<std::uint32_t>(1, command.segments);
}

// Bytes from the results of one segment to those of the next.
std::uint32_t segment_stride(const PimCommand& command) {
  return command.output_stride / segments_of(command);
}

std::uint32_t result_size(const PimCommand& command) {
  return has(command, abi::kPimWide) ? 4 : 2;
}

// Rows that do not follow each other at one stride, or that hold several dot products.
bool is_scattered(const PimCommand& command) {
  return command.block_rows != 0 || segments_of(command) > 1;
}

numerics::TensorLayout layout_of(const PimCommand& command) {
  const std::uint32_t columns = command.rows == 1 ? command.columns : command.row_elements;
  return {format_of(command), static_cast<Grouping>(command.grouping),
          static_cast<abi::TableScope>(command.scope), command.rows, columns};
}

}  // namespace

GemvUnit::GemvUnit(const Config& config, memory::SparseStore& store)
    : config_(config),
      store_(store),
      vectors_(config.vector_bytes / 2),
      results_(config.result_bytes / 2),
      unreadable_(config.result_bytes / 2),
      sequences_(abi::kPimSequences) {}

void GemvUnit::reset() {
  std::fill(vectors_.begin(), vectors_.end(), std::uint16_t{0});
  std::fill(results_.begin(), results_.end(), std::uint16_t{0});
  std::fill(unreadable_.begin(), unreadable_.end(), std::uint8_t{0});
  for (Sequence& sequence : sequences_) sequence.opened = 0;
}

bool GemvUnit::results_readable(std::uint64_t offset, std::uint64_t bytes) const {
  const auto first = unreadable_.begin() + static_cast<std::ptrdiff_t>(offset / 2);
  const auto end = unreadable_.begin() + static_cast<std::ptrdiff_t>((offset + bytes + 1) / 2);
  return std::find(first, end, 1) == end;
}

GemvUnit::Outcome GemvUnit::execute(const PimCommand& command, std::uint64_t dram_base) {
  const Outcome outcome = check(command, dram_base);
  if (outcome.status != Status::kOk) {
    if (Sequence* sequence = find(command)) sequence->opened = 0;
    mark_results(command, false);
  } else if (command.opcode == static_cast<std::uint8_t>(abi::PimOpcode::kGemv)) {
    config_.timing_only ? follow(command) : compute(command, outcome.weights);
  }
  return outcome;
}

// --- Checks ----------------------------------------------------------------------------------

GemvUnit::Outcome GemvUnit::check(const PimCommand& command, std::uint64_t dram_base) const {
  if (command.opcode > static_cast<std::uint8_t>(abi::PimOpcode::kGemv)) {
    return {Status::kBadOpcode, 0, {}};
  }
  if (command.abi_version != abi::kAbiVersion) return {Status::kBadVersion, 0, {}};
  if (command.opcode == static_cast<std::uint8_t>(abi::PimOpcode::kNop)) return {};
  if ((command.flags & ~(abi::kPimFirst | abi::kPimLast | abi::kPimWide)) != 0) {
    return {Status::kBadFlags, 0, {}};
  }
  const bool known = command.format < abi::kFormatCount;
  if (!known || (config_.formats & format_bit(format_of(command))) == 0 ||
      !grouping_fits(command)) {
    return {Status::kUnsupported, command.weights, {}};
  }
  if (is_scattered(command) && abi::stream_bits(format_of(command)) != 16) {
    return {Status::kUnsupported, command.weights, {}};
  }
  const Outcome shape = check_shape(command);
  if (shape.status != Status::kOk) return shape;
  const Outcome memory = check_memory(command, dram_base);
  if (memory.status != Status::kOk) return memory;
  if (!fits_windows(command)) return {Status::kNoSpace, command.output_offset, {}};
  if (!continues_sequence(command)) return {Status::kBadFlags, 0, {}};
  return memory;
}

GemvUnit::Outcome GemvUnit::check_shape(const PimCommand& c) const {
  const unsigned bits = abi::stream_bits(format_of(c));
  const std::uint64_t largest_offset = bits == 4 ? 1 : 0;
  const bool shaped = c.rows >= 1 && c.columns >= 1 && c.vectors >= 1 &&
                      (c.rows == 1 || c.row_elements >= c.columns) &&
                      c.element_offset <= largest_offset &&
                      c.scope <= static_cast<std::uint8_t>(abi::TableScope::kRow);
  const bool aligned = (bits != 16 || c.weights % 2 == 0) && c.vector_offset % 2 == 0 &&
                       c.vector_stride % 2 == 0 && c.output_offset % 2 == 0 &&
                       c.output_stride % 2 == 0;
  const std::uint32_t size = result_size(c);
  const std::uint32_t segments = segments_of(c);
  const bool divided =
      c.columns % segments == 0 && c.output_stride % segments == 0 && segment_stride(c) % 2 == 0;
  const bool separate = (c.vectors == 1 && segments == 1) || segment_stride(c) / size >= c.rows;
  if (divided && shaped && aligned && separate) return {};
  return {Status::kBadOperand, c.weights, {}};
}

GemvUnit::Outcome GemvUnit::check_memory(const PimCommand& command, std::uint64_t dram_base) const {
  WeightBytes w;
  w.layout = layout_of(command);
  w.tile = {0, command.rows, 0, command.columns};
  w.block_rows = command.block_rows;
  w.block_elements = command.block_elements;
  std::uint64_t last_row = w.row_begin(command.rows - 1);
  if (command.block_rows != 0 && command.rows > command.block_rows) {
    const std::uint32_t end_of_block = command.rows / command.block_rows * command.block_rows;
    last_row = std::max(last_row, w.row_begin(end_of_block - 1));
  }
  const std::uint64_t elements = last_row + command.columns;
  if (elements > 2 * store_.size_bytes()) return {Status::kBusError, command.weights, {}};
  const unsigned bits = abi::stream_bits(w.layout.format);
  w.stream = command.weights - dram_base;
  w.first_bit = command.element_offset * bits;
  w.stream_bytes = (w.first_bit + elements * bits + 7) / 8;
  if (command.weights < dram_base || !store_.contains(w.stream, w.stream_bytes)) {
    return {Status::kBusError, command.weights, {}};
  }
  const numerics::Plane side =
      abi::is_bsfp(w.layout.format) ? numerics::Plane::kTables : numerics::Plane::kScales;
  w.side_bytes = numerics::plane_range(w.layout, w.tile, side).bytes;
  if (w.side_bytes != 0) {
    w.side = command.tables - dram_base;
    if (command.tables < dram_base || !store_.contains(w.side, w.side_bytes)) {
      return {Status::kBusError, command.tables, {}};
    }
    if (side == numerics::Plane::kScales && command.tables % 2 != 0) {
      return {Status::kBadOperand, command.tables, {}};
    }
  }
  return {Status::kOk, 0, w};
}

bool GemvUnit::fits_windows(const PimCommand& c) const {
  const std::uint64_t last = std::uint64_t{c.vectors} - 1;
  const std::uint64_t input_end = c.vector_offset + last * c.vector_stride + 2ull * c.columns;
  return input_end <= config_.vector_bytes && results_end(c) <= config_.result_bytes;
}

std::uint64_t GemvUnit::results_end(const PimCommand& c) {
  const std::uint64_t last = std::max<std::uint64_t>(1, c.vectors) - 1;
  return c.output_offset + last * c.output_stride +
         std::uint64_t{segments_of(c) - 1} * segment_stride(c) +
         std::uint64_t{result_size(c)} * c.rows;
}

bool GemvUnit::continues_sequence(const PimCommand& command) const {
  if (segments_of(command) > 1) {
    return has(command, abi::kPimFirst) && has(command, abi::kPimLast);
  }
  if (has(command, abi::kPimFirst)) return true;
  const Sequence* sequence = find(command);
  const bool same =
      sequence != nullptr && sequence->rows == command.rows && sequence->vectors == command.vectors;
  const bool groups_by_position =
      command.grouping == static_cast<std::uint8_t>(Grouping::kGroup128);
  return same && (!groups_by_position || sequence->position % abi::kChunk == 0);
}

// --- Function --------------------------------------------------------------------------------

const GemvUnit::Sequence* GemvUnit::find(const PimCommand& command) const {
  for (const Sequence& sequence : sequences_) {
    if (sequence.opened != 0 && sequence.output_offset == command.output_offset) return &sequence;
  }
  return nullptr;
}

GemvUnit::Sequence* GemvUnit::find(const PimCommand& command) {
  return const_cast<Sequence*>(static_cast<const GemvUnit*>(this)->find(command));
}

// Takes the place of one that is closed, else of the oldest.
GemvUnit::Sequence& GemvUnit::open(const PimCommand& command) {
  Sequence* sequence = find(command);
  if (sequence == nullptr) {
    sequence = &*std::min_element(
        sequences_.begin(), sequences_.end(),
        [](const Sequence& a, const Sequence& b) { return a.opened < b.opened; });
  }
  const std::size_t sums = std::size_t{command.vectors} * command.rows * segments_of(command);
  sequence->opened = ++opened_;
  sequence->output_offset = command.output_offset;
  sequence->rows = command.rows;
  sequence->vectors = command.vectors;
  sequence->position = 0;
  if (config_.timing_only) return *sequence;
  sequence->totals.assign(sums, 0.0f);
  sequence->chunk.assign(sums, 0.0f);
  return *sequence;
}

// Keeps the books of sequences and results without their sums.
void GemvUnit::follow(const PimCommand& command) {
  Sequence& sequence = has(command, abi::kPimFirst) ? open(command) : *find(command);
  sequence.position += command.columns;
  if (!has(command, abi::kPimLast)) return;
  mark_results(command, true);
  sequence.opened = 0;
}

void GemvUnit::compute(const PimCommand& command, const WeightBytes& weights) {
  const std::uint32_t segments = segments_of(command);
  Sequence& sequence = has(command, abi::kPimFirst) ? open(command) : *find(command);
  const std::uint16_t* x = vectors_.data() + command.vector_offset / 2;
  if (is_scattered(command)) {
    const std::uint32_t columns = command.columns / segments;
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
      accumulate(command, gathered(weights, segment * columns, columns),
                 x + std::size_t{segment} * columns, sequence,
                 sequence.totals.data() + std::size_t{segment} * command.vectors * command.rows);
    }
  } else {
    const std::uint8_t* stream = stream_of(weights);
    const std::uint8_t* side =
        weights.side_bytes == 0 ? nullptr : bytes_at(weights.side, weights.side_bytes, side_copy_);
    const bool tables = abi::is_bsfp(weights.layout.format);
    accumulate(command,
               numerics::view_of(weights.layout, weights.tile, stream, nullptr,
                                 tables ? nullptr : side, tables ? side : nullptr),
               x, sequence, sequence.totals.data());
  }
  sequence.position += command.columns;
  if (!has(command, abi::kPimLast)) return;
  store_results(command, sequence);
  sequence.opened = 0;
}

void GemvUnit::accumulate(const PimCommand& command, const numerics::WeightView& view,
                          const std::uint16_t* x, Sequence& sequence, float* totals) {
  const bool last = has(command, abi::kPimLast);
  const bool whole_chunks =
      sequence.position % abi::kChunk == 0 && (last || command.columns % abi::kChunk == 0);
  if (whole_chunks) {
    numerics::accumulate(view, x, command.vector_stride / 2, command.vectors, totals, command.rows);
  } else {
    accumulate_open_chunk(command, view, x, sequence);
  }
}

// Columns [begin, begin + columns) of the rows, 16 bits each, wherever the rows lie.
numerics::WeightView GemvUnit::gathered(const WeightBytes& weights, std::uint32_t begin,
                                        std::uint32_t columns) {
  const std::uint32_t rows = weights.tile.rows;
  stream_copy_.resize(std::size_t{rows} * columns * 2);
  for (std::uint32_t row = 0; row < rows; ++row) {
    store_.read(weights.stream + 2 * (weights.row_begin(row) + begin),
                stream_copy_.data() + std::size_t{row} * columns * 2, columns * 2ull);
  }
  const numerics::TensorLayout layout{weights.layout.format, Grouping::kNone,
                                      abi::TableScope::kTensor, rows, columns};
  return numerics::view_of(layout, numerics::whole(layout), stream_copy_.data(), nullptr, nullptr,
                           nullptr);
}

const std::uint8_t* GemvUnit::bytes_at(std::uint64_t address, std::uint64_t bytes,
                                       std::vector<std::uint8_t>& copy) {
  if (const std::uint8_t* direct = store_.pointer(address, bytes)) return direct;
  copy.resize(bytes);
  store_.read(address, copy.data(), bytes);
  return copy.data();
}

// The bytes from element [0][0] on, which is moved to the begin of its byte.
const std::uint8_t* GemvUnit::stream_of(const WeightBytes& weights) {
  const std::uint8_t* bytes = bytes_at(weights.stream, weights.stream_bytes, stream_copy_);
  if (weights.first_bit == 0) return bytes;
  std::vector<std::uint8_t> shifted(weights.stream_bytes);
  for (std::uint64_t i = 0; i < weights.stream_bytes; ++i) {
    const unsigned next = i + 1 < weights.stream_bytes ? bytes[i + 1] : 0u;
    shifted[i] = static_cast<std::uint8_t>(bytes[i] >> 4 | next << 4);
  }
  stream_copy_.swap(shifted);
  return stream_copy_.data();
}

// Columns that begin or end within a chunk: its sum goes on where the last command left it.
void GemvUnit::accumulate_open_chunk(const PimCommand& command, const numerics::WeightView& view,
                                     const std::uint16_t* x, Sequence& sequence) {
  row_values_.resize(command.columns);
  const bool last = has(command, abi::kPimLast);
  for (std::uint32_t row = 0; row < command.rows; ++row) {
    numerics::decode_row(view, row, 0, command.columns, row_values_.data());
    for (std::uint32_t vector = 0; vector < command.vectors; ++vector) {
      const std::uint16_t* elements =
          x + static_cast<std::size_t>(vector) * (command.vector_stride / 2);
      const std::size_t at = std::size_t{vector} * command.rows + row;
      float sum = sequence.chunk[at];
      for (std::uint32_t i = 0; i < command.columns; ++i) {
        sum += row_values_[i] * numerics::fp16_to_float(elements[i]);
        const bool chunk_ends = (sequence.position + i + 1) % abi::kChunk == 0;
        if (!chunk_ends && !(last && i + 1 == command.columns)) continue;
        sequence.totals[at] += sum * numerics::scale_at(view, row, i);
        sum = 0.0f;
      }
      sequence.chunk[at] = sum;
    }
  }
}

void GemvUnit::store_results(const PimCommand& command, const Sequence& sequence) {
  const float* totals = sequence.totals.data();
  for (std::uint32_t segment = 0; segment < segments_of(command); ++segment) {
    for (std::uint32_t vector = 0; vector < command.vectors; ++vector) {
      std::uint16_t* to = results_.data() + command.output_offset / 2 +
                          std::size_t{segment} * (segment_stride(command) / 2) +
                          std::size_t{vector} * (command.output_stride / 2);
      if (has(command, abi::kPimWide)) {
        std::memcpy(to, totals, std::size_t{command.rows} * sizeof(float));
      } else {
        numerics::round_to_storage(totals, command.rows, Format::kFp16, to);
      }
      totals += command.rows;
    }
  }
  mark_results(command, true);
}

// Of a command that failed, whatever of its results lies in the window.
void GemvUnit::mark_results(const PimCommand& command, bool readable) {
  const std::uint64_t stride = segment_stride(command) / 2;
  const std::uint64_t length_of_run = std::uint64_t{command.rows} * (result_size(command) / 2);
  const bool joined = stride < length_of_run;  // segments touch each other, or there is one
  const std::uint64_t runs = joined ? 1 : segments_of(command);
  const std::uint64_t length =
      joined ? (segments_of(command) - 1) * stride + length_of_run : length_of_run;
  for (std::uint64_t vector = 0; vector < command.vectors; ++vector) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      const std::uint64_t begin =
          command.output_offset / 2 + vector * (command.output_stride / 2) + run * stride;
      if (begin >= unreadable_.size()) return;
      const std::uint64_t end = std::min<std::uint64_t>(begin + length, unreadable_.size());
      std::fill(unreadable_.begin() + static_cast<std::ptrdiff_t>(begin),
                unreadable_.begin() + static_cast<std::ptrdiff_t>(end),
                static_cast<std::uint8_t>(readable ? 0 : 1));
    }
    if (command.output_stride == 0) return;
  }
}

}  // namespace tandem::pim
