// SPDX-License-Identifier: Apache-2.0
#include "tandem/cpu_riscv/riscv_cpu.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "causes.h"
#include "engine.h"
#include "surroundings.h"
#include "tandem/common/payload_pool.h"

namespace tandem::cpu {
namespace {

// The engine translates instructions on the stack of its thread.
constexpr std::size_t kStackBytes = std::size_t{1} << 20;
constexpr unsigned kFirstArgument = 10;  // a0

void require_positive(const char* field, std::uint64_t value) {
  if (value > 0) return;
  throw std::invalid_argument(std::string("RiscvCpu::Config::") + field +
                              " is 0, but must be greater than 0");
}

}  // namespace

void RiscvCpu::Config::validate() const {
  require_positive("clock_period_ps", clock_period_ps);
  require_positive("cycles_per_instruction", cycles_per_instruction);
  require_positive("quantum_ps", quantum_ps);
  require_positive("most_nested_traps", most_nested_traps);
}

RiscvCpu::RiscvCpu(const sc_core::sc_module_name& name, const Config& config)
    : ControlCpu(name),
      data("data"),
      fetch("fetch"),
      timer_irq("timer_irq"),
      config_(config),
      surroundings_(std::make_unique<Surroundings>(*this)) {
  config_.validate();
  common::require_picosecond_resolution();
  data.register_invalidate_direct_mem_ptr(this, &RiscvCpu::invalidate);
  fetch.register_invalidate_direct_mem_ptr(this, &RiscvCpu::invalidate);

  TANDEM_HAS_PROCESS(RiscvCpu);
  SC_THREAD(run);
  set_stack_size(kStackBytes);
  SC_METHOD(on_reset);
  sensitive << reset;
  dont_initialize();
  SC_METHOD(on_irq);
  sensitive << irq << timer_irq;
  dont_initialize();
}

RiscvCpu::~RiscvCpu() = default;

// --- life ---------------------------------------------------------------------------------------

void RiscvCpu::run() {
  for (bool restored = await_restore();; restored = false) {
    if (!restored) {
      while (reset_level()) wait(reset->negedge_event());
      start_program();
    }
    run_until_reset();
    if (!aborted_) {
      end_slice();
      wait(reset_event_);
    }
  }
}

void RiscvCpu::run_until_reset() {
  while (!aborted_ && !locked_up_) {
    if (debugger_ != nullptr) meet_debugger();
    if (locked_up_) break;
    if (!single_step_) take_interrupt();
    if (aborted_ || locked_up_) break;
    execute();
    if (!aborted_ && !locked_up_) save_point();
  }
  synchronise();
}

void RiscvCpu::start_program() {
  begin_life();
  if (engine_) executed_before_ += engine_->executed();
  engine_ = std::make_unique<Engine>(*surroundings_);
  engine_->set_pc(config_.entry);
  engine_->set_csr(kMstatus, kStatusMpp);
  engine_->set_x(kFirstArgument, config_.hart_id);
  engine_->set_x(kFirstArgument + 1, config_.boot_info_address);
  engine_->check_breakpoints(!breakpoints_.empty());
  ahead_ = sc_core::SC_ZERO_TIME;
  accounted_ = 0;
  cycle_offset_ = 0;
  instret_offset_ = 0;
  nested_traps_ = 0;
  aborted_ = false;
  locked_up_ = false;
  at_breakpoint_ = false;
  halted_at_ = kNowhere;
  bus_used_ = false;
  begin_slice();
}

void RiscvCpu::on_reset() {
  if (!reset_level()) return;
  aborted_ = true;
  ++counters_.resets;
  reset_event_.notify();
  wake_up_.notify();
}

void RiscvCpu::on_irq() {
  const std::uint64_t before = lines_;
  lines_ = pending();
  // Nothing has changed when a restored line takes its level.
  if (lines_ == 0 || lines_ == before) return;
  const std::uint64_t risen = lines_ & ~before;
  if ((risen >> kExternalInterrupt & 1) != 0) external_since_ps_ = common::now_ps();
  if ((risen >> kTimerInterrupt & 1) != 0) timer_since_ps_ = common::now_ps();
  wake_up_.notify();
}

void RiscvCpu::archive(common::Archive& archive) {
  ControlCpu::archive(archive);
  std::uint64_t ahead_ps = common::to_ps(ahead_);
  archive(ahead_ps, accounted_, executed_before_, cycle_offset_, instret_offset_, nested_traps_);
  archive(aborted_, locked_up_, bus_used_, external_since_ps_, timer_since_ps_);
  archive(lines_, slice_begin_ps_);
  ahead_ = common::from_ps(ahead_ps);
  if (archive.loading()) engine_ = std::make_unique<Engine>(*surroundings_);
  archive(*engine_);
  archive(counters_);  // last, because loading the engine counts
}

void RiscvCpu::lock_up(const std::string& why, std::uint64_t cause) {
  locked_up_ = true;
  const std::string fault = "the RISC-V core cannot go on: " + why;
  if (debugger_ != nullptr) halt({CpuDebugger::Reason::kLockedUp, 0, cause, fault});
  finish(0, fault);
}

// --- execution ----------------------------------------------------------------------------------

std::uint64_t RiscvCpu::instruction_ps() const {
  return config_.clock_period_ps * config_.cycles_per_instruction;
}

// Instructions until the end of the quantum.
std::uint64_t RiscvCpu::budget() const {
  if (single_step_ || !watchpoints_.empty()) return 1;
  const std::uint64_t ahead_ps = common::to_ps(ahead_);
  const std::uint64_t left_ps = config_.quantum_ps - std::min(ahead_ps, config_.quantum_ps);
  return std::max<std::uint64_t>(left_ps / instruction_ps(), 1);
}

void RiscvCpu::execute() {
  engine_->run(budget());
  account_instructions();
  handle_stop();
  if (common::to_ps(ahead_) >= config_.quantum_ps) synchronise();
}

void RiscvCpu::handle_stop() {
  switch (engine_->why()) {
    case Engine::Stop::kBudget:
      break;
    case Engine::Stop::kBreakpoint:
      at_breakpoint_ = true;
      break;
    case Engine::Stop::kSystem:
      system_instruction();
      break;
    case Engine::Stop::kException:
      engine_exception();
      break;
    case Engine::Stop::kLoadFault:
      exception(kLoadFault, engine_->address());
      break;
    case Engine::Stop::kStoreFault:
      exception(kStoreFault, engine_->address());
      break;
    case Engine::Stop::kFetchFault:
      exception(kFetchFault, engine_->address());
      break;
    case Engine::Stop::kEngineError:
      lock_up("the instruction-set simulator failed at " + position() + ": " + engine_->error(),
              kIllegalInstruction);
  }
}

void RiscvCpu::account_instructions() {
  const std::uint64_t fresh = engine_->executed() - accounted_;
  accounted_ += fresh;
  counters_.busy_ps += fresh * instruction_ps();
  ahead_ += common::from_ps(fresh * instruction_ps());
}

void RiscvCpu::synchronise() {
  if (ahead_ == sc_core::SC_ZERO_TIME) return;
  catch_up_.set(common::local_time_ps(ahead_));
  ahead_ = sc_core::SC_ZERO_TIME;
  bus_used_ = false;
  ++counters_.synchronisations;
  wait(caught_up_);
}

std::uint64_t RiscvCpu::instructions() const {
  return executed_before_ + (engine_ ? engine_->executed() : 0);
}

std::uint64_t RiscvCpu::local_time_ps() const {
  return common::local_time_ps(ahead_);
}

std::string RiscvCpu::position() const {
  return place(engine_ ? engine_->pc() : config_.entry);
}

std::string RiscvCpu::place(std::uint64_t address) const {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
  const std::string symbol = config_.symbol_of ? config_.symbol_of(address) : std::string();
  return symbol.empty() ? text : std::string(text) + " (" + symbol + ")";
}

// --- the bus ------------------------------------------------------------------------------------

bool RiscvCpu::transport(tlm::tlm_command command, std::uint64_t address, unsigned bytes,
                         std::uint64_t& value) {
  account_instructions();
  bus_used_ = true;
  unsigned char buffer[sizeof value] = {};
  if (command == tlm::TLM_WRITE_COMMAND) std::memcpy(buffer, &value, bytes);
  common::set_attributes(payload_, command, address, buffer, bytes);
  const std::uint64_t begin_ps = common::local_time_ps(ahead_);
  data->b_transport(payload_, ahead_);
  const std::uint64_t took_ps = common::local_time_ps(ahead_) - begin_ps;
  counters_.busy_ps += took_ps;
  counters_.bus_ps += took_ps;
  if (aborted_ || common::to_ps(ahead_) >= config_.quantum_ps) {
    engine_->end_soon();
  } else {
    engine_->end_after(budget());  // the access has taken its part of the quantum
  }
  if (!payload_.is_response_ok()) {
    ++counters_.bus_errors;
    return false;
  }
  if (payload_.is_dmi_allowed()) engine_->reconsider(address);
  if (command == tlm::TLM_READ_COMMAND) std::memcpy(&value, buffer, bytes);
  return true;
}

Engine::Direct RiscvCpu::Surroundings::direct(std::uint64_t address, bool of_code) {
  auto& socket = of_code ? cpu_.fetch : cpu_.data;
  for (const tlm::tlm_command command : {tlm::TLM_WRITE_COMMAND, tlm::TLM_READ_COMMAND}) {
    common::set_attributes(cpu_.payload_, command, address, nullptr, 0);
    tlm::tlm_dmi region;
    if (!socket->get_direct_mem_ptr(cpu_.payload_, region) || !region.is_read_allowed()) continue;
    // The engine cannot load directly and store over the bus.
    if (!of_code && !region.is_write_allowed()) continue;
    ++cpu_.counters_.direct_regions;
    const std::uint64_t last = region.get_end_address() - region.get_start_address();
    return {region.get_start_address(), last == ~std::uint64_t{0} ? last : last + 1,
            region.get_dmi_ptr(), region.is_write_allowed()};
  }
  return {};
}

void RiscvCpu::invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
  if (engine_) engine_->withdraw(first, last);
}

