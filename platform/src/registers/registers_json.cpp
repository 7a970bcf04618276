// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "contract_text.h"
#include "tandem/abi/tables.h"

namespace tandem::platform {

namespace {

using Json = nlohmann::ordered_json;

Json reset_of(const abi::RegisterInfo& info) {
  if (info.access == abi::Access::kInstance) return "instance";
  return info.reset;
}

Json describe(const abi::RegisterBlock& block) {
  Json registers = Json::array();
  for (std::size_t i = 0; i < block.register_count; ++i) {
    const abi::RegisterInfo& info = block.registers[i];
    Json fields = Json::array();
    for_each_field(block, info, [&](const abi::FieldInfo& field) {
      fields.push_back({{"name", field.name},
                        {"lsb", field.lsb},
                        {"width", field.width},
                        {"meaning", field.meaning}});
    });
    registers.push_back({{"name", info.name},
                         {"offset", info.offset},
                         {"reset", reset_of(info)},
                         {"access", short_name(info.access)},
                         {"count", info.count},
                         {"stride", info.stride},
                         {"meaning", info.meaning},
                         {"fields", std::move(fields)}});
  }
  return {{"name", block.name},
          {"meaning", block.meaning},
          {"size_bytes", block.size_bytes},
          {"registers", std::move(registers)}};
}

Json describe(const abi::StructureInfo& info) {
  Json members = Json::array();
  for (std::size_t i = 0; i < info.member_count; ++i) {
    const abi::MemberInfo& member = info.members[i];
    members.push_back({{"name", member.name},
                       {"type", member.type},
                       {"offset", member.offset},
                       {"element_bytes", member.element_bytes},
                       {"count", member.count},
                       {"meaning", member.meaning}});
  }
  return {{"name", info.name},
          {"meaning", info.meaning},
          {"size_bytes", info.size_bytes},
          {"members", std::move(members)}};
}

template <typename Item>
Json describe_values(const Item* items, std::size_t count) {
  Json values = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back({{"name", upper_snake(items[i].name)},
                      {"value", items[i].value},
                      {"meaning", items[i].meaning}});
  }
  return values;
}

}  // namespace

std::string render_json() {
  Json root;
  root["abi_version"] = abi::kAbiVersion;
  for (const abi::RegisterBlock* block : abi::kRegisterBlocks) {
    root["registers"].push_back(describe(*block));
  }
  for (const abi::StructureInfo* info : abi::kStructures) {
    root["structures"].push_back(describe(*info));
  }
  for (const abi::EnumerationInfo* info : abi::kEnumerations) {
    root["enumerations"].push_back(
        {{"name", info->name},
         {"meaning", info->meaning},
         {"value_bytes", info->value_bytes},
         {"values", describe_values(info->enumerators, info->enumerator_count)}});
  }
  for (const abi::ConstantGroup* group : abi::kConstantGroups) {
    root["constants"].push_back(
        {{"name", group->name},
         {"meaning", group->meaning},
         {"values", describe_values(group->constants, group->constant_count)}});
  }
  return root.dump(2) + "\n";
}

}  // namespace tandem::platform
