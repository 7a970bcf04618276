// SPDX-License-Identifier: Apache-2.0
#include "register_names.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "tandem/abi/tables.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/units.h"
#include "text.h"

namespace tandem::platform {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(trimmed(part));
  return parts;
}

template <typename Visit>
void for_each_register(Visit visit) {
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) {
    for (std::size_t i = 0; i < block->register_count; ++i) {
      const abi::RegisterInfo& info = block->registers[i];
      for (std::uint32_t index = 0; index < info.count; ++index) {
        std::string name = std::string(block->name) + "." + info.name;
        if (info.count > 1) name += "[" + std::to_string(index) + "]";
        visit(NamedRegister{block, &info, info.offset + index * info.stride, std::move(name)});
      }
    }
  }
}

// `pattern` and `name` in lower case.
bool means(const std::string& pattern, const std::string& name) {
  if (!pattern.empty() && pattern.back() == '*') {
    return name.rfind(pattern.substr(0, pattern.size() - 1), 0) == 0;
  }
  const bool block = name.rfind(pattern + ".", 0) == 0;
  const bool array = name.rfind(pattern + "[", 0) == 0;
  return name == pattern || block || array;
}

std::string nearest_register(const std::string& pattern) {
  std::vector<std::string> names;
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) {
    names.emplace_back(block->name);
    for (std::size_t i = 0; i < block->register_count; ++i) {
      names.push_back(std::string(block->name) + "." + lower(block->registers[i].name));
    }
  }
  std::string near = nearest(pattern, names);
  const std::size_t dot = near.find('.');
  if (dot == std::string::npos) return near;
  std::string spelled = near.substr(0, dot + 1);
  for (const char c : near.substr(dot + 1)) {
    spelled += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return spelled;
}

const char* access_text(abi::Access access) {
  switch (access) {
    case abi::Access::kReadOnly:
      return "read-only";
    case abi::Access::kInstance:
      return "read-only, the instance's";
    case abi::Access::kReadWrite:
      return "read and write";
    case abi::Access::kWriteOnly:
      return "write-only";
    case abi::Access::kWriteOneToClear:
      return "write 1 to clear";
  }
  return "?";
}

void describe(std::ostream& out, const NamedRegister& named) {
  const abi::RegisterInfo& info = *named.info;
  out << named.block->name << '.' << info.name;
  if (info.count > 1) out << '[' << info.count << ']';
  out << "  at " << hexadecimal(info.offset);
  if (info.count > 1) out << " + " << hexadecimal(info.stride) << " i";
  out << ", " << access_text(info.access);
  if (info.access != abi::Access::kInstance) out << ", reset " << hexadecimal(info.reset);
  out << "\n  " << info.meaning << '\n';
  for (std::size_t i = 0; i < named.block->field_count; ++i) {
    const abi::FieldInfo& field = named.block->fields[i];
    if (std::string_view(field.register_name) != info.name) continue;
    const unsigned last = field.lsb + field.width - 1u;
    out << "  [" << last;
    if (field.width > 1) out << ':' << unsigned{field.lsb};
    out << "] " << field.name << ": " << field.meaning << '\n';
  }
}

RegisterView parse_view(const std::string& text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos) {
    throw UserError("expected NAMES@TIME such as 'npu.STATUS@10us', got '" + printable(text) + "'");
  }
  RegisterView view;
  try {
    view.at_ps = parse_quantity(trimmed(text.substr(at + 1)), Quantity::kTime);
  } catch (const UnitError& error) {
    throw UserError("'" + printable(text) + "': " + error.what());
  }
  for (const std::string& pattern : split(text.substr(0, at), ',')) {
    for (NamedRegister& named : find_registers(pattern)) view.registers.push_back(std::move(named));
  }
  if (view.registers.empty()) throw UserError("'" + printable(text) + "' names no register");
  return view;
}

}  // namespace

std::vector<NamedRegister> find_registers(const std::string& pattern) {
  const std::string wanted = lower(pattern);
  std::vector<NamedRegister> found;
  for_each_register([&](NamedRegister named) {
    if (!wanted.empty() && means(wanted, lower(named.name))) found.push_back(std::move(named));
  });
  if (!found.empty()) return found;
  const std::string near = nearest_register(wanted);
  throw UserError(
      "unknown register '" + printable(pattern) + "'",
      near.empty() ? "'tandem registers' prints them all" : "did you mean '" + near + "'?");
}

std::string describe_registers(const std::string& pattern) {
  std::ostringstream out;
  const abi::RegisterInfo* last = nullptr;
  for (const NamedRegister& named : find_registers(pattern)) {
    if (named.info != last) describe(out, named);
    last = named.info;
  }
  return out.str();
}

std::vector<RegisterView> parse_register_views(const std::string& text) {
  std::vector<RegisterView> views;
  for (const std::string& part : split(text, ';')) {
    if (!part.empty()) views.push_back(parse_view(part));
  }
  std::stable_sort(views.begin(), views.end(),
                   [](const RegisterView& a, const RegisterView& b) { return a.at_ps < b.at_ps; });
  return views;
}

}  // namespace tandem::platform
