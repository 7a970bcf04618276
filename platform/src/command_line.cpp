// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {

namespace po = boost::program_options;

po::variables_map parse_command_line(const std::vector<std::string>& arguments,
                                     const po::options_description& options,
                                     const char* positional_name, const std::string& hint) {
  po::options_description all;
  all.add(options);
  po::positional_options_description positional;
  if (positional_name != nullptr) {
    all.add_options()(positional_name, po::value<std::string>());
    positional.add(positional_name, 1);
  }
  // No abbreviations: a script must not change its meaning when an option is added.
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(
        po::command_line_parser(arguments).options(all).positional(positional).style(style).run(),
        values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UserError(printable(error.what()), hint);
  }
  return values;
}

}  // namespace tandem::platform
