// SPDX-License-Identifier: Apache-2.0
#include "soc_config.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "pim_commands.h"
#include "tandem/memory/field_error.h"
#include "tandem/numerics/fp.h"
#include "tandem/pim/bank_layout.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/names.h"
#include "tandem/platform/units.h"

namespace tandem::platform {
namespace {

constexpr double kFemtojoulesPerPicojoule = 1000.0;
constexpr const char* kScenarioSource = "given by the scenario";

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

// Narrower weights keep their share of the FP16 figure.
void apply_mac_energy(double fp16_mac_pj, const std::string& source, pim::Energy& energy) {
  const double factor = fp16_mac_pj / energy.fp16_mac_pj;
  energy.fp16_mac_pj = fp16_mac_pj;
  energy.int8_mac_pj *= factor;
  energy.four_bit_mac_pj *= factor;
  energy.source = source;
}

// The scenario's figure, or the device's, or the module's own.
void apply_mac_energy(const std::optional<std::uint64_t>& written_fj, const PimEnergy& device,
                      pim::Config& config) {
  if (!written_fj) {
    if (device.mac_pj > 0) apply_mac_energy(device.mac_pj, device.source, config.energy);
    return;
  }
  const pim::CommandEnergy commands = config.command_energy();
  if (commands.with_macs) {
    throw UserError(
        "platform.pim.mac_energy: the energy of these PIM commands contains the "
        "multiply-accumulates (" +
            commands.source + ")",
        "leave the key out");
  }
  apply_mac_energy(static_cast<double>(*written_fj) / kFemtojoulesPerPicojoule, kScenarioSource,
                   config.energy);
}

PimCommandSet chosen(PimCommandsChoice choice) {
  switch (choice) {
    case PimCommandsChoice::kNewton:
      return PimCommandSet::kNewton;
    case PimCommandsChoice::kNeupims:
      return PimCommandSet::kNeupims;
    case PimCommandsChoice::kAim:
      return PimCommandSet::kAim;
    case PimCommandsChoice::kHbmPim:
      return PimCommandSet::kHbmPim;
    case PimCommandsChoice::kDevice:
      break;
  }
  return PimCommandSet::kNone;
}

// What the device says.
void apply(const PimDevice& device, pim::Config& config) {
  config.command_set = command_set_kind(device.command_set);
  config.row_buffer =
      device.row_buffer == RowBuffer::kDual ? pim::RowBuffer::kDual : pim::RowBuffer::kSingle;
  config.banks = device.banks;
  config.banks_per_unit = device.banks_per_unit;
  config.clock_period_ps = clock_period_ps(device.clock_hz);
  const PimLanes& l = device.lanes;
  config.lanes = {l.fp16, l.bf16, l.int8, l.int4, l.e2m1, l.e3m0, l.bsfp_draft};
  config.global_buffer_rows = device.global_buffer_rows;
  config.accumulators_per_bank = device.accumulators_per_bank;
  config.energy.commands =
      pim_command_energy(device, config.memory.device, config.command_set_config());
}

// What the scenario says beyond it.
void apply(const PimConfig& written, pim::Config& config) {
  const auto replace = [](std::uint32_t& value, const std::optional<std::uint32_t>& other) {
    value = other.value_or(value);
  };
  if (written.command_set != PimCommandsChoice::kDevice) {
    config.command_set = command_set_kind(chosen(written.command_set));
  }
  config.commands = written.commands == PimCommandForm::kRaw ? pim::CommandForm::kRaw
                                                             : pim::CommandForm::kComposite;
  config.command_path = written.command_path == PimCommandPath::kShared
                            ? pim::CommandPath::kShared
                            : pim::CommandPath::kPerChannel;
  if (written.row_buffer != RowBufferChoice::kDevice) {
    config.row_buffer = written.row_buffer == RowBufferChoice::kDual ? pim::RowBuffer::kDual
                                                                     : pim::RowBuffer::kSingle;
  }
  if (written.clock_hz) config.clock_period_ps = clock_period_ps(*written.clock_hz);
  const PimLaneOverrides& l = written.lanes;
  replace(config.lanes.fp16, l.fp16);
  replace(config.lanes.bf16, l.bf16);
  replace(config.lanes.int8, l.int8);
  replace(config.lanes.int4, l.int4);
  replace(config.lanes.e2m1, l.e2m1);
  replace(config.lanes.e3m0, l.e3m0);
  replace(config.lanes.bsfp_draft, l.bsfp_draft);
  replace(config.global_buffer_rows, written.global_buffer_rows);
  replace(config.accumulators_per_bank, written.accumulators_per_bank);
}

// What does not fit is too large for the module, which refuses it.
std::uint32_t window_bytes(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
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

abi::DraftPlacement draft_placement(DraftEngine engine) {
  switch (engine) {
    case DraftEngine::kSame:
      return abi::DraftPlacement::kSame;
    case DraftEngine::kNpu:
      return abi::DraftPlacement::kNpu;
    case DraftEngine::kPim:
      return abi::DraftPlacement::kPim;
    case DraftEngine::kAuto:
      return abi::DraftPlacement::kAuto;
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

abi::ChannelPacking channel_packing(ChannelPacking packing) {
  switch (packing) {
    case ChannelPacking::kTokens:
      return abi::ChannelPacking::kTokens;
    case ChannelPacking::kMinLoad:
      return abi::ChannelPacking::kMinLoad;
    case ChannelPacking::kRoundRobin:
      return abi::ChannelPacking::kRoundRobin;
  }
  throw InternalError("unknown channel packing");
}

}  // namespace

DeviceFile dram_device(const DramConfig& dram) {
  try {
    DeviceFile file = read_named_device(dram.device, dram.overrides);
    file.device.geometry.rows = rows_per_bank(dram, file.device.geometry);
    checked(file.device, "platform.dram");
    return file;
  } catch (const memory::FieldError& refusal) {
    throw UserError(std::string("platform.dram: ") + refusal.what());
  }
}

memory::Stack::Config stack_config(const DramConfig& dram, FidelityLevel fidelity) {
  const DeviceFile file = dram_device(dram);
  memory::Stack::Config config;
  config.fidelity = fidelity == FidelityLevel::kCommand ? memory::Fidelity::kCommand
                                                        : memory::Fidelity::kTransaction;
  config.check_timing = dram.check_timing;
  config.device = file.device;
  config.controller = file.controller;
  config.channels = dram.channels;
  config.mapping = dram.mapping.empty() ? file.mapping : dram.mapping;
  config.hash = file.hash;
  config.interleave_bytes =
      static_cast<unsigned>(dram.channel_interleave_bytes.value_or(file.interleave_bytes));
  config.max_outstanding = dram.queue_depth * dram.channels;
  return checked(config, "platform.dram");
}

memory::Stack::Config npu_stack_config(const HardwareConfig& hardware, FidelityLevel fidelity) {
  memory::Stack::Config config = stack_config(hardware.dram, fidelity);
  const std::uint64_t bus_ps = clock_period_ps(hardware.interconnect.clock_hz);
  config.stream.request_bytes = hardware.npu.dma.burst_bytes;
  config.stream.window_bytes = hardware.npu.dma.burst_bytes * hardware.npu.dma.outstanding;
  config.stream.round_trip_ps = config.request_latency_ps + config.response_latency_ps +
                                2 * bus_ps * hardware.interconnect.latency_cycles;
  return config;
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

namespace {
// About a matrix of a 7B model, so that the cost of simulating follows matrices.
constexpr std::uint64_t kBulkBytes = 32ull << 20;
// Vectors for the banks of one command wait for weights of the other, a few microseconds of them.
constexpr std::uint64_t kSharedBulkBytes = 2ull << 20;
}  // namespace

TensorTraffic tensor_traffic(const Scenario& scenario) {
  if (scenario.execution == Execution::kFunctional) return TensorTraffic::kComputed;
  const bool bulk = scenario.fidelity.transfers == Transfers::kBulk &&
                    scenario.platform.npu.sequencer == SequencerMode::kOverlapped;
  if (!bulk) return TensorTraffic::kBursts;
  return lanes(scenario.policy) > 1 ? TensorTraffic::kSharedBulk : TensorTraffic::kBulk;
}

namespace {

npu::Link::Config link_config(const DevicesConfig& devices) {
  npu::Link::Config config;
  config.devices = devices.count;
  config.bandwidth_bytes_per_s = devices.link.bandwidth_bytes_per_s;
  config.latency_ps = devices.link.latency_ps;
  config.topology = devices.link.topology == LinkTopology::kRing ? npu::Link::Topology::kRing
                                                                 : npu::Link::Topology::kSwitch;
  if (!devices.link.energy_fj_per_bit) return config;
  config.energy_pj_per_bit =
      static_cast<double>(*devices.link.energy_fj_per_bit) / kFemtojoulesPerPicojoule;
  config.energy_source = kScenarioSource;
  return config;
}

}  // namespace

std::uint32_t replay_layers(const Fidelity& fidelity) {
  return fidelity.layers == Layers::kReplay ? fidelity.replay_layers : 0;
}

npu::Config npu_config(const HardwareConfig& hardware, TensorTraffic traffic,
                       std::uint32_t replay_layers) {
  const NpuConfig& written = hardware.npu;
  const std::uint64_t period_ps = clock_period_ps(written.clock_hz);
  npu::Config config;
  config.clock_period_ps = period_ps;
  config.queue_pairs = written.queue_pairs;
  config.contexts = written.contexts;
  config.activation_bytes = written.activation_buffer_bytes;
  config.max_rows = written.max_rows;
  config.kv_buffer_bytes = written.kv_buffer_bytes;
  config.weight_buffer_bytes = written.weight_buffer_bytes / written.contexts;
  config.weight_tile_bytes = config.weight_buffer_bytes / 4;
  config.burst_bytes = static_cast<std::uint32_t>(written.dma.burst_bytes);
  config.outstanding = written.dma.outstanding;
  config.pim_bound = hardware.pim.enabled;
  config.memory_bytes_per_us =
      static_cast<std::uint64_t>(stack_config(hardware.dram).peak_bytes_per_s() / 1e6);
  config.pim_order = written.pim_order == PimOrder::kRequests ? npu::PimOrder::kRequests
                                                              : npu::PimOrder::kChannels;
  config.pim_tile_order = written.pim_tile_order == PimTileOrder::kRows
                              ? npu::PimTileOrder::kRows
                              : npu::PimTileOrder::kSlices;
  config.serial = written.sequencer == SequencerMode::kSerial;
  config.timing_only = traffic != TensorTraffic::kComputed;
  if (traffic == TensorTraffic::kBulk) config.bulk_bytes = kBulkBytes;
  if (traffic == TensorTraffic::kSharedBulk) config.bulk_bytes = kSharedBulkBytes;
  config.replay_layers = replay_layers;

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
  config.vector.units = written.vector_units;
  config.vector.clock_period_ps = period_ps;
  config.sampler.clock_period_ps = period_ps;
  config.link = link_config(hardware.devices);
  return checked(config, "platform.npu");
}

pim::Config pim_config(const HardwareConfig& hardware, FidelityLevel fidelity,
                       TensorTraffic traffic) {
  const PimConfig& written = hardware.pim;
  const PimDevice device = dram_device(hardware.dram).pim;
  const bool described = device.command_set != PimCommandSet::kNone;
  pim::Config config;
  config.memory = npu_stack_config(hardware, fidelity);
  if (described) apply(device, config);
  apply(written, config);
  // Timing and energy that the device gives are those of its own commands.
  if (!described || written.command_set != PimCommandsChoice::kDevice) {
    config.banks.reset();
    config.energy.commands.reset();
  }
  config.timing_only = traffic != TensorTraffic::kComputed;
  config.queue_depth = written.command_queue_depth;
  config.vector_bytes = window_bytes(written.vector_window_bytes);
  config.result_bytes = window_bytes(written.result_window_bytes);
  config.port_bytes_per_cycle = static_cast<std::uint32_t>(hardware.interconnect.width_bytes);
  config.dram_base = hardware.address_map.dram;
  try {
    config.validate();
  } catch (const std::invalid_argument& refusal) {
    throw UserError("platform." + pim_refusal(refusal.what()));
  }
  apply_mac_energy(written.mac_energy_fj, device.energy, config);
  return config;
}

void check_kv_layout(const Scenario& scenario) {
  const KvLayoutChoice wanted = scenario.policy.kv_layout;
  if (wanted != KvLayoutChoice::kBankRows && wanted != KvLayoutChoice::kHeadSplit) return;
  const memory::Stack::Config config = stack_config(scenario.platform.dram);
  const memory::DeviceGeometry& geometry = config.device.geometry;
  const pim::BankLayout layout =
      pim::bank_layout(memory::AddressMapping(config.mapping, config.channels, geometry,
                                              config.interleave_bytes, config.hash),
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
  block.channel_packing = static_cast<std::uint32_t>(channel_packing(policy.channel_packing));
  block.sub_batches = policy.sub_batches;
  block.sub_batch_min = policy.sub_batch_min;
  block.draft_length = policy.draft.length;
  block.stop_below = numerics::float_bits(static_cast<float>(policy.draft.stop_below));
  block.draft_classifier_full = policy.draft.classifier == Classifier::kFull ? 1 : 0;
  block.draft_kv = static_cast<std::uint32_t>(
      policy.draft.kv == DraftKv::kShared ? abi::DraftKv::kShared : abi::DraftKv::kOwn);
  block.draft_ahead = speculative ? policy.draft.ahead : 0;
  const bool by_history = speculative && policy.draft.control == DraftControl::kHistory;
  block.draft_control = static_cast<std::uint32_t>(by_history ? abi::DraftControl::kHistory
                                                              : abi::DraftControl::kLength);
  block.pre_verify = speculative && policy.draft.pre_verify ? 1 : 0;
  block.draft_attention =
      static_cast<std::uint32_t>(draft_placement(policy.placement.draft_attention));
  block.draft_linear = static_cast<std::uint32_t>(draft_placement(policy.placement.draft_linear));
  block.max_batch = policy.max_batch;
  block.prefill_chunk = policy.prefill_chunk;
  block.batch_tokens = policy.batch_tokens;
  block.page_tokens = policy.page_tokens;
  block.use_interrupts = 1;
  return block;
}

}  // namespace tandem::platform
