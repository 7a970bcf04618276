// SPDX-License-Identifier: Apache-2.0
// What an SoC tells the log, and its registers as a user wants to see them.
#include <array>
#include <iterator>

#include "soc.h"
#include "tandem/abi/tables.h"
#include "tandem/common/payload_pool.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {

void Soc::connect_log() {
  if (log_ == nullptr) return;
  syscon_.on_log([this](std::string_view line) {
    log_->say(common::now_ps(), LogModule::kCpu, LogLevel::kInfo, line);
  });
  TANDEM_HAS_PROCESS(Soc);
  SC_METHOD(on_interrupt_line);
  for (unsigned line = 0; line < kInterruptLines; ++line) sensitive << lines_[line];
  dont_initialize();
}

void Soc::on_interrupt_line() {
  constexpr std::array<const char*, kInterruptLines> kNames = {"npu", "pim", "timer", "mailbox"};
  for (unsigned line = 0; line < kInterruptLines; ++line) {
    const bool level = lines_[line].read();
    if (level == ((line_levels_ >> line & 1u) != 0)) continue;
    line_levels_ ^= 1u << line;
    log_->say(common::now_ps(), LogModule::kIntc, LogLevel::kInfo,
              std::string("line ") + kNames[line] + (level ? " rises" : " falls"));
  }
}

std::uint32_t Soc::read_register(const abi::RegisterBlock& block, std::uint32_t offset) {
  common::RegisterSocket* const sockets[] = {&npu_.registers(),
                                             &intc_.registers,
                                             &timer_.registers,
                                             &uart_.registers,
                                             &mailbox_.registers,
                                             &syscon_.registers,
                                             pim_ ? &pim_->registers : nullptr};
  const abi::RegisterBlock* const blocks[] = {
      &abi::npu::kBlock,     &abi::intc::kBlock,   &abi::timer::kBlock, &abi::uart::kBlock,
      &abi::mailbox::kBlock, &abi::syscon::kBlock, &abi::pim::kBlock};
  for (std::size_t i = 0; i < std::size(blocks); ++i) {
    // Every source file has its own copy of the tables.
    if (!abi::same_text(blocks[i]->name, block.name) || sockets[i] == nullptr) continue;
    std::array<unsigned char, 4> bytes{};
    common::Payload payload;
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_address(offset);
    payload.set_data_ptr(bytes.data());
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    if (sockets[i]->get_base_interface().transport_dbg(payload) != 4) break;
    return bytes[0] | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
           std::uint32_t{bytes[3]} << 24;
  }
  throw InternalError(std::string("cannot read a register of ") + block.name);
}

}  // namespace tandem::platform
