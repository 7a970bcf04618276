// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <sstream>

#include "tandem/platform/progress.h"

using namespace tandem::platform;

TEST_CASE("the progress line shows share, tokens, simulated time and what is left") {
  RunProgress progress;
  progress.stage = "plain baseline";
  progress.simulated_time_ps = 1'500'000'000;
  progress.tokens_done = 32;
  progress.tokens_expected = 128;
  CHECK(progress_text(progress, 30.0) ==
        "[#####...............]  25 %  plain baseline, 32 of 128 tokens, 1.500 ms simulated, "
        "ETA 1:30");
}

TEST_CASE("without any token yet there is no estimate") {
  RunProgress progress;
  CHECK(progress_text(progress, 5.0).find("ETA") == std::string::npos);
  progress.tokens_done = 5;  // more than expected is not more than all
  progress.tokens_expected = 4;
  CHECK(progress_text(progress, 5.0).find("100 %") != std::string::npos);
}

TEST_CASE("UART text goes out as it comes, the progress line makes way for it") {
  std::ostringstream text;
  std::ostringstream status;
  ConsoleObserver console(text, status, {true, true});
  console.progress({"x", 0, 1, 2});
  CHECK(status.str().find("1 of 2 tokens") != std::string::npos);
  console.uart("Once upon");
  CHECK(status.str().substr(status.str().size() - 4) == "\r\033[K");
  const std::size_t drawn = status.str().size();
  console.progress({"x", 0, 2, 2});  // the text is in the middle of a line
  CHECK(status.str().size() == drawn);
  console.uart(" a time");
  console.finish();
  CHECK(text.str() == "Once upon a time\n");
}

TEST_CASE("without a terminal there is no progress line, and quiet means quiet") {
  std::ostringstream text;
  std::ostringstream status;
  ConsoleObserver console(text, status, {false, false});
  console.progress({"x", 0, 1, 2});
  console.uart("text");
  console.finish();
  CHECK(status.str().empty());
  CHECK(text.str().empty());
}
