// SPDX-License-Identifier: Apache-2.0
#include "tandem/pim/pim_stack.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "gemv_timing.h"
#include "gemv_unit.h"
#include "tandem/common/tlm_checks.h"
#include "tandem/pim/bank_layout.h"

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

PimStack::PimStack(const sc_core::sc_module_name& name, const Config& config)
    : sc_module(name),
      bank_(regs::kBlock),
      bus_("bus", bank_, {checked(config).register_latency_ps, config.max_outstanding}),
      interrupt_("interrupt"),
      registers(bus_.socket),
      irq(interrupt_.port),
      reset("reset"),
      config_(config),
      stack_("memory", config.memory),
      control_(bank_, interrupt_),
      agenda_("agenda"),
      unit_(std::make_unique<GemvUnit>(config_, stack_.store())),
      timing_(std::make_unique<GemvTiming>(config_, stack_.mapping())),
      clock_period_ps_(config.clock_period_ps),
      channel_ready_ps_(stack_.channels()),
      channels_(stack_.channels()) {
  TANDEM_HAS_PROCESS(PimStack);
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
  bank_.set(regs::DRAM_BASE_LO, static_cast<std::uint32_t>(config_.dram_base));
  bank_.set(regs::DRAM_BASE_HI, static_cast<std::uint32_t>(config_.dram_base >> 32));
  bank_.set(regs::CLOCK_PS, static_cast<std::uint32_t>(clock_period_ps_));
  const BankLayout layout = bank_layout(stack_.mapping(), geometry);
  bank_.set(regs::BANK_LAYOUT, layout.banks_word);
  bank_.set(regs::CHANNEL_LAYOUT, layout.channels_word);
}

void PimStack::set_clock_period_ps(std::uint64_t period_ps) {
  if (period_ps == 0) throw std::invalid_argument("pim.clock_period_ps = 0: must be at least 1");
  clock_period_ps_ = period_ps;
  timing_->set_clock_period_ps(period_ps);
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
    return access_ram(access, unit_->vectors() + (address - abi::kPimVectorWindow), 0);
  }
  const std::uint64_t offset = address - abi::kPimResultWindow;
  if (address >= abi::kPimResultWindow && common::in_range(offset, length, config_.result_bytes)) {
    // A read is held until every command accepted before is done, and crosses the port then.
    const std::uint64_t ready_ps = access.payload.is_read() ? last_done_ps_ : 0;
    WindowResult result = access_ram(access, unit_->results() + offset, ready_ps);
    if (!access.payload.is_read()) return result;
    if (!unit_->results_readable(offset, length)) result.status = tlm::TLM_GENERIC_ERROR_RESPONSE;
    return result;
  }
  return {tlm::TLM_ADDRESS_ERROR_RESPONSE, refused_ps};
}

