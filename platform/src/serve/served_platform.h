// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "request_list.h"
#include "soc.h"
#include "stop_signal.h"
#include "tandem/cpu/host_bridge.h"
#include "tandem/npu/token_oracle.h"
#include "tandem/platform/model/loaded_model.h"
#include "target.h"

namespace tandem::platform::serve {

// The platform of a scenario with a bridge in the control processor's place. Simulated time stands
// still between requests.
class ServedPlatform : public Target {
 public:
  // The scenario's processor has no part in it. Throws UserError. `stop` must live as long.
  ServedPlatform(Scenario scenario, const StopSignal& stop, std::function<void(char)> on_uart_byte);

  const std::vector<Region>& regions() const override { return regions_; }
  std::uint64_t boot_info() const override { return scenario_.platform.address_map.sram; }
  State state() const override;
  AccessResult read(const Access& access, std::vector<std::uint8_t>& data) override;
  AccessResult write(const Access& access, const std::vector<std::uint8_t>& data) override;
  void wait_interrupt(std::uint64_t limit_ps) override;
  void advance(std::uint64_t ps) override;
  void reset() override;

 private:
  cpu::HostBridge::Result carry_out(const cpu::HostBridge::Order& order);

  const Scenario scenario_;
  const StopSignal& stop_;
  LoadedModel model_;
  RequestList requests_;
  std::unique_ptr<npu::TokenOracle> oracle_;
  cpu::HostBridge* bridge_ = nullptr;  // of the SoC
  std::optional<Soc> soc_;
  std::vector<Region> regions_;
  std::optional<cpu::HostBridge::Result> result_;  // of the order in progress, once it is done
};

}  // namespace tandem::platform::serve
