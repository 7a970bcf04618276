/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "tandem/cosim/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

/* A request: its payload is `head`, then `data`. An answer: the state, then what is asked for. */
typedef struct exchange {
  uint32_t type;
  unsigned char head[TANDEM_COSIM_ACCESS_BYTES];
  uint32_t head_bytes;
  const void* data;
  uint32_t data_bytes;
  void* answer;          /* null: nothing but the state is expected */
  uint32_t answer_bytes; /* exactly so many, unless *answer_taken is there */
  uint32_t* answer_taken;
} exchange;

static void put_u32(unsigned char* to, uint32_t value) {
  int i;
  for (i = 0; i < 4; ++i) to[i] = (unsigned char)(value >> (8 * i));
}

static void put_u64(unsigned char* to, uint64_t value) {
  put_u32(to, (uint32_t)value);
  put_u32(to + 4, (uint32_t)(value >> 32));
}

static uint32_t get_u32(const unsigned char* from) {
  return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
         (uint32_t)from[3] << 24;
}

static uint64_t get_u64(const unsigned char* from) {
  return (uint64_t)get_u32(from) | (uint64_t)get_u32(from + 4) << 32;
}

static int fail(tandem_cosim* client, int code, uint64_t detail, const char* text) {
  client->detail = detail;
  snprintf(client->text, sizeof client->text, "%s", text);
  return code;
}

