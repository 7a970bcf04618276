// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/config.h"

#include <stdexcept>
#include <string>

#include "tandem/npu/replay.h"

namespace tandem::npu {

namespace {

void require(bool condition, const char* field, std::uint64_t value, const char* rule) {
  if (condition) return;
  throw std::invalid_argument(std::string("npu.") + field + ": " + std::to_string(value) +
                              " is not " + rule);
}

bool in_range(std::uint64_t value, std::uint64_t lowest, std::uint64_t highest) {
  return value >= lowest && value <= highest;
}

}  // namespace

void Config::validate() const {
  require(in_range(clock_period_ps, 1, 1'000'000), "clock_period_ps", clock_period_ps,
          "within 1..1000000");
  require(in_range(queue_pairs, 4, 8), "queue_pairs", queue_pairs, "within 4..8");
  require(in_range(contexts, 2, 15), "contexts", contexts, "within 2..15");
  require(in_range(max_primitives, 1, 65'535), "max_primitives", max_primitives, "within 1..65535");
  require(in_range(max_rows, 1, 65'536), "max_rows", max_rows, "within 1..65536");
  require(in_range(fetch_ahead, 1, 64), "fetch_ahead", fetch_ahead, "within 1..64");
  require(in_range(activation_bytes, 1024, 1ull << 30), "activation_bytes", activation_bytes,
          "within 1 KiB..1 GiB");
  require(in_range(weight_buffer_bytes, 1024, 1ull << 30), "weight_buffer_bytes",
          weight_buffer_bytes, "within 1 KiB..1 GiB");
  require(in_range(weight_tile_bytes, 64, weight_buffer_bytes / 2), "weight_tile_bytes",
          weight_tile_bytes, "within 64..weight_buffer_bytes / 2, so that two tiles fit");
  require(kv_buffer_bytes >= 1024, "kv_buffer_bytes", kv_buffer_bytes, "at least 1024");
  require(in_range(burst_bytes, 64, 65'536) && (burst_bytes & (burst_bytes - 1)) == 0,
          "burst_bytes", burst_bytes, "a power of two within 64..65536");
  require(in_range(outstanding, 1, 1024), "outstanding", outstanding, "within 1..1024");
  require(in_range(pim_outstanding, 1, 1024), "pim_outstanding", pim_outstanding, "within 1..1024");
  require(bulk_bytes == 0 || (timing_only && !serial), "bulk_bytes", bulk_bytes,
          "0, which it must be without timing_only and with serial");
  require(bulk_bytes == 0 || (in_range(bulk_bytes, burst_bytes, 1ull << 30) &&
                              (bulk_bytes & (bulk_bytes - 1)) == 0),
          "bulk_bytes", bulk_bytes, "0 or a power of two within burst_bytes..1 GiB");
  require(replay_layers == 0 || (timing_only && in_range(replay_layers, kLeastReplayLayers, 4096)),
          "replay_layers", replay_layers, "0 or, with timing_only, within 4..4096");
  require(semaphore_poll_ps != 0, "semaphore_poll_ps", semaphore_poll_ps, "positive");
  require(!(buffer_fj_per_byte < 0.0), "buffer_fj_per_byte", 0, "non-negative");
  link.validate();
  require(link.devices == 1 || timing_only, "link.devices", link.devices,
          "1, which it must be without timing_only: nobody computes the other devices' parts");
  array.validate();
  vector.validate();
  sampler.validate();
}

}  // namespace tandem::npu
