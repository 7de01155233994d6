#include "cluster/lease_watch.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;
using cluster::lease_watch;

namespace {

constexpr store::incarnation_id self = 1;
constexpr store::incarnation_id other = 2;

struct looks {
  /// A look that takes so long, and shows these numbers.
  void look(duration takes, std::uint64_t number, std::optional<std::uint64_t> second = {}) {
    store::membership seen;
    seen.members = {{.who = {.incarnation = self, .lease_length = 1s}, .renewals = 1},
                    {.who = {.incarnation = other, .lease_length = 3s}, .renewals = number}};
    if (second)
      seen.members.push_back({.who = {.incarnation = 3, .lease_length = 1s}, .renewals = *second});
    watch.see(seen, self, now, now + takes);
    now += takes;
  }

  lease_watch watch{};
  duration now = 100s;
};

} // namespace

TEST_CASE("a number that stands still for its lease is dead, and not before") {
  looks w;
  w.look(10ms, 7);
  CHECK(w.watch.dead().empty());
  CHECK(w.watch.next_death() == w.now + 3s);
  w.now += 2999ms;
  w.look(10ms, 7);
  CHECK_FALSE(w.watch.is_dead(other));
  w.now = 100s + 10ms + 3s;
  w.look(10ms, 7);
  CHECK(w.watch.is_dead(other));
  REQUIRE(w.watch.dead().size() == 1);
  CHECK(w.watch.dead()[0].incarnation == other);
  CHECK(w.watch.dead()[0].renewals == 7);
  CHECK_FALSE(w.watch.next_death());
  CHECK_FALSE(w.watch.is_dead(self));
}

TEST_CASE("a number that moves begins its time anew, also of one that was dead") {
  looks w;
  w.look(0s, 7);
  w.now += 2s;
  w.look(0s, 8);
  w.now += 2s;
  w.look(0s, 8);
  CHECK(w.watch.dead().empty());
  w.now += 2s;
  w.look(0s, 8);
  CHECK(w.watch.is_dead(other));
  w.look(0s, 9);
  CHECK(w.watch.dead().empty());
}

TEST_CASE("a look that took long says nothing of what happened in it") {
  looks w;
  w.look(0s, 7);
  // Asked for in time; who knows when it was read.
  w.look(10s, 7);
  CHECK(w.watch.dead().empty());
  // What is seen first at its end may have been written right before.
  w.look(10s, 8);
  w.now += 2s;
  w.look(0s, 8);
  CHECK(w.watch.dead().empty());
  w.now += 1s;
  w.look(0s, 8);
  CHECK(w.watch.is_dead(other));
}

TEST_CASE("each has a lease of its own length, and whoever leaves is forgotten") {
  looks w;
  w.look(0s, 7, 5);
  CHECK(w.watch.next_death() == w.now + 1s);
  w.now += 1s;
  w.look(0s, 7, 5);
  CHECK(w.watch.is_dead(3));
  CHECK_FALSE(w.watch.is_dead(other));
  w.look(0s, 7);
  CHECK(w.watch.dead().empty());
  w.look(0s, 7, 5);
  CHECK_FALSE(w.watch.is_dead(3));
}
