// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "scenario_fixture.h"
#include "tandem/common/archive.h"
#include "tandem/platform/checkpoint.h"
#include "tandem/platform/errors.h"

using namespace tandem;
using platform::Checkpoint;
using platform::Scenario;
using platform::UserError;

namespace {

struct Fixture : test::ScenarioFixture {
  const Scenario scenario = load(minimal("policy: {draft: {length: 4}}\n"));
  const std::filesystem::path file = folder.path() / "c.ckpt";

  void write(const Checkpoint& checkpoint = {{{5'000, 9, {1, 2, 3}}, {7'000, 10, {}}}}) const {
    platform::write_checkpoint(file, scenario, checkpoint);
  }
  // Empty if it can be read.
  std::string error(const Scenario& of) const {
    try {
      platform::read_checkpoint(file, of);
    } catch (const UserError& error) {
      return error.what();
    }
    return {};
  }
  std::string error() const { return error(scenario); }
  std::string target_error(const std::filesystem::path& target) const {
    try {
      platform::check_checkpoint_target(target);
    } catch (const UserError& error) {
      return error.what();
    }
    return {};
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a checkpoint is read as it was written") {
  write();
  const Checkpoint read = platform::read_checkpoint(file, scenario);
  REQUIRE(read.socs.size() == 2);
  REQUIRE(read.socs[0].time_ps == 5'000);
  REQUIRE(read.socs[0].initial_hash == 9);
  REQUIRE(read.socs[0].state == std::vector<std::uint8_t>{1, 2, 3});
  REQUIRE(read.socs[1].time_ps == 7'000);
  REQUIRE(read.socs[1].state.empty());
  write({{{6'000, 0, {4}}}});  // replaces it
  REQUIRE(platform::read_checkpoint(file, scenario).socs.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a checkpoint with any byte changed, or cut, is refused") {
  write();
  const std::string whole = test::read_whole(file);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    folder.write("c.ckpt", damaged);
    CAPTURE(at);
    REQUIRE_FALSE(error().empty());
    if (at % 16 != 0) continue;
    folder.write("c.ckpt", whole.substr(0, at));
    REQUIRE_FALSE(error().empty());
  }
  folder.write("c.ckpt", whole + "x");
  REQUIRE(contains(error(), "truncated or damaged"));
}

TEST_CASE_METHOD(Fixture, "what is no checkpoint says so") {
  REQUIRE(contains(error(), "there is no such file"));
  folder.write("c.ckpt", "Once upon a time");
  REQUIRE(contains(error(), "it is no checkpoint"));
  folder.write("c.ckpt", "");
  REQUIRE(contains(error(), "it is no checkpoint"));
  std::filesystem::remove(file);
  write();
  std::string other = test::read_whole(file);
  other[8] = 9;
  folder.write("c.ckpt", other);
  REQUIRE(contains(error(), "its format has version 9"));
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  REQUIRE(contains(error(), "it is no file"));
}

TEST_CASE_METHOD(Fixture, "a checkpoint of another scenario names the key") {
  write();
  REQUIRE(error(load(minimal("policy: {draft: {length: 4}}\n"))).empty());
  REQUIRE(contains(error(load(minimal("policy: {draft: {length: 5}}\n"))),
                   "policy.draft.length is 5, but 4 in the checkpoint"));
  REQUIRE(contains(error(load(minimal("seed: 2\npolicy: {draft: {length: 4}}\n"))), "seed is 2"));
  REQUIRE(contains(error(load(minimal("policy: {name: plain}\n"))), "policy"));
}

TEST_CASE_METHOD(Fixture, "a checkpoint is refused when a file of its scenario has changed") {
  write();
  folder.write("w.bin", "other weights");
  REQUIRE(contains(error(), "the file of model.weights has another content"));
}

TEST_CASE_METHOD(Fixture, "a checkpoint of another build is refused") {
  write();
  const std::string whole = test::read_whole(file);
  std::string build = "0.0.1, build 0x1";
  common::Archive archive;
  archive.section("build", [&] { archive(build); });
  const std::string section(archive.bytes().begin(), archive.bytes().end());
  // Behind the magic and the version; the section of this build is replaced.
  const std::size_t content = 9 + 2 + 5;
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) {
    length = length << 8 | static_cast<std::uint8_t>(whole[content + i]);
  }
  folder.write("c.ckpt", whole.substr(0, 9) + section +
                             whole.substr(static_cast<std::size_t>(content + 8 + length + 4)));
  REQUIRE(contains(error(), "it is of Tandem 0.0.1, build 0x1, this is "));
}

TEST_CASE_METHOD(Fixture, "a checkpoint replaces nothing but a checkpoint") {
  REQUIRE(target_error(file).empty());
  write();
  REQUIRE(target_error(file).empty());
  REQUIRE(contains(target_error(folder.path() / "w.bin"), "it exists and is no checkpoint"));
  REQUIRE(contains(target_error(folder.path()), "it exists and is no file"));
  REQUIRE(contains(target_error(folder.path() / "none" / "c"), "its folder does not exist"));
}
