// SPDX-License-Identifier: Apache-2.0
// Records what an NPU chooses, for a file that RecordOracle replays.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "oracle_record.h"
#include "tandem/npu/choice_listener.h"

namespace tandem::platform {

class OracleRecorder : public npu::ChoiceListener {
 public:
  explicit OracleRecorder(const std::vector<std::vector<std::uint32_t>>& prompts);

  void drafted(std::uint32_t request_id, std::uint32_t first_position, std::uint32_t index,
               std::uint32_t token, float confidence) override;
  void accepted(std::uint32_t request_id, std::uint32_t position, const std::uint32_t* drafted,
                std::uint32_t accepted, std::uint32_t next_token) override;

  // Throws InternalError if what was heard is no decoding of the prompts.
  std::string to_csv(const Scenario& scenario, std::uint32_t vocabulary) const;

  template <typename Archive>
  void archive(Archive& archive) {
    archive.in_place(requests_);
    archive(in_order_);
  }

 private:
  void add(std::uint32_t request_id, std::uint32_t position, std::uint32_t token);
  bool rounds_are_whole() const;

  std::vector<RecordedRequest> requests_;
  bool in_order_ = true;
};

// Throws UserError if the file could not be written: its folder does not exist, or something else
// than a record is in its place. Changes nothing.
void check_oracle_target(const std::filesystem::path& file);

// Replaces the file, as a whole or not at all. Throws UserError.
void write_oracle_record(const std::filesystem::path& file, std::string_view content);

}  // namespace tandem::platform
