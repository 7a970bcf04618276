// SPDX-License-Identifier: Apache-2.0
#include "tandem/faults/fault_injector.h"

#include <algorithm>
#include <stdexcept>

namespace tandem::faults {

namespace {

// An access that is refused reads nothing; lost data cannot be corrected.
int gravity(Kind kind) {
  return kind == Kind::kBusError ? 2 : kind == Kind::kEccUncorrected ? 1 : 0;
}

}  // namespace

FaultInjector::FaultInjector(const sc_core::sc_module_name& name, std::string where, FaultLog& log,
                             std::uint64_t base)
    : sc_module(name),
      target("target"),
      initiator("initiator"),
      where_(std::move(where)),
      log_(log),
      base_(base) {
  target.register_b_transport(this, &FaultInjector::b_transport);
  target.register_nb_transport_fw(this, &FaultInjector::nb_transport_fw);
  target.register_get_direct_mem_ptr(this, &FaultInjector::get_direct_mem_ptr);
  target.register_transport_dbg(this, &FaultInjector::transport_dbg);
  initiator.register_nb_transport_bw(this, &FaultInjector::nb_transport_bw);
  initiator.register_invalidate_direct_mem_ptr(this, &FaultInjector::invalidate_direct_mem_ptr);
}

void FaultInjector::add(const Rule& rule) {
  if (rule.kind != Kind::kBusError && rule.kind != Kind::kEccCorrected &&
      rule.kind != Kind::kEccUncorrected) {
    throw std::invalid_argument(std::string("a FaultInjector does not do ") + name_of(rule.kind));
  }
  rules_.push_back({rule.kind, Trigger(rule.when), rule.delay_ps});
}

// Every rule counts the access; of those that have something against it the gravest happens, and
// the first of equals.
const FaultInjector::Active* FaultInjector::fault_of(const common::Payload& payload,
                                                     std::uint64_t time_ps) {
  const std::uint64_t address = base_ + payload.get_address();
  const Active* found = nullptr;
  for (Active& rule : rules_) {
    if (rule.kind != Kind::kBusError && !payload.is_read()) continue;
    if (!rule.trigger.fires(time_ps, address, payload.get_data_length())) continue;
    if (found == nullptr || gravity(rule.kind) > gravity(found->kind)) found = &rule;
  }
  if (found != nullptr) {
    log_.add({time_ps, found->kind, where_, address, found->delay_ps, found->trigger.id()});
  }
  return found;
}

void FaultInjector::refuse(common::Payload& payload, const Active& rule, sc_core::sc_time& delay) {
  payload.set_dmi_allowed(false);
  payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  delay += common::from_ps(rule.delay_ps);
}

void FaultInjector::settle(common::Payload& payload, const Marked& mark, sc_core::sc_time& delay) {
  delay += common::from_ps(mark.delay_ps);
  if (!mark.corrected) payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
}

void FaultInjector::b_transport(common::Payload& payload, sc_core::sc_time& delay) {
  const Active* const rule = fault_of(payload, common::local_time_ps(delay));
  if (rule == nullptr) return initiator->b_transport(payload, delay);
  if (rule->kind == Kind::kBusError) return refuse(payload, *rule, delay);
  const Marked mark{&payload, rule->delay_ps, rule->kind == Kind::kEccCorrected};
  initiator->b_transport(payload, delay);
  settle(payload, mark, delay);
}

tlm::tlm_sync_enum FaultInjector::nb_transport_fw(common::Payload& payload, tlm::tlm_phase& phase,
                                                  sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_REQ) {
    const Active* const rule = fault_of(payload, common::local_time_ps(delay));
    if (rule != nullptr && rule->kind == Kind::kBusError) {
      refuse(payload, *rule, delay);
      return tlm::TLM_COMPLETED;
    }
    if (rule != nullptr) {
      marked_.push_back({&payload, rule->delay_ps, rule->kind == Kind::kEccCorrected});
    }
  }
  const tlm::tlm_sync_enum status = initiator->nb_transport_fw(payload, phase, delay);
  const bool responds = status == tlm::TLM_UPDATED && phase == tlm::BEGIN_RESP;
  if (responds || status == tlm::TLM_COMPLETED) settle_marked(payload, delay);
  return status;
}

tlm::tlm_sync_enum FaultInjector::nb_transport_bw(common::Payload& payload, tlm::tlm_phase& phase,
                                                  sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_RESP) settle_marked(payload, delay);
  return target->nb_transport_bw(payload, phase, delay);
}

void FaultInjector::settle_marked(common::Payload& payload, sc_core::sc_time& delay) {
  const auto found = std::find_if(marked_.begin(), marked_.end(),
                                  [&](const Marked& mark) { return mark.payload == &payload; });
  if (found == marked_.end()) return;
  const Marked mark = *found;
  marked_.erase(found);
  settle(payload, mark, delay);
}

// Direct accesses would pass by a rule that waits for an address: the region ends before it.
bool FaultInjector::get_direct_mem_ptr(common::Payload& payload, tlm::tlm_dmi& dmi) {
  const std::uint64_t address = payload.get_address();
  if (!initiator->get_direct_mem_ptr(payload, dmi)) return false;
  for (const Active& rule : rules_) {
    const std::optional<AddressRange>& range = rule.trigger.range();
    if (!range || rule.trigger.spent() || range->last < base_) continue;
    const std::uint64_t first = range->first < base_ ? 0 : range->first - base_;
    const std::uint64_t last = range->last - base_;
    if (last < dmi.get_start_address() || first > dmi.get_end_address()) continue;
    if (address >= first && address <= last) return false;
    if (address < first) {
      dmi.set_end_address(first - 1);
    } else {
      dmi.set_dmi_ptr(dmi.get_dmi_ptr() + (last + 1 - dmi.get_start_address()));
      dmi.set_start_address(last + 1);
    }
  }
  return true;
}

}  // namespace tandem::faults
