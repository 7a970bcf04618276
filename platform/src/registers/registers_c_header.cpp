// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>

#include "contract_notes.h"
#include "contract_text.h"
#include "tandem/abi/tables.h"

namespace tandem::platform {

namespace {

const char* const kPrologue = R"(/* SPDX-License-Identifier: Apache-2.0
 * The hardware-software contract of Tandem for C99 and C++ drivers. Printed by
 * `tandem registers --format c-header`; do not edit. Everything is little endian. */
#ifndef TANDEM_REGISTERS_H
#define TANDEM_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

/* Fails to compile when `condition` is false. */
#if defined(__cplusplus)
#define TANDEM_CHECK(condition, name) static_assert(condition, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TANDEM_CHECK(condition, name) _Static_assert(condition, #name)
#else
#define TANDEM_CHECK(condition, name) typedef char name[(condition) ? 1 : -1]
#endif

/* A field of a register: TANDEM_GET(status, TANDEM_NPU_STATUS_BUSY). */
#define TANDEM_GET(word, field) (((word) & field##_MASK) >> field##_SHIFT)
#define TANDEM_PUT(value, field) (((uint32_t)(value) << field##_SHIFT) & field##_MASK)

/* Bytes of a page of the KV cache in the layouts TOKEN_MAJOR and ELEMENT_MAJOR. */
#define TANDEM_KV_PAGE_BYTES(layers, kv_heads, head_dim, page_tokens) \
  ((uint64_t)(layers) * 2u * (kv_heads) * (page_tokens) * (head_dim) * 2u)
)";

const char* const kEpilogue = "\n#endif\n";

bool is_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// "NormKind", but not "Mask", which is a word of the language as well.
bool is_camel_case(std::string_view word) {
  for (std::size_t i = 1; i < word.size(); ++i) {
    const auto c = static_cast<unsigned char>(word[i]);
    if (std::isupper(c) != 0 && std::islower(static_cast<unsigned char>(word[i - 1])) != 0) {
      return true;
    }
  }
  return false;
}

template <typename Infos>
bool names(const Infos& infos, std::string_view word) {
  return std::any_of(std::begin(infos), std::end(infos),
                     [&](const auto* info) { return word == info->name; });
}

// The name in this header of what the tables call so; the word itself if it names nothing.
std::string c_name(std::string_view word, bool certain) {
  const bool constant =
      word.size() > 1 && word[0] == 'k' && std::isupper(static_cast<unsigned char>(word[1])) != 0;
  if (constant) return "TANDEM_" + upper_snake(word.substr(1));
  if (!certain && !is_camel_case(word)) return std::string(word);
  if (names(abi::kEnumerations, word)) return "enum tandem_" + lower_snake(word);
  if (names(abi::kStructures, word)) return "tandem_" + lower_snake(word);
  return std::string(word);
}

// A meaning in the tables, with the names of this header.
std::string in_c(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_of_word(text[end])) ++end;
    if (end == i) {
      result += text[i++];
      continue;
    }
    const bool qualifies = text.substr(end, 2) == "::";
    const bool all = end - i == text.size();
    result += c_name(text.substr(i, end - i), qualifies || all);
    i = end;
    if (qualifies) {
      result += '.';
      i += 2;
    } else if (text.substr(i, 3) == "...") {
      result += '_';
    }
  }
  return result;
}

// The text of a comment may not end the comment.
std::string comment(std::string_view text) {
  std::string result;
  for (const char c : in_c(text)) {
    if (c == '/' && !result.empty() && result.back() == '*') result += ' ';
    result += c;
  }
  return result;
}

void print_define(std::ostream& out, const std::string& name, const std::string& value,
                  std::string_view meaning = {}) {
  out << "#define " << name << " " << value;
  if (!meaning.empty()) out << " /* " << comment(meaning) << " */";
  out << "\n";
}

