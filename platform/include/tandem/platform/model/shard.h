// SPDX-License-Identifier: Apache-2.0
// Tensor parallelism: what one of several identical devices has of a model.
#pragma once
#include <cstdint>
#include <string>

#include "tandem/platform/model/weights.h"

namespace tandem::platform {

// Why `devices` cannot share a model; empty if they can.
std::string why_not_shared(const ModelShape& shape, std::uint32_t devices);

// Heads, and columns of the feed-forward parts and experts, divided among `devices`; key/value
// heads as well, or each on several devices if there are fewer. The classifier's rows are divided,
// so it is apart from the embedding, which every device has as a whole. Throws UserError.
ModelShape shard(const ModelShape& shape, std::uint32_t devices);

}  // namespace tandem::platform
