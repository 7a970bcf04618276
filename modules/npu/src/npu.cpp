// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/npu.h"

#include <algorithm>
#include <string>

namespace tandem::npu {

using abi::Status;

namespace {

Config validated(const Config& config) {
  config.validate();
  return config;
}

bool runs_program(const abi::Command& command) {
  switch (static_cast<abi::Opcode>(command.opcode)) {
    case abi::Opcode::kRun:
    case abi::Opcode::kDraft:
    case abi::Opcode::kVerify:
    case abi::Opcode::kAttention:
      return true;
    default:
      return false;
  }
}

constexpr std::array<const char*, abi::kPhases> kPhaseNames = {"other",  "prefill", "draft",
                                                               "verify", "decode",  "attention"};

}  // namespace

Npu::Npu(const sc_core::sc_module_name& name, const Config& config)
    : sc_module(name),
      reset("reset"),
      memory("memory"),
      later_("later"),
      dma_agenda_("dma_agenda"),
      bank_(abi::npu::kBlock),
      target_("registers", bank_, {config.register_latency_ps, 8}),
      irq_("irq"),
      control_(bank_, irq_),
      dma_(dma_agenda_, config.burst_bytes, config.bulk_bytes, config.outstanding,
           config.pim_outstanding,
           [this](common::Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
             return forward(payload, phase, delay);
           }),
      core_(validated(config), later_, dma_),
      contexts_(config.contexts + config.queue_pairs) {
  TANDEM_HAS_PROCESS(Npu);
  for (Context& context : contexts_) {
    context.stream = std::make_unique<WeightStream>(dma_, config.weight_buffer_bytes, config.serial,
                                                    !config.timing_only);
  }
  for (unsigned i = 0; i < config.queue_pairs; ++i) {
    queues_.push_back(std::make_unique<QueuePair>(static_cast<QueuePair::Owner&>(*this), dma_, i,
                                                  config.fetch_ahead));
  }
  memory.register_nb_transport_bw(this, &Npu::backward);
  map_registers();
  SC_METHOD(on_reset_pin);
  sensitive << reset;
  dont_initialize();
  if (config.initiator == Initiator::kLt) SC_THREAD(lt_thread);
}

Npu::~Npu() = default;

// --- Memory port
// ----------------------------------------------------------------------------------

tlm::tlm_sync_enum Npu::forward(common::Payload& payload, tlm::tlm_phase& phase,
                                sc_core::sc_time& delay) {
  if (core_.config.initiator == Initiator::kAt)
    return memory->nb_transport_fw(payload, phase, delay);
  if (phase == tlm::BEGIN_REQ) {
    lt_queue_.push_back(&payload);
    lt_request_.notify(sc_core::SC_ZERO_TIME);
  }
  return tlm::TLM_ACCEPTED;
}

tlm::tlm_sync_enum Npu::backward(common::Payload& payload, tlm::tlm_phase& phase,
                                 sc_core::sc_time& delay) {
  return dma_.backward(payload, phase, delay);
}

void Npu::lt_thread() {
  for (;;) {
    while (lt_queue_.empty()) wait(lt_request_);
    common::Payload& payload = *lt_queue_.front();
    lt_queue_.pop_front();
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    memory->b_transport(payload, delay);
    wait(delay);
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time none = sc_core::SC_ZERO_TIME;
    dma_.backward(payload, phase, none);
  }
}

// --- Commands
// -------------------------------------------------------------------------------------

Fault Npu::check(const abi::Command& command) const {
  const auto bad = [](Status status, std::uint64_t value) { return Fault{status, 0xFFFF, value}; };
  if (command.opcode > static_cast<std::uint8_t>(abi::Opcode::kCancel)) {
    return bad(Status::kBadOpcode, command.opcode);
  }
  if (command.abi_version != abi::kAbiVersion) return bad(Status::kBadVersion, command.abi_version);
  if ((command.flags & ~abi::kCommandKnownFlags) != 0) {
    return bad(Status::kBadFlags, command.flags);
  }
  const bool semaphore = (command.flags & (abi::kCommandWait | abi::kCommandSignal)) != 0;
  if (semaphore && command.semaphore_address % 4 != 0) {
    return bad(Status::kBadParameter, command.semaphore_address);
  }
  if (command.context >= core_.config.contexts) return bad(Status::kBadContext, command.context);
  // COPY's byte count lies where the value to wait for would.
  const bool copy = command.opcode == static_cast<std::uint8_t>(abi::Opcode::kCopy);
  if (copy && (command.flags & abi::kCommandWait) != 0)
    return bad(Status::kBadFlags, command.flags);
  return {};
}

std::unique_ptr<Execution> Npu::try_start(unsigned queue, const abi::Command& command,
                                          Execution::Finished finished) {
  Context& context = context_of(queue, command);
  if (context.busy) return nullptr;
  context.busy = true;
  account();
  const std::uint64_t serial = next_serial_++;
  in_flight_.push_back({serial, command.phase % abi::kPhases, common::now_ps()});
  core_.watch.begin(serial, command.phase % abi::kPhases, common::now_ps());
  tell_phase();
  return std::make_unique<Execution>(core_, *context.stream, context.program, command,
                                     queues_[queue]->checked(), serial, std::move(finished));
}

void Npu::ended(unsigned queue, Execution& execution) {
  account();
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const InFlight& entry) {
    return entry.serial == execution.serial();
  });
  if (core_.timeline != nullptr) {
    core_.timeline->slice(queue_tracks_[queue], opcode_names_[execution.command().opcode],
                          found->begin_ps, common::now_ps(), execution.serial());
  }
  in_flight_.erase(found);
  adopt_clock();
  tell_phase();
  context_of(queue, execution.command()).busy = false;
  ++core_.commands;
  for (const auto& other : queues_) {
    if (other != queues_[queue]) {
      defer([pair = other.get()] { pair->retry(); });
    }
  }
}

