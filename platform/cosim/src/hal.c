/* SPDX-License-Identifier: Apache-2.0
 * The HAL over a connection. Memory is mirrored page by page: `shown` is what the driver sees,
 * `known` what the device's memory held when both were last compared. Bytes in which they differ
 * are the driver's; only those are sent, because the device may have written their neighbours. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "tandem/cosim/client.h"

enum { PAGE_BYTES = 4096 };

typedef struct area {
  uint64_t base;
  uint64_t bytes;
  unsigned char* shown;
  unsigned char* known;
  uint64_t* fresh; /* per page: 1 + the epoch of the copy; 0: there is none */
  uint64_t* used;  /* pages that have a copy */
  uint64_t used_count;
  uint64_t used_capacity;
} area;

struct tandem_cosim_mirror {
  uint32_t count;
  area areas[1]; /* one per memory of the map */
};

static uint64_t pages_of(uint64_t bytes) {
  return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* Addresses without memory behind them until they are touched. */
static unsigned char* reserve(uint64_t bytes) {
  void* mapped = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return mapped == MAP_FAILED ? NULL : (unsigned char*)mapped;
}

static void release(void* mapped, uint64_t bytes) {
  if (mapped != NULL) munmap(mapped, (size_t)bytes);
}

static void free_area(area* a) {
  release(a->shown, a->bytes);
  release(a->known, a->bytes);
  release(a->fresh, pages_of(a->bytes) * sizeof *a->fresh);
  free(a->used);
}

void tandem_cosim_free_mirror(tandem_cosim_mirror* mirror) {
  uint32_t i;
  if (mirror == NULL) return;
  for (i = 0; i < mirror->count; ++i) free_area(&mirror->areas[i]);
  free(mirror);
}

static int make_area(area* a, const tandem_cosim_region* region) {
  a->base = region->base;
  a->bytes = region->bytes;
  a->shown = reserve(a->bytes);
  a->known = reserve(a->bytes);
  a->fresh = (uint64_t*)(void*)reserve(pages_of(a->bytes) * sizeof *a->fresh);
  return a->shown != NULL && a->known != NULL && a->fresh != NULL;
}

static tandem_cosim_mirror* make_mirror(const tandem_cosim_facts* facts) {
  uint32_t i;
  tandem_cosim_mirror* mirror = (tandem_cosim_mirror*)calloc(
      1, sizeof(tandem_cosim_mirror) + facts->region_count * sizeof(area));
  if (mirror == NULL) return NULL;
  for (i = 0; i < facts->region_count; ++i) {
    if (facts->regions[i].kind != TANDEM_COSIM_MEMORY) continue;
    if (!make_area(&mirror->areas[mirror->count++], &facts->regions[i])) {
      tandem_cosim_free_mirror(mirror);
      return NULL;
    }
  }
  return mirror;
}

/* --- pages ------------------------------------------------------------------------------------ */

static uint64_t page_end(const area* a, uint64_t page) {
  const uint64_t end = (page + 1) * PAGE_BYTES;
  return end < a->bytes ? end : a->bytes;
}

/* Sends what the driver has written since the copy was made. */
static int push_page(tandem_cosim* client, area* a, uint64_t page) {
  const uint64_t end = page_end(a, page);
  uint64_t i = page * PAGE_BYTES;
  if (memcmp(a->shown + i, a->known + i, (size_t)(end - i)) == 0) return 1;
  while (i < end) {
    uint64_t stop;
    if (a->shown[i] == a->known[i]) {
      ++i;
      continue;
    }
    for (stop = i + 1; stop < end && a->shown[stop] != a->known[stop]; ++stop) {
    }
    if (tandem_cosim_poke(client, a->base + i, a->shown + i, stop - i) != TANDEM_COSIM_OK) return 0;
    memcpy(a->known + i, a->shown + i, (size_t)(stop - i));
    i = stop;
  }
  return 1;
}

/* `count` pages in a row with one request or more. */
static int pull_pages(tandem_cosim* client, area* a, uint64_t first, uint64_t count) {
  const uint64_t begin = first * PAGE_BYTES;
  const uint64_t bytes = page_end(a, first + count - 1) - begin;
  uint64_t page;
  if (tandem_cosim_peek(client, a->base + begin, a->known + begin, bytes) != TANDEM_COSIM_OK) {
    return 0;
  }
  memcpy(a->shown + begin, a->known + begin, (size_t)bytes);
  for (page = first; page < first + count; ++page) a->fresh[page] = client->epoch + 1;
  return 1;
}

static int remember(area* a, uint64_t page) {
  if (a->used_count == a->used_capacity) {
    const uint64_t capacity = a->used_capacity == 0 ? 64 : 2 * a->used_capacity;
    uint64_t* grown = (uint64_t*)realloc(a->used, (size_t)(capacity * sizeof *grown));
    if (grown == NULL) return 0;
    a->used = grown;
    a->used_capacity = capacity;
  }
  a->used[a->used_count++] = page;
  return 1;
}

/* A copy is as good as new while no request has let time pass. */
static int is_fresh(const tandem_cosim* client, const area* a, uint64_t page) {
  return a->fresh[page] == client->epoch + 1;
}

static int update_pages(tandem_cosim* client, area* a, uint64_t first, uint64_t end) {
  uint64_t page, stop;
  for (page = first; page < end; ++page) {
    if (a->fresh[page] == 0 && !remember(a, page)) return 0;
    if (!push_page(client, a, page)) return 0;
  }
  for (page = first; page < end; page = stop) {
    for (stop = page; stop < end && !is_fresh(client, a, stop); ++stop) {
    }
    if (stop == page) {
      ++stop;
    } else if (!pull_pages(client, a, page, stop - page)) {
      return 0;
    }
  }
  return 1;
}

/* --- HAL -------------------------------------------------------------------------------------- */

static tandem_cosim* self(void* context) {
  return (tandem_cosim*)context;
}

static int hal_read32(void* context, uint64_t address, uint32_t* value) {
  unsigned char bytes[4];
  *value = 0;
  if (tandem_cosim_read(self(context), address, bytes, sizeof bytes) != TANDEM_COSIM_OK) {
    return TANDEM_HAL_BUS_ERROR;
  }
  *value = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
  return TANDEM_HAL_OK;
}

static int hal_write32(void* context, uint64_t address, uint32_t value) {
  unsigned char bytes[4];
  int i;
  for (i = 0; i < 4; ++i) bytes[i] = (unsigned char)(value >> (8 * i));
  return tandem_cosim_write(self(context), address, bytes, sizeof bytes) == TANDEM_COSIM_OK
             ? TANDEM_HAL_OK
             : TANDEM_HAL_BUS_ERROR;
}

static void* hal_dma_window(void* context, uint64_t address, uint64_t bytes) {
  tandem_cosim* client = self(context);
  uint32_t i;
  if (client->mirror == NULL) client->mirror = make_mirror(&client->facts);
  if (client->mirror == NULL) return NULL;
  for (i = 0; i < client->mirror->count; ++i) {
    area* a = &client->mirror->areas[i];
    const uint64_t offset = address - a->base;
    uint64_t last;
    if (address < a->base || offset >= a->bytes || bytes > a->bytes - offset) continue;
    last = (offset + (bytes == 0 ? 0 : bytes - 1)) / PAGE_BYTES;
    return update_pages(client, a, offset / PAGE_BYTES, last + 1) ? a->shown + offset : NULL;
  }
  return NULL;
}

static void hal_barrier(void* context) {
  tandem_cosim* client = self(context);
  uint32_t i;
  uint64_t n, end;
  if (client->mirror == NULL) return;
  for (i = 0; i < client->mirror->count; ++i) {
    area* a = &client->mirror->areas[i];
    for (n = 0; n < a->used_count; n = end) {
      const uint64_t first = a->used[n];
      for (end = n + 1; end < a->used_count && a->used[end] == first + (end - n); ++end) {
      }
      (void)update_pages(client, a, first, first + (end - n));
    }
  }
}

/* Without an answer the clock goes on by itself, so that a driver's limits are reached. */
static void pass_time(tandem_cosim* client, uint64_t ps) {
  const uint64_t left_ps = TANDEM_COSIM_MAX_PS - client->state.time_ps;
  client->state.time_ps += ps < left_ps ? ps : left_ps;
}

static void hal_relax(void* context) {
  tandem_cosim* client = self(context);
  if (tandem_cosim_advance(client, client->relax_ps) == TANDEM_COSIM_OK) return;
  pass_time(client, client->relax_ps);
}

static int hal_wait_irq(void* context, uint64_t timeout_ns) {
  tandem_cosim* client = self(context);
  const uint64_t left_ps = TANDEM_COSIM_MAX_PS - client->state.time_ps;
  const uint64_t limit_ps = timeout_ns > left_ps / 1000 ? left_ps : timeout_ns * 1000;
  if (tandem_cosim_wait(client, limit_ps) != TANDEM_COSIM_OK) {
    pass_time(client, limit_ps);
    return 0;
  }
  return client->state.interrupt != 0;
}

static uint64_t hal_now_ns(void* context) {
  return self(context)->state.time_ps / 1000;
}

static void hal_log(void* context, const char* text, uint32_t bytes) {
  if (self(context)->log != NULL) self(context)->log(self(context)->log_context, text, bytes);
}

void tandem_cosim_make_hal(tandem_cosim* client, tandem_hal* hal, tandem_cosim_log log,
                           void* log_context) {
  client->log = log;
  client->log_context = log_context;
  hal->context = client;
  hal->read32 = hal_read32;
  hal->write32 = hal_write32;
  hal->dma_window = hal_dma_window;
  hal->barrier = hal_barrier;
  hal->relax = hal_relax;
  hal->wait_irq = hal_wait_irq;
  hal->now_ns = hal_now_ns;
  hal->log = hal_log;
}

void tandem_cosim_set_relax_ps(tandem_cosim* client, uint64_t ps) {
  client->relax_ps = ps;
}
