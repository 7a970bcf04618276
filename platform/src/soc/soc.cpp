// SPDX-License-Identifier: Apache-2.0
#include "soc.h"

#include <array>
#include <iterator>

#include "soc_config.h"
#include "tandem/abi/tables.h"
#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {
namespace {

// Those of the RISC-V form come last, as the others have none.
enum InitiatorPort : unsigned { kCpuPort, kNpuPort, kMailboxPort, kFetchPort };
enum TargetPort : unsigned {
  kDramPort,
  kSramPort,
  kNpuRegisters,
  kIntcRegisters,
  kTimerRegisters,
  kUartRegisters,
  kMailboxRegisters,
  kSystemControlRegisters,
  kPimRegisters,  // absent without PIM
};

// Behind all others, which may or may not include the PIM.
unsigned firmware_memory_port(const HardwareConfig& hardware) {
  return hardware.pim.enabled ? kPimRegisters + 1 : kPimRegisters;
}

interconnect::Arbitration arbitration(Arbitration written) {
  switch (written) {
    case Arbitration::kRoundRobin:
      return interconnect::Arbitration::round_robin;
    case Arbitration::kPriority:
      return interconnect::Arbitration::priority;
    case Arbitration::kWeighted:
      return interconnect::Arbitration::weighted;
  }
  throw InternalError("unknown arbitration");
}

interconnect::Crossbar::Config bus_config(const HardwareConfig& hardware) {
  interconnect::Crossbar::Config config;
  const auto port = [&hardware](const std::string& name) {
    interconnect::Crossbar::Port p;
    p.name = name;
    p.width_bytes = static_cast<unsigned>(hardware.interconnect.width_bytes);
    p.clock_period_ps = clock_period_ps(hardware.interconnect.clock_hz);
    return p;
  };
  // The latency of the scenario is one way; both ports of a path have a share in it.
  const unsigned latency = hardware.interconnect.latency_cycles;
  const bool riscv = hardware.cpu.form == CpuForm::kRiscv;
  std::vector<const char*> initiators = {"from_cpu", "from_npu", "from_mailbox"};
  if (riscv) initiators.push_back("from_fetch");
  for (const char* name : initiators) {
    config.initiators.push_back(port(name));
    config.initiators.back().latency_cycles = latency / 2;
  }
  const auto target = [&](unsigned index, const char* name, std::uint64_t base,
                          std::uint64_t bytes) {
    config.targets.push_back(port(std::string("to_") + name));
    config.targets.back().latency_cycles = latency - latency / 2;
    config.ranges.push_back({name, base, bytes, index, true});
  };
  const AddressMap& map = hardware.address_map;
  target(kDramPort, "dram", map.dram, hardware.dram.capacity_bytes);
  target(kSramPort, "sram", map.sram, hardware.sram.size_bytes);
  target(kNpuRegisters, "npu", map.npu, kRegisterBlockBytes);
  target(kIntcRegisters, "intc", map.interrupt_controller, kRegisterBlockBytes);
  target(kTimerRegisters, "timer", map.timer, kRegisterBlockBytes);
  target(kUartRegisters, "uart", map.uart, kRegisterBlockBytes);
  target(kMailboxRegisters, "mailbox", map.mailbox, kRegisterBlockBytes);
  target(kSystemControlRegisters, "syscon", map.system_control, kRegisterBlockBytes);
  if (hardware.pim.enabled) target(kPimRegisters, "pim", map.pim, kPimWindowBytes);
  if (riscv) {
    target(firmware_memory_port(hardware), "firmware", map.firmware,
           hardware.cpu.riscv.memory_bytes);
  }
  config.arbitration = arbitration(hardware.interconnect.arbitration);
  return config;
}

peripherals::Mailbox::Config mailbox_config(const BootImage& image) {
  peripherals::Mailbox::Config config;
  config.prompt_base = image.prompt_base;
  config.prompt_bytes = image.prompt_bytes;
  return config;
}

}  // namespace

Soc::Soc(const sc_core::sc_module_name& name, const Setup& setup, Listener listener)
    : Soc(name, setup,
          make_boot_image(setup.scenario, setup.policy, setup.model, setup.requests.prompt_bytes(),
                          setup.echo),
          std::move(listener)) {}

