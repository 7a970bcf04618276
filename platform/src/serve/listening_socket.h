// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/stat.h>

#include <filesystem>

namespace tandem::platform::serve {

// A Unix stream socket in the file system that its owner alone may connect to; removed in the end.
class ListeningSocket {
 public:
  // Takes the place of a socket that nobody listens to any more. Throws UserError.
  explicit ListeningSocket(std::filesystem::path path);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int descriptor() const { return descriptor_; }
  // The next client, non-blocking, or -1.
  int accept() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  struct stat identity_ {};  // of the file that was made here
};

}  // namespace tandem::platform::serve
