// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/policy.h"

#include "tandem/abi/command.h"

namespace tandem::firmware {

u32 DraftPolicy::draft_tokens(u32) const {
  return 0;
}
u32 DraftPolicy::longest_draft() const {
  return 0;
}
u32 DraftPolicy::stop_below() const {
  return 0;
}
u8 DraftPolicy::kv_set() const {
  return 0;
}
abi::TensorRole DraftPolicy::classifier_role() const {
  return abi::TensorRole::kFull;
}
u32 DraftPolicy::drafts_ahead() const {
  return 0;
}
bool DraftPolicy::pre_verifies() const {
  return false;
}

// The target adds a token of its own to the accepted ones, hence one less than what remains.
u32 SelfSpeculation::draft_tokens(u32 remaining) const {
  return remaining == 0 ? 0 : smaller(longest_draft(), remaining - 1);
}
u32 SelfSpeculation::longest_draft() const {
  return larger(1u, smaller(block_.draft_length, abi::kMaxDraft));
}
u32 SelfSpeculation::stop_below() const {
  return block_.stop_below;
}
u8 SelfSpeculation::kv_set() const {
  return block_.draft_kv == static_cast<u32>(abi::DraftKv::kOwn) ? 1 : 0;
}
abi::TensorRole SelfSpeculation::classifier_role() const {
  return block_.draft_classifier_full != 0 ? abi::TensorRole::kFull : abi::TensorRole::kDraft;
}

u32 SelfSpeculation::drafts_ahead() const {
  return block_.draft_ahead;
}
bool SelfSpeculation::pre_verifies() const {
  return block_.pre_verify != 0;
}

u8 Placement::attention(Engines) const {
  return abi::kEngineNpu;
}
u8 Placement::linear(Engines, abi::Format) const {
  return abi::kEngineNpu;
}

namespace {

u8 engines(u32 placement) {
  switch (static_cast<abi::Placement>(placement)) {
    case abi::Placement::kPim:
      return abi::kEnginePim;
    case abi::Placement::kAuto:
      return abi::kEngineAuto;
    default:
      return abi::kEngineNpu;
  }
}

}  // namespace

u32 draft_placement(u32 draft, u32 other) {
  switch (static_cast<abi::DraftPlacement>(draft)) {
    case abi::DraftPlacement::kNpu:
      return static_cast<u32>(abi::Placement::kNpu);
    case abi::DraftPlacement::kPim:
      return static_cast<u32>(abi::Placement::kPim);
    case abi::DraftPlacement::kAuto:
      return static_cast<u32>(abi::Placement::kAuto);
    default:
      return other;
  }
}

u8 ConfiguredPlacement::attention(Engines of) const {
  return engines(of == Engines::kDraft ? draft_placement(block_.draft_attention, block_.attention)
                                       : block_.attention);
}

u8 ConfiguredPlacement::linear(Engines of, abi::Format format) const {
  const bool on_pim = (pim_formats_ >> static_cast<u32>(format) & 1u) != 0;
  if (!on_pim) return abi::kEngineNpu;
  return engines(of == Engines::kDraft ? draft_placement(block_.draft_linear, block_.linear)
                                       : block_.linear);
}

}  // namespace tandem::firmware