Soc::Soc(const sc_core::sc_module_name& name, const Setup& setup, const BootImage& image,
         Listener listener)
    : sc_module(name),
      hardware_(setup.scenario.platform),
      sizes_(image.sizes),
      bus_("bus", bus_config(hardware_)),
      firmware_(load_firmware(hardware_)),
      cpu_(make_cpu(
          hardware_, firmware_, setup.firmware,
          setup.log == nullptr
              ? std::function<void(std::string_view)>()
              : [log = setup.log](
                    std::string_view
                        text) { log->say(common::now_ps(), LogModule::kCpu, LogLevel::kInfo, text); })),
      npu_("npu", npu_config(hardware_, tensor_traffic(setup.scenario),
                             replay_layers(setup.scenario.fidelity))),
      sram_("sram", sram_config(hardware_)),
      intc_("intc", {}),
      timer_("timer", {}),
      uart_("uart", {}),
      mailbox_("mailbox", mailbox_config(image)),
      syscon_("syscon", {}),
      lines_("line", kInterruptLines),
      cpu_irq_("cpu_irq"),
      reset_("reset"),
      log_(setup.log),
      listener_(std::move(listener)),
      transcript_(setup.requests.size()),
      energy_(phase_names()) {
  TANDEM_HAS_PROCESS(Soc);
  if (hardware_.pim.enabled) {
    pim_ = std::make_unique<pim::PimStack>(
        "pim", pim_config(hardware_, setup.scenario.fidelity.pim, tensor_traffic(setup.scenario)));
  } else {
    stack_ = std::make_unique<memory::Stack>(
        "memory", npu_stack_config(hardware_, setup.scenario.fidelity.memory));
  }
  if (firmware_) {
    firmware_memory_ =
        std::make_unique<memory::Sram>("firmware", firmware_memory_config(hardware_));
  }
  connect();
  connect_interrupts();
  connect_reset();
  connect_log();
  npu_.set_oracle(setup.oracle);
  record_timeline(setup.timeline);
  npu_.set_choice_listener(setup.choices);
  npu_.set_outside_probe([this] {
    npu::BusyTimes busy_ps{};
    busy_ps[npu::kMemory] = dram().data_ps();
    if (pim_) busy_ps[npu::kPim] = pim_->worked_ps();
    return busy_ps;
  });
  npu_.on_phase_end([this](std::uint32_t phase) { read_energy(energy_, phase); });
  load(image);
  post_requests(setup);
  syscon_.on_exit(
      [this](std::uint32_t status) { on_firmware_stopped(static_cast<int>(status), ""); });
  SC_METHOD(on_cpu_finished);
  sensitive << cpu_->finished_event();
  dont_initialize();
}

void Soc::connect() {
  if (log_ == nullptr) {
    cpu_->data_bus().bind(bus_.from_initiator(kCpuPort));
    npu_.memory.bind(bus_.from_initiator(kNpuPort));
  } else {
    cpu_tap_ = std::make_unique<BusTap>("cpu_tap", "cpu", *log_);
    npu_tap_ = std::make_unique<BusTap>("npu_tap", "npu", *log_);
    cpu_->data_bus().bind(cpu_tap_->from_initiator);
    cpu_tap_->to_bus.bind(bus_.from_initiator(kCpuPort));
    npu_.memory.bind(npu_tap_->from_initiator);
    npu_tap_->to_bus.bind(bus_.from_initiator(kNpuPort));
  }
  mailbox_.memory.bind(bus_.from_initiator(kMailboxPort));
  bus_.to_target(kSramPort).bind(sram_.target());
  bus_.to_target(kNpuRegisters).bind(npu_.registers());
  bus_.to_target(kIntcRegisters).bind(intc_.registers);
  bus_.to_target(kTimerRegisters).bind(timer_.registers);
  bus_.to_target(kUartRegisters).bind(uart_.registers);
  bus_.to_target(kMailboxRegisters).bind(mailbox_.registers);
  bus_.to_target(kSystemControlRegisters).bind(syscon_.registers);
  bus_.to_target(kDramPort).bind(dram().target());
  if (pim_) bus_.to_target(kPimRegisters).bind(pim_->registers);
  if (firmware_memory_) {
    cpu_->fetch_bus()->bind(bus_.from_initiator(kFetchPort));
    bus_.to_target(firmware_memory_port(hardware_)).bind(firmware_memory_->target());
  }
}

void Soc::connect_interrupts() {
  npu_.irq()(lines_[kNpuLine]);
  if (pim_) pim_->irq(lines_[kPimLine]);
  timer_.irq(lines_[kTimerLine]);
  mailbox_.irq(lines_[kMailboxLine]);
  for (unsigned line = 0; line < kInterruptLines; ++line) intc_.lines[line](lines_[line]);
  intc_.irq(cpu_irq_);
  cpu_->irq(cpu_irq_);
  if (cpu_->timer_irq_port() != nullptr) (*cpu_->timer_irq_port())(lines_[kTimerLine]);
}

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

