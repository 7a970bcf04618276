// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "listening_socket.h"
#include "served_platform.h"
#include "server.h"
#include "stop_signal.h"
#include "tandem/platform/serve.h"

namespace tandem::platform {

void serve_scenario(const Scenario& scenario, const ServeOptions& options, std::ostream& out) {
  const serve::StopSignal stop;
  // Whoever connects early waits until the platform is built.
  const serve::ListeningSocket socket(options.socket);
  serve::ServedPlatform platform(scenario, stop, [&out](char byte) { out << byte << std::flush; });
  if (!options.quiet) {
    out << "tandem: clients may connect to " << options.socket.string() << std::endl;
  }
  serve::Server(socket, platform, stop).run();
}

}  // namespace tandem::platform
