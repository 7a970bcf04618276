// SPDX-License-Identifier: Apache-2.0
// The rules that the tables of the contract are held to, and tables that break them.
#include <catch2/catch.hpp>
#include <cstring>
#include <set>
#include <string>

#include "tandem/abi/tables.h"

using namespace tandem::abi;

namespace {

constexpr RegisterInfo kGood[] = {
    {"A", 0x00, 0, Access::kReadWrite, 1, 0, ""},
    {"B", 0x10, 0, Access::kReadWrite, 4, 8, ""},
    {"C", 0x14, 0, Access::kReadWrite, 4, 8, ""},
};
constexpr FieldInfo kGoodFields[] = {{"A", "X", 0, 4, ""}, {"A", "Y", 4, 28, ""}};

RegisterBlock block_of(const RegisterInfo* registers, std::size_t count,
                       const FieldInfo* fields = kGoodFields, std::size_t field_count = 2) {
  return {"test", "", 0x40, registers, count, fields, field_count};
}

bool well_formed_with(std::size_t index, RegisterInfo replacement) {
  RegisterInfo registers[] = {kGood[0], kGood[1], kGood[2]};
  registers[index] = replacement;
  return well_formed(block_of(registers, 3));
}

bool well_formed_with_field(FieldInfo replacement) {
  const FieldInfo fields[] = {kGoodFields[0], replacement};
  return well_formed(block_of(kGood, 3, fields, 2));
}

}  // namespace

TEST_CASE("a register block that keeps the rules is well formed") {
  CHECK(well_formed(block_of(kGood, 3)));
}

TEST_CASE("a register block that breaks a rule is not well formed") {
  const Access rw = Access::kReadWrite;
  CHECK_FALSE(well_formed_with(0, {"A", 0x02, 0, rw, 1, 0, ""}));  // not aligned
  CHECK_FALSE(well_formed_with(0, {"A", 0x00, 0, rw, 0, 0, ""}));  // no element
  CHECK_FALSE(well_formed_with(1, {"B", 0x10, 0, rw, 4, 2, ""}));  // elements overlap
  CHECK_FALSE(well_formed_with(1, {"B", 0x10, 0, rw, 4, 6, ""}));  // elements not aligned
  CHECK_FALSE(well_formed_with(2, {"C", 0x14, 0, rw, 7, 8, ""}));  // beyond the block
  CHECK_FALSE(well_formed_with(2, {"C", 0x40, 0, rw, 1, 0, ""}));  // beyond the block
  CHECK_FALSE(well_formed_with(2, {"C", 0x08, 0, rw, 1, 0, ""}));  // not ascending
  CHECK_FALSE(well_formed_with(1, {"B", 0x00, 0, rw, 1, 0, ""}));  // same offset
  CHECK_FALSE(well_formed_with(2, {"C", 0x20, 0, rw, 1, 0, ""}));  // in the middle of array B
  CHECK(well_formed_with(0, {"A", 0x00, 0, Access::kInstance, 1, 0, ""}));
  CHECK_FALSE(well_formed_with(0, {"A", 0x00, 1, Access::kInstance, 1, 0, ""}));  // a reset value
}

TEST_CASE("a field that breaks a rule makes the block ill formed") {
  CHECK(well_formed_with_field({"A", "Y", 4, 1, ""}));
  CHECK_FALSE(well_formed_with_field({"A", "Y", 3, 2, ""}));     // overlaps X
  CHECK_FALSE(well_formed_with_field({"A", "Y", 31, 2, ""}));    // beyond bit 31
  CHECK_FALSE(well_formed_with_field({"A", "Y", 8, 0, ""}));     // no bits
  CHECK_FALSE(well_formed_with_field({"NONE", "Y", 8, 1, ""}));  // no such register
}

TEST_CASE("a structure with padding is refused") {
  const MemberInfo tight[] = {{"u32", "a", 0, 4, 1, ""}, {"u8", "b", 4, 1, 4, ""}};
  CHECK(without_padding({"T", "", 8, tight, 2}));
  CHECK_FALSE(without_padding({"T", "", 12, tight, 2}));  // at the end
  const MemberInfo hole[] = {{"u8", "a", 0, 1, 1, ""}, {"u32", "b", 4, 4, 1, ""}};
  CHECK_FALSE(without_padding({"T", "", 8, hole, 2}));  // in the middle
  const MemberInfo overlap[] = {{"u32", "a", 0, 4, 1, ""}, {"u32", "b", 2, 4, 1, ""}};
  CHECK_FALSE(without_padding({"T", "", 6, overlap, 2}));
}

TEST_CASE("an enumeration with a value twice is refused") {
  const EnumeratorInfo once[] = {{"A", 0, ""}, {"B", 1, ""}};
  const EnumeratorInfo twice[] = {{"A", 1, ""}, {"B", 1, ""}};
  CHECK(distinct({"E", "", 1, once, 2}));
  CHECK_FALSE(distinct({"E", "", 1, twice, 2}));
}

TEST_CASE("values have names") {
  CHECK(std::strcmp(name_of(Status::kBadOperand), "BadOperand") == 0);
  CHECK(std::strcmp(name_of(Format::kBsfpIFull), "BsfpIFull") == 0);
  CHECK(std::strcmp(name_of(static_cast<Opcode>(200)), "?") == 0);
}

TEST_CASE("members that hold what they say have the size of it") {
  CHECK(sizeof(Record::tokens) == kRecordTokens * sizeof(u32));
  CHECK(sizeof(ParameterBlock::slots) == kMaxSlots * sizeof(Slot));
  CHECK(sizeof(BatchEntry::kv) == kKvSets * sizeof(KvSet));
  CHECK(sizeof(BatchEntry::stop_ids) == kMaxStopIds * sizeof(u32));
  CHECK(sizeof(Request::stop_ids) == kMaxStopIds * sizeof(u32));
  CHECK(sizeof(DraftBlock::tokens) == kMaxDraftNodes * sizeof(u32));
  CHECK(sizeof(VerifyResult::path) == kMaxDraftNodes);
  CHECK(sizeof(Primitive::predecessors) == kMaxPredecessors * sizeof(u16));
}

TEST_CASE("names are unique, so that generated files can use them") {
  std::set<std::string> names;
  for (const StructureInfo* info : kStructures) CHECK(names.insert(info->name).second);
  for (const EnumerationInfo* info : kEnumerations) CHECK(names.insert(info->name).second);
  for (const ConstantGroup* group : kConstantGroups) {
    for (std::size_t i = 0; i < group->constant_count; ++i) {
      CHECK(names.insert(group->constants[i].name).second);
    }
  }
  std::set<std::string> blocks;
  for (const RegisterBlock* block : kRegisterBlocks) CHECK(blocks.insert(block->name).second);
}

TEST_CASE("devices with the common registers have them at the same offsets") {
  CHECK(pim::CONTROL == npu::CONTROL);
  CHECK(pe_array::CONTROL == npu::CONTROL);
  CHECK(pim::IRQ_STATUS == npu::IRQ_STATUS);
  CHECK(pe_array::IRQ_STATUS == npu::IRQ_STATUS);
  CHECK(pim::ERROR_COUNT == npu::ERROR_COUNT);
  CHECK(pe_array::ERROR_COUNT == npu::ERROR_COUNT);
}
