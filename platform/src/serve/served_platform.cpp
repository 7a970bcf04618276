// SPDX-License-Identifier: Apache-2.0
#include "served_platform.h"

#include <algorithm>
#include <utility>

#include "scenario_oracle.h"
#include "tandem/common/systemc.h"
#include "tandem/platform/model/shard.h"

namespace tandem::platform::serve {

namespace {

using Kind = cpu::HostBridge::Kind;

// Simulated time between two looks at the stop signal.
constexpr std::uint64_t kSlicePs = 100'000'000;

std::vector<Region> regions_of(const Soc& soc, const AddressMap& map) {
  std::vector<Region> regions;
  for (const interconnect::AddressRange& range : soc.memory_map()) {
    const bool memory = range.base == map.sram || range.base == map.dram;
    regions.push_back({range.name, range.base, range.size_bytes, memory});
  }
  return regions;
}

std::string explain(tlm::tlm_response_status response, bool write) {
  switch (response) {
    case tlm::TLM_ADDRESS_ERROR_RESPONSE:
      return "there is nothing at this address";
    case tlm::TLM_COMMAND_ERROR_RESPONSE:
      return write ? "what is there cannot be written" : "what is there cannot be read";
    case tlm::TLM_BURST_ERROR_RESPONSE:
      return "the device takes no access of this size or alignment (registers: 4 aligned bytes)";
    default:
      return "the device answered with an error";
  }
}

AccessResult outcome(const cpu::HostBridge::Result& result, bool write) {
  if (result.ok) return {};
  return {false, result.error_address, explain(result.response, write)};
}

AccessResult debug_outcome(const Access& access, std::uint64_t done, std::size_t wanted,
                           bool write) {
  if (done == wanted) return {};
  return {false, access.address + done,
          write ? "from this address on nothing can be written around the bus, as registers cannot"
                : "from this address on nothing can be read around the bus"};
}

Scenario without_processor(Scenario scenario) {
  scenario.platform.cpu = CpuConfig();
  return scenario;
}

}  // namespace

ServedPlatform::ServedPlatform(Scenario scenario, const StopSignal& stop,
                               std::function<void(char)> on_uart_byte)
    : scenario_(without_processor(std::move(scenario))),
      stop_(stop),
      model_(load_model(scenario_.model, scenario_.execution)),
      requests_(scenario_, model_.tokenizer_or_null(), model_.shape) {
  model_.shape = shard(model_.shape, scenario_.platform.devices.count);
  oracle_ = scenario_oracle(scenario_, requests_, model_.shape);
  Soc::Setup setup{scenario_, scenario_.policy, model_, requests_};
  setup.oracle = oracle_.get();
  setup.echo = requests_.written();
  setup.resets = false;
  setup.faults = scenario_.faults.present;
  setup.make_cpu = [this] {
    auto bridge = std::make_unique<cpu::HostBridge>("cpu", cpu::HostBridge::Config());
    bridge_ = bridge.get();
    return bridge;
  };
  soc_.emplace("soc", setup, Soc::Listener{std::move(on_uart_byte), nullptr});
  regions_ = regions_of(*soc_, scenario_.platform.address_map);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

State ServedPlatform::state() const {
  return {common::now_ps(), soc_->interrupt_lines(), bridge_->interrupt()};
}

AccessResult ServedPlatform::read(const Access& access, std::vector<std::uint8_t>& data) {
  if (access.debug) {
    const std::uint64_t done = bridge_->debug_read(access.address, data.data(), data.size());
    return debug_outcome(access, done, data.size(), false);
  }
  return outcome(carry_out({Kind::kRead, access.address, data.size(), data.data()}), false);
}

AccessResult ServedPlatform::write(const Access& access, const std::vector<std::uint8_t>& data) {
  if (access.debug) {
    const std::uint64_t done = bridge_->debug_write(access.address, data.data(), data.size());
    return debug_outcome(access, done, data.size(), true);
  }
  std::vector<std::uint8_t> copy = data;
  return outcome(carry_out({Kind::kWrite, access.address, copy.size(), copy.data()}), true);
}

void ServedPlatform::wait_interrupt(std::uint64_t limit_ps) {
  cpu::HostBridge::Order order;
  order.kind = Kind::kWaitInterrupt;
  order.limit_ps = limit_ps;
  carry_out(order);
}

void ServedPlatform::advance(std::uint64_t ps) {
  cpu::HostBridge::Order order;
  order.kind = Kind::kAdvance;
  order.limit_ps = ps;
  carry_out(order);
}

void ServedPlatform::reset() {
  soc_->request_reset(ResetTarget::kPlatform);
  // A picosecond beyond, so that the release has reached every module.
  advance(ResetLines::kHoldPs + 1);
}

cpu::HostBridge::Result ServedPlatform::carry_out(const cpu::HostBridge::Order& order) {
  result_.reset();
  bridge_->start(order, [this](const cpu::HostBridge::Result& result) {
    result_ = result;
    sc_core::sc_pause();
  });
  while (!result_) {
    if (stop_.raised()) throw Stopped();
    // Where nothing happens for long, a slice ends with what happens next.
    const sc_core::sc_time next = sc_core::sc_time_to_pending_activity();
    sc_core::sc_start(std::max(next, common::from_ps(kSlicePs)), sc_core::SC_RUN_TO_TIME);
  }
  return *result_;
}

}  // namespace tandem::platform::serve
