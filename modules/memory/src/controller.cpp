// SPDX-License-Identifier: Apache-2.0
#include "tandem/memory/controller.h"

#include <string>

#include "tandem/memory/field_error.h"

namespace tandem::memory {
namespace {

constexpr unsigned kLongestQueue = 65'536;

void queue_length(const char* field, unsigned value) {
  if (value >= 1 && value <= kLongestQueue) return;
  throw FieldError(field, std::to_string(value) + " is not in 1.." + std::to_string(kLongestQueue));
}

}  // namespace

void ControllerConfig::validate() const {
  queue_length("controller.command_queue", command_queue);
  queue_length("controller.read_queue", read_queue);
  queue_length("controller.write_queue", write_queue);
  if (write_low >= write_queue) {
    throw FieldError("controller.write_low", std::to_string(write_low) +
                                                 " is not less than write_queue, which is " +
                                                 std::to_string(write_queue));
  }
  if (row_hit_cap == 0) {
    throw FieldError("controller.row_hit_cap", "is 0: no row could ever be read");
  }
}

void ControllerConfig::validate_with(const DeviceConfig& device) const {
  validate();
  if (refresh != RefreshMode::kPerBank || device.timing.tREFI == 0) return;
  const std::uint64_t interval_ps = device.timing.tREFI / device.geometry.banks_per_rank();
  if (device.timing.tRFCpb == 0) {
    throw FieldError("timing.tRFCpb", "is 0, must be given when banks are refreshed one by one");
  }
  if (interval_ps <= device.timing.tRFCpb + device.timing.tRP) {
    throw FieldError("timing.tRFCpb",
                     std::to_string(device.timing.tRFCpb) +
                         " ps and tRP leave no time between the refreshes of two banks, " +
                         std::to_string(interval_ps) + " ps apart");
  }
}

}  // namespace tandem::memory
