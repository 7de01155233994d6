// Task queues with executions behind them: what workers get, in which order, and that a queue that
// dies or fills up loses nothing.
#include "actors/node/alarms.hpp"
#include "actors/slot/slot.hpp"
#include "tests/support/queue_fixture.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::testing;

// -- matching ------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(queue_fixture, "a task finds a waiting worker, and a worker a waiting task") {
  auto waiting = poll();
  CHECK_FALSE(answered(waiting));
  start("a");
  CHECK(got(waiting) == "a");
  start("b");
  CHECK(take().workflow_execution().workflow_id() == "b");
  CHECK(gauge("reprise_tasks_pending") == 0);
  CHECK(gauge("reprise_polls_waiting") == 0);
}

TEST_CASE_FIXTURE(queue_fixture, "tasks go out by priority, then by age") {
  start_urgent("e", 5);
  start_urgent("c1", 3);
  start("c2"); // the default is the middle
  start_urgent("a1", 1);
  start_urgent("b", 2);
  start_urgent("a2", 1);
  start_urgent("c3", 3);
  std::vector<std::string> order;
  for (int i = 0; i < 7; ++i)
    order.push_back(take().workflow_execution().workflow_id());
  CHECK(order == std::vector<std::string>{"a1", "a2", "b", "c1", "c2", "c3", "e"});
}

TEST_CASE_FIXTURE(queue_fixture, "workers are served in the order in which they came") {
  std::vector<std::uint64_t> polls;
  for (int i = 0; i < 5; ++i)
    polls.push_back(poll());
  for (int i = 0; i < 5; ++i)
    start("w" + std::to_string(i));
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(got(polls[i]) == "w" + std::to_string(i));
}

TEST_CASE_FIXTURE(queue_fixture, "queues, kinds and namespaces do not mix") {
  auto other = poll({.queue = "other"});
  auto activities = poll({.kind = cluster::Task::ACTIVITY, .queue = "queue"});
  start("w");
  CHECK_FALSE(answered(other));
  CHECK_FALSE(answered(activities));
  auto task = take();
  complete(task, {activity_command("a", "activities")});
  CHECK_FALSE(answered(activities));
  auto a = response<activity_poll>(poll({.kind = cluster::Task::ACTIVITY, .queue = "activities"}));
  CHECK(a.activity_id() == "a");
}

TEST_CASE_FIXTURE(queue_fixture, "a task offered twice is handed out once") {
  start("w");
  auto r = request("w");
  r.mutable_reoffer()->set_queue_was_lost(true);
  send(r);
  send(r);
  run();
  CHECK(gauge("reprise_tasks_pending") == 1);
  take();
  send(r); // started: nothing to offer
  CHECK_FALSE(answered(poll()));
}

TEST_CASE_FIXTURE(queue_fixture, "a worker whose task fell through waits on, at the front") {
  start("gone");
  terminate("gone");
  auto first = poll();
  auto second = poll();
  CHECK_FALSE(answered(first));
  CHECK(gauge("reprise_tasks_pending") == 0);
  start("w");
  CHECK(got(first) == "w");
  CHECK_FALSE(answered(second));
}

TEST_CASE_FIXTURE(queue_fixture, "a poll ends empty when its time is over") {
  auto brief = poll({.patience = 5s});
  auto long_one = poll({.patience = 30s});
  advance(4s);
  CHECK_FALSE(answered(brief));
  advance(2s);
  CHECK(response<workflow_poll>(brief).task_token().empty());
  CHECK_FALSE(answered(long_one));
  start("w");
  CHECK(got(long_one) == "w");
  // One that is over when it comes gets an answer too.
  CHECK(response<workflow_poll>(poll({.patience = 0s})).task_token().empty());
}

TEST_CASE_FIXTURE(queue_fixture, "a worker that hung up gets no task, whenever it did") {
  SUBCASE("while it waited") {
    auto waiting = poll();
    cancel(waiting);
    start("w");
    CHECK_FALSE(answered(waiting));
    CHECK(take().workflow_execution().workflow_id() == "w");
  }
  SUBCASE("before its poll was read: it waits in vain, and not for ever") {
    auto id = next_call();
    caf::anon_send(queue_named(), cancel_atom_v, id, bridge);
    run();
    CHECK_FALSE(answered(poll()));
  }
  SUBCASE("behind the hand-out of a task that falls through") {
    start("gone");
    terminate("gone");
    auto waiting = send_poll();
    cancel(waiting);
    run();
    start("w");
    CHECK_FALSE(answered(waiting));
    CHECK(take().workflow_execution().workflow_id() == "w");
  }
  CHECK(gauge("reprise_polls_waiting") <= 1);
}

