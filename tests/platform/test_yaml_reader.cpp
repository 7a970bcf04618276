// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <string>

#include "tandem/platform/yaml_reader.h"
#include "temporary_folder.h"

using namespace tandem::platform;
using tandem::test::TemporaryFolder;

namespace {

std::shared_ptr<const YamlSource> source() {
  auto source = std::make_shared<YamlSource>();
  source->name = "s.yaml";
  return source;
}

std::string error_of(const std::string& text) {
  try {
    parse_yaml(text, source());
  } catch (const ScenarioError& error) {
    return error.what();
  }
  return "accepted";
}

std::string file_error(const std::filesystem::path& file) {
  try {
    read_yaml_file(file);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

const YamlNode& at(const YamlNode& node, const std::string& key) {
  const YamlEntry* entry = node.find(key);
  if (entry == nullptr) throw std::runtime_error("no key " + key);
  return entry->value;
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("every key and value knows its line and column") {
  const YamlNode root = parse_yaml("a:\n  bc: [1, two]\n", source());
  const YamlNode& a = at(root, "a");
  CHECK(a.find("bc")->mark.text() == "s.yaml:2:3");
  CHECK(at(a, "bc").mark.text() == "s.yaml:2:7");
  CHECK(at(a, "bc").items[1].mark.text() == "s.yaml:2:11");
  CHECK(at(a, "bc").items[1].text == "two");
}

TEST_CASE("quoted scalars are told from plain ones") {
  const YamlNode root = parse_yaml("a: 'x'\nb: \"x\"\nc: x\nd: |\n  x\ne:\n", source());
  CHECK(at(root, "a").quoted);
  CHECK(at(root, "b").quoted);
  CHECK_FALSE(at(root, "c").quoted);
  CHECK(at(root, "d").quoted);
  CHECK(at(root, "e").kind == YamlKind::kNull);
}

TEST_CASE("malformed documents are refused where they go wrong") {
  CHECK(error_of("a: 1\nb: 2\na: 3\n") == "s.yaml:3:1: duplicate key 'a'; first at s.yaml:1:1");
  CHECK(error_of("a: [1, 2\n") == "s.yaml:2:1: no valid YAML: a '[' is not closed");
  CHECK(error_of("a: !!int 5\n") ==
        "s.yaml:1:4: tags are not used here, got 'tag:yaml.org,2002:int'");
  CHECK(error_of("[a, b]: 1\n") ==
        "s.yaml:1:1: expected a word as key, got a list; is its ']' missing?");
  CHECK(error_of("{length: 4") ==
        "s.yaml:1:1: expected a word as key, got a map; is its '}' missing?");
  CHECK(error_of("a: {length: 4\nb: 1\n") == "s.yaml:2:2: no valid YAML: a '{' is not closed");
  CHECK(error_of("a: 1\n---\nb: 1\n").find("expected one document") != std::string::npos);
  CHECK(error_of("a: \xff\n") == "s.yaml:1:1: this is no UTF-8 text");
  CHECK(error_of("a: *nothing\n").find("no valid YAML") != std::string::npos);
}

TEST_CASE("aliases stand for what they name, and cannot explode") {
  const YamlNode root = parse_yaml("a: &x {n: 1}\nb: *x\n", source());
  CHECK(at(at(root, "b"), "n").text == "1");
  CHECK(error_of("a: &x [*x]\n") == "s.yaml:1:8: this anchor contains itself");

  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1) + ",";
    const std::string name = "a" + std::to_string(i);
    bomb += name + ": &" + name + " [" + repeat(before, 10) + "]\n";
  }
  CHECK(error_of(bomb).find("too many values") != std::string::npos);

  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string name = "a" + std::to_string(i);
    deep += name + ": &" + name + " [*a" + std::to_string(i - 1) + "]\n";
  }
  CHECK(error_of(deep).find("nested too deeply") != std::string::npos);
}

TEST_CASE("depth, number and size of documents are limited") {
  CHECK(error_of(repeat("[", 100) + repeat("]", 100)) == "s.yaml:1:33: nested too deeply");
  CHECK(error_of(repeat("{a: ", 100) + "b" + repeat("}", 100)).find("nested too deeply") !=
        std::string::npos);
  CHECK(error_of(repeat("[", 100'000)) != "accepted");
  CHECK(error_of(repeat("{a: ", 100'000)) != "accepted");
  CHECK(error_of(repeat("- ", 10'000)).find("nested too deeply") != std::string::npos);
  CHECK(error_of("[" + repeat("1,", 200'000) + "]").find("too many values") != std::string::npos);
  CHECK(error_of(std::string(kMaxYamlBytes + 1, ' ')) == "s.yaml:1:1: larger than 1048576 bytes");
  CHECK(error_of(repeat("[", 31) + repeat("]", 31)) == "accepted");
}

TEST_CASE("maps merge at every depth, lists and scalars are replaced") {
  YamlNode base = parse_yaml("a: {x: 1, y: [1, 2]}\nb: 1\n", source());
  merge_yaml(base, parse_yaml("a: {y: [3], z: 4}\nb: {c: 5}\n", source()));
  CHECK(at(at(base, "a"), "x").text == "1");
  REQUIRE(at(at(base, "a"), "y").items.size() == 1);
  CHECK(at(at(base, "a"), "y").items[0].text == "3");
  CHECK(at(at(base, "a"), "z").text == "4");
  CHECK(at(at(base, "b"), "c").text == "5");
}

TEST_CASE("a null removes what is inherited, and nothing else") {
  YamlNode base = parse_yaml("a: {x: 1, y: {z: 2}}\nb:\n", source());
  merge_yaml(base, parse_yaml("a: {x: ~, y: null, other: ~}\n", source()));
  CHECK(at(at(base, "a"), "x").removes);
  CHECK(at(at(base, "a"), "y").removes);
  CHECK_FALSE(at(at(base, "a"), "other").removes);
  CHECK_FALSE(at(base, "b").removes);
  merge_yaml(base, parse_override("a.y.z=3"));
  CHECK_FALSE(at(at(base, "a"), "y").removes);
  CHECK(at(at(at(base, "a"), "y"), "z").text == "3");
}

TEST_CASE("include puts files beneath a map, later wins, marks name the file") {
  const TemporaryFolder folder;
  folder.write("hw/a.yaml", "x: 1\ny: 1\nsub: {p: 1, q: 1}\n");
  folder.write("hw/b.yaml", "include: a.yaml\ny: 2\n");
  folder.write("c.yaml", "sub: {q: 3}\nz: 3\n");
  const auto file = folder.write("s.yaml", "platform:\n  include: [hw/b.yaml, c.yaml]\n  z: 4\n");
  const YamlNode root = read_yaml_file(file);
  const YamlNode& platform = at(root, "platform");
  CHECK(at(platform, "x").text == "1");
  CHECK(at(platform, "y").text == "2");
  CHECK(at(platform, "z").text == "4");
  CHECK(at(at(platform, "sub"), "p").text == "1");
  CHECK(at(at(platform, "sub"), "q").text == "3");
  CHECK(platform.find("include") == nullptr);
  CHECK(platform.find("x")->mark.text() == (folder.path() / "hw/a.yaml").string() + ":1:1");
  CHECK(platform.find("x")->mark.source->directory == folder.path() / "hw");
  CHECK(platform.find("z")->mark.text() == file.string() + ":3:3");
}

TEST_CASE("includes that cannot work are refused at their line") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  folder.write("missing.yaml", "a:\n  include: nowhere.yaml\n");
  CHECK(file_error(path("missing.yaml")) ==
        path("missing.yaml") + ":2:12: a.include: cannot read '" + path("nowhere.yaml") +
            "': No such file or directory");
  folder.write("self.yaml", "include: self.yaml\n");
  CHECK(file_error(path("self.yaml")) ==
        path("self.yaml") + ":1:10: include: '" + path("self.yaml") + "' includes itself");
  folder.write("x.yaml", "include: y.yaml\n");
  folder.write("y.yaml", "a: {include: ./x.yaml}\n");
  CHECK(file_error(path("x.yaml")) ==
        path("y.yaml") + ":1:14: a.include: '" + path("x.yaml") + "' includes itself");
  folder.write("list.yaml", "include: [{a: 1}]\n");
  CHECK(file_error(path("list.yaml")) ==
        path("list.yaml") + ":1:11: include: expected a file or a list of files");
  folder.write("scalar.yaml", "just a word\n");
  folder.write("bad.yaml", "include: scalar.yaml\n");
  CHECK(file_error(path("bad.yaml")) ==
        path("scalar.yaml") + ":1:1: expected a map of keys to values");
  folder.write("dir.yaml", "include: .\n");
  CHECK(file_error(path("dir.yaml")).find("it is a directory") != std::string::npos);
  CHECK(file_error(path("none.yaml")) ==
        "cannot read '" + path("none.yaml") + "': No such file or directory");
}

TEST_CASE("files that include ever more files come to an end") {
  const TemporaryFolder folder;
  for (int i = 0; i < 30; ++i) {
    const std::string next = "f" + std::to_string(i + 1) + ".yaml";
    folder.write("f" + std::to_string(i) + ".yaml", "include: [" + next + ", " + next + "]\n");
  }
  folder.write("f30.yaml", "a: 1\n");
  CHECK(file_error(folder.path() / "f0.yaml").find("more than 64 included files") !=
        std::string::npos);
}

TEST_CASE("an override is a tree, and its marks name the command line") {
  const YamlNode root = parse_override("a.b.c=[1, 2]");
  const YamlNode& c = at(at(at(root, "a"), "b"), "c");
  REQUIRE(c.items.size() == 2);
  CHECK(c.mark.text() == "--set a.b.c=[1, 2]");
  CHECK(c.items[1].mark.text() == "--set a.b.c=[1, 2]");
  CHECK(at(parse_override("a=x=y"), "a").text == "x=y");
  CHECK(at(parse_override("a=null"), "a").removes);
  CHECK(at(parse_override("a=~"), "a").removes);
  CHECK_FALSE(at(parse_override("a='null'"), "a").removes);
  for (const char* wrong :
       {"", "a", "a=", "a= ", "=1", "a..b=1", ".a=1", "a.=1", "a=[", "a=b: c: d"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_override(wrong), ScenarioError);
  }
}
