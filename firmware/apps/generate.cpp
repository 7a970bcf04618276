// SPDX-License-Identifier: Apache-2.0
// The state machine of `generate`. A step either looks after the command in flight or chooses the
// next group of sequences; it never waits.
#include "tandem/firmware/apps/generate.h"

#include "apps/generate_state.h"

namespace tandem::firmware {

using abi::Status;

namespace {

constexpr u32 kQueue = 0;

class Generator {
 public:
  Generator(GenerateState& state, Machine& machine)
      : state_(state),
        machine_(machine),
        progress_(state.progress),
        group_(state.progress.group),
        scheduler_(state.scheduler),
        policies_(state.boot.policy) {}

  int step() {
    const bool reported = state_.reporter.send(machine_, state_.mailbox, scheduler_);
    const bool echoed = state_.reporter.echo(machine_, scheduler_);
    machine_.clear_bus_error();  // the console is not worth a failure
    const bool more_to_say = !reported || !echoed;
    // Reports make room for the next ones before a command's outcome is looked at.
    if (progress_.running) return reported && check() ? TANDEM_STEP_AGAIN : wait(more_to_say);
    scheduler_.admit(machine_, state_.mailbox);
    if (start_group()) return TANDEM_STEP_AGAIN;
    return scheduler_.empty() ? idle() : wait(true);
  }

 private:
  const DraftPolicy& policy() const { return policies_.draft(); }
  bool per_layer() const { return programs().body_count > 0; }
  const PassPrograms& programs() const { return state_.passes[static_cast<u32>(progress_.pass)]; }
  Sequence& row_sequence(u32 row) { return scheduler_.at(progress_.rows[row]); }

  // --- waiting -------------------------------------------------------------------------------

  int wait(bool more_to_say) {
    if (more_to_say || !state_.npu.uses_interrupts()) {
      machine_.relax();
      return TANDEM_STEP_AGAIN;
    }
    state_.intc.enable_only(machine_, 1u << state_.boot.npu_irq);
    return TANDEM_STEP_WAIT;
  }

  int idle() {
    const bool closed = state_.mailbox.closed(machine_);
    // Nobody can be told anything when the mailbox does not answer.
    if (machine_.bus_error()) return TANDEM_STEP_DONE;
    if (closed && !state_.mailbox.request_waits(machine_)) return TANDEM_STEP_DONE;
    if (!state_.npu.uses_interrupts()) {
      machine_.relax();
      return TANDEM_STEP_AGAIN;
    }
    state_.intc.enable_only(machine_, 1u << state_.boot.mailbox_irq);
    return TANDEM_STEP_WAIT;
  }

  // --- the command in flight -----------------------------------------------------------------

  // True when something has changed.
  bool check() {
    if (state_.npu.uses_interrupts()) state_.npu.acknowledge(machine_);
    abi::Completion completion;
    if (state_.npu.poll(machine_, kQueue, completion)) {
      if (completion.tag == progress_.tag) complete(completion);
      return true;
    }
    if (machine_.bus_error() || state_.npu.timed_out(machine_, progress_.submitted_ns)) {
      recover();
      return true;
    }
    return false;
  }

  void complete(const abi::Completion& completion) {
    const Status status = static_cast<Status>(completion.status);
    if (status == Status::kOk) {
      advance();
      return;
    }
    machine_.log("generate: a command failed\n");
    state_.npu.clear_errors(machine_);
    fail_rows(status);
  }

  void fail_rows(Status status) {
    for (u32 i = 0; i < state_.batch.count(); ++i) row_sequence(i).fail(status);
    progress_.running = 0;
  }

  // The device hangs: reset it and start the group's work again, once.
  void recover() {
    machine_.log("generate: the NPU does not answer, resetting it\n");
    machine_.clear_bus_error();
    const Status status = state_.npu.recover(machine_);
    if (status != Status::kOk || progress_.repeated) {
      fail_rows(status != Status::kOk ? status : Status::kReset);
      return;
    }
    progress_.repeated = 1;
    begin_group();
  }

  // --- groups and passes ---------------------------------------------------------------------

  bool start_group() {
    if (!scheduler_.choose(machine_, policy(), group_)) return false;
    progress_.running = 1;
    progress_.repeated = 0;
    begin_group();
    return true;
  }

