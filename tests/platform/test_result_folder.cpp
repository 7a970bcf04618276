// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <set>
#include <system_error>

#include "tandem/platform/errors.h"
#include "tandem/platform/result_folder.h"
#include "temporary_folder.h"

using namespace tandem::platform;
using tandem::test::read_whole;
using tandem::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const std::vector<ResultFile> kFiles = {{"result.json", "{}\n"}, {"summary.txt", "fine\n"}};

// Everything below a folder.
std::set<std::string> tree(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("results appear complete, with the folders on the way, and nothing else") {
  const TemporaryFolder folder;
  write_result_folder(folder.path() / "out/deep/run/", kFiles);
  CHECK(tree(folder.path()) == std::set<std::string>{"out", "out/deep", "out/deep/run",
                                                     "out/deep/run/result.json",
                                                     "out/deep/run/summary.txt"});
  CHECK(read_whole(folder.path() / "out/deep/run/summary.txt") == "fine\n");
}

TEST_CASE("an earlier result is replaced as a whole") {
  const TemporaryFolder folder;
  const fs::path out = folder.path() / "out";
  folder.write("out/result.json", "old");
  folder.write("out/timeline.json", "old");
  write_result_folder(out, kFiles);
  CHECK(tree(folder.path()) == std::set<std::string>{"out", "out/result.json", "out/summary.txt"});
  CHECK(read_whole(out / "result.json") == "{}\n");
}

TEST_CASE("what is not ours is not touched") {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const std::string refusal = "cannot write the results to '" + out + "': ";
  const auto attempt = [&] { write_result_folder(out, kFiles); };

  SECTION("a file") {
    folder.write("out", "x");
    CHECK(error_of(attempt) == refusal + "it exists and is no folder");
  }
  SECTION("a folder without a result") {
    folder.write("out/summary.txt", "x");
    CHECK(error_of(attempt) == refusal + "it holds no result.json, so it is not a result");
  }
  SECTION("a result with something of the user's beside it") {
    folder.write("out/result.json", "x");
    folder.write("out/notes.md", "x");
    CHECK(error_of(attempt) == refusal + "it holds 'notes.md', which is no result");
  }
  const auto before = tree(folder.path());
  CHECK(error_of([&] { check_result_folder(out); }).find(refusal) == 0);
  CHECK(tree(folder.path()) == before);
}

TEST_CASE("an empty folder may be filled") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "out");
  write_result_folder(folder.path() / "out", kFiles);
  CHECK(fs::exists(folder.path() / "out/result.json"));
}

TEST_CASE("places where no folder can be made are refused before a run") {
  const TemporaryFolder folder;
  folder.write("file", "x");
  CHECK(error_of([&] { check_result_folder(folder.path() / "file/out"); }).find("is no folder") !=
        std::string::npos);
  CHECK(error_of([] { check_result_folder("/dev/null/out"); }).find("/dev/null") !=
        std::string::npos);
  CHECK(error_of([] { check_result_folder(""); }).find("it has no name") != std::string::npos);
  CHECK(error_of([] { check_result_folder("/"); }) != "no error");
  // Not even root may make a folder here.
  CHECK(error_of([] {
          write_result_folder("/proc/tandem/out", kFiles);
        }).find("cannot write the results to '/proc/tandem/out'") == 0);
}

TEST_CASE("a failure in the middle leaves nothing, and an earlier result whole") {
  const TemporaryFolder folder;
  const bool had_result = GENERATE(false, true);
  if (had_result) folder.write("a/out/result.json", "old");
  const auto before = tree(folder.path());
  const FileWriter full_disk = [](const fs::path& file, std::string_view content) {
    if (file.filename() == "summary.txt") {
      throw std::system_error(ENOSPC, std::generic_category(), file.string());
    }
    write_file(file, content);
  };
  CHECK(error_of([&] { write_result_folder(folder.path() / "a/out", kFiles, full_disk); }) ==
        "cannot write the results to '" + (folder.path() / "a/out").string() +
            "': No space left on device");
  CHECK(tree(folder.path()) == before);
  if (had_result) CHECK(read_whole(folder.path() / "a/out/result.json") == "old");
}

TEST_CASE("a full device is noticed by the writer itself") {
  if (!fs::exists("/dev/full")) return;
  try {
    write_file("/dev/full", "x");
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK(error.code().value() == ENOSPC);
  }
}

TEST_CASE("a symbolic link to a result is followed") {
  const TemporaryFolder folder;
  folder.write("real/result.json", "old");
  fs::create_directory_symlink(folder.path() / "real", folder.path() / "link");
  write_result_folder(folder.path() / "link", kFiles);
  CHECK(fs::is_symlink(folder.path() / "link"));
  CHECK(read_whole(folder.path() / "real/result.json") == "{}\n");
}
