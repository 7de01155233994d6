#include "store/seldom.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;

TEST_CASE("a store that fails all the time says so once a second, and how often it did") {
  store::seldom trouble;
  store::seldom::moment begin{1h};
  CHECK(trouble.line_at(begin, "full") == "full");
  CHECK(trouble.line_at(begin, "full").empty());
  CHECK(trouble.line_at(begin + 999ms, "full").empty());
  CHECK(trouble.line_at(begin + 1s, "full") == "full (and 2 such lines before)");
  CHECK(trouble.line_at(begin + 3s, "full") == "full");
}
