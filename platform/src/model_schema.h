// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "binder.h"

namespace tandem::platform {

void bind_model(Binder& binder, ModelConfig& model);
// Also the columns of the file of presets.
void bind_shape(Binder& binder, ShapeKeys& shape, bool of_preset);

}  // namespace tandem::platform
