/* SPDX-License-Identifier: Apache-2.0
 * Queue pair 0 of the NPU. */
#include "c_driver.h"

static uint64_t npu(const driver* d, uint32_t offset) {
  return d->boot.npu_base + offset;
}

static void enable_queue(board* b, driver* d) {
  uint8_t* const ring = (uint8_t*)shared(b, d->completions);
  uint32_t i;
  /* The first lap of completions has phase bit 1: the ring must show 0 before. */
  for (i = 0; i < RING_ENTRIES * sizeof(tandem_completion); ++i) ring[i] = 0;
  b->hal->barrier(b->hal->context);
  d->tail = 0;
  d->head = 0;
  d->lap = 1;
  d->target_program.resident = 0;
  d->draft_program.resident = 0;

  write_register(b, npu(d, TANDEM_NPU_CONTROL), TANDEM_NPU_CONTROL_ENABLE_MASK);
  write_register(b, npu(d, TANDEM_NPU_QP_CONTROL(0)), 0);
  write_address(b, npu(d, TANDEM_NPU_SQ_BASE_LO(0)), d->submissions);
  write_register(b, npu(d, TANDEM_NPU_SQ_SIZE(0)), RING_ENTRIES);
  write_address(b, npu(d, TANDEM_NPU_CQ_BASE_LO(0)), d->completions);
  write_register(b, npu(d, TANDEM_NPU_CQ_SIZE(0)), RING_ENTRIES);
  write_register(b, npu(d, TANDEM_NPU_QP_CONTROL(0)), TANDEM_NPU_QP_CONTROL_ENABLE_MASK);
  write_register(b, npu(d, TANDEM_NPU_IRQ_MASK), 1u << TANDEM_NPU_IRQ_RAW_COMPLETION_SHIFT);
}

uint32_t start_queue(board* b, driver* d) {
  const uint32_t id = read_register(b, npu(d, TANDEM_NPU_ID));
  const uint32_t version = read_register(b, npu(d, TANDEM_NPU_VERSION));
  if (b->bus_error) return TANDEM_STATUS_BUS_ERROR;
  if (id != TANDEM_NPU_ID_RESET ||
      TANDEM_GET(version, TANDEM_NPU_VERSION_MAJOR) !=
          TANDEM_GET(TANDEM_NPU_VERSION_RESET, TANDEM_NPU_VERSION_MAJOR)) {
    return TANDEM_STATUS_BAD_VERSION;
  }
  d->submissions = take_shared(d, RING_ENTRIES * sizeof(tandem_command));
  d->completions = take_shared(d, RING_ENTRIES * sizeof(tandem_completion));
  if (d->completions == 0) return TANDEM_STATUS_NO_SPACE;
  d->tag = 0;
  reset_npu(b, d);
  return b->bus_error ? TANDEM_STATUS_BUS_ERROR : TANDEM_STATUS_OK;
}

/* A reset drops what is in flight, and acts within the write. */
void reset_npu(board* b, driver* d) {
  write_register(b, npu(d, TANDEM_NPU_CONTROL), TANDEM_NPU_CONTROL_SOFT_RESET_MASK);
  enable_queue(b, d);
}

/* There is one command in flight at most, so the ring is never full. */
void submit(board* b, driver* d, program* run, uint8_t opcode, uint32_t phase) {
  tandem_command* const command =
      (tandem_command*)shared(b, d->submissions + d->tail * sizeof(tandem_command));
  const tandem_command blank = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  *command = blank;
  command->opcode = opcode;
  command->flags = TANDEM_COMMAND_INTERRUPT;
  if (!run->resident) command->flags |= TANDEM_COMMAND_RELOAD_PROGRAM;
  command->abi_version = TANDEM_ABI_VERSION;
  command->context = run == &d->draft_program ? CONTEXT_DRAFT : CONTEXT_TARGET;
  command->tag = ++d->tag;
  command->program = run->address;
  command->primitive_count = (uint16_t)run->primitives;
  command->batch_table = d->entry;
  command->batch_count = 1;
  command->parameter_block = d->parameters;
  command->result_block = d->result;
  command->phase = phase;
  run->resident = 1;
  d->tail = (d->tail + 1) % RING_ENTRIES;
  d->submitted_ns = b->hal->now_ns(b->hal->context);
  b->hal->barrier(b->hal->context); /* the entry must be in memory before the doorbell rings */
  write_register(b, npu(d, TANDEM_NPU_SQ_TAIL(0)), d->tail);
}

/* Takes the completion of the command in flight; 0: it has not come. */
int poll_completion(board* b, driver* d, tandem_completion* completion) {
  const volatile tandem_completion* const entry = (const volatile tandem_completion*)shared(
      b, d->completions + d->head * sizeof(tandem_completion));
  /* The cause goes first: what completes after this write interrupts again. */
  write_register(b, npu(d, TANDEM_NPU_IRQ_STATUS), TANDEM_NPU_IRQ_RAW_COMPLETION_MASK);
  b->hal->barrier(b->hal->context);
  if ((entry->phase & 1u) != d->lap) return 0;
  b->hal->barrier(b->hal->context); /* the phase bit is read before the rest */
  completion->tag = entry->tag;
  completion->status = entry->status;
  completion->primitive = entry->primitive;
  completion->value = entry->value;
  d->head = (d->head + 1) % RING_ENTRIES;
  if (d->head == 0) d->lap ^= 1u;
  write_register(b, npu(d, TANDEM_NPU_CQ_HEAD(0)), d->head);
  if (completion->status != TANDEM_STATUS_OK) {
    write_register(b, npu(d, TANDEM_NPU_ERROR_COUNT), 0);
  }
  return 1;
}

/* Lets only this line wake the processor: the other one may be high all the time. */
void wait_for_interrupt_of(board* b, const driver* d, uint32_t line) {
  write_register(b, d->boot.intc_base + TANDEM_INTC_ENABLE, 1u << line);
}
