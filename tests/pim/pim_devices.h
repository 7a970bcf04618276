// SPDX-License-Identifier: Apache-2.0
// What the device files say about PIM, as one channel and its command set take it.
#pragma once
#include <string>
#include <utility>

#include "tandem/pim/command_set.h"
#include "tandem/test/devices.h"

namespace tandem::test {

struct PimSetup {
  std::string name;
  memory::DeviceConfig device;
  memory::ControllerConfig controller;
  pim::CommandSetConfig commands;
};

inline PimSetup pim_setup(const std::string& device, pim::CommandSetKind kind) {
  const platform::DeviceFile file = device_file(device);
  PimSetup setup;
  setup.name = device;
  setup.device = file.device;
  setup.controller = file.controller;
  pim::CommandSetConfig& c = setup.commands;
  c.kind = kind;
  c.banks = file.pim.banks;
  c.banks_per_unit = file.pim.banks_per_unit;
  c.clock_period_ps = 1'000'000'000'000 / file.pim.clock_hz;
  const platform::PimLanes& l = file.pim.lanes;
  c.lanes = {l.fp16, l.bf16, l.int8, l.int4, l.e2m1, l.e3m0, l.bsfp_draft};
  c.global_buffer_rows = file.pim.global_buffer_rows;
  c.accumulators_per_bank = file.pim.accumulators_per_bank;
  return setup;
}

inline PimSetup neupims(bool dual) {
  PimSetup setup = pim_setup("hbm2_neupims", pim::CommandSetKind::kNeupims);
  setup.commands.banks.dual_row_buffer = dual;
  setup.name += dual ? " dual" : " single";
  return setup;
}

inline PimSetup aim() {
  return pim_setup("gddr6_aim", pim::CommandSetKind::kAim);
}

inline PimSetup hbm_pim() {
  return pim_setup("hbm_pim", pim::CommandSetKind::kHbmPim);
}

}  // namespace tandem::test
