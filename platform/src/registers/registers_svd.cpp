// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "contract_text.h"
#include "tandem/abi/tables.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

namespace {

// Where the platform maps the blocks unless a scenario says otherwise; 0: it does not. The PE array
// as a device of its own is not part of that platform.
std::uint64_t default_base(std::string_view block) {
  const AddressMap map;
  if (block == "intc") return map.interrupt_controller;
  if (block == "timer") return map.timer;
  if (block == "uart") return map.uart;
  if (block == "mailbox") return map.mailbox;
  if (block == "syscon") return map.system_control;
  if (block == "npu") return map.npu;
  if (block == "pim") return map.pim;
  return 0;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

void print_element(std::ostream& out, unsigned depth, const char* name, std::string_view value) {
  out << std::string(std::size_t{2} * depth, ' ') << "<" << name << ">" << escaped(value) << "</"
      << name << ">\n";
}

const char* access_name(abi::Access access) {
  switch (access) {
    case abi::Access::kReadOnly:
    case abi::Access::kInstance:
      return "read-only";
    case abi::Access::kWriteOnly:
      return "write-only";
    default:
      return "read-write";
  }
}

void print_fields(std::ostream& out, const abi::RegisterBlock& block,
                  const abi::RegisterInfo& info) {
  bool open = false;
  for_each_field(block, info, [&](const abi::FieldInfo& field) {
    if (!open) out << "          <fields>\n";
    open = true;
    out << "            <field>\n";
    print_element(out, 7, "name", field.name);
    print_element(out, 7, "description", field.meaning);
    print_element(out, 7, "bitOffset", std::to_string(field.lsb));
    print_element(out, 7, "bitWidth", std::to_string(field.width));
    out << "            </field>\n";
  });
  if (open) out << "          </fields>\n";
}

void print_register(std::ostream& out, const abi::RegisterBlock& block,
                    const abi::RegisterInfo& info) {
  out << "        <register>\n";
  if (info.count > 1) {
    print_element(out, 5, "dim", std::to_string(info.count));
    print_element(out, 5, "dimIncrement", hex(info.stride));
  }
  print_element(out, 5, "name", std::string(info.name) + (info.count > 1 ? "[%s]" : ""));
  print_element(out, 5, "description", info.meaning);
  print_element(out, 5, "addressOffset", hex(info.offset));
  print_element(out, 5, "access", access_name(info.access));
  print_element(out, 5, "resetValue", hex(info.reset));
  if (info.access == abi::Access::kInstance) print_element(out, 5, "resetMask", "0x0");
  if (info.access == abi::Access::kWriteOneToClear) {
    print_element(out, 5, "modifiedWriteValues", "oneToClear");
  }
  print_fields(out, block, info);
  out << "        </register>\n";
}

void print_peripheral(std::ostream& out, const abi::RegisterBlock& block) {
  out << "    <peripheral>\n";
  print_element(out, 3, "name", upper(block.name));
  const std::uint64_t base = default_base(block.name);
  const char* unmapped = base == 0 ? "; no default platform maps it: offsets only" : "";
  print_element(out, 3, "description", std::string(block.meaning) + unmapped);
  print_element(out, 3, "baseAddress", hex(base));
  out << "      <addressBlock>\n";
  print_element(out, 4, "offset", "0");
  print_element(out, 4, "size", hex(block.size_bytes));
  print_element(out, 4, "usage", "registers");
  out << "      </addressBlock>\n      <registers>\n";
  for (std::size_t i = 0; i < block.register_count; ++i) {
    print_register(out, block, block.registers[i]);
  }
  out << "      </registers>\n    </peripheral>\n";
}

}  // namespace

std::string render_svd() {
  std::ostringstream out;
  out << "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
         "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
         "<device schemaVersion=\"1.3\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema-instance\" "
         "xs:noNamespaceSchemaLocation=\"CMSIS-SVD.xsd\">\n";
  print_element(out, 1, "name", "Tandem");
  print_element(out, 1, "version", std::to_string(abi::kAbiVersion) + ".0");
  print_element(
      out, 1, "description",
      "Accelerator that decodes speculatively; base addresses are the platform's defaults");
  print_element(out, 1, "addressUnitBits", "8");
  print_element(out, 1, "width", "32");
  print_element(out, 1, "size", "32");
  print_element(out, 1, "resetMask", "0xffffffff");
  out << "  <peripherals>\n";
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) print_peripheral(out, *block);
  out << "  </peripherals>\n</device>\n";
  return out.str();
}

}  // namespace tandem::platform
