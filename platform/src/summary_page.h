// SPDX-License-Identifier: Apache-2.0
// summary.txt: the page, and the sections that have a file of their own.
#pragma once
#include <sstream>
#include <string>

#include "tandem/platform/results.h"

namespace tandem::platform::summary {

constexpr int kLabelWidth = 28;
constexpr int kValueWidth = 14;
constexpr std::size_t kPageWidth = 100;

class Page {
 public:
  void heading(const std::string& text) {
    out_ << '\n' << text << '\n' << std::string(text.size(), '-') << '\n';
  }
  void line(const std::string& label, const std::string& value, const std::string& note = {}) {
    out_ << "  " << label << padding(kLabelWidth, label) << padding(kValueWidth, value) << value;
    if (!note.empty()) out_ << "   " << note;
    out_ << '\n';
  }
  void words(const std::string& label, const std::string& text) {
    out_ << "  " << label << padding(kLabelWidth, label) << "  " << text << '\n';
  }
  std::string text() const { return out_.str(); }
  std::ostringstream& out() { return out_; }

 private:
  static std::string padding(int width, const std::string& text) {
    const auto used = static_cast<int>(text.size());
    return std::string(static_cast<std::size_t>(width > used ? width - used : 1), ' ');
  }
  std::ostringstream out_;
};

// summary_energy.cpp
void write_energy(Page& page, const RunReport& report);

// summary_firmware.cpp
void write_resets(Page& page, const ResetConfig& planned, const RunReport& report);
void write_faults(Page& page, const FaultReport& report);
void write_driver(Page& page, const RunReport& report);
void write_bringup(Page& page, const RunReport& report);

}  // namespace tandem::platform::summary
