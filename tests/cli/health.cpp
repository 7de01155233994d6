#include "cli/health.hpp"

#include "store/faulty.hpp"
#include "store/open.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <thread>

using namespace reprise;
using namespace std::chrono_literals;

namespace {

/// A store whose writes are counted and fail on demand.
struct watched_store {
  std::atomic<int> checks{0};
  std::atomic<bool> fails{false};
  std::atomic<bool> throws{false};
  std::function<void()> what = [] { throw std::bad_alloc{}; };
  store::faulty_store db{store::open_memory(), [this](store::operation) {
                           ++checks;
                           if (throws)
                             what();
                           return store::fault{.what = fails ? store::fault::kind::before
                                                             : store::fault::kind::none};
                         }};
};

template <class Condition>
bool comes_true(Condition holds) {
  auto end = std::chrono::steady_clock::now() + 10s;
  while (!holds() && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  return holds();
}

const error refused_call = make_error(errc::unavailable, "told to a caller");

} // namespace

TEST_CASE("health says NOT_SERVING while the store fails, and SERVING when it works again") {
  watched_store s;
  cli::health health{s.db};
  std::atomic<int> said{-1};
  health.tell([&](const cli::health::why_not& why) { said = why ? 0 : 1; });
  CHECK(said == 0);
  health.on_serving(true);
  CHECK(said == 1);
  CHECK(s.checks == 0);
  s.fails = true;
  health.on_failure(make_error(errc::not_found, "no concern of the store"));
  health.on_failure(refused_call);
  CHECK(comes_true([&] { return said == 0; }));
  s.fails = false;
  CHECK(comes_true([&] { return said == 1; }));
  health.tell(nullptr);
}

TEST_CASE("a store that throws is one that does not work, and is asked again") {
  watched_store s;
  SUBCASE("for want of memory") {
  }
  SUBCASE("what is no exception") {
    s.what = [] { throw 1; };
  }
  cli::health health{s.db};
  std::atomic<int> said{-1};
  health.tell([&](const cli::health::why_not& why) { said = why ? 0 : 1; });
  health.on_serving(true);
  s.throws = true;
  health.on_failure(refused_call);
  CHECK(comes_true([&] { return said == 0; }));
  s.throws = false;
  CHECK(comes_true([&] { return said == 1; }));
  health.tell(nullptr);
}

TEST_CASE("however many calls are refused, the store is asked a few times a second") {
  watched_store s;
  cli::health health{s.db};
  auto begun = std::chrono::steady_clock::now();
  while (s.checks < 2)
    health.on_failure(refused_call);
  auto took = std::chrono::steady_clock::now() - begun;
  CHECK(took >= 250ms);
}