Npu::Context& Npu::context_of(unsigned queue, const abi::Command& command) {
  return contexts_[runs_program(command) ? command.context : core_.config.contexts + queue];
}

void Npu::defer(std::function<void()> function) {
  core_.later.at(common::now_ps(), std::move(function));
}

void Npu::later(std::uint64_t delay_ps, std::function<void()> function) {
  core_.later.at(common::now_ps() + delay_ps, std::move(function));
}

bool Npu::cancel(std::uint32_t tag) {
  return std::any_of(queues_.begin(), queues_.end(),
                     [&](const auto& queue) { return queue->cancel(tag); });
}

void Npu::completed(unsigned queue, const abi::Completion& completion, bool interrupt) {
  if (completion.status != static_cast<std::uint8_t>(Status::kOk)) {
    report(static_cast<Status>(completion.status), completion.value);
  }
  if (interrupt) control_.raise(abi::npu::IRQ_RAW_COMPLETION.put(1u << queue));
}

// Time since the last call goes to the phase of the oldest command in flight.
void Npu::account() {
  const std::uint64_t elapsed_ps = common::now_ps() - accounted_ps_;
  accounted_ps_ = common::now_ps();
  if (in_flight_.empty()) {
    times_.idle_ps += elapsed_ps;
  } else {
    times_.phase_ps[in_flight_.front().phase] += elapsed_ps;
  }
}

void Npu::tell_phase() {
  if (phase() == told_phase_) return;
  const std::uint32_t ended = told_phase_;
  told_phase_ = phase();
  if (on_phase_end_) on_phase_end_(ended);
}

PhaseTimes Npu::phase_times() const {
  PhaseTimes times = times_;
  const std::uint64_t elapsed_ps = common::now_ps() - accounted_ps_;
  if (in_flight_.empty()) {
    times.idle_ps += elapsed_ps;
  } else {
    times.phase_ps[in_flight_.front().phase] += elapsed_ps;
  }
  return times;
}

bool Npu::idle() const {
  return std::all_of(queues_.begin(), queues_.end(),
                     [](const auto& queue) { return queue->idle(); });
}

// --- Reset
// ----------------------------------------------------------------------------------------

void Npu::on_reset_pin() {
  in_reset_ = reset->read();
  if (!in_reset_) return;
  reset_device();
  target_.reset();
}

