// SPDX-License-Identifier: Apache-2.0
#include "tandem/pe_array/pe_array.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tandem/common/tlm_checks.h"
#include "tandem/numerics/dot.h"

namespace tandem::pe_array {
namespace {

namespace regs = abi::pe_array;
using abi::Status;

constexpr std::uint32_t kWindowStride = abi::kPeRemainderWindow - abi::kPeWeightWindow;
constexpr std::uint32_t kAlignment = 64;  // of scales behind tables

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

void require(bool holds, const char* field, std::uint64_t value, const char* rule) {
  if (holds) return;
  throw std::invalid_argument("pe_array." + std::string(field) + " = " + std::to_string(value) +
                              ": " + rule);
}

std::uint32_t formats_mask() {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < abi::kFormatCount; ++i) {
    if (is_weight_format(static_cast<abi::Format>(i))) mask |= 1u << i;
  }
  return mask;
}

}  // namespace

void DeviceConfig::validate() const {
  array.validate();
  require(window_bytes > 0 && window_bytes <= kWindowStride && window_bytes % kAlignment == 0,
          "window_bytes", window_bytes, "must be a multiple of 64, 64..1048576");
  require(port_bytes_per_cycle > 0, "port_bytes_per_cycle", port_bytes_per_cycle,
          "must be at least 1");
  require(max_outstanding >= 1 && max_outstanding <= 1024, "max_outstanding", max_outstanding,
          "must be 1..1024");
}

PeArray::PeArray(const sc_core::sc_module_name& name, const DeviceConfig& config)
    : sc_module(name),
      bank_(regs::kBlock),
      bus_("bus", bank_, {config.register_latency_ps, config.max_outstanding}),
      interrupt_("interrupt"),
      target(bus_.socket),
      irq(interrupt_.port),
      reset("reset"),
      config_(config),
      core_(config.array),
      control_(bank_, interrupt_),
      agenda_("agenda") {
  TANDEM_HAS_PROCESS(PeArray);
  config_.validate();
  for (auto& window : windows_) window.resize(config_.window_bytes);
  bus_.serve_windows([this](const auto& access) { return access_window(access); },
                     [this](common::Payload& payload) { return debug_window(payload); });
  control_.on_soft_reset([this] { reset_device(); });
  control_.on_busy([this] { return is_busy_; });
  bank_.on_write(regs::START, [this](std::uint32_t, std::uint32_t value) {
    if (value == 1) start();
  });
  bank_.on_read(regs::CYCLES,
                [this](std::uint32_t) { return static_cast<std::uint32_t>(last_cycles_); });
  set_constants();
  SC_METHOD(on_reset_pin);
  sensitive << reset;
  dont_initialize();
}

void PeArray::set_constants() {
  bank_.set(regs::CAPABILITY, regs::CAPABILITY_FORMATS.put(formats_mask()) |
                                  regs::CAPABILITY_WEIGHT_STATIONARY.put(1) |
                                  regs::CAPABILITY_OUTPUT_STATIONARY.put(1));
  bank_.set(regs::ARRAY_ROWS, config_.array.rows);
  bank_.set(regs::ARRAY_COLUMNS, config_.array.columns);
  bank_.set(regs::WINDOW_BYTES, config_.window_bytes);
  bank_.set(regs::DATAFLOW, static_cast<std::uint32_t>(config_.array.dataflow));
}

void PeArray::set_clock_period_ps(std::uint64_t period_ps) {
  core_.set_clock_period_ps(period_ps);
}

void PeArray::set_timeline(observe::Timeline* timeline) {
  timeline_ = timeline;
  if (timeline_ == nullptr) return;
  track_ = timeline_->track(name(), "array");
  slice_name_ = timeline_->name("tile");
}

// --- Windows ---------------------------------------------------------------------------------

std::uint8_t* PeArray::locate(std::uint64_t address, std::uint64_t length) {
  if (address < abi::kPeWeightWindow || address >= abi::kPeWindowBytes) return nullptr;
  const std::uint64_t offset = address % kWindowStride;
  if (!common::in_range(offset, length, config_.window_bytes)) return nullptr;
  return windows_[(address - abi::kPeWeightWindow) / kWindowStride].data() + offset;
}