TEST_CASE_FIXTURE(queue_fixture, "a poll that is sent again counts once") {
  auto id = send_poll();
  cluster::Poll again;
  again.set_namespace_id(ns);
  again.set_task_queue("queue");
  *again.mutable_expires_at() = engine::to_proto(time.now() + 60s);
  caf::anon_send(queue_named(), poll_atom_v, id, bridge, again);
  run();
  CHECK(gauge("reprise_polls_waiting") == 1);
}

TEST_CASE_FIXTURE(queue_fixture, "a rate that a worker asks for slows its queue down") {
  for (int i = 0; i < 6; ++i)
    start("w" + std::to_string(i));
  auto is_limited = [&] { return describe_queue().stats().rate_limiting_active(); };
  CHECK_FALSE(is_limited());
  std::vector<std::uint64_t> polls;
  for (int i = 0; i < 6; ++i)
    polls.push_back(poll({.rate = 2}));
  auto served = [&] {
    return std::count_if(polls.begin(), polls.end(), [&](auto id) { return answered(id); });
  };
  CHECK(served() == 2);
  CHECK(is_limited());
  CHECK(describe_queue().stats_by_priority_key().at(3).rate_limiting_active());
  advance(499ms);
  CHECK(served() == 2);
  advance(2ms);
  CHECK(served() == 3);
  for (int i = 0; i < 3; ++i)
    advance(500ms);
  CHECK(served() == 6);
  advance(31s);
  CHECK_FALSE(is_limited());
}

TEST_CASE_FIXTURE(queue_fixture, "a task that fell through costs nothing of the rate") {
  start("gone");
  start("w");
  terminate("gone");
  CHECK(got(poll({.rate = 0.01})) == "w");
}

TEST_CASE_FIXTURE(queue_fixture, "a queue describes its pollers and what waits") {
  poll({.patience = 1s});
  advance(2s);
  start_urgent("a", 1);
  start("b");
  start("c");
  advance(10s);
  auto d = describe_queue();
  REQUIRE(d.pollers_size() == 1);
  CHECK(d.pollers(0).identity() == "worker");
  CHECK(d.stats().approximate_backlog_count() == 3);
  CHECK(d.stats().approximate_backlog_age().seconds() >= 10);
  CHECK(d.stats().tasks_add_rate() > 0);
  CHECK(d.stats_by_priority_key().at(1).approximate_backlog_count() == 1);
  CHECK(d.stats_by_priority_key().at(3).approximate_backlog_count() == 2);
}

// -- sticky queues -------------------------------------------------------------------------------

TEST_CASE_FIXTURE(queue_fixture, "a sticky task waits for its worker only where one was seen") {
  poll_options sticky{.queue = "sticky", .normal_name = "queue"};
  start("w");
  complete(take(), {}, "sticky");
  SUBCASE("never seen: the normal queue gets it at once, with the whole history") {
    ask_raw(signal_request("w", "s"));
    auto task = take();
    CHECK(task.history().events(0).event_id() == 1);
  }
  SUBCASE("seen lately: the sticky queue keeps it, and only what is new goes out") {
    auto waiting = poll(sticky);
    cancel(waiting, "sticky");
    run();
    advance(8s);
    ask_raw(signal_request("w", "s"));
    CHECK_FALSE(answered(poll({.patience = 1s})));
    auto task = take(sticky);
    CHECK(task.history().events(0).event_id() == 4);
    CHECK(task.workflow_execution_task_queue().name() == "queue");
  }
  SUBCASE("seen too long ago") {
    poll({.queue = "sticky", .normal_name = "queue", .patience = 1s});
    advance(1s); // the poll ends: seen until now
    advance(11s);
    ask_raw(signal_request("w", "s"));
    CHECK(take().history().events(0).event_id() == 1);
  }
  SUBCASE("seen, but it does not come in time") {
    auto waiting = poll(sticky);
    cancel(waiting, "sticky");
    run();
    ask_raw(signal_request("w", "s"));
    auto normal = poll();
    CHECK_FALSE(answered(normal));
    advance(6s);
    CHECK(response<workflow_poll>(normal).history().events(0).event_id() == 1);
    // The sticky worker comes too late for the same task, and waits on.
    CHECK_FALSE(answered(poll(sticky)));
  }
}

