// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tandem/abi/tables.h"
#include "tandem/platform/registers.h"

using tandem::platform::render_registers;
namespace abi = tandem::abi;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

std::size_t register_lines() {
  std::size_t lines = 0;
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) lines += block->register_count;
  return lines;
}

std::size_t field_lines() {
  std::size_t lines = 0;
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) lines += block->field_count;
  return lines;
}

}  // namespace

TEST_CASE("an unknown format is refused by name") {
  CHECK_THROWS_WITH(render_registers("pdf"),
                    "unknown format 'pdf'; expected markdown, c-header, svd or json");
}

TEST_CASE("the markdown chapter has a row for every register, with its properties") {
  const std::string text = render_registers("markdown");
  CHECK(contains(text, "| 0x010 | CONTROL | RW | 0x0 | Device control |\n"));
  CHECK(contains(text, "| 0x110 + 0x40 i | SQ_TAIL[8] | RW | 0x0 | Doorbell"));
  CHECK(contains(text, "| 0x044 | BANKS | RO | instance |"));
  CHECK(contains(text, "| VERSION.MAJOR | 31:16 | Incompatible changes |"));
  CHECK(contains(text, "| CONTROL.ENABLE | 0 | 1: the device takes work |"));
  CHECK(contains(text, "| 6 | BAD_OPERAND | Slot unbound"));
  CHECK(contains(text, "| 9 | BSFP_E_FULL |"));
  std::size_t rows = 0;
  for (const char* access : {" | RO | ", " | RW | ", " | WO | ", " | W1C | "}) {
    rows += count(text, access);
  }
  CHECK(rows == register_lines());
}

TEST_CASE("the SVD file has every register and field") {
  const std::string text = render_registers("svd");
  CHECK(count(text, "<register>") == register_lines());
  CHECK(count(text, "</register>") == register_lines());
  CHECK(count(text, "<field>") == field_lines());
  CHECK(count(text, "<peripheral>") == std::size(abi::kRegisterBlocks));
  CHECK(contains(text, "<baseAddress>0x2100000</baseAddress>"));
  CHECK(contains(text,
                 "<dim>8</dim>\n          <dimIncrement>0x40</dimIncrement>\n"
                 "          <name>SQ_TAIL[%s]</name>"));
  CHECK(contains(text, "<modifiedWriteValues>oneToClear</modifiedWriteValues>"));
}

TEST_CASE("a value that only the instance knows is not printed as a reset value") {
  std::size_t lines = 0;
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) {
    for (std::size_t i = 0; i < block->register_count; ++i) {
      lines += block->registers[i].access == abi::Access::kInstance;
    }
  }
  REQUIRE(lines == 26);
  CHECK(count(render_registers("markdown"), " | RO | instance | ") == lines);
  CHECK(count(render_registers("json"), "\"reset\": \"instance\"") == lines);
  CHECK(count(render_registers("svd"), "<resetMask>0x0</resetMask>") == lines);
  const std::string header = render_registers("c-header");
  CHECK_FALSE(contains(header, "TANDEM_PIM_BANKS_RESET"));
  CHECK_FALSE(contains(header, "TANDEM_NPU_CAPABILITY_RESET"));
  CHECK(contains(header, "TANDEM_UART_STATUS_RESET 0x2u"));
}

TEST_CASE("the SVD file says which device has no place in the default platform") {
  CHECK(count(render_registers("svd"), "no default platform maps it") == 1);
}

TEST_CASE("the JSON file says what the tables say") {
  const auto root = nlohmann::json::parse(render_registers("json"));
  REQUIRE(root["registers"].size() == std::size(abi::kRegisterBlocks));
  for (std::size_t i = 0; i < std::size(abi::kRegisterBlocks); ++i) {
    const abi::RegisterBlock& block = *abi::kRegisterBlocks[i];
    REQUIRE(root["registers"][i]["registers"].size() == block.register_count);
    for (std::size_t j = 0; j < block.register_count; ++j) {
      const auto& entry = root["registers"][i]["registers"][j];
      CHECK(entry["name"] == block.registers[j].name);
      CHECK(entry["offset"] == block.registers[j].offset);
      if (block.registers[j].access == abi::Access::kInstance) {
        CHECK(entry["reset"] == "instance");
      } else {
        CHECK(entry["reset"] == block.registers[j].reset);
      }
    }
  }
  REQUIRE(root["structures"].size() == std::size(abi::kStructures));
  CHECK(root["enumerations"].size() == std::size(abi::kEnumerations));
  CHECK(root["constants"].size() == std::size(abi::kConstantGroups));
  const auto& command = root["structures"][0];
  CHECK(command["name"] == "Command");
  CHECK(command["size_bytes"] == 64);
  CHECK(command["members"][3]["name"] == "context");
  CHECK(command["members"][3]["offset"] == 3);
}

TEST_CASE("printing twice gives the same bytes") {
  for (const char* format : {"markdown", "c-header", "svd", "json"}) {
    std::ostringstream out;
    CHECK(tandem::platform::run_registers(format, out) == 0);
    CHECK(out.str() == render_registers(format));
  }
}

TEST_CASE("the notes of the contract are in the chapter and in the C header") {
  for (const char* format : {"markdown", "c-header"}) {
    const std::string text = render_registers(format);
    CHECK(contains(text, "Operands of primitives"));
    CHECK(contains(text, "K [kv_head][token][head_dim]"));
  }
}
