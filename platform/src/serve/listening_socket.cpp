// SPDX-License-Identifier: Apache-2.0
#include "listening_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "socket_file.h"
#include "tandem/platform/errors.h"

namespace tandem::platform::serve {

namespace {

constexpr int kBacklog = 8;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what,
                       const std::string& hint = {}) {
  throw UserError("--socket " + path.string() + ": " + what, hint);
}

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.empty()) fail(path, "expected a file name");
  if (text.size() >= sizeof address.sun_path) {
    fail(path,
         "a socket's path has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int new_socket(const std::filesystem::path& path) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) fail(path, std::strerror(errno));
  return descriptor;
}

// Removes a socket whose server is gone; leaves everything else alone.
void make_room(const std::filesystem::path& path) {
  switch (look_at_socket(path.string())) {
    case SocketFile::kAbsent:
      return;
    case SocketFile::kNotASocket:
      fail(path, "exists and is not a socket", "choose another name");
    case SocketFile::kListening:
      fail(path, "another server listens there", "choose another name, or end that server");
    case SocketFile::kUnknown:
      fail(path, std::strerror(errno));
    case SocketFile::kAbandoned:
      if (unlink(path.c_str()) != 0) fail(path, std::strerror(errno));
  }
}

}  // namespace

ListeningSocket::ListeningSocket(std::filesystem::path path) : path_(std::move(path)) {
  const sockaddr_un address = address_of(path_);
  make_room(path_);
  descriptor_ = new_socket(path_);
  const mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);  // leaves 0600
  const int bound = bind(descriptor_, generic(address), sizeof address);
  const int error = errno;
  umask(mask);
  if (bound != 0 || lstat(path_.c_str(), &identity_) != 0 || listen(descriptor_, kBacklog) != 0) {
    close(descriptor_);
    fail(path_, std::strerror(bound != 0 ? error : errno));
  }
}

ListeningSocket::~ListeningSocket() {
  close(descriptor_);
  struct stat found {};
  const bool ours = lstat(path_.c_str(), &found) == 0 && found.st_dev == identity_.st_dev &&
                    found.st_ino == identity_.st_ino;
  if (ours) unlink(path_.c_str());
}

int ListeningSocket::accept() const {
  return accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

}  // namespace tandem::platform::serve
