// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "frame.h"
#include "target.h"

namespace tandem::platform::serve {

// Does what a frame asks for and returns the frame to be answered. Knows no socket.
class RequestHandler {
 public:
  explicit RequestHandler(Target& target) : target_(target) {}
  // Throws Stopped.
  Bytes answer(const Frame& request);

 private:
  struct AccessHeader {
    Access access;
    std::uint32_t bytes;
  };

  Bytes query(const Frame& request);
  Bytes read(const Frame& request);
  Bytes write(const Frame& request);
  Bytes wait(const Frame& request);
  Bytes advance(const Frame& request);
  Bytes reset(const Frame& request);

  AccessHeader access_header(const Frame& request) const;
  std::uint64_t duration_ps(const Frame& request) const;
  Frame response(const Frame& request) const;

  Target& target_;
};

}  // namespace tandem::platform::serve
