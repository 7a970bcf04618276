// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/systemc.h"

namespace tandem::common {

void require_picosecond_resolution() {
  if (sc_core::sc_get_time_resolution() != sc_core::sc_time(1, sc_core::SC_PS)) {
    SC_REPORT_ERROR("/tandem/common", "the time resolution must be 1 ps (the SystemC default)");
  }
}

}  // namespace tandem::common
