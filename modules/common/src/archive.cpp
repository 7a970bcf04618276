// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/archive.h"

#include <algorithm>

#include "tandem/abi/checks.h"

namespace tandem::common {
namespace {

using abi::crc32;

// A section: u16 length of the name, name, u64 length of the content, content, u32 CRC of all that.
constexpr std::size_t kNameLengthBytes = 2;
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kChecksumBytes = 4;
// Of memory contents: the offset of a page and its bytes, as often as needed, then kEnd.
constexpr std::size_t kPageBytes = 4096;
constexpr std::uint64_t kEnd = ~std::uint64_t{0};

std::uint64_t get(const std::uint8_t* data, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | data[i];
  return value;
}

void put(std::uint8_t* data, std::size_t bytes, std::uint64_t value) {
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// Where the content of the section at `at` begins and ends; its checksum follows.
struct Bounds {
  std::size_t begin;
  std::size_t end;
};

Bounds bounds_of(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  const auto require = [&](std::uint64_t length) {
    if (length > bytes.size() - at) throw ArchiveError("it ends within a section");
  };
  require(kNameLengthBytes);
  const std::uint64_t name_length = get(&bytes[at], kNameLengthBytes);
  const std::size_t head = kNameLengthBytes + name_length + kLengthBytes;
  require(head);
  const std::uint64_t length = get(&bytes[at + head - kLengthBytes], kLengthBytes);
  if (length > bytes.size()) throw ArchiveError("it ends within a section");
  require(head + length + kChecksumBytes);
  return {at + head, at + head + length};
}

}  // namespace

Archive::Archive(std::vector<std::uint8_t> bytes)
    : bytes_(std::move(bytes)), loading_(true), end_(bytes_.size()) {
  for (std::size_t at = 0; at < bytes_.size();) {
    const Bounds content = bounds_of(bytes_, at);
    if (crc32(&bytes_[at], content.end - at) != get(&bytes_[content.end], kChecksumBytes)) {
      throw ArchiveError("a checksum is wrong");
    }
    at = content.end + kChecksumBytes;
  }
}

void Archive::raw(void* data, std::size_t bytes) {
  if (bytes == 0) return;
  if (!loading_) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), from, from + bytes);
    return;
  }
  if (bytes > end_ - at_) throw ArchiveError("a section is too short");
  std::memcpy(data, &bytes_[at_], bytes);
  at_ += bytes;
}

void Archive::pages(std::uint8_t* data, std::uint64_t bytes, const std::uint8_t* initial) {
  static constexpr std::array<std::uint8_t, kPageBytes> kZeros{};
  for (std::uint64_t at = 0; at < bytes; at += kPageBytes) {
    const std::uint64_t size = std::min<std::uint64_t>(kPageBytes, bytes - at);
    const std::uint8_t* before = initial == nullptr ? kZeros.data() : initial + at;
    if (loading_) break;
    if (std::memcmp(data + at, before, size) == 0) continue;
    item(at);
    raw(data + at, size);
  }
  std::uint64_t at = kEnd;
  for (item(at); at != kEnd; item(at)) {
    if (at % kPageBytes != 0 || at >= bytes) throw ArchiveError("a page lies outside its memory");
    raw(data + at, std::min<std::uint64_t>(kPageBytes, bytes - at));
  }
}

void Archive::item(std::string& text) {
  resize(text);
  raw(text.data(), text.size());
}

void Archive::to_little_endian(const void* from, void* to, std::size_t bytes) {
  std::memcpy(to, from, bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  auto* data = static_cast<std::uint8_t*>(to);
  std::reverse(data, data + bytes);
#endif
}

bool Archive::next_is(std::string_view name) const {
  if (at_ >= bytes_.size()) return false;
  const Bounds content = bounds_of(bytes_, at_);
  const char* begin = reinterpret_cast<const char*>(&bytes_[at_ + kNameLengthBytes]);
  const std::size_t length = content.begin - at_ - kNameLengthBytes - kLengthBytes;
  return std::string_view(begin, length) == name;
}

// Returns what leave() needs: writing, where the section begins; reading, the end of what is
// around it.
std::size_t Archive::enter(std::string_view name) {
  if (loading_) {
    if (!next_is(name)) throw ArchiveError("section '" + std::string(name) + "' is not there");
    const Bounds content = bounds_of(bytes_, at_);
    const std::size_t around = end_;
    at_ = content.begin;
    end_ = content.end;
    return around;
  }
  const std::size_t begin = bytes_.size();
  bytes_.resize(begin + kNameLengthBytes);
  put(&bytes_[begin], kNameLengthBytes, name.size());
  bytes_.insert(bytes_.end(), name.begin(), name.end());
  bytes_.resize(bytes_.size() + kLengthBytes);
  return begin;
}

void Archive::leave(std::string_view name, std::size_t before) {
  if (loading_) {
    if (at_ != end_) throw ArchiveError("section '" + std::string(name) + "' is too long");
    at_ += kChecksumBytes;
    end_ = before;
    return;
  }
  const std::size_t content = before + kNameLengthBytes + name.size() + kLengthBytes;
  put(&bytes_[content - kLengthBytes], kLengthBytes, bytes_.size() - content);
  const std::uint32_t checksum = crc32(&bytes_[before], bytes_.size() - before);
  bytes_.resize(bytes_.size() + kChecksumBytes);
  put(&bytes_[bytes_.size() - kChecksumBytes], kChecksumBytes, checksum);
}

}  // namespace tandem::common
