// SPDX-License-Identifier: Apache-2.0
// The app `bringup`: what runs first on a new board. It checks every device and says over the UART
// what it has found, a line per check:
//   [ok  ] npu.dma.copy 4096 bytes, 1.2 us
//   [fail] npu.nop: got 0x1, expected 0x0
//   [skip] pim: not there
//   bringup: 214 passed, 1 failed, 1 skipped
// Takes no requests, touches nothing of the model, never waits for ever.
#pragma once
#include "tandem/abi/firmware_entry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Written to SYSCON.EXIT at the end, when a check has failed; no abi::Status has this value. */
enum { TANDEM_BRINGUP_FAILED = 0x80 };

// Its init returns 0 or an abi::Status: kBusError (no boot information, no control memory),
// kBadVersion, kNoSpace. The device checks come in the steps.
const tandem_firmware* tandem_bringup_firmware(void);

#ifdef __cplusplus
}
#endif
