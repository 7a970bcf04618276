// SPDX-License-Identifier: Apache-2.0
// The firmware `generate`, unchanged, in a process of its own: the client's HAL stands in for the
// control processor. Usage: remote_firmware SOCKET
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "tandem/cosim/client.h"
#include "tandem/firmware/apps/generate.h"

namespace {

constexpr std::uint64_t kWakeUpNs = 1'000'000;

int run_firmware(tandem_cosim* client) {
  const tandem_firmware& firmware = *tandem_generate_firmware();
  std::vector<std::max_align_t> arena(firmware.arena_bytes / sizeof(std::max_align_t) + 1);
  tandem_hal hal;
  tandem_cosim_make_hal(client, &hal, nullptr, nullptr);
  const std::uint64_t boot_info = tandem_cosim_get_facts(client)->boot_info;
  const int status = firmware.init(arena.data(), &hal, boot_info);
  if (status != 0) {
    std::fprintf(stderr, "init: status %d, %s\n", status, tandem_cosim_text(client));
    return 1;
  }
  for (;;) {
    const int next = firmware.step(arena.data(), &hal);
    if (next == TANDEM_STEP_DONE) return 0;
    if (next == TANDEM_STEP_WAIT) hal.wait_irq(hal.context, kWakeUpNs);
    if (*tandem_cosim_text(client) != 0) {
      std::fprintf(stderr, "%s\n", tandem_cosim_text(client));
      return 1;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  tandem_cosim* client = nullptr;
  int result = 1;
  if (tandem_cosim_open(&client, argv[1]) == TANDEM_COSIM_OK) {
    result = run_firmware(client);
    // The UART sends what its FIFO holds.
    tandem_cosim_advance(client, 10'000'000'000);
  } else {
    std::fprintf(stderr, "%s\n", tandem_cosim_text(client));
  }
  tandem_cosim_close(client);
  return result;
}
