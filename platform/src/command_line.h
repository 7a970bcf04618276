// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace tandem::platform {

// Values of `options` and, if `positional_name` is not null, of one positional argument. Throws
// UserError with `hint`.
boost::program_options::variables_map parse_command_line(
    const std::vector<std::string>& arguments,
    const boost::program_options::options_description& options, const char* positional_name,
    const std::string& hint);

}  // namespace tandem::platform
