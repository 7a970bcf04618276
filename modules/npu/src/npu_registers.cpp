// SPDX-License-Identifier: Apache-2.0
// The NPU's registers: what reading and writing them does.
#include "tandem/npu/npu.h"

namespace tandem::npu {

namespace reg = abi::npu;
using abi::Status;

namespace {

constexpr std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
constexpr std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}

constexpr std::uint32_t kMostClockDivider = 64;

bool ring_size_ok(std::uint32_t entries) {
  return entries >= 2 && entries <= abi::kMaxQueueEntries && (entries & (entries - 1)) == 0;
}

std::uint32_t weight_formats() {
  std::uint32_t formats = 0;
  for (unsigned i = 0; i < abi::kFormatCount; ++i) {
    if (pe_array::is_weight_format(static_cast<abi::Format>(i))) formats |= 1u << i;
  }
  return formats;
}

}  // namespace

void Npu::map_registers() {
  const Config& config = core_.config;
  bank_.on_read(reg::CAPABILITY, [this, &config](std::uint32_t) {
    return reg::CAPABILITY_QUEUE_PAIRS.put(static_cast<std::uint32_t>(queues_.size())) |
           reg::CAPABILITY_CONTEXTS.put(config.contexts) |
           reg::CAPABILITY_PIM_BOUND.put(config.pim_bound ? 1 : 0) |
           reg::CAPABILITY_LINK.put(core_.link.connected() ? 1 : 0) |
           reg::CAPABILITY_CHECKS.put(1) | reg::CAPABILITY_FORMATS.put(weight_formats());
  });
  control_.on_busy([this] { return !idle(); });
  control_.on_soft_reset([this] { reset_device(); });
  const auto constant = [this](std::uint32_t offset, std::uint64_t value) {
    bank_.on_read(offset, [value](std::uint32_t) { return low(value); });
  };
  constant(reg::ACTIVATION_BYTES, config.activation_bytes);
  constant(reg::WEIGHT_BUFFER_BYTES, config.weight_buffer_bytes);
  constant(reg::MAX_PRIMITIVES, config.max_primitives);
  constant(reg::MAX_ROWS, config.max_rows);
  constant(reg::LINK_DEVICES, config.link.devices);
  const auto pim_base = [this](std::uint32_t, std::uint32_t) {
    core_.pim.set_base(bank_.get(reg::PIM_BASE_LO) | std::uint64_t{bank_.get(reg::PIM_BASE_HI)}
                                                         << 32);
  };
  bank_.on_write(reg::PIM_BASE_LO, pim_base);
  bank_.on_write(reg::PIM_BASE_HI, pim_base);
  bank_.on_write(reg::PERF_CONTROL,
                 [this](std::uint32_t, std::uint32_t value) { perf_control(value); });
  bank_.on_write(reg::CLOCK_DIVIDER,
                 [this](std::uint32_t, std::uint32_t value) { write_clock_divider(value); });
  map_queue_registers();
}

void Npu::write_clock_divider(std::uint32_t value) {
  if (value < 1 || value > kMostClockDivider) {
    bank_.set(reg::CLOCK_DIVIDER, clock_divider_);
    return report(Status::kBadParameter, reg::CLOCK_DIVIDER);
  }
  clock_divider_ = value;
  adopt_clock();
}

// Writes to queue pairs that this instance does not have have no effect on it, and what it counts
// of them is zero.
void Npu::map_queue_registers() {
  const auto existing = [this](std::uint32_t queue) { return queue < queues_.size(); };
  bank_.on_read(reg::SQ_HEAD, [this, existing](std::uint32_t queue) {
    return existing(queue) ? queues_[queue]->submission_head() : 0;
  });
  bank_.on_read(reg::CQ_TAIL, [this, existing](std::uint32_t queue) {
    return existing(queue) ? queues_[queue]->completion_tail() : 0;
  });
  bank_.on_write(reg::SQ_TAIL, [this, existing](std::uint32_t queue, std::uint32_t value) {
    if (existing(queue) && !queues_[queue]->submission_tail(value)) {
      report(Status::kBadParameter, reg::SQ_TAIL + queue * abi::kQueuePairStride);
    }
  });
  bank_.on_write(reg::CQ_HEAD, [this, existing](std::uint32_t queue, std::uint32_t value) {
    if (existing(queue) && !queues_[queue]->completion_head(value)) {
      report(Status::kBadParameter, reg::CQ_HEAD + queue * abi::kQueuePairStride);
    }
  });
  bank_.on_write(reg::QP_CONTROL, [this, existing](std::uint32_t queue, std::uint32_t value) {
    if (existing(queue)) control_queue(queue, value);
  });
}

