// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "tandem/platform/units.h"

namespace tandem::platform {
namespace {

constexpr int kBarWidth = 20;
constexpr auto kDrawInterval = std::chrono::milliseconds(100);

}  // namespace

std::string progress_text(const RunProgress& progress, double elapsed_s) {
  const double done = progress.tokens_expected == 0
                          ? 0.0
                          : std::min(1.0, static_cast<double>(progress.tokens_done) /
                                              static_cast<double>(progress.tokens_expected));
  const auto full = static_cast<std::size_t>(done * kBarWidth);
  const std::string bar = std::string(full, '#') + std::string(kBarWidth - full, '.');
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(),
                "[%s] %3.0f %%  %s, %llu of %llu tokens, %.3f ms simulated", bar.c_str(),
                std::floor(done * 100.0), progress.stage,
                static_cast<unsigned long long>(progress.tokens_done),
                static_cast<unsigned long long>(progress.tokens_expected),
                static_cast<double>(progress.simulated_time_ps) * 1e-9);
  std::string text = line.data();
  if (done > 0.0) {
    const double left_s = elapsed_s * (1.0 - done) / done;
    std::snprintf(line.data(), line.size(), ", ETA %d:%02d", static_cast<int>(left_s) / 60,
                  static_cast<int>(left_s) % 60);
    text.append(line.data());
  }
  return text;
}

ConsoleObserver::ConsoleObserver(std::ostream& text, std::ostream& status, const Options& options)
    : text_(text),
      status_(status),
      options_(options),
      start_(std::chrono::steady_clock::now()),
      next_draw_(start_) {}

void ConsoleObserver::wipe() {
  if (!drawn_) return;
  status_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

void ConsoleObserver::uart(std::string_view text) {
  if (!options_.show_uart || text.empty()) return;
  wipe();
  text_ << text << std::flush;
  at_line_start_ = text.back() == '\n';
}

void ConsoleObserver::progress(const RunProgress& progress) {
  if (!options_.show_progress || !at_line_start_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kDrawInterval;
  const std::chrono::duration<double> elapsed = now - start_;
  status_ << '\r' << progress_text(progress, elapsed.count()) << "\033[K" << std::flush;
  drawn_ = true;
}

void ConsoleObserver::message(std::string_view lines) {
  wipe();
  status_ << lines << std::flush;
}

void ConsoleObserver::finish() {
  wipe();
  if (!at_line_start_) text_ << '\n';
  at_line_start_ = true;
}

}  // namespace tandem::platform
