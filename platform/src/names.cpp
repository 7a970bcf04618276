// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/names.h"

namespace tandem::platform {
namespace {

constexpr Choice kExecution[] = {
    {"functional", "bytes are moved and computed: real tokens"},
    {"timing", "tensor payloads are dropped: for models too large to compute"},
};
constexpr Choice kFidelity[] = {
    {"transaction", "banks and buses are reserved per burst or tile"},
    {"command", "every DRAM command is scheduled against its timing table"},
};
constexpr Choice kTransfers[] = {
    {"bulk", "long transactions, few tiles: fast, for large models"},
    {"bursts", "the transactions of functional execution: exactly its time"},
};
constexpr Choice kLayers[] = {
    {"all", "every layer"},
    {"replay", "a few, which stand for all of them: fast, for deep models"},
};
constexpr Choice kScheduling[] = {
    {"fr_fcfs", "row hits first, then the oldest request"},
    {"fcfs", "the oldest request only"},
};
constexpr Choice kPagePolicy[] = {
    {"open", "a row stays open until another one is wanted"},
    {"closed", "the last queued access to a row closes it"},
};
constexpr Choice kCommandQueues[] = {
    {"per_bank", "one command queue per bank"},
    {"per_rank", "one command queue per rank"},
};
constexpr Choice kRefreshMode[] = {
    {"all_bank", "all banks of a rank at once"},
    {"per_bank", "one bank after the other"},
};
constexpr Choice kPimCommandSet[] = {
    {"none", "the banks do not compute"},
    {"newton", "global buffer, group activate, compute and result read as single commands"},
    {"neupims", "the same as composites with a header"},
    {"aim", "all banks of a channel at once, results in registers"},
    {"hbm_pim", "one programmable unit per two banks, lock step, mode switches"},
};
constexpr Choice kPimCommandsChoice[] = {
    {"device", "those of the device, newton if it names none"},
    {"newton", "global buffer, group activate, compute and result read"},
    {"neupims", "the same with headers and composites"},
    {"aim", "all banks of a channel at once"},
    {"hbm_pim", "one unit per two banks, mode switches"},
};
constexpr Choice kPimCommandForm[] = {
    {"composite", "one command for a run of columns, where the command set has such"},
    {"raw", "a command for every column"},
};
constexpr Choice kPimCommandPath[] = {
    {"per_channel", "each channel makes its commands by itself"},
    {"shared", "one command per PIM clock for all channels together"},
};
constexpr Choice kPimTileOrder[] = {
    {"slices", "all tiles with the same columns, then the next columns"},
    {"rows", "all tiles with the same rows, then the next rows"},
};
constexpr Choice kPimOrder[] = {
    {"channels", "channels in turn, outputs as soon as their scores are normalised"},
    {"requests", "request after request, outputs when all scores are normalised"},
};
constexpr Choice kRowBufferChoice[] = {
    {"device", "those of the device, two if it names none"},
    {"single", "PIM and ordinary accesses take turns"},
    {"dual", "ordinary accesses go on while banks compute"},
};
constexpr Choice kRowBuffer[] = {
    {"single", "a bank serves either PIM or ordinary traffic"},
    {"dual", "PIM has row buffers of its own"},
};
constexpr Choice kDataflow[] = {
    {"ws", "weight-stationary: a tile of weights stays, activations stream"},
    {"os", "output-stationary: sums stay, weights and activations stream"},
};
constexpr Choice kSequencer[] = {
    {"overlapped", "a primitive starts as soon as its predecessors allow"},
    {"serial", "one primitive at a time, for comparison"},
};
constexpr Choice kArbitration[] = {
    {"round_robin", "initiators take turns"},
    {"priority", "the lower port number wins"},
    {"weighted", "turns in proportion to the ports' weights"},
};
constexpr Choice kLinkTopology[] = {
    {"ring", "each device sends to the next one"},
    {"switch", "each device reaches every other through one port"},
};
constexpr Choice kCpuForm[] = {
    {"native", "firmware compiled into the simulator"},
    {"riscv", "an RV64 ELF on an instruction-set simulator"},
};
constexpr Choice kFirmwareApp[] = {
    {"generate", "answers the requests of the workload"},
    {"bringup", "checks every device, says over the UART what it finds, takes no requests"},
};
constexpr Choice kResetTarget[] = {
    {"platform", "everything; the firmware starts again"},
    {"npu", "the NPU alone, as if its clock domain had failed"},
    {"pim", "the PIM with its memory's state, not its bytes"},
};
constexpr Choice kWeightFormat[] = {
    {"fp16", "16 bits"},
    {"bf16", "16 bits, upper half of binary32"},
    {"int8", "8 bits, an FP16 scale per 128 weights of a row"},
    {"int4", "4 bits, an FP16 scale per 128 weights of a row"},
    {"bsfp_e", "a plane of 4 and one of 12 bits, exponent codes, a table per tensor"},
    {"bsfp_i", "a plane of 4 and one of 12 bits, interval codes, a table per tensor"},
};
constexpr Choice kNorm[] = {
    {"rms", "root mean square, gain"},
    {"layer", "mean and deviation, gain and bias"},
};
constexpr Choice kPositions[] = {
    {"rotary", "queries and keys are rotated"},
    {"learned", "a row of a table is added to the embedding"},
};
constexpr Choice kArrivalKind[] = {
    {"as_given", "the times of the file, at once where it has none"},
    {"at_once", "all at the beginning"},
    {"fixed", "one after the other at equal intervals"},
    {"poisson", "independent of each other: exponential intervals"},
};
constexpr Choice kSamplingRule[] = {
    {"standard", "accept with min(1, p/q), else resample from the residual"},
    {"coupled", "Gumbel noise keyed by position: equals plain sampling token for token"},
};
constexpr Choice kPolicy[] = {
    {"plain", "one token per pass"},
    {"self_speculative", "draft with few bits of the weights, verify all drafted tokens at once"},
};
constexpr Choice kGranularity[] = {
    {"step", "one command per draft or verify step"},
    {"layer", "one command per layer"},
};
constexpr Choice kEngine[] = {
    {"npu", "always on the NPU"},
    {"pim", "always in the memory"},
    {"auto", "wherever it is estimated to be faster"},
};
constexpr Choice kWeightLayout[] = {
    {"rows", "row after row"},
    {"bank_tiles", "slices of columns: all banks of a channel multiply the same piece of a vector"},
};
constexpr Choice kKvLayout[] = {
    {"auto", "for a PIM that attends: bank_rows, head_split with fewer sequences than channels"},
    {"contiguous", "pages are ranges of addresses"},
    {"bank_rows", "a sequence in one channel: keys by token over the banks, values by element"},
    {"head_split", "a sequence over all channels: its heads in turn, each as in bank_rows"},
};
constexpr Choice kChannelPacking[] = {
    {"tokens", "to the channel with the fewest tokens to come"},
    {"min_load",
     "longest first, to the channel with the least attention to do, as NeuPIMs estimates"},
    {"round_robin", "to the channels in turn"},
};
constexpr Choice kDraftFormat[] = {
    {"bsfp_e", "4 of the weights' own 16 bits, exponent codes"},
    {"bsfp_i", "4 of the weights' own 16 bits, interval codes, any FP16 level"},
    {"bsfp_i_shift_add", "interval codes whose levels are sums of at most two powers of two"},
    {"int4", "a second copy in two's complement, with scales"},
    {"e2m1", "a second copy with 2 exponent bits and 1 mantissa bit, with scales"},
    {"e3m0", "a second copy with 3 exponent bits, with scales"},
};
constexpr Choice kDraftGroup[] = {
    {"128", "one scale per 128 weights of a row"},
    {"row", "one scale per row"},
    {"tensor", "one scale per tensor"},
};
constexpr Choice kDraftScale[] = {
    {"absmax", "the largest magnitude is met exactly"},
    {"mse", "least square error"},
    {"pow2", "a power of two"},
};
constexpr Choice kClassifier[] = {
    {"plane", "the draft's classifier reads the draft plane"},
    {"full", "the draft's classifier reads the full weights"},
};
constexpr Choice kDraftScope[] = {
    {"tensor", "one table per tensor"},
    {"row", "one table per row"},
};
constexpr Choice kDraftKv[] = {
    {"own", "the draft keeps a KV cache of its own"},
    {"shared", "the draft reads the verified KV cache"},
};
constexpr Choice kDraftEngine[] = {
    {"same", "where the other passes run it"},
    {"npu", "always on the NPU"},
    {"pim", "always in the memory"},
    {"auto", "wherever it is estimated to be faster"},
};
constexpr Choice kDraftControl[] = {
    {"length", "until `length` and `ahead` are reached"},
    {"history", "while tokens after ones of like confidence have been accepted (with `ahead`)"},
};
constexpr Choice kOracle[] = {
    {"bernoulli", "every drafted token is accepted with the same probability"},
    {"table", "with a probability that depends on its index in the round"},
    {"confidence", "confidences are drawn, and acceptance depends on them"},
    {"replay", "as a recorded run had it"},
};
constexpr Choice kExpertOracle[] = {
    {"uniform", "all sets of experts are equally likely"},
    {"popularity", "each expert as often as measured"},
};
constexpr Choice kBaseline[] = {
    {"plain", "run the same workload with plain decoding as well, and compare"},
    {"none", "run the scenario only"},
};
constexpr Choice kLogLevel[] = {
    {"off", "nothing"},
    {"error", "accesses answered with an error"},
    {"info", "and what the firmware logs (cpu), interrupt lines (intc)"},
    {"access", "and every access on the bus, registers decoded"},
};
constexpr Choice kLogModule[] = {
    {"cpu", "texts of the firmware, memory of its own"},
    {"npu", "registers of the NPU"},
    {"pim", "registers and windows of the PIM"},
    {"intc", "registers of the interrupt controller, interrupt lines"},
    {"timer", "registers of the timer"},
    {"uart", "registers of the UART"},
    {"mailbox", "registers of the mailbox"},
    {"syscon", "registers of the system controller"},
    {"dram", "the memory behind the NPU"},
    {"sram", "the control memory"},
    {"bus", "addresses with nothing there"},
};

constexpr Choice kFaultKind[] = {
    {"bus_error", "an access is answered with an error and reaches nobody"},
    {"ecc_corrected", "a read of the memory takes longer, its data were corrected"},
    {"ecc_uncorrected", "a read of the memory is answered with an error"},
    {"lost_interrupt", "nobody sees a rising edge of an interrupt line"},
    {"stuck_engine", "a unit of the NPU stops working until the NPU is reset"},
    {"late_completion", "a command completes later than it ends"},
    {"corrupt_completion", "bits of a completion are wrong"},
    {"corrupt_command", "bits of a command are wrong, as the NPU fetches it"},
    {"corrupt_program", "bits of a program are"},
    {"corrupt_tables", "bits of a parameter block or batch table are"},
    {"uart_overrun", "the UART loses a byte"},
};

template <std::size_t kSize>
constexpr ChoiceList list(const Choice (&array)[kSize]) {
  return {array, kSize};
}

}  // namespace

template <>
ChoiceList choices<Execution>() {
  return list(kExecution);
}
template <>
ChoiceList choices<FidelityLevel>() {
  return list(kFidelity);
}
template <>
ChoiceList choices<Transfers>() {
  return list(kTransfers);
}
template <>
ChoiceList choices<Layers>() {
  return list(kLayers);
}
template <>
ChoiceList choices<memory::Scheduling>() {
  return list(kScheduling);
}
template <>
ChoiceList choices<memory::PagePolicy>() {
  return list(kPagePolicy);
}
template <>
ChoiceList choices<memory::CommandQueues>() {
  return list(kCommandQueues);
}
template <>
ChoiceList choices<memory::RefreshMode>() {
  return list(kRefreshMode);
}
template <>
ChoiceList choices<PimCommandSet>() {
  return list(kPimCommandSet);
}
template <>
ChoiceList choices<PimCommandsChoice>() {
  return list(kPimCommandsChoice);
}
template <>
ChoiceList choices<PimCommandForm>() {
  return list(kPimCommandForm);
}
template <>
ChoiceList choices<PimCommandPath>() {
  return list(kPimCommandPath);
}
template <>
ChoiceList choices<RowBufferChoice>() {
  return list(kRowBufferChoice);
}
template <>
ChoiceList choices<RowBuffer>() {
  return list(kRowBuffer);
}
template <>
ChoiceList choices<Dataflow>() {
  return list(kDataflow);
}
template <>
ChoiceList choices<PimOrder>() {
  return list(kPimOrder);
}
template <>
ChoiceList choices<PimTileOrder>() {
  return list(kPimTileOrder);
}
template <>
ChoiceList choices<SequencerMode>() {
  return list(kSequencer);
}
template <>
ChoiceList choices<Arbitration>() {
  return list(kArbitration);
}
template <>
ChoiceList choices<LinkTopology>() {
  return list(kLinkTopology);
}
template <>
ChoiceList choices<CpuForm>() {
  return list(kCpuForm);
}
template <>
ChoiceList choices<FirmwareApp>() {
  return list(kFirmwareApp);
}
template <>
ChoiceList choices<ResetTarget>() {
  return list(kResetTarget);
}
template <>
ChoiceList choices<WeightFormat>() {
  return list(kWeightFormat);
}
template <>
ChoiceList choices<NormChoice>() {
  return list(kNorm);
}
template <>
ChoiceList choices<PositionChoice>() {
  return list(kPositions);
}
template <>
ChoiceList choices<ArrivalKind>() {
  return list(kArrivalKind);
}
template <>
ChoiceList choices<SamplingRule>() {
  return list(kSamplingRule);
}
template <>
ChoiceList choices<PolicyName>() {
  return list(kPolicy);
}
template <>
ChoiceList choices<Granularity>() {
  return list(kGranularity);
}
template <>
ChoiceList choices<Engine>() {
  return list(kEngine);
}
template <>
ChoiceList choices<WeightLayout>() {
  return list(kWeightLayout);
}
template <>
ChoiceList choices<KvLayoutChoice>() {
  return list(kKvLayout);
}
template <>
ChoiceList choices<ChannelPacking>() {
  return list(kChannelPacking);
}
template <>
ChoiceList choices<DraftFormat>() {
  return list(kDraftFormat);
}
template <>
ChoiceList choices<DraftGroup>() {
  return list(kDraftGroup);
}
template <>
ChoiceList choices<DraftScale>() {
  return list(kDraftScale);
}
template <>
ChoiceList choices<Classifier>() {
  return list(kClassifier);
}
template <>
ChoiceList choices<DraftScope>() {
  return list(kDraftScope);
}
template <>
ChoiceList choices<DraftKv>() {
  return list(kDraftKv);
}
template <>
ChoiceList choices<DraftEngine>() {
  return list(kDraftEngine);
}
template <>
ChoiceList choices<DraftControl>() {
  return list(kDraftControl);
}
template <>
ChoiceList choices<OracleKind>() {
  return list(kOracle);
}
template <>
ChoiceList choices<ExpertKind>() {
  return list(kExpertOracle);
}
template <>
ChoiceList choices<Baseline>() {
  return list(kBaseline);
}
template <>
ChoiceList choices<FaultKind>() {
  return list(kFaultKind);
}
template <>
ChoiceList choices<LogLevel>() {
  return list(kLogLevel);
}
template <>
ChoiceList choices<LogModule>() {
  return list(kLogModule);
}

}  // namespace tandem::platform