PimStack::WindowResult PimStack::access_ram(const WindowAccess& access, std::uint8_t* bytes,
                                            std::uint64_t ready_ps) {
  const std::uint64_t length = access.payload.get_data_length();
  move(access.payload, bytes, length);
  const std::uint64_t moved_ps = transfer(length, std::max(access.now_ps, ready_ps));
  return {tlm::TLM_OK_RESPONSE, moved_ps + config_.register_latency_ps};
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
  return {tlm::TLM_OK_RESPONSE, enqueue(command, arrival_ps) + config_.register_latency_ps};
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

std::uint64_t PimStack::enqueue(const PimCommand& command, std::uint64_t arrival_ps) {
  // A full queue takes the command when the oldest of `queue_depth` before it is done.
  std::uint64_t accepted_ps = arrival_ps;
  if (in_flight_.size() >= config_.queue_depth) {
    const InFlight& oldest = in_flight_[in_flight_.size() - config_.queue_depth];
    accepted_ps = std::max(accepted_ps, oldest.done_ps);
  }
  const GemvUnit::Outcome outcome = unit_->execute(command, dram_base());
  const bool is_gemv = command.opcode == static_cast<std::uint8_t>(abi::PimOpcode::kGemv);
  // Its vectors need not wait for that: the banks work in the order of the commands anyway.
  const std::uint64_t start_ps = arrival_ps + config_.command_latency_ps;
  std::uint64_t done_ps = accepted_ps + config_.command_latency_ps;
  ++commands_;
  if (outcome.status != Status::kOk) {
    ++errors_;
  } else if (is_gemv) {
    const std::vector<ChannelWork>& work = timing_->plan(command, outcome.weights);
    done_ps = std::max(done_ps, run_in_banks(command, work, start_ps));
    count(command);
  }
  last_done_ps_ = std::max(last_done_ps_, done_ps);
  in_flight_.push_back({last_done_ps_, command.tag, outcome.status, outcome.address});
  agenda_.at(last_done_ps_, [this] { complete(); });
  return accepted_ps;
}

std::uint64_t PimStack::run_in_banks(const PimCommand& command,
                                     const std::vector<ChannelWork>& work, std::uint64_t start_ps) {
  const bool stores = (command.flags & abi::kPimLast) != 0;
  const std::uint64_t vector_bytes = 2ull * command.columns * command.vectors;
  const std::uint64_t result_bytes =
      stores ? (2 * results_of(command) + work.size() - 1) / work.size() : 0;
  const std::uint64_t banks =
      config_.row_buffer == RowBuffer::kSingle ? memory::Channel::kAllBanks : 0;
  const memory::DeviceTiming& t = config_.memory.device.timing;
  std::uint64_t done_ps = start_ps;
  for (const ChannelWork& w : work) {
    memory::Channel& channel = stack_.channel(w.channel);
    const memory::Interval load = channel.reserve_bus(vector_bytes, true, start_ps);
    const memory::Interval compute = channel.reserve_compute(
        banks, std::max(load.end_ps, channel_ready_ps_[w.channel]), w.duration_ps, w.activations);
    channel_ready_ps_[w.channel] = compute.end_ps;
    std::uint64_t end_ps = compute.end_ps;
    if (stores) {
      const memory::Interval read = channel.reserve_bus(result_bytes, false, load.end_ps);
      end_ps = std::max(end_ps + t.CL, read.begin_ps) + (read.end_ps - read.begin_ps);
    }
    done_ps = std::max(done_ps, end_ps);

    ChannelCounters& counters = channels_[w.channel];
    ++counters.commands;
    counters.busy_ps += compute.end_ps - compute.begin_ps;
    counters.activations += w.activations;
    counters.columns += w.columns;
    if (timeline_ != nullptr) {
      timeline_->slice(tracks_[w.channel], slice_name_, compute.begin_ps, compute.end_ps);
    }
  }
  return done_ps;
}

void PimStack::count(const PimCommand& command) {
  const std::uint64_t macs = std::uint64_t{command.rows} * command.columns * command.vectors;
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
  vector_bytes_ += 2ull * command.columns * command.vectors;
  if ((command.flags & abi::kPimLast) != 0) {
    result_bytes_ += 2 * results_of(command);
  }
}

void PimStack::complete() {
  const InFlight done = in_flight_.front();
  in_flight_.pop_front();
  bank_.set(regs::COMPLETED_TAG, done.tag);
  if (done.status != Status::kOk) {
    control_.log_error(static_cast<std::uint32_t>(done.status), done.address);
    control_.raise(regs::IRQ_RAW_ERROR.mask());
  }
  if (in_flight_.empty()) control_.raise(regs::IRQ_RAW_DONE.mask());
}

// --- Reset -----------------------------------------------------------------------------------

void PimStack::on_reset_pin() {
  in_reset_ = reset->read();
  if (in_reset_) reset_device();
}

// Work that the banks have begun cannot be taken back: ordinary accesses wait for its end unless
// the memory is reset as well, as the reset pin does.
void PimStack::reset_device() {
  agenda_.clear();
  in_flight_.clear();
  last_done_ps_ = 0;
  port_ready_ps_ = 0;
  std::fill(channel_ready_ps_.begin(), channel_ready_ps_.end(), 0);
  unit_->reset();
  bank_.reset();
  set_constants();
  control_.reset();
  bus_.reset();
}

}  // namespace tandem::pim
