// SPDX-License-Identifier: Apache-2.0
// Figures as a summary shows them.
#pragma once
#include <cstdint>
#include <string>

namespace tandem::platform::summary {

std::string fixed(double value, int decimals);
// With three to four significant digits and the prefix that fits.
std::string time_text(std::uint64_t time_ps);
std::string bytes_text(std::uint64_t bytes);
std::string energy_text(double picojoules);
std::string grouped(std::uint64_t value);  // 12,345,678
std::string percent(double fraction);

}  // namespace tandem::platform::summary
