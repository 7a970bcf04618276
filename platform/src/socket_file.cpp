// SPDX-License-Identifier: Apache-2.0
#include "socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tandem::platform {

SocketFile look_at_socket(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? SocketFile::kAbsent : SocketFile::kUnknown;
  }
  if (!S_ISSOCK(found.st_mode)) return SocketFile::kNotASocket;
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return SocketFile::kUnknown;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool connected =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  close(probe);
  if (connected || error == EAGAIN) return SocketFile::kListening;
  if (error == ECONNREFUSED) return SocketFile::kAbandoned;
  errno = error;
  return SocketFile::kUnknown;
}

}  // namespace tandem::platform
