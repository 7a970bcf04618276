// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/mailbox.h"
#include "tandem/platform/model/tokenizer.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// The prompts of a scenario as token ids: texts encoded with BOS in front, lists as written.
// Throws UserError, naming the prompt, if it is empty, is a text where there is no tokenizer, names
// a token that the model does not have, or does not fit into the model's positions together with
// the tokens that are asked for.
std::vector<std::vector<std::uint32_t>> prompt_tokens(const Workload& workload,
                                                      const Tokenizer* tokenizer,
                                                      const ModelShape& shape);

// What the mailbox is told about one of the prompts; its address is the mailbox's business.
abi::Request make_request(const Workload& workload, std::size_t index, std::size_t prompt_count);

}  // namespace tandem::platform
