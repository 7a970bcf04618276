/* SPDX-License-Identifier: Apache-2.0
 * How a CPU runs firmware: init once, then step until it says otherwise. All state lives in the
 * arena, and no stack is live between two steps. */
#ifndef TANDEM_ABI_FIRMWARE_ENTRY_H
#define TANDEM_ABI_FIRMWARE_ENTRY_H

#include "tandem/abi/hal.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  TANDEM_STEP_AGAIN = 0, /* call step again */
  /* Nothing to do before the next interrupt. Who calls step does so again after a while even if
   * none comes, because an interrupt may get lost and a device may hang. */
  TANDEM_STEP_WAIT = 1,
  TANDEM_STEP_DONE = 2 /* all work is done, the mailbox is closed */
};

typedef struct tandem_firmware {
  uint64_t arena_bytes; /* zeroed memory that init and step receive */
  /* 0: ready; else a status code. boot_info is a bus address. */
  int (*init)(void* arena, const tandem_hal* hal, uint64_t boot_info);
  int (*step)(void* arena, const tandem_hal* hal);
} tandem_firmware;

#ifdef __cplusplus
}
#endif
#endif
