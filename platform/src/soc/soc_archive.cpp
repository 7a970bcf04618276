// SPDX-License-Identifier: Apache-2.0
// The state of an SoC for a checkpoint.
#include "soc.h"
#include "tandem/common/archive.h"

namespace tandem::platform {

using common::Archive;

bool Soc::quiescent() const {
  return !ended() && bus_.quiescent() && npu_.quiescent() && sram_.quiescent() &&
         (pim_ ? pim_->quiescent() : stack_->quiescent()) && intc_.quiescent() &&
         timer_.quiescent() && uart_.quiescent() && mailbox_.quiescent() && syscon_.quiescent();
}

void Soc::when_quiescent(std::uint64_t from_ps, std::function<void()> hook) {
  cpu_->on_save_point([this, from_ps, hook = std::move(hook), told = false]() mutable {
    if (told || common::now_ps() < from_ps || !quiescent()) return;
    told = true;
    hook();
  });
}

// Of the memories, only what the run has changed: weights come from the scenario again.
void Soc::archive_contents(Archive& archive, const BootImage& initial) {
  memory::SparseStore sram(sram_.store().size_bytes());
  memory::SparseStore dram_contents(dram().store().size_bytes(), dram().config().chunk_bytes);
  if (!archive.loading()) load(initial, sram, dram_contents);
  sram_.store().archive(archive, sram);
  dram().store().archive(archive, dram_contents);
}

void Soc::archive(Archive& archive, const BootImage& initial) {
  const auto section = [&archive](const char* name, auto& part) {
    archive.section(name, [&] { archive(part); });
  };
  section("cpu", *cpu_);
  section("bus", bus_);
  section("npu", npu_);
  section("sram", sram_);
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
  archive.section("host",
                  [&] { archive(transcript_, decode_clock_, *feeder_, energy_, firmware_exit_); });
}

}  // namespace tandem::platform
