// SPDX-License-Identifier: Apache-2.0
// The vector unit: results against double precision and against the canonical order of sums, and
// the closed forms of its time.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "tandem/npu/vector_unit.h"
#include "tandem/numerics/fp.h"
#include "tandem/numerics/math.h"
#include "tandem/numerics/random.h"

using namespace tandem;
using npu::VectorOperation;
using npu::VectorUnit;
using Row = std::vector<std::uint16_t>;

namespace {

constexpr std::uint16_t kNan = 0x7E00;
constexpr std::uint16_t kMinusInfinity = 0xFC00;

float value(std::uint16_t pattern) {
  return numerics::fp16_to_float(pattern);
}

Row random_row(std::uint32_t n, std::uint32_t stream, float spread = 4.0f) {
  numerics::RandomKey key;
  key.seed = 5;
  key.request = stream;
  Row row(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    row[i] = numerics::float_to_fp16((numerics::uniform(key, i) - 0.5f) * spread);
  }
  return row;
}

// Within one FP16 rounding and a little, of an exact value.
void check_close(std::uint16_t actual, double expected) {
  CHECK(value(actual) == Approx(expected).epsilon(0x1p-10).margin(0x1p-14));
}

float sum_of_squares(const Row& x, std::size_t chunk) {
  float total = 0;
  for (std::size_t begin = 0; begin < x.size(); begin += chunk) {
    float part = 0;
    for (std::size_t i = begin; i < x.size() && i < begin + chunk; ++i) {
      part += value(x[i]) * value(x[i]);
    }
    total += part;
  }
  return total;
}

float rms_factor(const Row& x, std::size_t chunk) {
  return numerics::rsqrt(sum_of_squares(x, chunk) / static_cast<float>(x.size()) + 1e-5f);
}

}  // namespace

TEST_CASE("rms norm: value, and the canonical order of its sum to the bit") {
  std::size_t told_apart = 0;
  for (std::uint32_t stream = 0; stream < 20; ++stream) {
    const Row x = random_row(300, stream), gain = random_row(300, 100);
    Row y(300);
    VectorUnit::rms_norm(x.data(), gain.data(), 1e-5f, 300, y.data());
    double squares = 0;
    for (const std::uint16_t v : x) squares += double{value(v)} * value(v);
    const double factor = 1 / std::sqrt(squares / 300 + 1e-5);
    for (std::size_t i = 0; i < y.size(); ++i) {
      check_close(y[i], value(x[i]) * factor * value(gain[i]));
      REQUIRE(y[i] == numerics::float_to_fp16(value(x[i]) * rms_factor(x, 128) * value(gain[i])));
    }
    told_apart += rms_factor(x, 128) != rms_factor(x, 300);
  }
  CHECK(told_apart > 0);  // the order does make a difference
}

TEST_CASE("layer norm: value, with and without bias, in place") {
  const Row x = random_row(200, 1), gain = random_row(200, 2), bias = random_row(200, 3);
  double mean = 0, variance = 0;
  for (const std::uint16_t v : x) mean += value(v) / 200.0;
  for (const std::uint16_t v : x) variance += std::pow(value(v) - mean, 2) / 200.0;
  Row with_bias(200), without = x;
  VectorUnit::layer_norm(x.data(), gain.data(), bias.data(), 1e-5f, 200, with_bias.data());
  VectorUnit::layer_norm(without.data(), gain.data(), nullptr, 1e-5f, 200, without.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double scaled = (value(x[i]) - mean) / std::sqrt(variance + 1e-5) * value(gain[i]);
    check_close(without[i], scaled);
    CHECK(value(with_bias[i]) == Approx(scaled + value(bias[i])).epsilon(0x1p-10).margin(0x1p-12));
  }
}

TEST_CASE("rope: both pairings rotate each pair by its angle") {
  constexpr std::uint32_t kHeads = 3, kHeadDim = 8, kPosition = 77;
  const float frequencies[] = {1.0f, 0.1f, 0.01f, 0.001f};
  const Row x = random_row(kHeads * kHeadDim, 4);
  Row interleaved(x.size()), halves(x.size()), in_place = x;
  VectorUnit::rope_interleaved(x.data(), kPosition, frequencies, kHeads, kHeadDim,
                               interleaved.data());
  VectorUnit::rope_halves(x.data(), kPosition, frequencies, kHeads, kHeadDim, halves.data());
  VectorUnit::rope_halves(in_place.data(), kPosition, frequencies, kHeads, kHeadDim,
                          in_place.data());
  CHECK(in_place == halves);
  const auto check_pair = [&](const Row& y, std::size_t a, std::size_t b, std::size_t i) {
    const double angle = kPosition * double{frequencies[i]};
    check_close(y[a], value(x[a]) * std::cos(angle) - value(x[b]) * std::sin(angle));
    check_close(y[b], value(x[a]) * std::sin(angle) + value(x[b]) * std::cos(angle));
  };
  for (std::size_t head = 0; head < kHeads; ++head) {
    for (std::size_t i = 0; i < kHeadDim / 2; ++i) {
      check_pair(interleaved, head * kHeadDim + 2 * i, head * kHeadDim + 2 * i + 1, i);
      check_pair(halves, head * kHeadDim + i, head * kHeadDim + i + 4, i);
    }
  }
}

