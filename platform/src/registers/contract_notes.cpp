// SPDX-License-Identifier: Apache-2.0
#include "contract_notes.h"

namespace tandem::platform {

const std::vector<ContractNote>& contract_notes() {
  static const std::vector<ContractNote> notes = {
      {"Start",
       "Firmware finds BootInfo at BOOT_INFO_ADDRESS, or at the address it is given. Device: "
       "CONTROL\n"
       "= SOFT_RESET, which acts within the write, then CONTROL = ENABLE. NPU queue pair: zero "
       "the\n"
       "completion ring, write SQ_BASE, SQ_SIZE, CQ_BASE, CQ_SIZE, then QP_CONTROL = ENABLE. With "
       "a\n"
       "PIM: its CONTROL = ENABLE and DRAM_BASE, and the NPU's PIM_BASE."},
      {"Rings",
       "A ring holds one entry less than its size; head = tail means empty. Fill the entry, "
       "barrier,\n"
       "then write the tail. The first lap of completions has phase bit 1, and the bit flips with "
       "each\n"
       "lap. Write CQ_HEAD behind what was read: while the ring is full, completions wait and no\n"
       "further command is fetched. Commands of a queue pair run in order."},
      {"Interrupts",
       "Lines are levels. For a queue pair: its bit in IRQ_MASK, COMMAND_INTERRUPT in the command, "
       "the\n"
       "line in the interrupt controller's ENABLE. Clear the cause in IRQ_STATUS, then look at "
       "the\n"
       "ring: nothing is lost in between."},
      {"Errors",
       "A command that fails completes with its status, the index of the primitive and an address "
       "or\n"
       "value; the next one works. ERROR_CAUSE and ERROR_ADDRESS keep the oldest error until\n"
       "ERROR_COUNT = 0 is written. A register write whose value is refused has no effect and is\n"
       "told there too, with the offset of the register as address."},
      {"Operands of primitives",
       "m rows: token positions of the pass, or one per sequence, by RowMode. Activations are FP16 "
       "rows\n"
       "in slots of the local buffer, stride apart; weights and tables lie on the bus, stride 0.\n"
       "  GATHER       weight table [k][n]                        -> output [m][n]\n"
       "  LINEAR       input [m][k], weight [n][k], bias [n]      -> output [m][n]\n"
       "  NORM         input [m][n], weight gain [n], bias [n]    -> output [m][n]\n"
       "  POSITION     input [m][heads * head_dim], input2 inverse frequencies [head_dim / 2] "
       "FP32\n"
       "               (learned: input [m][n], input2 table [k][n])  -> output as input\n"
       "  ELEMENTWISE  input, input2 [m][n] (GELU: input only)    -> output [m][n]\n"
       "  KV_APPEND    input keys, input2 values [m][kv_heads * head_dim]\n"
       "  ATTENTION    input queries [m][heads * head_dim]        -> output as input\n"
       "  SAMPLE, ACCEPT  input logits [m][n]\n"
       "  COPY         input, output: n bytes on the bus\n"
       "Weights of a full BSFP format have their 12-bit plane in remainder. Predecessors must "
       "cover\n"
       "every dependence, also where a buffer is written again."},
      {"Passes",
       "A pass takes pending_count tokens of each sequence from position_base on, and with VERIFY "
       "or\n"
       "COMMAND_ROWS_DRAFTED the tokens of the draft block behind them. Its keys and values go "
       "behind\n"
       "committed_length. KV_COMMIT makes the pending ones valid, and behind ACCEPT the accepted "
       "ones;\n"
       "VerifyResult tells the new committed_length. ACCEPT passes over a sequence without draft "
       "that\n"
       "has remaining_tokens = 0. DRAFT repeats its program, a token per sequence each time, from\n"
       "DraftBlock.tokens[draft_index] on, and commits nothing."},
      {"Pages of the KV cache",
       "A page holds page_tokens tokens P of every layer, as FP16. Layouts TOKEN_MAJOR and\n"
       "ELEMENT_MAJOR, with half = kv_heads * P * head_dim * 2 bytes:\n"
       "  page + layer * 2 * half         K [kv_head][token][head_dim]\n"
       "  page + layer * 2 * half + half  V [kv_head][token][head_dim], ELEMENT_MAJOR:\n"
       "                                  [kv_head][head_dim][token]\n"
       "KV_PAGE_BYTES is the size of a page. The banked layouts are described in abi/batch.h."},
  };
  return notes;
}

}  // namespace tandem::platform
