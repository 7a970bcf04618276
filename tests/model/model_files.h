// SPDX-License-Identifier: Apache-2.0
// The model that lies in the project, and what is known about it.
#pragma once
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tandem/platform/model/llama2c.h"
#include "tandem/platform/model/packer.h"
#include "tandem/platform/model/reference.h"
#include "tandem/platform/model/tokenizer.h"

namespace tandem::platform::test {

inline std::string model_path(const std::string& name) {
  return std::string(TANDEM_MODEL_DIR) + "/" + name;
}

inline std::vector<std::uint8_t> file_contents(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Lines of a file of tests/data, without the first `header_lines`.
inline std::vector<std::string> data_lines(const std::string& name, unsigned header_lines) {
  std::ifstream stream(std::string(TANDEM_DATA_DIR) + "/" + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    if (header_lines > 0) {
      --header_lines;
    } else if (!line.empty()) {
      lines.push_back(line);
    }
  }
  return lines;
}

inline std::vector<std::string> fields(const std::string& line, char separator) {
  std::vector<std::string> result;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, separator);) result.push_back(field);
  return result;
}

struct PromptSequence {
  std::size_t prompt_tokens;  // BOS included
  std::vector<std::uint32_t> tokens;
};

inline std::vector<PromptSequence> prompt_sequences() {
  std::vector<PromptSequence> sequences;
  for (const std::string& line : data_lines("prompts.csv", 1)) {
    const std::vector<std::string> columns = fields(line, ',');
    PromptSequence sequence{std::stoul(columns.at(1)), {}};
    for (const std::string& id : fields(columns.at(3), ' ')) {
      sequence.tokens.push_back(static_cast<std::uint32_t>(std::stoul(id)));
    }
    sequences.push_back(sequence);
  }
  return sequences;
}

inline Model stories() {
  return load_llama2c(model_path("stories260K.bin"));
}
inline Tokenizer stories_tokenizer() {
  return Tokenizer::load(model_path("tok512.bin"), 512);
}

inline DraftConfig draft_config(DraftFormat format, DraftGroup group = DraftGroup::kTensor,
                                DraftScale scale = DraftScale::kAbsmax,
                                Classifier classifier = Classifier::kPlane,
                                DraftScope scope = DraftScope::kTensor) {
  DraftConfig draft;
  draft.format = format;
  draft.group = group;
  draft.scale = scale;
  draft.classifier = classifier;
  draft.scope = scope;
  return draft;
}

}  // namespace tandem::platform::test