TEST_CASE("rope at position 0 changes nothing") {
  const float frequencies[] = {1.0f, 0.5f};
  const Row x = random_row(4, 9);
  Row y(4);
  VectorUnit::rope_interleaved(x.data(), 0, frequencies, 1, 4, y.data());
  CHECK(y == x);
}

TEST_CASE("elementwise operations round once, subnormals are kept") {
  const Row a = random_row(500, 6), b = random_row(500, 7, 0.001f);
  Row sum(500), product(500), gated(500), activated(500);
  VectorUnit::add(a.data(), b.data(), 500, sum.data());
  VectorUnit::multiply(a.data(), b.data(), 500, product.data());
  VectorUnit::silu_multiply(a.data(), b.data(), 500, gated.data());
  VectorUnit::gelu(a.data(), 500, activated.data());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = value(a[i]), y = value(b[i]);
    CHECK(sum[i] == numerics::float_to_fp16(static_cast<float>(x + y)));
    CHECK(product[i] == numerics::float_to_fp16(static_cast<float>(x * y)));
    CHECK(value(gated[i]) == Approx(x / (1 + std::exp(-x)) * y).epsilon(0x1p-10).margin(0x1p-24));
    check_close(activated[i],
                x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))));
  }
  const Row tiny = {0x0001}, one = {0x3C00};
  Row y(1);
  VectorUnit::multiply(tiny.data(), one.data(), 1, y.data());
  CHECK(y[0] == 0x0001);
}

TEST_CASE("softmax: value, canonical sum to the bit, in place") {
  VectorUnit unit{VectorUnit::Config{}};
  for (const std::uint32_t n : {1u, 5u, 128u, 129u, 700u}) {
    const Row scores = random_row(n, n, 12.0f);
    Row p(n), in_place = scores;
    unit.softmax_row(scores.data(), n, p.data());
    unit.softmax_row(in_place.data(), n, in_place.data());
    CHECK(in_place == p);
    float largest = value(scores[0]);
    for (const std::uint16_t s : scores) largest = std::max(largest, value(s));
    float total = 0;
    for (std::uint32_t begin = 0; begin < n; begin += 128) {
      float part = 0;
      for (std::uint32_t i = begin; i < n && i < begin + 128; ++i) {
        part += numerics::exp(value(scores[i]) - largest);
      }
      total += part;
    }
    double exact = 0;
    for (const std::uint16_t s : scores) exact += std::exp(double{value(s)} - largest);
    for (std::uint32_t i = 0; i < n; ++i) {
      const float e = numerics::exp(value(scores[i]) - largest);
      REQUIRE(p[i] == numerics::float_to_fp16(e / total));
      check_close(p[i], std::exp(double{value(scores[i])} - largest) / exact);
    }
  }
}

TEST_CASE("softmax: masked scores get nothing, a row of nothing gives zeros") {
  VectorUnit unit{VectorUnit::Config{}};
  const Row masked = {kMinusInfinity, 0x3C00, kMinusInfinity, 0x3C00};
  Row p(4);
  unit.softmax_row(masked.data(), 4, p.data());
  CHECK(p == Row{0, 0x3800, 0, 0x3800});
  const Row nothing(4, kMinusInfinity);
  unit.softmax_row(nothing.data(), 4, p.data());
  CHECK(p == Row(4, 0));
}

TEST_CASE("NaN comes out where it went in") {
  VectorUnit unit{VectorUnit::Config{}};
  for (const std::size_t place : {0u, 2u, 4u}) {
    Row x = random_row(5, 8);
    const Row gain(5, 0x3C00);
    x[place] = kNan;
    Row y(5);
    const auto all_nan = [&] {
      for (const std::uint16_t v : y) CHECK(numerics::fp16_is_nan(v));
    };
    VectorUnit::rms_norm(x.data(), gain.data(), 1e-5f, 5, y.data());
    all_nan();
    VectorUnit::layer_norm(x.data(), gain.data(), nullptr, 1e-5f, 5, y.data());
    all_nan();
    unit.softmax_row(x.data(), 5, y.data());
    all_nan();
    VectorUnit::silu_multiply(x.data(), gain.data(), 5, y.data());
    CHECK(numerics::fp16_is_nan(y[place]));
    VectorUnit::gelu(x.data(), 5, y.data());
    CHECK(numerics::fp16_is_nan(y[place]));
  }
}

