// SPDX-License-Identifier: Apache-2.0
// Rings, copies, fences, semaphores, cancellation.
#include "apps/bringup_bench.h"
#include "tandem/abi/npu_registers.h"

namespace tandem::firmware {

using abi::Command;
using abi::Opcode;
using abi::Status;

namespace {

constexpr u64 kQuietNs = 20'000;  // long enough for what must not happen to happen
constexpr u8 kUntouched = 0xA5;

Command command_of(Opcode opcode) {
  Command command{};
  command.opcode = static_cast<u8>(opcode);
  return command;
}

u8 pattern(u32 i) {
  return static_cast<u8>(i * 37u + (i >> 8) * 11u + 5u);
}

// Copies `bytes` and looks at what lies there and on both sides of it.
void check_copy(Bench& bench, u32 bytes, u32 from, u32 to) {
  constexpr u32 kDestination = kBringupData / 2;
  u8* const memory = bench.machine().shared<u8>(bench.state().data);
  for (u32 i = 0; i < kDestination; ++i) memory[i] = pattern(i);
  for (u32 i = kDestination; i < kBringupData; ++i) memory[i] = kUntouched;
  Command command = command_of(Opcode::kCopy);
  command.parameter_block = bench.state().data + from;
  command.result_block = bench.state().data + kDestination + to;
  command.wait_value = bytes;
  const CommandEnd end = bench.run(command);
  bench.machine().barrier();
  bool good = end.is(Status::kOk) && end.completion.value == bytes;
  for (u32 i = 0; i < kBringupData - kDestination; ++i) {
    const bool inside = i >= to && i < to + bytes;
    const u8 expected = inside ? pattern(from + i - to) : kUntouched;
    good = good && memory[kDestination + i] == expected;
  }
  Line line;
  line.text("npu.dma.copy ").number(bytes).text(" bytes");
  if (from != 0 || to != 0) line.text(" from +").number(from).text(" to +").number(to);
  bench.check(good, line.text(", ").duration(end.time_ns));
}

}  // namespace

void check_rings(Bench& bench) {
  bench.expect("npu.nop", command_of(Opcode::kNop), Status::kOk);
  u32 wrong = 0;
  for (u32 i = 0; i < 3 * kBringupRing; ++i) {
    if (!bench.run({}).is(Status::kOk)) ++wrong;
  }
  bench.equal("npu.rings wrap around three times", wrong, 0);

  QueuePair& queue = bench.state().queues[0];
  u32 first = 0;
  u32 count = 0;
  for (; !queue.full(); ++count) {
    const u32 tag = bench.submit({});
    if (count == 0) first = tag;
  }
  bench.equal("npu.rings full after entries - 1 commands", count, kBringupRing - 1);
  wrong = 0;
  for (u32 i = 0; i < count; ++i) {
    const CommandEnd end = bench.finish();
    if (!end.is(Status::kOk) || end.completion.tag != first + i) ++wrong;
  }
  bench.equal("npu.rings drained in order", wrong, 0);

  bench.submit({}, 1);
  bench.check(bench.finish(1).is(Status::kOk), "npu.nop on another queue pair");
  bench.npu(abi::npu::SQ_TAIL, kBringupRing);
  bench.equal("npu.sq_tail beyond the ring is refused", bench.npu(abi::npu::ERROR_CAUSE),
              static_cast<u32>(Status::kBadParameter));
  bench.npu(abi::npu::ERROR_COUNT, 0);
  bench.start_npu();
  bench.expect("npu.nop after a soft reset", command_of(Opcode::kNop), Status::kOk);
}

void check_copies(Bench& bench) {
  const u32 sizes[] = {1u, 4u, 63u, 64u, 65u, 256u, 4096u, 10'000u};
  for (const u32 bytes : sizes) {
    check_copy(bench, bytes, 0, 0);
  }
  const u32 sources[] = {0u, 1u, 3u, 32u};
  const u32 destinations[] = {1u, 2u, 60u};
  for (const u32 from : sources) {
    for (const u32 to : destinations) check_copy(bench, 200, from, to);
  }
  bench.submit([&] {
    Command copy = command_of(Opcode::kCopy);
    copy.parameter_block = bench.state().data;
    copy.result_block = bench.state().data + kBringupData / 2;
    copy.wait_value = 4096;
    return copy;
  }());
  const u32 fence = bench.submit(command_of(Opcode::kFence));
  const CommandEnd copied = bench.finish();
  const CommandEnd fenced = bench.finish();
  bench.check(copied.is(Status::kOk) && fenced.is(Status::kOk) && fenced.completion.tag == fence,
              "npu.fence completes behind the copy");
}

void check_semaphores(Bench& bench) {
  Machine& machine = bench.machine();
  volatile u32* const semaphore = machine.shared<u32>(bench.state().data);
  *semaphore = 0;
  machine.barrier();
  Command wait{};
  wait.flags = abi::kCommandWait;
  wait.semaphore_address = bench.state().data;
  wait.wait_value = 3;
  bench.submit(wait, 1);
  abi::Completion early{};
  const bool came =
      bench.within(kQuietNs, [&] { return bench.state().queues[1].poll(bench.machine(), early); });
  bench.check(!came, "npu.wait holds the command back");
  if (came) return;
  Command signal{};
  signal.flags = abi::kCommandSignal;
  signal.semaphore_address = bench.state().data;
  signal.signal_value = 3;
  bench.check(bench.run(signal).is(Status::kOk), "npu.signal on another queue pair");
  bench.check(bench.finish(1).is(Status::kOk), "npu.wait goes on when it is signalled");
  machine.barrier();
  bench.equal("npu.signal writes its value", *semaphore, 3);
}

void check_cancel(Bench& bench) {
  *bench.machine().shared<u32>(bench.state().data) = 0;
  Command wait{};
  wait.flags = abi::kCommandWait;
  wait.semaphore_address = bench.state().data;
  wait.wait_value = 1;
  Command cancel = command_of(Opcode::kCancel);
  cancel.semaphore_address = bench.submit(wait, 1);
  bench.check(bench.run(cancel).is(Status::kOk), "npu.cancel");
  bench.check(bench.finish(1).is(Status::kCancelled), "npu.cancel: the command ends as Cancelled");
  bench.npu(abi::npu::ERROR_COUNT, 0);
  bench.expect("npu.cancel of a tag that is not there", cancel, Status::kNotFound);
}

}  // namespace tandem::firmware