TEST_CASE_FIXTURE(queue_fixture, "a sticky queue whose worker is gone leaves nothing in memory") {
  poll_options sticky{.queue = "sticky", .normal_name = "queue"};
  start("w");
  complete(take(), {}, "sticky");
  cancel(poll(sticky), "sticky");
  run();
  auto left = 0;
  SUBCASE("a workflow task, which is the normal queue's in the end") {
    ask_raw(signal_request("w", "s"));
    left = 1;
  }
  SUBCASE("a query") {
    auto r = request("w");
    r.mutable_query()->mutable_query()->set_query_type("state");
    send(r);
    run();
  }
  CHECK(queues_in_memory() == 2);
  for (int i = 0; i < 60; ++i)
    advance(30s);
  CHECK(queues_in_memory() == left);
  CHECK(gauge("reprise_tasks_pending") == left);
}

// -- lives of queues -----------------------------------------------------------------------------

TEST_CASE_FIXTURE(queue_fixture, "a queue that dies is given its tasks again") {
  for (int i = 0; i < 20; ++i)
    start_urgent("w" + std::to_string(i), 1 + i % 3);
  auto task = take();
  complete(task, {activity_command("a", "activities"), activity_command("b", "activities")});
  CHECK(gauge("reprise_tasks_pending") == 21);
  kill(key());
  kill(key("activities", 2));
  CHECK(gauge("reprise_tasks_pending") == 21);
  std::vector<std::string> ids;
  for (int i = 0; i < 19; ++i)
    ids.push_back(take().workflow_execution().workflow_id());
  std::sort(ids.begin(), ids.end());
  CHECK(std::unique(ids.begin(), ids.end()) == ids.end());
  CHECK_FALSE(answered(poll()));
  poll_options activities{.kind = cluster::Task::ACTIVITY, .queue = "activities"};
  auto one = response<activity_poll>(poll(activities));
  auto two = response<activity_poll>(poll(activities));
  CHECK(one.activity_id() != two.activity_id());
}

TEST_CASE_FIXTURE(queue_fixture, "tasks of executions that left memory are offered again too") {
  for (int i = 0; i < 20; ++i)
    start("w" + std::to_string(i));
  for (const auto& slot : node->shared().slots)
    caf::anon_send(slot.get(), trim_atom_v);
  run();
  REQUIRE(node->shared().watch.resident.value() == 0);
  kill(key());
  CHECK(gauge("reprise_tasks_pending") == 20);
}

TEST_CASE_FIXTURE(queue_fixture, "whoever polls learns of a queue's death and polls again") {
  std::vector<store::queue_key> lost;
  node->queues().on_lost([&](const store::queue_key& k) { lost.push_back(k); });
  auto waiting = poll();
  kill(key());
  REQUIRE(lost.size() == 1);
  CHECK(lost[0] == key());
  CHECK_FALSE(answered(waiting));
  node->queues().on_lost(nullptr);
  auto again = poll();
  start("w");
  CHECK(got(again) == "w");
  CHECK(registry.counter("reprise_task_queues_crashed_total", "").value() == 1);
  CHECK(queues_in_memory() == 1);
}

TEST_CASE_FIXTURE(queue_fixture, "a hand-out that crossed its queue's death is delivered or ends") {
  start("w");
  // The task is with its slot when the queue dies.
  auto waiting = send_poll();
  auto victim = queue_named();
  while (gauge("reprise_tasks_pending") == 1)
    REQUIRE(scheduler.try_run_once());
  caf::anon_send_exit(victim, caf::exit_reason::kill);
  run();
  CHECK(got(waiting) == "w");
  CHECK_FALSE(answered(poll()));
  CHECK(history("w") == std::vector<int>{1, 5, 6});
}

TEST_CASE_FIXTURE(queue_fixture, "a queue that dies again while its tasks come back loses none") {
  constexpr int count = 1500; // more than the sweep has credit for, more than a page
  for (int i = 0; i < count; ++i)
    start("w" + std::to_string(i));
  auto die = [&] { caf::anon_send_exit(queue_named(), caf::exit_reason::kill); };
  die();
  // Until the sweep is half way.
  while (gauge("reprise_tasks_pending") == count || gauge("reprise_tasks_pending") < count / 2)
    REQUIRE(scheduler.try_run_once());
  die();
  run();
  CHECK(gauge("reprise_tasks_pending") == count);
}

