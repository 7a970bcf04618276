// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "stories_model.h"
#include "tandem/numerics/bsfp.h"
#include "tandem/numerics/quant.h"
#include "test_support.h"

using namespace tandem;
using abi::Format;
using abi::Grouping;
using numerics::ScaleRule;

namespace {

// rel_weight_rmse_linear per draft format, as an independent program measured it.
std::map<std::string, double> reference_errors() {
  std::ifstream file(TANDEM_TEST_DATA_DIR "/stories260K/summary.csv");
  std::map<std::string, double> errors;
  std::string line, name, error;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::getline(fields, name, ',');
    std::getline(fields, error, ',');
    errors[name] = std::stod(error);
  }
  return errors;
}

double relative_rmse(Format format, Grouping grouping, ScaleRule rule) {
  double noise = 0, signal = 0;
  for (const auto& tensor : test::stories_tensors()) {
    if (!tensor.linear) continue;
    const auto values = numerics::dequantize(numerics::quantize(
        tensor.weights.data(), tensor.rows, tensor.cols, format, grouping, rule));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double w = test::reference_fp16(tensor.weights[i]);
      noise += (values[i] - w) * (values[i] - w);
      signal += w * w;
    }
  }
  return std::sqrt(noise / signal);
}

std::uint16_t scale_of(const numerics::QuantTensor& tensor, std::size_t i) {
  return static_cast<std::uint16_t>(tensor.scales[2 * i] | tensor.scales[2 * i + 1] << 8);
}

}  // namespace

TEST_CASE("weight errors on stories260K equal those of an independent program") {
  const auto reference = reference_errors();
  const auto check = [&](const char* name, Format format, Grouping grouping, ScaleRule rule) {
    INFO(name);
    // The reference has five decimals.
    CHECK(std::fabs(relative_rmse(format, grouping, rule) - reference.at(name)) <= 0.51e-5);
  };
  check("INT8_row", Format::kInt8, Grouping::kRow, ScaleRule::kAbsmax);
  check("INT4_g128", Format::kInt4, Grouping::kGroup128, ScaleRule::kAbsmax);
  check("E2M1_g128", Format::kE2m1, Grouping::kGroup128, ScaleRule::kAbsmax);
  check("E3M0_g128", Format::kE3m0, Grouping::kGroup128, ScaleRule::kAbsmax);
  check("E3M0_row", Format::kE3m0, Grouping::kRow, ScaleRule::kAbsmax);
  check("E3M0_mse_g128", Format::kE3m0, Grouping::kGroup128, ScaleRule::kMse);
  check("E3M0_pow2scale_g128", Format::kE3m0, Grouping::kGroup128, ScaleRule::kPow2);
}

TEST_CASE("codes, nibble order and group lengths") {
  std::vector<std::uint16_t> weights(2 * 172, numerics::float_to_fp16(1.0f));
  weights[0] = numerics::float_to_fp16(-7.0f);
  weights[1] = numerics::float_to_fp16(3.0f);
  weights[128] = numerics::float_to_fp16(14.0f);  // second group of row 0
  const auto t = numerics::quantize(weights.data(), 2, 172, Format::kInt4, Grouping::kGroup128,
                                    ScaleRule::kAbsmax);
  REQUIRE(t.scales.size() == 2 * 2 * 2);
  CHECK(scale_of(t, 0) == 0x3C00);  // 7 / 7
  CHECK(scale_of(t, 1) == 0x4000);  // 14 / 7
  CHECK(scale_of(t, 2) == numerics::float_to_fp16(1.0f / 7));
  CHECK(t.stream[0] == 0x39);   // -7 in the low nibble, 3 in the high one
  CHECK(t.stream[64] == 0x07);  // 14 / 2 = 7, then 1 / 2 rounds to even 0
  const auto values = numerics::dequantize(t);
  CHECK(values[0] == -7.0f);
  CHECK(values[128] == 14.0f);
  CHECK(values[129] == 0.0f);
}

