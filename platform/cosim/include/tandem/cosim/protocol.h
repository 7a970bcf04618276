/* SPDX-License-Identifier: Apache-2.0
 * The frames between `tandem serve` and its client, see README.md. Everything is little endian;
 * offsets are those of the frame's payload unless they say otherwise. */
#ifndef TANDEM_COSIM_PROTOCOL_H
#define TANDEM_COSIM_PROTOCOL_H

#include <stdint.h>

#define TANDEM_COSIM_VERSION 1u
#define TANDEM_COSIM_MAGIC 0x56534454u /* "TDSV" */

/* Every frame: magic, type, tag, bytes of the payload that follows; 32 bits each. */
#define TANDEM_COSIM_HEADER_BYTES 16u
#define TANDEM_COSIM_MAX_DATA_BYTES (1024u * 1024u)
#define TANDEM_COSIM_MAX_PAYLOAD_BYTES (TANDEM_COSIM_MAX_DATA_BYTES + 64u)

/* Simulated time of a request, and its sum, at most: 10^18 ps. */
#define TANDEM_COSIM_MAX_PS 1000000000000000000ull

/* A response has the type of its request with this bit, and its tag. */
#define TANDEM_COSIM_RESPONSE 0x80000000u

enum tandem_cosim_type {
  TANDEM_COSIM_QUERY = 1,
  TANDEM_COSIM_READ = 2,
  TANDEM_COSIM_WRITE = 3,
  TANDEM_COSIM_WAIT = 4,
  TANDEM_COSIM_ADVANCE = 5,
  TANDEM_COSIM_RESET = 6,
  TANDEM_COSIM_ERROR = 255 /* from the server only, with TANDEM_COSIM_RESPONSE */
};

/* READ, WRITE: u64 address, u32 bytes, u32 flags; WRITE: data. */
#define TANDEM_COSIM_ACCESS_BYTES 16u
#define TANDEM_COSIM_DEBUG 1u /* flag: at once, in no simulated time */

/* WAIT: u64 limit_ps. ADVANCE: u64 ps. QUERY and RESET: nothing. */
#define TANDEM_COSIM_DURATION_BYTES 8u

/* Every response but ERROR begins with u64 time_ps, u32 lines (bit per line of the interrupt
 * controller), u32 interrupt (1: the CPU's input is high). READ: data. */
#define TANDEM_COSIM_STATE_BYTES 16u

/* QUERY: after the state u32 version of the protocol, u32 version of the register contract, u64
 * address of BootInfo, u32 maximum of data bytes, u32 number of regions, and the regions: u64 base,
 * u64 bytes, u32 kind, char name[12] that ends with 0. */
#define TANDEM_COSIM_FACTS_BYTES 24u
#define TANDEM_COSIM_REGION_BYTES 32u
#define TANDEM_COSIM_NAME_BYTES 12u
enum tandem_cosim_region_kind { TANDEM_COSIM_REGISTERS = 0, TANDEM_COSIM_MEMORY = 1 };

/* ERROR: u32 code, u32 closes (1: the server closes the connection), u64 detail, text without 0. */
#define TANDEM_COSIM_ERROR_BYTES 16u
enum tandem_cosim_error {
  TANDEM_COSIM_OK = 0,
  TANDEM_COSIM_BAD_MAGIC = 1,    /* closes; detail: what came instead */
  TANDEM_COSIM_TOO_LONG = 2,     /* closes; detail: length of the payload */
  TANDEM_COSIM_TRUNCATED = 3,    /* closes; the client stopped within a frame */
  TANDEM_COSIM_BUSY = 4,         /* closes; another client is connected */
  TANDEM_COSIM_UNKNOWN_TYPE = 5, /* detail: the type */
  TANDEM_COSIM_BAD_LENGTH = 6,   /* payload does not fit the type; detail: its length */
  TANDEM_COSIM_BAD_VALUE = 7,    /* detail: the value */
  TANDEM_COSIM_BAD_ADDRESS = 8,  /* not in one region; detail: the address */
  TANDEM_COSIM_BUS_ERROR = 9,    /* a device refused; detail: the address */
  TANDEM_COSIM_STOPPING = 10     /* closes; the server was told to end */
};

#endif
