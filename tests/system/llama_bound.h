// SPDX-License-Identifier: Apache-2.0
// What bounds the decoding of Llama-2-7B: its bytes, and how fast they come.
#pragma once
#include "soc/soc_config.h"
#include "tandem/memory/channel.h"
#include "tandem/platform/scenario.h"

namespace tandem::test {

// What the stack sustains for consecutive reads with as much in flight as the DMA has.
inline double effective_bytes_per_s(const platform::Scenario& scenario) {
  const memory::Stack::Config stack =
      platform::npu_stack_config(scenario.platform, platform::FidelityLevel::kTransaction);
  const memory::AddressMapping mapping(stack.mapping, stack.channels, stack.device.geometry,
                                       stack.interleave_bytes, stack.hash);
  const memory::StreamPace pace =
      memory::measure_stream(stack.device, stack.controller, mapping, false, stack.stream);
  return stack.channels * stack.device.geometry.burst_bytes() / (pace.burst_ps * 1e-12);
}

constexpr double kWeightBytes = 2.0 * (6.738415616e9 - 32000.0 * 4096);  // less the embedding

}  // namespace tandem::test
