// SPDX-License-Identifier: Apache-2.0
// The effective configuration of one run: plain structs, defaults filled in, units in the names.
// scenario_schema.cpp binds every member to its YAML key; nothing else reads or writes the keys.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tandem/platform/device_keys.h"
#include "tandem/platform/model/weights.h"

namespace tandem::platform {

enum class Execution { kFunctional, kTiming };
enum class FidelityLevel { kTransaction, kCommand };

// Of tensors in timing-only execution.
enum class Transfers { kBulk, kBursts };

// Layers of a model that are simulated in timing-only execution.
enum class Layers { kAll, kReplay };

struct Fidelity {
  FidelityLevel memory = FidelityLevel::kTransaction;
  FidelityLevel pim = FidelityLevel::kTransaction;
  Transfers transfers = Transfers::kBulk;
  Layers layers = Layers::kAll;
  std::uint32_t replay_layers = 4;  // simulated with Layers::kReplay
};

struct DramConfig {
  NamedFile device{"lpddr5_6400", {}};
  std::uint32_t channels = 1;
  std::uint64_t capacity_bytes = std::uint64_t{1} << 30;  // all channels together
  std::string mapping;  // see memory::AddressMapping; empty: the device's own
  std::optional<std::uint64_t> channel_interleave_bytes;  // the device's own unless given
  std::uint32_t queue_depth = 32;                         // requests a channel holds
  bool check_timing = false;  // replay the command log (fidelity command)
  DramOverrides overrides;
};

// What a scenario may change of the device's pim section; kDevice: nothing.
enum class PimCommandsChoice { kDevice, kNewton, kNeupims, kAim, kHbmPim };
enum class RowBufferChoice { kDevice, kSingle, kDual };
enum class PimCommandForm { kComposite, kRaw };
enum class PimCommandPath { kPerChannel, kShared };

struct PimLaneOverrides {
  std::optional<std::uint32_t> fp16, bf16, int8, int4, e2m1, e3m0, bsfp_draft;
};

struct PimConfig {
  bool enabled = true;
  PimCommandsChoice command_set = PimCommandsChoice::kDevice;
  PimCommandForm commands = PimCommandForm::kComposite;
  PimCommandPath command_path = PimCommandPath::kPerChannel;
  RowBufferChoice row_buffer = RowBufferChoice::kDevice;
  std::optional<std::uint64_t> clock_hz;
  PimLaneOverrides lanes;
  std::optional<std::uint32_t> global_buffer_rows;  // DRAM rows of input vector a channel holds
  std::optional<std::uint32_t> accumulators_per_bank;
  std::uint32_t command_queue_depth = 64;
  std::uint64_t vector_window_bytes = 256 << 10;
  std::uint64_t result_window_bytes = 256 << 10;
  // One FP16 multiply-accumulate in a bank; none: the device's, or the model's assumption.
  std::optional<std::uint64_t> mac_energy_fj;
};

enum class Dataflow { kWeightStationary, kOutputStationary };

struct PeArrayConfig {
  std::uint32_t rows = 32;
  std::uint32_t columns = 32;
  std::uint32_t count = 1;
  Dataflow dataflow = Dataflow::kWeightStationary;
  std::uint32_t reconfiguration_cycles = 16;  // between draft and verify mode
};

struct DmaConfig {
  std::uint32_t outstanding = 16;  // bursts in flight
  std::uint64_t burst_bytes = 256;
};

enum class SequencerMode { kOverlapped, kSerial };
enum class PimOrder { kChannels, kRequests };
enum class PimTileOrder { kSlices, kRows };

struct NpuConfig {
  std::uint64_t clock_hz = 1'000'000'000;
  PeArrayConfig array;
  std::uint64_t weight_buffer_bytes = 262'144;  // both halves of the double buffer
  std::uint64_t activation_buffer_bytes = 524'288;
  std::uint64_t kv_buffer_bytes = 65'536;
  DmaConfig dma;
  std::uint32_t vector_lanes = 16;
  std::uint32_t vector_units = 1;
  std::uint32_t queue_pairs = 4;
  std::uint32_t contexts = 2;
  std::uint32_t max_rows = 256;                          // token positions of one command
  SequencerMode sequencer = SequencerMode::kOverlapped;  // kSerial: one primitive at a time
  PimOrder pim_order = PimOrder::kChannels;
  PimTileOrder pim_tile_order = PimTileOrder::kSlices;
};

enum class Arbitration { kRoundRobin, kPriority, kWeighted };

struct InterconnectConfig {
  std::uint64_t clock_hz = 1'000'000'000;
  std::uint64_t width_bytes = 32;  // per port and clock
  std::uint32_t latency_cycles = 4;
  Arbitration arbitration = Arbitration::kRoundRobin;
};

struct SramConfig {
  std::uint64_t size_bytes = std::uint64_t{4} << 20;
  std::uint64_t latency_ps = 2'000;
};

enum class CpuForm { kNative, kRiscv };
enum class FirmwareApp { kGenerate, kBringup };

struct RiscvConfig {
  bool present = false;
  std::filesystem::path elf;  // empty: our own firmware
  std::uint64_t clock_hz = 1'000'000'000;
  std::uint32_t cycles_per_instruction = 1;
  std::uint64_t memory_bytes = std::uint64_t{4} << 20;
  std::uint64_t quantum_ps = 1'000'000;
};

struct CpuConfig {
  CpuForm form = CpuForm::kNative;
  FirmwareApp app = FirmwareApp::kGenerate;
  std::uint64_t hal_call_ps = 20'000;  // simulated time that one call of the HAL takes; kNative
  // After which the driver gives a command up; whole microseconds, at most 71 minutes.
  std::uint64_t command_timeout_ps = 10'000'000'000'000;
  RiscvConfig riscv;

