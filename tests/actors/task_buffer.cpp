#include "actors/queue/task_buffer.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace reprise;
using actors::backlog_place;
using actors::held_task;
using actors::task_buffer;

namespace {

cluster::Task task(const std::string& id, int priority = 0) {
  cluster::Task t;
  t.set_kind(cluster::Task::WORKFLOW);
  t.set_workflow_id(id);
  t.set_run_id("run of " + id);
  t.set_priority(priority);
  return t;
}

std::vector<std::string> drain(task_buffer& b) {
  std::vector<std::string> out;
  while (!b.empty()) {
    auto first = b.first().workflow_id();
    out.push_back(b.pop().task.workflow_id());
    CHECK(out.back() == first);
  }
  return out;
}

} // namespace

TEST_CASE("tasks come out by priority, then in the order in which they came") {
  task_buffer b;
  for (auto [id, priority] : {std::pair{"d", 3}, {"a", 1}, {"f", 5}, {"e", 0}, {"b", 1}, {"c", 2}})
    b.push_back({.task = task(id, priority), .row = {}});
  CHECK(b.size() == 6);
  CHECK(b.size_of(1) == 2);
  CHECK(b.size_of(task_buffer::priority_default) == 2);
  CHECK(b.first_of(1)->workflow_id() == "a");
  CHECK(b.first_of(4) == nullptr);
  CHECK(drain(b) == std::vector<std::string>{"a", "b", "c", "d", "e", "f"});
  CHECK(b.size() == 0);
}

TEST_CASE("without a priority a task has the default one, and beyond the last the last") {
  for (auto none : {0, -1})
    CHECK(task_buffer::priority_of(task("x", none)) == task_buffer::priority_default);
  for (auto beyond : {6, 1'000'000})
    CHECK(task_buffer::priority_of(task("x", beyond)) == task_buffer::priority_last);
  CHECK(task_buffer::priority_of(task("x", 1)) == 1);
  CHECK(task_buffer::priority_of(task("x", 5)) == 5);
}

TEST_CASE("a buffer is full by number or by bytes, and has room again when half is gone") {
  task_buffer b;
  std::string id = "x";
  std::size_t most = actors::queue_bounds{}.tasks_max;
  SUBCASE("by number") {
  }
  SUBCASE("by bytes") {
    id = std::string(100'000, 'x');
    most = actors::queue_bounds{}.task_bytes_max / id.size();
  }
  CHECK(b.has_room_for_a_page());
  while (!b.full())
    b.push_back({.task = task(id), .row = {}});
  CHECK(b.size() <= most);
  CHECK(b.size() > most / 3);
  auto size = b.size();
  CHECK_FALSE(b.has_room_for_a_page());
  while (!b.has_room_for_a_page())
    b.pop();
  CHECK(b.size() <= size / 2 + 1);
  CHECK(b.size() >= size / 2 - 1);
  drain(b);
  CHECK(b.has_room_for_a_page());
}

TEST_CASE("tasks that are kept back take no room from others, and have bounds of their own") {
  constexpr std::size_t most = 8;
  actors::queue_bounds bounds{.tasks_max = most};
  std::string id = "x";
  SUBCASE("by number") {
  }
  SUBCASE("by bytes") {
    id = std::string(100'000, 'x');
    bounds = {.task_bytes_max = 150'000 * most};
  }
  task_buffer b{bounds};
  auto later = time_point{} + std::chrono::seconds{1};
  while (b.has_room_to_keep_back())
    b.keep_back({.task = task(id), .row = backlog_place{3, 7}}, later);
  auto kept_back = b.size();
  CHECK(kept_back > 0);
  CHECK(kept_back <= most);
  CHECK(b.rows_kept_back() == kept_back);
  CHECK_FALSE(b.full());
  CHECK_FALSE(b.has_ready());
  CHECK(b.has_room_for_a_page());
  b.push_back({.task = task("other"), .row = {}});
  CHECK_FALSE(b.full());
  CHECK(b.pop().task.workflow_id() == "other");
  // When their time has come they are like all others.
  b.bring_forward(later);
  CHECK(b.full());
  CHECK(b.has_room_to_keep_back());
  CHECK(b.rows_kept_back() == 0);
  CHECK(b.rows() == kept_back);
  CHECK(drain(b).size() == kept_back);
}

TEST_CASE("a buffer knows which of its tasks are rows") {
  task_buffer b;
  b.push_back({.task = task("memory"), .row = {}});
  b.push_back({.task = task("row"), .row = backlog_place{3, 7}});
  CHECK(b.rows() == 1);
  CHECK_FALSE(b.pop().row);
  CHECK(b.pop().row == backlog_place{3, 7});
  CHECK(b.rows() == 0);
}

TEST_CASE("a task that is held can be given a row, and another one") {
  constexpr backlog_place first{3, 7};
  constexpr backlog_place second{3, 8};
  auto later = time_point{} + std::chrono::seconds{1};
  task_buffer b;
  b.push_back({.task = task("ready", 1), .row = {}});
  b.keep_back({.task = task("kept back"), .row = {}}, later);
  for (const auto& t : {task("ready"), task("kept back")}) {
    CHECK_FALSE(b.exchange_row(t, first));
    CHECK(b.exchange_row(t, second) == first);
  }
  CHECK(b.exchange_row(task("gone"), first) == first);
  CHECK(b.rows() == 2);
  CHECK(b.rows_kept_back() == 1);
  b.bring_forward(later);
  CHECK(b.rows_kept_back() == 0);
  CHECK(b.pop().row == second);
  CHECK(b.pop().row == second);
  CHECK(b.rows() == 0);
}

TEST_CASE("attempts, kinds, stamps and queries of one run are tasks of their own") {
  auto t = task("w");
  std::vector<std::string> all{actors::task_identity(t)};
  auto other = [&](auto change) {
    auto c = t;
    change(c);
    all.push_back(actors::task_identity(c));
    CHECK_FALSE(actors::same_task(c, t));
  };
  other([](auto& c) { c.set_kind(cluster::Task::ACTIVITY); });
  other([](auto& c) { c.set_attempt(2); });
  other([](auto& c) { c.set_stamp(1); });
  other([](auto& c) { c.set_scheduled_event_id(9); });
  other([](auto& c) { c.set_query_id("q"); });
  other([](auto& c) { c.set_run_id("another"); });
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      CHECK(all[i] != all[j]);
  // Where it was offered does not matter.
  t.set_task_queue("sticky");
  t.set_sticky(true);
  CHECK(actors::task_identity(t) == all[0]);
  CHECK(actors::same_task(t, task("w", 1)));
}
