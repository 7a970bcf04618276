// SPDX-License-Identifier: Apache-2.0
// Weights whose rows lie in the banks by strides, several dot products side by side in a row, and
// what the PIM says of its strides.
#include <algorithm>
#include <catch2/catch.hpp>

#include "pim_bench.h"
#include "tandem/numerics/dot.h"
#include "tandem/numerics/fp.h"
#include "tandem/pim/bank_layout.h"

using namespace tandem;
using namespace tandem::test;
using abi::Status;

namespace {

memory::DeviceGeometry small_geometry() {
  memory::DeviceGeometry geometry;
  geometry.ranks = 2;
  geometry.bank_groups = 2;
  geometry.banks_per_group = 4;
  geometry.rows = 16;
  geometry.row_bytes = 256;
  geometry.bus_bits = 16;
  geometry.burst_length = 16;
  return geometry;
}

pim::BankLayout layout_of(const char* order, unsigned channels, unsigned interleave) {
  const memory::DeviceGeometry geometry = small_geometry();
  return pim::bank_layout(memory::AddressMapping(order, channels, geometry, interleave), geometry);
}

// A scattered GEMV and the values it must give.
struct Scattered {
  abi::PimCommand command;
  std::vector<std::uint16_t> x;
  std::vector<std::uint16_t> expected;  // [vector][segment][row]
};

Scattered random_scattered(std::mt19937& random, PimBench& bench) {
  Scattered p;
  const std::uint32_t rows = 1 + static_cast<std::uint32_t>(random() % 70);
  const auto segments = static_cast<std::uint8_t>(1 + random() % 4);
  const std::uint32_t each = 1 + static_cast<std::uint32_t>(random() % 300);
  const auto vectors = static_cast<std::uint16_t>(1 + random() % 4);
  const std::uint32_t columns = segments * each;
  abi::PimCommand c = gemv(kBase + 4096, rows, columns, vectors);
  c.segments = segments;
  c.block_rows = static_cast<std::uint16_t>(1 + random() % 20);
  c.row_elements = columns + static_cast<std::uint32_t>(random() % 5000);
  c.block_elements = c.block_rows * c.row_elements + static_cast<std::uint32_t>(random() % 300);
  c.output_stride = segments * 2 * (rows + static_cast<std::uint32_t>(random() % 3));
  p.x = random_fp16(random, std::size_t{vectors} * columns);
  std::vector<std::vector<std::uint16_t>> weights;
  for (std::uint32_t row = 0; row < rows; ++row) {
    weights.push_back(random_fp16(random, columns));
    const std::uint64_t at = std::uint64_t{row % c.block_rows} * c.row_elements +
                             std::uint64_t{row / c.block_rows} * c.block_elements;
    bench.pim.memory().store().write(4096 + 2 * at, weights.back().data(), 2ull * columns);
  }
  for (std::uint16_t v = 0; v < vectors; ++v) {
    for (std::uint8_t s = 0; s < segments; ++s) {
      for (std::uint32_t row = 0; row < rows; ++row) {
        const float sum =
            numerics::dot(&p.x[v * columns + s * each], 1, &weights[row][s * each], 1, each);
        p.expected.push_back(numerics::float_to_fp16(sum));
      }
    }
  }
  p.command = c;
  return p;
}

Status status_of(PimBench& bench, const abi::PimCommand& command) {
  bench.bus.write32(regs::CONTROL, regs::CONTROL_SOFT_RESET.put(1));
  bench.enable();
  REQUIRE(bench.send(command) == kOk);
  bench.settle();
  std::uint32_t cause = 0;
  REQUIRE(bench.bus.read(regs::ERROR_CAUSE, &cause, 4) == kOk);
  return static_cast<Status>(cause);
}

}  // namespace

TEST_CASE("scattered rows and segments give the canonical dot products") {
  PimBench bench(small_config());
  std::mt19937 random(17);
  for (int i = 0; i < 60; ++i) {
    const Scattered p = random_scattered(random, bench);
    REQUIRE(bench.write_vectors(0, p.x) == kOk);
    REQUIRE(bench.send(p.command) == kOk);
    const std::uint32_t rows = p.command.rows;
    std::vector<std::uint16_t> y;
    for (std::uint32_t v = 0; v < p.command.vectors; ++v) {
      for (std::uint32_t s = 0; s < p.command.segments; ++s) {
        std::vector<std::uint16_t> part(rows);
        const std::uint32_t offset =
            v * p.command.output_stride + s * (p.command.output_stride / p.command.segments);
        REQUIRE(bench.read_results(offset, part) == kOk);
        y.insert(y.end(), part.begin(), part.end());
      }
    }
    INFO(rows << " rows in blocks of " << p.command.block_rows << ", " << p.command.columns
              << " columns in " << int{p.command.segments} << " segments");
    REQUIRE(y == p.expected);
  }
}