  // The firmware is an ELF of the user's.
  bool own_firmware() const { return form == CpuForm::kRiscv && !riscv.elf.empty(); }
};

// Base addresses; sizes follow from the configuration.
struct AddressMap {
  std::uint64_t interrupt_controller = 0x0200'0000;
  std::uint64_t timer = 0x0201'0000;
  std::uint64_t uart = 0x0202'0000;
  std::uint64_t mailbox = 0x0203'0000;
  std::uint64_t system_control = 0x0204'0000;
  std::uint64_t npu = 0x0210'0000;
  std::uint64_t pim = 0x0220'0000;
  std::uint64_t sram = 0x1000'0000;
  std::uint64_t firmware = 0x4000'0000;
  std::uint64_t dram = 0x8000'0000;
};
constexpr std::uint64_t kRegisterBlockBytes = 0x1000;  // of every device but PIM
constexpr std::uint64_t kPimWindowBytes = 0x20'0000;

enum class LinkTopology { kRing, kSwitch };

struct LinkConfig {
  std::uint64_t bandwidth_bytes_per_s = 0;  // of a device, each direction
  std::uint64_t latency_ps = 0;             // of a step
  LinkTopology topology = LinkTopology::kRing;
  std::optional<std::uint64_t> energy_fj_per_bit;  // sent
};

// Identical devices that share the matrices of the model; one is simulated.
struct DevicesConfig {
  bool present = false;
  std::uint32_t count = 1;
  LinkConfig link;
};

struct HardwareConfig {
  DramConfig dram;
  PimConfig pim;
  NpuConfig npu;
  InterconnectConfig interconnect;
  SramConfig sram;
  CpuConfig cpu;
  AddressMap address_map;
  DevicesConfig devices;
};

// Of the matrices of a model without weights.
enum class WeightFormat { kFp16, kBf16, kInt8, kInt4, kBsfpE, kBsfpI };

enum class NormChoice { kRms, kLayer };
enum class PositionChoice { kRotary, kLearned };

// What is said about a shape; what is not said is the preset's, or has a default.
struct ShapeKeys {
  std::optional<std::uint32_t> layers, hidden, heads, kv_heads, head_dim, ffn, vocabulary,
      max_positions;
  std::optional<bool> gated_ffn, tied_embeddings, qkv_bias, linear_bias;
  std::optional<NormChoice> norm;
  std::optional<PositionChoice> positions;
  std::optional<std::uint32_t> experts, top_k, expert_ffn, shared_experts, shared_ffn,
      first_dense_layers;
  std::optional<std::uint32_t> kv_lora_rank, qk_nope_dim, qk_rope_dim, v_head_dim;
};

// Weights with their tokenizer, or the name of a preset, or a shape. Paths are resolved: they open
// from the working directory.
struct ModelConfig {
  std::filesystem::path weights;
  std::filesystem::path tokenizer;  // empty: none
  std::string preset;               // empty: none
  ShapeKeys overrides;              // of the preset
  ShapeKeys custom;                 // a shape without a preset
  WeightFormat weight_format = WeightFormat::kFp16;