TEST_CASE("vector unit: units share the lanes and take rows in turn") {
  VectorUnit::Config config;
  config.lanes = 1024;
  const VectorUnit wide{config};
  config.units = 8;
  const VectorUnit eight{config};
  // A row of 256 elements leaves three quarters of 1,024 lanes idle, and is two vectors of 128.
  CHECK(wide.cycles(VectorOperation::kSoftmax, 16, 256) == 16 * (2 + 1 + 3));
  CHECK(eight.cycles(VectorOperation::kSoftmax, 16, 256) == 2 * (2 * 2 + 1 + 2 * 3));
  CHECK(eight.cycles(VectorOperation::kSoftmax, 17, 256) == 3 * (2 * 2 + 1 + 2 * 3));
  // Elementwise operations use every lane either way.
  CHECK(eight.cycles(VectorOperation::kAdd, 16, 256) == 4);
  CHECK(wide.cycles(VectorOperation::kAdd, 16, 256) == 4);
  for (const std::uint32_t units : {0u, 3u, 2048u}) {
    config.units = units;
    CHECK_THROWS_AS(VectorUnit{config}, std::invalid_argument);
  }
}

TEST_CASE("vector unit: cycles follow the closed forms") {
  VectorUnit::Config config;
  config.lanes = 128;
  config.simple_cycles = 2;
  config.special_cycles = 5;
  config.add_tree_cycles = 3;
  const VectorUnit unit{config};
  // v = 3 vectors of up to 128 elements.
  CHECK(unit.cycles(VectorOperation::kRmsNorm, 1, 300) == 3 * (2 + 3) + 5 + 2 * 3 * 2);
  CHECK(unit.cycles(VectorOperation::kLayerNorm, 1, 300) ==
        2 * 3 * 3 + 2 * 3 * 2 + 2 * 2 + 5 + 3 * 3 * 2);
  CHECK(unit.cycles(VectorOperation::kRotary, 1, 300) == 2 * 5 * 2 + 3 * 3 * 2);
  CHECK(unit.cycles(VectorOperation::kSoftmax, 1, 300) == 2 * 3 * 3 + 5 + 3 * (2 * 2 + 5));
  CHECK(unit.cycles(VectorOperation::kAdd, 1, 300) == 3 * 2);
  CHECK(unit.cycles(VectorOperation::kMultiply, 2, 64) == 2);  // one run of 128
  CHECK(unit.cycles(VectorOperation::kSiluMultiply, 1, 128) == 2 * 5 + 2 * 2);
  CHECK(unit.cycles(VectorOperation::kGelu, 1, 129) == 2 * 5);
  CHECK(unit.cycles(VectorOperation::kSoftmax, 7, 300) ==
        7 * unit.cycles(VectorOperation::kSoftmax, 1, 300));
}

TEST_CASE("vector unit: charges add up in cycles, statistics and energy") {
  VectorUnit unit{VectorUnit::Config{}};
  const std::uint64_t first = unit.charge(VectorOperation::kAdd, 4, 64);
  const std::uint64_t second = unit.charge(VectorOperation::kSoftmax, 2, 100);
  CHECK(unit.busy_cycles() == first + second);
  CHECK(unit.elements() == 456);
  CHECK(unit.elements(VectorOperation::kSoftmax) == 200);
  CHECK(unit.energy_picojoules() == Approx(256 * 0.9 + 200 * (4 * 0.9 + 7.2)));
  observe::EnergyLedger ledger;
  unit.collect_energy(ledger);
  CHECK(ledger.total_picojoules() == Approx(unit.energy_picojoules()));
  observe::StatisticsTable table;
  unit.collect(table);
  CHECK(table.find("elements")->integer == 456);
  CHECK(table.find("elements_by_operation.add")->integer == 256);
}

TEST_CASE("vector unit: a bad configuration is refused") {
  const auto refused = [](auto change) {
    VectorUnit::Config config;
    change(config);
    CHECK_THROWS_AS(VectorUnit{config}, std::invalid_argument);
  };
  refused([](auto& c) { c.lanes = 0; });
  refused([](auto& c) { c.lanes = 96; });
  refused([](auto& c) { c.clock_period_ps = 0; });
  refused([](auto& c) { c.simple_cycles = 0; });
  refused([](auto& c) { c.special_cycles = 0; });
  refused([](auto& c) { c.add_tree_cycles = 0; });
  refused([](auto& c) { c.special_femtojoules = -1; });
  refused([](auto& c) { c.simple_femtojoules = std::numeric_limits<double>::quiet_NaN(); });
}
