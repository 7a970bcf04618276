// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "tandem/memory/device.h"
#include "tandem/pim/command_set.h"

namespace tandem::pim {

// Picojoules of what computing banks do, beyond ordinary commands.
struct CommandEnergy {
  double activate_pj = 0;      // one row of one bank, opened for computing and shut
  double column_pj = 0;        // one column of one unit, read for one vector
  double buffer_write_pj = 0;  // one DRAM row to the global buffer
  double buffer_load_pj = 0;   // one burst from the data bus to the global buffer or registers
  double result_read_pj = 0;   // one burst of accumulators
  bool with_macs = false;      // column_pj contains the multiply-accumulates
  std::string source;
};

// Throws std::invalid_argument naming the figure that is no number of at least 0.
void validate(const CommandEnergy& energy);

// What published models say of the command set, in multiples of the device's own reads, writes and
// activates: NeuPIMs' simulator (a column of all banks four reads, group activates as many
// activates as banks, a buffer write a row of reads, a result one read per burst), CENT for AiM (a
// column of all banks three reads; IANUS has the same factor), AttAcc's bank path for Newton (0.44
// pJ per bit, multipliers apart). For HBM-PIM nothing is published: one read per unit is assumed.
CommandEnergy default_command_energy(CommandSetKind kind, const memory::DeviceConfig& device,
                                     const CommandSetConfig& config);

}  // namespace tandem::pim
