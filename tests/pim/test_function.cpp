// SPDX-License-Identifier: Apache-2.0
// What GEMV computes, against plain loops in the canonical order.
#include <algorithm>
#include <catch2/catch.hpp>

#include "pim_bench.h"
#include "tandem/numerics/bsfp.h"
#include "tandem/numerics/decode.h"
#include "tandem/numerics/fp.h"
#include "tandem/numerics/weights.h"

using namespace tandem;
using namespace tandem::test;
using abi::Format;
using abi::Grouping;

namespace {

// A packed matrix in the memory and its vectors.
struct Problem {
  numerics::TensorLayout layout;
  std::uint64_t stream_address = 0, side_address = 0;
  std::vector<std::uint8_t> stream, side;
  std::uint32_t row0 = 0, rows = 0, col0 = 0, columns = 0;  // the part that is multiplied
  std::uint16_t vectors = 1;
  std::vector<std::uint16_t> x;  // [vectors][columns]
};

std::vector<std::uint8_t> random_tables(std::mt19937& random,
                                        const numerics::TensorLayout& layout) {
  std::vector<std::uint8_t> tables;
  const unsigned count = layout.table_scope == abi::TableScope::kRow ? layout.rows : 1;
  for (unsigned i = 0; i < count; ++i) {
    std::vector<std::uint16_t> weights = random_fp16(random, 64);
    const numerics::Histogram histogram = numerics::magnitude_histogram(weights.data(), 64);
    if (layout.format == Format::kBsfpEDraft) {
      const auto bytes = numerics::to_bytes(*numerics::fit_bsfp_e(histogram).table);
      tables.insert(tables.end(), bytes.begin(), bytes.end());
    } else {
      const auto bytes =
          numerics::to_bytes(*numerics::fit_bsfp_i(histogram, numerics::Levels::kAny).table);
      tables.insert(tables.end(), bytes.begin(), bytes.end());
    }
  }
  return tables;
}

void append(std::vector<std::uint8_t>& bytes, const std::vector<std::uint16_t>& words) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(words.data());
  bytes.insert(bytes.end(), begin, begin + 2 * words.size());
}

Problem random_problem(std::mt19937& random, Format format, Grouping grouping,
                       abi::TableScope scope) {
  Problem p;
  p.layout = {format, grouping, scope, 1 + static_cast<std::uint32_t>(random() % 40),
              1 + static_cast<std::uint32_t>(random() % 700)};
  const auto elements = static_cast<std::size_t>(p.layout.rows) * p.layout.cols;
  if (abi::stream_bits(format) == 16) {
    append(p.stream, random_fp16(random, elements));  // as BF16 these are small normal numbers
  } else {
    p.stream = random_bytes(random, numerics::plane_bytes(p.layout, numerics::Plane::kStream));
  }
  if (numerics::has_tables(p.layout)) {
    p.side = random_tables(random, p.layout);
  } else if (numerics::has_scales(p.layout)) {
    append(p.side,
           random_fp16(random, numerics::plane_bytes(p.layout, numerics::Plane::kScales) / 2));
  }
  p.row0 = static_cast<std::uint32_t>(random() % p.layout.rows);
  p.rows = 1 + static_cast<std::uint32_t>(random() % (p.layout.rows - p.row0));
  p.columns = p.layout.cols;
  if (random() % 2 == 0) {  // a part of the columns, from a chunk on
    p.col0 = static_cast<std::uint32_t>(random() % p.layout.cols) / 128 * 128;
    p.columns = 1 + static_cast<std::uint32_t>(random() % (p.layout.cols - p.col0));
  }
  p.vectors = static_cast<std::uint16_t>(1 + random() % 5);
  p.x = random_fp16(random, std::size_t{p.vectors} * p.columns);
  p.stream_address = 4096 + random() % 64 * 2;
  p.side_address = (3u << 20) - random() % 64 * 2;  // sometimes across two chunks of the store
  return p;
}

