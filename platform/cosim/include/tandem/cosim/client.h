/* SPDX-License-Identifier: Apache-2.0
 * A client of `tandem serve`, in plain C: registers and memory of the platform, from another
 * process. Not for several threads at once. */
#ifndef TANDEM_COSIM_CLIENT_H
#define TANDEM_COSIM_CLIENT_H

#include <stdint.h>

#include "tandem/abi/hal.h"
#include "tandem/cosim/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Beside the codes of the protocol. After TANDEM_COSIM_LOST nothing but close works. */
enum { TANDEM_COSIM_LOST = 100, TANDEM_COSIM_NO_MEMORY = 101, TANDEM_COSIM_BAD_VERSION = 102 };

typedef struct tandem_cosim tandem_cosim;

typedef struct tandem_cosim_region {
  char name[TANDEM_COSIM_NAME_BYTES];
  uint64_t base;
  uint64_t bytes;
  uint32_t kind; /* enum tandem_cosim_region_kind */
} tandem_cosim_region;

typedef struct tandem_cosim_facts {
  uint32_t abi_version; /* of the register contract */
  uint64_t boot_info;   /* address of BootInfo */
  uint32_t region_count;
  const tandem_cosim_region* regions; /* live as long as the connection */
} tandem_cosim_facts;

/* As of the last good answer; a refused access has taken time as well. */
typedef struct tandem_cosim_state {
  uint64_t time_ps;
  uint32_t lines;     /* bit per line of the interrupt controller */
  uint32_t interrupt; /* 1: a line that is enabled is high */
} tandem_cosim_state;

/* Every function returns TANDEM_COSIM_OK or why not; tandem_cosim_text says it in words. A failed
 * open leaves *client null or, with the reason in its text, to be closed. */
int tandem_cosim_open(tandem_cosim** client, const char* path);
void tandem_cosim_close(tandem_cosim* client);
const char* tandem_cosim_text(const tandem_cosim* client); /* of the last error; never null */
uint64_t tandem_cosim_detail(const tandem_cosim* client);  /* of the last error */

const tandem_cosim_facts* tandem_cosim_get_facts(const tandem_cosim* client);
const tandem_cosim_state* tandem_cosim_get_state(const tandem_cosim* client);

/* Through the bus, taking simulated time. Registers: aligned words, one per access. */
int tandem_cosim_read(tandem_cosim* client, uint64_t address, void* data, uint64_t bytes);
int tandem_cosim_write(tandem_cosim* client, uint64_t address, const void* data, uint64_t bytes);
/* At once; without the side effects of a register read. Registers cannot be written so. */
int tandem_cosim_peek(tandem_cosim* client, uint64_t address, void* data, uint64_t bytes);
int tandem_cosim_poke(tandem_cosim* client, uint64_t address, const void* data, uint64_t bytes);

/* Lets time pass until the CPU's interrupt input is high, at most limit_ps. */
int tandem_cosim_wait(tandem_cosim* client, uint64_t limit_ps);
int tandem_cosim_advance(tandem_cosim* client, uint64_t ps);
/* Of the whole platform, as its reset pin does; memories keep their bytes. */
int tandem_cosim_reset(tandem_cosim* client);
/* Asks for the state, in no simulated time. */
int tandem_cosim_refresh(tandem_cosim* client);

/* Fills in a HAL that works over the connection, so that a driver written for one runs in this
 * process. dma_window gives a copy of device memory at an address that stays valid until close:
 * dma_window and barrier send what the driver wrote to the device and bring the copy up to date.
 * `log` may be null. */
typedef void (*tandem_cosim_log)(void* context, const char* text, uint32_t bytes);
void tandem_cosim_make_hal(tandem_cosim* client, tandem_hal* hal, tandem_cosim_log log,
                           void* log_context);
/* What relax() of that HAL lets pass; 100 ns unless set. */
void tandem_cosim_set_relax_ps(tandem_cosim* client, uint64_t ps);

#ifdef __cplusplus
}
#endif
#endif