  // What these keys come to, without weights; found while loading, not a key.
  std::optional<ModelShape> shape;
};

enum class SamplingRule { kStandard, kCoupled };

struct Sampling {
  bool greedy = true;
  double temperature = 1.0;                    // meaningless when greedy
  SamplingRule rule = SamplingRule::kCoupled;  // meaningless when greedy
};

// A text gets BOS and is tokenized; a list of token ids is used as written.
using Prompt = std::variant<std::string, std::vector<std::uint32_t>>;

enum class ArrivalKind { kAsGiven, kAtOnce, kFixed, kPoisson };

struct ArrivalConfig {
  ArrivalKind kind = ArrivalKind::kAtOnce;
  std::optional<std::uint64_t> rate_per_megasecond;  // requests in 10^6 s; of kFixed and kPoisson
};

// A file with a request per line.
struct TraceConfig {
  bool present = false;
  std::filesystem::path file;
  std::optional<std::uint32_t> requests;               // the first so many; all unless given
  double time_scale = 1.0;                             // of the arrival times
  std::optional<std::uint32_t> max_input, max_output;  // longer ones are cut to this
  ArrivalConfig arrivals{ArrivalKind::kAsGiven, {}};
};

// Drawn evenly from min..max.
struct LengthRange {
  std::uint32_t min = 1;
  std::uint32_t max = 1;
};

struct GenerateConfig {
  bool present = false;
  std::uint32_t requests = 1;
  LengthRange input{512, 512};
  LengthRange output{128, 128};
  ArrivalConfig arrivals;
};

// Sequences whose prompts are in the KV cache already.
struct BatchConfig {
  bool present = false;
  std::filesystem::path file;  // either this
  std::uint32_t size = 0;      // or so many
  std::uint32_t context = 0;   // of so many tokens
};

// What a request must not exceed to count for the goodput.
struct SloConfig {
  std::optional<std::uint64_t> ttft_ps, tpot_ps;
};

enum class WorkloadSource { kPrompts, kTrace, kGenerate, kBatch };

struct Workload {
  std::vector<Prompt> prompts;  // exactly one of these four
  TraceConfig trace;
  GenerateConfig generate;
  BatchConfig batch;
  std::uint32_t max_tokens = 128;  // per request, prompt and BOS excluded; prompts and batch
  bool stop_at_eos = true;         // unless given, only with prompts
  Sampling sampling;
  SloConfig slo;

