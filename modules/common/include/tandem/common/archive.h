// SPDX-License-Identifier: Apache-2.0
// State as bytes, for checkpoints. A class says once what its state is,
//   void archive(common::Archive& archive) { archive(busy_ps_, entries_); }
// and the same function writes and reads it, so the two cannot disagree. README.md has the format.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem::common {

// Bytes that are no archive, or not this one.
class ArchiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Archive {
 public:
  // Writes.
  Archive() = default;
  // Reads. Throws ArchiveError if the checksum of a section is wrong, or the bytes are not a
  // sequence of whole sections.
  explicit Archive(std::vector<std::uint8_t> bytes);

  bool loading() const { return loading_; }
  // What has been written.
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  // Writes the values, or reads them back into the same places. Numbers, enumerations, standard
  // containers of what can be archived, and classes with `void archive(Archive&)`.
  template <typename... Values>
  void operator()(Values&... values) {
    (item(values), ...);
  }
  // A structure of the contract, as its bytes: without padding or pointers.
  template <typename Value>
  void plain(Value& value) {
    static_assert(std::has_unique_object_representations_v<Value>);
    static_assert(std::is_trivially_copyable_v<Value>);
    raw(&value, sizeof value);
  }
  template <typename Container>
  void plain_items(Container& values) {
    resize(values);
    for (auto& value : values) plain(value);
  }
  // Elements of a container whose size is fixed by the configuration, in place.
  template <typename Container>
  void in_place(Container& values) {
    std::uint64_t count = values.size();
    item(count);
    if (count != values.size()) throw ArchiveError("a table has another size");
    for (auto& value : values) item(value);
  }
  void raw(void* data, std::size_t bytes);
  // Those pages of memory that differ from `initial` (nullptr: zeros), which is what reading finds
  // there.
  void pages(std::uint8_t* data, std::uint64_t bytes, const std::uint8_t* initial);

  // What `body()` writes, under a name and a checksum; reading finds the same name, and `body()`
  // must use up all of it.
  template <typename Body>
  void section(std::string_view name, Body body) {
    const std::size_t before = enter(name);
    body();
    leave(name, before);
  }
  // Reading: whether nothing is left.
  bool at_end() const { return at_ == bytes_.size(); }
  // Reading: whether the next section has this name.
  bool next_is(std::string_view name) const;

 private:
  template <typename T, typename = void>
  struct HasArchive : std::false_type {};
  template <typename T>
  struct HasArchive<T, std::void_t<decltype(std::declval<T&>().archive(std::declval<Archive&>()))>>
      : std::true_type {};

  template <typename T>
  void item(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = value ? 1 : 0;
      raw(&byte, 1);
      value = byte != 0;
    } else if constexpr (std::is_enum_v<T>) {
      auto number = static_cast<std::underlying_type_t<T>>(value);
      item(number);
      value = static_cast<T>(number);
    } else if constexpr (std::is_arithmetic_v<T>) {
      number(value);
    } else {
      static_assert(HasArchive<T>::value, "no archive(Archive&) member");
      value.archive(*this);
    }
  }
  template <typename T>
  void item(std::vector<T>& values) {
    resize(values);
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      raw(values.data(), values.size());
    } else {
      for (T& value : values) item(value);
    }
  }
  template <typename T>
  void item(std::deque<T>& values) {
    resize(values);
    for (T& value : values) item(value);
  }
  template <typename T, std::size_t N>
  void item(std::array<T, N>& values) {
    for (T& value : values) item(value);
  }
  void item(std::string& text);
  template <typename T>
  void item(std::optional<T>& value) {
    bool there = value.has_value();
    item(there);
    if (loading_) value = there ? std::optional<T>(T{}) : std::nullopt;
    if (there) item(*value);
  }
  template <typename T>
  void item(std::set<T>& values) {
    std::vector<T> list(values.begin(), values.end());
    item(list);
    if (loading_) values = std::set<T>(list.begin(), list.end());
  }

  template <typename K, typename T>
  void item(std::map<K, T>& values) {
    std::uint64_t count = values.size();
    item(count);
    if (!loading_) {
      for (auto& [key, value] : values) {
        K copy = key;
        item(copy);
        item(value);
      }
      return;
    }
    values.clear();
    for (; count > 0; --count) {
      K key{};
      item(key);
      item(values[key]);
    }
  }

  template <typename T>
  void number(T& value) {
    std::array<std::uint8_t, sizeof(T)> bytes{};
    if (!loading_) to_little_endian(&value, bytes.data(), sizeof(T));
    raw(bytes.data(), sizeof(T));
    if (loading_) to_little_endian(bytes.data(), &value, sizeof(T));
  }
  template <typename Container>
  void resize(Container& values) {
    std::uint64_t count = values.size();
    item(count);
    if (!loading_) return;
    if (count > bytes_.size() - at_) throw ArchiveError("a table is longer than the archive");
    values.clear();
    values.resize(count);
  }
  static void to_little_endian(const void* from, void* to, std::size_t bytes);
  std::size_t enter(std::string_view name);
  void leave(std::string_view name, std::size_t before);

  std::vector<std::uint8_t> bytes_;
  bool loading_ = false;
  std::size_t at_ = 0;   // reading
  std::size_t end_ = 0;  // reading: of the section
};

}  // namespace tandem::common
