// SPDX-License-Identifier: Apache-2.0
// The app `generate`: takes requests from the mailbox and decodes them, plainly or speculatively.
#pragma once
#include "tandem/abi/firmware_entry.h"

#ifdef __cplusplus
extern "C" {
#endif

// Its init returns 0 or an abi::Status: kBusError, kBadVersion, kBadParameter (boot information or
// model), kNoSpace (a memory or buffer is too small), kNoEngine (attention on a PIM that is not
// there), kBadProgram, kUnsupported.
const tandem_firmware* tandem_generate_firmware(void);

#ifdef __cplusplus
}
#endif