// Enabling an enabled queue pair changes nothing.
void Npu::control_queue(unsigned queue, std::uint32_t value) {
  if (reg::QP_CONTROL_ENABLE.get(value) == 0) return queues_[queue]->disable();
  if (queues_[queue]->enabled()) return;
  const auto address = [&](std::uint32_t lo, std::uint32_t hi) {
    return bank_.get(lo, queue) | std::uint64_t{bank_.get(hi, queue)} << 32;
  };
  const QueuePair::Rings rings{address(reg::SQ_BASE_LO, reg::SQ_BASE_HI),
                               address(reg::CQ_BASE_LO, reg::CQ_BASE_HI),
                               bank_.get(reg::SQ_SIZE, queue), bank_.get(reg::CQ_SIZE, queue),
                               reg::QP_CONTROL_CHECKED.get(value) != 0};
  const bool ok = ring_size_ok(rings.submission_size) && ring_size_ok(rings.completion_size) &&
                  rings.submission_base % 64 == 0 && rings.completion_base % 16 == 0 &&
                  control_.enabled() && !in_reset_ && queues_[queue]->idle();
  if (ok) return queues_[queue]->enable(rings);
  bank_.set(reg::QP_CONTROL, 0, queue);
  report(Status::kBadParameter, reg::QP_CONTROL + queue * abi::kQueuePairStride);
}

void Npu::report(Status status, std::uint64_t address) {
  control_.log_error(static_cast<std::uint32_t>(status), address);
  control_.raise(reg::IRQ_RAW_ERROR.mask());
}

Npu::Perf Npu::running_counters() const {
  return {common::now_ps(),
          core_.commands,
          core_.primitives,
          core_.array.macs(),
          dma_.read_bytes(),
          dma_.written_bytes(),
          core_.matrix_engine.busy_ps(),
          core_.vector_engine.busy_ps()};
}

void Npu::perf_control(std::uint32_t value) {
  const Perf now = running_counters();
  const Perf& base = perf_base_;
  const std::uint64_t period_ps = core_.config.clock_period_ps;
  if (reg::PERF_CONTROL_SNAPSHOT.get(value) != 0) {
    const auto wide = [this](std::uint32_t lo, std::uint32_t hi, std::uint64_t counter) {
      bank_.set(lo, low(counter));
      bank_.set(hi, high(counter));
    };
    wide(reg::PERF_CYCLES_LO, reg::PERF_CYCLES_HI,
         perf_cycles_.elapsed + (now.time_ps - base.time_ps) / period_ps);
    bank_.set(reg::PERF_COMMANDS, low(now.commands - base.commands));
    bank_.set(reg::PERF_PRIMITIVES, low(now.primitives - base.primitives));
    wide(reg::PERF_MACS_LO, reg::PERF_MACS_HI, now.macs - base.macs);
    wide(reg::PERF_READ_BYTES_LO, reg::PERF_READ_BYTES_HI, now.read_bytes - base.read_bytes);
    wide(reg::PERF_WRITE_BYTES_LO, reg::PERF_WRITE_BYTES_HI,
         now.written_bytes - base.written_bytes);
    bank_.set(reg::PERF_MATRIX_BUSY,
              low(perf_cycles_.matrix + (now.matrix_ps - base.matrix_ps) / period_ps));
    bank_.set(reg::PERF_VECTOR_BUSY,
              low(perf_cycles_.vector + (now.vector_ps - base.vector_ps) / period_ps));
  }
  if (reg::PERF_CONTROL_CLEAR.get(value) == 0) return;
  perf_base_ = now;
  perf_cycles_ = {};
}

}  // namespace tandem::npu
