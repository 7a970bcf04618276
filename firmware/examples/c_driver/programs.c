/* SPDX-License-Identifier: Apache-2.0
 * The model as two programs of primitives: all layers with the full weights and ACCEPT behind
 * them, all layers with the draft plane and SAMPLE behind them. Each primitive waits for the one
 * before it, which is always right; listing true dependences instead lets engines work side by
 * side. */
#include "c_driver.h"

enum { BEFORE_LAYERS = 1, PER_LAYER = 16, AFTER_LAYERS = 4 };

typedef struct writer {
  const board* b;
  const driver* d;
  tandem_primitive* primitives;
  uint32_t count;
  uint32_t role;   /* of the tensors */
  uint32_t layer;  /* that is being written */
  uint32_t stage;  /* for statistics */
  uint32_t failed; /* TANDEM_STATUS_OK, or why the program is of no use */
} writer;

static tandem_operand absent(void) {
  tandem_operand operand = {0, 0, TANDEM_NO_SLOT, 0, 0, TANDEM_NO_SLOT};
  return operand;
}

static tandem_operand activation(const writer* w, buffer which) {
  tandem_operand operand = absent();
  operand.offset = w->d->offset[which];
  operand.stride = w->d->columns[which] * 2u;
  operand.slot = SLOT_ACTIVATIONS;
  operand.format = TANDEM_FORMAT_FP16;
  return operand;
}

static tandem_operand weight(const writer* w, uint64_t address, uint8_t format) {
  tandem_operand operand = absent();
  operand.offset = address - w->d->model.weights_base;
  operand.slot = SLOT_WEIGHTS;
  operand.format = format;
  return operand;
}

static const tandem_tensor_entry* find_tensor(writer* w, uint32_t kind, uint32_t role,
                                              uint32_t layer) {
  const tandem_hal* const hal = w->b->hal;
  const tandem_model_image* const model = &w->d->model;
  const tandem_tensor_entry* const entries = (const tandem_tensor_entry*)hal->dma_window(
      hal->context, model->tensors, model->tensor_count * sizeof(tandem_tensor_entry));
  uint32_t i;
  for (i = 0; entries != NULL && i < model->tensor_count; ++i) {
    if (entries[i].kind == kind && entries[i].role == role && entries[i].layer == layer) {
      return &entries[i];
    }
  }
  w->failed = TANDEM_STATUS_BAD_PARAMETER;
  return NULL;
}

static tandem_primitive* add(writer* w, uint8_t op, uint8_t row_mode) {
  tandem_primitive* const p = &w->primitives[w->count];
  uint8_t* const bytes = (uint8_t*)p;
  uint32_t i;
  for (i = 0; i < sizeof(tandem_primitive); ++i) bytes[i] = 0;
  p->op = op;
  p->engine_mask = TANDEM_ENGINE_NPU;
  p->row_mode = row_mode;
  p->layer = (uint16_t)w->layer;
  p->stage = w->stage;
  p->predicate_slot = TANDEM_NO_SLOT;
  p->index_slot = TANDEM_NO_SLOT;
  p->input = p->input2 = p->weight = p->remainder = absent();
  p->scales = p->tables = p->bias = p->output = absent();
  if (w->count > 0) {
    p->predecessors[0] = (uint16_t)(w->count - 1);
    p->predecessor_count = 1;
  }
  ++w->count;
  return p;
}

/* A matrix has up to four streams: its weights, of the full bit-sharing formats the other twelve
 * bits, scales, and tables of the codes. */
static void bind_matrix(writer* w, tandem_primitive* p, const tandem_tensor_entry* t) {
  p->grouping = t->grouping;
  p->scope = t->scope;
  p->slice_columns = t->slice_columns;
  p->slice_rows = t->slice_rows;
  p->weight = weight(w, t->stream, t->format);
  p->weight.layout = t->layout;
  if (t->format == TANDEM_FORMAT_BSFP_E_FULL || t->format == TANDEM_FORMAT_BSFP_I_FULL) {
    p->remainder = weight(w, t->remainder, t->format);
  }
  if (t->scales != 0) p->scales = weight(w, t->scales, TANDEM_FORMAT_FP16);
  if (t->tables != 0) p->tables = weight(w, t->tables, t->format);
}

