// SPDX-License-Identifier: Apache-2.0
// Identities, reset values, what can be written and what cannot.
#include "apps/bringup_bench.h"
#include "tandem/abi/npu_registers.h"
#include "tandem/abi/peripheral_registers.h"
#include "tandem/abi/pim_registers.h"

namespace tandem::firmware {

using abi::Access;
using abi::RegisterBlock;
using abi::RegisterInfo;

namespace {

struct Device {
  const RegisterBlock* block;
  u64 base;  // 0: not there
};

constexpr u32 kDevices = 7;
constexpr u32 kPatterns[] = {0x5555'5555u, 0xAAAA'AAAAu, 0u, 0xFFFF'FFFFu};
constexpr u64 kNowhere = 0xF000'0000'0000'0000;

template <typename Visit>
void for_each_device(Bench& bench, Visit visit) {
  const abi::BootInfo& boot = bench.boot();
  const Device devices[kDevices] = {
      {&abi::npu::kBlock, boot.npu_base},       {&abi::pim::kBlock, boot.pim_base},
      {&abi::intc::kBlock, boot.intc_base},     {&abi::timer::kBlock, boot.timer_base},
      {&abi::uart::kBlock, boot.uart_base},     {&abi::mailbox::kBlock, boot.mailbox_base},
      {&abi::syscon::kBlock, boot.syscon_base},
  };
  for (const Device& device : devices) visit(device);
}

// Each register of each array.
template <typename Visit>
void for_each_register(const RegisterBlock& block, Visit visit) {
  for (std::size_t i = 0; i < block.register_count; ++i) {
    const RegisterInfo& info = block.registers[i];
    for (u32 index = 0; index < info.count; ++index) {
      visit(info, info.offset + index * u32{info.stride});
    }
  }
}

bool named(const RegisterInfo& info, const char* name) {
  return abi::same_text(info.name, name);
}

bool begins_with(const char* text, const char* head) {
  while (*head != 0 && *text == *head) {
    ++text;
    ++head;
  }
  return *head == 0;
}

// Writing these does something, or only some values are taken.
bool writes_act(const RegisterBlock& block, const RegisterInfo& info) {
  const char* const acting[] = {"CONTROL",     "QP_CONTROL",   "ERROR_COUNT", "SQ_TAIL",
                                "CQ_HEAD",     "OVERRUNS",     "EXIT",        "REQUEST_HEAD",
                                "RECORD_TAIL", "CLOCK_DIVIDER"};
  for (const char* name : acting) {
    if (named(info, name)) return true;
  }
  // An enabled interrupt of the CPU is a check of its own.
  return &block == &abi::intc::kBlock;
}

Line line_of(const Device& device, const char* what) {
  return Line().text(device.block->name).text(what);
}

bool has_offset(const RegisterBlock& block, u32 offset) {
  bool found = false;
  for_each_register(block, [&](const RegisterInfo&, u32 at) { found = found || at == offset; });
  return found;
}

// Takes divisors, refuses others and says so.
void check_clock_divider(Bench& bench) {
  const u64 npu = bench.boot().npu_base;
  if (npu == 0) return;
  u32 kept = 0;
  bench.write(npu + abi::npu::CLOCK_DIVIDER, 2);
  bool good = bench.read(npu + abi::npu::CLOCK_DIVIDER, kept) && kept == 2;
  bench.write(npu + abi::npu::CLOCK_DIVIDER, 0);
  good = good && bench.read(npu + abi::npu::CLOCK_DIVIDER, kept) && kept == 2;
  u32 errors = 0;
  good = good && bench.read(npu + abi::npu::ERROR_COUNT, errors) && errors == 1;
  bench.write(npu + abi::npu::ERROR_COUNT, 0);
  bench.write(npu + abi::npu::CLOCK_DIVIDER, 1);
  bench.check(good, "npu.CLOCK_DIVIDER keeps 2 and refuses 0");
}

}  // namespace

void check_identities(Bench& bench) {
  for_each_device(bench, [&](const Device& device) {
    if (device.base == 0) return bench.skip(device.block->name);
    u32 id = 0;
    u32 version = 0;
    const bool answered = bench.read(device.base + abi::npu::ID, id) &&
                          bench.read(device.base + abi::npu::VERSION, version);
    const u32 expected_id = device.block->registers[0].reset;
    const u32 expected_major = device.block->registers[1].reset >> 16;
    const bool good = answered && id == expected_id && version >> 16 == expected_major;
    bench.check(good, line_of(device, ".id ").hex(id).text(", version ").hex(version));
  });
}

void check_bus(Bench& bench) {
  u32 value = 0;
  bench.check(!bench.read(kNowhere, value), "bus.read of an address with nothing there fails");
  bench.check(!bench.write(kNowhere, 0), "bus.write to an address with nothing there fails");
  for_each_device(bench, [&](const Device& device) {
    if (device.base == 0) return;
    u32 hole = 0;
    while (has_offset(*device.block, hole)) hole += 4;
    const bool refused = !bench.read(device.base + hole, value);
    bench.check(refused, line_of(device, ".hole at ").hex(hole).text(" is no register"));
  });
}

// Of the devices that a driver can reset; the others have been in use.
void check_reset_values(Bench& bench) {
  for_each_device(bench, [&](const Device& device) {
    if (device.base == 0) return;
    const bool resettable = device.block == &abi::npu::kBlock || device.block == &abi::pim::kBlock;
    if (!resettable) return;
    bench.write(device.base + abi::npu::CONTROL, abi::npu::CONTROL_SOFT_RESET.put(1));
    u32 count = 0;
    for_each_register(*device.block, [&](const RegisterInfo& info, u32 offset) {
      // The reset value of these is the instance's.
      if (info.access == Access::kInstance || begins_with(info.name, "DRAM_BASE")) return;
      u32 value = 0;
      const bool answered = bench.read(device.base + offset, value);
      ++count;
      if (answered && value == info.reset) return;
      bench.check(false,
                  line_of(device, ".").text(info.name).text(" after reset: got ").hex(value));
      count = 0;
    });
    if (count != 0) {
      bench.check(true, line_of(device, ".reset values, ").number(count).text(" registers"));
    }
  });
}

void check_writable_registers(Bench& bench) {
  for_each_device(bench, [&](const Device& device) {
    if (device.base == 0) return;
    u32 count = 0;
    bool all = true;
    for_each_register(*device.block, [&](const RegisterInfo& info, u32 offset) {
      if (info.access != Access::kReadWrite || writes_act(*device.block, info)) return;
      u32 before = 0;
      bool good = bench.read(device.base + offset, before);
      for (const u32 pattern : kPatterns) {
        u32 value = ~pattern;
        good = good && bench.write(device.base + offset, pattern) &&
               bench.read(device.base + offset, value) && value == pattern;
      }
      bench.write(device.base + offset, before);
      ++count;
      if (good) return;
      all = false;
      bench.check(false, line_of(device, ".").text(info.name).text(" does not keep a pattern"));
    });
    if (all && count != 0) {
      bench.check(true, line_of(device, ".write patterns, ").number(count).text(" registers"));
    }
  });
  check_clock_divider(bench);
}

void check_read_only_registers(Bench& bench) {
  for_each_device(bench, [&](const Device& device) {
    if (device.base == 0) return;
    u32 count = 0;
    bool all = true;
    for_each_register(*device.block, [&](const RegisterInfo& info, u32 offset) {
      if (!abi::is_read_only(info.access)) return;
      ++count;
      if (!bench.write(device.base + offset, 0)) return;
      all = false;
      bench.check(false, line_of(device, ".").text(info.name).text(" takes a write"));
    });
    if (!all) return;
    bench.check(true, line_of(device, ".read-only, ").number(count).text(" registers refuse"));
  });
}

}  // namespace tandem::firmware
