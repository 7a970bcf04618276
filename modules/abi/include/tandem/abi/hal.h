/* SPDX-License-Identifier: Apache-2.0
 * What firmware needs from the machine it runs on. NativeCpu implements it inside the simulator,
 * start-up code does on silicon. Plain C, so that other drivers can use it. */
#ifndef TANDEM_ABI_HAL_H
#define TANDEM_ABI_HAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A bus access that was answered with an error. */
enum { TANDEM_HAL_OK = 0, TANDEM_HAL_BUS_ERROR = 1 };

typedef struct tandem_hal {
  void* context; /* first argument of every call */

  /* Register access at a bus address, 4-byte aligned. Orders against all other calls. Returns
   * TANDEM_HAL_OK or TANDEM_HAL_BUS_ERROR; *value is 0 after an error. */
  int (*read32)(void* context, uint64_t address, uint32_t* value);
  int (*write32)(void* context, uint64_t address, uint32_t value);

  /* Pointer to `bytes` of memory at a bus address that devices see too; null if there is none.
   * Writes are visible to devices after barrier(). */
  void* (*dma_window)(void* context, uint64_t address, uint64_t bytes);
  void (*barrier)(void* context);

  /* Inside every polling loop: always lets time pass. */
  void (*relax)(void* context);

  /* Sleeps until an enabled interrupt is pending or timeout_ns have passed; 0 when it timed out. */
  int (*wait_irq)(void* context, uint64_t timeout_ns);

  uint64_t (*now_ns)(void* context);

  /* For people only; nothing may depend on it. */
  void (*log)(void* context, const char* text, uint32_t bytes);
} tandem_hal;

#ifdef __cplusplus
}
#endif
#endif