// --- observation --------------------------------------------------------------------------------

void RiscvCpu::set_timeline(observe::Timeline* timeline) {
  timeline_ = timeline;
  if (timeline_ == nullptr) return;
  track_ = timeline_->track(basename(), "firmware");
  slice_name_ = timeline_->name("awake");
}

void RiscvCpu::begin_slice() {
  slice_begin_ps_ = common::local_time_ps(ahead_);
}

void RiscvCpu::end_slice() {
  const std::uint64_t now = common::local_time_ps(ahead_);
  if (timeline_ != nullptr && now > slice_begin_ps_) {
    timeline_->slice(track_, slice_name_, slice_begin_ps_, now);
  }
}

ControlCpu::Work RiscvCpu::work() const {
  return {instructions(), counters_.loads + counters_.stores, counters_.interrupts,
          counters_.interrupt_latency_ps, counters_.busy_ps};
}

void RiscvCpu::collect(observe::StatisticsSink& sink) const {
  const Counters& c = counters_;
  sink.value("instructions", instructions(), "1", "Instructions executed");
  sink.value("bus_reads", c.loads, "1", "Loads from what grants no direct access: registers");
  sink.value("bus_writes", c.stores, "1", "Stores to what grants no direct access: registers");
  sink.value("bus_errors", c.bus_errors, "1", "Loads and stores answered with an error");
  sink.value("direct_regions", c.direct_regions, "1", "Regions of memory accessed directly");
  sink.value("exceptions", c.exceptions, "1", "Traps that an instruction caused");
  sink.value("interrupts", c.interrupts, "1", "Traps that an interrupt caused");
  sink.value("interrupt_latency", c.interrupt_latency_ps, "ps",
             "From the line to the trap, all interrupts together");
  sink.value("sleeps", c.sleeps, "1", "WFI that had to wait");
  sink.value("synchronisations", c.synchronisations, "1", "Times that the kernel caught up");
  sink.value("resets", c.resets, "1", "Rising edges of the reset input");
  sink.value("busy_time", c.busy_ps, "ps", "Time executing instructions and waiting for the bus");
  sink.value("bus_time", c.bus_ps, "ps", "Part of it in loads and stores on the bus");
  sink.value("idle_time", c.idle_ps, "ps", "Time asleep in WFI");
}

}  // namespace tandem::cpu
