// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "validate/figure_rows.h"

namespace tandem::platform {

// A table for the console.
void print_rows(const FiguresFile& file, const std::vector<FigureRow>& rows, std::ostream& out);

// The section of RESULTS.md on one system: figures, what is assumed, and the commands.
std::string results_section(const FiguresFile& file, const std::vector<FigureRow>& rows);

// `document` (RESULTS.md as it is; may be empty) with the sections of these systems in place of
// their old ones, sorted by name.
std::string with_sections(const std::string& document,
                          const std::vector<std::pair<std::string, std::string>>& sections);

}  // namespace tandem::platform
