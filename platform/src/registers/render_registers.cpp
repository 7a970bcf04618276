// SPDX-License-Identifier: Apache-2.0
#include <ostream>
#include <stdexcept>

#include "contract_text.h"
#include "tandem/platform/registers.h"

namespace tandem::platform {

std::string render_registers(std::string_view format) {
  if (format == "markdown") return render_markdown();
  if (format == "c-header") return render_c_header();
  if (format == "svd") return render_svd();
  if (format == "json") return render_json();
  throw std::invalid_argument("unknown format '" + std::string(format) +
                              "'; expected markdown, c-header, svd or json");
}

int run_registers(const std::string& format, std::ostream& out) {
  out << render_registers(format);
  return 0;
}

}  // namespace tandem::platform
