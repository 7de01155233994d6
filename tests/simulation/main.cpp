// The simulation by hand: one seed again (--seed N, with --trace line by line), many (--seeds A B),
// or on and on until a rule is broken (--forever); with --forgetful on a store that loses commits,
// with --plant in a world where something is not as it should be. Without these it runs the test
// cases.

#include "base/log.hpp"
#include "tests/simulation/model/world.hpp"

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>

namespace {

using namespace reprise;
using namespace reprise::simulation;

struct flags {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool by_hand = false;
  bool print = false;
  bool forgetful = false;
  loss plant = loss::none;
  bool ok = true;
};

loss loss_named(const std::string& name) {
  static const std::map<std::string, loss> all{
    {"wake", loss::wake},       {"offer", loss::offer},   {"handout", loss::handout},
    {"message", loss::message}, {"answer", loss::answer}, {"inbox", loss::inbox_of_run},
    {"word", loss::word}};
  auto found = all.find(name);
  return found == all.end() ? loss::none : found->second;
}

flags parse(int argc, char** argv) {
  flags f;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    auto number = [&] {
      f.by_hand = true;
      f.ok = f.ok && i + 1 < argc;
      return f.ok ? std::strtoull(argv[++i], nullptr, 10) : 0ULL;
    };
    if (word == "--seed") {
      f.first = number();
      f.last = f.first;
    } else if (word == "--seeds") {
      f.first = number();
      f.last = number();
    } else if (word == "--forever") {
      f.by_hand = true;
      // Another place on each day, so that nights do not repeat each other.
      f.first = f.first != 0
                  ? f.first
                  : static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch()
                                               / std::chrono::seconds{1})
                      * 1000;
      f.last = std::numeric_limits<std::uint64_t>::max();
    } else if (word == "--trace") {
      f.print = true;
    } else if (word == "--forgetful") {
      f.forgetful = true;
    } else if (word == "--plant") {
      f.plant = i + 1 < argc ? loss_named(argv[++i]) : loss::none;
      f.ok = f.ok && f.plant != loss::none;
    }
  }
  return f;
}

void print(std::uint64_t seed, const report& r) {
  std::printf("seed %" PRIu64 ": %zu steps, %zu runs, %zu commits, trace %016" PRIx64, seed,
              r.steps, r.runs, r.commits, r.hash);
  for (const auto& [what, times] : r.happened)
    std::printf(", %s %d", what.c_str(), times);
  std::printf("\n");
  std::fflush(stdout);
}

int by_hand(const flags& f) {
  std::uint64_t done = 0;
  auto begun = std::chrono::steady_clock::now();
  for (auto seed = f.first;; ++seed) {
    auto r
      = live({.seed = seed, .print_trace = f.print, .plant = f.plant, .forgetful = f.forgetful});
    if (!r.failure.empty()) {
      print(seed, r);
      std::printf("seed %" PRIu64 " FAILED: %s\n%s\n", seed, r.failure.c_str(),
                  how_to_replay(seed).c_str());
      return 1;
    }
    ++done;
    if (f.first == f.last)
      print(seed, r);
    else if (done % 50 == 0) {
      auto took = std::chrono::steady_clock::now() - begun;
      std::printf("%" PRIu64 " seeds, %.1f a minute, the last was %" PRIu64 "\n", done,
                  static_cast<double>(done) * 60 / std::chrono::duration<double>(took).count(),
                  seed);
      std::fflush(stdout);
    }
    if (seed == f.last)
      return 0;
  }
}

} // namespace

int main(int argc, char** argv) {
  auto f = parse(argc, argv);
  if (!f.ok) {
    std::fprintf(stderr,
                 "usage: %s [--seed N [--trace] | --seeds FIRST LAST | --forever] [--forgetful] "
                 "[--plant wake|offer|handout|message|answer|inbox|word]\n",
                 argv[0]);
    return 2;
  }
  reprise::set_log_level(f.print ? log_level::debug : log_level::off);
  if (f.by_hand)
    return by_hand(f);
  doctest::Context tests{argc, argv};
  return tests.run();
}