  WorkloadSource source() const {
    if (trace.present) return WorkloadSource::kTrace;
    if (generate.present) return WorkloadSource::kGenerate;
    return batch.present ? WorkloadSource::kBatch : WorkloadSource::kPrompts;
  }
};

enum class PolicyName { kPlain, kSelfSpeculative };
enum class Granularity { kStep, kLayer };
enum class Engine { kNpu, kPim, kAuto };
enum class DraftEngine { kSame, kNpu, kPim, kAuto };
enum class WeightLayout { kRows, kBankTiles };
enum class ChannelPacking { kTokens, kMinLoad, kRoundRobin };
enum class KvLayoutChoice { kAuto, kContiguous, kBankRows, kHeadSplit };
enum class DraftFormat { kBsfpE, kBsfpI, kBsfpIShiftAdd, kInt4, kE2m1, kE3m0 };
enum class DraftGroup { k128, kRow, kTensor };
enum class DraftScale { kAbsmax, kMse, kPow2 };
enum class Classifier { kPlane, kFull };
enum class DraftScope { kTensor, kRow };
enum class DraftKv { kOwn, kShared };
enum class DraftControl { kLength, kHistory };

struct PlacementConfig {
  Engine attention = Engine::kAuto;
  Engine linear = Engine::kNpu;
  DraftEngine draft_attention = DraftEngine::kSame;
  DraftEngine draft_linear = DraftEngine::kSame;
  WeightLayout weight_layout = WeightLayout::kRows;
};

struct DraftConfig {
  DraftFormat format = DraftFormat::kBsfpI;
  DraftGroup group = DraftGroup::kTensor;
  DraftScale scale = DraftScale::kMse;
  std::uint32_t length = 4;  // tokens drafted per round at most, 1..16
  double stop_below = 0.0;   // drafting stops after a token less probable than this
  Classifier classifier = Classifier::kPlane;
  DraftScope scope = DraftScope::kTensor;
  DraftKv kv = DraftKv::kOwn;
  std::uint32_t ahead = 0;  // tokens drafted beyond those that are verified meanwhile; 0: in turn
  DraftControl control = DraftControl::kLength;  // whether drafting ahead goes on
  bool pre_verify = false;  // the head of a round is verified where drafts run, if there is time
};

struct PolicyConfig {
  PolicyName name = PolicyName::kSelfSpeculative;
  Granularity granularity = Granularity::kStep;
  std::uint32_t max_batch = 8;       // sequences decoded together at most
  std::uint32_t prefill_chunk = 32;  // prompt tokens of a sequence per command, at most
  std::uint32_t batch_tokens = 0;    // token positions per command, at most; 0: what fits
  std::uint32_t page_tokens = 16;    // tokens of a KV page, where the layout leaves it open
  KvLayoutChoice kv_layout = KvLayoutChoice::kAuto;
  ChannelPacking channel_packing = ChannelPacking::kTokens;
  std::uint32_t sub_batches = 1;      // parts of the batch with commands in flight, 1 or 2
  std::uint32_t sub_batch_min = 256;  // sequences in work from which on there are 2
  PlacementConfig placement;
  DraftConfig draft;
};
// Commands that the firmware keeps in flight.
inline std::uint32_t lanes(const PolicyConfig& policy) {
  const bool drafts_ahead = policy.name == PolicyName::kSelfSpeculative && policy.draft.ahead > 0;
  return drafts_ahead ? 2 : policy.sub_batches;
}

enum class OracleKind { kBernoulli, kTable, kConfidence, kReplay };
enum class ExpertKind { kUniform, kPopularity };

struct ExpertOracleConfig {
  ExpertKind kind = ExpertKind::kUniform;
  std::filesystem::path file;  // popularity
  std::string model = "Mixtral-8x7B-v0.1";
  std::string domain = "ALL";
};

// What stands in for tensors in timing-only execution. Empty files: none.
struct OracleConfig {
  OracleKind kind = OracleKind::kBernoulli;
  double acceptance = 0.8;    // bernoulli; an assumption
  std::vector<double> table;  // table: by index in the round; empty: from the file
  std::filesystem::path file;
  std::string method = "eagle";  // of the file's rows
  std::string category = "ALL";
  std::uint32_t beta_a = 8, beta_b = 2;  // confidence without a file; an assumption
  ExpertOracleConfig experts;
};

enum class Baseline { kPlain, kNone };

struct TimelineConfig {
  bool enabled = true;
  std::uint64_t begin_ps = 0;
  std::uint64_t end_ps = 1'000'000'000'000;  // 1 s
  std::uint64_t max_events = 1'000'000;
};

enum class ResetTarget { kPlatform, kNpu, kPim };
constexpr std::size_t kResetTargets = 3;

// Resets that the scenario asks for.
struct ResetConfig {
  bool present = false;
  ResetTarget what = ResetTarget::kPlatform;
  std::uint64_t at_ps = 0;                 // of the first one
  std::uint64_t every_ps = 1'000'000'000;  // from one to the next
  std::uint32_t count = 1;
};

// Each level includes those before it.
enum class LogLevel { kOff, kError, kInfo, kAccess };
enum class LogModule {
  kCpu,
  kNpu,
  kPim,
  kIntc,
  kTimer,
  kUart,
  kMailbox,
  kSyscon,
  kDram,
  kSram,
  kBus
};
constexpr std::size_t kLogModules = 11;

struct LogConfig {
  std::array<LogLevel, kLogModules> levels{};
  std::uint64_t max_bytes = 16ull << 20;  // of access.log

