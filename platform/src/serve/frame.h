// SPDX-License-Identifier: Apache-2.0
// Frames of tandem/cosim/protocol.h as bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/cosim/protocol.h"

namespace tandem::platform::serve {

using Bytes = std::vector<std::uint8_t>;

struct Frame {
  std::uint32_t type = 0;
  std::uint32_t tag = 0;
  Bytes payload;
};

void put_u32(Bytes& bytes, std::uint32_t value);
void put_u64(Bytes& bytes, std::uint64_t value);
// `offset` and what is read must lie in `bytes`.
std::uint32_t get_u32(const Bytes& bytes, std::size_t offset);
std::uint64_t get_u64(const Bytes& bytes, std::size_t offset);

Bytes encode(const Frame& frame);

struct FrameError {
  tandem_cosim_error code = TANDEM_COSIM_OK;
  std::uint64_t detail = 0;
  std::uint32_t tag = 0;
  std::string text;
};
Bytes encode_error(const FrameError& error);
// After these the server cannot know where the next frame begins, or does not want one.
bool closes(tandem_cosim_error code);

// Cuts a stream into frames.
class FrameReader {
 public:
  void feed(const std::uint8_t* data, std::size_t bytes);
  // A whole frame, or nothing yet.
  std::optional<Frame> next();
  // What makes the rest of the stream unreadable; next() has nothing then.
  const std::optional<FrameError>& error() const { return error_; }
  // The stream has ended: true if that was within a frame.
  bool within_frame() const { return !bytes_.empty(); }

 private:
  Bytes bytes_;
  std::optional<FrameError> error_;
};

}  // namespace tandem::platform::serve
