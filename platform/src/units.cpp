// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/units.h"

#include <algorithm>
#include <array>
#include <optional>

#include "text.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kKilo = 1'000, kMega = 1'000'000, kGiga = 1'000'000'000,
                        kTera = 1'000'000'000'000;
constexpr std::uint64_t kKibi = std::uint64_t{1} << 10, kMebi = std::uint64_t{1} << 20,
                        kGibi = std::uint64_t{1} << 30, kTebi = std::uint64_t{1} << 40;

struct Unit {
  Quantity quantity;
  const char* name;
  std::uint64_t factor;  // base units
};

// The first unit of a quantity is its base unit.
constexpr std::array kUnits = {
    Unit{Quantity::kTime, "ps", 1},
    Unit{Quantity::kTime, "ns", kKilo},
    Unit{Quantity::kTime, "us", kMega},
    Unit{Quantity::kTime, "ms", kGiga},
    Unit{Quantity::kTime, "s", kTera},
    Unit{Quantity::kFrequency, "Hz", 1},
    Unit{Quantity::kFrequency, "kHz", kKilo},
    Unit{Quantity::kFrequency, "MHz", kMega},
    Unit{Quantity::kFrequency, "GHz", kGiga},
    Unit{Quantity::kBytes, "B", 1},
    Unit{Quantity::kBytes, "KiB", kKibi},
    Unit{Quantity::kBytes, "MiB", kMebi},
    Unit{Quantity::kBytes, "GiB", kGibi},
    Unit{Quantity::kBytes, "TiB", kTebi},
    Unit{Quantity::kBytes, "kB", kKilo},
    Unit{Quantity::kBytes, "MB", kMega},
    Unit{Quantity::kBytes, "GB", kGiga},
    Unit{Quantity::kBytes, "TB", kTera},
    Unit{Quantity::kBandwidth, "B/s", 1},
    Unit{Quantity::kBandwidth, "kB/s", kKilo},
    Unit{Quantity::kBandwidth, "MB/s", kMega},
    Unit{Quantity::kBandwidth, "GB/s", kGiga},
    Unit{Quantity::kBandwidth, "TB/s", kTera},
    Unit{Quantity::kBandwidth, "KiB/s", kKibi},
    Unit{Quantity::kBandwidth, "MiB/s", kMebi},
    Unit{Quantity::kBandwidth, "GiB/s", kGibi},
    Unit{Quantity::kTransferRate, "T/s", 1},
    Unit{Quantity::kTransferRate, "kT/s", kKilo},
    Unit{Quantity::kTransferRate, "MT/s", kMega},
    Unit{Quantity::kTransferRate, "GT/s", kGiga},
    Unit{Quantity::kRate, "/Ms", 1},
    Unit{Quantity::kRate, "/ks", kKilo},
    Unit{Quantity::kRate, "/s", kMega},
    Unit{Quantity::kEnergy, "fJ", 1},
    Unit{Quantity::kEnergy, "pJ", kKilo},
    Unit{Quantity::kEnergy, "nJ", kMega},
    Unit{Quantity::kEnergyPerBit, "fJ/bit", 1},
    Unit{Quantity::kEnergyPerBit, "pJ/bit", kKilo},
    Unit{Quantity::kPower, "uW", 1},
    Unit{Quantity::kPower, "mW", kKilo},
    Unit{Quantity::kPower, "W", kMega},
    Unit{Quantity::kCurrent, "uA", 1},
    Unit{Quantity::kCurrent, "mA", kKilo},
    Unit{Quantity::kCurrent, "A", kMega},
    Unit{Quantity::kVoltage, "uV", 1},
    Unit{Quantity::kVoltage, "mV", kKilo},
    Unit{Quantity::kVoltage, "V", kMega},
};

struct Description {
  const char* noun;
  const char* example;
};

Description description(Quantity quantity) {
  switch (quantity) {
    case Quantity::kTime:
      return {"a time", "14 ns"};
    case Quantity::kFrequency:
      return {"a frequency", "1 GHz"};
    case Quantity::kBytes:
      return {"a size", "1 MiB"};
    case Quantity::kBandwidth:
      return {"a bandwidth", "32 GB/s"};
    case Quantity::kTransferRate:
      return {"a transfer rate", "6400 MT/s"};
    case Quantity::kRate:
      return {"a rate", "4 /s"};
    case Quantity::kEnergy:
      return {"an energy", "0.55 pJ"};
    case Quantity::kEnergyPerBit:
      return {"an energy per bit", "1.2 pJ/bit"};
    case Quantity::kPower:
      return {"a power", "66.3 mW"};
    case Quantity::kCurrent:
      return {"a current", "55 mA"};
    case Quantity::kVoltage:
      return {"a voltage", "1.2 V"};
  }
  return {"a quantity", ""};
}

