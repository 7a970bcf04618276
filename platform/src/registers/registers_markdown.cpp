// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "contract_notes.h"
#include "contract_text.h"
#include "tandem/abi/tables.h"

namespace tandem::platform {

namespace {

// A table cell may not contain the column separator.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string bits(const abi::FieldInfo& field) {
  if (field.width == 1) return std::to_string(field.lsb);
  return std::to_string(field.lsb + field.width - 1) + ":" + std::to_string(field.lsb);
}

void print_registers(std::ostream& out, const abi::RegisterBlock& block) {
  out << "| offset | register | access | reset | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (std::size_t i = 0; i < block.register_count; ++i) {
    const abi::RegisterInfo& info = block.registers[i];
    out << "| " << hex(info.offset, 3);
    if (info.count > 1) out << " + " << hex(info.stride) << " i";
    out << " | " << info.name;
    if (info.count > 1) out << "[" << info.count << "]";
    out << " | " << short_name(info.access) << " | "
        << (info.access == abi::Access::kInstance ? "instance" : hex(info.reset)) << " | "
        << cell(info.meaning) << " |\n";
  }
}

void print_fields(std::ostream& out, const abi::RegisterBlock& block) {
  if (block.field_count == 0) return;
  out << "\n| field | bits | meaning |\n| --- | --- | --- |\n";
  for (std::size_t i = 0; i < block.register_count; ++i) {
    for_each_field(block, block.registers[i], [&](const abi::FieldInfo& field) {
      out << "| " << field.register_name << "." << field.name << " | " << bits(field) << " | "
          << cell(field.meaning) << " |\n";
    });
  }
}

void print_structure(std::ostream& out, const abi::StructureInfo& info) {
  out << "\n### " << info.name << "\n\n"
      << info.meaning << "; " << info.size_bytes << " bytes.\n\n";
  out << "| offset | type | member | meaning |\n| --- | --- | --- | --- |\n";
  for (std::size_t i = 0; i < info.member_count; ++i) {
    const abi::MemberInfo& member = info.members[i];
    out << "| " << member.offset << " | " << member.type << " | " << member.name;
    if (member.count > 1) out << "[" << member.count << "]";
    out << " | " << cell(member.meaning) << " |\n";
  }
}

void print_enumeration(std::ostream& out, const abi::EnumerationInfo& info) {
  out << "\n### " << info.name << "\n\n" << info.meaning << ".\n\n";
  out << "| value | name | meaning |\n| --- | --- | --- |\n";
  for (std::size_t i = 0; i < info.enumerator_count; ++i) {
    const abi::EnumeratorInfo& enumerator = info.enumerators[i];
    out << "| " << enumerator.value << " | " << upper_snake(enumerator.name) << " | "
        << cell(enumerator.meaning) << " |\n";
  }
}

void print_constants(std::ostream& out, const abi::ConstantGroup& group) {
  out << "\n### " << group.meaning << "\n\n| value | name | meaning |\n| --- | --- | --- |\n";
  for (std::size_t i = 0; i < group.constant_count; ++i) {
    const abi::ConstantInfo& constant = group.constants[i];
    out << "| " << hex(constant.value) << " | " << upper_snake(constant.name) << " | "
        << cell(constant.meaning) << " |\n";
  }
}

}  // namespace

std::string render_markdown() {
  std::ostringstream out;
  out << "# The hardware-software contract\n\n"
         "Printed by `tandem registers --format markdown` from the tables of `modules/abi`; do not "
         "edit.\n\n"
         "Registers are 32 bits wide and are accessed as one aligned word. RO: a write is answered "
         "with an error. WO: reads as zero. W1C: writing a 1 clears the bit. Reset "
         "'instance': the value is that of the built device. Everything in memory "
         "is little endian, naturally aligned and without padding.\n\n## Use\n";
  for (const ContractNote& note : contract_notes()) {
    out << "\n### " << note.title << "\n\n```text\n" << note.text << "\n```\n";
  }
  out << "\n## Registers\n";
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) {
    out << "\n### " << upper(block->name) << "\n\n"
        << block->meaning << "; " << hex(block->size_bytes) << " bytes.\n\n";
    print_registers(out, *block);
    print_fields(out, *block);
  }
  out << "\n## Structures in memory\n";
  for (const abi::StructureInfo* info : abi::kStructures) print_structure(out, *info);
  out << "\n## Enumerations\n";
  for (const abi::EnumerationInfo* info : abi::kEnumerations) print_enumeration(out, *info);
  out << "\n## Constants\n";
  for (const abi::ConstantGroup* group : abi::kConstantGroups) print_constants(out, *group);
  return out.str();
}

}  // namespace tandem::platform
