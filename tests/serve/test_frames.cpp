// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "frame.h"

using namespace tandem::platform::serve;

namespace {

Frame frame_of(std::uint32_t tag, std::size_t bytes) {
  Frame frame{TANDEM_COSIM_WRITE, tag, Bytes(bytes)};
  for (std::size_t i = 0; i < bytes; ++i) frame.payload[i] = static_cast<std::uint8_t>(i * 5 + tag);
  return frame;
}

}  // namespace

TEST_CASE("a header is sixteen bytes, little endian") {
  const Bytes bytes = encode({0x0102'0304, 0xA1B2'C3D4, {9, 8, 7}});
  CHECK(bytes ==
        Bytes{'T', 'D', 'S', 'V', 4, 3, 2, 1, 0xD4, 0xC3, 0xB2, 0xA1, 3, 0, 0, 0, 9, 8, 7});
}

TEST_CASE("frames come out of the stream however it is cut") {
  Bytes stream;
  for (const std::size_t bytes : {0u, 1u, 16u, 1000u}) {
    const Bytes encoded = encode(frame_of(static_cast<std::uint32_t>(bytes), bytes));
    stream.insert(stream.end(), encoded.begin(), encoded.end());
  }
  for (std::size_t piece = 1; piece < 40; ++piece) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(stream.data() + at, std::min(piece, stream.size() - at));
      while (const auto frame = reader.next()) frames.push_back(*frame);
    }
    REQUIRE(frames.size() == 4);
    for (const Frame& frame : frames) {
      CHECK(frame.payload == frame_of(frame.tag, frame.tag).payload);
    }
    CHECK_FALSE(reader.within_frame());
    CHECK_FALSE(reader.error());
  }
}

TEST_CASE("a stream that ends within a frame is known to") {
  const Bytes bytes = encode(frame_of(1, 8));
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    FrameReader reader;
    reader.feed(bytes.data(), length);
    CHECK_FALSE(reader.next());
    CHECK(reader.within_frame());
  }
}

TEST_CASE("a wrong magic makes the rest unreadable") {
  Bytes bytes = encode(frame_of(1, 8));
  bytes[0] = 'X';
  const Bytes good = encode(frame_of(2, 8));
  bytes.insert(bytes.end(), good.begin(), good.end());
  FrameReader reader;
  reader.feed(bytes.data(), bytes.size());
  CHECK_FALSE(reader.next());
  REQUIRE(reader.error());
  CHECK(reader.error()->code == TANDEM_COSIM_BAD_MAGIC);
  CHECK(reader.error()->detail == 0x5653'4458);
  CHECK_FALSE(reader.next());
}

TEST_CASE("a payload may be as long as the limit and no longer") {
  FrameReader reader;
  Bytes bytes = encode(frame_of(3, TANDEM_COSIM_MAX_PAYLOAD_BYTES));
  reader.feed(bytes.data(), bytes.size());
  CHECK(reader.next());
  bytes = encode({TANDEM_COSIM_READ, 7, Bytes(TANDEM_COSIM_MAX_PAYLOAD_BYTES + 1)});
  reader.feed(bytes.data(), TANDEM_COSIM_HEADER_BYTES);  // refused before its payload comes
  CHECK_FALSE(reader.next());
  REQUIRE(reader.error());
  CHECK(reader.error()->code == TANDEM_COSIM_TOO_LONG);
  CHECK(reader.error()->detail == TANDEM_COSIM_MAX_PAYLOAD_BYTES + 1);
  CHECK(reader.error()->tag == 7);
}

TEST_CASE("an error says whether the connection closes") {
  for (int code = TANDEM_COSIM_BAD_MAGIC; code <= TANDEM_COSIM_STOPPING; ++code) {
    const auto error = static_cast<tandem_cosim_error>(code);
    const Bytes bytes = encode_error({error, 0x1122, 5, "why"});
    CHECK(get_u32(bytes, 4) == (TANDEM_COSIM_RESPONSE | TANDEM_COSIM_ERROR));
    CHECK(get_u32(bytes, 8) == 5);
    CHECK(get_u32(bytes, 16) == error);
    CHECK(get_u32(bytes, 20) == (closes(error) ? 1 : 0));
    CHECK(get_u64(bytes, 24) == 0x1122);
    CHECK(std::string(bytes.begin() + 32, bytes.end()) == "why");
  }
}
