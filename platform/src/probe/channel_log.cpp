// SPDX-License-Identifier: Apache-2.0
#include "channel_log.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {

void ChannelLog::write(const std::filesystem::path& file) const {
  if (!recorder_) return;
  errno = 0;
  std::ofstream out(file, std::ios::binary);
  memory::write_log(out, recorder_->commands());
  out.flush();
  if (!out) {
    throw UserError("--log: cannot write " + printable_path(file) + ": " +
                    (errno != 0 ? std::strerror(errno) : "unknown reason"));
  }
}

}  // namespace tandem::platform