std::vector<std::uint16_t> expected(const Problem& p) {
  const bool tables = numerics::has_tables(p.layout);
  const numerics::WeightView view =
      numerics::view_of(p.layout, numerics::whole(p.layout), p.stream.data(), nullptr,
                        tables ? nullptr : p.side.data(), tables ? p.side.data() : nullptr);
  std::vector<std::uint16_t> y;
  std::vector<float> weights(p.layout.cols);
  for (std::uint32_t v = 0; v < p.vectors; ++v) {
    for (std::uint32_t r = p.row0; r < p.row0 + p.rows; ++r) {
      numerics::decode_row(view, r, 0, p.layout.cols, weights.data());
      float total = 0.0f;
      for (std::uint32_t begin = 0; begin < p.columns; begin += 128) {
        float sum = 0.0f;
        for (std::uint32_t c = begin; c < std::min(begin + 128, p.columns); ++c) {
          sum += weights[p.col0 + c] * numerics::fp16_to_float(p.x[v * p.columns + c]);
        }
        total += sum * numerics::scale_at(view, r, p.col0 + begin);
      }
      y.push_back(numerics::float_to_fp16(total));
    }
  }
  return y;
}

// The command for columns [begin, end) of the problem.
abi::PimCommand part(const Problem& p, std::uint32_t begin, std::uint32_t end) {
  abi::PimCommand c = gemv(kBase, p.rows, end - begin, p.vectors);
  const std::uint64_t element = std::uint64_t{p.row0} * p.layout.cols + p.col0 + begin;
  const unsigned bits = abi::stream_bits(p.layout.format);
  c.format = static_cast<abi::u8>(p.layout.format);
  c.grouping = static_cast<abi::u8>(p.layout.grouping);
  c.scope = static_cast<abi::u8>(p.layout.table_scope);
  c.row_elements = p.layout.cols;
  c.weights = kBase + p.stream_address + element * bits / 8;
  c.element_offset = static_cast<abi::u8>(element * bits % 8 / 4);
  c.flags = static_cast<abi::u8>((begin == 0 ? abi::kPimFirst : 0) |
                                 (end == p.columns ? abi::kPimLast : 0));
  c.vector_offset = 64 + 2 * begin;
  c.vector_stride = 2 * p.columns;
  c.output_offset = 128;
  const numerics::Tile tile{p.row0, p.rows, p.col0 + begin, end - begin};
  const auto plane =
      numerics::has_tables(p.layout) ? numerics::Plane::kTables : numerics::Plane::kScales;
  if (!p.side.empty()) {
    c.tables = kBase + p.side_address + numerics::plane_range(p.layout, tile, plane).offset;
  }
  return c;
}

void load(PimBench& bench, const Problem& p) {
  REQUIRE(bench.ram.write(p.stream_address, p.stream.data(),
                          static_cast<unsigned>(p.stream.size())) == kOk);
  if (!p.side.empty()) {
    REQUIRE(bench.ram.write(p.side_address, p.side.data(), static_cast<unsigned>(p.side.size())) ==
            kOk);
  }
  REQUIRE(bench.write_vectors(64, p.x) == kOk);
}

void check_results(PimBench& bench, const Problem& p) {
  std::vector<std::uint16_t> y(std::size_t{p.rows} * p.vectors);
  REQUIRE(bench.read_results(128, y) == kOk);
  CHECK(y == expected(p));
}

struct Kind {
  Format format;
  Grouping grouping;
  abi::TableScope scope;
};
const Kind kKinds[] = {
    {Format::kFp16, Grouping::kNone, abi::TableScope::kTensor},
    {Format::kBf16, Grouping::kNone, abi::TableScope::kTensor},
    {Format::kInt8, Grouping::kNone, abi::TableScope::kTensor},
    {Format::kInt8, Grouping::kRow, abi::TableScope::kTensor},
    {Format::kInt4, Grouping::kGroup128, abi::TableScope::kTensor},
    {Format::kInt4, Grouping::kTensor, abi::TableScope::kTensor},
    {Format::kE2m1, Grouping::kGroup128, abi::TableScope::kTensor},
    {Format::kE3m0, Grouping::kRow, abi::TableScope::kTensor},
    {Format::kBsfpEDraft, Grouping::kNone, abi::TableScope::kTensor},
    {Format::kBsfpEDraft, Grouping::kNone, abi::TableScope::kRow},
    {Format::kBsfpIDraft, Grouping::kNone, abi::TableScope::kTensor},
    {Format::kBsfpIDraft, Grouping::kNone, abi::TableScope::kRow},
};

}  // namespace