TEST_CASE("every code of the 4-bit formats decodes to what quantising it keeps") {
  const std::vector<float> e2m1{0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  const std::vector<float> e3m0{1,       0.5f,    0.25f,   0.125f, 0x1p-4f,
                                0x1p-5f, 0x1p-6f, 0x1p-7f, -1,     -0x1p-7f};
  const std::vector<float> int4{-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};
  const auto survives = [](const std::vector<float>& values, Format format) {
    std::vector<std::uint16_t> weights(values.size());
    numerics::float_to_fp16(values.data(), weights.data(), values.size());
    const auto t = numerics::quantize(weights.data(), 1, static_cast<std::uint32_t>(values.size()),
                                      format, Grouping::kTensor, ScaleRule::kAbsmax);
    return t.scales.size() == 2 && numerics::dequantize(t) == values;
  };
  CHECK(survives(e2m1, Format::kE2m1));
  CHECK(survives(e3m0, Format::kE3m0));
  CHECK(survives(int4, Format::kInt4));
}

TEST_CASE("groups of zeros and of the smallest subnormal stay what they are") {
  for (const Format format : {Format::kInt8, Format::kInt4, Format::kE2m1, Format::kE3m0}) {
    for (const ScaleRule rule : {ScaleRule::kAbsmax, ScaleRule::kMse, ScaleRule::kPow2}) {
      const std::vector<std::uint16_t> zeros(64, 0);
      const auto t = numerics::quantize(zeros.data(), 1, 64, format, Grouping::kRow, rule);
      for (const float value : numerics::dequantize(t)) REQUIRE(value == 0.0f);
      const std::vector<std::uint16_t> tiny(64, 1);
      const auto u = numerics::quantize(tiny.data(), 1, 64, format, Grouping::kRow, rule);
      for (const float value : numerics::dequantize(u)) REQUIRE(value == 0x1p-24f);
    }
  }
}

TEST_CASE("scale rules: mse is never worse than absmax, pow2 is a power of two") {
  const auto weights = test::gaussian_weights(40 * 172, 0.05, 21);
  for (const Format format : {Format::kInt4, Format::kE2m1, Format::kE3m0}) {
    const auto error = [&](ScaleRule rule) {
      const auto t = numerics::quantize(weights.data(), 40, 172, format, Grouping::kGroup128, rule);
      return -test::sqnr_db(weights, numerics::dequantize(t));
    };
    CHECK(error(ScaleRule::kMse) < error(ScaleRule::kAbsmax));
    const auto t =
        numerics::quantize(weights.data(), 40, 172, format, Grouping::kGroup128, ScaleRule::kPow2);
    for (std::size_t i = 0; i < t.scales.size() / 2; ++i) REQUIRE(scale_of(t, i) % 1024 == 0);
  }
}

TEST_CASE("a least-squares scale improves the BSFP-E draft") {
  const auto weights = test::gaussian_weights(20 * 300, 0.03, 22);
  const auto packed = numerics::make_bsfp_e(weights.data(), 20, 300, abi::TableScope::kTensor);
  REQUIRE(packed);
  const auto draft = numerics::draft_values(*packed.tensor);
  const auto scales = numerics::fit_draft_scales(weights.data(), draft.data(), 20, 300,
                                                 Grouping::kGroup128, ScaleRule::kMse);
  REQUIRE(scales.size() == 20 * 3 * 2);
  auto scaled = draft;
  for (std::size_t i = 0; i < scaled.size(); ++i) {
    const std::size_t s = i / 300 * 3 + i % 300 / 128;
    scaled[i] *=
        numerics::fp16_to_float(static_cast<std::uint16_t>(scales[2 * s] | scales[2 * s + 1] << 8));
  }
  CHECK(test::sqnr_db(weights, scaled) > test::sqnr_db(weights, draft));
}

TEST_CASE("what cannot be quantised is refused") {
  const std::vector<std::uint16_t> nan{0x7E00};
  const std::vector<std::uint16_t> one{0x3C00};
  const auto quantize = [](const std::vector<std::uint16_t>& w, Format format, Grouping grouping) {
    return numerics::quantize(w.data(), 1, 1, format, grouping, ScaleRule::kAbsmax);
  };
  CHECK_THROWS_AS(quantize(nan, Format::kInt4, Grouping::kRow), std::invalid_argument);
  CHECK_THROWS_AS(quantize(one, Format::kFp16, Grouping::kRow), std::invalid_argument);
  CHECK_THROWS_AS(quantize(one, Format::kInt4, Grouping::kNone), std::invalid_argument);
}
