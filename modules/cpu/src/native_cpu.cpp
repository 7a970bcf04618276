// SPDX-License-Identifier: Apache-2.0
#include "tandem/cpu/native_cpu.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "tandem/common/payload_pool.h"

namespace tandem::cpu {

namespace {

void require_positive(const char* field, std::uint64_t value) {
  if (value > 0) return;
  throw std::invalid_argument(std::string("NativeCpu::Config::") + field +
                              " is 0, but must be greater than 0");
}

NativeCpu& self(void* context) {
  return *static_cast<NativeCpu*>(context);
}

}  // namespace

void NativeCpu::Config::validate() const {
  require_positive("hal_call_ps", hal_call_ps);
  require_positive("relax_ps", relax_ps);
  require_positive("wake_up_ps", wake_up_ps);
}

NativeCpu::NativeCpu(const sc_core::sc_module_name& name, const tandem_firmware& firmware,
                     const Config& config)
    : ControlCpu(name), bus("bus"), firmware_(firmware), config_(config), hal_(make_hal()) {
  config_.validate();
  common::require_picosecond_resolution();
  bus.register_invalidate_direct_mem_ptr(this, &NativeCpu::invalidate_dmi);
  arena_.resize(firmware.arena_bytes);

  TANDEM_HAS_PROCESS(NativeCpu);
  SC_THREAD(run);
  SC_METHOD(on_reset);
  sensitive << reset;
  dont_initialize();
}

tandem_hal NativeCpu::make_hal() {
  tandem_hal hal{};
  hal.context = this;
  hal.read32 = [](void* context, std::uint64_t address, std::uint32_t* value) {
    self(context).begin_call(self(context).counters_.reads);
    *value = 0;
    return self(context).access(tlm::TLM_READ_COMMAND, address, *value);
  };
  hal.write32 = [](void* context, std::uint64_t address, std::uint32_t value) {
    self(context).begin_call(self(context).counters_.writes);
    return self(context).access(tlm::TLM_WRITE_COMMAND, address, value);
  };
  hal.dma_window = [](void* context, std::uint64_t address, std::uint64_t bytes) {
    self(context).begin_call(self(context).counters_.windows);
    return self(context).window(address, bytes);
  };
  // Native stores are visible at once.
  hal.barrier = [](void* context) { self(context).begin_call(self(context).counters_.barriers); };
  hal.relax = [](void* context) {
    self(context).begin_call(self(context).counters_.relaxes);
    self(context).spend(self(context).config_.relax_ps);
    self(context).synchronise();
  };
  hal.wait_irq = [](void* context, std::uint64_t timeout_ns) {
    self(context).begin_call(self(context).counters_.irq_waits);
    constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max();
    return self(context).sleep(std::min(timeout_ns, kLongest / 1000) * 1000) ? 1 : 0;
  };
  hal.now_ns = [](void* context) {
    self(context).begin_call(self(context).counters_.clock_reads);
    return common::local_time_ps(self(context).ahead_) / 1000;
  };
  hal.log = [](void* context, const char* text, std::uint32_t bytes) {
    self(context).begin_call(self(context).counters_.logs);
    if (self(context).config_.log) self(context).config_.log(std::string_view(text, bytes));
  };
  return hal;
}

// --- time ---------------------------------------------------------------------------------------

void NativeCpu::spend(std::uint64_t ps) {
  counters_.busy_ps += ps;
  ahead_ += common::from_ps(ps);
}

void NativeCpu::synchronise() {
  if (ahead_ == sc_core::SC_ZERO_TIME) return;
  wake_.set(common::local_time_ps(ahead_));
  ahead_ = sc_core::SC_ZERO_TIME;
  wait(time_is_up_);
}

void NativeCpu::begin_call(std::uint64_t& counter) {
  ++counter;
  spend(config_.hal_call_ps);
  if (common::to_ps(ahead_) > config_.quantum_ps) synchronise();
}

// True when an interrupt is pending. A reset ends the sleep, too.
bool NativeCpu::sleep(std::uint64_t limit_ps) {
  synchronise();
  if (!irq_level() && !aborted_) {
    end_slice();
    const std::uint64_t begin_ps = common::now_ps();
    wake_.set(begin_ps + limit_ps);
    if (irq.size() > 0) {
      wait(irq->posedge_event() | reset_event_ | time_is_up_);
    } else {
      wait(reset_event_ | time_is_up_);
    }
    wake_.cancel();
    slice_begin_ps_ = common::now_ps();
    counters_.idle_ps += slice_begin_ps_ - begin_ps;
  }
  if (!irq_level()) return false;
  ++counters_.interrupts;
  return true;
}

// --- the bus ------------------------------------------------------------------------------------

int NativeCpu::access(tlm::tlm_command command, std::uint64_t address, std::uint32_t& value) {
  if (aborted_) return TANDEM_HAL_BUS_ERROR;
  std::uint32_t data = value;
  common::set_attributes(payload_, command, address, reinterpret_cast<unsigned char*>(&data),
                         sizeof data);
  const std::uint64_t begin_ps = common::local_time_ps(ahead_);
  bus->b_transport(payload_, ahead_);
  counters_.busy_ps += common::local_time_ps(ahead_) - begin_ps;
  if (!payload_.is_response_ok()) {
    ++counters_.bus_errors;
    return TANDEM_HAL_BUS_ERROR;
  }
  if (command == tlm::TLM_READ_COMMAND) value = data;
  return TANDEM_HAL_OK;
}

void* NativeCpu::window(std::uint64_t address, std::uint64_t bytes) {
  if (aborted_) return nullptr;
  if (unsigned char* known = dmi_.find(address, bytes)) return known;
  common::set_attributes(payload_, tlm::TLM_WRITE_COMMAND, address, nullptr, 0);
  tlm::tlm_dmi region;
  if (!bus->get_direct_mem_ptr(payload_, region)) return nullptr;
  dmi_.insert(region);
  return dmi_.find(address, bytes);
}

void NativeCpu::invalidate_dmi(sc_dt::uint64 first, sc_dt::uint64 last) {
  dmi_.invalidate(first, last);
}

// --- life ---------------------------------------------------------------------------------------

void NativeCpu::on_reset() {
  if (!reset_level()) return;
  aborted_ = true;
  ++counters_.resets;
  reset_event_.notify();
}

void NativeCpu::run() {
  if (await_restore()) live();
  for (;;) {
    while (reset_level()) wait(reset->negedge_event());
    aborted_ = false;
    begin_life();
    begin_firmware();
    live();
  }
}

void NativeCpu::begin_firmware() {
  std::fill(arena_.begin(), arena_.end(), std::byte{0});
  slice_begin_ps_ = common::now_ps();
  init_status_ = firmware_.init(arena_.data(), &hal_, config_.boot_info_address);
  next_ = init_status_ == 0 ? TANDEM_STEP_AGAIN : TANDEM_STEP_DONE;
}

// Until a reset comes.
void NativeCpu::live() {
  run_firmware();
  synchronise();
  if (aborted_) return;
  end_slice();
  finish(init_status_);
  wait(reset_event_);
}

// Returns when the firmware is done or a reset has come.
void NativeCpu::run_firmware() {
  while (next_ != TANDEM_STEP_DONE) {
    if (next_ == TANDEM_STEP_WAIT) sleep(config_.wake_up_ps);
    if (aborted_) return;
    begin_call(counters_.steps);
    next_ = firmware_.step(arena_.data(), &hal_);
    if (next_ != TANDEM_STEP_DONE && !aborted_) save_point();
  }
}

// At a save point, which is between two steps: the firmware's state is its arena.
void NativeCpu::archive(common::Archive& archive) {
  ControlCpu::archive(archive);
  std::uint64_t ahead_ps = common::to_ps(ahead_);
  archive(ahead_ps, next_, aborted_, init_status_, slice_begin_ps_, counters_);
  ahead_ = common::from_ps(ahead_ps);
  archive.pages(reinterpret_cast<std::uint8_t*>(arena_.data()), arena_.size(), nullptr);
}

// --- observation --------------------------------------------------------------------------------

void NativeCpu::set_timeline(observe::Timeline* timeline) {
  timeline_ = timeline;
  if (timeline_ == nullptr) return;
  track_ = timeline_->track(basename(), "firmware");
  slice_name_ = timeline_->name("awake");
}

void NativeCpu::end_slice() {
  const std::uint64_t now = common::local_time_ps(ahead_);
  if (timeline_ != nullptr && now > slice_begin_ps_) {
    timeline_->slice(track_, slice_name_, slice_begin_ps_, now);
  }
}

// An interrupt ends a sleep at once; what follows costs HAL calls.
ControlCpu::Work NativeCpu::work() const {
  return {0, counters_.reads + counters_.writes, counters_.interrupts, 0, counters_.busy_ps};
}

void NativeCpu::collect(observe::StatisticsSink& sink) const {
  const Counters& c = counters_;
  sink.value("steps", c.steps, "1", "Calls of the firmware's step function");
  sink.value("bus_reads", c.reads, "1", "Register reads");
  sink.value("bus_writes", c.writes, "1", "Register writes");
  sink.value("bus_errors", c.bus_errors, "1", "Register accesses answered with an error");
  sink.value("dma_windows", c.windows, "1", "HAL calls for a pointer to device memory");
  sink.value("barriers", c.barriers, "1", "HAL calls of barrier");
  sink.value("relaxes", c.relaxes, "1", "HAL calls of relax: turns of polling loops");
  sink.value("irq_waits", c.irq_waits, "1", "HAL calls of wait_irq");
  sink.value("clock_reads", c.clock_reads, "1", "HAL calls of now_ns");
  sink.value("logs", c.logs, "1", "HAL calls of log");
  sink.value("interrupts", c.interrupts, "1", "Sleeps that an interrupt ended or prevented");
  sink.value("resets", c.resets, "1", "Rising edges of the reset input");
  sink.value("busy_time", c.busy_ps, "ps", "Time in HAL calls, bus accesses and polling");
  sink.value("idle_time", c.idle_ps, "ps", "Time asleep, waiting for an interrupt");
}

}  // namespace tandem::cpu
