// SPDX-License-Identifier: Apache-2.0
#include "soc.h"

#include "soc_config.h"
#include "tandem/common/payload_pool.h"
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

std::function<void(std::string_view)> log_sink(AccessLog* log) {
  if (log == nullptr) return {};
  return [log](std::string_view text) {
    log->say(common::now_ps(), LogModule::kCpu, LogLevel::kInfo, text);
  };
}

}  // namespace

BootImage make_boot_image(const Soc::Setup& setup) {
  return make_boot_image(setup.scenario, setup.policy, setup.model, setup.requests.prompt_bytes(),
                         setup.echo);
}

Soc::Soc(const sc_core::sc_module_name& name, const Setup& setup, Listener listener)
    : Soc(name, setup, setup.image != nullptr ? *setup.image : make_boot_image(setup),
          std::move(listener)) {}

Soc::Soc(const sc_core::sc_module_name& name, const Setup& setup, const BootImage& image,
         Listener listener)
    : sc_module(name),
      hardware_(setup.scenario.platform),
      sizes_(image.sizes),
      bus_("bus", bus_config(hardware_)),
      firmware_(setup.make_cpu ? std::nullopt : load_firmware(hardware_)),
      cpu_(setup.make_cpu ? setup.make_cpu()
                          : make_cpu(hardware_, firmware_, setup.firmware, log_sink(setup.log))),
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
      resets_("reset"),
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
  if (setup.held) cpu_->hold();
  if (setup.faults) faults_ = std::make_unique<SocFaults>(setup.scenario);
  connect();
  connect_interrupts();
  connect_reset();
  if (faults_) npu_.set_faults(&faults_->npu());
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
  if (setup.resets && setup.scenario.run.reset.present) resets_.schedule(setup.scenario.run.reset);
}

template <typename Initiator, typename Target>
void Soc::connect(const char* path, Initiator& from, Target& to) {
  if (faults_) {
    faults_->connect(path, from, to);
  } else {
    from.bind(to);
  }
}

template <typename Initiator, typename Target>
void Soc::connect_initiator(const char* path, std::unique_ptr<BusTap>& tap, const char* name,
                            Initiator& from, Target& to) {
  if (log_ == nullptr) return connect(path, from, to);
  tap = std::make_unique<BusTap>(sc_core::sc_gen_unique_name(name), name, *log_);
  from.bind(tap->from_initiator);
  connect(path, tap->to_bus, to);
}

template <typename Port>
void Soc::connect_line(const char* path, Port& from, sc_core::sc_signal<bool>& to) {
  if (faults_) {
    faults_->connect_line(path, from, to);
  } else {
    from(to);
  }
}

void Soc::connect() {
  connect_initiator("cpu.bus", cpu_tap_, "cpu", cpu_->data_bus(), bus_.from_initiator(kCpuPort));
  connect_initiator("npu.memory", npu_tap_, "npu", npu_.memory, bus_.from_initiator(kNpuPort));
  mailbox_.memory.bind(bus_.from_initiator(kMailboxPort));
  connect("sram", bus_.to_target(kSramPort), sram_.target());
  bus_.to_target(kNpuRegisters).bind(npu_.registers());
  bus_.to_target(kIntcRegisters).bind(intc_.registers);
  bus_.to_target(kTimerRegisters).bind(timer_.registers);
  bus_.to_target(kUartRegisters).bind(uart_.registers);
  bus_.to_target(kMailboxRegisters).bind(mailbox_.registers);
  bus_.to_target(kSystemControlRegisters).bind(syscon_.registers);
  connect("memory", bus_.to_target(kDramPort), dram().target());
  if (pim_) bus_.to_target(kPimRegisters).bind(pim_->registers);
  if (firmware_memory_) {
    cpu_->fetch_bus()->bind(bus_.from_initiator(kFetchPort));
    bus_.to_target(firmware_memory_port(hardware_)).bind(firmware_memory_->target());
  }
}

void Soc::connect_interrupts() {
  connect_line("npu.irq", npu_.irq(), lines_[kNpuLine]);
  if (pim_) pim_->irq(lines_[kPimLine]);
  timer_.irq(lines_[kTimerLine]);
  connect_line("mailbox.irq", mailbox_.irq, lines_[kMailboxLine]);
  for (unsigned line = 0; line < kInterruptLines; ++line) intc_.lines[line](lines_[line]);
  connect_line("cpu.irq", intc_.irq, cpu_irq_);
  cpu_->irq(cpu_irq_);
  if (cpu_->timer_irq_port() != nullptr) (*cpu_->timer_irq_port())(lines_[kTimerLine]);
}

void Soc::connect_reset() {
  sc_core::sc_signal<bool>& line = resets_.platform();
  bus_.reset(line);
  cpu_->reset(line);
  npu_.reset(resets_.npu());
  sram_.reset(line);
  if (firmware_memory_) firmware_memory_->reset(line);
  if (pim_) {
    pim_->reset(resets_.pim());
  } else {
    stack_->reset(line);
  }
  intc_.reset(line);
  timer_.reset(line);
  uart_.reset(line);
  mailbox_.reset(line);
  syscon_.reset(line);
  resets_.on_platform_release([this] { begin_anew(); });
  syscon_.on_reset_request([this](std::uint32_t targets) {
    namespace regs = abi::syscon;
    if (regs::RESET_NPU.get(targets) != 0) resets_.request(ResetTarget::kNpu);
    if (regs::RESET_PIM.get(targets) != 0) resets_.request(ResetTarget::kPim);
    if (regs::RESET_PLATFORM.get(targets) != 0) resets_.request(ResetTarget::kPlatform);
  });
}

