// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <systemc>

#include "request_list.h"
#include "tandem/common/alarm.h"
#include "tandem/peripherals/mailbox.h"

namespace tandem::platform {

// Posts each request when it arrives, in order, and closes the mailbox behind the last one. While
// `ahead` requests wait in the mailbox the next one stays here, unmade.
class RequestFeeder : public sc_core::sc_module {
 public:
  // Posts what arrives at once. `requests` must live as long as the feeder.
  RequestFeeder(const sc_core::sc_module_name& name, const RequestList& requests,
                peripherals::Mailbox& mailbox, std::size_t ahead);

  // To be called when the mailbox may have room again.
  void pump();
  // Posted so far.
  std::size_t posted() const { return next_; }
  void archive(common::Archive& archive);

 private:
  const RequestList& requests_;
  peripherals::Mailbox& mailbox_;
  const std::size_t ahead_;
  std::size_t next_ = 0;
  bool closed_ = false;
  common::Alarm arrival_{[this] { pump(); }};
};

}  // namespace tandem::platform
