// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/result_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "tandem/platform/errors.h"
#include "text.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::array kOurFiles = {"result.json",  "summary.txt",   "timeline.json",
                                  "requests.csv", "report.html",   "console.txt",
                                  "access.log",   "registers.txt", "registers.json"};

std::string quoted(const fs::path& path) {
  return "'" + printable_path(path) + "'";
}

[[noreturn]] void fail(const fs::path& folder, const std::string& why) {
  throw UserError("cannot write the results to " + quoted(folder) + ": " + why,
                  "choose another folder with --out DIR");
}

[[noreturn]] void throw_errno(const fs::path& file) {
  throw std::system_error(errno, std::generic_category(), file.string());
}

// Symbolic links resolved, no trailing slash.
fs::path real_path(const fs::path& folder) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(folder), error);
  if (error) path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

void check_existing(const fs::path& folder, const fs::path& real) {
  if (!fs::is_directory(real)) fail(folder, "it exists and is no folder");
  bool has_result = false;
  bool empty = true;
  for (const fs::directory_entry& entry : fs::directory_iterator(real)) {
    empty = false;
    const std::string name = entry.path().filename().string();
    if (std::find(kOurFiles.begin(), kOurFiles.end(), name) == kOurFiles.end()) {
      fail(folder, "it holds '" + printable(name) + "', which is no result");
    }
    has_result = has_result || name == "result.json";
  }
  if (!empty && !has_result) fail(folder, "it holds no result.json, so it is not a result");
}

// Creates what is missing of the folder's parents; removes it again unless kept.
class ParentFolders {
 public:
  ParentFolders() = default;
  ~ParentFolders() {
    std::error_code ignored;  // a parent that others use by now is not empty and stays
    for (const fs::path& folder : created_) fs::remove(folder, ignored);
  }
  ParentFolders(const ParentFolders&) = delete;
  ParentFolders& operator=(const ParentFolders&) = delete;
  void create(const fs::path& parent) {
    for (fs::path at = parent; !fs::exists(at); at = at.parent_path()) created_.push_back(at);
    fs::create_directories(parent);
  }
  void keep() { created_.clear(); }

 private:
  std::vector<fs::path> created_;  // innermost first
};

// A new folder beside `beside`; removed with all its contents at the end.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& beside) {
    std::string name =
        (beside.parent_path() / ("." + beside.filename().string() + ".XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) throw_errno(name);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Makes a folder where the results will need one, and removes it.
void check_parent(const fs::path& folder, const fs::path& real) {
  fs::path parent = real.parent_path();
  while (!fs::exists(parent) && parent.has_relative_path()) parent = parent.parent_path();
  if (!fs::is_directory(parent)) fail(folder, quoted(parent) + " is no folder");
  const TemporaryFolder probe(parent / real.filename());
}

void put_in_place(const fs::path& from, const fs::path& to, const fs::path& attic) {
  const bool replaces = fs::exists(to);
  if (replaces) fs::rename(to, attic);
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return;
  if (replaces) fs::rename(attic, to);
  throw std::system_error(error);
}

}  // namespace

void write_file(const fs::path& file, std::string_view content) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) throw_errno(file);
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = errno;
      ::close(descriptor);
      errno = error;
      throw_errno(file);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::close(descriptor) != 0) throw_errno(file);
}

void replace_file(const fs::path& file, std::string_view content) {
  std::string temporary = file.string() + ".XXXXXX";
  const int descriptor = ::mkstemp(temporary.data());
  if (descriptor < 0) throw_errno(file);
  ::close(descriptor);
  try {
    write_file(temporary, content);
    fs::permissions(temporary, fs::perms::owner_read | fs::perms::owner_write |
                                   fs::perms::group_read | fs::perms::others_read);
    fs::rename(temporary, file);
  } catch (const std::system_error&) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

void check_result_folder(const fs::path& folder) {
  if (folder.empty()) fail(folder, "it has no name");
  try {
    const fs::path real = real_path(folder);
    if (fs::exists(real)) check_existing(folder, real);
    check_parent(folder, real);
  } catch (const std::system_error& error) {
    fail(folder, error.code().message());
  }
}

void write_result_folder(const fs::path& folder, const std::vector<ResultFile>& files,
                         const FileWriter& write) {
  check_result_folder(folder);
  try {
    const fs::path real = real_path(folder);
    ParentFolders parents;
    parents.create(real.parent_path());
    const TemporaryFolder temporary(real);
    const fs::path fresh = temporary.path() / "new";
    fs::create_directory(fresh);
    for (const ResultFile& file : files) write(fresh / file.name, file.content);
    put_in_place(fresh, real, temporary.path() / "old");
    parents.keep();
  } catch (const std::system_error& error) {
    fail(folder, error.code().message());
  }
}

}  // namespace tandem::platform
