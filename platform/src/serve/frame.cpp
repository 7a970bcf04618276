// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

namespace tandem::platform::serve {

namespace {

enum HeaderOffset : std::size_t { kMagic = 0, kType = 4, kTag = 8, kPayloadBytes = 12 };

void put(Bytes& bytes, std::uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint64_t get(const Bytes& bytes, std::size_t offset, unsigned count) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{bytes[offset + i]} << (8 * i);
  return value;
}

}  // namespace

void put_u32(Bytes& bytes, std::uint32_t value) {
  put(bytes, value, 4);
}
void put_u64(Bytes& bytes, std::uint64_t value) {
  put(bytes, value, 8);
}
std::uint32_t get_u32(const Bytes& bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(get(bytes, offset, 4));
}
std::uint64_t get_u64(const Bytes& bytes, std::size_t offset) {
  return get(bytes, offset, 8);
}

Bytes encode(const Frame& frame) {
  Bytes bytes;
  bytes.reserve(TANDEM_COSIM_HEADER_BYTES + frame.payload.size());
  put_u32(bytes, TANDEM_COSIM_MAGIC);
  put_u32(bytes, frame.type);
  put_u32(bytes, frame.tag);
  put_u32(bytes, static_cast<std::uint32_t>(frame.payload.size()));
  bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
  return bytes;
}

Bytes encode_error(const FrameError& error) {
  Frame frame{TANDEM_COSIM_ERROR | TANDEM_COSIM_RESPONSE, error.tag, {}};
  put_u32(frame.payload, error.code);
  put_u32(frame.payload, closes(error.code) ? 1 : 0);
  put_u64(frame.payload, error.detail);
  frame.payload.insert(frame.payload.end(), error.text.begin(), error.text.end());
  return encode(frame);
}

bool closes(tandem_cosim_error code) {
  switch (code) {
    case TANDEM_COSIM_BAD_MAGIC:
    case TANDEM_COSIM_TOO_LONG:
    case TANDEM_COSIM_TRUNCATED:
    case TANDEM_COSIM_BUSY:
    case TANDEM_COSIM_STOPPING:
      return true;
    default:
      return false;
  }
}

void FrameReader::feed(const std::uint8_t* data, std::size_t bytes) {
  bytes_.insert(bytes_.end(), data, data + bytes);
}

std::optional<Frame> FrameReader::next() {
  if (error_ || bytes_.size() < TANDEM_COSIM_HEADER_BYTES) return {};
  const std::uint32_t magic = get_u32(bytes_, kMagic);
  const std::uint32_t tag = get_u32(bytes_, kTag);
  const std::size_t length = get_u32(bytes_, kPayloadBytes);
  if (magic != TANDEM_COSIM_MAGIC) {
    error_ = {TANDEM_COSIM_BAD_MAGIC, magic, 0, "a frame begins with TDSV"};
    return {};
  }
  if (length > TANDEM_COSIM_MAX_PAYLOAD_BYTES) {
    error_ = {TANDEM_COSIM_TOO_LONG, length, tag,
              "a payload has at most " + std::to_string(TANDEM_COSIM_MAX_PAYLOAD_BYTES) + " bytes"};
    return {};
  }
  if (bytes_.size() < TANDEM_COSIM_HEADER_BYTES + length) return {};
  const auto begin = bytes_.begin() + TANDEM_COSIM_HEADER_BYTES;
  const auto end = begin + static_cast<std::ptrdiff_t>(length);
  Frame frame{get_u32(bytes_, kType), tag, {begin, end}};
  bytes_.erase(bytes_.begin(), end);
  return frame;
}

}  // namespace tandem::platform::serve
