// SPDX-License-Identifier: Apache-2.0
#include "file_bytes.h"

#include <fstream>
#include <system_error>

#include "tandem/platform/errors.h"

namespace tandem::platform {

std::vector<std::uint8_t> read_file_bytes(const std::filesystem::path& file, const char* kind) {
  const std::string what = std::string(kind) + " '" + file.string() + "': ";
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) throw UserError(what + "no such file");
  if (!std::filesystem::is_regular_file(status)) throw UserError(what + "not a regular file");
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) throw UserError(what + "cannot be opened for reading");
  std::vector<std::uint8_t> bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!stream) throw UserError(what + "could not be read to its end");
  return bytes;
}

}  // namespace tandem::platform