  LogLevel at(LogModule module) const { return levels[static_cast<std::size_t>(module)]; }
  bool enabled() const {
    for (const LogLevel level : levels) {
      if (level != LogLevel::kOff) return true;
    }
    return false;
  }
};

struct RunConfig {
  Baseline baseline = Baseline::kPlain;
  TimelineConfig timeline;
  LogConfig log;
  std::string registers;  // what is read when, see register_names.h; empty: nothing
  std::uint64_t max_simulated_time_ps = 60'000'000'000'000;  // 60 s; reaching it ends the run
  std::optional<std::uint64_t> max_wall_time_ps;             // of the host
  bool progress = true;                 // a progress line, if standard error is a terminal
  std::filesystem::path record_oracle;  // empty: nothing is recorded
  std::optional<std::uint32_t> layers;  // only the first so many ...
  std::optional<std::uint32_t> steps;   // ... and so many decoding steps of each sequence
  ResetConfig reset;
  std::uint32_t of_layers = 0;  // with `layers`: those of the model; no key
};

// Asked for on the command line; no keys.
struct CheckpointPlan {
  std::filesystem::path save;  // empty: none
  std::uint64_t save_at_ps = 0;
  std::filesystem::path restore;  // empty: from the beginning
};

// faults::Kind, in the same order.
enum class FaultKind {
  kBusError,
  kEccCorrected,
  kEccUncorrected,
  kLostInterrupt,
  kStuckEngine,
  kLateCompletion,
  kCorruptCompletion,
  kCorruptCommand,
  kCorruptProgram,
  kCorruptTables,
  kUartOverrun
};

// One thing that goes wrong; see faults::When.
struct FaultConfig {
  FaultKind kind = FaultKind::kBusError;
  std::string where;  // empty: the only place of the kind
  std::uint64_t at_ps = 0;
  std::optional<std::uint64_t> address;
  std::uint64_t bytes = 4;  // from the address on
  std::uint64_t nth = 1;
  std::uint64_t every = 1;
  std::uint64_t count = 1;
  std::optional<std::uint64_t> delay_ps;
  std::optional<std::uint32_t> bits;
};

// Drawn by the seed.
struct RandomFaults {
  bool present = false;
  std::uint64_t seed = 1;
  std::uint32_t number = 1;
  std::uint64_t within_ps = 1'000'000'000;  // from the start of the run
  std::vector<std::string> kinds;           // empty: all
};

struct FaultsConfig {
  bool present = false;
  std::vector<FaultConfig> list;
  RandomFaults random;
};

struct Scenario {
  std::uint32_t version = 1;
  std::uint64_t seed = 1;
  Execution execution = Execution::kFunctional;
  Fidelity fidelity;
  HardwareConfig platform;
  ModelConfig model;
  Workload workload;
  PolicyConfig policy;
  OracleConfig oracle;
  RunConfig run;
  FaultsConfig faults;

  // Where the scenario came from; not part of the effective configuration.
  std::filesystem::path file;       // as named on the command line, empty for a text
  std::filesystem::path directory;  // paths of the effective configuration are relative to it

  CheckpointPlan checkpoint;
  std::string gdb;  // where a run waits for gdb (--gdb, not a key); empty: nowhere

  std::vector<std::string> warnings;  // what loading found doubtful, with file and line
  // Where a key, or the nearest section around it, is written: "file.yaml:12:5"; empty if none is.
  // Set by loading.
  std::function<std::string(const std::string& key_path)> place_of;
};

// Period of a clock in ps, rounded to the nearest picosecond and at least 1.
constexpr std::uint64_t clock_period_ps(std::uint64_t clock_hz) {
  constexpr std::uint64_t kPsPerSecond = 1'000'000'000'000;
  const std::uint64_t period = (kPsPerSecond + clock_hz / 2) / clock_hz;
  return period == 0 ? 1 : period;
}

}  // namespace tandem::platform
