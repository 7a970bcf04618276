// SPDX-License-Identifier: Apache-2.0
#include "tandem/common/interrupt_output.h"

namespace tandem::common {

InterruptOutput::InterruptOutput(const sc_core::sc_module_name& name)
    : sc_module(name), port("port") {
  TANDEM_HAS_PROCESS(InterruptOutput);
  SC_METHOD(drive);
  sensitive << changed_;
  dont_initialize();
}

void InterruptOutput::set(bool level) {
  if (level == level_) return;
  level_ = level;
  changed_.notify(sc_core::SC_ZERO_TIME);
}

void InterruptOutput::archive(Archive& archive) {
  archive(level_);
  bool follows = false;
  for (int i = 0; i < port.size(); ++i) {
    bool driven = port[i]->read();
    archive(driven);
    if (archive.loading()) port[i]->write(driven);
    follows = follows || driven != level_;
  }
  if (archive.loading() && follows) changed_.notify(sc_core::SC_ZERO_TIME);
}

void InterruptOutput::drive() {
  for (int i = 0; i < port.size(); ++i) port[i]->write(level_);
}

}  // namespace tandem::common
