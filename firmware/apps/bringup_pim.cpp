// SPDX-License-Identifier: Apache-2.0
// Memory that multiplies: its own command queue, and as an engine of the NPU.
#include "apps/bringup_lab.h"
#include "tandem/abi/npu_registers.h"
#include "tandem/abi/peripheral_registers.h"
#include "tandem/abi/pim_registers.h"

namespace tandem::firmware {

namespace pim = abi::pim;
using abi::Format;
using abi::PimCommand;
using abi::Status;

namespace {

constexpr u32 kColumns = 128;
constexpr u32 kResults = 4;  // rows of weights
constexpr u64 kLimitNs = 100'000;
constexpr u32 kTag = 0x51;

int weight(u32 row, u32 column) {
  return column < 8 ? static_cast<int>(row + 1) : 0;
}

// A window takes a command as one write of 64 bytes, which no processor does: the NPU copies it.
bool submit(Bench& bench, const PimCommand& command) {
  const u64 at = bench.state().data;
  *bench.machine().shared<PimCommand>(at) = command;
  abi::Command copy{};
  copy.opcode = static_cast<u8>(abi::Opcode::kCopy);
  copy.parameter_block = at;
  copy.result_block = bench.boot().pim_base + abi::kPimCommandWindow;
  copy.wait_value = sizeof(PimCommand);
  return bench.run(copy).is(Status::kOk);
}

u32 read(Bench& bench, u32 offset) {
  u32 value = 0;
  bench.read(bench.boot().pim_base + offset, value);
  return value;
}

void write(Bench& bench, u32 offset, u32 value) {
  bench.write(bench.boot().pim_base + offset, value);
}

// In the part of the memory that is free for the KV cache; null if the processor cannot see it.
u16* weights_of(Bench& bench) {
  const u64 base = align_up(bench.boot().kv_base, 64);
  return bench.machine().window<u16>(base, u64{kResults} * kColumns);
}

bool fill_weights(Bench& bench) {
  u16* const weights = weights_of(bench);
  if (weights == nullptr) return false;
  for (u32 i = 0; i < kResults * kColumns; ++i) {
    weights[i] = half(weight(i / kColumns, i % kColumns));
  }
  bench.machine().barrier();
  return true;
}

bool multiplies(Bench& bench, Format format) {
  const u32 formats = pim::CAPABILITY_FORMATS.get(read(bench, pim::CAPABILITY));
  return (formats >> static_cast<u32>(format) & 1u) != 0;
}

PimCommand gemv(Bench& bench) {
  PimCommand command{};
  command.opcode = static_cast<u8>(abi::PimOpcode::kGemv);
  command.format = static_cast<u8>(Format::kFp16);
  command.flags = abi::kPimFirst | abi::kPimLast;
  command.abi_version = abi::kAbiVersion;
  command.tag = kTag;
  command.weights = align_up(bench.boot().kv_base, 64);
  command.rows = kResults;
  command.columns = kColumns;
  command.row_elements = kColumns;
  command.vectors = 1;
  command.vector_stride = kColumns * sizeof(u16);
  command.output_stride = kResults * sizeof(u16);
  return command;
}

bool done(Bench& bench, u32 tag) {
  return bench.within(kLimitNs, [&] { return read(bench, pim::COMPLETED_TAG) == tag; });
}

// The vector counts up: every sum is (row + 1) * (0 + 1 + ... + 7).
void check_gemv(Bench& bench) {
  for (u32 i = 0; i < kColumns; i += 2) {
    const u32 pair = half(static_cast<int>(i)) | u32{half(static_cast<int>(i + 1))} << 16;
    write(bench, abi::kPimVectorWindow + i * u32{sizeof(u16)}, pair);
  }
  write(bench, pim::IRQ_STATUS, ~0u);
  bool good = submit(bench, gemv(bench)) && done(bench, kTag);
  for (u32 row = 0; row < kResults; row += 2) {
    const u32 expected =
        half(static_cast<int>(28 * (row + 1))) | u32{half(static_cast<int>(28 * (row + 2)))} << 16;
    good = good && read(bench, abi::kPimResultWindow + row * u32{sizeof(u16)}) == expected;
  }
  bench.check(good, "pim.gemv fp16");
  const bool raw =
      bench.within(kLimitNs, [&] { return pim::IRQ_RAW_DONE.get(read(bench, pim::IRQ_RAW)) != 0; });
  bench.check(raw, "pim.irq_raw shows that the queue ran empty");
}

void check_irq(Bench& bench) {
  const u64 intc = bench.boot().intc_base;
  if (intc == 0) return;
  const auto level = [&] {
    u32 pending = 0;
    bench.read(intc + abi::intc::PENDING, pending);
    return (pending >> bench.boot().pim_irq & 1u) != 0;
  };
  bench.check(!level(), "pim.irq masked, the line stays low");
  write(bench, pim::IRQ_MASK, pim::IRQ_RAW_DONE.put(1));
  bench.check(bench.within(kLimitNs, level), "pim.irq rises with the mask");
  write(bench, pim::IRQ_STATUS, ~0u);
  bench.check(bench.within(kLimitNs, [&] { return !level(); }),
              "pim.irq falls when the cause is cleared");
  write(bench, pim::IRQ_MASK, 0);
}

void check_error(Bench& bench, const char* what, const PimCommand& command, Status status) {
  const bool took = submit(bench, command) && done(bench, command.tag);
  const bool shown = read(bench, pim::ERROR_CAUSE) == static_cast<u32>(status) &&
                     read(bench, pim::ERROR_COUNT) == 1;
  write(bench, pim::ERROR_COUNT, 0);
  bench.check(took && shown, Line().text(what).text(" gives ").text(abi::name_of(status)));
}

void check_errors(Bench& bench) {
  PimCommand command = gemv(bench);
  command.tag = kTag + 1;
  command.opcode = 77;
  check_error(bench, "pim.error.opcode 77", command, Status::kBadOpcode);
  command = gemv(bench);
  command.tag = kTag + 2;
  command.abi_version = abi::kAbiVersion + 1;
  check_error(bench, "pim.error.abi_version + 1", command, Status::kBadVersion);
  command = gemv(bench);
  command.tag = kTag + 3;
  command.rows = 0;
  check_error(bench, "pim.error.no rows", command, Status::kBadOperand);
  command = gemv(bench);
  command.tag = kTag + 4;
  command.weights = 0;
  check_error(bench, "pim.error.weights outside the memory", command, Status::kBusError);
  command = gemv(bench);
  command.tag = kTag + 5;
  command.vector_offset = read(bench, pim::VECTOR_BYTES);
  check_error(bench, "pim.error.vectors beyond their window", command, Status::kNoSpace);
}

// The same products as on the NPU, in the banks, of the tables in that memory.
void check_linear(Bench& bench, Format format, u64 tables) {
  const Line what = Line("npu.linear in the banks, ").text(abi::name_of(format));
  if (!multiplies(bench, format)) return bench.skip(what);
  Lab lab(bench, 1);
  lab.parameters().slots[Lab::kTables].base = tables;
  lab.gather(Table::kSuccessor, Place::kB);
  lab.linear(format, Place::kB, Place::kA).engine_mask = abi::kEnginePim;
  lab.append(Place::kA, Place::kA);
  const CommandEnd end = lab.run();
  bench.check_run(what, end, lab.keys_are([=](u32 token, u32, u32 column) {
    return product(token, column, format);
  }));
}

void check_linears(Bench& bench) {
  const u64 tables = align_up(bench.boot().kv_base, 64);
  u8* const memory = bench.machine().window<u8>(tables, kTablesBytes);
  if (!bench.check(memory != nullptr, "pim.memory has a window for tables")) return;
  fill_tables(memory);
  bench.machine().barrier();
  for (const Format format : kWeightFormats) {
    // The banks read one stream, and no scales beside the tables of bit-sharing formats.
    const bool scaled = streams_of(format).scales != abi::Grouping::kNone;
    const bool possible = !abi::is_bsfp(format) || (!abi::is_bsfp_full(format) && !scaled);
    if (possible) check_linear(bench, format, tables);
  }
}

}  // namespace

void check_pim(Bench& bench) {
  if (bench.boot().pim_base == 0) return bench.skip("pim: not there");
  write(bench, pim::CONTROL, pim::CONTROL_SOFT_RESET.put(1));
  Machine& machine = bench.machine();
  machine.write_pair(bench.boot().pim_base + pim::DRAM_BASE_LO, bench.boot().dram_base);
  write(bench, pim::CONTROL, pim::CONTROL_ENABLE.put(1));
  if (!multiplies(bench, Format::kFp16)) return bench.skip("pim: does not multiply fp16");
  if (!bench.check(fill_weights(bench), "pim.memory is seen by the processor")) return;
  check_gemv(bench);
  check_irq(bench);
  check_errors(bench);
  if (abi::npu::CAPABILITY_PIM_BOUND.get(bench.npu(abi::npu::CAPABILITY)) == 0) {
    return bench.skip("npu.linear in the banks: the NPU has no PIM");
  }
  check_linears(bench);
}

}  // namespace tandem::firmware
