// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tandem/observe/timeline.h"

using namespace tandem::observe;
using Json = nlohmann::json;

namespace {

std::vector<Json> events(const Timeline& timeline, const std::string& phases) {
  std::vector<Json> found;
  const Json document = Json::parse(timeline.to_json());
  for (const Json& event : document.at("traceEvents")) {
    if (phases.find(event.at("ph").get<std::string>()) != std::string::npos) {
      found.push_back(event);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("an empty timeline is a well-formed trace") {
  const Json document = Json::parse(Timeline().to_json());
  CHECK(document.at("traceEvents").empty());
  CHECK(document.at("otherData").at("dropped_events") == "0");
}

TEST_CASE("same process and name, same track, and same text, same name") {
  Timeline timeline;
  const auto matrix = timeline.track("npu", "matrix");
  CHECK(timeline.track("npu", "vector") != matrix);
  CHECK(timeline.track("pim", "matrix") != matrix);
  CHECK(timeline.track("npu", "matrix") == matrix);
  CHECK(timeline.name("tile") == timeline.name("tile"));
  CHECK(timeline.text(timeline.name("tile")) == "tile");
}

TEST_CASE("processes and tracks are named once, tracks of a process share its id") {
  Timeline timeline;
  timeline.track("npu", "matrix");
  timeline.track("memory", "channel0");
  timeline.track("npu", "vector");

  std::vector<std::string> processes;
  std::vector<std::pair<int, std::string>> threads;
  for (const Json& event : events(timeline, "M")) {
    if (event.at("name") == "process_name") processes.push_back(event["args"]["name"]);
    if (event.at("name") == "thread_name") {
      threads.emplace_back(event.at("pid").get<int>(), event["args"]["name"]);
    }
  }
  CHECK(processes == std::vector<std::string>{"npu", "memory"});
  CHECK(threads ==
        std::vector<std::pair<int, std::string>>{{1, "matrix"}, {2, "channel0"}, {1, "vector"}});
}

TEST_CASE("times are written in microseconds to the picosecond") {
  Timeline timeline;
  const auto track = timeline.track("npu", "matrix");
  timeline.slice(track, timeline.name("tile"), 1'234'567, 1'234'568);
  timeline.slice(track, timeline.name("late"), 18'000'000'000'000'000'001ULL,
                 18'000'000'000'000'000'001ULL);
  const std::string text = timeline.to_json();
  CHECK(text.find("\"ts\":1.234567,\"dur\":0.000001,\"name\":\"tile\"") != std::string::npos);
  CHECK(text.find("\"ts\":18000000000000.000001,\"dur\":0.000000") != std::string::npos);
}

TEST_CASE("slices are sorted by begin, and the containing one comes first") {
  Timeline timeline;
  const auto a = timeline.track("npu", "a");
  const auto b = timeline.track("npu", "b");
  timeline.slice(b, timeline.name("later"), 300, 400);
  timeline.slice(a, timeline.name("inner"), 100, 150);
  timeline.slice(a, timeline.name("outer"), 100, 200);
  timeline.slice(b, timeline.name("first"), 50, 60);

  std::vector<std::string> names;
  for (const Json& event : events(timeline, "X")) names.push_back(event.at("name"));
  CHECK(names == std::vector<std::string>{"first", "outer", "inner", "later"});
}

TEST_CASE("a flow is an arrow through its slices in time order") {
  Timeline timeline;
  const auto firmware = timeline.track("firmware", "driver");
  const auto npu = timeline.track("npu", "matrix");
  timeline.slice(npu, timeline.name("end"), 3'000'000, 4'000'000, 7);
  timeline.slice(firmware, timeline.name("command"), 0, 1'000'000, 7);
  timeline.slice(npu, timeline.name("middle"), 1'000'000, 2'000'000, 7);
  timeline.slice(npu, timeline.name("unrelated"), 2'000'000, 3'000'000);

  const std::vector<Json> arrows = events(timeline, "stf");
  REQUIRE(arrows.size() == 3);
  CHECK(arrows[0].at("ph") == "s");
  CHECK(arrows[1].at("ph") == "t");
  CHECK(arrows[2].at("ph") == "f");
  CHECK(arrows[2].at("bp") == "e");
  CHECK(arrows[0].at("pid") == 1);
  CHECK(arrows[2].at("pid") == 2);
  double before = -1.0;
  for (const Json& arrow : arrows) {
    CHECK(arrow.at("id") == 7);
    CHECK(arrow.at("ts").get<double>() > before);
    before = arrow.at("ts").get<double>();
  }
}

TEST_CASE("a flow of one slice has no arrow") {
  Timeline timeline;
  timeline.slice(timeline.track("npu", "a"), timeline.name("x"), 0, 1, 5);
  CHECK(events(timeline, "stf").empty());
}

TEST_CASE("names with quotes, backslashes and control characters stay well-formed") {
  Timeline timeline;
  const std::string odd = "a\"b\\c\n\x01\t";
  timeline.slice(timeline.track(odd, odd), timeline.name(odd), 0, 1);
  const std::vector<Json> slices = events(timeline, "X");
  REQUIRE(slices.size() == 1);
  CHECK(slices[0].at("name") == odd);
}

TEST_CASE("the window and the cap hold, and what they cost is counted") {
  Timeline::Limits limits;
  limits.begin_ps = 100;
  limits.end_ps = 200;
  limits.max_events = 2;
  Timeline timeline(limits);
  const auto track = timeline.track("npu", "a");
  const auto name = timeline.name("x");
  timeline.slice(track, name, 0, 99);
  timeline.slice(track, name, 201, 300);
  CHECK(timeline.slices().empty());
  CHECK(timeline.dropped() == 0);
  timeline.slice(track, name, 50, 150);
  timeline.slice(track, name, 150, 250);
  timeline.slice(track, name, 160, 170);
  CHECK(timeline.slices().size() == 2);
  CHECK(timeline.dropped() == 1);
  CHECK(Json::parse(timeline.to_json()).at("otherData").at("dropped_events") == "1");
}

TEST_CASE("the same calls give the same bytes") {
  const auto record = [] {
    Timeline timeline;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const auto track = timeline.track("p" + std::to_string(i % 3), "t" + std::to_string(i % 7));
      const std::uint64_t begin = i * 7919 % 1000;
      timeline.slice(track, timeline.name("n" + std::to_string(i % 5)), begin, begin + i % 11,
                     i % 13);
    }
    return timeline.to_json();
  };
  CHECK(record() == record());
}
