/* SPDX-License-Identifier: Apache-2.0
 * Brings the NPU up from another process, with nothing but exported headers: reads IDs, runs NOP
 * and COPY through a queue pair with an interrupt, resets. Prints what a user would see; exits with
 * 1 at the first thing that is not as it should be. Usage: bring_up SOCKET */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/cosim/client.h"
#include "tandem_registers.h"

enum { ENTRIES = 8, COPY_BYTES = 1000 };

static tandem_cosim* client;
static tandem_boot_info boot;

static void expect(int condition, const char* what) {
  if (condition) return;
  printf("FAILED: %s (%s)\n", what, tandem_cosim_text(client));
  exit(1);
}

static uint32_t read_register(uint64_t address) {
  uint32_t value = 0;
  expect(tandem_cosim_read(client, address, &value, sizeof value) == TANDEM_COSIM_OK, "a read");
  return value;
}

static void write_register(uint64_t address, uint32_t value) {
  expect(tandem_cosim_write(client, address, &value, sizeof value) == TANDEM_COSIM_OK, "a write");
}

static void say(const char* what) {
  printf("%llu ps: %s\n", (unsigned long long)tandem_cosim_get_state(client)->time_ps, what);
}

static void read_boot_info(void) {
  const tandem_cosim_facts* facts = tandem_cosim_get_facts(client);
  uint32_t i;
  expect(facts->abi_version == TANDEM_ABI_VERSION, "the version of the contract");
  for (i = 0; i < facts->region_count; ++i) {
    printf("%-8s %s at %#llx, %llu bytes\n", facts->regions[i].name,
           facts->regions[i].kind == TANDEM_COSIM_MEMORY ? "memory   " : "registers",
           (unsigned long long)facts->regions[i].base, (unsigned long long)facts->regions[i].bytes);
  }
  expect(tandem_cosim_peek(client, facts->boot_info, &boot, sizeof boot) == TANDEM_COSIM_OK,
         "reading BootInfo");
  expect(boot.magic == TANDEM_BOOT_MAGIC, "the magic of BootInfo");
}

static void start_device(void) {
  unsigned char zeros[ENTRIES * sizeof(tandem_completion)];
  const uint64_t completions = boot.shared_base + ENTRIES * sizeof(tandem_command);
  memset(zeros, 0, sizeof zeros);
  expect(read_register(boot.npu_base + TANDEM_NPU_ID) == TANDEM_NPU_ID_RESET, "the NPU's ID");
  say("the NPU is there");
  write_register(boot.npu_base + TANDEM_NPU_CONTROL, TANDEM_NPU_CONTROL_ENABLE_MASK);
  expect(tandem_cosim_write(client, completions, zeros, sizeof zeros) == TANDEM_COSIM_OK, "zeros");
  write_register(boot.npu_base + TANDEM_NPU_SQ_BASE_LO(0), (uint32_t)boot.shared_base);
  write_register(boot.npu_base + TANDEM_NPU_SQ_BASE_HI(0), (uint32_t)(boot.shared_base >> 32));
  write_register(boot.npu_base + TANDEM_NPU_SQ_SIZE(0), ENTRIES);
  write_register(boot.npu_base + TANDEM_NPU_CQ_BASE_LO(0), (uint32_t)completions);
  write_register(boot.npu_base + TANDEM_NPU_CQ_BASE_HI(0), (uint32_t)(completions >> 32));
  write_register(boot.npu_base + TANDEM_NPU_CQ_SIZE(0), ENTRIES);
  write_register(boot.npu_base + TANDEM_NPU_QP_CONTROL(0), TANDEM_NPU_QP_CONTROL_ENABLE_MASK);
  write_register(boot.npu_base + TANDEM_NPU_IRQ_MASK, 1);
  write_register(boot.intc_base + TANDEM_INTC_ENABLE, 1u << boot.npu_irq);
}

