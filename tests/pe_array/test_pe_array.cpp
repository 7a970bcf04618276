// SPDX-License-Identifier: Apache-2.0
// What the array computes, bit for bit, and how long it takes.
#include <catch2/catch.hpp>

#include "bench_device.h"
#include "tandem/numerics/bsfp.h"
#include "tandem/numerics/quant.h"
#include "tandem/numerics/random.h"

using namespace tandem;
using namespace tandem::test;
using abi::Format;
using abi::Grouping;
using abi::TableScope;

namespace {

constexpr std::uint32_t kRows = 37;
constexpr std::uint32_t kColumns = 300;  // two whole chunks and a part
constexpr std::uint32_t kVectors = 5;

std::vector<std::uint16_t> random_fp16(std::size_t n, std::uint32_t stream) {
  numerics::RandomKey key;
  key.seed = 99;
  key.request = stream;
  std::vector<std::uint16_t> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = static_cast<std::uint32_t>(i);
    const float wide = numerics::uniform(key, 2 * index) - 0.5f;
    const float narrow = numerics::uniform(key, 2 * index + 1);
    values[i] = numerics::float_to_fp16(wide * narrow);
  }
  return values;
}

// A tile as the windows take it, and what each weight is worth before its scale.
struct Case {
  explicit Case(Format of) : format(of) {}

  Format format;
  Grouping grouping = Grouping::kNone;
  TableScope scope = TableScope::kTensor;
  std::vector<std::uint8_t> stream, remainder, tables, scales;
  std::vector<float> values;

  float scale(std::uint32_t row, std::uint32_t chunk) const {
    if (scales.empty()) return 1.0f;
    std::size_t index = 0;
    if (grouping == Grouping::kGroup128) index = row * ((kColumns + 127) / 128) + chunk;
    if (grouping == Grouping::kRow) index = row;
    return numerics::fp16_to_float(
        static_cast<std::uint16_t>(scales[2 * index] | scales[2 * index + 1] << 8));
  }
};

// The canonical dot product, written down once more.
std::vector<std::uint16_t> reference(const Case& tile, const std::vector<std::uint16_t>& x) {
  std::vector<std::uint16_t> y;
  for (std::uint32_t v = 0; v < kVectors; ++v) {
    for (std::uint32_t row = 0; row < kRows; ++row) {
      float total = 0;
      for (std::uint32_t chunk = 0; chunk * 128 < kColumns; ++chunk) {
        float sum = 0;
        for (std::uint32_t c = chunk * 128; c < kColumns && c < chunk * 128 + 128; ++c) {
          sum += tile.values[row * kColumns + c] * numerics::fp16_to_float(x[v * kColumns + c]);
        }
        total += tile.scales.empty() ? sum : sum * tile.scale(row, chunk);
      }
      y.push_back(numerics::float_to_fp16(total));
    }
  }
  return y;
}

