#include "tests/store/backends.hpp"

#include <algorithm>
#include <functional>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

TEST_CASE_TEMPLATE("taking the slots raises every epoch and shuts the old owner out", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.epochs.size() == store::slot_count);
  REQUIRE(w.start(1) == commit_status::committed);
  auto old = w.epochs;
  w.take_all();
  auto taken = std::exchange(w.epochs, old);
  REQUIRE(taken.size() == store::slot_count);
  for (std::size_t i = 0; i < taken.size(); ++i)
    REQUIRE(taken[i] > old[i]);
  CHECK(w.append(1, 2) == commit_status::stale_epoch);
  w.epochs = taken;
  CHECK(w.append(1, 2) == commit_status::committed);
}

TEST_CASE_TEMPLATE("epochs outlive the process", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto old = w.epochs;
  w.reopen();
  if constexpr (Backend::is_durable)
    CHECK(std::ranges::equal(w.epochs, old, std::greater{}));
}

TEST_CASE_TEMPLATE("raising an epoch is a compare-and-set of one slot", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto slot = head_of(1).slot;
  auto seen = w.epochs[slot];
  REQUIRE(w.start(1) == commit_status::committed);
  CHECK(must(w->raise_epoch(slot, seen)) == seen + 1);
  auto again = w->raise_epoch(slot, seen);
  REQUIRE(!again);
  CHECK(again.error().code == errc::failed_precondition);
  CHECK(!w->raise_epoch(5000, 0));
  CHECK(w.append(1, 2) == commit_status::stale_epoch);
  CHECK(w.start(2)
        == (head_of(2).slot == slot ? commit_status::stale_epoch : commit_status::committed));
  w.epochs[slot] = seen + 1;
  CHECK(w.append(1, 2) == commit_status::committed);
}
