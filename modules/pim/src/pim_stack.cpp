// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/pim_stack.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "command_runner.h"
#include "gemv_plan.h"
#include "gemv_unit.h"
#include "tandem/common/stands_for.h"
#include "tandem/common/tlm_checks.h"
#include "tandem/pim/bank_layout.h"
#include "tandem/pim/operation_timing.h"

namespace tandem::pim {
namespace {

namespace regs = abi::pim;
using abi::PimCommand;
using abi::Status;
using common::Payload;

const Config& checked(const Config& config) {
  config.validate();
  return config;
}

memory::Stack::Config with_computing_banks(const Config& config) {
  memory::Stack::Config memory = config.memory;
  memory.compute =
      make_command_set(config.command_set_config(), memory.device, memory.controller)->banks();
  return memory;
}

tlm::tlm_response_status check_window(const Payload& payload) {
  const tlm::tlm_response_status attributes = common::check_attributes(payload);
  if (attributes != tlm::TLM_OK_RESPONSE) return attributes;
  const bool moves = payload.is_read() || payload.is_write();
  return moves ? tlm::TLM_OK_RESPONSE : tlm::TLM_COMMAND_ERROR_RESPONSE;
}

void move(Payload& payload, std::uint8_t* bytes, std::size_t length) {
  if (payload.is_read()) {
    std::memcpy(payload.get_data_ptr(), bytes, length);
  } else {
    std::memcpy(bytes, payload.get_data_ptr(), length);
  }
}

}  // namespace

struct PimStack::ChannelTiming {
  OperationTiming operations;
  std::uint64_t accesses;  // ordinary ones, when PIM had the row buffers last
  std::uint64_t end_ps;    // of the command before

  template <typename Archive>
  void archive(Archive& archive) {
    archive(operations, accesses, end_ps);
  }
};

class PimStack::BankListener final : public CommandRunner::Listener {
 public:
  explicit BankListener(PimStack& stack) : stack_(stack) {}
  void channel_done(unsigned channel, std::uint64_t begin_ps, std::uint64_t end_ps) override {
    stack_.channel_busy(channel, begin_ps, end_ps);
  }
  void job_done(std::uint64_t job, std::uint64_t done_ps) override {
    stack_.finished(job, done_ps);
  }

