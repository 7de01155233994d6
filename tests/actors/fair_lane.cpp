#include "actors/queue/fair_lane.hpp"

#include "actors/queue/task_buffer.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace reprise;
using namespace std::chrono_literals;
using actors::fair_lane;
using actors::held_task;
using actors::queue_rules;
using actors::task_buffer;

namespace {

constexpr time_point start{1'700'000'000s};

cluster::Task task(const std::string& key, int number, float weight = 0) {
  cluster::Task t;
  t.set_kind(cluster::Task::ACTIVITY);
  t.set_workflow_id(key + std::to_string(number));
  t.set_run_id("run of " + t.workflow_id());
  t.set_fairness_key(key);
  t.set_fairness_weight(weight);
  return t;
}

void add(task_buffer& b, const std::string& key, int count, float weight = 0) {
  for (int i = 0; i < count; ++i)
    b.push_back({.task = task(key, i, weight), .row = {}});
}

std::string pop(task_buffer& b) {
  return b.pop().task.workflow_id();
}

/// How many of each key are among the next ones.
std::map<std::string, int> next(task_buffer& b, int count) {
  std::map<std::string, int> out;
  for (int i = 0; i < count; ++i)
    ++out[b.pop().task.fairness_key()];
  return out;
}

queue_rules rules(const std::function<void(temporal::api::taskqueue::v1::TaskQueueConfig&)>& set) {
  temporal::api::taskqueue::v1::TaskQueueConfig config;
  set(config);
  return queue_rules{config};
}

} // namespace

TEST_CASE("tasks of one key, or of none, keep their order") {
  for (const auto* key : {"", "k"}) {
    task_buffer b;
    add(b, key, 5);
    for (int i = 0; i < 5; ++i)
      CHECK(pop(b) == key + std::to_string(i));
  }
}

TEST_CASE("a key that comes late does not wait for the flood of another") {
  task_buffer b;
  add(b, "flood", 1000);
  CHECK(next(b, 10) == std::map<std::string, int>{{"flood", 10}});
  add(b, "late", 3);
  CHECK(next(b, 6) == std::map<std::string, int>{{"flood", 3}, {"late", 3}});
}

TEST_CASE("keys share by their weights") {
  task_buffer b;
  add(b, "light", 300, 1);
  add(b, "heavy", 300, 3);
  auto shares = next(b, 200);
  CHECK(shares["heavy"] >= 149);
  CHECK(shares["heavy"] <= 151);
  SUBCASE("which the queue's settings override, of tasks that come then") {
    b.obey(rules([](auto& c) { (*c.mutable_fairness_weight_overrides())["x"] = 9; }), start);
    add(b, "x", 200, 1);
    auto with_x = next(b, 130);
    // 9 of x to 3 of the heavy and 1 of the light one.
    CHECK(with_x["x"] >= 89);
    CHECK(with_x["x"] <= 91);
  }
}

TEST_CASE("weights beyond the ends count as the ends") {
  task_buffer b;
  add(b, "most", 50, 1e9F);
  add(b, "least", 2, 1e-9F);
  CHECK(next(b, 50) == std::map<std::string, int>{{"most", 50}});
}

TEST_CASE("a key is not owed what it did not ask for") {
  task_buffer b;
  add(b, "busy", 500);
  next(b, 400);
  // It was silent all the time, and gets half from now on, not 400 at once.
  add(b, "silent", 100);
  CHECK(next(b, 20) == std::map<std::string, int>{{"busy", 10}, {"silent", 10}});
}

TEST_CASE("fairness is within a priority") {
  task_buffer b;
  add(b, "a", 3);
  auto urgent = task("b", 0);
  urgent.set_priority(1);
  b.push_back({.task = urgent, .row = {}});
  CHECK(pop(b) == "b0");
}

TEST_CASE("a task that was kept back is the first of its key, at its old place") {
  task_buffer b;
  add(b, "a", 3);
  add(b, "b", 3);
  auto first = b.pop();
  CHECK(first.task.workflow_id() == "a0");
  b.keep_back(std::move(first), start + 1s);
  CHECK(pop(b) == "b0");
  b.bring_forward(start + 1s);
  CHECK(pop(b) == "a0");
  CHECK(pop(b) == "a1");
}

TEST_CASE("places that an earlier life gave go on") {
  task_buffer b;
  auto old = task("a", 0);
  old.set_place(5'000'000);
  b.push_back({.task = old, .row = actors::backlog_place{3, 7}});
  add(b, "a", 1);
  add(b, "b", 1);
  // The new key stands beside the old task, the new task of the old key behind both.
  std::vector<std::string> order{pop(b), pop(b), pop(b)};
  CHECK(order[2] == "a0");
  CHECK(b.empty());
}

TEST_CASE("what is remembered of keys is bounded") {
  fair_lane lane{100};
  auto flooded = lane.next_place("flood", 1);
  for (int i = 0; i < 50; ++i)
    flooded = lane.next_place("flood", 1);
  for (int i = 0; i < 10'000; ++i)
    lane.next_place("key " + std::to_string(i), 1);
  // The one that is far ahead is remembered longest.
  CHECK(lane.next_place("flood", 1) > flooded);
}

TEST_CASE("a rate for each key holds those back that go faster, and nobody else") {
  task_buffer b;
  b.obey(
    rules([](auto& c) {
      c.mutable_fairness_keys_rate_limit_default()->mutable_rate_limit()->set_requests_per_second(
        2);
      (*c.mutable_fairness_weight_overrides())["double"] = 2;
    }),
    start);
  add(b, "a", 10);
  add(b, "b", 1);
  add(b, "double", 10);
  auto taken = [&](time_point now) {
    std::map<std::string, int> out;
    while (auto t = b.pop_allowed(now))
      ++out[t->task.fairness_key()];
    return out;
  };
  CHECK(taken(start) == std::map<std::string, int>{{"a", 2}, {"b", 1}, {"double", 4}});
  CHECK(b.has_ready());
  auto when = b.next_time();
  REQUIRE(when);
  CHECK(*when > start);
  CHECK(*when <= start + 501ms);
  CHECK(taken(start).empty());
  CHECK(taken(start + 1001ms) == std::map<std::string, int>{{"a", 2}, {"double", 4}});
  SUBCASE("what was not handed out after all does not count") {
    auto t = task("a", 0);
    b.uncount(t);
    CHECK(taken(start + 1001ms) == std::map<std::string, int>{{"a", 1}});
  }
  SUBCASE("without the rate all go") {
    b.obey({}, start + 1001ms);
    CHECK(taken(start + 1001ms) == std::map<std::string, int>{{"a", 6}, {"double", 2}});
  }
}
