// SPDX-License-Identifier: Apache-2.0
#include "soc_config.h"

#include <algorithm>
#include <stdexcept>

#include "tandem/numerics/fp.h"
#include "tandem/pim/bank_layout.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"
#include "tandem/platform/units.h"

namespace tandem::platform {
namespace {

constexpr double kFemtojoulesPerPicojoule = 1000.0;
constexpr double kMicrowattsPerMilliwatt = 1000.0;
constexpr std::uint64_t kTransfersPerMegatransfer = 1'000'000;
constexpr const char* kScenarioSource = "given by the scenario";

template <typename T, typename U>
void replace(T& value, const std::optional<U>& written) {
  if (written) value = static_cast<T>(*written);
}

// Runs validate() and turns a refusal into the user's error.
template <typename Config>
const Config& checked(const Config& config, const char* section) {
  try {
    config.validate();
  } catch (const std::invalid_argument& refusal) {
    throw UserError(std::string(section) + ": " + refusal.what());
  }
  return config;
}

void apply(const DramGeometry& written, memory::DeviceGeometry& geometry) {
  replace(geometry.bus_bits, written.bus_width_bits);
  replace(geometry.burst_length, written.burst_length);
  replace(geometry.bank_groups, written.bank_groups);
  replace(geometry.banks_per_group, written.banks_per_group);
  replace(geometry.row_bytes, written.row_bytes);
  if (written.data_rate_transfers_per_s) {
    geometry.data_rate_mtps =
        static_cast<unsigned>(*written.data_rate_transfers_per_s / kTransfersPerMegatransfer);
  }
}

void apply(const DramTiming& written, memory::DeviceTiming& timing) {
  replace(timing.tRCD, written.activate_to_read_ps);
  replace(timing.tRP, written.precharge_ps);
  replace(timing.tRAS, written.activate_to_precharge_ps);
  if (written.precharge_ps || written.activate_to_precharge_ps)
    timing.tRC = timing.tRAS + timing.tRP;
  replace(timing.CL, written.read_latency_ps);
  replace(timing.CWL, written.write_latency_ps);
  replace(timing.tWR, written.write_recovery_ps);
  replace(timing.tWTR, written.write_to_read_ps);
  replace(timing.tRTP, written.read_to_precharge_ps);
  replace(timing.tCCD_L, written.column_to_column_ps);
  replace(timing.tRRD, written.activate_to_activate_ps);
  replace(timing.tFAW, written.four_activate_window_ps);
  replace(timing.tREFI, written.refresh_interval_ps);
  replace(timing.tRFC, written.refresh_time_ps);
}

void apply(const DramEnergy& written, memory::DeviceEnergy& energy) {
  const auto convert = [&energy](double& value, const std::optional<std::uint64_t>& given,
                                 double divisor) {
    if (!given) return;
    value = static_cast<double>(*given) / divisor;
    energy.source = kScenarioSource;
  };
  convert(energy.activate_pj, written.activate_fj, kFemtojoulesPerPicojoule);
  convert(energy.read_pj_per_bit, written.read_fj_per_bit, kFemtojoulesPerPicojoule);
  convert(energy.write_pj_per_bit, written.write_fj_per_bit, kFemtojoulesPerPicojoule);
  convert(energy.refresh_pj, written.refresh_fj, kFemtojoulesPerPicojoule);
  convert(energy.background_mw, written.background_uw, kMicrowattsPerMilliwatt);
}

// Bank groups alternate below the column: consecutive bursts of one group would be tCCD_L apart.
const char* mapping_order(AddressMapping mapping) {
  switch (mapping) {
    case AddressMapping::kRowBankColumnChannel:
      return "RoRaBaCoBgCh";
    case AddressMapping::kRowColumnBankChannel:
      return "RoCoRaBaBgCh";
    case AddressMapping::kChannelRowBankColumn:
      return "ChRoRaBaCoBg";
  }
  throw InternalError("unknown address mapping");
}

// The capacity decides how many rows a bank has.
unsigned rows_per_bank(const DramConfig& dram, const memory::DeviceGeometry& geometry) {
  const std::uint64_t row_of_all_banks = std::uint64_t{geometry.banks()} * geometry.row_bytes;
  const std::uint64_t channel_bytes = dram.capacity_bytes / dram.channels;
  const std::uint64_t rows = channel_bytes / row_of_all_banks;
  if (rows == 0 || rows * row_of_all_banks != channel_bytes || (rows & (rows - 1)) != 0) {
    throw UserError(
        "platform.dram.capacity: " + format_quantity(dram.capacity_bytes, Quantity::kBytes) +
            " over " + std::to_string(dram.channels) +
            " channels is not a power of two of rows of " + std::to_string(geometry.banks()) +
            " banks",
        "a row of all banks of a channel is " +
            format_quantity(row_of_all_banks, Quantity::kBytes));
  }
  return static_cast<unsigned>(rows);
}

// Narrower weights keep their share of the FP16 figure. The module's own source holds only for the
// module's own figure.
void apply_mac_energy(std::uint64_t fp16_mac_fj, pim::Energy& energy) {
  const double fp16_mac_pj = static_cast<double>(fp16_mac_fj) / kFemtojoulesPerPicojoule;
  if (fp16_mac_pj == energy.fp16_mac_pj) return;
  const double factor = fp16_mac_pj / energy.fp16_mac_pj;
  energy.fp16_mac_pj = fp16_mac_pj;
  energy.int8_mac_pj *= factor;
  energy.four_bit_mac_pj *= factor;
  energy.source = kScenarioSource;
}

abi::Placement placement(Engine engine) {
  switch (engine) {
    case Engine::kNpu:
      return abi::Placement::kNpu;
    case Engine::kPim:
      return abi::Placement::kPim;
    case Engine::kAuto:
      return abi::Placement::kAuto;
  }
  throw InternalError("unknown engine");
}

abi::KvPlacement kv_placement(KvLayoutChoice layout) {
  switch (layout) {
    case KvLayoutChoice::kAuto:
      return abi::KvPlacement::kAuto;
    case KvLayoutChoice::kContiguous:
      return abi::KvPlacement::kContiguous;
    case KvLayoutChoice::kBankRows:
      return abi::KvPlacement::kBankRows;
    case KvLayoutChoice::kHeadSplit:
      return abi::KvPlacement::kHeadSplit;
  }
  throw InternalError("unknown KV layout");
}

}  // namespace

memory::DeviceConfig dram_device(const DramConfig& dram) {
  memory::DeviceConfig device;
  try {
    device = memory::device_preset(dram.device);
  } catch (const std::invalid_argument& refusal) {
    throw UserError(std::string("platform.dram.device: ") + refusal.what());
  }
  apply(dram.geometry, device.geometry);
  apply(dram.timing, device.timing);
  apply(dram.energy, device.energy);
  device.geometry.rows = rows_per_bank(dram, device.geometry);
  return checked(device, "platform.dram");
}

memory::Stack::Config stack_config(const DramConfig& dram) {
  memory::Stack::Config config;
  config.device = dram_device(dram);
  config.channels = dram.channels;
  config.mapping = mapping_order(dram.mapping);
  config.interleave_bytes = static_cast<unsigned>(dram.channel_interleave_bytes);
  config.max_outstanding = dram.queue_depth * dram.channels;
  return checked(config, "platform.dram");
}

memory::Sram::Config sram_config(const HardwareConfig& hardware) {
  memory::Sram::Config config;
  config.size_bytes = hardware.sram.size_bytes;
  config.width_bytes = static_cast<unsigned>(hardware.interconnect.width_bytes);
  config.clock_period_ps = clock_period_ps(hardware.interconnect.clock_hz);
  config.latency_cycles = static_cast<unsigned>(
      (hardware.sram.latency_ps + config.clock_period_ps - 1) / config.clock_period_ps);
  config.energy_pj_per_byte = 12.5;
  config.energy_source = "M. Horowitz, ISSCC 2014, 45 nm: 64 bits from a 1 MB memory 100 pJ";
  return checked(config, "platform.sram");
}

npu::Config npu_config(const HardwareConfig& hardware) {
  const NpuConfig& written = hardware.npu;
  const std::uint64_t period_ps = clock_period_ps(written.clock_hz);
  npu::Config config;
  config.clock_period_ps = period_ps;
  config.queue_pairs = written.queue_pairs;
  config.contexts = written.contexts;
  config.activation_bytes = written.activation_buffer_bytes;
  config.weight_buffer_bytes = written.weight_buffer_bytes / written.contexts;
  config.weight_tile_bytes = config.weight_buffer_bytes / 4;
  config.burst_bytes = static_cast<std::uint32_t>(written.dma.burst_bytes);
  config.outstanding = written.dma.outstanding;
  config.pim_bound = hardware.pim.enabled;
  config.memory_bytes_per_us =
      static_cast<std::uint64_t>(stack_config(hardware.dram).peak_bytes_per_s() / 1e6);
  config.serial = written.sequencer == SequencerMode::kSerial;

  config.buffer_fj_per_byte = 2500.0;
  config.buffer_energy_source = "M. Horowitz, ISSCC 2014, 45 nm: 64 bits from a 32 KB memory 20 pJ";

  config.array.rows = written.array.rows;
  config.array.columns = written.array.columns;
  config.array.arrays = written.array.count;
  config.array.clock_period_ps = period_ps;
  config.array.dataflow = written.array.dataflow == Dataflow::kWeightStationary
                              ? pe_array::Dataflow::kWeightStationary
                              : pe_array::Dataflow::kOutputStationary;
  config.array.reconfigure_cycles = written.array.reconfiguration_cycles;
  config.vector.lanes = written.vector_lanes;
  config.vector.clock_period_ps = period_ps;
  config.sampler.clock_period_ps = period_ps;
  return checked(config, "platform.npu");
}

pim::Config pim_config(const HardwareConfig& hardware) {
  const PimConfig& written = hardware.pim;
  pim::Config config;
  config.memory = stack_config(hardware.dram);
  config.row_buffer =
      written.row_buffer == RowBuffer::kDual ? pim::RowBuffer::kDual : pim::RowBuffer::kSingle;
  config.clock_period_ps = clock_period_ps(written.clock_hz);
  const PimLanes& lanes = written.lanes;
  config.lanes = {lanes.fp16, lanes.bf16, lanes.int8,      lanes.int4,
                  lanes.e2m1, lanes.e3m0, lanes.bsfp_draft};
  config.global_buffer_rows = written.global_buffer_rows;
  config.accumulators_per_bank = written.accumulators_per_bank;
  config.queue_depth = written.command_queue_depth;
  config.port_bytes_per_cycle = static_cast<std::uint32_t>(hardware.interconnect.width_bytes);
  config.dram_base = hardware.address_map.dram;
  apply_mac_energy(written.mac_energy_fj, config.energy);
  return checked(config, "platform.pim");
}

void check_kv_layout(const Scenario& scenario) {
  const KvLayoutChoice wanted = scenario.policy.kv_layout;
  if (wanted != KvLayoutChoice::kBankRows && wanted != KvLayoutChoice::kHeadSplit) return;
  const memory::Stack::Config config = stack_config(scenario.platform.dram);
  const memory::DeviceGeometry& geometry = config.device.geometry;
  const pim::BankLayout layout = pim::bank_layout(
      memory::AddressMapping(config.mapping, config.channels, geometry, config.interleave_bytes),
      geometry);
  if (layout.possible()) return;
  throw UserError(std::string("policy.kv_layout: ") + name_of(wanted) +
                      " cannot be had with platform.dram.mapping: " + layout.why_not,
                  "interleave channels and banks by whole rows of " +
                      format_quantity(geometry.row_bytes, Quantity::kBytes) +
                      ", or choose auto or contiguous");
}

abi::PolicyBlock policy_block(const PolicyConfig& policy) {
  abi::PolicyBlock block{};
  const bool speculative = policy.name == PolicyName::kSelfSpeculative;
  block.policy =
      static_cast<std::uint32_t>(speculative ? abi::Policy::kSelfSpeculative : abi::Policy::kPlain);
  block.granularity = static_cast<std::uint32_t>(policy.granularity == Granularity::kLayer
                                                     ? abi::Granularity::kLayer
                                                     : abi::Granularity::kStep);
  block.attention = static_cast<std::uint32_t>(placement(policy.placement.attention));
  block.linear = static_cast<std::uint32_t>(placement(policy.placement.linear));
  block.kv_layout = static_cast<std::uint32_t>(kv_placement(policy.kv_layout));
  block.draft_length = policy.draft.length;
  block.stop_below = numerics::float_bits(static_cast<float>(policy.draft.stop_below));
  block.draft_classifier_full = policy.draft.classifier == Classifier::kFull ? 1 : 0;
  block.draft_kv = static_cast<std::uint32_t>(
      policy.draft.kv == DraftKv::kShared ? abi::DraftKv::kShared : abi::DraftKv::kOwn);
  block.max_batch = policy.max_batch;
  block.prefill_chunk = 32;
  block.page_tokens = 16;
  block.use_interrupts = 1;
  return block;
}

}  // namespace tandem::platform
