/* SPDX-License-Identifier: Apache-2.0
 * Takes one request after the other and decodes it in rounds: DRAFT proposes tokens, VERIFY keeps
 * those that the full weights agree with and adds one. Here are `init` and `step`. */
#include "c_driver.h"

static uint32_t smaller(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* --- starting up ------------------------------------------------------------------------- */

static uint32_t read_boot_info(const tandem_hal* hal, driver* d, uint64_t address) {
  const void* const info = hal->dma_window(hal->context, address, sizeof(tandem_boot_info));
  const void* image;
  if (info == NULL) return TANDEM_STATUS_BUS_ERROR;
  d->boot = *(const tandem_boot_info*)info;
  if (d->boot.magic != TANDEM_BOOT_MAGIC || d->boot.abi_version != TANDEM_ABI_VERSION) {
    return TANDEM_STATUS_BAD_VERSION;
  }
  image = hal->dma_window(hal->context, d->boot.model_image, sizeof(tandem_model_image));
  if (image == NULL) return TANDEM_STATUS_BUS_ERROR;
  d->model = *(const tandem_model_image*)image;
  if (d->model.magic != TANDEM_MODEL_MAGIC || d->model.abi_version != TANDEM_ABI_VERSION) {
    return TANDEM_STATUS_BAD_VERSION;
  }
  return TANDEM_STATUS_OK;
}

/* The shape of Llama: everything else has primitives that this driver does not write. */
static int is_llama(const tandem_model_image* model) {
  return model->norm_kind == TANDEM_NORM_KIND_RMS &&
         model->position_kind != TANDEM_POSITION_KIND_LEARNED &&
         (model->flags & TANDEM_MODEL_PLAIN_FFN) == 0 && model->experts == 0 &&
         model->latent_dim == 0 && model->devices <= 1;
}

/* Places the activations of `rows` token positions one after the other; returns their size. */
static uint64_t place_activations(driver* d, uint32_t rows) {
  uint64_t next = 0;
  uint32_t i;
  d->columns[RESIDUAL] = d->columns[NORMED] = d->columns[PROJECTED] = d->model.dim;
  d->columns[QUERY] = d->columns[ATTENDED] = d->model.heads * d->model.head_dim;
  d->columns[KEY] = d->columns[VALUE] = d->model.kv_heads * d->model.head_dim;
  d->columns[GATE] = d->columns[UP] = d->model.hidden_dim;
  d->columns[LOGITS] = d->model.vocabulary;
  for (i = 0; i < BUFFERS; ++i) {
    d->offset[i] = next;
    next += ((uint64_t)rows * d->columns[i] * 2u + 63u) & ~(uint64_t)63u;
  }
  return next;
}

static uint32_t plan_activations(board* b, driver* d) {
  const uint64_t npu = d->boot.npu_base;
  const uint32_t bytes = read_register(b, npu + TANDEM_NPU_ACTIVATION_BYTES);
  d->rows = smaller(read_register(b, npu + TANDEM_NPU_MAX_ROWS), MOST_ROWS);
  while (d->rows > 0 && place_activations(d, d->rows) > bytes) --d->rows;
  return d->rows > d->boot.policy.draft_length ? TANDEM_STATUS_OK : TANDEM_STATUS_NO_SPACE;
}

/* One sequence, so its pages follow each other. Draft and target share them. */
static uint32_t plan_kv_cache(const board* b, driver* d) {
  const uint32_t tokens = d->boot.policy.page_tokens;
  const uint64_t page_bytes =
      TANDEM_KV_PAGE_BYTES(d->model.layers, d->model.kv_heads, d->model.head_dim, (uint64_t)tokens);
  uint64_t* pages;
  uint32_t i;
  if (tokens == 0) return TANDEM_STATUS_BAD_PARAMETER;
  d->page_count = (d->model.max_positions + tokens - 1) / tokens;
  if (page_bytes * d->page_count > d->boot.kv_bytes) return TANDEM_STATUS_NO_SPACE;
  d->page_table = take_shared(d, d->page_count * sizeof(uint64_t));
  if (d->page_table == 0) return TANDEM_STATUS_NO_SPACE;
  pages = (uint64_t*)shared(b, d->page_table);
  for (i = 0; i < d->page_count; ++i) pages[i] = d->boot.kv_base + i * page_bytes;
  return TANDEM_STATUS_OK;
}

static uint32_t plan_memory(const board* b, driver* d) {
  tandem_parameter_block* parameters;
  uint8_t* bytes;
  uint32_t i;
  d->requests = take_shared(d, RING_ENTRIES * sizeof(tandem_request));
  d->records = take_shared(d, RING_ENTRIES * sizeof(tandem_record));
  d->parameters = take_shared(d, sizeof(tandem_parameter_block));
  d->entry = take_shared(d, sizeof(tandem_batch_entry));
  d->result = take_shared(d, sizeof(tandem_verify_result));
  d->draft = take_shared(d, sizeof(tandem_draft_block));
  d->history = take_shared(d, d->model.max_positions * sizeof(uint32_t));
  if (d->history == 0) return TANDEM_STATUS_NO_SPACE;
  parameters = (tandem_parameter_block*)shared(b, d->parameters);
  bytes = (uint8_t*)parameters;
  for (i = 0; i < sizeof(tandem_parameter_block); ++i) bytes[i] = 0;
  parameters->slot_count = 2;
  parameters->slots[SLOT_ACTIVATIONS].bytes = place_activations(d, d->rows);
  parameters->slots[SLOT_ACTIVATIONS].space = TANDEM_SPACE_LOCAL;
  parameters->slots[SLOT_ACTIVATIONS].writable = 1;
  parameters->slots[SLOT_WEIGHTS].base = d->model.weights_base;
  parameters->slots[SLOT_WEIGHTS].bytes = d->model.weights_bytes;
  parameters->slots[SLOT_WEIGHTS].space = TANDEM_SPACE_BUS;
  return plan_kv_cache(b, d);
}

static int init(void* arena, const tandem_hal* hal, uint64_t boot_info) {
  driver* const d = (driver*)arena;
  board b;
  uint32_t status = read_boot_info(hal, d, boot_info);
  if (status != TANDEM_STATUS_OK) return (int)status;
  if (!is_llama(&d->model)) return TANDEM_STATUS_UNSUPPORTED;
  b = open_board(hal, d);
  if (b.shared == NULL) return TANDEM_STATUS_BUS_ERROR;
  d->free_address = d->boot.shared_base;
  status = start_queue(&b, d);
  if (status == TANDEM_STATUS_OK) status = plan_activations(&b, d);
  if (status == TANDEM_STATUS_OK) status = plan_memory(&b, d);
  if (status == TANDEM_STATUS_OK) status = build_programs(&b, d);
  if (status != TANDEM_STATUS_OK) return (int)status;
  start_mailbox(&b, d);
  return b.bus_error ? TANDEM_STATUS_BUS_ERROR : TANDEM_STATUS_OK;
}

/* --- records ----------------------------------------------------------------------------- */

static void put_record(const board* b, driver* d, uint32_t kind) {
  const tandem_record blank = {0, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0}, {0}};
  d->outbox = blank;
  d->outbox.kind = kind;
  d->outbox.request_id = d->request.request_id;
  d->outbox.round = d->round;
  d->outbox.time_ns = b->hal->now_ns(b->hal->context);
}

