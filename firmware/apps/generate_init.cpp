// SPDX-License-Identifier: Apache-2.0
// What `generate` does once: find the devices, plan the memories, build the programs.
#include "apps/generate_state.h"
#include "tandem/firmware/driver/pim.h"

namespace tandem::firmware {

using abi::Status;

namespace {

constexpr u32 kQueueEntries = 16;
constexpr u64 kActivationAlignment = 64;

// Drafting ahead has the second lane, a command per token, and a KV set that no verification
// writes.
bool valid_ahead(const abi::PolicyBlock& policy) {
  if (policy.draft_control > static_cast<u32>(abi::DraftControl::kHistory)) return false;
  if (policy.draft_ahead == 0) return policy.draft_control == 0 && policy.pre_verify == 0;
  return policy.policy == static_cast<u32>(abi::Policy::kSelfSpeculative) &&
         policy.draft_ahead <= abi::kMaxDraft - larger(1u, policy.draft_length) &&
         policy.draft_kv == static_cast<u32>(abi::DraftKv::kOwn) && policy.sub_batches < 2 &&
         policy.granularity == static_cast<u32>(abi::Granularity::kStep);
}

bool on_pim(u32 placement) {
  return placement == static_cast<u32>(abi::Placement::kPim);
}

bool valid(const abi::BootInfo& boot) {
  const abi::PolicyBlock& policy = boot.policy;
  return boot.magic == abi::kBootMagic && boot.abi_version == abi::kAbiVersion &&
         boot.npu_base != 0 && boot.mailbox_base != 0 && policy.max_batch > 0 &&
         policy.prefill_chunk > 0 && policy.page_tokens > 0 &&
         policy.draft_length <= abi::kMaxDraft && policy.sub_batches <= kMaxLanes &&
         valid_ahead(policy) &&
         policy.draft_attention <= static_cast<u32>(abi::DraftPlacement::kAuto) &&
         policy.draft_linear <= static_cast<u32>(abi::DraftPlacement::kAuto) &&
         policy.channel_packing <= static_cast<u32>(abi::ChannelPacking::kRoundRobin);
}

Status read_boot_info(Machine& machine, u64 address, abi::BootInfo& boot) {
  const abi::BootInfo* const found = machine.window<abi::BootInfo>(address, 1);
  if (found == nullptr) return Status::kBusError;
  if (!valid(*found)) return Status::kBadParameter;
  boot = *found;
  return machine.open_shared(boot.shared_base, boot.shared_bytes) ? Status::kOk : Status::kBusError;
}

// The steps of initialise() in order; each returns kOk or why it cannot go on.
class Setup {
 public:
  Setup(GenerateState& state, Machine& machine)
      : state_(state),
        machine_(machine),
        boot_(state.boot),
        policies_(boot_.policy),
        control_(boot_.shared_base, boot_.shared_bytes),
        memory_(boot_.kv_base, boot_.kv_bytes) {}

  Status run() {
    Status status = model_.open(machine_, boot_.model_image);
    if (status == Status::kOk) status = start_devices();
    if (status == Status::kOk) status = plan_memories();
    if (status == Status::kOk) status = build_programs();
    return status;
  }

 private:
  Status start_devices() {
    state_.intc.start(machine_, boot_.intc_base);
    NpuDriver::Setup setup;
    setup.base = boot_.npu_base;
    setup.pim_base = boot_.pim_base;
    setup.entries = kQueueEntries;
    setup.queue_pairs = lanes();
    setup.rings = control_.take(setup.queue_pairs * QueuePair::ring_bytes(setup.entries));
    setup.checked = (boot_.flags & abi::kBootChecked) != 0;
    setup.use_interrupts = boot_.policy.use_interrupts != 0;
    setup.timeout_ns = u64{boot_.timeout_us} * 1000;
    const u64 mailbox_rings = control_.take(Mailbox::kRingBytes);
    if (control_.failed()) return Status::kNoSpace;

    const Status status = state_.npu.start(machine_, setup);
    if (status != Status::kOk) return status;
    if (model_.shape().devices > state_.npu.link_devices()) return Status::kUnsupported;
    if (state_.npu.contexts() < lanes()) return Status::kUnsupported;
    state_.mailbox.start(machine_, boot_.mailbox_base, mailbox_rings, setup.use_interrupts);
    if (machine_.bus_error()) return Status::kBusError;
    return start_pim();
  }

  Status start_pim() {
    if (boot_.pim_base != 0 && state_.npu.pim_bound()) {
      const Status status = PimDriver::start(machine_, boot_.pim_base, boot_.dram_base, pim_);
      if (status != Status::kOk) return status;
    }
    const bool wanted =
        on_pim(boot_.policy.attention) ||
        on_pim(draft_placement(boot_.policy.draft_attention, boot_.policy.attention));
    const bool able = (pim_.formats >> static_cast<u32>(abi::Format::kFp16) & 1u) != 0;
    return wanted && !able ? Status::kNoEngine : Status::kOk;
  }

