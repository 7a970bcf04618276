// SPDX-License-Identifier: Apache-2.0
// Timer, interrupt lines: level, mask, claim.
#include "apps/bringup_bench.h"
#include "tandem/abi/npu_registers.h"
#include "tandem/abi/peripheral_registers.h"

namespace tandem::firmware {

namespace {

namespace intc = abi::intc;
namespace timer = abi::timer;
namespace mailbox = abi::mailbox;

constexpr u64 kLineLimitNs = 10'000;  // from cause to line
constexpr u64 kSleepNs = 20'000;

class Intc {
 public:
  explicit Intc(Bench& bench) : bench_(bench), base_(bench.boot().intc_base) {}
  bool there() const { return base_ != 0; }
  void enable(u32 lines) { bench_.write(base_ + intc::ENABLE, lines); }
  void drive(u32 lines) { bench_.write(base_ + intc::SOFTWARE, lines); }
  u32 claim() { return read(intc::CLAIM); }
  bool pending(u32 line) { return (read(intc::PENDING) >> line & 1u) != 0; }
  bool becomes(u32 line, bool level) {
    return bench_.within(kLineLimitNs, [&] { return pending(line) == level; });
  }

 private:
  u32 read(u32 offset) {
    u32 value = 0;
    bench_.read(base_ + offset, value);
    return value;
  }
  Bench& bench_;
  u64 base_;
};

u64 time_of(Bench& bench) {
  u32 low = 0;
  u32 high = 0;
  bench.read(bench.boot().timer_base + timer::TIME_LO, low);
  bench.read(bench.boot().timer_base + timer::TIME_HI, high);
  return u64{high} << 32 | low;
}

void set_alarm(Bench& bench, u64 at) {
  const u64 base = bench.boot().timer_base;
  bench.write(base + timer::COMPARE_HI, ~0u);
  bench.write(base + timer::COMPARE_LO, low_word(at));
  bench.write(base + timer::COMPARE_HI, high_word(at));
}

}  // namespace

void check_timer(Bench& bench) {
  if (bench.boot().timer_base == 0) return;
  const u64 begin = time_of(bench);
  const bool moves = bench.within(kLineLimitNs, [&] { return time_of(bench) > begin + 1000; });
  bench.check(moves, Line().text("timer.counts, ").duration(time_of(bench) - begin));
}

// Every line, driven by software, with the CPU's interrupt for one of them.
void check_interrupt_lines(Bench& bench) {
  Intc lines(bench);
  if (!lines.there()) return;
  lines.enable(0);
  u32 wrong = 0;
  for (u32 line = 0; line < abi::kInterruptLines; ++line) {
    lines.drive(1u << line);
    const bool masked = lines.claim() == ~0u;
    lines.enable(1u << line);
    const bool claimed = lines.claim() == line;
    lines.enable(0);
    lines.drive(0);
    if (!masked || !claimed || lines.claim() != ~0u) ++wrong;
  }
  bench.equal("intc.lines: mask and claim of each", wrong, 0);
  lines.drive(1u << 9 | 1u << 21);
  lines.enable(1u << 9 | 1u << 21);
  bench.equal("intc.claim: the lowest line", lines.claim(), 9);
  bench.check(bench.sleep_until_interrupt(kSleepNs), "intc.irq wakes the processor");
  bench.check(bench.sleep_until_interrupt(kSleepNs), "intc.irq is a level, it stays");
  lines.enable(0);
  lines.drive(0);
  bench.within(kLineLimitNs, [] { return false; });  // a processor may be ahead of its lines
  bench.check(!bench.sleep_until_interrupt(kSleepNs), "intc.irq masked, the processor sleeps on");
}

void check_timer_interrupt(Bench& bench) {
  Intc lines(bench);
  const u64 base = bench.boot().timer_base;
  if (!lines.there() || base == 0) return;
  const u32 line = bench.boot().timer_irq;
  u32 before = 0;  // what the machine's own sleeping needs
  bench.read(base + timer::CONTROL, before);
  set_alarm(bench, ~u64{0});
  bench.write(base + timer::CONTROL, timer::CONTROL_IRQ_ENABLE.put(1));
  const u64 at = time_of(bench) + 5000;
  set_alarm(bench, at);
  const bool low = !lines.pending(line);
  const bool high = bench.within(4 * kLineLimitNs, [&] { return lines.pending(line); });
  const u64 late = time_of(bench) - at;
  bench.check(low, "timer.irq is low before its time");
  bench.check(high, Line().text("timer.irq rises, seen ").duration(late).text(" later"));
  bench.write(base + timer::CONTROL, 0);
  bench.check(lines.becomes(line, false), "timer.irq falls when it is masked");
  set_alarm(bench, ~u64{0});
  bench.write(base + timer::CONTROL, before);
}

// The host of bring-up has closed the mailbox, or has a request that nobody takes.
void check_mailbox_interrupt(Bench& bench) {
  Intc lines(bench);
  const u64 base = bench.boot().mailbox_base;
  if (!lines.there() || base == 0) return;
  const u32 line = bench.boot().mailbox_irq;
  Machine& machine = bench.machine();
  const u64 rings = bench.state().data;
  machine.write(base + mailbox::CONTROL, 0);
  machine.write_pair(base + mailbox::REQUEST_BASE_LO, rings);
  machine.write(base + mailbox::REQUEST_SIZE, 4);
  machine.write_pair(base + mailbox::RECORD_BASE_LO, rings + 4096);
  machine.write(base + mailbox::RECORD_SIZE, 4);
  machine.write(base + mailbox::CONTROL,
                mailbox::CONTROL_ENABLE.put(1) | mailbox::CONTROL_IRQ_ENABLE.put(1));
  u32 status = 0;
  u32 tail = 0;
  bench.read(base + mailbox::STATUS, status);
  bench.read(base + mailbox::REQUEST_TAIL, tail);
  const bool cause = mailbox::STATUS_CLOSED.get(status) != 0 || tail != 0;
  bench.check(lines.becomes(line, cause), cause ? "mailbox.irq rises" : "mailbox.irq stays low");
  machine.write(base + mailbox::CONTROL, mailbox::CONTROL_ENABLE.put(1));
  bench.check(lines.becomes(line, false), "mailbox.irq falls when it is masked");
  machine.write(base + mailbox::CONTROL, 0);
}

void check_npu_interrupt(Bench& bench) {
  Intc lines(bench);
  if (!lines.there()) return;
  const u32 line = bench.boot().npu_irq;
  abi::Command command{};
  command.flags = abi::kCommandInterrupt;
  bench.npu(abi::npu::IRQ_MASK, 0);
  bench.run(command);
  bench.check(lines.becomes(line, false), "npu.irq masked, the line stays low");
  bench.equal("npu.irq_raw shows the cause", bench.npu(abi::npu::IRQ_RAW), 1);
  bench.npu(abi::npu::IRQ_MASK, 1);
  bench.check(lines.becomes(line, true), "npu.irq rises with the mask");
  bench.npu(abi::npu::IRQ_STATUS, 1);
  bench.check(lines.becomes(line, false), "npu.irq falls when the cause is cleared");
  bench.submit(command);
  bench.check(lines.becomes(line, true), "npu.irq rises with a completion");
  lines.enable(1u << line);
  bench.check(bench.sleep_until_interrupt(kSleepNs), "npu.irq wakes the processor");
  lines.enable(0);
  bench.finish();
  command.flags = 0;
  bench.npu(abi::npu::IRQ_STATUS, 1);
  bench.run(command);
  bench.check(!lines.pending(line), "npu.irq stays low where none was asked for");
  bench.npu(abi::npu::IRQ_MASK, 0);
}

}  // namespace tandem::firmware