  void begin_group() {
    const Sequence& leader = scheduler_.at(group_.members[0]);
    state_.batch.set_sampler(machine_, {leader.sampling, leader.temperature, state_.boot.seed});
    if (group_.work == Work::kDraftExtend) return begin_pass(Pass::kDraftExtend);
    if (group_.longest_draft > 0) return begin_round();
    begin_pass(any_emits() ? Pass::kNext : Pass::kExtend);
  }

  bool any_emits() {
    for (u32 i = 0; i < group_.count; ++i) {
      if (scheduler_.at(group_.members[i]).emits) return true;
    }
    return false;
  }

  void begin_round() {
    for (u32 i = 0; i < group_.count; ++i) {
      clear_draft(machine_, scheduler_.at(group_.members[i]), policy().longest_draft(),
                  state_.vocabulary);
    }
    begin_pass(Pass::kDraft);
  }

  void begin_pass(Pass pass) {
    progress_.pass = pass;
    progress_.iteration = 0;
    state_.batch.clear();
    for (u32 i = 0; i < group_.count; ++i) add_row(group_.members[i]);
    run_from(0);
  }

  void add_row(u32 member) {
    const Sequence& sequence = scheduler_.at(member);
    const bool drafting = progress_.pass == Pass::kDraft;
    if (drafting && policy().draft_tokens(sequence.remaining) == 0) return;
    progress_.rows[state_.batch.count()] = member;
    const u32 set = drafting || progress_.pass == Pass::kDraftExtend ? policy().kv_set() : 0;
    const bool speculates = drafting || progress_.pass == Pass::kVerify;
    const u32 tokens = speculates ? sequence.pending(set) : sequence.taking;
    state_.batch.add(machine_, scheduler_.kv(), sequence, set, tokens);
    if (speculates) {
      state_.batch.attach_draft(machine_, sequence);
    } else if (!sequence.emits) {
      state_.batch.keep_silent(machine_);
    }
  }

  // Only with granularity `layer`: one more drafted token for those that go on.
  bool begin_next_draft() {
    const u32 drafted = progress_.iteration + 1;
    if (progress_.pass != Pass::kDraft || !per_layer() || drafted == group_.longest_draft) {
      return false;
    }
    progress_.iteration = drafted;
    state_.batch.clear();
    for (u32 i = 0; i < group_.count; ++i) {
      const Sequence& sequence = scheduler_.at(group_.members[i]);
      const abi::DraftBlock& draft = draft_of(sequence);
      if (draft.stopped_early != 0 || draft.count != drafted) continue;
      if (drafted >= policy().draft_tokens(sequence.remaining)) continue;
      progress_.rows[state_.batch.count()] = group_.members[i];
      state_.batch.add_drafted(machine_, scheduler_.kv(), sequence, policy().kv_set(), drafted - 1);
    }
    if (state_.batch.count() == 0) return false;
    run_from(0);
    return true;
  }

  abi::DraftBlock& draft_of(const Sequence& sequence) {
    return *machine_.shared<abi::DraftBlock>(sequence.draft_block);
  }

  // --- commands ------------------------------------------------------------------------------

  void run_from(u32 program) {
    progress_.program = program;
    submit();
  }

  void submit() {
    const bool tail = progress_.program == programs().body_count;
    const ProgramRef program =
        tail ? programs().tail : machine_.shared<ProgramRef>(programs().body)[progress_.program];
    abi::Command command = state_.batch.command();
    command.opcode = static_cast<u8>(tail ? tail_opcode() : abi::Opcode::kRun);
    if (!tail && progress_.pass == Pass::kVerify) command.flags = abi::kCommandRowsDrafted;
    command.phase = static_cast<u32>(phase());
    command.context = static_cast<u8>(program.context);
    command.program = program.address;
    command.primitive_count = static_cast<u16>(program.primitives);
    if (tail && progress_.pass == Pass::kDraft) set_draft();
    progress_.tag = state_.npu.submit(machine_, kQueue, command);
    progress_.submitted_ns = machine_.now_ns();
  }

  void set_draft() {
    const u32 tokens = per_layer() ? 1 : group_.longest_draft;
    state_.batch.set_draft(machine_, tokens, progress_.iteration, policy().stop_below());
  }

  abi::Opcode tail_opcode() const {
    if (progress_.pass == Pass::kDraft) return abi::Opcode::kDraft;
    return progress_.pass == Pass::kVerify ? abi::Opcode::kVerify : abi::Opcode::kRun;
  }