static void end_request(driver* d, uint32_t status, uint32_t stop_reason) {
  d->doing = ENDING;
  d->status = status;
  d->stop_reason = stop_reason;
}

static int send_ending(board* b, driver* d) {
  const int well = d->status == TANDEM_STATUS_OK;
  put_record(b, d, well ? TANDEM_RECORD_KIND_FINISHED : TANDEM_RECORD_KIND_FAILED);
  d->outbox.status = d->status;
  d->outbox.stop_reason = d->stop_reason;
  d->doing = IDLE;
  return TANDEM_STEP_AGAIN;
}

/* --- rounds ------------------------------------------------------------------------------ */

/* Describes the sequence to the device: `taking` tokens behind those that the KV cache holds. */
static void describe_sequence(const board* b, driver* d, uint32_t may_emit, int with_draft) {
  const tandem_request* const request = &d->request;
  tandem_parameter_block* const parameters = (tandem_parameter_block*)shared(b, d->parameters);
  tandem_batch_entry* const entry = (tandem_batch_entry*)shared(b, d->entry);
  uint8_t* const bytes = (uint8_t*)entry;
  uint32_t i;
  parameters->sampling = request->sampling;
  parameters->temperature = request->temperature;
  parameters->seed = d->boot.seed;
  for (i = 0; i < sizeof(tandem_batch_entry); ++i) bytes[i] = 0;
  entry->request_id = request->request_id;
  entry->rng_key = request->request_id;
  entry->pending_count = d->taking;
  entry->pending_tokens = d->history + d->committed * sizeof(uint32_t);
  entry->position_base = d->committed;
  entry->remaining_tokens = may_emit;
  entry->draft_block = with_draft ? d->draft : 0;
  entry->topology = TANDEM_TOPOLOGY_CHAIN;
  entry->stop_count = request->stop_count;
  for (i = 0; i < TANDEM_MAX_STOP_IDS; ++i) entry->stop_ids[i] = request->stop_ids[i];
  entry->kv[0].page_table = d->page_table;
  entry->kv[0].page_count = d->page_count;
  entry->kv[0].page_tokens = d->boot.policy.page_tokens;
  entry->kv[0].layout = TANDEM_KV_LAYOUT_TOKEN_MAJOR;
  entry->kv[0].committed_length = d->committed;
}

