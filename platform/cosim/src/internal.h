/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TANDEM_COSIM_INTERNAL_H
#define TANDEM_COSIM_INTERNAL_H

#include "tandem/cosim/client.h"

enum { TANDEM_COSIM_TEXT_BYTES = 256 };

typedef struct tandem_cosim_mirror tandem_cosim_mirror;

struct tandem_cosim {
  int descriptor;
  uint32_t next_tag;
  int lost;
  uint64_t detail;
  char text[TANDEM_COSIM_TEXT_BYTES];
  tandem_cosim_facts facts;
  tandem_cosim_region* regions;
  tandem_cosim_state state;
  uint64_t epoch;              /* counts the requests after which memory may have changed */
  tandem_cosim_mirror* mirror; /* what the HAL shows of memory; null until it is asked */
  uint64_t relax_ps;
  tandem_cosim_log log;
  void* log_context;
};

void tandem_cosim_free_mirror(tandem_cosim_mirror* mirror);

#endif