std::string unsigned_literal(std::uint64_t value) {
  return hex(value) + (value > 0xFFFF'FFFF ? "ull" : "u");
}

void print_register(std::ostream& out, const std::string& prefix, const abi::RegisterBlock& block,
                    const abi::RegisterInfo& info) {
  const std::string name = prefix + info.name;
  const std::string meaning = std::string(short_name(info.access)) + ": " + info.meaning;
  if (info.count > 1) {
    print_define(
        out, name + "(i)",
        "(" + unsigned_literal(info.offset) + " + " + unsigned_literal(info.stride) + " * (i))",
        meaning);
    print_define(out, name + "_COUNT", std::to_string(info.count) + "u");
  } else {
    print_define(out, name, unsigned_literal(info.offset), meaning);
  }
  if (info.access != abi::Access::kInstance) {
    print_define(out, name + "_RESET", unsigned_literal(info.reset));
  }
  for_each_field(block, info, [&](const abi::FieldInfo& field) {
    const std::string field_name = name + "_" + field.name;
    const abi::Field bits{field.lsb, field.width};
    print_define(out, field_name + "_SHIFT", std::to_string(field.lsb) + "u", field.meaning);
    print_define(out, field_name + "_MASK", unsigned_literal(bits.mask()));
  });
}

void print_block(std::ostream& out, const abi::RegisterBlock& block) {
  const std::string prefix = "TANDEM_" + upper(block.name) + "_";
  out << "\n/* " << comment(block.meaning) << " */\n";
  print_define(out, prefix + "SIZE", unsigned_literal(block.size_bytes));
  for (std::size_t i = 0; i < block.register_count; ++i) {
    print_register(out, prefix, block, block.registers[i]);
  }
}

void print_enumeration(std::ostream& out, const abi::EnumerationInfo& info) {
  out << "\n/* " << comment(info.meaning) << " */\nenum tandem_" << lower_snake(info.name)
      << " {\n";
  const std::string prefix = "TANDEM_" + upper_snake(info.name) + "_";
  for (std::size_t i = 0; i < info.enumerator_count; ++i) {
    const abi::EnumeratorInfo& enumerator = info.enumerators[i];
    out << "  " << prefix << upper_snake(enumerator.name) << " = " << enumerator.value
        << (i + 1 < info.enumerator_count ? "," : "") << " /* " << comment(enumerator.meaning)
        << " */\n";
  }
  out << "};\n";
}

void print_constants(std::ostream& out, const abi::ConstantGroup& group) {
  out << "\n/* " << comment(group.meaning) << " */\n";
  for (std::size_t i = 0; i < group.constant_count; ++i) {
    const abi::ConstantInfo& constant = group.constants[i];
    print_define(out, "TANDEM_" + upper_snake(constant.name), unsigned_literal(constant.value),
                 constant.meaning);
  }
}

void print_notes(std::ostream& out) {
  for (const ContractNote& note : contract_notes()) {
    out << "\n/* " << note.title << "\n * ";
    for (const char c : comment(note.text)) {
      out << c;
      if (c == '\n') out << " * ";
    }
    out << " */\n";
  }
}

std::string c_type(std::string_view type) {
  if (type == "u8") return "uint8_t";
  if (type == "u16") return "uint16_t";
  if (type == "u32") return "uint32_t";
  if (type == "u64") return "uint64_t";
  return "tandem_" + lower_snake(type);
}

void print_structure(std::ostream& out, const abi::StructureInfo& info) {
  const std::string name = "tandem_" + lower_snake(info.name);
  out << "\n/* " << comment(info.meaning) << " */\ntypedef struct " << name << " {\n";
  for (std::size_t i = 0; i < info.member_count; ++i) {
    const abi::MemberInfo& member = info.members[i];
    out << "  " << c_type(member.type) << " " << member.name;
    if (member.count > 1) out << "[" << member.count << "]";
    out << ";";
    if (*member.meaning != 0) out << " /* " << comment(member.meaning) << " */";
    out << "\n";
  }
  out << "} " << name << ";\n";
  out << "TANDEM_CHECK(sizeof(" << name << ") == " << info.size_bytes << ", " << name
      << "_size);\n";
  for (std::size_t i = 0; i < info.member_count; ++i) {
    const abi::MemberInfo& member = info.members[i];
    out << "TANDEM_CHECK(offsetof(" << name << ", " << member.name << ") == " << member.offset
        << ", " << name << "_" << member.name << "_offset);\n";
  }
}

}  // namespace

std::string render_c_header() {
  std::ostringstream out;
  out << kPrologue;
  print_notes(out);
  out << "\n/* Registers: 32 bits wide, one aligned word per access. */\n";
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) print_block(out, *block);
  for (const abi::ConstantGroup* group : abi::kConstantGroups) print_constants(out, *group);
  for (const abi::EnumerationInfo* info : abi::kEnumerations) print_enumeration(out, *info);
  for (const abi::StructureInfo* info : abi::kStructures) print_structure(out, *info);
  out << kEpilogue;
  return out.str();
}

}  // namespace tandem::platform