// Never asserted by the platform itself.
void Soc::connect_reset() {
  bus_.reset(reset_);
  cpu_->reset(reset_);
  npu_.reset(reset_);
  sram_.reset(reset_);
  if (firmware_memory_) firmware_memory_->reset(reset_);
  if (pim_) {
    pim_->reset(reset_);
  } else {
    stack_->reset(reset_);
  }
  intc_.reset(reset_);
  timer_.reset(reset_);
  uart_.reset(reset_);
  mailbox_.reset(reset_);
  syscon_.reset(reset_);
}

void Soc::record_timeline(observe::Timeline* timeline) {
  cpu_->set_timeline(timeline);
  npu_.set_timeline(timeline);
  dram().set_timeline(timeline, "memory");
  if (pim_) pim_->set_timeline(timeline, "pim");
}

void Soc::load(const BootImage& image) {
  for (const MemoryBlock& block : image.blocks) write_memory(block.address, block.bytes);
  if (firmware_) load_program(image);
}

void Soc::write_memory(std::uint64_t address, const std::vector<std::uint8_t>& bytes) {
  const auto write_to = [&](memory::SparseStore& store, std::uint64_t base) {
    if (address < base || !store.contains(address - base, bytes.size())) return false;
    store.write(address - base, bytes.data(), bytes.size());
    return true;
  };
  const AddressMap& map = hardware_.address_map;
  const bool written = write_to(sram_.store(), map.sram) || write_to(dram().store(), map.dram) ||
                       (firmware_memory_ && write_to(firmware_memory_->store(), map.firmware));
  if (!written) throw InternalError("a block of the boot image lies outside the memories");
}

void Soc::load_program(const BootImage& image) {
  for (const cpu::ElfImage::Segment& segment : firmware_->image.segments()) {
    for (const MemoryBlock& block : image.blocks) {
      const std::uint64_t block_last = block.address + (block.bytes.size() - 1);
      if (segment.last() < block.address || segment.address > block_last) continue;
      throw UserError("platform.cpu.riscv.elf: " + printable_path(firmware_->path) +
                      ": its segment " + hexadecimal(segment.address) + ".." +
                      hexadecimal(segment.last()) + " overlaps what the platform puts at " +
                      hexadecimal(block.address) + ".." + hexadecimal(block_last) +
                      " (boot information, model)");
    }
    write_memory(segment.address, segment.bytes);
  }
}

void Soc::post_requests(const Setup& setup) {
  uart_.on_byte([this](char byte) {
    if (listener_.on_byte) listener_.on_byte(byte);
  });
  mailbox_.on_record([this](const abi::Record& record) { take_record(record); });
  // More than the firmware takes at once, so that no sequence waits for the host.
  const std::size_t ahead = std::size_t{2} * setup.policy.max_batch;
  feeder_ = std::make_unique<RequestFeeder>("feeder", setup.requests, mailbox_, ahead);
  // A static batch decodes from the beginning: no prefill gives its first tokens.
  if (setup.requests.size() > 0 && setup.requests.planned(0).cached) decode_clock_.start(0, 0);
}

void Soc::take_record(const abi::Record& record) {
  if (ended()) return;
  transcript_.add(record);
  feeder_->pump();
  if (transcript_.tokens() > 0 && !driver_start_) driver_start_ = driver_cost();
  if (transcript_.tokens() > 0) decode_clock_.start(common::now_ps(), prefill_ps());
  if (transcript_.all_ended()) outcome_ = std::make_unique<Outcome>(measure());
  if (listener_.on_progress) listener_.on_progress();
}

void Soc::on_cpu_finished() {
  on_firmware_stopped(cpu_->exit_status(), cpu_->fault());
}

void Soc::on_firmware_stopped(int status, const std::string& fault) {
  if (!firmware_exit_) firmware_exit_ = status;
  if (ended()) return;
  outcome_ = std::make_unique<Outcome>(measure());
  outcome_->stopped_by_firmware = !hardware_.cpu.riscv.elf.empty();
  outcome_->unfinished =
      fault.empty() ? "the firmware stopped, its exit status is " + std::to_string(status) : fault;
  if (listener_.on_progress) listener_.on_progress();
}

Outcome Soc::outcome(const std::string& unfinished) const {
  if (outcome_) return *outcome_;
  Outcome now = measure();
  now.unfinished = unfinished;
  return now;
}

}  // namespace tandem::platform
