// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/bsfp_e.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "tandem/numerics/fp.h"

namespace tandem::numerics {
namespace {

constexpr unsigned kExponents = 32;
constexpr float kFourThirds = 4.0f / 3.0f;

float power_of_two(unsigned fp16_exponent) {  // 2^(e - 15)
  return bits_float((fp16_exponent + 112u) << 23);
}

float draft_value(unsigned exponent) {
  return kFourThirds * power_of_two(exponent);
}

// Count, sum and sum of squares of the magnitudes that share an exponent.
struct Moments {
  double n = 0, sum = 0, squares = 0;
  Moments& operator+=(const Moments& other) {
    n += other.n;
    sum += other.sum;
    squares += other.squares;
    return *this;
  }
};

struct Occurring {
  std::vector<std::uint8_t> exponents;
  std::vector<Moments> moments;
};

Occurring occurring_exponents(const Histogram& histogram) {
  Occurring result;
  for (const MagnitudeCount& entry : histogram) {
    const auto exponent = static_cast<std::uint8_t>(entry.magnitude >> kFp16MantissaBits);
    if (result.exponents.empty() || result.exponents.back() != exponent) {
      result.exponents.push_back(exponent);
      result.moments.emplace_back();
    }
    const double value = fp16_to_float(entry.magnitude);
    const double n = entry.count;
    result.moments.back() += {n, n * value, n * value * value};
  }
  return result;
}

struct Choice {
  double error = std::numeric_limits<double>::infinity();
  std::uint8_t draft_exponent = 0;
};

Choice best_draft_exponent(const Moments& m) {
  Choice best;
  for (unsigned e = 0; e < kExponents; ++e) {
    const double value = draft_value(e);
    const double error = m.squares - 2 * value * m.sum + m.n * value * value;
    if (error < best.error) best = {error, static_cast<std::uint8_t>(e)};
  }
  return best;
}

struct State {
  double error = std::numeric_limits<double>::infinity();
  std::size_t cut = 0;  // first exponent of the last code
};

// states[k][j]: the best partition of the first j exponents into k codes.
using States = std::array<std::vector<State>, abi::kBsfpCodes + 1>;

States solve(const Occurring& occurring) {
  const std::size_t n = occurring.exponents.size();
  States states;
  for (auto& row : states) row.resize(n + 1);
  states[0][0].error = 0;
  for (std::size_t j = 1; j <= n; ++j) {
    Moments m;
    const std::size_t lowest = j > kBsfpEExponentsPerCode ? j - kBsfpEExponentsPerCode : 0;
    for (std::size_t i = j; i-- > lowest;) {
      m += occurring.moments[i];
      const double error = best_draft_exponent(m).error;
      for (std::size_t k = 1; k < states.size(); ++k) {
        const double total = states[k - 1][i].error + error;
        if (total <= states[k][j].error && states[k - 1][i].error < State{}.error) {
          states[k][j] = {total, i};
        }
      }
    }
  }
  return states;
}

BsfpETable::Code make_code(const Occurring& occurring, std::size_t first, std::size_t last) {
  BsfpETable::Code code;
  Moments m;
  for (std::size_t i = first; i < last; ++i) {
    code.exponents[code.count++] = occurring.exponents[i];
  }
  for (std::size_t i = last; i-- > first;) m += occurring.moments[i];
  code.draft_exponent = best_draft_exponent(m).draft_exponent;
  return code;
}

}  // namespace

Fit<BsfpETable> fit_bsfp_e(const Histogram& histogram) {
  if (std::string reason = unfit_reason(histogram); !reason.empty()) return {{}, reason};
  const Occurring occurring = occurring_exponents(histogram);
  const States states = solve(occurring);
  std::size_t end = occurring.exponents.size();
  std::size_t k = 1;
  for (std::size_t candidate = 2; candidate < states.size(); ++candidate) {
    if (states[candidate][end].error < states[k][end].error) k = candidate;
  }
  BsfpETable table;
  for (; k > 0; --k) {
    const std::size_t first = states[k][end].cut;
    table.codes[k - 1] = make_code(occurring, first, end);
    end = first;
  }
  return {table, {}};
}

BsfpETable full_range_bsfp_e() {
  BsfpETable table;
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    auto& code = table.codes[c];
    code.count = kBsfpEExponentsPerCode;
    for (unsigned r = 0; r < kBsfpEExponentsPerCode; ++r) {
      code.exponents[r] = static_cast<std::uint8_t>(kBsfpEExponentsPerCode * c + r);
    }
    code.draft_exponent = code.exponents[2];
  }
  return table;
}

float draft_magnitude(const BsfpETable& table, unsigned code) {
  return draft_value(table.codes[code].draft_exponent);
}

std::array<std::uint8_t, abi::kBsfpETableBytes> to_bytes(const BsfpETable& table) {
  std::array<std::uint8_t, abi::kBsfpETableBytes> bytes{};
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    const auto& code = table.codes[c];
    std::uint32_t word = static_cast<std::uint32_t>(code.draft_exponent) << 20 |
                         static_cast<std::uint32_t>(code.count) << 25;
    for (unsigned r = 0; r < kBsfpEExponentsPerCode; ++r) {
      word |= static_cast<std::uint32_t>(code.exponents[r]) << (5 * r);
    }
    for (unsigned b = 0; b < 4; ++b) bytes[4 * c + b] = static_cast<std::uint8_t>(word >> (8 * b));
  }
  return bytes;
}

BsfpETable bsfp_e_from_bytes(const std::uint8_t* bytes) {
  BsfpETable table;
  for (unsigned c = 0; c < abi::kBsfpCodes; ++c) {
    std::uint32_t word = 0;
    for (unsigned b = 0; b < 4; ++b)
      word |= static_cast<std::uint32_t>(bytes[4 * c + b]) << (8 * b);
    auto& code = table.codes[c];
    for (unsigned r = 0; r < kBsfpEExponentsPerCode; ++r) {
      code.exponents[r] = static_cast<std::uint8_t>((word >> (5 * r)) & 31u);
    }
    code.draft_exponent = static_cast<std::uint8_t>((word >> 20) & 31u);
    code.count = static_cast<std::uint8_t>((word >> 25) & 7u);
  }
  return table;
}

std::optional<BsfpETable> parse_bsfp_e(const std::uint8_t* bytes) {
  const BsfpETable table = bsfp_e_from_bytes(bytes);
  const auto again = to_bytes(table);
  if (!std::equal(again.begin(), again.end(), bytes)) return std::nullopt;
  std::uint32_t owned = 0;
  for (const auto& code : table.codes) {
    if (code.count > kBsfpEExponentsPerCode) return std::nullopt;
    for (unsigned r = 0; r < kBsfpEExponentsPerCode; ++r) {
      const std::uint8_t exponent = code.exponents[r];
      if (r >= code.count) {
        if (exponent != 0) return std::nullopt;
        continue;
      }
      if (r > 0 && exponent <= code.exponents[r - 1]) return std::nullopt;
      if ((owned >> exponent & 1u) != 0) return std::nullopt;
      owned |= 1u << exponent;
    }
  }
  if (owned == 0) return std::nullopt;
  return table;
}

}  // namespace tandem::numerics
