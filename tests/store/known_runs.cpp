// An append does not read the run that it replaces when the store wrote it last: what it knows must
// be what is stored, whoever wrote in between and however a commit ended.
#include "store/known_runs.hpp"

#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

TEST_CASE("a run is known as its last transition left it, until it is erased") {
  store::known_runs known;
  CHECK(known.find(1) == nullptr);
  known.learn(start_of(1, 7));
  auto append = append_to(1, 2, 7);
  append.runs[0].head.timer_at = at(60);
  known.learn(append);
  auto entry = known.find(1);
  REQUIRE(entry != nullptr);
  CHECK(entry->run.last_seq == 2);
  CHECK(entry->run.timer_at == at(60));
  CHECK(entry->slot == head_of(1).slot);
  CHECK(entry->epoch == 7);
  known.learn(erase_of(1, 7));
  CHECK(known.find(1) == nullptr);
}

TEST_CASE("only so many runs are known: those that were written last") {
  store::known_runs known{100};
  for (std::int64_t key = 1; key <= 1000; ++key)
    known.learn(start_of(key, 1));
  std::int64_t count = 0;
  for (std::int64_t key = 1; key <= 1000; ++key)
    count += known.find(key) != nullptr ? 1 : 0;
  CHECK(count <= 200);
  for (std::int64_t key = 901; key <= 1000; ++key)
    CHECK(known.find(key) != nullptr);
  // A run that moved to the younger half is erased from both.
  known.learn(append_to(900, 2, 1));
  known.learn(erase_of(900, 1));
  CHECK(known.find(900) == nullptr);
  known.clear();
  CHECK(known.find(1000) == nullptr);
}

TEST_CASE_TEMPLATE("after the slots were taken again the store is read again", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  REQUIRE(w.append(1, 2) == commit_status::committed);
  w.take_all();
  CHECK(w.append(1, 2) == commit_status::conflict);
  CHECK(w.append(1, 3) == commit_status::committed);
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"))->last_seq
        == 3);
}

TEST_CASE_TEMPLATE("wake-ups move with the append that moves them, and only then", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto started = start_of(1, w.epoch_of(1));
  started.runs[0].head.timer_at = at(10);
  started.runs[0].head.offer_at = at(5);
  REQUIRE(commit_one(*w, started) == commit_status::committed);

  struct wakeups {
    std::optional<time_point> timer{};
    std::optional<time_point> offer{};
  };

  std::uint64_t seq = 1;
  for (auto& [timer, offer] : {wakeups{at(10), at(5)}, wakeups{at(20), at(5)}, wakeups{at(20), {}},
                               wakeups{}, wakeups{at(30), at(40)}, wakeups{at(30), at(40)}}) {
    CAPTURE(seq);
    auto t = append_to(1, ++seq, w.epoch_of(1));
    t.runs[0].head.timer_at = timer;
    t.runs[0].head.offer_at = offer;
    REQUIRE(commit_one(*w, t) == commit_status::committed);
    auto head = must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"));
    CHECK(head->timer_at == timer);
    CHECK(head->offer_at == offer);
  }
  // Within one group, where only the last of several states need be written.
  std::vector<store::transition> group;
  for (auto timer : {at(50), at(30), at(30)}) {
    group.push_back(append_to(1, ++seq, w.epoch_of(1)));
    group.back().runs[0].head.timer_at = timer;
    group.back().runs[0].head.offer_at = at(40);
  }
  for (auto status : w->commit(group))
    REQUIRE(status == commit_status::committed);
  auto head = must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"));
  CHECK(head->last_seq == seq);
  CHECK(head->timer_at == at(30));
  CHECK(must(w->due_timers(at(100), at(0), 0, 10)).size() == 1);
}

TEST_CASE("what another node wrote in between is seen by the owner that comes back") {
  world<mysql_backend> w;
  if (!w.available())
    return;
  auto slot = head_of(1).slot;
  REQUIRE(w.start(1) == commit_status::committed);
  REQUIRE(w.append(1, 2) == commit_status::committed);
  {
    auto other = must(store::open_mysql(w.backend.dsn));
    auto epochs = must(store::take_everything(*other, store::new_incarnation()));
    REQUIRE(commit_one(*other, append_to(1, 3, epochs[slot])) == commit_status::committed);
  }
  CHECK(w.append(1, 3) == commit_status::stale_epoch);
  // Whoever renewed would go on with what it knew.
  auto renewed = w->renew(w.self, false);
  REQUIRE_FALSE(renewed);
  CHECK(renewed.error().code == errc::failed_precondition);
  w.take_all();
  CHECK(w.append(1, 3) == commit_status::conflict);
  CHECK(w.append(1, 4) == commit_status::committed);
}
