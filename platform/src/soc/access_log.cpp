// SPDX-License-Identifier: Apache-2.0
#include "access_log.h"

#include <algorithm>
#include <cstdio>

#include "cpu_choice.h"
#include "soc_config.h"
#include "tandem/abi/tables.h"
#include "tandem/common/register_bank.h"
#include "tandem/platform/names.h"
#include "text.h"

namespace tandem::platform {
namespace {

const abi::RegisterBlock* block_of(LogModule module) {
  switch (module) {
    case LogModule::kNpu:
      return &abi::npu::kBlock;
    case LogModule::kPim:
      return &abi::pim::kBlock;
    case LogModule::kIntc:
      return &abi::intc::kBlock;
    case LogModule::kTimer:
      return &abi::timer::kBlock;
    case LogModule::kUart:
      return &abi::uart::kBlock;
    case LogModule::kMailbox:
      return &abi::mailbox::kBlock;
    case LogModule::kSyscon:
      return &abi::syscon::kBlock;
    default:
      return nullptr;
  }
}

std::uint32_t word_of(const common::Payload& payload) {
  std::uint32_t value = 0;
  const unsigned char* const data = payload.get_data_ptr();
  for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{data[i]} << (8 * i);
  return value;
}

std::string time_text(std::uint64_t time_ps) {
  char text[40];
  std::snprintf(text, sizeof text, "%14llu.%03u ns  ",
                static_cast<unsigned long long>(time_ps / 1000),
                static_cast<unsigned>(time_ps % 1000));
  return text;
}

}  // namespace

AccessLog::AccessLog(const LogConfig& config, const HardwareConfig& hardware)
    : config_(config), hardware_(hardware) {
  const AddressMap& map = hardware.address_map;
  regions_ = {{LogModule::kNpu, map.npu, kRegisterBlockBytes},
              {LogModule::kIntc, map.interrupt_controller, kRegisterBlockBytes},
              {LogModule::kTimer, map.timer, kRegisterBlockBytes},
              {LogModule::kUart, map.uart, kRegisterBlockBytes},
              {LogModule::kMailbox, map.mailbox, kRegisterBlockBytes},
              {LogModule::kSyscon, map.system_control, kRegisterBlockBytes},
              {LogModule::kSram, map.sram, hardware.sram.size_bytes},
              {LogModule::kDram, map.dram, hardware.dram.capacity_bytes}};
  if (hardware.pim.enabled) regions_.push_back({LogModule::kPim, map.pim, kPimWindowBytes});
  if (hardware.cpu.form == CpuForm::kRiscv) {
    regions_.push_back({LogModule::kCpu, map.firmware, hardware.cpu.riscv.memory_bytes});
  }
}

const AccessLog::Region* AccessLog::region_at(std::uint64_t address) const {
  for (const Region& region : regions_) {
    if (address - region.base < region.bytes) return &region;
  }
  return nullptr;
}

void AccessLog::access(std::uint64_t time_ps, const char* initiator, std::uint64_t address,
                       const common::Payload& payload) {
  const Region* const region = region_at(address);
  const LogModule module = region == nullptr ? LogModule::kBus : region->module;
  const bool failed = payload.is_response_error();
  if (!wants(module, failed ? LogLevel::kError : LogLevel::kAccess)) return;
  const std::string place = name_of_address(hardware_, address);
  const abi::RegisterBlock* const block = block_of(module);
  const std::uint64_t offset = region == nullptr ? 0 : address - region->base;
  std::string text;
  const bool is_register = block != nullptr && offset < block->size_bytes &&
                           payload.get_data_length() == 4 && payload.get_data_ptr() != nullptr;
  if (is_register && !failed) {
    text = common::describe_access(*block, static_cast<std::uint32_t>(offset), word_of(payload),
                                   payload.is_write());
  } else {
    text = (place.empty() ? hexadecimal(address) : place) +
           (payload.is_write() ? " write " : " read ") + std::to_string(payload.get_data_length()) +
           " bytes";
  }
  if (failed) text += "  ERROR " + payload.get_response_string();
  add(time_ps, initiator, text);
}

void AccessLog::say(std::uint64_t time_ps, LogModule module, LogLevel level,
                    std::string_view text) {
  if (!wants(module, level)) return;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  add(time_ps, choices<LogModule>().data[static_cast<std::size_t>(module)].name, std::string(text));
}

void AccessLog::add(std::uint64_t time_ps, const char* who, const std::string& text) {
  std::string line = time_text(time_ps) + who + "  " + text + "\n";
  if (dropped_ > 0 || bytes_ + line.size() > config_.max_bytes) {
    ++dropped_;
    return;
  }
  bytes_ += line.size();
  entries_.push_back({time_ps, std::move(line)});
}

std::string AccessLog::text() const {
  std::vector<const Entry*> order;
  order.reserve(entries_.size());
  for (const Entry& entry : entries_) order.push_back(&entry);
  // Initiators may be ahead of each other.
  std::stable_sort(order.begin(), order.end(),
                   [](const Entry* a, const Entry* b) { return a->time_ps < b->time_ps; });
  std::string text;
  text.reserve(bytes_ + 128);
  for (const Entry* entry : order) text += entry->text;
  if (dropped_ > 0) {
    text += "cut short: " + std::to_string(dropped_) +
            " later lines were dropped; raise run.log.max_size, or lower some level\n";
  }
  return text;
}

}  // namespace tandem::platform
