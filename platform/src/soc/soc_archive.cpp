// SPDX-License-Identifier: Apache-2.0
// The state of an SoC for a checkpoint.
#include "fnv1a.h"
#include "soc.h"
#include "tandem/common/archive.h"

namespace tandem::platform {

using common::Archive;

namespace {

void add(Fnv1a& hash, std::uint64_t address, const std::vector<std::uint8_t>& bytes) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    hash.add(static_cast<std::uint8_t>(address >> shift));
  }
  hash.add(bytes.begin(), bytes.end());
}

}  // namespace

bool Soc::quiescent() const {
  return !ended() && !resets_.any_held() && bus_.quiescent() && npu_.quiescent() &&
         sram_.quiescent() && (pim_ ? pim_->quiescent() : stack_->quiescent()) &&
         intc_.quiescent() && (!firmware_memory_ || firmware_memory_->quiescent()) &&
         timer_.quiescent() && uart_.quiescent() && mailbox_.quiescent() && syscon_.quiescent();
}

void Soc::when_quiescent(std::uint64_t from_ps, std::function<void()> hook) {
  cpu_->on_save_point([this, from_ps, hook = std::move(hook), told = false]() mutable {
    if (told || common::now_ps() < from_ps || !quiescent()) return;
    told = true;
    hook();
  });
}

std::uint64_t Soc::hash_of(const BootImage& initial) const {
  Fnv1a hash;
  for (const MemoryBlock& block : initial.blocks) add(hash, block.address, block.bytes);
  if (!firmware_) return hash.value();
  for (const cpu::ElfImage::Segment& segment : firmware_->image.segments()) {
    add(hash, segment.address, segment.bytes);
  }
  return hash.value();
}

// Of the memories, only what the run has changed: weights come from the scenario again.
void Soc::archive_contents(Archive& archive, const BootImage& initial) {
  const Stores stores = {sram_.store(), dram().store(), firmware_store()};
  memory::SparseStore sram = stores.sram.empty_one();
  memory::SparseStore dram = stores.dram.empty_one();
  std::optional<memory::SparseStore> firmware;
  if (stores.firmware != nullptr) firmware.emplace(stores.firmware->empty_one());
  if (!archive.loading()) load(initial, {sram, dram, firmware ? &*firmware : nullptr});
  stores.sram.archive(archive, sram);
  stores.dram.archive(archive, dram);
  if (firmware) stores.firmware->archive(archive, *firmware);
}

void Soc::archive(Archive& archive, const BootImage& initial) {
  const auto section = [&archive](const char* name, auto& part) {
    archive.section(name, [&] { archive(part); });
  };
  section("cpu", *cpu_);
  section("bus", bus_);
  section("npu", npu_);
  section("sram", sram_);
  if (firmware_memory_) section("firmware", *firmware_memory_);
  if (pim_) {
    section("pim", *pim_);
  } else {
    section("dram", *stack_);
  }
  section("intc", intc_);
  section("timer", timer_);
  section("uart", uart_);
  section("mailbox", mailbox_);
  section("syscon", syscon_);
  archive.section("contents", [&] { archive_contents(archive, initial); });
  archive.section("host", [&] {
    if (story_) archive(*story_);
    archive(transcript_, decode_clock_, driver_start_, *feeder_, energy_, firmware_exit_, resets_);
  });
}

}  // namespace tandem::platform
