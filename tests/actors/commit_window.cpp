#include "actors/storage/commit_window.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;
using window = actors::commit_window;

namespace {

constexpr auto length = 2ms;
constexpr std::size_t enough = 8;
const window::clock::time_point begun{1h};

/// How long the next commit waits, behind one of so many members.
window::clock::duration pause(std::size_t members, std::size_t waiting, std::int64_t calls) {
  window w{enough, length};
  w.begins(begun, members);
  return w.opens(waiting, calls) - begun;
}

} // namespace

TEST_CASE("an append that is alone waits for nobody, however soon it comes") {
  window fresh{enough, length};
  CHECK(fresh.opens(1, 1) <= begun);
  CHECK(pause(1, 1, 1) == 0ms);
  // What writes without a call is nobody's company either.
  CHECK(pause(1, 1, 0) == 0ms);
}

TEST_CASE("a client and a worker of one workflow are no company to each other") {
  CHECK(pause(1, 1, 2) == 0ms);
  CHECK(pause(2, 1, 1) == 0ms);
  CHECK(pause(2, 2, 2) == 0ms);
}

TEST_CASE("while others write, commits begin a window apart") {
  SUBCASE("since others wrote in the last group") {
    CHECK(pause(3, 1, 1) == length);
  }
  SUBCASE("since others are being decided right now") {
    CHECK(pause(1, 1, 3) == length);
  }
  SUBCASE("but not for those whose appends are all here") {
    CHECK(pause(1, 3, 3) == 0ms);
  }
}

TEST_CASE("enough appends wait no longer") {
  CHECK(pause(50, enough - 1, 50) == length);
  CHECK(pause(50, enough, 50) == 0ms);
}

TEST_CASE("one who stays behind alone waits once at most") {
  window w{enough, length};
  w.begins(begun, 5);
  w.begins(begun + length, 1);
  CHECK(w.opens(1, 1) == begun + length);
}

TEST_CASE("a window of no length is none") {
  window w{enough, 0ms};
  w.begins(begun, 5);
  CHECK(w.opens(1, 5) == begun);
}