// digits * 10^-decimals
struct Decimal {
  std::uint64_t digits = 0;
  unsigned decimals = 0;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Consumes a decimal number from the front of `text`; nothing if there is none or it is too long.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  std::size_t at = 0;
  bool point = false;
  bool any_digit = false;
  unsigned pending_zeros = 0;  // trailing zeros of the fraction change nothing
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !point && any_digit) {
      point = true;
      continue;
    }
    if (!is_digit(text[at])) break;
    any_digit = true;
    const auto digit = static_cast<std::uint64_t>(text[at] - '0');
    if (point && digit == 0) {
      ++pending_zeros;
      continue;
    }
    for (unsigned i = 0; i <= (point ? pending_zeros : 0); ++i) {
      if (__builtin_mul_overflow(number.digits, std::uint64_t{10}, &number.digits)) return {};
      if (point) ++number.decimals;
    }
    pending_zeros = 0;
    if (__builtin_add_overflow(number.digits, digit, &number.digits)) return {};
  }
  if (!any_digit || text[at - 1] == '.') return {};
  text.remove_prefix(at);
  return number;
}

// number * factor as an integer; nothing if it is none or has more than 64 bits.
std::optional<std::uint64_t> scale(Decimal number, std::uint64_t factor) {
  for (unsigned i = 0; i < number.decimals; ++i) {
    // One factor of ten in the product goes, as a two and a five from either side.
    for (const std::uint64_t prime : {2, 5}) {
      if (number.digits % prime == 0) {
        number.digits /= prime;
      } else if (factor % prime == 0) {
        factor /= prime;
      } else {
        return {};
      }
    }
  }
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(number.digits, factor, &product)) return {};
  return product;
}

// value / factor without rounding; every factor is made of twos and fives, so the digits end.
std::string exact_decimal(std::uint64_t value, std::uint64_t factor) {
  std::string text = std::to_string(value / factor);
  std::uint64_t rest = value % factor;
  if (rest != 0) text.append(1, '.');
  while (rest != 0) {
    rest *= 10;
    text.append(1, static_cast<char>('0' + rest / factor));
    rest %= factor;
  }
  return text;
}

std::string units_of(Quantity quantity) {
  std::string names;
  for (const Unit& unit : kUnits) {
    if (unit.quantity == quantity) names.append(names.empty() ? "" : ", ").append(unit.name);
  }
  return names;
}

}  // namespace

std::string describe(Quantity quantity) {
  const Description words = description(quantity);
  return std::string(words.noun) + " such as '" + words.example + "'";
}

std::uint64_t parse_quantity(std::string_view text, Quantity quantity) {
  const auto expected = [&](const std::string& why) {
    return UnitError("expected " + describe(quantity) + ", got '" + printable(text) + "'" + why);
  };
  std::string_view rest = text;
  const std::optional<Decimal> number = take_decimal(rest);
  if (!number) throw expected("");
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  if (rest.empty()) throw expected(" without a unit");
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) {
    return candidate.quantity == quantity && rest == candidate.name;
  });
  if (unit == kUnits.end()) throw expected("; its units are " + units_of(quantity));
  const std::optional<std::uint64_t> value = scale(*number, unit->factor);
  if (!value) {
    const auto base = std::find_if(kUnits.begin(), kUnits.end(),
                                   [&](const Unit& u) { return u.quantity == quantity; });
    throw expected(std::string(", which is no whole number of ") + base->name + " of 64 bits");
  }
  return *value;
}

std::string format_quantity(std::uint64_t value, Quantity quantity) {
  std::string shortest;
  for (const Unit& unit : kUnits) {
    if (unit.quantity != quantity) continue;
    if (!shortest.empty() && value < unit.factor) continue;
    std::string text = exact_decimal(value, unit.factor).append(1, ' ').append(unit.name);
    if (shortest.empty() || text.size() <= shortest.size()) shortest = std::move(text);
  }
  return shortest;
}

}  // namespace tandem::platform