static int lose(tandem_cosim* client, const char* text) {
  client->lost = 1;
  return fail(client, TANDEM_COSIM_LOST, 0, text);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static int send_all(tandem_cosim* client, const void* data, size_t bytes) {
  const unsigned char* next = (const unsigned char*)data;
  while (bytes > 0) {
    const ssize_t done = send(client->descriptor, next, bytes, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return 0;
    next += done;
    bytes -= (size_t)done;
  }
  return 1;
}

static int receive_all(tandem_cosim* client, void* data, size_t bytes) {
  unsigned char* next = (unsigned char*)data;
  while (bytes > 0) {
    const ssize_t done = recv(client->descriptor, next, bytes, 0);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return 0;
    next += done;
    bytes -= (size_t)done;
  }
  return 1;
}

static int drop(tandem_cosim* client, size_t bytes) {
  unsigned char rest[256];
  while (bytes > 0) {
    const size_t piece = bytes < sizeof rest ? bytes : sizeof rest;
    if (!receive_all(client, rest, piece)) return 0;
    bytes -= piece;
  }
  return 1;
}

/* --- frames ----------------------------------------------------------------------------------- */

static int receive_error(tandem_cosim* client, uint32_t payload_bytes) {
  unsigned char head[TANDEM_COSIM_ERROR_BYTES];
  char text[TANDEM_COSIM_TEXT_BYTES];
  uint32_t text_bytes, kept;
  if (payload_bytes < sizeof head || !receive_all(client, head, sizeof head)) {
    return lose(client, "the connection ended within an error");
  }
  text_bytes = payload_bytes - (uint32_t)sizeof head;
  kept = text_bytes < sizeof text - 1 ? text_bytes : (uint32_t)sizeof text - 1;
  if (!receive_all(client, text, kept) || !drop(client, text_bytes - kept)) {
    return lose(client, "the connection ended within an error");
  }
  text[kept] = 0;
  if (get_u32(head + 4) != 0) client->lost = 1;
  return fail(client, (int)get_u32(head), get_u64(head + 8), text);
}

static int receive_answer(tandem_cosim* client, const exchange* x, uint32_t payload_bytes) {
  unsigned char state[TANDEM_COSIM_STATE_BYTES];
  uint32_t rest;
  if (payload_bytes < sizeof state || !receive_all(client, state, sizeof state)) {
    return lose(client, "an answer has no state");
  }
  client->state.time_ps = get_u64(state);
  client->state.lines = get_u32(state + 8);
  client->state.interrupt = get_u32(state + 12);
  rest = payload_bytes - (uint32_t)sizeof state;
  if (x->answer_taken != NULL ? rest > x->answer_bytes : rest != x->answer_bytes) {
    return lose(client, "an answer has the wrong length");
  }
  if (x->answer_taken != NULL) *x->answer_taken = rest;
  if (!receive_all(client, x->answer, rest)) return lose(client, "the connection ended");
  return TANDEM_COSIM_OK;
}

static int receive_frame(tandem_cosim* client, const exchange* x, uint32_t tag) {
  unsigned char header[TANDEM_COSIM_HEADER_BYTES];
  uint32_t type, payload_bytes;
  if (!receive_all(client, header, sizeof header)) {
    return lose(client, "the server has closed the connection");
  }
  type = get_u32(header + 4);
  payload_bytes = get_u32(header + 12);
  if (get_u32(header) != TANDEM_COSIM_MAGIC || payload_bytes > TANDEM_COSIM_MAX_PAYLOAD_BYTES) {
    return lose(client, "what came is not a frame of this protocol");
  }
  if (type == (TANDEM_COSIM_ERROR | TANDEM_COSIM_RESPONSE)) {
    return receive_error(client, payload_bytes);
  }
  if (type != (x->type | TANDEM_COSIM_RESPONSE) || get_u32(header + 8) != tag) {
    return lose(client, "an answer belongs to no request");
  }
  return receive_answer(client, x, payload_bytes);
}

static int run(tandem_cosim* client, const exchange* x) {
  unsigned char frame[TANDEM_COSIM_HEADER_BYTES + TANDEM_COSIM_ACCESS_BYTES];
  uint32_t tag;
  int sent;
  if (client->lost) return fail(client, TANDEM_COSIM_LOST, 0, "the connection is lost");
  tag = client->next_tag++;
  put_u32(frame, TANDEM_COSIM_MAGIC);
  put_u32(frame + 4, x->type);
  put_u32(frame + 8, tag);
  put_u32(frame + 12, x->head_bytes + x->data_bytes);
  memcpy(frame + TANDEM_COSIM_HEADER_BYTES, x->head, x->head_bytes);
  sent = send_all(client, frame, TANDEM_COSIM_HEADER_BYTES + x->head_bytes) &&
         (x->data_bytes == 0 || send_all(client, x->data, x->data_bytes));
  /* A server that refuses this client says why before it closes. */
  (void)sent;
  return receive_frame(client, x, tag);
}

static exchange make_exchange(uint32_t type) {
  exchange x;
  memset(&x, 0, sizeof x);
  x.type = type;
  return x;
}

/* --- requests --------------------------------------------------------------------------------- */

static int access_memory(tandem_cosim* client, uint32_t type, uint32_t flags, uint64_t address,
                         void* read_to, const void* write_from, uint64_t bytes) {
  int result = TANDEM_COSIM_OK;
  while (bytes > 0 && result == TANDEM_COSIM_OK) {
    const uint32_t piece =
        bytes < TANDEM_COSIM_MAX_DATA_BYTES ? (uint32_t)bytes : TANDEM_COSIM_MAX_DATA_BYTES;
    exchange x = make_exchange(type);
    put_u64(x.head, address);
    put_u32(x.head + 8, piece);
    put_u32(x.head + 12, flags);
    x.head_bytes = TANDEM_COSIM_ACCESS_BYTES;
    if (read_to != NULL) {
      x.answer = read_to;
      x.answer_bytes = piece;
      read_to = (unsigned char*)read_to + piece;
    } else {
      x.data = write_from;
      x.data_bytes = piece;
      write_from = (const unsigned char*)write_from + piece;
    }
    result = run(client, &x);
    address += piece;
    bytes -= piece;
  }
  return result;
}

int tandem_cosim_read(tandem_cosim* client, uint64_t address, void* data, uint64_t bytes) {
  ++client->epoch;
  return access_memory(client, TANDEM_COSIM_READ, 0, address, data, NULL, bytes);
}

int tandem_cosim_write(tandem_cosim* client, uint64_t address, const void* data, uint64_t bytes) {
  ++client->epoch;
  return access_memory(client, TANDEM_COSIM_WRITE, 0, address, NULL, data, bytes);
}

int tandem_cosim_peek(tandem_cosim* client, uint64_t address, void* data, uint64_t bytes) {
  return access_memory(client, TANDEM_COSIM_READ, TANDEM_COSIM_DEBUG, address, data, NULL, bytes);
}

int tandem_cosim_poke(tandem_cosim* client, uint64_t address, const void* data, uint64_t bytes) {
  return access_memory(client, TANDEM_COSIM_WRITE, TANDEM_COSIM_DEBUG, address, NULL, data, bytes);
}

static int pass_time(tandem_cosim* client, uint32_t type, uint64_t ps) {
  exchange x = make_exchange(type);
  ++client->epoch;
  put_u64(x.head, ps);
  x.head_bytes = TANDEM_COSIM_DURATION_BYTES;
  return run(client, &x);
}

int tandem_cosim_wait(tandem_cosim* client, uint64_t limit_ps) {
  return pass_time(client, TANDEM_COSIM_WAIT, limit_ps);
}

int tandem_cosim_advance(tandem_cosim* client, uint64_t ps) {
  return pass_time(client, TANDEM_COSIM_ADVANCE, ps);
}

int tandem_cosim_reset(tandem_cosim* client) {
  const exchange x = make_exchange(TANDEM_COSIM_RESET);
  ++client->epoch;
  return run(client, &x);
}

static int query(tandem_cosim* client, unsigned char* facts, uint32_t* bytes) {
  exchange x = make_exchange(TANDEM_COSIM_QUERY);
  x.answer = facts;
  x.answer_bytes = *bytes;
  x.answer_taken = bytes;
  return run(client, &x);
}

enum { MOST_REGIONS = 64 };
enum { MOST_FACTS_BYTES = TANDEM_COSIM_FACTS_BYTES + MOST_REGIONS * TANDEM_COSIM_REGION_BYTES };

int tandem_cosim_refresh(tandem_cosim* client) {
  unsigned char facts[MOST_FACTS_BYTES];
  uint32_t bytes = sizeof facts;
  return query(client, facts, &bytes);
}

/* --- connection ------------------------------------------------------------------------------- */

static int take_facts(tandem_cosim* client) {
  unsigned char facts[MOST_FACTS_BYTES];
  uint32_t bytes = sizeof facts, i;
  const int result = query(client, facts, &bytes);
  if (result != TANDEM_COSIM_OK) return result;
  if (bytes < TANDEM_COSIM_FACTS_BYTES) return lose(client, "the facts are incomplete");
  if (get_u32(facts) != TANDEM_COSIM_VERSION) {
    client->lost = 1;
    return fail(client, TANDEM_COSIM_BAD_VERSION, get_u32(facts),
                "the server speaks another version of the protocol");
  }
  client->facts.abi_version = get_u32(facts + 4);
  client->facts.boot_info = get_u64(facts + 8);
  client->facts.region_count = get_u32(facts + 20);
  if (client->facts.region_count > MOST_REGIONS ||
      bytes != TANDEM_COSIM_FACTS_BYTES + client->facts.region_count * TANDEM_COSIM_REGION_BYTES) {
    return lose(client, "the memory map is incomplete");
  }
  client->regions = (tandem_cosim_region*)calloc(MOST_REGIONS, sizeof *client->regions);
  if (client->regions == NULL) return fail(client, TANDEM_COSIM_NO_MEMORY, 0, "no memory is left");
  client->facts.regions = client->regions;
  for (i = 0; i < client->facts.region_count; ++i) {
    const unsigned char* from = facts + TANDEM_COSIM_FACTS_BYTES + i * TANDEM_COSIM_REGION_BYTES;
    tandem_cosim_region* region = &client->regions[i];
    region->base = get_u64(from);
    region->bytes = get_u64(from + 8);
    region->kind = get_u32(from + 16);
    memcpy(region->name, from + 20, TANDEM_COSIM_NAME_BYTES);
    region->name[TANDEM_COSIM_NAME_BYTES - 1] = 0;
  }
  return TANDEM_COSIM_OK;
}

static int connect_to(tandem_cosim* client, const char* path) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) return lose(client, "the socket's path is too long");
  memcpy(address.sun_path, path, strlen(path));
  client->descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  if (client->descriptor < 0 ||
      connect(client->descriptor, (const struct sockaddr*)&address, sizeof address) != 0) {
    return lose(client, strerror(errno));
  }
  return TANDEM_COSIM_OK;
}

int tandem_cosim_open(tandem_cosim** client, const char* path) {
  int result;
  tandem_cosim* c = (tandem_cosim*)calloc(1, sizeof *c);
  *client = c;
  if (c == NULL) return TANDEM_COSIM_NO_MEMORY;
  c->descriptor = -1;
  c->relax_ps = 100000;
  result = connect_to(c, path);
  return result == TANDEM_COSIM_OK ? take_facts(c) : result;
}

void tandem_cosim_close(tandem_cosim* client) {
  if (client == NULL) return;
  if (client->descriptor >= 0) close(client->descriptor);
  tandem_cosim_free_mirror(client->mirror);
  free(client->regions);
  free(client);
}

const char* tandem_cosim_text(const tandem_cosim* client) {
  return client == NULL ? "no memory is left" : client->text;
}

uint64_t tandem_cosim_detail(const tandem_cosim* client) {
  return client == NULL ? 0 : client->detail;
}

const tandem_cosim_facts* tandem_cosim_get_facts(const tandem_cosim* client) {
  return &client->facts;
}

const tandem_cosim_state* tandem_cosim_get_state(const tandem_cosim* client) {
  return &client->state;
}
