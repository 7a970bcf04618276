// SPDX-License-Identifier: Apache-2.0
#include "timing_rules.h"

#include <algorithm>
#include <stdexcept>

namespace tandem::memory::checker {
namespace {

constexpr EventSet kAct = set_of(CommandKind::kActivate);
constexpr EventSet kPre = set_of(CommandKind::kPrecharge);
constexpr EventSet kReads = set_of(CommandKind::kRead) | set_of(CommandKind::kReadPrecharge);
constexpr EventSet kWrites = set_of(CommandKind::kWrite) | set_of(CommandKind::kWritePrecharge);
constexpr EventSet kColumns = kReads | kWrites;
constexpr EventSet kRef = set_of(CommandKind::kRefresh);
constexpr EventSet kRefBank = set_of(CommandKind::kRefreshBank);
constexpr EventSet kGroupAct = set_of(CommandKind::kGroupActivate);
constexpr EventSet kPimPre =
    set_of(CommandKind::kComputePrecharge) | set_of(CommandKind::kComputePrechargeAll);
constexpr EventSet kBufferWrite = set_of(CommandKind::kBufferWrite);
constexpr EventSet kBufferLoad = set_of(CommandKind::kBufferLoad);
constexpr EventSet kRaw = set_of(CommandKind::kCompute);
constexpr EventSet kComposite = set_of(CommandKind::kComputeRead);
constexpr EventSet kComputes = kRaw | kComposite;
constexpr EventSet kResult = set_of(CommandKind::kResultRead);
constexpr EventSet kMode = set_of(CommandKind::kMode);
constexpr EventSet kInternalPre = EventSet{1} << kAutoPrecharge;
constexpr EventSet kEveryCommand = (EventSet{1} << kCommandKinds) - 1;

using L = const Limits&;
using C = const Command&;

// With one row buffer, computing shares it with ordinary rows: these limits then hold between the
// commands of both; with two buffers they do not.
constexpr Cycle if_single(L t, Cycle cycles) {
  return t.dual_row_buffer ? 0 : cycles;
}
constexpr Cycle if_dual(L t, Cycle cycles) {
  return t.dual_row_buffer ? cycles : 0;
}
constexpr Cycle vectors(C c) {
  return std::max<Cycle>(c.count, 1);
}
constexpr Cycle write_data_end(L t) {
  return t.CWL + t.burst;
}

constexpr Rule kBankRules[] = {
    {"tRC", kAct, kAct, kSameBank, [](L t, C) { return t.tRC; }},
    {"tRAS", kAct, kPre, kSameBank, [](L t, C) { return t.tRAS; }},
    {"tRCDRD", kAct, kReads | kBufferWrite, kSameBank, [](L t, C) { return t.tRCDRD; }},
    {"tRCDWR", kAct, kWrites, kSameBank, [](L t, C) { return t.tRCDWR; }},
    {"tRP", kPre | kInternalPre, kAct | kRef | kRefBank, kSameBank, [](L t, C) { return t.tRP; }},
    {"tRTP_S", kReads, kPre, kSameBank, [](L t, C) { return short_read_to_precharge(t); }},
    {"tRTP_L", kReads, kPre, kSameBank, [](L t, C) { return long_read_to_precharge(t); }},
    {"tWR", kWrites, kPre, kSameBank, [](L t, C) { return write_data_end(t) + t.tWR; }},
};

constexpr Rule kRankRules[] = {
    {"tRRD_L", kAct, kAct, kOtherBank, [](L t, C) { return t.tRRD_L; }},
    {"tRRD_S", kAct, kAct, kOtherGroup, [](L t, C) { return t.tRRD_S; }},
    {"tPPD", kPre, kPre, kSameRank, [](L t, C) { return t.tPPD; }},
    {"tRFC", kRef, kAct | kGroupAct | kRef | kRefBank, kSameRank, [](L t, C) { return t.tRFC; }},
    {"tRFCpb", kRefBank, kAct | kGroupAct, kSameBank, [](L t, C) { return t.tRFCpb; }},
    {"tRFCpb", kRefBank, kRef | kRefBank, kSameRank, [](L t, C) { return t.tRFCpb; }},
    {"tRRD_S", kRefBank, kAct | kGroupAct, kOtherOfRank, [](L t, C) { return t.tRRD_S; }},
    {"tRRD_S", kAct, kRefBank, kOtherOfRank, [](L t, C) { return t.tRRD_S; }},
};

// The distances that follow from the data bus are not here: the bus itself is watched.
constexpr Rule kColumnRules[] = {
    {"tCCD_L", kReads, kReads, kSameGroup, [](L t, C) { return t.tCCD_L; }},
    {"tCCD_L", kWrites, kWrites, kSameGroup, [](L t, C) { return t.tCCD_L; }},
    {"tCCD_S", kReads, kReads, kOtherGroup, [](L t, C) { return t.tCCD_S; }},
    {"tCCD_S", kWrites, kWrites, kOtherGroup, [](L t, C) { return t.tCCD_S; }},
    {"tWTR_L", kWrites, kReads, kSameGroup, [](L t, C) { return write_data_end(t) + t.tWTR_L; }},
    {"tWTR_S", kWrites, kReads, kOtherGroup, [](L t, C) { return write_data_end(t) + t.tWTR_S; }},
};

constexpr Rule kGroupActivateRules[] = {
    {"activate_spacing", kGroupAct, kAct | kGroupAct, kSameRank,
     [](L t, C) { return Cycle{t.activate_spacing}; }},
    {"tRC", kGroupAct, kGroupAct, kSameBank, [](L t, C) { return t.tRC; }},
    {"tRC", kAct, kGroupAct, kSameBank, [](L t, C) { return if_single(t, t.tRC); }},
    {"tRC", kGroupAct, kAct, kSameBank, [](L t, C) { return if_single(t, t.tRC); }},
    {"tRRD_L", kAct, kGroupAct, kSameGroup, [](L t, C) { return t.tRRD_L; }},
    {"tRRD_L", kGroupAct, kAct, kSameBank, [](L t, C) { return t.tRRD_L; }},
    {"tRRD_S", kAct, kGroupAct, kOtherGroup, [](L t, C) { return t.tRRD_S; }},
    {"tRCDRD", kGroupAct, kReads | kBufferWrite, kSameBank,
     [](L t, C) { return if_single(t, t.tRCDRD); }},
    {"tRCDWR", kGroupAct, kWrites, kSameBank, [](L t, C) { return if_single(t, t.tRCDWR); }},
    {"tRAS", kGroupAct, kPimPre, kSameBank, [](L t, C) { return t.tRAS; }},
    {"tRAS", kGroupAct, kPre, kSameBank, [](L t, C) { return if_single(t, t.tRAS); }},
    {"tRAS", kAct, kPimPre, kSameBank, [](L t, C) { return if_single(t, t.tRAS); }},
    {"tRTP_S", kReads, kPimPre, kSameBank,
     [](L t, C) { return if_single(t, short_read_to_precharge(t)); }},
    {"tRTP_L", kReads, kPimPre, kSameBank,
     [](L t, C) { return if_single(t, long_read_to_precharge(t)); }},
    {"tWR", kWrites, kPimPre, kSameBank,
     [](L t, C) { return if_single(t, write_data_end(t) + t.tWR); }},
    {"tRP", kPimPre, kGroupAct | kRef | kRefBank, kSameBank, [](L t, C) { return t.tRP; }},
    {"tRP", kPimPre, kAct, kSameBank, [](L t, C) { return if_single(t, t.tRP); }},
    {"tRP", kPre | kInternalPre, kGroupAct, kSameBank, [](L t, C) { return if_single(t, t.tRP); }},
};

constexpr Rule kComputeRules[] = {
    {"activate_to_compute", kGroupAct, kComputes | kResult, kAnywhere,
     [](L t, C) { return Cycle{t.activate_to_compute}; }},
    {"compute_spacing", kRaw, kComputes | kResult, kAnywhere,
     [](L t, C c) { return t.compute_spacing * vectors(c); }},
    {"compute_spacing", kComposite, kComputes | kResult, kAnywhere,
     [](L t, C c) {
       return t.compute_spacing * (std::max<Cycle>(vectors(c), t.pipeline_computes) + 1);
     }},
    {"compute_to_precharge", kComputes | kResult, kPimPre, kAnywhere,
     [](L t, C) { return Cycle{t.compute_to_precharge}; }},
    {"compute_to_precharge", kComputes | kResult, kPre, kAnywhere,
     [](L t, C) { return if_single(t, t.compute_to_precharge); }},
    {"compute_to_precharge", kResult, kGroupAct, kAnywhere,
     [](L t, C) { return t.compute_to_precharge + t.tRP; }},
    {"result_spacing", kResult, kComputes | kReads | kResult, kAnywhere,
     [](L t, C) { return Cycle{t.result_spacing}; }},
    {"tCCD_S", kReads, kComputes, kAnywhere, [](L t, C) { return if_dual(t, t.tCCD_S); }},
    {"tCCD_L", kReads, kComputes, kAnywhere, [](L t, C) { return if_single(t, t.tCCD_L); }},
    {"tWTR_S", kWrites, kComputes, kAnywhere,
     [](L t, C) { return if_dual(t, write_data_end(t) + t.tWTR_S); }},
    {"tWTR_L", kWrites, kComputes, kAnywhere,
     [](L t, C) { return if_single(t, write_data_end(t) + t.tWTR_L); }},
    {"burst", kReads, kComputes, kAnywhere, [](L t, C) { return t.burst; }},
    {"load_to_compute", kBufferLoad, kComputes, kAnywhere,
     [](L t, C) { return write_data_end(t) + t.load_to_compute; }},
    {"load_spacing", kBufferLoad, kBufferLoad, kAnywhere,
     [](L t, C) { return Cycle{t.load_spacing}; }},
    {"tCCD_S", kBufferLoad, kBufferLoad, kAnywhere, [](L t, C) { return t.tCCD_S; }},
    {"buffer_write_cycles", kBufferWrite, kComputes | kBufferWrite, kAnywhere,
     [](L t, C) { return Cycle{t.buffer_write_cycles}; }},
    {"buffer_write_cycles", kBufferWrite, kColumns | kPre, kSameBank,
     [](L t, C) { return Cycle{t.buffer_write_cycles}; }},
    {"mode_cycles", kMode, kEveryCommand, kAnywhere, [](L t, C) { return Cycle{t.mode_cycles}; }},
};

template <std::size_t N>
void append(std::vector<Rule>& to, const Rule (&table)[N], CommandKind kind) {
  std::copy_if(std::begin(table), std::end(table), std::back_inserter(to),
               [kind](const Rule& rule) { return contains(rule.to, kind); });
}

}  // namespace

std::vector<Rule> rules_for(CommandKind kind) {
  std::vector<Rule> rules;
  append(rules, kBankRules, kind);
  append(rules, kRankRules, kind);
  append(rules, kColumnRules, kind);
  append(rules, kGroupActivateRules, kind);
  append(rules, kComputeRules, kind);
  return rules;
}

Limits limits_of(const DeviceConfig& device, const ComputeBanks& compute) {
  const DeviceTiming& t = device.timing;
  if (t.tCK == 0) throw std::invalid_argument("timing.tCK is 0, the checker counts in cycles");
  if (device.geometry.banks() == 0) throw std::invalid_argument("geometry has no banks");
  if (device.geometry.data_rate_mtps == 0) {
    throw std::invalid_argument("geometry.data_rate_mtps is 0");
  }
  Limits limits;
  static_cast<ComputeBanks&>(limits) = compute;
  limits.has_bank_groups = device.geometry.bank_groups > 1;
  for (const TimingField& field : kTimingFields) {
    limits.*field.value = (t.*field.value + t.tCK - 1) / t.tCK;
  }
  // A whole number of cycles, but for periods rounded to picoseconds.
  limits.burst = std::max<Cycle>(1, (device.geometry.burst_ps() + t.tCK / 2) / t.tCK);
  return limits;
}

}  // namespace tandem::memory::checker
