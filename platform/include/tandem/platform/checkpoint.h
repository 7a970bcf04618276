// SPDX-License-Identifier: Apache-2.0
// The file that `tandem run --checkpoint` writes and `--restore` reads: magic, version of the
// format, then sections with checksums (common::Archive). platform/README.md describes it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct SavedSoc {
  std::uint64_t time_ps = 0;
  std::uint64_t initial_hash = 0;   // of what the memories held before anything ran
  std::vector<std::uint8_t> state;  // the bytes of an archive

  template <typename Archive>
  void archive(Archive& archive) {
    archive(time_ps, initial_hash, state);
  }
};

struct Checkpoint {
  std::vector<SavedSoc> socs;  // that of the policy, then the baseline's if there is one
};

// Throws UserError if the file could not be written: its folder does not exist, or something else
// than a checkpoint is in its place. Changes nothing.
void check_checkpoint_target(const std::filesystem::path& file);

// Replaces the file, as a whole or not at all. Throws UserError.
void write_checkpoint(const std::filesystem::path& file, const Scenario& scenario,
                      const Checkpoint& checkpoint);

// Throws UserError unless the file is whole, of this build, and of this scenario: every key and
// every file that it names as they were.
Checkpoint read_checkpoint(const std::filesystem::path& file, const Scenario& scenario);

}  // namespace tandem::platform