TEST_CASE("a dot product goes on over scattered commands") {
  PimBench bench(small_config());
  std::mt19937 random(18);
  const std::uint32_t rows = 24, parts = 3, columns = 200;
  const std::vector<std::uint16_t> x = random_fp16(random, parts * columns);
  REQUIRE(bench.write_vectors(0, x) == kOk);
  std::vector<std::vector<std::uint16_t>> weights(rows);
  for (std::uint32_t part = 0; part < parts; ++part) {
    abi::PimCommand c = gemv(kBase + part * 0x10'0000, rows, columns);
    c.flags = static_cast<std::uint8_t>((part == 0 ? abi::kPimFirst : 0) |
                                        (part + 1 == parts ? abi::kPimLast : 0));
    c.row_elements = 2048;
    c.block_rows = 8;
    c.block_elements = 512;  // between the rows of a block
    c.vector_offset = 2 * part * columns;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const std::vector<std::uint16_t> values = random_fp16(random, columns);
      const std::uint64_t at = row % 8 * 2048 + row / 8 * 512;
      bench.pim.memory().store().write(part * 0x10'0000 + 2 * at, values.data(), 2ull * columns);
      weights[row].insert(weights[row].end(), values.begin(), values.end());
    }
    REQUIRE(bench.send(c) == kOk);
  }
  std::vector<std::uint16_t> y(rows), expected;
  for (const auto& row : weights) {
    expected.push_back(
        numerics::float_to_fp16(numerics::dot(x.data(), 1, row.data(), 1, x.size())));
  }
  REQUIRE(bench.read_results(0, y) == kOk);
  CHECK(y == expected);
}

TEST_CASE("sequences with results of their own may take turns, the oldest of too many ends") {
  PimBench bench(small_config());
  std::mt19937 random(19);
  const std::uint32_t rows = 4, columns = 100, parts = 2, count = abi::kPimSequences + 1;
  const std::vector<std::uint16_t> x = random_fp16(random, parts * columns);
  REQUIRE(bench.write_vectors(0, x) == kOk);
  const std::vector<std::uint16_t> weights =
      random_fp16(random, std::size_t{count} * rows * parts * columns);
  bench.pim.memory().store().write(0, weights.data(), 2 * weights.size());
  const auto part = [&](std::uint32_t sequence, std::uint32_t index) {
    const std::uint64_t element = (std::uint64_t{sequence} * rows * parts + index) * columns;
    abi::PimCommand c = gemv(kBase + 2 * element, rows, columns);
    c.row_elements = parts * columns;
    c.vector_offset = 2 * index * columns;
    c.output_offset = 2 * rows * sequence;
    c.flags = index == 0 ? abi::kPimFirst : abi::kPimLast;
    return c;
  };
  const auto read = [&](std::uint32_t sequence) {
    std::vector<std::uint16_t> y(rows);
    return std::make_pair(bench.read_results(2 * rows * sequence, y), y);
  };
  for (std::uint32_t s = 0; s < count; ++s) REQUIRE(bench.send(part(s, 0)) == kOk);
  for (std::uint32_t s = count; s-- > 0;) REQUIRE(bench.send(part(s, 1)) == kOk);
  CHECK(read(0).first != kOk);
  for (std::uint32_t s = 1; s < count; ++s) {
    std::vector<std::uint16_t> expected;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const std::uint16_t* w = &weights[(std::size_t{s} * rows + row) * parts * columns];
      expected.push_back(numerics::float_to_fp16(numerics::dot(x.data(), 1, w, 1, x.size())));
    }
    const auto [status, y] = read(s);
    REQUIRE(status == kOk);
    REQUIRE(y == expected);
  }
}

