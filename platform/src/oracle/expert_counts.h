// SPDX-License-Identifier: Apache-2.0
// Measured popularity of experts.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "csv_file.h"
#include "expert_choice.h"

namespace tandem::platform {

struct ExpertCounts {
  std::uint32_t layer;
  std::vector<std::uint64_t> tokens;  // per expert
  std::size_t line;                   // the first that has the layer
};

// Either columns model, mmlu_subject, layer, expert0, expert1, ..., or model, domain, layer,
// routing, expert, count; of the latter the rows of routing "top<k>". Counts of several domains are
// added up. top_k 0: any routing, to check the file. Throws UserError with file and line.
std::vector<ExpertCounts> expert_counts(const CsvFile& file, const std::string& model,
                                        const std::string& domain, std::uint32_t top_k);

// Throws UserError unless the counts are of `experts` experts of which tokens use `top_k`.
std::vector<PopularExperts::Layer> expert_shares(const CsvFile& file,
                                                 const std::vector<ExpertCounts>& counts,
                                                 std::uint32_t experts, std::uint32_t top_k);

}  // namespace tandem::platform
