// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "request_list.h"
#include "tandem/npu/token_oracle.h"
#include "tandem/platform/model/weights.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

// What stands in for tensors; nothing where they are computed. `requests` must live as long. Throws
// UserError.
std::unique_ptr<npu::TokenOracle> scenario_oracle(const Scenario& scenario,
                                                  const RequestList& requests,
                                                  const ModelShape& shape);

}  // namespace tandem::platform