common::RegisterTarget::WindowResult PeArray::access_window(
    const common::RegisterTarget::WindowAccess& access) {
  common::Payload& payload = access.payload;
  const std::uint64_t length = payload.get_data_length();
  const std::uint64_t refused_ps = access.now_ps + config_.register_latency_ps;
  const tlm::tlm_response_status attributes = common::check_attributes(payload);
  if (attributes != tlm::TLM_OK_RESPONSE) return {attributes, refused_ps};
  if (!payload.is_read() && !payload.is_write()) {
    return {tlm::TLM_COMMAND_ERROR_RESPONSE, refused_ps};
  }
  std::uint8_t* bytes = locate(payload.get_address(), length);
  if (bytes == nullptr) return {tlm::TLM_ADDRESS_ERROR_RESPONSE, refused_ps};
  if (payload.is_read()) {
    std::memcpy(payload.get_data_ptr(), bytes, length);
  } else {
    std::memcpy(bytes, payload.get_data_ptr(), length);
  }
  window_bytes_moved_ += length;
  const std::uint64_t width = config_.port_bytes_per_cycle;
  const std::uint64_t cycles = (length + width - 1) / width;
  window_free_ps_ =
      std::max(window_free_ps_, access.now_ps) + cycles * core_.config().clock_period_ps;
  return {tlm::TLM_OK_RESPONSE, window_free_ps_ + config_.register_latency_ps};
}

unsigned PeArray::debug_window(common::Payload& payload) {
  const unsigned length = payload.get_data_length();
  std::uint8_t* bytes = locate(payload.get_address(), length);
  if (bytes == nullptr || payload.get_data_ptr() == nullptr) return 0;
  if (payload.is_read()) {
    std::memcpy(payload.get_data_ptr(), bytes, length);
  } else if (payload.is_write()) {
    std::memcpy(bytes, payload.get_data_ptr(), length);
  } else {
    return 0;
  }
  return length;
}

// --- Tiles -----------------------------------------------------------------------------------

void PeArray::start() {
  Refusal refusal = check_state();
  if (refusal.status == Status::kOk) refusal = check_registers();
  if (refusal.status == Status::kOk) refusal = check_sizes(request());
  if (refusal.status != Status::kOk) {
    refuse(refusal);
    return;
  }
  const Request tile = request();
  compute(tile);
  const abi::Format format = tile.layout.format;
  const std::uint64_t busy_cycles =
      core_.tile_timing(tile.dataflow, format, tile.layout.rows, tile.layout.cols, tile.vectors)
          .latency_cycles();
  const std::uint64_t switch_cycles = core_.reconfigure_cycles(format);
  core_.record(format, tile.layout.rows, tile.layout.cols, tile.vectors, busy_cycles);
  last_cycles_ = switch_cycles + busy_cycles;
  is_busy_ = true;
  const std::uint64_t begin_ps = bus_.access_ps();
  const std::uint64_t end_ps = begin_ps + last_cycles_ * core_.config().clock_period_ps;
  if (timeline_ != nullptr) timeline_->slice(track_, slice_name_, begin_ps, end_ps);
  agenda_.at(end_ps, [this] { finish(); });
}

PeArray::Refusal PeArray::check_state() const {
  if (!control_.enabled()) return {Status::kUnsupported, regs::CONTROL};
  if (is_busy_) return {Status::kUnsupported, regs::START};
  return {Status::kOk, 0};
}

PeArray::Refusal PeArray::check_registers() const {
  const std::uint32_t format = bank_.get(regs::FORMAT);
  if (format >= abi::kFormatCount || !is_weight_format(static_cast<abi::Format>(format))) {
    return {Status::kBadOperand, regs::FORMAT};
  }
  for (const std::uint32_t dimension : {regs::ROWS, regs::COLUMNS, regs::VECTORS}) {
    if (bank_.get(dimension) == 0) return {Status::kBadOperand, dimension};
  }
  if (bank_.get(regs::DATAFLOW) > 1) return {Status::kBadOperand, regs::DATAFLOW};
  if (bank_.get(regs::GROUPING) > static_cast<std::uint32_t>(abi::Grouping::kTensor)) {
    return {Status::kBadOperand, regs::GROUPING};
  }
  if (bank_.get(regs::SCOPE) > static_cast<std::uint32_t>(abi::TableScope::kRow)) {
    return {Status::kBadOperand, regs::SCOPE};
  }
  return {Status::kOk, 0};
}

