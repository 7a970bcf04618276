// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "covering_array.h"
#include "system_run.h"

namespace tandem::test {

// Registers a test case for each row of a covering array, so that ctest can run each in a process
// of its own: with those settings the answers are the model's.
struct LosslessRows {
  LosslessRows(const std::string& what, const std::vector<std::string>& base,
               const std::vector<Factor>& factors, std::size_t prompts, std::uint32_t max_tokens) {
    const std::vector<Row> rows = pairwise_rows(factors);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<std::string> settings = base;
      for (std::size_t f = 0; f < factors.size(); ++f) {
        settings.push_back(factors[f].key + "=" + factors[f].levels[rows[i][f]]);
      }
      char name[64];
      std::snprintf(name, sizeof name, "%s row %02zu", what.c_str(), i);
      Catch::AutoReg(new Invoker(settings, prompts, max_tokens), CATCH_INTERNAL_LINEINFO, {},
                     Catch::NameAndTags(name, "[lossless]"));
    }
  }

 private:
  class Invoker : public Catch::ITestInvoker {
   public:
    Invoker(std::vector<std::string> settings, std::size_t prompts, std::uint32_t max_tokens)
        : settings_(std::move(settings)), prompts_(prompts), max_tokens_(max_tokens) {}
    void invoke() const override {
      for (const std::string& setting : settings_) UNSCOPED_INFO(setting);
      const std::vector<Tokens> prompts = recorded_prompts(prompts_);
      const platform::RunReport report = run(story_scenario(prompts, max_tokens_, settings_));
      CHECK(report.complete);
      CHECK(answers(report) == reference_answers(prompts, max_tokens_));
    }

   private:
    std::vector<std::string> settings_;
    std::size_t prompts_;
    std::uint32_t max_tokens_;
  };
};

}  // namespace tandem::test
