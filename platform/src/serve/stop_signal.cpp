// SPDX-License-Identifier: Apache-2.0
#include "stop_signal.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "tandem/platform/errors.h"

namespace tandem::platform::serve {

namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

StopSignal::StopSignal() {
  const sigset_t set = stop_signals();
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw InternalError("cannot block signals");
  descriptor_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor_ < 0) throw InternalError("cannot read signals");
}

// What came is taken away first, or it would end the process now.
StopSignal::~StopSignal() {
  signalfd_siginfo taken{};
  while (read(descriptor_, &taken, sizeof taken) > 0) {
  }
  close(descriptor_);
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool StopSignal::raised() const {
  pollfd entry{descriptor_, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace tandem::platform::serve