TEST_CASE("bad strides and segments complete with a status") {
  PimBench bench(small_config());
  const auto scattered = [] {
    abi::PimCommand c = gemv(kBase, 32, 64);
    c.block_rows = 16;
    c.row_elements = 1024;
    c.block_elements = 64;
    return c;
  };
  CHECK(status_of(bench, scattered()) == Status::kOk);
  abi::PimCommand c = scattered();
  c.block_elements = ~0u;
  c.rows = 4096;
  c.block_rows = 1;
  CHECK(status_of(bench, c) == Status::kBusError);
  c = scattered();
  c.weights = kBase + bench.pim.memory().config().size_bytes() - 1024;
  CHECK(status_of(bench, c) == Status::kBusError);
  c = scattered();
  c.format = static_cast<abi::u8>(abi::Format::kInt8);
  CHECK(status_of(bench, c) == Status::kUnsupported);
  c = scattered();
  c.segments = 3;  // does not divide 64 columns
  CHECK(status_of(bench, c) == Status::kBadOperand);
  c = scattered();
  c.segments = 4;  // results of a segment would overlap the next one's
  CHECK(status_of(bench, c) == Status::kBadOperand);
  c.output_stride = 4 * 2 * c.rows;
  CHECK(status_of(bench, c) == Status::kOk);
  c.output_stride += 2;  // no whole number of bytes for a segment
  CHECK(status_of(bench, c) == Status::kBadOperand);
  c.output_stride = 4 * 2 * 32;
  CHECK(status_of(bench, c) == Status::kOk);
  c.flags = abi::kPimFirst;
  CHECK(status_of(bench, c) == Status::kBadFlags);
  c.flags = abi::kPimFirst | abi::kPimLast;
  c.output_offset = bench.pim.config().result_bytes - 4 * 2 * 32 + 2;
  CHECK(status_of(bench, c) == Status::kNoSpace);
  c.output_offset -= 2;
  CHECK(status_of(bench, c) == Status::kOk);
}

