// SPDX-License-Identifier: Apache-2.0
#include "apps/bringup_bench.h"

#include "tandem/abi/npu_registers.h"
#include "tandem/abi/peripheral_registers.h"

namespace tandem::firmware {

namespace npu_regs = abi::npu;
using abi::Status;

namespace {

constexpr u64 kCommandLimitNs = 5'000'000;
constexpr u64 kUartLimitNs = 1'000'000;  // for a byte; at 3 Mbaud it takes 3.3 us

}  // namespace

// --- Line ----------------------------------------------------------------------------------

Line& Line::put(char c) {
  if (length_ < sizeof bytes_) bytes_[length_++] = static_cast<u8>(c);
  return *this;
}

Line& Line::text(const char* words) {
  while (*words != 0) put(*words++);
  return *this;
}

Line& Line::text(const Line& other) {
  for (u32 i = 0; i < other.length_; ++i) put(static_cast<char>(other.bytes_[i]));
  return *this;
}

Line& Line::number(u64 value) {
  char digits[20];
  u32 count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) put(digits[--count]);
  return *this;
}

Line& Line::hex(u64 value) {
  text("0x");
  u32 shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  for (;; shift -= 4) {
    put("0123456789abcdef"[value >> shift & 15u]);
    if (shift == 0) return *this;
  }
}

Line& Line::duration(u64 ns) {
  if (ns < 1000) return number(ns).text(" ns");
  return number(ns / 1000).put('.').number(ns % 1000 / 100).text(" us");
}

// --- the report ----------------------------------------------------------------------------

void Bench::write_uart(const u8* bytes, u32 length) {
  const u64 base = state_.boot.uart_base;
  if (base == 0 || state_.uart_hangs) return;
  for (u32 i = 0; i < length; ++i) {
    const bool room = within(kUartLimitNs, [&] {
      return abi::uart::STATUS_FULL.get(machine_.read(base + abi::uart::STATUS)) == 0;
    });
    if (!room || machine_.bus_error()) {
      state_.uart_hangs = true;
      return;
    }
    machine_.write(base + abi::uart::TX, bytes[i]);
  }
}

void Bench::print(const Line& line) {
  const u8 end = '\n';
  write_uart(line.bytes(), line.length());
  write_uart(&end, 1);
  // Where there is no console this is the only word of it.
  if (state_.boot.uart_base == 0 || state_.uart_hangs) {
    hal_.log(hal_.context, reinterpret_cast<const char*>(line.bytes()), line.length());
  }
  machine_.clear_bus_error();
}

bool Bench::check(bool good, const Line& what) {
  ++(good ? state_.passed : state_.failed);
  print(Line().text(good ? "[ok  ] " : "[fail] ").text(what));
  return good;
}

bool Bench::equal(const char* what, u64 got, u64 expected) {
  Line line;
  line.text(what);
  if (got != expected) line.text(": got ").hex(got).text(", expected ").hex(expected);
  return check(got == expected, line);
}

void Bench::skip(const Line& what) {
  ++state_.skipped;
  print(Line().text("[skip] ").text(what));
}

void Bench::check_run(Line what, const CommandEnd& end, bool right) {
  if (!end.came) {
    what.text(": no completion");
  } else if (!end.is(Status::kOk)) {
    what.text(": ").text(abi::name_of(static_cast<Status>(end.completion.status)));
    what.text(" at primitive ").number(end.completion.primitive);
    npu(npu_regs::ERROR_COUNT, 0);
  } else if (!right) {
    what.text(": wrong values");
  } else {
    what.text(", ").duration(end.time_ns);
  }
  check(end.is(Status::kOk) && right, what);
}

void Bench::drain_uart() {
  const u64 base = state_.boot.uart_base;
  if (base == 0 || state_.uart_hangs) return;
  within(kUartLimitNs,
         [&] { return abi::uart::STATUS_EMPTY.get(machine_.read(base + abi::uart::STATUS)) != 0; });
}

// --- registers -----------------------------------------------------------------------------

bool Bench::read(u64 address, u32& value) {
  machine_.clear_bus_error();
  value = machine_.read(address);
  const bool good = !machine_.bus_error();
  machine_.clear_bus_error();
  return good;
}

bool Bench::write(u64 address, u32 value) {
  machine_.clear_bus_error();
  machine_.write(address, value);
  const bool good = !machine_.bus_error();
  machine_.clear_bus_error();
  return good;
}

// --- commands ------------------------------------------------------------------------------

void Bench::start_npu() {
  npu(npu_regs::CONTROL, npu_regs::CONTROL_SOFT_RESET.put(1));
  npu(npu_regs::CONTROL, npu_regs::CONTROL_ENABLE.put(1));
  if (state_.boot.pim_base != 0) {
    machine_.write_pair(state_.boot.npu_base + npu_regs::PIM_BASE_LO, state_.boot.pim_base);
  }
  for (u32 i = 0; i < 2; ++i) {
    state_.queues[i].start(machine_, state_.boot.npu_base, i, state_.rings[i], kBringupRing, false);
  }
}

u32 Bench::submit_as(abi::Command command, u32 pair, u8 version) {
  command.abi_version = version;
  command.tag = ++state_.tag;
  state_.submitted_ns = machine_.now_ns();
  state_.queues[pair].submit(machine_, command);
  return command.tag;
}

u32 Bench::submit(abi::Command command, u32 pair) {
  return submit_as(command, pair, abi::kAbiVersion);
}

CommandEnd Bench::finish(u32 pair) {
  CommandEnd end{};
  end.came =
      within(kCommandLimitNs, [&] { return state_.queues[pair].poll(machine_, end.completion); });
  end.time_ns = machine_.now_ns() - state_.submitted_ns;
  if (!end.came) start_npu();
  return end;
}

CommandEnd Bench::run(const abi::Command& command) {
  const u32 tag = submit(command);
  CommandEnd end = finish();
  if (end.came && end.completion.tag != tag) end.completion.status = 0xFF;
  return end;
}

bool Bench::errors_show(Status status) {
  const bool failure = status != Status::kOk;
  const bool shown = npu_regs::STATUS_ERROR.get(npu(npu_regs::STATUS)) == (failure ? 1u : 0u) &&
                     npu(npu_regs::ERROR_COUNT) == (failure ? 1u : 0u) &&
                     npu(npu_regs::ERROR_CAUSE) == static_cast<u32>(status);
  npu(npu_regs::ERROR_COUNT, 0);
  return shown && npu(npu_regs::ERROR_CAUSE) == 0;
}

void Bench::expect_end(const char* what, const CommandEnd& end, Status status) {
  Line line;
  line.text(what);
  bool good = end.is(status);
  if (!end.came) {
    line.text(": no completion");
  } else if (!good) {
    line.text(": got ").text(abi::name_of(static_cast<Status>(end.completion.status)));
    line.text(", expected ").text(abi::name_of(status));
    npu(npu_regs::ERROR_COUNT, 0);
  } else if (!errors_show(status)) {
    good = false;
    line.text(": the error registers do not say so");
  } else if (!run({}).is(Status::kOk)) {
    good = false;
    line.text(": the next command fails");
  } else if (status != Status::kOk) {
    line.text(" gives ").text(abi::name_of(status));
  }
  check(good, line);
}

void Bench::expect(const char* what, const abi::Command& command, Status status) {
  expect_end(what, run(command), status);
}

}  // namespace tandem::firmware
