/* SPDX-License-Identifier: Apache-2.0
 * A driver's view of the generated header. */
#include "tandem_registers.h"

uint32_t tandem_tail_offset(uint32_t queue_pair);

uint32_t tandem_tail_offset(uint32_t queue_pair) {
  tandem_command command = {0};
  command.opcode = TANDEM_OPCODE_RUN;
  command.flags = TANDEM_COMMAND_INTERRUPT;
  return TANDEM_NPU_SQ_TAIL(queue_pair) + command.opcode;
}
