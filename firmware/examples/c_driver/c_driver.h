/* SPDX-License-Identifier: Apache-2.0
 * A driver in plain C: one sequence, drafting with the draft plane of its own weights. It knows the
 * header that `tandem registers --format c-header` prints, and how firmware is run; nothing else.
 */
#ifndef C_DRIVER_H
#define C_DRIVER_H

#include "tandem/abi/firmware_entry.h"
#include "tandem_registers.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  RING_ENTRIES = 16, /* of each ring, a power of two */
  CONTEXT_TARGET = 0,
  CONTEXT_DRAFT = 1,
  SLOT_ACTIVATIONS = 0,
  SLOT_WEIGHTS = 1,
  MOST_ROWS = 32 /* token positions that a command takes */
};

/* The machine during one step. It lives on the stack: the arena must not keep host pointers. */
typedef struct board {
  const tandem_hal* hal;
  uint8_t* shared; /* control memory */
  uint64_t shared_base;
  int bus_error; /* some access was answered with an error */
} board;

/* Activations: a row per token position, FP16. */
typedef enum buffer {
  RESIDUAL,
  NORMED,
  QUERY,
  KEY,
  VALUE,
  ATTENDED,
  PROJECTED,
  GATE,
  UP,
  LOGITS,
  BUFFERS
} buffer;

typedef struct program {
  uint64_t address;
  uint32_t primitives;
  int resident; /* the device has it, no need to fetch it again */
} program;

typedef enum activity {
  IDLE,       /* waits for a request */
  READING,    /* part of a prompt is in flight, no token comes of it */
  DRAFTING,   /* DRAFT is in flight */
  CONFIRMING, /* VERIFY is in flight, or a plain pass that gives one token */
  ENDING      /* the last record of the request is to be sent */
} activity;

/* All state of the driver, in the arena, zero at the start. Addresses are bus addresses. */
typedef struct driver {
  tandem_boot_info boot;
  tandem_model_image model;
  uint64_t free_address; /* control memory is given away from here on */

  /* Queue pair 0 */
  uint64_t submissions;
  uint64_t completions;
  uint32_t tail;
  uint32_t head;
  uint32_t lap; /* phase bit of new completions */
  uint32_t tag;
  uint64_t submitted_ns;

  /* Mailbox */
  uint64_t requests;
  uint64_t records;
  uint32_t request_head;
  uint32_t record_tail;
  tandem_record outbox; /* kind 0: empty */

  /* What commands refer to */
  uint64_t parameters;
  uint64_t entry;
  uint64_t result;
  uint64_t draft;
  uint64_t page_table;
  uint64_t history; /* all tokens of the sequence */
  uint32_t page_count;
  uint32_t rows; /* that fit in the activation buffer */
  uint64_t offset[BUFFERS];
  uint32_t columns[BUFFERS];
  program target_program;
  program draft_program; /* no primitives: plain decoding */

  /* The sequence */
  activity doing;
  tandem_request request;
  uint32_t total;     /* tokens in `history` */
  uint32_t committed; /* of them in the KV cache */
  uint32_t emitted;
  uint32_t taking; /* that the command in flight adds to the KV cache */
  uint32_t round;
  uint32_t status;
  uint32_t stop_reason;
} driver;

/* board.c */
board open_board(const tandem_hal* hal, const driver* d);
uint32_t read_register(board* b, uint64_t address);
void write_register(board* b, uint64_t address, uint32_t value);
void write_address(board* b, uint64_t address, uint64_t value); /* a pair of registers, LO first */
void* shared(const board* b, uint64_t address);
uint64_t take_shared(driver* d, uint64_t bytes); /* 0: no room */

/* queue.c */
uint32_t start_queue(board* b, driver* d);
void reset_npu(board* b, driver* d);
void submit(board* b, driver* d, program* run, uint8_t opcode, uint32_t phase);
int poll_completion(board* b, driver* d, tandem_completion* completion);
void wait_for_interrupt_of(board* b, const driver* d, uint32_t line);

/* mailbox.c */
void start_mailbox(board* b, driver* d);
int peek_request(board* b, const driver* d, tandem_request* request);
void drop_request(board* b, driver* d);
int mailbox_closed(board* b, const driver* d);
int send_outbox(board* b, driver* d);

/* programs.c */
uint32_t build_programs(const board* b, driver* d);

const tandem_firmware* tandem_c_driver_firmware(void);

#ifdef __cplusplus
}
#endif
#endif
