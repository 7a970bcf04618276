// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>

#include "tandem/memory/sparse_store.h"

using tandem::memory::SparseStore;

TEST_CASE("a sparse store reads as zero and allocates nothing until it is written") {
  SparseStore store(std::uint64_t{1} << 40);
  std::vector<std::uint8_t> bytes(100, 0xAA);
  store.read((std::uint64_t{1} << 39) - 50, bytes.data(), bytes.size());
  REQUIRE(bytes == std::vector<std::uint8_t>(100, 0));
  REQUIRE(store.allocated_bytes() == 0);
  store.write(12345, bytes.data(), 1);
  REQUIRE(store.allocated_bytes() == SparseStore::kDefaultChunkBytes);
}

TEST_CASE("a sparse store agrees with a flat array over chunk borders") {
  constexpr std::size_t kSize = 1000;  // not a multiple of the chunk
  SparseStore store(kSize, 64);
  std::vector<std::uint8_t> flat(kSize, 0);
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    const std::size_t address = random() % kSize;
    const std::size_t length = random() % (kSize - address + 1);
    std::vector<std::uint8_t> data(length);
    if (random() % 2 == 0) {
      for (auto& byte : data) byte = static_cast<std::uint8_t>(random());
      store.write(address, data.data(), length);
      std::copy(data.begin(), data.end(), flat.begin() + static_cast<std::ptrdiff_t>(address));
    } else {
      store.read(address, data.data(), length);
      REQUIRE(std::equal(data.begin(), data.end(),
                         flat.begin() + static_cast<std::ptrdiff_t>(address)));
    }
  }
}

TEST_CASE("pointers exist within a chunk only") {
  SparseStore store(1000, 64);
  REQUIRE(store.pointer(0, 64) != nullptr);
  REQUIRE(store.pointer(1, 64) == nullptr);
  REQUIRE(store.pointer(990, 11) == nullptr);
  REQUIRE(store.pointer(~std::uint64_t{0}, 2) == nullptr);
  std::uint8_t* last = store.pointer(999, 1);
  REQUIRE(last != nullptr);
  *last = 7;
  std::uint8_t value = 0;
  store.read(999, &value, 1);
  REQUIRE(value == 7);
  REQUIRE(store.chunk(999).bytes == 1000 - 960);
}

TEST_CASE("a sparse store refuses impossible sizes") {
  REQUIRE_THROWS_WITH(SparseStore(0), Catch::Contains("0 bytes"));
  REQUIRE_THROWS_WITH(SparseStore(100, 48), Catch::Contains("power of two"));
}