TEST_CASE("GEMV gives the canonical dot products, bit for bit, for every format and shape") {
  PimBench bench(small_config());
  std::mt19937 random(1);
  for (const Kind& kind : kKinds) {
    for (unsigned i = 0; i < 40; ++i) {
      const Problem p = random_problem(random, kind.format, kind.grouping, kind.scope);
      load(bench, p);
      REQUIRE(bench.send(part(p, 0, p.columns)) == kOk);
      INFO("format " << unsigned(kind.format) << " rows " << p.rows << " columns " << p.columns
                     << " of " << p.layout.cols << " vectors " << p.vectors);
      check_results(bench, p);
    }
  }
  CHECK(bench.bus.read32(regs::ERROR_COUNT) == 0);
  CHECK(bench.bus_checker.violations().empty());
}

TEST_CASE("a dot product split over commands is the same as in one") {
  PimBench bench(small_config());
  std::mt19937 random(2);
  for (const Kind& kind : kKinds) {
    for (unsigned i = 0; i < 40; ++i) {
      const Problem p = random_problem(random, kind.format, kind.grouping, kind.scope);
      load(bench, p);
      // Scale groups want splits at multiples of 128, everything else takes any.
      const std::uint32_t unit = kind.grouping == Grouping::kGroup128 ? 128 : 1;
      for (std::uint32_t begin = 0; begin < p.columns;) {
        const std::uint32_t step = (1 + static_cast<std::uint32_t>(random() % 300)) / unit * unit;
        const std::uint32_t end = std::min(p.columns, begin + std::max(step, unit));
        REQUIRE(bench.send(part(p, begin, end)) == kOk);
        begin = end;
      }
      INFO("format " << unsigned(kind.format) << " columns " << p.columns);
      check_results(bench, p);
    }
  }
  CHECK(bench.bus.read32(regs::ERROR_COUNT) == 0);
}

TEST_CASE("weights, vectors and results are those of the time when the command is accepted") {
  PimBench bench(small_config());
  std::mt19937 random(3);
  const Problem p =
      random_problem(random, Format::kFp16, Grouping::kNone, abi::TableScope::kTensor);
  load(bench, p);
  REQUIRE(bench.send(part(p, 0, p.columns)) == kOk);
  const std::vector<std::uint8_t> zeros(p.stream.size());
  REQUIRE(bench.ram.write(p.stream_address, zeros.data(), static_cast<unsigned>(zeros.size())) ==
          kOk);
  REQUIRE(bench.write_vectors(64, std::vector<std::uint16_t>(p.x.size())) == kOk);
  check_results(bench, p);
}

TEST_CASE("windows are RAM, also for debug access") {
  PimBench bench(small_config());
  std::mt19937 random(4);
  const std::vector<std::uint8_t> bytes = random_bytes(random, 1000);
  std::vector<std::uint8_t> back(1000);
  for (const std::uint64_t window : {abi::kPimVectorWindow, abi::kPimResultWindow}) {
    REQUIRE(bench.bus.write(window + 17, bytes.data(), 1000) == kOk);
    REQUIRE(bench.bus.read(window + 17, back.data(), 1000) == kOk);
    CHECK(back == bytes);
    CHECK(bench.bus.debug(tlm::TLM_READ_COMMAND, window + 17, back.data(), 1000) == 1000);
    CHECK(back == bytes);
    const std::uint64_t last = window + bench.pim.config().vector_bytes - 10;
    CHECK(bench.bus.debug(tlm::TLM_WRITE_COMMAND, last, back.data(), 1000) == 10);
  }
  CHECK(bench.bus.debug(tlm::TLM_READ_COMMAND, abi::kPimCommandWindow, back.data(), 64) == 0);
}
