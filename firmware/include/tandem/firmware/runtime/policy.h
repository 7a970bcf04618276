// SPDX-License-Identifier: Apache-2.0
// What a decode policy decides. Policies hold no state of their own: they are made on the stack
// from the PolicyBlock wherever one is needed, so that no pointer to them outlives a step.
#pragma once
#include "tandem/abi/boot_info.h"
#include "tandem/abi/formats.h"
#include "tandem/abi/model_image.h"
#include "tandem/abi/program.h"
#include "tandem/firmware/freestanding.h"

namespace tandem::firmware {

// What to draft, how long, when to stop. The base class never drafts.
class DraftPolicy {
 public:
  // Tokens to draft for a sequence that may still emit `remaining` tokens; 0: a plain step.
  virtual u32 draft_tokens(u32 remaining) const;
  // Most tokens that draft_tokens() ever returns.
  virtual u32 longest_draft() const;
  // FP32 bits: drafting stops after a token of lower confidence; 0: never.
  virtual u32 stop_below() const;
  // KV set that the draft pass reads and appends to.
  virtual u8 kv_set() const;
  // Role of the output matrix in the draft pass.
  virtual abi::TensorRole classifier_role() const;
  // Tokens that may be drafted beyond a round while it is verified; 0: drafting waits. Needs a KV
  // set of the draft's own.
  virtual u32 drafts_ahead() const;
  // Whether the head of a round is verified on the engines of the draft while they have time.
  virtual bool pre_verifies() const;

  bool keeps_own_kv() const { return kv_set() != 0; }

 protected:
  ~DraftPolicy() = default;
};

class PlainDecoding final : public DraftPolicy {};

// The draft pass is the same model read through its draft plane.
class SelfSpeculation final : public DraftPolicy {
 public:
  explicit SelfSpeculation(const abi::PolicyBlock& block) : block_(block) {}
  u32 draft_tokens(u32 remaining) const override;
  u32 longest_draft() const override;
  u32 stop_below() const override;
  u8 kv_set() const override;
  abi::TensorRole classifier_role() const override;
  u32 drafts_ahead() const override;
  bool pre_verifies() const override;

 private:
  const abi::PolicyBlock& block_;
};

// Which passes a primitive is placed for.
enum class Engines : u32 { kTarget, kDraft };

// Which engines may run a primitive. This base class puts everything on the NPU.
class Placement {
 public:
  virtual u8 attention(Engines of) const;
  virtual u8 linear(Engines of, abi::Format format) const;

 protected:
  ~Placement() = default;
};

// The abi::Placement of a draft pass, from its DraftPlacement and that of the other passes.
u32 draft_placement(u32 draft, u32 other);

// Follows the PolicyBlock, within what the PIM can do.
class ConfiguredPlacement final : public Placement {
 public:
  // `pim_formats`: bit per Format that the PIM multiplies; 0 when the NPU has no PIM.
  ConfiguredPlacement(const abi::PolicyBlock& block, u32 pim_formats)
      : block_(block), pim_formats_(pim_formats) {}
  u8 attention(Engines of) const override;
  u8 linear(Engines of, abi::Format format) const override;

 private:
  const abi::PolicyBlock& block_;
  u32 pim_formats_;
};

// The draft policy that a PolicyBlock names. A new policy is added here.
class PolicyChoice {
 public:
  explicit PolicyChoice(const abi::PolicyBlock& block)
      : self_speculation_(block),
        speculative_(block.policy == static_cast<u32>(abi::Policy::kSelfSpeculative)) {}
  const DraftPolicy& draft() const {
    return speculative_ ? static_cast<const DraftPolicy&>(self_speculation_)
                        : static_cast<const DraftPolicy&>(plain_);
  }

 private:
  PlainDecoding plain_;
  SelfSpeculation self_speculation_;
  bool speculative_;
};

}  // namespace tandem::firmware
