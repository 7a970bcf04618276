// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <iosfwd>
#include <string>
#include <string_view>

#include "tandem/platform/session.h"

namespace tandem::platform {

// "[########............]  40 %  51 of 128 tokens  12.3 us simulated  ETA 0:02"
std::string progress_text(const RunProgress& progress, double elapsed_s);

// Shows a run to a person: the UART's text on one stream as it comes, and on a terminal a progress
// line on the other, redrawn in place and wiped before text is printed.
class ConsoleObserver : public RunObserver {
 public:
  struct Options {
    bool show_uart = true;
    bool show_progress = false;  // only if `status` is a terminal
  };
  ConsoleObserver(std::ostream& text, std::ostream& status, const Options& options);

  void uart(std::string_view text) override;
  void progress(const RunProgress& progress) override;
  void message(std::string_view lines) override;
  // Wipes the progress line and ends the text with a line feed, if it has none.
  void finish();

 private:
  void wipe();

  std::ostream& text_;
  std::ostream& status_;
  Options options_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_draw_;
  bool drawn_ = false;
  bool at_line_start_ = true;
};

}  // namespace tandem::platform
