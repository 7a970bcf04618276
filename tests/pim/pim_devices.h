// SPDX-License-Identifier: Apache-2.0
// The PIM devices of the validation, with the figures of scenarios/hardware/devices.
#pragma once
#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/pim/command_set.h"

namespace tandem::test {

struct PimSetup {
  const char* name;
  memory::DeviceConfig device;
  memory::ControllerConfig controller;
  pim::CommandSetConfig commands;
};

inline void in_cycles(memory::DeviceTiming& t, std::uint64_t tck_ps) {
  for (const memory::TimingField& field : memory::kTimingFields) t.*field.value *= tck_ps;
  t.tCK = tck_ps;
}

// hbm2_neupims.yaml
inline PimSetup neupims(bool dual) {
  PimSetup s;
  s.name = dual ? "neupims dual" : "neupims single";
  s.device.name = "hbm2_neupims";
  s.device.geometry = {2, 4, 4, 32'768, 1'024, 128, 4, 2'000, false};
  memory::DeviceTiming& t = s.device.timing;
  t.tCK = 1;
  t.CL = t.tRCDRD = t.tRCDWR = t.tRP = 14;
  t.CWL = t.tRRD_S = 4;
  t.tRAS = 34;
  t.tRC = 48;
  t.tCCD_S = 1;
  t.tCCD_L = t.tRTRS = 2;
  t.tRRD_L = t.tWTR_S = 6;
  t.tFAW = 30;
  t.tWTR_L = 8;
  t.tWR = 16;
  t.tRTP_L = 5;
  t.tRFC = 260;
  t.tREFI = 3'900;
  in_cycles(t, 1'000);
  s.controller.command_queue = 128;
  s.commands.kind = pim::CommandSetKind::kNeupims;
  memory::ComputeBanks& b = s.commands.banks;
  b.dual_row_buffer = dual;
  b.banks_per_activate = 4;
  b.activate_spacing = 30;
  b.activate_to_compute = 14;
  b.compute_spacing = b.result_spacing = 2;
  b.compute_to_precharge = 5;
  b.pipeline_computes = 6;
  b.buffer_write_cycles = 96;
  return s;
}

// gddr6_aim.yaml
inline PimSetup aim() {
  PimSetup s;
  s.name = "aim";
  s.device.name = "gddr6_aim";
  s.device.geometry = {1, 4, 4, 16'384, 2'048, 16, 16, 16'000, false};
  memory::DeviceTiming& t = s.device.timing;
  t.tCK = 1;
  t.CL = 50;
  t.CWL = 6;
  t.tRCDRD = 36;
  t.tRCDWR = 28;
  t.tRP = 32;
  t.tRAS = 54;
  t.tRC = 89;
  t.tCCD_S = t.tCCD_L = 2;
  t.tRTRS = 4;
  t.tRRD_S = t.tRRD_L = t.tWTR_L = 11;
  t.tFAW = 42;
  t.tWTR_S = 9;
  t.tWR = 33;
  t.tRTP_L = 12;
  t.tRFC = 210;
  t.tRFCpb = 105;
  t.tREFI = 3'333;
  in_cycles(t, 500);
  s.commands.kind = pim::CommandSetKind::kAim;
  memory::ComputeBanks& b = s.commands.banks;
  b.banks_per_activate = 16;
  b.activate_spacing = 11;
  b.activate_to_compute = 56;
  b.compute_spacing = b.result_spacing = 2;
  b.compute_to_precharge = 12;
  return s;
}

// hbm_pim.yaml
inline PimSetup hbm_pim() {
  PimSetup s;
  s.name = "hbm_pim";
  s.device.name = "hbm_pim";
  s.device.geometry = {1, 4, 4, 16'384, 1'024, 64, 4, 2'000, false};
  memory::DeviceTiming& t = s.device.timing;
  t.tCK = 1;
  t.CL = 20;
  t.CWL = 8;
  t.tRCDRD = t.tRP = 14;
  t.tRCDWR = 10;
  t.tRAS = 33;
  t.tRC = 47;
  t.tCCD_S = t.tRTRS = 2;
  t.tCCD_L = t.tRRD_S = t.tWTR_S = 4;
  t.tRRD_L = 6;
  t.tFAW = t.tWR = 16;
  t.tWTR_L = 9;
  t.tRTP_L = 5;
  t.tRFC = 350;
  t.tREFI = 3'900;
  in_cycles(t, 1'000);
  s.commands.kind = pim::CommandSetKind::kHbmPim;
  s.commands.clock_period_ps = 4'000;
  s.commands.banks_per_unit = 2;
  s.commands.accumulators_per_bank = 8;
  memory::ComputeBanks& b = s.commands.banks;
  b.banks_per_activate = 16;
  b.activate_spacing = 6;
  b.activate_to_compute = 14;
  b.compute_spacing = b.result_spacing = 4;
  b.compute_to_precharge = 5;
  b.mode_cycles = 47;
  return s;
}

}  // namespace tandem::test
