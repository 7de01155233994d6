// The crash tests' own main: doctest's flags, --kills N and --seed N.
#define DOCTEST_CONFIG_IMPLEMENT
#include "base/ids.hpp"
#include "tests/crash/options.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

/// Takes "--name N" or "--name=N" at `i`; false when it is something else.
template <class T>
bool take_number(const char* name, int argc, char** argv, int& i, T& into) {
  std::string_view word{argv[i]};
  if (!word.starts_with(name))
    return false;
  word.remove_prefix(std::strlen(name));
  if (word.empty() && i + 1 < argc)
    word = argv[++i];
  else if (word.starts_with('='))
    word.remove_prefix(1);
  auto parsed = std::from_chars(word.data(), word.data() + word.size(), into);
  if (parsed.ec == std::errc{} && parsed.ptr == word.data() + word.size())
    return true;
  std::fprintf(stderr, "%s needs a number\n", name);
  std::exit(2);
}

} // namespace

int main(int argc, char** argv) {
  using reprise::crash::asked_for;
  asked_for.seed = reprise::random_seed() % 1'000'000;
  std::vector<const char*> rest;
  for (int i = 0; i < argc; ++i)
    if (!take_number("--kills", argc, argv, i, asked_for.kills)
        && !take_number("--seed", argc, argv, i, asked_for.seed))
      rest.push_back(argv[i]);
  doctest::Context context{static_cast<int>(rest.size()), rest.data()};
  return context.run();
}