PeArray::Request PeArray::request() const {
  Request request;
  request.layout.format = static_cast<abi::Format>(bank_.get(regs::FORMAT));
  request.layout.grouping = static_cast<abi::Grouping>(bank_.get(regs::GROUPING));
  request.layout.table_scope = static_cast<abi::TableScope>(bank_.get(regs::SCOPE));
  request.layout.rows = bank_.get(regs::ROWS);
  request.layout.cols = bank_.get(regs::COLUMNS);
  request.dataflow = static_cast<Dataflow>(bank_.get(regs::DATAFLOW));
  request.vectors = bank_.get(regs::VECTORS);
  return request;
}

std::uint64_t PeArray::scales_offset(const numerics::TensorLayout& layout) const {
  return round_up(numerics::plane_bytes(layout, numerics::Plane::kTables), kAlignment);
}

PeArray::Refusal PeArray::check_sizes(const Request& request) const {
  const numerics::TensorLayout& layout = request.layout;
  const std::uint64_t capacity = config_.window_bytes;
  // Bounds that also keep the products below within 64 bits.
  if (layout.rows > capacity) return {Status::kNoSpace, regs::ROWS};
  if (layout.cols > capacity) return {Status::kNoSpace, regs::COLUMNS};
  using numerics::Plane;
  const std::uint64_t tables =
      scales_offset(layout) + numerics::plane_bytes(layout, Plane::kScales);
  if (numerics::plane_bytes(layout, Plane::kStream) > capacity ||
      numerics::plane_bytes(layout, Plane::kRemainder) > capacity || tables > capacity) {
    return {Status::kNoSpace, regs::ROWS};
  }
  const std::uint64_t widest = std::max(layout.rows, layout.cols);
  if (request.vectors * widest * sizeof(std::uint16_t) > capacity) {
    return {Status::kNoSpace, regs::VECTORS};
  }
  return {Status::kOk, 0};
}

void PeArray::compute(const Request& request) {
  const numerics::TensorLayout& layout = request.layout;
  const numerics::WeightView view = numerics::view_of(
      layout, numerics::whole(layout), windows_[kWeights].data(), windows_[kRemainder].data(),
      windows_[kTables].data() + scales_offset(layout), windows_[kTables].data());
  const std::size_t inputs = std::size_t{request.vectors} * layout.cols;
  std::vector<std::uint16_t> x(inputs);
  std::memcpy(x.data(), windows_[kInput].data(), inputs * sizeof(std::uint16_t));
  std::vector<std::uint16_t> y(std::size_t{request.vectors} * layout.rows);
  numerics::CanonicalGemm gemm;
  gemm.begin(request.vectors, layout.rows);
  gemm.accumulate(view, x.data(), layout.cols);
  gemm.finish(abi::Format::kFp16, y.data());
  result_.resize(y.size() * sizeof(std::uint16_t));
  std::memcpy(result_.data(), y.data(), result_.size());
}

void PeArray::finish() {
  std::copy(result_.begin(), result_.end(), windows_[kOutput].begin());
  is_busy_ = false;
  ++tiles_;
  control_.raise(regs::IRQ_RAW_DONE.mask());
}

void PeArray::refuse(const Refusal& refusal) {
  ++refused_;
  control_.log_error(static_cast<std::uint32_t>(refusal.status), refusal.register_offset);
  control_.raise(regs::IRQ_RAW_ERROR.mask());
}

// --- Reset and results -----------------------------------------------------------------------

void PeArray::on_reset_pin() {
  if (reset.size() > 0 && reset->read()) reset_device();
}

void PeArray::reset_device() {
  agenda_.clear();
  bus_.reset();
  bank_.reset();
  control_.reset();
  core_.reset();
  set_constants();
  for (auto& window : windows_) std::fill(window.begin(), window.end(), std::uint8_t{0});
  is_busy_ = false;
  last_cycles_ = 0;
  window_free_ps_ = 0;
}

void PeArray::collect(observe::StatisticsSink& sink) const {
  core_.collect(sink);
  sink.value("tiles", tiles_, "1", "Tiles completed");
  sink.value("refused", refused_, "1", "Tiles refused with an error");
  sink.value("window_bytes", window_bytes_moved_, "B", "Bytes read and written in the windows");
  bus_.collect(sink);
}

void PeArray::collect_energy(observe::EnergySink& sink) const {
  core_.collect_energy(sink);
}

}  // namespace tandem::pe_array