TEST_CASE_FIXTURE(queue_fixture, "queues at rest retire, and come back when they are needed") {
  poll({.patience = 1s});
  advance(2s);
  REQUIRE(queues_in_memory() == 1);
  auto old = queue_named();
  for (int i = 0; i < 5; ++i)
    advance(1min);
  CHECK(queue_named() != old);
  // What still reaches the old one is passed on.
  auto id = next_call();
  cluster::Poll p;
  p.set_namespace_id(ns);
  p.set_task_queue("queue");
  *p.mutable_expires_at() = engine::to_proto(time.now() + 50s);
  caf::anon_send(old, poll_atom_v, id, bridge, p);
  run();
  start("w");
  CHECK(got(id) == "w");
  advance(2min);
  CHECK(queues_in_memory() == 1);
}

TEST_CASE("a queue at rest that has no next one refuses what reaches it") {
  queue_fixture f{{.capacity = {.queues_max = 1}}};
  f.poll({.patience = 1s});
  f.advance(2s);
  auto old = f.queue_named();
  std::optional<cluster::Task> task;
  f.node->shared().queue_of = [&](const cluster::Task& t) {
    task = t;
    return queue_actor{};
  };
  f.start("w");
  REQUIRE(task);
  for (int i = 0; i < 5; ++i)
    f.advance(1min);
  REQUIRE_FALSE(f.queue_named());
  REQUIRE(f.queues_in_memory() == 1);
  caf::anon_send(old, offer_atom_v, *task);
  auto id = f.next_call();
  cluster::Poll p;
  p.set_namespace_id(f.ns);
  p.set_task_queue("queue");
  *p.mutable_expires_at() = engine::to_proto(f.time.now() + 50s);
  caf::anon_send(old, poll_atom_v, id, f.bridge, p);
  f.run();
  CHECK(f.code(id) == static_cast<int>(errc::resource_exhausted));
  CHECK(f.backlog() == 1);
  f.advance(2min);
  CHECK(f.take().workflow_execution().workflow_id() == "w");
}

TEST_CASE_FIXTURE(queue_fixture, "queues with something to do do not retire") {
  start("w");
  for (int i = 0; i < 20; ++i)
    advance(1min);
  CHECK(take().workflow_execution().workflow_id() == "w");
}

TEST_CASE_FIXTURE(queue_fixture, "a server that starts again has the same tasks in its queues") {
  for (int i = 0; i < 5; ++i)
    start("w" + std::to_string(i));
  auto first = take().workflow_execution().workflow_id();
  CHECK(first == "w0");
  advance(actors::slot::early_start_max);
  restart_node();
  for (int i = 1; i < 5; ++i)
    CHECK(take().workflow_execution().workflow_id() == "w" + std::to_string(i));
  CHECK_FALSE(answered(poll()));
}

TEST_CASE_FIXTURE(queue_fixture, "a task that cannot start because the store fails comes again") {
  start("w");
  take();
  // Nobody answers; the next attempt waits for its commit before it leaves.
  advance(11s);
  auto fails = true;
  decide_fault = [&](store::operation what) {
    auto now = fails && what == store::operation::commit;
    return store::fault{.what = now ? store::fault::kind::before : store::fault::kind::none};
  };
  auto waiting = poll();
  CHECK_FALSE(answered(waiting));
  fails = false;
  for (int i = 0; i < 10 && !answered(waiting); ++i)
    advance(1s);
  CHECK(got(waiting) == "w");
}

TEST_CASE_FIXTURE(queue_fixture, "an hour of short workflows leaves no heap of delayed messages") {
  constexpr int ids = 8;
  std::size_t most = 0;
  for (int n = 0; n < 360; ++n) {
    for (int i = 0; i < ids; ++i) {
      auto r = start_request("w" + std::to_string(i));
      r.mutable_start()->set_request_id(std::to_string(n));
      ask<service::StartWorkflowExecutionResponse>(r);
      complete(take(), {complete_command()});
    }
    advance(10s);
    most = std::max(most, pending_messages(scheduler));
  }
  // Of each of their slots, of their queue, and of the timer.
  CHECK(most <= (ids + 2) * actors::alarms::exact_max);
}
