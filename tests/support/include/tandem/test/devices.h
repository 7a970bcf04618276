// SPDX-License-Identifier: Apache-2.0
// The DRAM devices that come with Tandem, for tests of modules.
#pragma once
#include <string>
#include <vector>

#include "tandem/memory/stack.h"
#include "tandem/platform/device_file.h"

namespace tandem::test {

// scenarios/hardware/devices/NAME.yaml
inline platform::DeviceFile device_file(const std::string& name) {
  return platform::read_device_file(std::string(TANDEM_TEST_DEVICES "/") + name + ".yaml");
}
inline memory::DeviceConfig device(const std::string& name) {
  return device_file(name).device;
}

inline const std::vector<std::string>& device_names() {
  static const std::vector<std::string> names = {"ddr4_3200",    "gddr6_aim", "hbm2_dramsim3",
                                                 "hbm2_neupims", "hbm2e",     "hbm3",
                                                 "hbm3_attacc",  "hbm_pim",   "lpddr5_6400"};
  return names;
}

// A stack of one channel, as the device file describes it.
inline memory::Stack::Config stack_config(const std::string& name) {
  const platform::DeviceFile file = device_file(name);
  memory::Stack::Config config;
  config.device = file.device;
  config.controller = file.controller;
  config.mapping = file.mapping;
  config.interleave_bytes = file.interleave_bytes;
  config.hash = file.hash;
  return config;
}

}  // namespace tandem::test
