// doctest's main, with a flag: --untaken runs all tests and prints which transitions of the
// engine's tables none of them took; 1 when there is one.

#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/support/transition_coverage.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  auto wanted = false;
  for (int i = 1; i < argc; ++i)
    wanted = wanted || std::string_view{argv[i]} == "--untaken";
  doctest::Context tests{argc, argv};
  auto failed = tests.run();
  if (!wanted || failed != 0)
    return failed;
  auto gaps = reprise::testing::transition_coverage::all().gaps();
  for (const auto& line : gaps)
    std::printf("%s\n", line.c_str());
  std::printf("%zu transitions that no test took\n", gaps.size());
  return gaps.empty() ? 0 : 1;
}