// What a boot loader does again, takes no time here.
void Soc::begin_anew() {
  if (firmware_) write_program({sram_.store(), dram().store(), firmware_store()});
  firmware_exit_.reset();
  transcript_.restart();
  if (story_) story_->restart();
}

void Soc::record_timeline(observe::Timeline* timeline) {
  cpu_->set_timeline(timeline);
  npu_.set_timeline(timeline);
  dram().set_timeline(timeline, "memory");
  if (pim_) pim_->set_timeline(timeline, "pim");
}

void Soc::load(const BootImage& image) {
  load(image, {sram_.store(), dram().store(), firmware_store()});
}

void Soc::load(const BootImage& image, const Stores& stores) const {
  for (const MemoryBlock& block : image.blocks) write(stores, block.address, block.bytes);
  if (firmware_) load_program(image, stores);
}

void Soc::write(const Stores& stores, std::uint64_t address,
                const std::vector<std::uint8_t>& bytes) const {
  const auto write_to = [&](memory::SparseStore& store, std::uint64_t base) {
    if (address < base || !store.contains(address - base, bytes.size())) return false;
    store.write(address - base, bytes.data(), bytes.size());
    return true;
  };
  const AddressMap& map = hardware_.address_map;
  const bool written = write_to(stores.sram, map.sram) || write_to(stores.dram, map.dram) ||
                       (stores.firmware != nullptr && write_to(*stores.firmware, map.firmware));
  if (!written) throw InternalError("a block of the boot image lies outside the memories");
}

void Soc::load_program(const BootImage& image, const Stores& stores) const {
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
  }
  write_program(stores);
}

void Soc::write_program(const Stores& stores) const {
  for (const cpu::ElfImage::Segment& segment : firmware_->image.segments()) {
    write(stores, segment.address, segment.bytes);
  }
}

void Soc::post_requests(const Setup& setup) {
  if (faults_) uart_.on_write([this] { return faults_->loses_byte(); });
  uart_.on_byte([this](char byte) { take_uart_byte(byte); });
  const CpuConfig& cpu = hardware_.cpu;
  const bool ours = cpu.app == FirmwareApp::kGenerate && !cpu.own_firmware() && !setup.make_cpu;
  if (setup.echo && ours) story_.emplace();
  mailbox_.on_record([this](const abi::Record& record) { take_record(record); });
  // More than the firmware takes at once, so that no sequence waits for the host.
  const std::size_t ahead = std::size_t{2} * setup.policy.max_batch;
  feeder_ = std::make_unique<RequestFeeder>("feeder", setup.requests, mailbox_, ahead);
  // A static batch decodes from the beginning: no prefill gives its first tokens.
  if (setup.requests.size() > 0 && setup.requests.planned(0).cached) decode_clock_.start(0, 0);
}

void Soc::take_uart_byte(char byte) {
  const bool is_new = !story_ || story_->take();
  if (is_new && listener_.on_byte) listener_.on_byte(byte);
}

void Soc::take_record(const abi::Record& record) {
  if (ended()) return;
  transcript_.add(record);
  feeder_->pump();
  if (transcript_.tokens() > 0 && !driver_start_) driver_start_ = driver_cost();
  if (transcript_.tokens() > 0) decode_clock_.start(common::now_ps(), prefill_ps());
  const bool served = !transcript_.requests().empty() && transcript_.all_ended();
  if (served) outcome_ = std::make_unique<Outcome>(measure());
  if (listener_.on_progress) listener_.on_progress();
}

void Soc::on_cpu_finished() {
  on_firmware_stopped(cpu_->exit_status(), cpu_->fault());
}

void Soc::on_firmware_stopped(int status, const std::string& fault) {
  if (!firmware_exit_ && fault.empty()) firmware_exit_ = status;
  if (ended()) return;
  outcome_ = std::make_unique<Outcome>(measure());
  outcome_->unfinished =
      fault.empty() ? "the firmware stopped, its exit status is " + std::to_string(status) : fault;
  if (listener_.on_progress) listener_.on_progress();
}

std::vector<interconnect::AddressRange> Soc::memory_map() const {
  return bus_config(hardware_).ranges;
}

std::size_t Soc::peek(std::uint64_t address, void* data, std::size_t bytes) {
  common::Payload payload;
  common::set_attributes(payload, tlm::TLM_READ_COMMAND, address, static_cast<unsigned char*>(data),
                         static_cast<unsigned>(bytes));
  return cpu_->data_bus()->transport_dbg(payload);
}

std::uint32_t Soc::interrupt_lines() const {
  std::uint32_t levels = 0;
  for (unsigned line = 0; line < kInterruptLines; ++line) {
    if (lines_[line].read()) levels |= 1u << line;
  }
  return levels;
}

Outcome Soc::outcome(const std::string& unfinished) const {
  if (outcome_) return *outcome_;
  Outcome now = measure();
  now.unfinished = unfinished;
  return now;
}

}  // namespace tandem::platform