static void gather(writer* w) {
  const tandem_tensor_entry* const t =
      find_tensor(w, TANDEM_TENSOR_KIND_EMBEDDING, TANDEM_TENSOR_ROLE_FULL, 0);
  tandem_primitive* const p = add(w, TANDEM_PRIMITIVE_OP_GATHER, TANDEM_ROW_MODE_ALL);
  if (t == NULL) return;
  p->n = t->columns;
  p->k = t->rows;
  p->output = activation(w, RESIDUAL);
  bind_matrix(w, p, t);
}

static void norm(writer* w, uint32_t kind, uint8_t row_mode) {
  const tandem_tensor_entry* const t = find_tensor(w, kind, TANDEM_TENSOR_ROLE_FULL, w->layer);
  tandem_primitive* const p = add(w, TANDEM_PRIMITIVE_OP_NORM, row_mode);
  if (t == NULL) return;
  p->kind = TANDEM_NORM_KIND_RMS;
  p->n = w->d->model.dim;
  p->epsilon = w->d->model.norm_epsilon;
  p->input = activation(w, RESIDUAL);
  p->output = activation(w, NORMED);
  p->weight = weight(w, t->stream, t->format);
}

static void linear(writer* w, uint32_t kind, uint32_t role, buffer from, buffer to,
                   uint8_t row_mode) {
  const tandem_tensor_entry* const t = find_tensor(w, kind, role, w->layer);
  tandem_primitive* const p = add(w, TANDEM_PRIMITIVE_OP_LINEAR, row_mode);
  if (t == NULL) return;
  p->n = t->rows;
  p->k = t->columns;
  p->input = activation(w, from);
  p->output = activation(w, to);
  bind_matrix(w, p, t);
}

static void matrix(writer* w, uint32_t kind, buffer from, buffer to) {
  linear(w, kind, w->role, from, to, TANDEM_ROW_MODE_ALL);
}

static void rotate(writer* w, buffer which, uint32_t heads) {
  const uint32_t layer = w->layer;
  const tandem_tensor_entry* const t =
      find_tensor(w, TANDEM_TENSOR_KIND_INVERSE_FREQUENCY, TANDEM_TENSOR_ROLE_FULL, 0);
  tandem_primitive* const p = add(w, TANDEM_PRIMITIVE_OP_POSITION, TANDEM_ROW_MODE_ALL);
  if (t == NULL) return;
  p->kind = (uint8_t)w->d->model.position_kind;
  p->layer = (uint16_t)layer;
  p->n = heads * w->d->model.head_dim;
  p->heads = (uint16_t)heads;
  p->head_dim = (uint16_t)w->d->model.head_dim;
  p->input = p->output = activation(w, which);
  p->input2 = weight(w, t->stream, TANDEM_FORMAT_FP32);
}

/* into = f(into, other) */
static void elementwise(writer* w, uint8_t kind, buffer into, buffer other) {
  tandem_primitive* const p = add(w, TANDEM_PRIMITIVE_OP_ELEMENTWISE, TANDEM_ROW_MODE_ALL);
  p->kind = kind;
  p->n = w->d->columns[into];
  p->input = p->output = activation(w, into);
  p->input2 = activation(w, other);
}

static void attention(writer* w) {
  const tandem_model_image* const model = &w->d->model;
  tandem_primitive* p = add(w, TANDEM_PRIMITIVE_OP_KV_APPEND, TANDEM_ROW_MODE_ALL);
  p->n = w->d->columns[KEY];
  p->kv_heads = (uint16_t)model->kv_heads;
  p->head_dim = (uint16_t)model->head_dim;
  p->input = activation(w, KEY);
  p->input2 = activation(w, VALUE);

  w->stage = TANDEM_STAGE_ATTENTION;
  p = add(w, TANDEM_PRIMITIVE_OP_ATTENTION, TANDEM_ROW_MODE_ALL);
  p->mask = TANDEM_MASK_CAUSAL;
  p->n = w->d->columns[QUERY];
  p->heads = (uint16_t)model->heads;
  p->kv_heads = (uint16_t)model->kv_heads;
  p->head_dim = (uint16_t)model->head_dim;
  p->scale = model->attention_scale;
  p->input = activation(w, QUERY);
  p->output = activation(w, ATTENDED);
}

