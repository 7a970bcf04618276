/* SPDX-License-Identifier: Apache-2.0 */
#include <tandem/cosim/client.h>

/* No server is there: the client says so. */
int main(void) {
  tandem_cosim* client;
  const int result = tandem_cosim_open(&client, "/nonexistent/socket");
  tandem_cosim_close(client);
  return result == TANDEM_COSIM_LOST ? 0 : 1;
}