 private:
  PimStack& stack_;
};

PimStack::PimStack(const sc_core::sc_module_name& name, const Config& config)
    : sc_module(name),
      bank_(regs::kBlock),
      bus_("bus", bank_, {checked(config).register_latency_ps, config.max_outstanding}),
      interrupt_("interrupt"),
      registers(bus_.socket),
      irq(interrupt_.port),
      reset("reset"),
      config_(config),
      stack_("memory", with_computing_banks(config)),
      control_(bank_, interrupt_),
      agenda_("agenda"),
      unit_(std::make_unique<GemvUnit>(config_, stack_.store())),
      command_set_(make_command_set(config.command_set_config(), config.memory.device,
                                    config.memory.controller)),
      clock_period_ps_(config.clock_period_ps),
      channels_(stack_.channels()) {
  TANDEM_HAS_PROCESS(PimStack);
  plan_ = std::make_unique<GemvPlan>(*command_set_, stack_.mapping());
  if (stack_.commands() == nullptr) {
    const OperationTiming timing(config.memory.device, config.memory.controller,
                                 command_set_->banks(), command_set_->channel());
    timing_.assign(stack_.channels(), {timing, 0, 0});
  } else {
    listener_ = std::make_unique<BankListener>(*this);
    runner_ =
        std::make_unique<CommandRunner>(*stack_.commands(), command_set_->channel(), *listener_);
  }
  stack_.reset(reset);
  bus_.serve_windows([this](const WindowAccess& access) { return access_window(access); },
                     [this](Payload& payload) { return debug_window(payload); });
  control_.on_soft_reset([this] { reset_device(); });
  control_.on_busy([this] { return !in_flight_.empty(); });
  bank_.on_read(regs::QUEUE_FREE, [this](std::uint32_t) {
    const auto used = std::min<std::size_t>(in_flight_.size(), config_.queue_depth);
    return config_.queue_depth - static_cast<std::uint32_t>(used);
  });
  set_constants();
  SC_METHOD(on_reset_pin);
  sensitive << reset;
  dont_initialize();
}

PimStack::~PimStack() = default;

void PimStack::set_constants() {
  const memory::DeviceGeometry& geometry = config_.memory.device.geometry;
  bank_.set(regs::CAPABILITY,
            regs::CAPABILITY_DUAL_ROW_BUFFER.put(config_.row_buffer == RowBuffer::kDual ? 1 : 0) |
                regs::CAPABILITY_FORMATS.put(config_.formats));
  bank_.set(regs::CHANNELS, config_.memory.channels);
  bank_.set(regs::BANKS, geometry.banks());
  bank_.set(regs::LANES, config_.lanes.fp16);
  bank_.set(regs::DRAFT_LANES, config_.lanes.bsfp_draft);
  bank_.set(regs::ROW_BYTES, geometry.row_bytes);
  bank_.set(regs::VECTOR_BYTES, config_.vector_bytes);
  bank_.set(regs::RESULT_BYTES, config_.result_bytes);
  bank_.set(regs::QUEUE_DEPTH, config_.queue_depth);
  bank_.set(regs::ROW_OPEN_PS, row_open_ps());
  bank_.set(regs::BUFFER_BYTES, static_cast<std::uint32_t>(command_set_->vector_bytes()));
  bank_.set(regs::ACCUMULATORS, config_.accumulators_per_bank);
  bank_.set(regs::DRAM_BASE_LO, static_cast<std::uint32_t>(config_.dram_base));
  bank_.set(regs::DRAM_BASE_HI, static_cast<std::uint32_t>(config_.dram_base >> 32));
  bank_.set(regs::CLOCK_PS, static_cast<std::uint32_t>(clock_period_ps_));
  const BankLayout layout = bank_layout(stack_.mapping(), geometry);
  bank_.set(regs::BANK_LAYOUT, layout.banks_word);
  bank_.set(regs::CHANNEL_LAYOUT, layout.channels_word);
}

// Of the banks of a rank, as operation_timing.cpp has it for tiles that follow each other.
std::uint32_t PimStack::row_open_ps() const {
  const memory::ComputeBanks& banks = command_set_->banks();
  const memory::CycleTiming t(config_.memory.device);
  const std::uint32_t groups =
      std::max(1u, config_.memory.device.geometry.banks_per_rank() / banks.banks_per_activate);
  const std::uint64_t cycles = std::uint64_t{banks.compute_to_precharge} + t.RP +
                               (groups - 1) * std::uint64_t{banks.activate_spacing} +
                               banks.activate_to_compute;
  return static_cast<std::uint32_t>(cycles * config_.memory.device.timing.tCK);
}

void PimStack::set_clock_period_ps(std::uint64_t period_ps) {
  CommandSetConfig set = config_.command_set_config();
  set.clock_period_ps = period_ps;
  set.validate(config_.memory.device, config_.memory.controller);
  clock_period_ps_ = period_ps;
  command_set_->set_clock_period_ps(period_ps);
  bank_.set(regs::CLOCK_PS, static_cast<std::uint32_t>(period_ps));
}

std::uint64_t PimStack::dram_base() const {
  return std::uint64_t{bank_.get(regs::DRAM_BASE_HI)} << 32 | bank_.get(regs::DRAM_BASE_LO);
}

// --- Windows ---------------------------------------------------------------------------------

PimStack::WindowResult PimStack::access_window(const WindowAccess& access) {
  const std::uint64_t refused_ps = access.now_ps + config_.register_latency_ps;
  const tlm::tlm_response_status status = check_window(access.payload);
  if (status != tlm::TLM_OK_RESPONSE) return {status, refused_ps};
  if (in_reset_) return {tlm::TLM_GENERIC_ERROR_RESPONSE, refused_ps};

  const std::uint64_t address = access.payload.get_address();
  const std::uint64_t length = access.payload.get_data_length();
  if (address == abi::kPimCommandWindow) return access_command(access);
  if (address >= abi::kPimVectorWindow &&
      common::in_range(address - abi::kPimVectorWindow, length, config_.vector_bytes)) {
    return access_ram(access, unit_->vectors() + (address - abi::kPimVectorWindow));
  }
  const std::uint64_t offset = address - abi::kPimResultWindow;
  if (address >= abi::kPimResultWindow && common::in_range(offset, length, config_.result_bytes)) {
    if (access.payload.is_read()) return read_results(access, offset);
    return access_ram(access, unit_->results() + offset);
  }
  return {tlm::TLM_ADDRESS_ERROR_RESPONSE, refused_ps};
}

PimStack::WindowResult PimStack::access_ram(const WindowAccess& access, std::uint8_t* bytes) {
  const std::uint64_t length = access.payload.get_data_length();
  move(access.payload, bytes, length);
  return {tlm::TLM_OK_RESPONSE, transfer(length, access.now_ps) + config_.register_latency_ps};
}

// A read is held until the commands are done that were accepted before and write what it reads, and
// crosses the port then: what comes meanwhile goes ahead of it.
PimStack::WindowResult PimStack::read_results(const WindowAccess& access, std::uint64_t offset) {
  const std::uint64_t length = access.payload.get_data_length();
  const auto status = unit_->results_readable(offset, length) ? tlm::TLM_OK_RESPONSE
                                                              : tlm::TLM_GENERIC_ERROR_RESPONSE;
  move(access.payload, unit_->results() + offset, length);
  std::uint64_t ready_ps = access.now_ps;
  if (const std::uint64_t last = writer_of(offset, length); last != kUnknown) {
    const bool done = settled(last) && done_ps(last) <= access.now_ps;
    if (!done && access.may_pend) {
      held_.push_back({&access.payload, last, true, status});
      return {status, common::RegisterTarget::kPending};
    }
    wait_for(last);
    ready_ps = std::max(ready_ps, done_ps(last));
  }
  return {status, transfer(length, ready_ps) + config_.register_latency_ps};
}

std::uint64_t PimStack::writer_of(std::uint64_t offset, std::uint64_t bytes) const {
  for (std::size_t i = in_flight_.size(); i > 0; --i) {
    const InFlight& command = in_flight_[i - 1];
    if (command.result_begin < offset + bytes && offset < command.result_end) {
      return first_job_ + i - 1;
    }
  }
  return kUnknown;
}

PimStack::WindowResult PimStack::access_command(const WindowAccess& access) {
  const std::uint64_t refused_ps = access.now_ps + config_.register_latency_ps;
  if (!access.payload.is_write()) return {tlm::TLM_COMMAND_ERROR_RESPONSE, refused_ps};
  if (access.payload.get_data_length() != sizeof(PimCommand)) {
    return {tlm::TLM_BURST_ERROR_RESPONSE, refused_ps};
  }
  if (!control_.enabled()) return {tlm::TLM_GENERIC_ERROR_RESPONSE, refused_ps};
  PimCommand command;
  std::memcpy(&command, access.payload.get_data_ptr(), sizeof command);
  const std::uint64_t arrival_ps = transfer(sizeof command, access.now_ps);
  count_times(common::times_of(access.payload));

  // A full queue takes the command when the oldest of `queue_depth` before it is done.
  std::uint64_t accepted_ps = arrival_ps;
  if (in_flight_.size() >= config_.queue_depth) {
    const std::uint64_t oldest = next_job() - config_.queue_depth;
    if (!settled(oldest) && access.may_pend) {
      enqueue(command, arrival_ps, arrival_ps);
      count_times(1);
      held_.push_back({&access.payload, oldest, false, tlm::TLM_OK_RESPONSE});
      return {tlm::TLM_OK_RESPONSE, common::RegisterTarget::kPending};
    }
    wait_for(oldest);
    accepted_ps = std::max(accepted_ps, done_ps(oldest));
  }
  enqueue(command, arrival_ps, accepted_ps);
  count_times(1);
  return {tlm::TLM_OK_RESPONSE, accepted_ps + config_.register_latency_ps};
}

// Of the command that is being accepted.
void PimStack::count_times(std::uint64_t times) {
  times_ = times;
  stack_.count_times(times);
}

// Accesses cross the port one after the other; returns when the last byte is through.
std::uint64_t PimStack::transfer(std::uint64_t bytes, std::uint64_t earliest_ps) {
  const std::uint64_t cycles =
      (bytes + config_.port_bytes_per_cycle - 1) / config_.port_bytes_per_cycle;
  port_ready_ps_ = std::max(port_ready_ps_, earliest_ps) + cycles * clock_period_ps_;
  return port_ready_ps_;
}

unsigned PimStack::debug_window(Payload& payload) {
  const std::uint64_t address = payload.get_address();
  const unsigned length = payload.get_data_length();
  if (payload.get_data_ptr() == nullptr || (!payload.is_read() && !payload.is_write())) return 0;
  const auto serve = [&](std::uint64_t base, std::uint8_t* bytes, std::uint64_t size) -> unsigned {
    if (address < base || address - base >= size) return 0;
    const auto served =
        static_cast<unsigned>(std::min<std::uint64_t>(length, size - (address - base)));
    move(payload, bytes + (address - base), served);
    return served;
  };
  if (address >= abi::kPimResultWindow) {
    return serve(abi::kPimResultWindow, unit_->results(), config_.result_bytes);
  }
  return serve(abi::kPimVectorWindow, unit_->vectors(), config_.vector_bytes);
}

// --- Commands --------------------------------------------------------------------------------

// Vectors and computing need not wait for the acceptance: the banks work in the order of the
// commands anyway.
void PimStack::enqueue(const PimCommand& command, std::uint64_t arrival_ps,
                       std::uint64_t accepted_ps) {
  const GemvUnit::Outcome outcome = unit_->execute(command, dram_base());
  const bool is_gemv = command.opcode == static_cast<std::uint8_t>(abi::PimOpcode::kGemv);
  const std::uint64_t start_ps = arrival_ps + config_.command_latency_ps;
  std::uint64_t finished_ps = accepted_ps + config_.command_latency_ps;
  commands_ += times_;
  const std::uint64_t job = next_job();
  in_flight_.push_back({command.tag, outcome.status, outcome.address, command.output_offset,
                        is_gemv ? GemvUnit::results_end(command) : 0, kUnknown, kUnknown});
  if (outcome.status != Status::kOk) {
    errors_ += times_;
  } else if (is_gemv) {
    count(command);
    if (runner_ != nullptr) return launch(command, outcome.weights, start_ps);
    const std::vector<ChannelPlan>& plans = plan_->compile(command, outcome.weights);
    finished_ps = std::max(finished_ps, run_in_banks(plans, start_ps));
  }
  finished(job, finished_ps);
}

// At command fidelity: the banks say later when they are done.
void PimStack::launch(const PimCommand& command, const WeightBytes& weights,
                      std::uint64_t start_ps) {
  const std::uint64_t job = next_job() - 1;
  for (const ChannelPlan& plan : plan_->compile(command, weights)) {
    const Issue issued = issue(plan.operations.size(), start_ps);
    runner_->run(job, plan.channel, plan.operations, issued.start_ps, issued.gap_ps);
    ChannelCounters& counters = channels_[plan.channel];
    counters.commands += times_;
    counters.counts.add(plan.counts, times_);
  }
}

std::uint64_t PimStack::done_ps(std::uint64_t job) const {
  return job < first_job_ ? common::now_ps()
                          : in_flight_[static_cast<std::size_t>(job - first_job_)].done_ps;
}

// For LT initiators: runs the banks ahead.
void PimStack::wait_for(std::uint64_t job) {
  if (settled(job)) return;
  stack_.commands()->run_ahead([this, job] { return settled(job); });
}

void PimStack::finished(std::uint64_t job, std::uint64_t time_ps) {
  if (job < first_job_) return;
  in_flight_[static_cast<std::size_t>(job - first_job_)].finished_ps = time_ps;
  settle();
}

void PimStack::settle() {
  while (settled_ < in_flight_.size() && in_flight_[settled_].finished_ps != kUnknown) {
    InFlight& command = in_flight_[settled_];
    last_done_ps_ = std::max(last_done_ps_, command.finished_ps);
    command.done_ps = last_done_ps_;
    agenda_.at(last_done_ps_, [this] { complete(); });
    answer_held(first_job_ + settled_, false, last_done_ps_);
    ++settled_;
  }
}

void PimStack::answer_held(std::uint64_t job, bool results, std::uint64_t done_ps) {
  for (auto held = held_.begin(); held != held_.end();) {
    if (held->job != job || held->is_result != results) {
      ++held;
      continue;
    }
    std::uint64_t ready_ps = std::max(done_ps, common::now_ps());
    if (results) ready_ps = transfer(held->payload->get_data_length(), ready_ps);
    bus_.complete(*held->payload, held->status, ready_ps + config_.register_latency_ps);
    held = held_.erase(held);
  }
}

// An operation is a command.
PimStack::Issue PimStack::issue(std::size_t operations, std::uint64_t earliest_ps) {
  if (config_.command_path == CommandPath::kPerChannel) return {earliest_ps, 0};
  const std::uint64_t start_ps = std::max(earliest_ps, path_ready_ps_);
  path_ready_ps_ = start_ps + operations * clock_period_ps_;
  return {start_ps, clock_period_ps_};
}

// At transaction fidelity: the same operations, added up.
std::uint64_t PimStack::run_in_banks(const std::vector<ChannelPlan>& plans,
                                     std::uint64_t start_ps) {
  std::uint64_t done_ps = start_ps;
  for (const ChannelPlan& plan : plans) {
    done_ps = std::max(done_ps, run_in_channel(plan, issue(plan.operations.size(), start_ps)));
    ChannelCounters& counters = channels_[plan.channel];
    counters.commands += times_;
    counters.counts.add(plan.counts, times_);
  }
  return done_ps;
}

std::uint64_t PimStack::run_in_channel(const ChannelPlan& plan, const Issue& issue) {
  const bool single = config_.row_buffer == RowBuffer::kSingle;
  const std::uint64_t tck_ps = config_.memory.device.timing.tCK;
  const std::uint64_t banks = single ? memory::Channel::kAllBanks : 0;
  memory::Channel& channel = stack_.channel(plan.channel);
  ChannelTiming& state = timing_[plan.channel];
  OperationTiming& timing = state.operations;

  std::uint64_t begin_ps = std::max(issue.start_ps, timing.now() * tck_ps);
  if (single) {
    // Ordinary accesses since then have closed the rows of PIM.
    const memory::Channel::Counters c = channel.counters();
    const std::uint64_t accesses = c.row_hits + c.row_misses + c.row_conflicts;
    if (accesses != state.accesses) {
      timing.shut_rows();
      begin_ps = std::max(begin_ps, channel.banks_free_ps(banks, issue.start_ps));
    }
    state.accesses = accesses;
  }
  timing.wait_until((begin_ps + tck_ps - 1) / tck_ps);
  memory::Cycle done = timing.now();
  std::uint64_t issued_ps = issue.start_ps;
  for (const BankOperation& operation : plan.operations) {
    if (issue.gap_ps > 0) timing.wait_until((issued_ps + tck_ps - 1) / tck_ps);
    issued_ps += issue.gap_ps;
    done = std::max(done, timing.run(operation));
  }
  const std::uint64_t done_ps = done * tck_ps;
  const std::uint64_t free_ps = single ? timing.shut_by() * tck_ps : done_ps;
  // Its rows are in the ledger of the PIM.
  channel.reserve_compute(banks, begin_ps, std::max(free_ps, begin_ps), 0);
  if (!single) {
    reserve_bus(plan.channel,
                plan.counts.result_reads * config_.memory.device.geometry.burst_bytes(), begin_ps);
  }
  // Results of a command are on their way while the next one begins.
  channel_busy(plan.channel, std::max(begin_ps, state.end_ps), done_ps);
  state.end_ps = done_ps;
  return done_ps;
}

// Not before it begins: a promise that lies ahead would hold up what comes first.
void PimStack::reserve_bus(unsigned channel, std::uint64_t bytes, std::uint64_t begin_ps) {
  if (begin_ps <= common::now_ps()) {
    stack_.channel(channel).reserve_bus(bytes, false, begin_ps);
    return;
  }
  const auto short_bytes = static_cast<std::uint32_t>(bytes);
  const auto times = static_cast<std::uint32_t>(times_);
  agenda_.at(begin_ps, [this, channel, short_bytes, times] {
    memory::Channel& memory = stack_.channel(channel);
    memory.count_times(times);
    memory.reserve_bus(short_bytes, false, common::now_ps());
    memory.count_times(1);
  });
}

void PimStack::channel_busy(unsigned channel, std::uint64_t begin_ps, std::uint64_t end_ps) {
  channels_[channel].busy_ps += times_ * (end_ps - begin_ps);
  channels_[channel].worked.add(begin_ps, end_ps, common::now_ps());
  if (timeline_ != nullptr) timeline_->slice(tracks_[channel], slice_name_, begin_ps, end_ps);
}

std::uint64_t PimStack::worked_ps() const {
  const std::uint64_t now_ps = common::now_ps();
  std::uint64_t sum_ps = 0;
  for (const ChannelCounters& channel : channels_) sum_ps += channel.worked.until(now_ps);
  return sum_ps / channels_.size();
}

void PimStack::count(const PimCommand& command) {
  const std::uint64_t macs =
      times_ * std::uint64_t{command.rows} * command.columns * command.vectors;
  switch (abi::stream_bits(static_cast<abi::Format>(command.format))) {
    case 16:
      macs_16_ += macs;
      break;
    case 8:
      macs_8_ += macs;
      break;
    default:
      macs_4_ += macs;
      break;
  }
  vector_bytes_ += times_ * 2ull * command.columns * command.vectors;
  if ((command.flags & abi::kPimLast) != 0) {
    const bool wide = (command.flags & abi::kPimWide) != 0;
    result_bytes_ += times_ * (wide ? 4 : 2) * results_of(command);
  }
}

void PimStack::complete() {
  const InFlight done = in_flight_.front();
  in_flight_.pop_front();
  ++first_job_;
  --settled_;
  bank_.set(regs::COMPLETED_TAG, done.tag);
  if (done.status != Status::kOk) {
    control_.log_error(static_cast<std::uint32_t>(done.status), done.address);
    control_.raise(regs::IRQ_RAW_ERROR.mask());
  }
  if (in_flight_.empty()) control_.raise(regs::IRQ_RAW_DONE.mask());
  answer_held(first_job_ - 1, true, done.done_ps);
}

// --- Reset -----------------------------------------------------------------------------------

void PimStack::on_reset_pin() {
  in_reset_ = reset->read();
  if (!in_reset_) return;
  reset_device();
  const std::uint64_t tck_ps = config_.memory.device.timing.tCK;
  for (ChannelTiming& timing : timing_) {
    timing.operations.reset((common::now_ps() + tck_ps - 1) / tck_ps);
    timing.end_ps = 0;
  }
}

// Work that the banks have begun cannot be taken back: ordinary accesses wait for its end unless
// the memory is reset as well, as the reset pin does.
void PimStack::reset_device() {
  agenda_.clear();
  first_job_ += in_flight_.size();
  in_flight_.clear();
  settled_ = 0;
  held_.clear();
  if (runner_ != nullptr) runner_->reset();
  for (ChannelCounters& channel : channels_) channel.worked.stop(common::now_ps());
  last_done_ps_ = 0;
  port_ready_ps_ = path_ready_ps_ = 0;
  unit_->reset();
  bank_.reset();
  set_constants();
  control_.reset();
  bus_.reset();
}

bool PimStack::quiescent() const {
  return in_flight_.empty() && held_.empty() && agenda_.empty() && bus_.quiescent() &&
         (runner_ == nullptr || runner_->idle()) && stack_.quiescent();
}

void PimStack::archive(common::Archive& archive) {
  archive(bank_, bus_, interrupt_, control_, stack_, *unit_);
  archive.in_place(timing_);
  if (runner_ != nullptr) archive(*runner_);
  archive(in_reset_, first_job_, settled_, last_done_ps_, port_ready_ps_, path_ready_ps_, times_);
  archive(commands_, errors_, macs_16_, macs_8_, macs_4_, vector_bytes_, result_bytes_);
  archive.in_place(channels_);
}

}  // namespace tandem::pim
