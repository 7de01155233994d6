#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

template <class World>
void start_with(World& w, std::int64_t key, std::optional<time_point> timer,
                std::optional<time_point> offer) {
  auto t = start_of(key, w.epoch_of(key));
  t.runs[0].head.timer_at = timer;
  t.runs[0].head.offer_at = offer;
  REQUIRE(commit_one(*w, t) == commit_status::committed);
}

std::vector<std::int64_t> keys(const std::vector<store::due_run>& due) {
  std::vector<std::int64_t> all;
  for (auto& d : due)
    all.push_back(d.key);
  return all;
}

using list = std::vector<std::int64_t>;

} // namespace

TEST_CASE_TEMPLATE("timers come earliest first and page by time and key", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  start_with(w, 1, at(30), {});
  start_with(w, 2, at(10), {});
  start_with(w, 3, at(20), {});
  start_with(w, 4, at(20), {});
  start_with(w, 5, {}, {});
  start_with(w, 6, at(99), {});
  auto due = must(w->due_timers(at(30), at(0), 0, 100));
  CHECK(keys(due) == list{2, 3, 4, 1});
  CHECK(due[0].at == at(10));
  CHECK(due[0].slot == head_of(2).slot);
  CHECK(due[0].workflow_id == "workflow-2");
  CHECK(due[0].run_id == "run-2");
  CHECK(due[0].namespace_id == namespace_id);
  CHECK(keys(must(w->due_timers(at(29), at(0), 0, 100))) == list{2, 3, 4});
  CHECK(keys(must(w->due_timers(at(30), at(0), 0, 2))) == list{2, 3});
  CHECK(keys(must(w->due_timers(at(30), at(20), 3, 2))) == list{4, 1});
  CHECK(must(w->next_timer(at(0))) == at(10));
  CHECK(must(w->next_timer(at(10))) == at(20));
  CHECK(must(w->next_timer(at(30))) == at(99));
  CHECK(!must(w->next_timer(at(99))));
}

TEST_CASE_TEMPLATE("a touch moves the wake-ups and nothing else", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  start_with(w, 1, at(10), at(5));
  auto head = head_of(1);
  head.timer_at = at(40);
  head.status = 2; // not for a touch to change
  head.next_event_id = 77;
  REQUIRE(commit_one(*w, touch_of(head, w.epoch_of(1))) == commit_status::committed);
  CHECK(must(w->pending_offers(at(0), 0, 10)).empty());
  CHECK(must(w->due_timers(at(39), at(0), 0, 10)).empty());
  CHECK(keys(must(w->due_timers(at(40), at(0), 0, 10))) == list{1});
  CHECK(must(w->read_journal(1, 1, 1000)).size() == 1);
  auto stored = must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"));
  CHECK(stored->last_seq == 1);
  CHECK(stored->status == 1);
  CHECK(stored->next_event_id == 3);
  head.last_seq = 2;
  CHECK(commit_one(*w, touch_of(head, w.epoch_of(1))) == commit_status::predecessor_lost);
}

TEST_CASE_TEMPLATE("offers are listed earliest first until they are taken back", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  start_with(w, 1, {}, at(30));
  start_with(w, 2, at(5), at(10));
  start_with(w, 3, {}, at(10));
  start_with(w, 4, {}, {});
  CHECK(keys(must(w->pending_offers(at(0), 0, 10))) == list{2, 3, 1});
  CHECK(keys(must(w->pending_offers(at(10), 2, 1))) == list{3});
  auto t = append_to(2, 2, w.epoch_of(2));
  t.runs[0].head.timer_at = at(5);
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  CHECK(keys(must(w->pending_offers(at(0), 0, 10))) == list{3, 1});
  CHECK(keys(must(w->due_timers(at(100), at(0), 0, 10))) == list{2});
}