// Accesses to registers that are in progress end as they began: a soft reset is one of them.
void Npu::reset_device() {
  account();
  in_flight_.clear();
  tell_phase();
  dma_.reset();
  core_.later.reset();
  core_.pim.reset();
  core_.array.reset();
  core_.matrix_engine.reset();
  core_.vector_engine.reset();
  core_.sampler_engine.reset();
  core_.link.reset();
  core_.attention_in_flight = 0;
  core_.turn.reset();
  for (const auto& queue : queues_) queue->reset();
  core_.kv_held_bytes = 0;
  for (Context& context : contexts_) {
    context.stream->reset();
    context.program.unload();
    context.busy = false;
  }
  std::fill(core_.activations.begin(), core_.activations.end(), std::uint8_t{0});
  bank_.reset();
  control_.reset();
  clock_divider_ = 1;
  adopt_clock();
  perf_base_ = running_counters();
  perf_cycles_ = {};
  if (core_.faults != nullptr) core_.faults->reset();
}

// --- Clock
// ----------------------------------------------------------------------------------------

void Npu::set_clock_period_ps(std::uint64_t period_ps) {
  undivided_period_ps_ = period_ps;
  adopt_clock();
}

// Not in the midst of a command.
void Npu::adopt_clock() {
  const std::uint64_t period_ps = undivided_period_ps_ * clock_divider_;
  if (!in_flight_.empty() || period_ps == core_.config.clock_period_ps) return;
  settle_cycles();
  set_periods(period_ps);
}

void Npu::set_periods(std::uint64_t period_ps) {
  core_.config.clock_period_ps = period_ps;
  core_.array.set_clock_period_ps(period_ps);
  core_.vector.set_clock_period_ps(period_ps);
  core_.sampler.set_clock_period_ps(period_ps);
}

// What has been counted so far was counted at the clock that ends now.
void Npu::settle_cycles() {
  const std::uint64_t period_ps = core_.config.clock_period_ps;
  for (auto& stages : core_.stages) {
    for (StageCounters& stage : stages) {
      stage.cycles.settle(stage.time_ps, period_ps);
      stage.pim_cycles.settle(stage.pim_ps, period_ps);
    }
  }
  const Perf now = running_counters();
  perf_cycles_.elapsed += (now.time_ps - perf_base_.time_ps) / period_ps;
  perf_cycles_.matrix += (now.matrix_ps - perf_base_.matrix_ps) / period_ps;
  perf_cycles_.vector += (now.vector_ps - perf_base_.vector_ps) / period_ps;
  perf_base_.time_ps = now.time_ps;
  perf_base_.matrix_ps = now.matrix_ps;
  perf_base_.vector_ps = now.vector_ps;
}

// --- Observation
// ----------------------------------------------------------------------------------

void Npu::set_timeline(observe::Timeline* timeline) {
  core_.timeline = timeline;
  dma_.set_timeline(timeline);
  core_.matrix_engine.set_timeline(timeline, "matrix");
  core_.vector_engine.set_timeline(timeline, "vector");
  core_.sampler_engine.set_timeline(timeline, "sampler");
  if (core_.link.connected()) core_.link.set_timeline(timeline);
  if (timeline == nullptr) return;
  for (unsigned i = 0; i < queues_.size(); ++i) {
    queue_tracks_[i] = timeline->track("npu", "queue " + std::to_string(i));
  }
  for (unsigned i = 0; i < opcode_names_.size(); ++i) {
    opcode_names_[i] = timeline->name(abi::name_of(static_cast<abi::Opcode>(i)));
  }
}

void Npu::collect_stages(std::size_t phase, observe::StatisticsSink& sink) const {
  static constexpr std::array<const char*, abi::kStages> kNames = {
      "other", "qkv", "attention", "projection", "ffn", "classifier"};
  for (std::size_t i = 0; i < abi::kStages; ++i) {
    const StageCounters& counters = core_.stages[phase][i];
    if (counters.time_ps == 0 && counters.read_bytes == 0) continue;
    const observe::StatisticsGroup stage(sink, kNames[i]);
    sink.value("time_ps", counters.time_ps, "ps",
               "Time in which the first primitive not done was of this stage");
    sink.value("cycles", counters.cycles.at(counters.time_ps, core_.config.clock_period_ps), "1",
               "The same in cycles of the NPU's clock");
    sink.value("matrix_ps", counters.matrix_ps, "ps", "Work of this stage on the array");
    sink.value("vector_ps", counters.vector_ps, "ps", "Work of this stage on the vector unit");
    sink.value("pim_busy_cycles",
               counters.pim_cycles.at(counters.pim_ps, core_.config.clock_period_ps), "1",
               "Cycles with a job of this stage at the PIM");
    if (core_.link.connected()) {
      sink.value("link_ps", counters.link_ps, "ps", "Exchanges of this stage on the link");
    }
    sink.value("read_bytes", counters.read_bytes, "B",
               "Weights, keys and values asked for at the memory port");
    collect_window(stage_window(static_cast<std::uint32_t>(phase), i), sink);
  }
}

