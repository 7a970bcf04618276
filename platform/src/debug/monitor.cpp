// SPDX-License-Identifier: Apache-2.0
#include "debug/monitor.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <sstream>

#include "tandem/common/register_bank.h"

namespace tandem::platform::debug {
namespace {

constexpr unsigned kRegisterBytes = 4;
constexpr const char* kHelp =
    "monitor time                    simulated time\n"
    "monitor registers               names of the register blocks\n"
    "monitor registers BLOCK         all registers of one, such as npu\n"
    "monitor registers BLOCK.NAME    one register, such as NPU.STATUS; short: monitor reg\n"
    "monitor help                    this text\n";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "NPU.SQ_TAIL" of "NPU.SQ_TAIL[2]".
std::string without_index(const std::string& name) {
  return name.substr(0, name.find('['));
}

}  // namespace

std::string Monitor::execute(const std::string& line) {
  std::istringstream words(line);
  std::string command;
  std::string name;
  std::string more;
  words >> command >> name >> more;
  const bool takes_name = command == "registers" || command == "reg";
  if (!more.empty() || (!takes_name && !name.empty()))
    return "too many words\n" + std::string(kHelp);
  if (takes_name) return registers(lower(name));
  if (command == "time") return time();
  if (command == "help" || command.empty()) return kHelp;
  return "unknown command '" + command + "'\n" + kHelp;
}

std::string Monitor::time() const {
  constexpr double kPsPerUs = 1e6;
  const std::uint64_t now_ps = hart_.simulated_time_ps();
  char text[80];
  std::snprintf(text, sizeof text, "%llu ps (%.3f us)\n", static_cast<unsigned long long>(now_ps),
                static_cast<double>(now_ps) / kPsPerUs);
  return text;
}

std::string Monitor::block_names() const {
  std::string names;
  for (const MappedBlock& mapped : blocks_) {
    char line[160];
    std::snprintf(line, sizeof line, "%-10s 0x%llx  %s\n", mapped.block->name,
                  static_cast<unsigned long long>(mapped.base), mapped.block->meaning);
    names += line;
  }
  return names;
}

// A block's name gives all of it, that of an array all its elements.
std::string Monitor::registers(const std::string& name) {
  if (name.empty()) return block_names();
  std::string text;
  for (const MappedBlock& mapped : blocks_) {
    for (std::size_t r = 0; r < mapped.block->register_count; ++r) {
      const abi::RegisterInfo& info = mapped.block->registers[r];
      for (std::uint32_t i = 0; i < info.count; ++i) {
        const std::uint32_t offset = info.offset + i * info.stride;
        const std::string full = common::describe_register(*mapped.block, offset);
        if (name != lower(mapped.block->name) && name != lower(full) &&
            name != lower(without_index(full))) {
          continue;
        }
        if (info.access == abi::Access::kWriteOnly) {
          text += full + " is write-only\n";
          continue;
        }
        const std::string bytes = hart_.read_memory(mapped.base + offset, kRegisterBytes);
        if (bytes.size() < kRegisterBytes) {
          text += full + " cannot be read\n";
          continue;
        }
        std::uint32_t value = 0;
        for (unsigned b = 0; b < kRegisterBytes; ++b) {
          value |= std::uint32_t{static_cast<unsigned char>(bytes[b])} << (8 * b);
        }
        text += common::describe_access(*mapped.block, offset, value, false) + '\n';
      }
    }
  }
  return text.empty() ? "no register '" + name + "'; the blocks are\n" + block_names() : text;
}

}  // namespace tandem::platform::debug