  // A plain step that takes prompt chunks along is decoding.
  abi::Phase phase() const {
    if (group_.decoding == 0) return abi::Phase::kPrefill;
    switch (progress_.pass) {
      case Pass::kDraft:
        return abi::Phase::kDraft;
      case Pass::kVerify:
        return abi::Phase::kVerify;
      default:
        return abi::Phase::kDecode;
    }
  }

  // A command has succeeded.
  void advance() {
    if (progress_.program < programs().body_count) return run_from(progress_.program + 1);
    if (begin_next_draft()) return;
    if (progress_.pass == Pass::kDraft) {
      trim_drafts();
      return begin_pass(Pass::kVerify);
    }
    progress_.running = 0;
    for (u32 i = 0; i < state_.batch.count(); ++i) collect(row_sequence(i), i);
  }

  // --- outcomes ------------------------------------------------------------------------------

  // A DRAFT goes on for as long as any sequence of its batch wants: what goes beyond the end of
  // another one is dropped.
  void trim_drafts() {
    for (u32 i = 0; i < group_.count; ++i) {
      const Sequence& sequence = scheduler_.at(group_.members[i]);
      abi::DraftBlock& draft = draft_of(sequence);
      draft.count = smaller(draft.count, policy().draft_tokens(sequence.remaining));
    }
  }

  void collect(Sequence& sequence, u32 row) {
    switch (progress_.pass) {
      case Pass::kDraftExtend:
        sequence.committed[policy().kv_set()] += sequence.taking;
        return;
      case Pass::kExtend:
      case Pass::kNext:
        if (!sequence.emits) {
          sequence.committed[0] += sequence.taking;
          return;
        }
        [[fallthrough]];
      default:
        return collect_tokens(sequence, state_.batch.result(machine_, row));
    }
  }

  void collect_tokens(Sequence& sequence, const abi::VerifyResult& result) {
    const bool verified = progress_.pass == Pass::kVerify;
    const u32 drafted = verified ? draft_of(sequence).count : 0;
    const bool sensible = result.accepted <= drafted && result.emitted > 0 &&
                          result.emitted <= result.accepted + 1 &&
                          result.emitted <= sequence.remaining;
    if (!sensible) return sequence.fail(Status::kBadBatch);

    const u32 before = sequence.total;
    append_tokens(sequence, result);
    sequence.committed[0] = before + result.accepted;
    // The last drafted token was never an input of the draft pass.
    if (drafted > 0 && policy().keeps_own_kv()) {
      sequence.committed[policy().kv_set()] = before + smaller(result.accepted, drafted - 1);
    }
    sequence.report = {before, result.emitted, drafted, result.accepted, sequence.rounds};
    ++sequence.rounds;
    const abi::StopReason reason = static_cast<abi::StopReason>(result.stop_reason);
    if (reason != abi::StopReason::kNone) {
      sequence.finish(reason);
    } else if (sequence.remaining == 0) {
      sequence.finish(abi::StopReason::kLength);
    }
  }

  void append_tokens(Sequence& sequence, const abi::VerifyResult& result) {
    u32* const history = machine_.shared<u32>(sequence.history);
    const u32* const drafted = draft_of(sequence).tokens;
    for (u32 i = 0; i < result.emitted; ++i) {
      history[sequence.total + i] = i < result.accepted ? drafted[i] : result.next_token;
    }
    sequence.total += result.emitted;
    sequence.remaining -= result.emitted;
  }

  GenerateState& state_;
  Machine& machine_;
  Progress& progress_;
  Group& group_;
  Scheduler& scheduler_;
  PolicyChoice policies_;
};

}  // namespace

int step(GenerateState& state, const tandem_hal& hal) {
  Machine machine(hal);
  // Without its memory the firmware cannot even report.
  if (!machine.open_shared(state.boot.shared_base, state.boot.shared_bytes)) {
    return TANDEM_STEP_DONE;
  }
  return Generator(state, machine).step();
}

namespace {

int init_entry(void* arena, const tandem_hal* hal, u64 boot_info) {
  return static_cast<int>(initialise(*static_cast<GenerateState*>(arena), *hal, boot_info));
}

int step_entry(void* arena, const tandem_hal* hal) {
  return step(*static_cast<GenerateState*>(arena), *hal);
}

constexpr tandem_firmware kFirmware = {sizeof(GenerateState), init_entry, step_entry};

}  // namespace
}  // namespace tandem::firmware

extern "C" const tandem_firmware* tandem_generate_firmware(void) {
  return &tandem::firmware::kFirmware;
}