static void start_draft(board* b, driver* d, uint32_t tokens) {
  tandem_draft_block* const draft = (tandem_draft_block*)shared(b, d->draft);
  tandem_parameter_block* const parameters = (tandem_parameter_block*)shared(b, d->parameters);
  draft->count = 0;
  draft->stopped_early = 0;
  draft->distributions = 0;
  parameters->max_draft = tokens;
  parameters->draft_index = 0;
  parameters->stop_below = d->boot.policy.stop_below;
  describe_sequence(b, d, d->request.max_tokens - d->emitted, 1);
  d->doing = DRAFTING;
  submit(b, d, &d->draft_program, TANDEM_OPCODE_DRAFT, TANDEM_PHASE_DRAFT);
}

/* What is not in the KV cache yet goes in first: all of a prompt, later the newest token. */
static void start_command(board* b, driver* d) {
  const uint32_t pending = d->total - d->committed;
  const uint32_t remaining = d->request.max_tokens - d->emitted;
  const uint32_t tokens =
      smaller(d->boot.policy.draft_length, smaller(remaining - 1, TANDEM_MAX_DRAFT));
  d->taking = smaller(pending, d->rows);
  if (d->emitted > 0 && d->draft_program.primitives > 0 && tokens > 0) {
    start_draft(b, d, tokens);
    return;
  }
  d->doing = d->taking < pending ? READING : CONFIRMING;
  describe_sequence(b, d, d->doing == READING ? 0 : remaining, 0);
  submit(b, d, &d->target_program, TANDEM_OPCODE_RUN,
         d->emitted == 0 ? TANDEM_PHASE_PREFILL : TANDEM_PHASE_DECODE);
}

static void start_verify(board* b, driver* d) {
  describe_sequence(b, d, d->request.max_tokens - d->emitted, 1);
  d->doing = CONFIRMING;
  submit(b, d, &d->target_program, TANDEM_OPCODE_VERIFY, TANDEM_PHASE_VERIFY);
}

/* The answer grows by the drafted tokens that were accepted and the one that the target chose. */
static void take_tokens(board* b, driver* d) {
  const tandem_verify_result* const result = (const tandem_verify_result*)shared(b, d->result);
  const tandem_draft_block* const draft = (const tandem_draft_block*)shared(b, d->draft);
  uint32_t* const history = (uint32_t*)shared(b, d->history);
  uint32_t i;
  put_record(b, d, TANDEM_RECORD_KIND_TOKENS);
  d->outbox.count = smaller(result->emitted, TANDEM_RECORD_TOKENS);
  d->outbox.drafted = result->drafted;
  d->outbox.accepted = result->accepted;
  for (i = 0; i < d->outbox.count; ++i) {
    const uint32_t token = i < result->accepted ? draft->tokens[i] : result->next_token;
    history[d->total++] = token;
    d->outbox.tokens[i] = token;
  }
  d->emitted += d->outbox.count;
  d->committed = result->committed_length;
  ++d->round;
  if (result->stop_reason != TANDEM_STOP_REASON_NONE) {
    end_request(d, TANDEM_STATUS_OK, result->stop_reason);
  } else {
    start_command(b, d);
  }
}

