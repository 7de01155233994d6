// The tests of kept journals; with a flag, what keeps them (see README.md beside).

#define DOCTEST_CONFIG_IMPLEMENT
#include "base/log.hpp"
#include "tests/journals/record.hpp"

#include <string>

namespace {

/// What is written by hand runs as a test case, since the fixture checks each call.
std::string folder;
bool describes = false;

} // namespace

TEST_CASE("written by hand" * doctest::skip(true)) {
  if (describes)
    reprise::journals::write_descriptions(folder);
  else
    reprise::journals::write_life(folder);
}

int main(int argc, char** argv) {
  reprise::set_log_level(reprise::log_level::off);
  doctest::Context tests{argc, argv};
  for (int i = 1; i + 1 < argc; ++i) {
    std::string flag = argv[i];
    if (flag != "--write" && flag != "--describe")
      continue;
    describes = flag == "--describe";
    folder = argv[i + 1];
    tests.setOption("no-skip", true);
    tests.setOption("test-case", "written by hand");
  }
  return tests.run();
}
