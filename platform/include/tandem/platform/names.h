// SPDX-License-Identifier: Apache-2.0
// The words that scenario files use for the values of each enumeration, with their meanings.
#pragma once
#include <cstddef>

#include "tandem/memory/controller.h"
#include "tandem/platform/device_file.h"
#include "tandem/platform/scenario.h"

namespace tandem::platform {

struct Choice {
  const char* name;
  const char* meaning;
};

struct ChoiceList {
  const Choice* data;
  std::size_t size;

  const Choice* begin() const { return data; }
  const Choice* end() const { return data + size; }
};

// In the order of the enumerators, which count from 0.
template <typename Enum>
ChoiceList choices();

template <typename Enum>
const char* name_of(Enum value) {
  return choices<Enum>().data[static_cast<std::size_t>(value)].name;
}

template <>
ChoiceList choices<Execution>();
template <>
ChoiceList choices<FidelityLevel>();
template <>
ChoiceList choices<Transfers>();
template <>
ChoiceList choices<Layers>();
template <>
ChoiceList choices<memory::Scheduling>();
template <>
ChoiceList choices<memory::PagePolicy>();
template <>
ChoiceList choices<memory::CommandQueues>();
template <>
ChoiceList choices<memory::RefreshMode>();
template <>
ChoiceList choices<PimCommandSet>();
template <>
ChoiceList choices<PimCommandsChoice>();
template <>
ChoiceList choices<PimCommandForm>();
template <>
ChoiceList choices<PimCommandPath>();
template <>
ChoiceList choices<RowBufferChoice>();
template <>
ChoiceList choices<RowBuffer>();
template <>
ChoiceList choices<LinkTopology>();
template <>
ChoiceList choices<Dataflow>();
template <>
ChoiceList choices<SequencerMode>();
template <>
ChoiceList choices<PimOrder>();
template <>
ChoiceList choices<PimTileOrder>();
template <>
ChoiceList choices<Arbitration>();
template <>
ChoiceList choices<CpuForm>();
template <>
ChoiceList choices<FirmwareApp>();
template <>
ChoiceList choices<ResetTarget>();
template <>
ChoiceList choices<WeightFormat>();
template <>
ChoiceList choices<NormChoice>();
template <>
ChoiceList choices<PositionChoice>();
template <>
ChoiceList choices<SamplingRule>();
template <>
ChoiceList choices<ArrivalKind>();
template <>
ChoiceList choices<PolicyName>();
template <>
ChoiceList choices<Granularity>();
template <>
ChoiceList choices<Engine>();
template <>
ChoiceList choices<WeightLayout>();
template <>
ChoiceList choices<KvLayoutChoice>();
template <>
ChoiceList choices<ChannelPacking>();
template <>
ChoiceList choices<DraftFormat>();
template <>
ChoiceList choices<DraftGroup>();
template <>
ChoiceList choices<DraftScale>();
template <>
ChoiceList choices<Classifier>();
template <>
ChoiceList choices<DraftScope>();
template <>
ChoiceList choices<DraftKv>();
template <>
ChoiceList choices<DraftControl>();
template <>
ChoiceList choices<DraftEngine>();
template <>
ChoiceList choices<OracleKind>();
template <>
ChoiceList choices<ExpertKind>();
template <>
ChoiceList choices<Baseline>();
template <>
ChoiceList choices<FaultKind>();
template <>
ChoiceList choices<LogLevel>();
template <>
ChoiceList choices<LogModule>();

}  // namespace tandem::platform