static int check_command(board* b, driver* d) {
  tandem_completion completion;
  const uint64_t limit_ns = (uint64_t)d->boot.timeout_us * 1000u;
  if (!poll_completion(b, d, &completion)) {
    if (b->hal->now_ns(b->hal->context) - d->submitted_ns > limit_ns) {
      reset_npu(b, d);
      end_request(d, TANDEM_STATUS_RESET, TANDEM_STOP_REASON_NONE);
      return TANDEM_STEP_AGAIN;
    }
    wait_for_interrupt_of(b, d, d->boot.npu_irq);
    return TANDEM_STEP_WAIT;
  }
  if (completion.status != TANDEM_STATUS_OK) {
    end_request(d, completion.status, TANDEM_STOP_REASON_NONE);
  } else if (d->doing == DRAFTING) {
    start_verify(b, d);
  } else if (d->doing == READING) {
    d->committed += d->taking;
    start_command(b, d);
  } else {
    take_tokens(b, d);
  }
  return TANDEM_STEP_AGAIN;
}

/* --- requests ---------------------------------------------------------------------------- */

static uint32_t copy_prompt(const board* b, driver* d) {
  const tandem_request* const request = &d->request;
  const uint32_t room = d->model.max_positions;
  uint32_t* const history = (uint32_t*)shared(b, d->history);
  const uint32_t* prompt;
  uint32_t i;
  if (request->sampling == TANDEM_SAMPLING_STANDARD) return TANDEM_STATUS_UNSUPPORTED;
  if ((request->flags & TANDEM_REQUEST_CACHED) != 0) return TANDEM_STATUS_UNSUPPORTED;
  if (request->prompt_count == 0 || request->max_tokens == 0) return TANDEM_STATUS_BAD_PARAMETER;
  if (request->prompt_count > room || request->max_tokens > room - request->prompt_count) {
    return TANDEM_STATUS_NO_SPACE;
  }
  prompt = (const uint32_t*)b->hal->dma_window(b->hal->context, request->prompt,
                                               request->prompt_count * sizeof(uint32_t));
  if (prompt == NULL) return TANDEM_STATUS_BUS_ERROR;
  for (i = 0; i < request->prompt_count; ++i) history[i] = prompt[i];
  return TANDEM_STATUS_OK;
}

static int look_for_request(board* b, driver* d) {
  uint32_t status;
  const int closed = mailbox_closed(b, d); /* before looking: nothing comes after it was closed */
  if (!peek_request(b, d, &d->request)) {
    if (closed) return TANDEM_STEP_DONE;
    wait_for_interrupt_of(b, d, d->boot.mailbox_irq);
    return TANDEM_STEP_WAIT;
  }
  status = copy_prompt(b, d);
  drop_request(b, d);
  d->total = d->request.prompt_count;
  d->committed = 0;
  d->emitted = 0;
  d->round = 0;
  if (status != TANDEM_STATUS_OK) {
    end_request(d, status, TANDEM_STOP_REASON_NONE);
  } else {
    start_command(b, d);
  }
  return TANDEM_STEP_AGAIN;
}

static int step(void* arena, const tandem_hal* hal) {
  driver* const d = (driver*)arena;
  board b = open_board(hal, d);
  int next = TANDEM_STEP_AGAIN;
  if (b.shared == NULL) return TANDEM_STEP_DONE;
  if (d->outbox.kind != 0 && !send_outbox(&b, d)) {
    hal->relax(hal->context);
  } else if (d->doing == IDLE) {
    next = look_for_request(&b, d);
  } else if (d->doing == ENDING) {
    next = send_ending(&b, d);
  } else {
    next = check_command(&b, d);
  }
  if (b.bus_error) {
    static const char text[] = "c_driver: a register does not answer, giving up\n";
    hal->log(hal->context, text, (uint32_t)(sizeof text - 1));
    return TANDEM_STEP_DONE;
  }
  return next;
}

const tandem_firmware* tandem_c_driver_firmware(void) {
  static const tandem_firmware firmware = {sizeof(driver), init, step};
  return &firmware;
}