std::vector<std::uint8_t> bytes_of(const std::vector<std::uint16_t>& words) {
  std::vector<std::uint8_t> bytes(words.size() * 2);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

Case plain_case(Format format) {
  const auto weights = random_fp16(std::size_t{kRows} * kColumns, 1);
  Case tile(format);
  std::vector<std::uint16_t> words;
  for (const std::uint16_t weight : weights) {
    const float value = numerics::fp16_to_float(weight);
    const bool is_bf16 = format == Format::kBf16;
    words.push_back(is_bf16 ? numerics::float_to_bf16(value) : weight);
    tile.values.push_back(is_bf16 ? numerics::bf16_to_float(words.back()) : value);
  }
  tile.stream = bytes_of(words);
  return tile;
}

float low_bit_value(Format format, const std::vector<std::uint8_t>& stream, std::size_t i) {
  if (format == Format::kInt8) return static_cast<std::int8_t>(stream[i]);
  const unsigned nibble = stream[i / 2] >> (4 * (i % 2)) & 15u;
  const float sign = nibble & 8 ? -1.0f : 1.0f;
  static const float kE2m1[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  static const float kE3m0[8] = {0x1p-7f, 0x1p-6f, 0x1p-5f, 0x1p-4f, 0x1p-3f, 0x1p-2f, 0x1p-1f, 1};
  if (format == Format::kE2m1) return sign * kE2m1[nibble & 7];
  if (format == Format::kE3m0) return sign * kE3m0[nibble & 7];
  return static_cast<float>(nibble & 8 ? static_cast<int>(nibble) - 16 : static_cast<int>(nibble));
}

Case scaled_case(Format format, Grouping grouping) {
  const auto weights = random_fp16(std::size_t{kRows} * kColumns, 1);
  const auto tensor = numerics::quantize(weights.data(), kRows, kColumns, format, grouping,
                                         numerics::ScaleRule::kAbsmax);
  Case tile(format);
  tile.grouping = grouping;
  tile.stream = tensor.stream;
  tile.scales = tensor.scales;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    tile.values.push_back(low_bit_value(format, tile.stream, i));
  }
  return tile;
}

template <class Table>
Case bsfp_case(const numerics::Packed<Table>& packed, Format format, TableScope scope,
               Grouping grouping = Grouping::kNone) {
  REQUIRE(packed);
  const auto weights = random_fp16(std::size_t{kRows} * kColumns, 1);
  Case tile(format);
  tile.scope = scope;
  tile.grouping = grouping;
  tile.stream = packed.tensor->plane;
  tile.tables = packed.tensor->table_bytes();
  if (abi::is_bsfp_full(format)) {
    tile.remainder = packed.tensor->remainder;
    for (const std::uint16_t weight : weights) {
      tile.values.push_back(numerics::fp16_to_float(weight));
    }
    return tile;
  }
  tile.values = numerics::draft_values(*packed.tensor);
  if (grouping != Grouping::kNone) {
    tile.scales = numerics::fit_draft_scales(weights.data(), tile.values.data(), kRows, kColumns,
                                             grouping, numerics::ScaleRule::kAbsmax);
  }
  return tile;
}

Case bsfp_e_case(Format format, TableScope scope, Grouping grouping = Grouping::kNone) {
  const auto weights = random_fp16(std::size_t{kRows} * kColumns, 1);
  return bsfp_case(numerics::make_bsfp_e(weights.data(), kRows, kColumns, scope), format, scope,
                   grouping);
}

Case bsfp_i_case(Format format, TableScope scope, Grouping grouping = Grouping::kNone) {
  const auto weights = random_fp16(std::size_t{kRows} * kColumns, 1);
  return bsfp_case(
      numerics::make_bsfp_i(weights.data(), kRows, kColumns, scope, numerics::Levels::kAny), format,
      scope, grouping);
}

// Fills the windows and registers; scales lie behind the tables, 64-byte aligned.
void load_case(PeArrayBench& bench, const Case& tile, const std::vector<std::uint16_t>& x) {
  bench.enable();
  bench.shape(tile.format, kRows, kColumns, kVectors);
  bench.write32(pe_regs::GROUPING, static_cast<std::uint32_t>(tile.grouping));
  bench.write32(pe_regs::SCOPE, static_cast<std::uint32_t>(tile.scope));
  std::vector<std::uint8_t> tables = tile.tables;
  tables.resize((tables.size() + 63) / 64 * 64);
  tables.insert(tables.end(), tile.scales.begin(), tile.scales.end());
  CHECK(bench.load(abi::kPeWeightWindow, tile.stream) == tlm::TLM_OK_RESPONSE);
  CHECK(bench.load(abi::kPeRemainderWindow, tile.remainder) == tlm::TLM_OK_RESPONSE);
  CHECK(bench.load(abi::kPeTableWindow, tables) == tlm::TLM_OK_RESPONSE);
  CHECK(bench.load(abi::kPeInputWindow, x) == tlm::TLM_OK_RESPONSE);
}

void check_bit_exact(const Case& tile) {
  PeArrayBench bench;
  const auto x = random_fp16(std::size_t{kVectors} * kColumns, 2);
  load_case(bench, tile, x);
  for (const std::uint32_t dataflow : {0u, 1u}) {
    bench.write32(pe_regs::DATAFLOW, dataflow);
    bench.start();
    REQUIRE(bench.read32(pe_regs::ERROR_COUNT) == 0);
    PeArrayBench::run(100'000'000);
    REQUIRE(bench.done());
    CHECK(bench.output(kVectors * kRows) == reference(tile, x));
    bench.load(abi::kPeOutputWindow, std::vector<std::uint16_t>(kVectors * kRows, 0xFFFF));
    bench.write32(pe_regs::IRQ_STATUS, 1);
  }
}

}  // namespace

