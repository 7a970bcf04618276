// SPDX-License-Identifier: Apache-2.0
// What a driver can do wrong: each fault ends its command with one status, and nothing else.
#include "apps/bringup_lab.h"

namespace tandem::firmware {

using abi::Command;
using abi::Opcode;
using abi::Primitive;
using abi::PrimitiveOp;
using abi::Status;

namespace {

constexpr u64 kNowhere = 0xF000'0000'0000'0000;

Command nop() {
  return {};
}

// A program that works, spoilt by `spoil`, which gets the lab and its LINEAR.
template <typename Spoil>
void expect_program(Bench& bench, const char* what, Status status, Spoil spoil) {
  Lab lab(bench, 1);
  lab.gather(Table::kSuccessor, Place::kB);
  Primitive& linear = lab.linear(abi::Format::kFp16, Place::kB, Place::kA);
  spoil(lab, linear);
  bench.expect(what, lab.command(), status);
}

// The same, spoilt in the command.
template <typename Spoil>
void expect_command(Bench& bench, const char* what, Status status, Spoil spoil) {
  Lab lab(bench, 1);
  lab.gather(Table::kSuccessor, Place::kB);
  Command command = lab.command();
  spoil(lab, command);
  bench.expect(what, command, status);
}

}  // namespace

void check_command_errors(Bench& bench) {
  Command command = nop();
  command.opcode = 200;
  bench.expect("error.opcode 200", command, Status::kBadOpcode);
  bench.submit_as(nop(), 0, abi::kAbiVersion + 1);
  bench.expect_end("error.abi_version + 1", bench.finish(), Status::kBadVersion);
  command = nop();
  command.flags = 0x80;
  bench.expect("error.unknown flag", command, Status::kBadFlags);
  command = nop();
  command.context = 15;
  bench.expect("error.context 15", command, Status::kBadContext);
  command = nop();
  command.flags = abi::kCommandSignal;
  command.semaphore_address = bench.state().data + 2;
  bench.expect("error.semaphore not aligned", command, Status::kBadParameter);
  command = nop();
  command.opcode = static_cast<u8>(Opcode::kCopy);
  command.wait_value = 64;
  command.parameter_block = kNowhere;
  command.result_block = bench.state().data;
  bench.expect("error.copy from nowhere", command, Status::kBusError);
  command.parameter_block = bench.state().data;
  command.result_block = kNowhere;
  bench.expect("error.copy to nowhere", command, Status::kBusError);

  expect_command(bench, "error.program not aligned", Status::kBadProgram,
                 [](Lab&, Command& spoilt) { spoilt.program += 4; });
  expect_command(bench, "error.program empty", Status::kBadProgram,
                 [](Lab&, Command& spoilt) { spoilt.primitive_count = 0; });
  expect_command(bench, "error.program nowhere", Status::kBusError,
                 [](Lab&, Command& spoilt) { spoilt.program = kNowhere; });
  expect_command(bench, "error.batch empty", Status::kBadBatch,
                 [](Lab&, Command& spoilt) { spoilt.batch_count = 0; });
  expect_command(bench, "error.batch table nowhere", Status::kBusError,
                 [](Lab&, Command& spoilt) { spoilt.batch_table = kNowhere; });
  expect_command(bench, "error.parameter block nowhere", Status::kBusError,
                 [](Lab&, Command& spoilt) { spoilt.parameter_block = kNowhere; });
  expect_command(bench, "error.draft without sample", Status::kBadProgram,
                 [](Lab& lab, Command& spoilt) { spoilt = lab.command(Opcode::kDraft); });
  expect_command(bench, "error.max_draft 17", Status::kBadParameter, [](Lab& lab, Command& spoilt) {
    lab.parameters().max_draft = abi::kMaxDraft + 1;
    spoilt = lab.command(Opcode::kDraft);
  });
}

void check_program_errors(Bench& bench) {
  expect_program(bench, "error.none", Status::kOk, [](Lab&, Primitive&) {});
  expect_program(bench, "error.unknown primitive", Status::kBadProgram,
                 [](Lab&, Primitive& spoilt) { spoilt.op = abi::kPrimitiveOps; });
  expect_program(bench, "error.predecessor not lower", Status::kBadProgram,
                 [](Lab&, Primitive& spoilt) { spoilt.predecessors[0] = 1; });
  expect_program(bench, "error.unknown kind of norm", Status::kUnsupported,
                 [](Lab&, Primitive& spoilt) {
                   spoilt.op = static_cast<u8>(PrimitiveOp::kNorm);
                   spoilt.kind = 9;
                 });
  expect_program(
      bench, "error.dispatch is not implemented", Status::kNoEngine,
      [](Lab&, Primitive& spoilt) { spoilt.op = static_cast<u8>(PrimitiveOp::kDispatch); });
  expect_program(bench, "error.topk is not implemented", Status::kNoEngine,
                 [](Lab&, Primitive& spoilt) { spoilt.op = static_cast<u8>(PrimitiveOp::kTopk); });
  expect_program(bench, "error.route where tensors are computed", Status::kUnsupported,
                 [](Lab&, Primitive& spoilt) {
                   spoilt.op = static_cast<u8>(PrimitiveOp::kRoute);
                   spoilt.top_k = 1;
                   spoilt.index_slot = 0;
                 });
  expect_program(bench, "error.experts where tensors are computed", Status::kUnsupported,
                 [](Lab&, Primitive& spoilt) {
                   spoilt.groups = 2;
                   spoilt.top_k = 1;
                   spoilt.index_slot = 0;
                 });
  expect_program(bench, "error.combine where tensors are computed", Status::kUnsupported,
                 [](Lab&, Primitive& spoilt) {
                   spoilt.op = static_cast<u8>(PrimitiveOp::kCombine);
                   spoilt.top_k = 1;
                 });
  expect_program(bench, "error.no engine in the mask", Status::kNoEngine,
                 [](Lab&, Primitive& spoilt) { spoilt.engine_mask = 0; });
  expect_program(bench, "error.slot not bound", Status::kBadOperand,
                 [](Lab&, Primitive& spoilt) { spoilt.input.slot = Lab::kUnbound; });
  expect_program(bench, "error.slot out of its bounds", Status::kBadOperand,
                 [](Lab& lab, Primitive&) { lab.parameters().slots[Lab::kActivations].bytes = 8; });
  expect_program(bench, "error.operand beyond its slot", Status::kBadOperand,
                 [](Lab&, Primitive& spoilt) { spoilt.output.offset = u64{1} << 40; });
  expect_program(
      bench, "error.output in a read-only slot", Status::kBadOperand,
      [](Lab& lab, Primitive&) { lab.parameters().slots[Lab::kActivations].writable = 0; });
  expect_program(bench, "error.operand not aligned", Status::kBadOperand,
                 [](Lab&, Primitive& spoilt) { spoilt.input.offset += 1; });
  expect_program(
      bench, "error.format of an activation", Status::kBadOperand,
      [](Lab&, Primitive& spoilt) { spoilt.input.format = static_cast<u8>(abi::Format::kInt8); });
  expect_program(bench, "error.format of weights", Status::kBadOperand,
                 [](Lab&, Primitive& spoilt) { spoilt.weight.format = 99; });
  expect_program(bench, "error.matrix of no columns", Status::kBadOperand,
                 [](Lab&, Primitive& spoilt) { spoilt.n = 0; });
  expect_program(bench, "error.weights nowhere", Status::kBusError, [](Lab& lab, Primitive&) {
    lab.parameters().slots[Lab::kTables].base = kNowhere;
  });
}

void check_batch_errors(Bench& bench) {
  expect_program(bench, "error.no pending tokens", Status::kBadBatch,
                 [](Lab& lab, Primitive&) { lab.entry().pending_count = 0; });
  expect_program(bench, "error.five stop ids", Status::kBadBatch,
                 [](Lab& lab, Primitive&) { lab.entry().stop_count = abi::kMaxStopIds + 1; });
  expect_program(bench, "error.token beyond the table", Status::kBadBatch,
                 [](Lab& lab, Primitive&) { lab.tokens()[0] = kLabRows; });
  expect_program(bench, "error.a drafted tree", Status::kUnsupported, [](Lab& lab, Primitive&) {
    lab.entry().topology = static_cast<u32>(abi::Topology::kTree);
  });
  expect_program(bench, "error.33 slots", Status::kBadParameter,
                 [](Lab& lab, Primitive&) { lab.parameters().slot_count = abi::kMaxSlots + 1; });
  expect_program(bench, "error.unknown sampling", Status::kBadParameter,
                 [](Lab& lab, Primitive&) { lab.parameters().sampling = 9; });
  expect_program(bench, "error.page of 8 tokens", Status::kBadBatch, [](Lab& lab, Primitive&) {
    lab.append(Place::kA, Place::kA);
    lab.entry().kv[0].page_tokens = 8;
  });
  expect_program(bench, "error.page nowhere", Status::kBusError, [](Lab& lab, Primitive&) {
    lab.append(Place::kA, Place::kA);
    lab.entry().kv[0].page_table = kNowhere;
  });
  expect_program(bench, "error.more tokens than pages", Status::kBadBatch,
                 [](Lab& lab, Primitive&) {
                   lab.append(Place::kA, Place::kA);
                   lab.entry().kv[0].committed_length = kLabRows;
                 });
  Lab lab(bench, 1);
  lab.entry().remaining_tokens = 1;
  lab.gather(Table::kNotNumbers, Place::kA);
  lab.add(PrimitiveOp::kAccept).input = lab.activation(Place::kA);
  bench.expect("error.logits are no numbers", lab.command(), Status::kNotANumber);
}

}  // namespace tandem::firmware