/* Submits `command` as number `index` and returns its completion. */
static tandem_completion run(tandem_command* command, uint32_t index) {
  tandem_completion completion;
  const uint64_t slot = boot.shared_base + (uint64_t)index * sizeof *command;
  const uint64_t result = boot.shared_base + ENTRIES * sizeof *command + index * sizeof completion;
  command->abi_version = TANDEM_ABI_VERSION;
  command->flags = TANDEM_COMMAND_INTERRUPT;
  command->tag = 100 + index;
  expect(tandem_cosim_write(client, slot, command, sizeof *command) == TANDEM_COSIM_OK, "submit");
  write_register(boot.npu_base + TANDEM_NPU_SQ_TAIL(0), index + 1);
  expect(tandem_cosim_wait(client, 1000000000) == TANDEM_COSIM_OK, "waiting");
  expect(tandem_cosim_get_state(client)->interrupt == 1, "the interrupt");
  expect((tandem_cosim_get_state(client)->lines >> boot.npu_irq & 1u) == 1, "the NPU's line");
  expect(read_register(boot.intc_base + TANDEM_INTC_CLAIM) == boot.npu_irq, "the claim");
  write_register(boot.npu_base + TANDEM_NPU_IRQ_STATUS, 1);
  expect(tandem_cosim_read(client, result, &completion, sizeof completion) == TANDEM_COSIM_OK,
         "reading the completion");
  write_register(boot.npu_base + TANDEM_NPU_CQ_HEAD(0), index + 1);
  expect(tandem_cosim_get_state(client)->interrupt == 0, "an end of the interrupt");
  expect(completion.tag == command->tag && (completion.phase & 1u) == 1, "the completion");
  return completion;
}

static void run_nop(void) {
  tandem_command command;
  memset(&command, 0, sizeof command);
  command.opcode = TANDEM_OPCODE_NOP;
  expect(run(&command, 0).status == TANDEM_STATUS_OK, "NOP");
  say("NOP is done");
}

static void run_copy(void) {
  unsigned char sent[COPY_BYTES], got[COPY_BYTES];
  tandem_command command;
  tandem_completion completion;
  size_t i;
  for (i = 0; i < sizeof sent; ++i) sent[i] = (unsigned char)(7 * i + 1);
  memset(&command, 0, sizeof command);
  command.opcode = TANDEM_OPCODE_COPY;
  command.parameter_block = boot.kv_base;
  command.result_block = boot.kv_base + 4096;
  command.wait_value = COPY_BYTES;
  expect(tandem_cosim_poke(client, boot.kv_base, sent, sizeof sent) == TANDEM_COSIM_OK, "a poke");
  completion = run(&command, 1);
  expect(completion.status == TANDEM_STATUS_OK, "COPY");
  expect(tandem_cosim_peek(client, boot.kv_base + 4096, got, sizeof got) == TANDEM_COSIM_OK,
         "a peek");
  expect(memcmp(sent, got, sizeof got) == 0, "the copied bytes");
  say("COPY is done");
}

static void refuse_what_is_wrong(void) {
  uint32_t value = 0;
  expect(tandem_cosim_read(client, 0x100u, &value, 4) == TANDEM_COSIM_BAD_ADDRESS, "a hole");
  expect(tandem_cosim_detail(client) == 0x100u, "the hole's address");
  expect(tandem_cosim_write(client, boot.npu_base, &value, 4) == TANDEM_COSIM_BUS_ERROR,
         "a register that is read-only");
  expect(strstr(tandem_cosim_text(client), "cannot be written") != NULL, "why it refuses");
  expect(tandem_cosim_read(client, boot.npu_base, &value, 2) == TANDEM_COSIM_BUS_ERROR,
         "half a register");
  expect(strstr(tandem_cosim_text(client), "size or alignment") != NULL, "why it refuses half");
  expect(tandem_cosim_read(client, boot.npu_base + 0xCu, &value, 4) == TANDEM_COSIM_BUS_ERROR,
         "no register");
  expect(strstr(tandem_cosim_text(client), "nothing at this address") != NULL, "why there is none");
  expect(tandem_cosim_poke(client, boot.npu_base, &value, 4) == TANDEM_COSIM_BUS_ERROR, "a poke");
  expect(strstr(tandem_cosim_text(client), "written around the bus") != NULL, "why no poke");
  expect(tandem_cosim_advance(client, ~(uint64_t)0) == TANDEM_COSIM_BAD_VALUE, "the end of time");
  say("refused what is wrong");
}

static void reset_and_start_again(void) {
  expect(tandem_cosim_reset(client) == TANDEM_COSIM_OK, "reset");
  expect(read_register(boot.npu_base + TANDEM_NPU_CONTROL) == 0, "CONTROL after reset");
  expect(read_register(boot.intc_base + TANDEM_INTC_ENABLE) == 0, "ENABLE after reset");
  start_device();
  run_nop();
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (tandem_cosim_open(&client, argv[1]) != TANDEM_COSIM_OK) {
    printf("FAILED: %s\n", tandem_cosim_text(client));
    tandem_cosim_close(client);
    return 1;
  }
  read_boot_info();
  start_device();
  run_nop();
  run_copy();
  refuse_what_is_wrong();
  reset_and_start_again();
  expect(tandem_cosim_advance(client, 5000000) == TANDEM_COSIM_OK, "time");
  say("the end");
  tandem_cosim_close(client);
  return 0;
}
