// SPDX-License-Identifier: Apache-2.0
#include "tandem/faults/fault_log.h"

namespace tandem::faults {
namespace {

struct Words {
  const char* name;
  const char* meaning;
};
constexpr std::array<Words, kKinds> kWords = {{
    {"bus_error", "Accesses answered with an error"},
    {"ecc_corrected", "Reads whose data were corrected"},
    {"ecc_uncorrected", "Reads whose data could not be corrected"},
    {"lost_interrupt", "Rising edges of interrupt lines that nobody saw"},
    {"stuck_engine", "Units of the NPU that stopped working"},
    {"late_completion", "Completions that were held back"},
    {"corrupt_completion", "Completions with wrong bits"},
    {"corrupt_command", "Commands fetched with wrong bits"},
    {"corrupt_program", "Programs fetched with wrong bits"},
    {"corrupt_tables", "Parameter blocks and batch tables fetched with wrong bits"},
    {"uart_overrun", "Bytes lost by the UART"},
}};

}  // namespace

const char* name_of(Kind kind) {
  return kWords[static_cast<std::size_t>(kind)].name;
}

void FaultLog::add(const Injected& fault) {
  all_.push_back(fault);
  ++counts_[static_cast<std::size_t>(fault.kind)];
}

void FaultLog::collect(observe::StatisticsSink& sink) const {
  for (std::size_t i = 0; i < kKinds; ++i) {
    const auto kind = static_cast<Kind>(i);
    const bool ecc = kind == Kind::kEccCorrected || kind == Kind::kEccUncorrected;
    if (ecc || counts_[i] != 0) sink.value(kWords[i].name, counts_[i], "1", kWords[i].meaning);
  }
}

}  // namespace tandem::faults