TEST_CASE("random scattered commands complete, and the PIM works afterwards") {
  PimBench bench(small_config());
  std::mt19937 random(20);
  const auto edge = [&](std::uint32_t usual) -> std::uint32_t {
    static constexpr std::uint32_t kEdges[] = {0, 1, 2, 3, 255, 0xFFFF, 0x8000'0000, ~0u};
    return random() % 6 == 0 ? kEdges[random() % 8] : static_cast<std::uint32_t>(random()) % usual;
  };
  unsigned good = 0;
  for (int i = 0; i < 5'000; ++i) {
    abi::PimCommand c = gemv(kBase + 2ull * edge(1 << 20), edge(64), edge(256));
    c.vectors = static_cast<std::uint16_t>(edge(4));
    c.segments = static_cast<std::uint8_t>(edge(4));
    c.block_rows = static_cast<std::uint16_t>(edge(32));
    c.row_elements = edge(4096);
    c.block_elements = edge(4096);
    c.output_offset = 2 * edge(64);
    c.output_stride = 8 * edge(64);
    c.flags = static_cast<std::uint8_t>(edge(4));
    c.element_offset = 0;
    REQUIRE(bench.send(c) == kOk);
    if (i % 64 != 63) continue;
    bench.settle();
    std::uint32_t errors = 0;
    REQUIRE(bench.bus.read(regs::ERROR_COUNT, &errors, 4) == kOk);
    good += errors < 64 ? 1 : 0;
    bench.bus.write32(regs::CONTROL, regs::CONTROL_SOFT_RESET.put(1));
    bench.enable();
  }
  CHECK(good > 60);  // some of the commands between two resets did compute
  const Scattered p = random_scattered(random, bench);
  REQUIRE(bench.write_vectors(0, p.x) == kOk);
  REQUIRE(bench.send(p.command) == kOk);
  std::vector<std::uint16_t> row(p.command.rows);
  REQUIRE(bench.read_results(0, row) == kOk);
  CHECK(std::equal(row.begin(), row.end(), p.expected.begin()));
}

TEST_CASE("full-precision BSFP is not multiplied in the banks") {
  PimBench bench(small_config());
  for (const abi::Format format : {abi::Format::kBsfpEFull, abi::Format::kBsfpIFull}) {
    abi::PimCommand c = gemv(kBase, 16, 128);
    c.format = static_cast<abi::u8>(format);
    CHECK(status_of(bench, c) == Status::kUnsupported);
  }
}

TEST_CASE("the strides of a mapping lead to the bytes that it names") {
  struct Case {
    const char* order;
    unsigned channels;
  };
  for (const Case& c : {Case{"RoRaBgBaChCo", 4}, Case{"RoChRaBaBgCo", 4}, Case{"ChRoBaRaBgCo", 2},
                        Case{"RoRaBaCoBgCh", 8}, Case{"RoRaBgBaChCo", 1}}) {
    const memory::DeviceGeometry geometry = small_geometry();
    const memory::AddressMapping mapping(c.order, c.channels, geometry, geometry.row_bytes);
    const pim::BankLayout layout = pim::bank_layout(mapping, geometry);
    INFO(c.order << ": " << layout.why_not);
    REQUIRE(layout.possible());
    const auto field = [&](const abi::Field& f) { return f.get(layout.banks_word); };
    REQUIRE(1u << field(regs::BANK_LAYOUT_ROW) == geometry.row_bytes);
    REQUIRE(1u << field(regs::BANK_LAYOUT_BANKS) == geometry.banks());
    const unsigned channel_stride = regs::CHANNEL_LAYOUT_CHANNEL_STRIDE.get(layout.channels_word);
    CHECK(1u << regs::CHANNEL_LAYOUT_CHANNELS.get(layout.channels_word) == c.channels);
    for (std::uint64_t channel = 0; channel < c.channels; ++channel) {
      for (std::uint64_t row = 0; row < geometry.rows; ++row) {
        std::vector<bool> banks(geometry.banks());
        for (std::uint64_t bank = 0; bank < geometry.banks(); ++bank) {
          const std::uint64_t address = (channel << channel_stride) +
                                        (row << field(regs::BANK_LAYOUT_ROW_STRIDE)) +
                                        (bank << field(regs::BANK_LAYOUT_BANK_STRIDE));
          const memory::Location first = mapping.decode(address);
          const memory::Location last = mapping.decode(address + geometry.row_bytes - 1);
          CHECK(first.channel == channel);
          CHECK(first.row == row);
          CHECK(first.column_byte == 0);
          CHECK(last.column_byte == geometry.row_bytes - 1);
          CHECK(mapping.flat_bank(first) == mapping.flat_bank(last));
          banks[mapping.flat_bank(first)] = true;
        }
        CHECK(std::count(banks.begin(), banks.end(), true) == geometry.banks());
      }
    }
  }
}

TEST_CASE("a mapping without such strides says which rule it breaks") {
  CHECK(layout_of("RoRaBgBaChCo", 4, 128).possible());  // Co and the interleaved bytes are adjacent
  CHECK_THAT(layout_of("RoRaBaCoBgCh", 4, 128).why_not, Catch::Contains("not contiguous"));
  CHECK_THAT(layout_of("RoRaChBgBaCo", 4, 256).why_not, Catch::Contains("banks of a channel"));
  CHECK_THAT(layout_of("RoRaBgChBaCo", 4, 256).why_not, Catch::Contains("banks of a channel"));
  CHECK_THAT(layout_of("RaRoBgBaChCo", 4, 256).why_not, Catch::Contains("banks of a channel"));
  CHECK_THAT(layout_of("RaBgBaRoChCo", 4, 256).why_not, Catch::Contains("not above the bank"));
}

TEST_CASE("weights lie evenly in all banks of all channels") {
  // As the platform maps by default, NeuPIMs, and IANUS; from row to row of a bank for the last
  // two.
  const memory::DeviceGeometry geometry = device("hbm2_neupims").geometry;
  struct Case {
    const char* order;
    unsigned interleave;
  };
  for (const Case& c : {Case{"RoRaBaCoBgCh", 256}, Case{"RoRaBgBaChCo", geometry.row_bytes},
                        Case{"RoChRaBaBgCo", geometry.row_bytes}}) {
    INFO(c.order);
    const unsigned channels = 8;
    const memory::AddressMapping mapping(c.order, channels, geometry, c.interleave);
    const std::uint64_t matrix_bytes = 4096ull * 4096 * 2;
    std::vector<std::uint64_t> bytes(std::size_t{channels} * geometry.banks());
    mapping.for_each_run(0x1'2340, matrix_bytes, [&](const memory::Run& run) {
      bytes[run.channel * geometry.banks() + run.bank] += run.bytes;
    });
    const auto [least, most] = std::minmax_element(bytes.begin(), bytes.end());
    CHECK(*least > 0);
    CHECK(*most - *least <= geometry.row_bytes);
    CHECK(*most >= matrix_bytes / bytes.size());
    // 8 MiB of one bit plane of the weights are as even.
    std::vector<std::uint64_t> plane(bytes.size());
    mapping.for_each_run(matrix_bytes, matrix_bytes / 4, [&](const memory::Run& run) {
      plane[run.channel * geometry.banks() + run.bank] += run.bytes;
    });
    for (const std::uint64_t part : plane) CHECK(part == matrix_bytes / 4 / plane.size());
  }
}

TEST_CASE("the PIM shows its strides, or zero") {
  pim::Config strided = small_config();
  strided.memory.mapping = "RoRaBgBaChCo";
  strided.memory.interleave_bytes = strided.memory.device.geometry.row_bytes;
  PimBench bench(strided, "strided", false);
  PimBench hidden(small_config(), "hidden", false);
  bench.start();
  hidden.start();
  std::uint32_t banks = 0, channels = 0;
  bench.bus.read(regs::BANK_LAYOUT, &banks, 4);
  bench.bus.read(regs::CHANNEL_LAYOUT, &channels, 4);
  const pim::BankLayout layout =
      pim::bank_layout(bench.pim.memory().mapping(), strided.memory.device.geometry);
  CHECK(banks == layout.banks_word);
  CHECK(banks != 0);
  CHECK(channels == layout.channels_word);
  hidden.bus.read(regs::BANK_LAYOUT, &banks, 4);
  CHECK(banks == 0);
}