void Npu::collect_window(const Window& window, observe::StatisticsSink& sink) const {
  if (window.time_ps == 0) return;
  const observe::StatisticsGroup group(sink, "window");
  sink.value("time_ps", window.time_ps, "ps", "Time with a command in it, however many");
  const auto busy = [&](const char* name, Part part, const char* description) {
    sink.value(name, window.busy_ps[part], "ps", description);
  };
  busy("memory_busy_ps", kMemory, "Of it, data on the memory's buses, mean of its channels");
  busy("matrix_busy_ps", kArray, "Of it, with the array at work");
  busy("vector_busy_ps", kVectorUnit, "Of it, with the vector unit at work");
  busy("sampler_busy_ps", kSampler, "Of it, with the sampler at work");
  busy("pim_busy_ps", kPim, "Of it, with computation in the banks, mean of the channels");
  if (core_.link.connected()) busy("link_busy_ps", kLink, "Of it, with exchanges on the link");
}

Window Npu::phase_window(std::uint32_t phase) const {
  return core_.watch.phase(phase, common::now_ps());
}

Window Npu::stage_window(std::uint32_t phase, std::size_t stage) const {
  return core_.watch.stage(phase, stage, common::now_ps());
}

void Npu::collect(observe::StatisticsSink& sink) const {
  sink.value("commands", core_.commands, "1", "Commands run");
  sink.value("failed_commands", core_.failed_commands, "1", "Of these, with an error");
  sink.value("primitives", core_.primitives, "1", "Primitives run");
  sink.value("pim_primitives", core_.pim_primitives, "1", "Of these, on the PIM");
  sink.value("pim_commands", core_.pim.commands(), "1", "Commands sent to the PIM");
  sink.value("attention_ps", core_.attention_ps, "ps",
             "Time in which an ATTENTION primitive was in flight");
  {
    const observe::StatisticsGroup group(sink, "phases");
    const PhaseTimes times = phase_times();
    sink.value("idle_ps", times.idle_ps, "ps", "Time without a command in flight");
    for (std::size_t i = 0; i < abi::kPhases; ++i) {
      const observe::StatisticsGroup phase(sink, kPhaseNames[i]);
      sink.value("time_ps", times.phase_ps[i], "ps",
                 "Time in which the oldest command in flight was of this phase");
      sink.value("passes", core_.phases[i].passes, "1", "Passes that chose or checked tokens");
      sink.value("weight_bytes", core_.phases[i].weight_bytes, "B",
                 "Weights, scales, tables, gains and embedding rows requested from memory");
      collect_window(phase_window(static_cast<std::uint32_t>(i)), sink);
      collect_stages(i, sink);
    }
  }
  const auto engine = [&](const char* name, const Engine& which, const auto& details) {
    const observe::StatisticsGroup group(sink, name);
    sink.value("busy_ps", which.busy_ps(), "ps", "Time in which it worked");
    details();
  };
  engine("matrix", core_.matrix_engine, [&] { core_.array.collect(sink); });
  engine("vector", core_.vector_engine, [&] { core_.vector.collect(sink); });
  engine("sampler", core_.sampler_engine, [&] { core_.sampler.collect(sink); });
  if (core_.link.connected()) {
    const observe::StatisticsGroup group(sink, "link");
    core_.link.collect(sink);
  }
  {
    const observe::StatisticsGroup group(sink, "dma");
    dma_.collect(sink);
  }
  std::uint64_t peak_bytes = 0;
  for (const Context& context : contexts_) {
    peak_bytes = std::max(peak_bytes, context.stream->peak_bytes());
  }
  sink.value("weight_buffer_peak_bytes", peak_bytes, "B", "Fullest weight buffer of a context");
}

void Npu::collect_energy(observe::EnergySink& sink) const {
  core_.array.collect_energy(sink);
  core_.vector.collect_energy(sink);
  if (core_.link.connected()) core_.link.collect_energy(sink);
  sink.spend("buffers",
             static_cast<double>(core_.buffer_bytes) * core_.config.buffer_fj_per_byte * 1e-3,
             core_.config.buffer_energy_source);
}

}  // namespace tandem::npu
