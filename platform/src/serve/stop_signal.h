// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem::platform::serve {

// SIGINT and SIGTERM as a descriptor to poll; while it exists they do not end the process. One at a
// time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool raised() const;
  int descriptor() const { return descriptor_; }  // readable once a signal has come

 private:
  int descriptor_ = -1;
};

}  // namespace tandem::platform::serve
