// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/register_bank.h"

#include <cctype>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "tandem/common/tlm_checks.h"

namespace tandem::common {

using abi::Access;

namespace {

constexpr std::uint32_t kWordBytes = 4;

// Registers are little endian on the bus, whatever the host is.
std::uint32_t load_word(const unsigned char* data) {
  return data[0] | static_cast<std::uint32_t>(data[1]) << 8 |
         static_cast<std::uint32_t>(data[2]) << 16 | static_cast<std::uint32_t>(data[3]) << 24;
}

void store_word(unsigned char* data, std::uint32_t value) {
  for (unsigned i = 0; i < kWordBytes; ++i) data[i] = static_cast<unsigned char>(value >> (8 * i));
}

}  // namespace

RegisterBank::RegisterBank(const abi::RegisterBlock& block)
    : block_(block), cells_(block.size_bytes / kWordBytes), hooks_(block.register_count) {
  for (std::size_t i = 0; i < block.register_count; ++i) {
    const abi::RegisterInfo& info = block.registers[i];
    for (std::uint32_t index = 0; index < info.count; ++index) {
      cells_[(info.offset + index * info.stride) / kWordBytes] = {&info, index, info.reset};
    }
  }
}

const RegisterBank::Cell& RegisterBank::cell(std::uint32_t offset, std::uint32_t index) const {
  const auto fail = [&] {
    std::ostringstream text;
    text << block_.name << " has no register at offset 0x" << std::hex << offset << " [" << std::dec
         << index << "]";
    throw std::out_of_range(text.str());
  };
  if (offset % kWordBytes != 0 || offset >= block_.size_bytes) fail();
  const Cell& first = cells_[offset / kWordBytes];
  if (first.info == nullptr || first.index + index >= first.info->count) fail();
  return cells_[(offset + index * first.info->stride) / kWordBytes];
}

std::uint32_t RegisterBank::get(std::uint32_t offset, std::uint32_t index) const {
  return cell(offset, index).value;
}

void RegisterBank::set(std::uint32_t offset, std::uint32_t value, std::uint32_t index) {
  const_cast<Cell&>(cell(offset, index)).value = value;
}

void RegisterBank::on_read(std::uint32_t offset, ReadHook hook) {
  hooks_at(offset).read = std::move(hook);
}

void RegisterBank::after_read(std::uint32_t offset, AfterReadHook hook) {
  hooks_at(offset).after_read = std::move(hook);
}

void RegisterBank::on_write(std::uint32_t offset, WriteHook hook) {
  hooks_at(offset).write = std::move(hook);
}

void RegisterBank::reset() {
  for (Cell& cell : cells_) {
    if (cell.info != nullptr) cell.value = cell.info->reset;
  }
}

std::uint32_t RegisterBank::visible_value(const Cell& cell) const {
  if (cell.info->access == Access::kWriteOnly) return 0;
  const ReadHook& hook = hooks(*cell.info).read;
  return hook ? hook(cell.index) : cell.value;
}

void RegisterBank::write(Cell& cell, std::uint32_t value) {
  const WriteHook& hook = hooks(*cell.info).write;
  if (cell.info->access == Access::kReadWrite) cell.value = value;
  if (cell.info->access == Access::kWriteOneToClear && !hook) cell.value &= ~value;
  if (hook) hook(cell.index, value);
}

void RegisterBank::access(Payload& payload) {
  const tlm::tlm_response_status status = check_register_access(payload, block_.size_bytes);
  if (status != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(status);
    return;
  }
  const auto offset = static_cast<std::uint32_t>(payload.get_address());
  Cell& cell = cells_[offset / kWordBytes];
  if (cell.info == nullptr) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  if (payload.is_write() && abi::is_read_only(cell.info->access)) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  if (payload.is_write()) {
    const std::uint32_t value = load_word(payload.get_data_ptr());
    if (observer_) observer_(offset, value, true);
    write(cell, value);
    return;
  }
  const std::uint32_t value = visible_value(cell);
  store_word(payload.get_data_ptr(), value);
  if (observer_) observer_(offset, value, false);
  const AfterReadHook& after = hooks(*cell.info).after_read;
  if (after) after(cell.index);
}

unsigned RegisterBank::debug(Payload& payload) const {
  if (!payload.is_read() || payload.get_data_ptr() == nullptr) return 0;
  const std::uint64_t address = payload.get_address();
  if (address % kWordBytes != 0) return 0;
  unsigned done = 0;
  while (done + kWordBytes <= payload.get_data_length() &&
         in_range(address, done + kWordBytes, block_.size_bytes)) {
    const Cell& cell = cells_[(address + done) / kWordBytes];
    if (cell.info == nullptr) break;
    store_word(payload.get_data_ptr() + done, visible_value(cell));
    done += kWordBytes;
  }
  return done;
}

namespace {

struct Located {
  const abi::RegisterInfo* info;
  std::uint32_t index;
};

Located locate(const abi::RegisterBlock& block, std::uint32_t offset) {
  for (std::size_t i = 0; i < block.register_count; ++i) {
    const abi::RegisterInfo& info = block.registers[i];
    for (std::uint32_t index = 0; index < info.count; ++index) {
      if (info.offset + index * info.stride == offset) return {&info, index};
    }
  }
  return {nullptr, 0};
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

// Fields of `info` that are not zero, "A=1, B=2"; empty when bits outside of every field are set.
std::string describe_fields(const abi::RegisterBlock& block, const abi::RegisterInfo& info,
                            std::uint32_t value, const char* relation) {
  std::ostringstream text;
  std::uint32_t named = 0;
  const char* separator = "";
  for (std::size_t i = 0; i < block.field_count; ++i) {
    const abi::FieldInfo& field = block.fields[i];
    if (std::string_view(field.register_name) != info.name) continue;
    const abi::Field bits{field.lsb, field.width};
    if (bits.get(value) == 0) continue;
    named |= value & bits.mask();
    text << separator << field.name << relation << bits.get(value);
    separator = ", ";
  }
  return named == value ? text.str() : std::string();
}

}  // namespace

std::string describe_register(const abi::RegisterBlock& block, std::uint32_t offset) {
  std::ostringstream text;
  text << upper(block.name);
  const Located located = locate(block, offset);
  if (located.info == nullptr) {
    text << "+0x" << std::hex << offset << " (hole)";
    return text.str();
  }
  text << '.' << located.info->name;
  if (located.info->count > 1) text << '[' << located.index << ']';
  return text.str();
}

std::string describe_access(const abi::RegisterBlock& block, std::uint32_t offset,
                            std::uint32_t value, bool is_write) {
  const char* relation = is_write ? "=" : " -> ";
  std::ostringstream text;
  text << describe_register(block, offset);
  const Located located = locate(block, offset);
  if (located.info == nullptr) {
    text << relation << "0x" << std::hex << value;
    return text.str();
  }
  const std::string fields = describe_fields(block, *located.info, value, relation);
  if (fields.empty()) {
    text << relation << "0x" << std::hex << value;
  } else {
    text << '.' << fields;
  }
  return text.str();
}

}  // namespace tandem::common