TEST_CASE("FP16 tile is bit-exact") {
  check_bit_exact(plain_case(Format::kFp16));
}
TEST_CASE("BF16 tile is bit-exact") {
  check_bit_exact(plain_case(Format::kBf16));
}
TEST_CASE("INT8 tile is bit-exact") {
  check_bit_exact(scaled_case(Format::kInt8, Grouping::kRow));
}
TEST_CASE("INT4 tile is bit-exact") {
  check_bit_exact(scaled_case(Format::kInt4, Grouping::kGroup128));
}
TEST_CASE("E2M1 tile is bit-exact") {
  check_bit_exact(scaled_case(Format::kE2m1, Grouping::kTensor));
}
TEST_CASE("E3M0 tile is bit-exact") {
  check_bit_exact(scaled_case(Format::kE3m0, Grouping::kGroup128));
}
TEST_CASE("BSFP-E draft tile is bit-exact") {
  check_bit_exact(bsfp_e_case(Format::kBsfpEDraft, TableScope::kTensor));
}
TEST_CASE("BSFP-E draft tile with group scales is bit-exact") {
  check_bit_exact(bsfp_e_case(Format::kBsfpEDraft, TableScope::kTensor, Grouping::kGroup128));
}
TEST_CASE("BSFP-E full tile is bit-exact") {
  check_bit_exact(bsfp_e_case(Format::kBsfpEFull, TableScope::kTensor));
}
TEST_CASE("BSFP-I draft tile is bit-exact") {
  check_bit_exact(bsfp_i_case(Format::kBsfpIDraft, TableScope::kTensor));
}
TEST_CASE("BSFP-I draft tile with a table per row and row scales is bit-exact") {
  check_bit_exact(bsfp_i_case(Format::kBsfpIDraft, TableScope::kRow, Grouping::kRow));
}
TEST_CASE("BSFP-I full tile is bit-exact") {
  check_bit_exact(bsfp_i_case(Format::kBsfpIFull, TableScope::kRow));
}

TEST_CASE("a tile takes its cycles, then raises DONE and the output changes") {
  PeArrayBench bench;
  const Case tile = plain_case(Format::kFp16);
  const auto x = random_fp16(std::size_t{kVectors} * kColumns, 2);
  load_case(bench, tile, x);
  bench.write32(pe_regs::IRQ_MASK, 1);
  bench.start();
  const std::uint64_t cycles =
      bench.device.core().tile_timing(Format::kFp16, kRows, kColumns, kVectors).latency_cycles();
  CHECK(bench.read32(pe_regs::CYCLES) == cycles);
  PeArrayBench::run(cycles * 1000 - 1);
  CHECK(bench.busy());
  CHECK_FALSE(bench.irq.read());
  CHECK(bench.output(1)[0] == 0);
  PeArrayBench::run(1);
  CHECK_FALSE(bench.busy());
  CHECK(bench.irq.read());
  CHECK(bench.output(kVectors * kRows) == reference(tile, x));
}

TEST_CASE("the period of the clock scales the time of a tile") {
  PeArrayBench bench;
  bench.enable();
  bench.shape(Format::kFp16, 16, 16, 4);
  bench.device.set_clock_period_ps(2500);
  bench.start();
  const std::uint64_t cycles = bench.read32(pe_regs::CYCLES);
  PeArrayBench::run(cycles * 2500 - 1);
  CHECK(bench.busy());
  PeArrayBench::run(1);
  CHECK(bench.done());
}

TEST_CASE("a change between draft and full formats costs the reconfiguration") {
  PeArrayBench bench;
  bench.enable();
  const auto cycles_of = [&](Format format) {
    bench.shape(format, 16, 16, 4);
    bench.start();
    PeArrayBench::run(10'000'000);
    return bench.read32(pe_regs::CYCLES);
  };
  const std::uint32_t full = cycles_of(Format::kFp16);
  const std::uint32_t switched = cycles_of(Format::kInt4);
  const std::uint32_t settled = cycles_of(Format::kInt4);
  CHECK(full == settled);
  CHECK(switched == settled + 16);
  CHECK(cycles_of(Format::kFp16) == full + 16);
}

TEST_CASE("operands are taken at START") {
  PeArrayBench bench;
  const Case tile = plain_case(Format::kFp16);
  const auto x = random_fp16(std::size_t{kVectors} * kColumns, 2);
  load_case(bench, tile, x);
  bench.start();
  bench.load(abi::kPeWeightWindow, std::vector<std::uint8_t>(tile.stream.size(), 0));
  bench.write32(pe_regs::ROWS, 1);
  PeArrayBench::run(100'000'000);
  CHECK(bench.output(kVectors * kRows) == reference(tile, x));
}

TEST_CASE("same tile, same statistics, and the timeline has its slice") {
  PeArrayBench bench;
  observe::Timeline timeline;
  bench.device.set_timeline(&timeline);
  bench.enable();
  bench.shape(Format::kFp16, 16, 16, 4);
  bench.start();
  PeArrayBench::run(1'000'000);
  REQUIRE(timeline.slices().size() == 1);
  const auto& slice = timeline.slices()[0];
  CHECK(slice.end_ps - slice.begin_ps == bench.read32(pe_regs::CYCLES) * 1000u);
  observe::StatisticsTable table;
  bench.device.collect(table);
  CHECK(table.find("tiles")->integer == 1);
  CHECK(table.find("macs")->integer == 16 * 16 * 4);
  CHECK(table.find("utilisation")->real <= 1.0);
}