  Status plan_memories() {
    const abi::ModelImage& shape = model_.shape();
    const DraftPolicy& draft = policies_.draft();
    ActivationLimits limits;
    // The lanes share the activation buffer; a part begins where any primitive may write.
    limits.bytes = state_.npu.activation_bytes() / lanes();
    if (lanes() > 1) limits.bytes = limits.bytes / kActivationAlignment * kActivationAlignment;
    limits.max_rows = state_.npu.max_rows();
    limits.max_batch = smaller(boot_.policy.max_batch, kMaxSequences);
    limits.rows_per_sequence = draft.longest_draft() + 1;
    limits.prefill_chunk = boot_.policy.prefill_chunk;
    limits.batch_tokens = boot_.policy.batch_tokens;
    if (!plan_activations(shape, limits, state_.layout)) return Status::kNoSpace;

    Scheduler::Setup setup;
    setup.sequences = limits.max_batch;
    setup.group = state_.layout.sequences;
    setup.rows = state_.layout.rows;
    setup.chunk = state_.layout.chunk;
    setup.kv_sets = draft.keeps_own_kv() ? 2 : 1;
    setup.lanes = larger(1u, boot_.policy.sub_batches);
    setup.lanes_from = boot_.policy.sub_batch_min;
    setup.pim = pim_;
    setup.distributions_bytes = u64{draft.longest_draft()} * shape.vocabulary * sizeof(u32);
    if (!start_lanes(shape, limits.bytes) ||
        !state_.scheduler.start(shape, boot_.policy, setup, control_, memory_)) {
      return Status::kNoSpace;
    }
    state_.vocabulary = shape.vocabulary;
    const bool learned = shape.position_kind == static_cast<u32>(abi::PositionKind::kLearned);
    state_.learned_positions = learned ? shape.max_positions : 0;
    state_.reporter.start(boot_, shape);
    return Status::kOk;
  }

  bool start_lanes(const abi::ModelImage& shape, u64 activation_bytes) {
    state_.lane_count = lanes();
    state_.drafts_ahead = drafts_ahead();
    state_.check_block = drafts_ahead() ? control_.take(sizeof(abi::DraftBlock)) : 0;
    for (u32 i = 0; i < lanes(); ++i) {
      Lane& lane = state_.lanes[i];
      lane.queue = i;
      lane.first_context = i * contexts_per_lane();
      if (!lane.batch.start(machine_, shape, state_.layout, i * activation_bytes, activation_bytes,
                            control_)) {
        return false;
      }
    }
    return true;
  }

  // All lanes run the same programs; where activations lie is in a slot.
  Status build_programs() {
    const ConfiguredPlacement placement(boot_.policy, pim_.formats);
    LlamaPasses passes(model_, state_.layout, placement, policies_.draft(), machine_, control_);
    const Status status =
        passes.build(static_cast<abi::Granularity>(boot_.policy.granularity), contexts_per_lane(),
                     state_.npu.max_primitives(), state_.passes);
    if (status == Status::kOk && state_.npu.checked()) protect_programs();
    return status;
  }

  void protect_programs() {
    for (const PassPrograms& pass : state_.passes) {
      const ProgramRef* const body = machine_.shared<ProgramRef>(pass.body);
      for (u32 i = 0; i < pass.body_count; ++i) protect(machine_, body[i]);
      if (pass.tail.address != 0) protect(machine_, pass.tail);
    }
  }

  bool drafts_ahead() const { return policies_.draft().drafts_ahead() > 0; }
  u32 lanes() const { return drafts_ahead() ? 2 : larger(1u, boot_.policy.sub_batches); }
  u32 contexts_per_lane() const { return state_.npu.contexts() / lanes(); }

  GenerateState& state_;
  Machine& machine_;
  const abi::BootInfo& boot_;
  PolicyChoice policies_;
  RangeAllocator control_;
  RangeAllocator memory_;
  Model model_;
  PimFacts pim_{};
};

}  // namespace

Status initialise(GenerateState& state, const tandem_hal& hal, u64 boot_info) {
  Machine machine(hal);
  Status status = read_boot_info(machine, boot_info, state.boot);
  if (status == Status::kOk) status = Setup(state, machine).run();
  if (machine.failed_accesses() > 0) {
    state.recoveries.note(machine, abi::Recovery::kAccessRetried, machine.failed_accesses());
  }
  return status;
}

}  // namespace tandem::firmware
