// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/pace.h"

namespace tandem::firmware {

u32 Paces::rows_in_time(u64 elapsed_ns, u32 most) const {
  if (!round.known() || !draft.known()) return 0;
  const u64 taken = elapsed_ns + draft.mean_ns();
  if (round.mean_ns() <= taken) return 0;
  // Until it has been seen, a row is taken to cost no less than a drafted token.
  const u64 row_ns = larger<u64>(1, checked.known() ? checked.mean_ns() : draft.mean_ns());
  return static_cast<u32>(smaller<u64>(most, (round.mean_ns() - taken) / row_ns));
}

}  // namespace tandem::firmware