static void layer(writer* w) {
  w->stage = TANDEM_STAGE_QKV;
  norm(w, TANDEM_TENSOR_KIND_ATTENTION_NORM, TANDEM_ROW_MODE_ALL);
  matrix(w, TANDEM_TENSOR_KIND_QUERY, NORMED, QUERY);
  matrix(w, TANDEM_TENSOR_KIND_KEY, NORMED, KEY);
  matrix(w, TANDEM_TENSOR_KIND_VALUE, NORMED, VALUE);
  rotate(w, QUERY, w->d->model.heads);
  rotate(w, KEY, w->d->model.kv_heads);
  attention(w);
  w->stage = TANDEM_STAGE_PROJECTION;
  matrix(w, TANDEM_TENSOR_KIND_ATTENTION_OUTPUT, ATTENDED, PROJECTED);
  elementwise(w, TANDEM_ELEMENTWISE_KIND_ADD, RESIDUAL, PROJECTED);
  w->stage = TANDEM_STAGE_FFN;
  norm(w, TANDEM_TENSOR_KIND_FFN_NORM, TANDEM_ROW_MODE_ALL);
  matrix(w, TANDEM_TENSOR_KIND_GATE, NORMED, GATE);
  matrix(w, TANDEM_TENSOR_KIND_UP, NORMED, UP);
  elementwise(w, TANDEM_ELEMENTWISE_KIND_SILU_MULTIPLY, GATE, UP);
  matrix(w, TANDEM_TENSOR_KIND_DOWN, GATE, PROJECTED);
  elementwise(w, TANDEM_ELEMENTWISE_KIND_ADD, RESIDUAL, PROJECTED);
}

/* VERIFY wants logits of every row, as each drafted token is judged; DRAFT of the last row. */
static void choose_token(writer* w, int drafting) {
  const uint8_t rows = drafting ? TANDEM_ROW_MODE_ENTRIES : TANDEM_ROW_MODE_ALL;
  const uint32_t classifier = drafting && w->d->boot.policy.draft_classifier_full == 0
                                  ? TANDEM_TENSOR_ROLE_DRAFT
                                  : TANDEM_TENSOR_ROLE_FULL;
  tandem_primitive* p;
  w->layer = 0;
  w->stage = TANDEM_STAGE_OTHER;
  norm(w, TANDEM_TENSOR_KIND_FINAL_NORM, drafting ? TANDEM_ROW_MODE_LAST : TANDEM_ROW_MODE_ALL);
  w->stage = TANDEM_STAGE_CLASSIFIER;
  linear(w, TANDEM_TENSOR_KIND_CLASSIFIER, classifier, NORMED, LOGITS, rows);
  w->stage = TANDEM_STAGE_OTHER;
  p = add(w, drafting ? TANDEM_PRIMITIVE_OP_SAMPLE : TANDEM_PRIMITIVE_OP_ACCEPT, rows);
  p->n = w->d->model.vocabulary;
  p->input = activation(w, LOGITS);
  /* What the draft appends is not committed: VERIFY writes the same places again. */
  if (!drafting) add(w, TANDEM_PRIMITIVE_OP_KV_COMMIT, TANDEM_ROW_MODE_ALL);
}

static uint32_t build(const board* b, driver* d, uint32_t role, program* result) {
  const uint32_t most = BEFORE_LAYERS + d->model.layers * PER_LAYER + AFTER_LAYERS;
  writer w;
  uint32_t i;
  w.b = b;
  w.d = d;
  w.count = 0;
  w.role = role;
  w.layer = 0;
  w.stage = TANDEM_STAGE_OTHER;
  w.failed = TANDEM_STATUS_OK;
  result->address = take_shared(d, most * sizeof(tandem_primitive));
  if (result->address == 0) return TANDEM_STATUS_NO_SPACE;
  w.primitives = (tandem_primitive*)shared(b, result->address);
  gather(&w);
  for (i = 0; i < d->model.layers; ++i) {
    w.layer = i;
    layer(&w);
  }
  choose_token(&w, role == TANDEM_TENSOR_ROLE_DRAFT);
  result->primitives = w.count;
  return w.failed;
}

uint32_t build_programs(const board* b, driver* d) {
  uint32_t status = build(b, d, TANDEM_TENSOR_ROLE_FULL, &d->target_program);
  if (status == TANDEM_STATUS_OK && d->boot.policy.policy == TANDEM_POLICY_SELF_SPECULATIVE) {
    status = build(b, d, TANDEM_TENSOR_ROLE_DRAFT, &d->draft_program);
  }
  return status;
}
