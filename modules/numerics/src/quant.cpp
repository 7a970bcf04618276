// SPDX-License-Identifier: Apache-2.0
#include "tandem/numerics/quant.h"

namespace tandem::numerics {}
