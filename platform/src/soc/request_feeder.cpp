// SPDX-License-Identifier: Apache-2.0
#include "request_feeder.h"

#include "tandem/common/systemc.h"

namespace tandem::platform {

namespace {
constexpr std::uint64_t kPsPerNs = 1000;
}

RequestFeeder::RequestFeeder(const sc_core::sc_module_name& name, const RequestList& requests,
                             peripherals::Mailbox& mailbox, std::size_t ahead)
    : sc_module(name), requests_(requests), mailbox_(mailbox), ahead_(ahead) {
  pump();
}

void RequestFeeder::pump() {
  for (; next_ < requests_.size() && mailbox_.host_waiting() < ahead_; ++next_) {
    const std::uint64_t arrival_ps = requests_.planned(next_).arrival_ns * kPsPerNs;
    if (arrival_ps > common::now_ps()) {
      arrival_.set(arrival_ps);
      return;
    }
    const std::vector<std::uint32_t> prompt = requests_.prompt(next_);
    mailbox_.host_post(requests_.request(next_), prompt.data());
  }
  if (next_ < requests_.size() || closed_) return;
  closed_ = true;
  mailbox_.host_close();
}

void RequestFeeder::archive(common::Archive& archive) {
  archive(next_, closed_);
  if (!archive.loading()) return;
  arrival_.cancel();
  if (next_ == requests_.size()) return;
  const std::uint64_t arrival_ps = requests_.planned(next_).arrival_ns * kPsPerNs;
  if (arrival_ps < common::now_ps()) return;  // it waits for room in the mailbox
  arrival_.set(arrival_ps);
}

}  // namespace tandem::platform
