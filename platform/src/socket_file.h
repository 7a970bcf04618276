// SPDX-License-Identifier: Apache-2.0
// What lies where a Unix socket is to be made.
#pragma once
#include <string>

namespace tandem::platform {

enum class SocketFile {
  kAbsent,
  kNotASocket,
  kListening,  // somebody accepts connections there
  kAbandoned,  // of a process that is gone: may be removed
  kUnknown,    // errno says why
};

// `path` must fit into a socket's address.
SocketFile look_at_socket(const std::string& path);

}  // namespace tandem::platform
