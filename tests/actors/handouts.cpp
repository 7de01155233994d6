// What becomes of hand-outs, wakes and offers that cannot be had at once: a client's bound refuses
// none of them, and none is lost.
#include "actors/call/outcome.hpp"
#include "actors/queue/task_buffer.hpp"
#include "actors/queue/task_returns.hpp"
#include "tests/support/queue_fixture.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <set>
#include <stdexcept>

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr int ok = 0;
constexpr int resource_exhausted = 8;

cluster::node_options two_calls() {
  return {.capacity = {.workflow = {.calls_max = 2}}};
}

/// A slot that can be asked to hand out a task, with a stand-in for the queue that notes the
/// answer.
struct asked_slot : actor_fixture {
  explicit asked_slot(cluster::node_options options = {}) : actor_fixture(std::move(options)) {
  }

  /// The hand-out of the oldest offer, for a poller that waits.
  cluster::ExecutionRequest hand_out() {
    REQUIRE_FALSE(seen.offers.empty());
    auto task = std::move(seen.offers.front());
    seen.offers.pop_front();
    auto r = request(task.workflow_id());
    r.set_run_id(task.run_id());
    r.mutable_start_workflow_task()->set_identity("worker");
    *r.mutable_start_workflow_task()->mutable_task() = std::move(task);
    return r;
  }

  std::string told(std::uint64_t id) const {
    auto in = [id](const std::vector<std::uint64_t>& all) {
      return std::find(all.begin(), all.end(), id) != all.end();
    };
    std::string out;
    out += in(seen.taken) ? "taken" : "";
    out += in(seen.obsolete) ? "obsolete" : "";
    out += in(seen.later) ? "later" : "";
    return out;
  }

  std::string ask_for(const cluster::ExecutionRequest& r) {
    auto id = send_for_poller(r);
    run();
    return told(id);
  }

  void terminate(const std::string& id) {
    auto r = request(id);
    r.mutable_terminate()->mutable_workflow_execution()->set_workflow_id(id);
    CHECK(ask_raw(r).status().code() == ok);
  }
};

struct busy_slot : asked_slot {
  busy_slot() : asked_slot(two_calls()) {
  }
};

struct busy_queue : queue_fixture {
  busy_queue() : queue_fixture(two_calls()) {
  }
};

struct small_queue : queue_fixture {
  static constexpr std::size_t tasks_max = 4;

  small_queue() : queue_fixture({.capacity = {.queue = {.tasks_max = tasks_max, .page_rows = 2}}}) {
  }

  /// The row of a run's first workflow task.
  void write_row(const std::string& id, const std::string& run_id) {
    cluster::Task t;
    t.set_kind(cluster::Task::WORKFLOW);
    t.set_namespace_id(ns);
    t.set_workflow_id(id);
    t.set_run_id(run_id);
    t.set_task_queue("queue");
    t.set_scheduled_event_id(2);
    t.set_attempt(1);
    auto slot = store::slot_of(ns, machine_kind::workflow, id);
    store::transition x{.slot = slot, .epoch = first_epoch};
    x.backlog_adds.push_back({.queue = key(),
                              .priority = 3,
                              .seq = node->shared().keys.next(time.now(), slot),
                              .task_id = actors::task_identity(t),
                              .task = t.SerializeAsString()});
    REQUIRE(below().commit({&x, 1}).front() == store::commit_status::committed);
  }
};

} // namespace

// -- bounds of clients ---------------------------------------------------------------------------

TEST_CASE_FIXTURE(busy_slot,
                  "a workflow with all calls that it may have still gives out its task") {
  start("w");
  std::vector<std::uint64_t> signals;
  for (int i = 0; i < 5; ++i)
    signals.push_back(send(signal_request("w", "s" + std::to_string(i))));
  auto task = send_for_poller(hand_out());
  run();
  CHECK(code(signals[0]) == ok);
  CHECK(code(signals[1]) == ok);
  for (std::size_t i = 2; i < signals.size(); ++i)
    CHECK(code(signals[i]) == resource_exhausted);
  CHECK(told(task) == "taken");
  // What was answered makes room for others.
  CHECK(ask_raw(signal_request("w", "after")).status().code() == ok);
}

TEST_CASE_FIXTURE(busy_queue, "a worker gets its task through a crowd of clients") {
  start("w");
  auto waiting = send_poll();
  for (int i = 0; i < 50; ++i)
    send(signal_request("w", "s" + std::to_string(i)));
  // The queue hands its task out behind them.
  REQUIRE(scheduler.prioritize(queue_named()));
  scheduler.run_once();
  run();
  CHECK(got(waiting) == "w");
}

TEST_CASE_FIXTURE(actor_fixture, "requests of one workflow are bounded in bytes, too") {
  start("w");
  auto large = [&](const std::string& name) {
    auto r = signal_request("w", name);
    r.set_request_bytes(40U << 20);
    return r;
  };
  auto first = send(large("a"));
  auto second = send(large("b"));
  auto small = send(signal_request("w", "c"));
  run();
  CHECK(code(first) == ok);
  CHECK(code(second) == resource_exhausted);
  CHECK(code(small) == ok);
  CHECK(ask_raw(large("d")).status().code() == ok);
}

TEST_CASE_FIXTURE(busy_slot, "a query that waits counts until it is answered") {
  start("w");
  auto query = [&] {
    auto r = request("w");
    r.mutable_query()->mutable_query()->set_query_type("state");
    return send(r);
  };
  auto waiting = query();
  run();
  REQUIRE_FALSE(answered(waiting));
  auto first = send(signal_request("w", "a"));
  auto second = send(signal_request("w", "b"));
  run();
  CHECK(code(first) == ok);
  CHECK(code(second) == resource_exhausted);
  caf::anon_send(node->slot_for(ns, "w"), cancel_atom_v, waiting, bridge);
  run();
  first = send(signal_request("w", "c"));
  second = send(signal_request("w", "d"));
  run();
  CHECK(code(first) == ok);
  CHECK(code(second) == ok);
}

// -- taken, obsolete, later ----------------------------------------------------------------------

TEST_CASE_FIXTURE(asked_slot, "a task that its run no longer has is obsolete") {
  start("w");
  auto task = hand_out();
  terminate("w");
  CHECK(ask_for(task) == "obsolete");
  task.set_workflow_id("never");
  CHECK(ask_for(task) == "obsolete");
}

TEST_CASE_FIXTURE(asked_slot, "who does not know for sure says later") {
  start("w");
  auto task = hand_out();
  SUBCASE("the slot is not served") {
    caf::anon_send(node->slot_for(ns, "w"), epoch_atom_v, std::uint64_t{0});
    CHECK(ask_for(task) == "later");
    return;
  }
  SUBCASE("the lease ran out") {
    terminate("w");
    node->shared().own_lease.revoke();
  }
  SUBCASE("the start could not be written") {
    // The second attempt waits for its commit.
    CHECK(ask_for(task) == "taken");
    advance(11s);
    task = hand_out();
    decide_fault = [](store::operation what) {
      return store::fault{.what = what == store::operation::commit ? store::fault::kind::before
                                                                   : store::fault::kind::none};
    };
  }
  SUBCASE("the store cannot be read") {
    restart_node();
    decide_fault = [](store::operation) {
      return store::fault{.what = store::fault::kind::before};
    };
  }
  SUBCASE("the execution threw") {
    node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
      if (r.has_start_workflow_task())
        throw std::runtime_error("told to");
    };
  }
  CHECK(ask_for(task) == "later");
}

TEST_CASE_FIXTURE(queue_fixture, "a task told later stays, and its worker waits on") {
  start("w");
  std::vector<time_point> tries;
  node->shared().before_decision = [&](const cluster::ExecutionRequest& r) {
    if (!r.has_start_workflow_task())
      return;
    tries.push_back(time.now());
    if (tries.size() < 6)
      throw std::runtime_error("told to");
  };
  auto waiting = poll();
  CHECK(gauge("reprise_tasks_pending") == 1);
  CHECK(gauge("reprise_polls_waiting") == 1);
  for (int i = 0; i < 3000 && !answered(waiting); ++i)
    advance(10ms);
  CHECK(got(waiting) == "w");
  REQUIRE(tries.size() == 6);
  for (std::size_t i = 2; i < tries.size(); ++i)
    CHECK(tries[i] - tries[i - 1] > tries[i - 1] - tries[i - 2]);
  CHECK(gauge("reprise_tasks_pending") == 0);
  CHECK_FALSE(answered(poll()));
}

TEST_CASE_FIXTURE(queue_fixture, "a poll's id is another one at each later, and no longer") {
  start("w");
  std::set<std::string> ids;
  node->shared().before_decision = [&](const cluster::ExecutionRequest& r) {
    if (!r.has_start_workflow_task())
      return;
    ids.insert(r.start_workflow_task().request_id());
    throw std::runtime_error("told to");
  };
  poll({.patience = 1h});
  for (int i = 0; i < 600; ++i)
    advance(500ms);
  CHECK(ids.size() > 20);
  for (const auto& id : ids)
    CHECK(id.size() <= ids.begin()->size() + 4);
}

TEST_CASE_FIXTURE(small_queue,
                  "of rows from before its slots were another's a queue knows nothing") {
  constexpr int count = tasks_max + 1;
  for (int n = 0; n < count; ++n)
    start("w" + std::to_string(n));
  REQUIRE(backlog() == 1);
  std::set<std::string> got_by;
  // Until there is room for a page of rows.
  while (got_by.size() <= tasks_max / 2)
    got_by.insert(got(poll()));
  // The row's task is in memory now.
  advance(1s);
  auto rows = below().read_backlog(key(), 0, std::numeric_limits<std::int64_t>::min(), 10);
  REQUIRE(rows);
  REQUIRE(rows->size() == 1);
  std::pair<int, std::int64_t> place{rows->front().priority, rows->front().seq};
  SUBCASE("its row was erased") {
    REQUIRE(below().erase_backlog(key(), {&place, 1}));
  }
  SUBCASE("its row is there, and one more") {
    write_row("w4", "no such run");
  }
  node->queues().on_taken_over();
  run();
  for (auto n = got_by.size(); n < count; ++n)
    got_by.insert(got(poll()));
  CHECK(got_by.size() == count);
  CHECK_FALSE(answered(poll({.patience = 5s})));
  // Less than it takes to time out for what was handed out.
  advance(1s);
  advance(1s);
  CHECK(backlog() == 0);
  CHECK(gauge("reprise_tasks_pending") == 0);
}

TEST_CASE_FIXTURE(queue_fixture, "a task told later holds up no other") {
  start("bad");
  start("good");
  node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
    if (r.has_start_workflow_task() && r.workflow_id() == "bad")
      throw std::runtime_error("told to");
  };
  CHECK(take().workflow_execution().workflow_id() == "good");
}

TEST_CASE_FIXTURE(small_queue, "more tasks told later than a queue may hold hold up no other") {
  constexpr int count = 20;
  bool bad = true;
  node->shared().before_decision = [&](const cluster::ExecutionRequest& r) {
    if (bad && r.has_start_workflow_task() && r.workflow_id() != "good")
      throw std::runtime_error("told to");
  };
  auto waiting = poll({.patience = 1h});
  for (int n = 0; n < count; ++n)
    start("bad" + std::to_string(n));
  std::int64_t most = 0;
  for (int i = 0; i < 300; ++i) {
    advance(100ms);
    most = std::max(most, gauge("reprise_tasks_pending"));
  }
  CHECK(most <= 3 * static_cast<std::int64_t>(tasks_max));
  CHECK_FALSE(answered(waiting));
  start("good");
  for (int i = 0; i < 100 && !answered(waiting); ++i)
    advance(100ms);
  CHECK(got(waiting) == "good");
  // None of them is lost.
  bad = false;
  std::set<std::string> others;
  for (int n = 0; n < count; ++n) {
    waiting = poll({.patience = 1h});
    for (int i = 0; i < 300 && !answered(waiting); ++i)
      advance(100ms);
    others.insert(got(waiting));
  }
  CHECK(others.size() == count);
}

TEST_CASE_FIXTURE(small_queue, "a row whose task a queue holds already stays as long as the task") {
  bool bad = true;
  node->shared().before_decision = [&](const cluster::ExecutionRequest& r) {
    if (bad && r.has_start_workflow_task() && r.workflow_id() == "w")
      throw std::runtime_error("told to");
  };
  auto run_id = start("w");
  // So many that the last is refused, and the queue reads rows.
  constexpr int count = tasks_max + 1;
  for (int n = 0; n < count; ++n)
    start("other" + std::to_string(n));
  // Another server had the slots meanwhile, and its queue refused the task.
  write_row("w", run_id);
  CHECK(backlog() == 3);
  for (int n = 0; n < count; ++n) {
    auto waiting = poll({.patience = 1h});
    for (int i = 0; i < 100 && !answered(waiting); ++i)
      advance(100ms);
    CHECK(got(waiting) != "w");
  }
  // Less than it takes to time out for what was handed out.
  advance(1s);
  advance(1s);
  CHECK(backlog() == 1);
  bad = false;
  auto waiting = poll({.patience = 1h});
  for (int i = 0; i < 100 && !answered(waiting); ++i)
    advance(100ms);
  CHECK(got(waiting) == "w");
  advance(1s);
  CHECK(backlog() == 0);
}

TEST_CASE_FIXTURE(queue_fixture, "a task told later keeps nothing of the rate") {
  start("bad");
  start("good");
  node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
    if (r.has_start_workflow_task() && r.workflow_id() == "bad")
      throw std::runtime_error("told to");
  };
  CHECK(got(poll({.rate = 0.01})) == "good");
}

TEST_CASE_FIXTURE(queue_fixture, "a query's task told later is tried again") {
  start("w");
  complete(take(), {});
  auto r = request("w");
  r.mutable_query()->mutable_query()->set_query_type("state");
  auto call = send(r);
  run();
  // The lease is away when the worker comes, and back a moment later.
  auto lease = [&](bool ours) {
    if (ours)
      node->shared().own_lease.grant_forever();
    else
      node->shared().own_lease.revoke();
  };
  lease(false);
  auto waiting = poll();
  CHECK_FALSE(answered(waiting));
  lease(true);
  for (int i = 0; i < 100 && !answered(waiting); ++i)
    advance(100ms);
  auto task = response<workflow_poll>(waiting);
  CHECK(task.query().query_type() == "state");
  CHECK_FALSE(answered(call));
}

// -- queries that give way -----------------------------------------------------------------------

namespace {

struct few_queries : queue_fixture {
  few_queries() : queue_fixture({.capacity = {.queue = {.queries_max = 2}}}) {
  }

  std::uint64_t query(const std::string& id) {
    auto r = request(id);
    r.mutable_query()->mutable_query()->set_query_type("state");
    auto call = send(r);
    run();
    return call;
  }
};

} // namespace

TEST_CASE_FIXTURE(few_queries,
                  "the oldest query gives way in a full queue, and its caller hears it") {
  for (const auto* id : {"a", "b", "c"}) {
    start(id);
    complete(take(), {});
  }
  auto oldest = query("a");
  auto second = query("b");
  CHECK_FALSE(answered(oldest));
  auto newest = query("c");
  CHECK(code(oldest) == resource_exhausted);
  CHECK_FALSE(answered(second));
  CHECK_FALSE(answered(newest));
  CHECK(take().workflow_execution().workflow_id() == "b");
  CHECK(take().workflow_execution().workflow_id() == "c");
  CHECK(backlog() == 0);
}

// -- queues that are not to be had ---------------------------------------------------------------

TEST_CASE_FIXTURE(actor_fixture, "a task whose queue cannot be had is offered again later") {
  auto whole = node->shared().queue_of;
  std::vector<time_point> tries;
  node->shared().queue_of = [&](const cluster::Task&) {
    tries.push_back(time.now());
    return queue_actor{};
  };
  start("w");
  CHECK(seen.offers.empty());
  for (int i = 0; i < 100 && tries.size() < 4; ++i)
    advance(1s);
  REQUIRE(tries.size() == 4);
  CHECK(tries[2] - tries[1] > tries[1] - tries[0]);
  CHECK(tries[3] - tries[2] > tries[2] - tries[1]);
  node->shared().queue_of = whole;
  for (int i = 0; i < 20 && seen.offers.empty(); ++i)
    advance(1s);
  REQUIRE(seen.offers.size() == 1);
  CHECK(seen.offers.front().workflow_id() == "w");
}

TEST_CASE("a task is handed out when a place among too many queues is free again") {
  queue_fixture f{{.capacity = {.queues_max = 1}}};
  f.poll({.queue = "other", .patience = 1s});
  f.start("w");
  f.advance(2s);
  CHECK(f.queues_in_memory() == 1);
  for (int i = 0; i < 120 && f.gauge("reprise_tasks_pending") == 0; ++i)
    f.advance(5s);
  CHECK(f.take().workflow_execution().workflow_id() == "w");
}

namespace {

struct taking_back : queue_fixture {
  poll_options activities{.kind = cluster::Task::ACTIVITY, .queue = "activities"};

  /// The token of an activity of "w" that a worker has, as it seems.
  std::string begun_activity() {
    start("w");
    complete(take(), {activity_command("a", "activities")});
    auto token = response<activity_poll>(poll(activities)).task_token();
    REQUIRE_FALSE(token.empty());
    return token;
  }

  void check_taken_back(const std::string& token) {
    auto again = poll(activities);
    for (int i = 0; i < 5 && !answered(again); ++i)
      advance(1s);
    auto task = response<activity_poll>(again);
    CHECK(task.activity_id() == "a");
    CHECK(task.attempt() == 1);
    CHECK(task.task_token() != token);
  }
};

} // namespace

TEST_CASE_FIXTURE(taking_back, "a start whose slot died before its commit is taken back") {
  auto token = begun_activity();
  auto x = std::make_shared<actors::outcome>();
  // Of the slot that died: nobody owns it.
  x->what = std::make_shared<actors::call>();
  x->appended = true;
  x->status = store::commit_status::committed;
  x->returns = node->shared().returns;
  actors::answer a;
  a.reply.set_tasks(cluster::Reply::POLL);
  SUBCASE("with its answer") {
    activity_poll p;
    p.set_task_token(token);
    a.reply.set_response(p.SerializeAsString());
  }
  SUBCASE("with an answer that is to be read") {
    a.read = [](store::store&) { return cluster::Reply{}; };
    a.task_tokens = {token};
  }
  x->released.answers.push_back(std::move(a));
  caf::anon_send(node->slot_for(ns, "w"), result_atom_v, actors::outcome_ptr{std::move(x)});
  run();
  check_taken_back(token);
}

TEST_CASE_FIXTURE(taking_back, "a task comes back to a slot that has no epoch yet") {
  auto token = begun_activity();
  auto dead = node->slot_for(ns, "w");
  caf::anon_send_exit(dead, caf::exit_reason::kill);
  while (node->slot_for(ns, "w") == dead)
    REQUIRE(scheduler.try_run_once());
  node->shared().returns->take_back(token);
  run();
  check_taken_back(token);
}

TEST_CASE_FIXTURE(taking_back, "a task that could not be sent back goes a moment later") {
  auto token = begun_activity();
  auto& returns = *node->shared().returns;
  int fails = 3;
  returns.before_send = [&fails] {
    if (fails-- > 0)
      throw std::bad_alloc{};
  };
  returns.take_back(token);
  run();
  CHECK(gauge("reprise_tasks_to_take_back") == 1);
  CHECK(node->shared().watch.taken_back.value() == 0);
  SUBCASE("its slot lives on") {
  }
  SUBCASE("its slot dies meanwhile") {
    caf::anon_send_exit(node->slot_for(ns, "w"), caf::exit_reason::kill);
  }
  for (int i = 0; i < 10; ++i)
    advance(500ms);
  CHECK(gauge("reprise_tasks_to_take_back") == 0);
  CHECK(node->shared().watch.taken_back.value() == 1);
  check_taken_back(token);
}

TEST_CASE_FIXTURE(taking_back, "what was durable in a slot's mailbox when it died is taken back") {
  start("w");
  complete(take(), {activity_command("a", "activities")});
  auto dead = node->slot_for(ns, "w");
  auto waiting = send_poll(activities);
  auto written = false;
  decide_fault = [&](store::operation what) {
    // Its death is the first thing that it hears of, before it is told of the commit.
    if (what == store::operation::commit && !std::exchange(written, true))
      caf::anon_send_exit(dead, caf::exit_reason::kill);
    return store::fault{};
  };
  run();
  REQUIRE(written);
  CHECK(node->slot_for(ns, "w") != dead);
  for (int i = 0; i < 20 && !answered(waiting); ++i)
    advance(100ms);
  auto task = response<activity_poll>(waiting);
  CHECK(task.activity_id() == "a");
  CHECK(task.attempt() == 1);
}

TEST_CASE_FIXTURE(taking_back, "a start of unknown outcome whose poll is gone is for others") {
  start("w");
  complete(take(), {activity_command("a", "activities")});
  auto gone = send_poll(activities);
  auto failed = false;
  decide_fault = [&](store::operation what) {
    auto now = what == store::operation::commit && !std::exchange(failed, true);
    if (now)
      caf::anon_send(queue_named("activities", 2), cancel_atom_v, gone, bridge);
    return store::fault{.what = now ? store::fault::kind::after : store::fault::kind::none};
  };
  run();
  REQUIRE(failed);
  auto next = send_poll(activities);
  for (int i = 0; i < 30 && !answered(next); ++i)
    advance(100ms);
  REQUIRE(answered(next));
  auto task = response<activity_poll>(next);
  CHECK(task.activity_id() == "a");
  CHECK(task.attempt() == 1);
}

TEST_CASE_FIXTURE(taking_back, "a task that is on its way back outlives its slot") {
  auto token = begun_activity();
  auto down = true;
  SUBCASE("in its mailbox") {
    caf::anon_send_exit(node->slot_for(ns, "w"), caf::exit_reason::kill);
    node->shared().returns->take_back(token);
  }
  SUBCASE("behind its death") {
    auto dead = node->slot_for(ns, "w");
    caf::anon_send_exit(dead, caf::exit_reason::kill);
    scheduler.prioritize(dead);
    scheduler.run_once();
    node->shared().returns->take_back(token);
  }
  SUBCASE("while the store does not take it") {
    decide_fault = [&](store::operation what) {
      return store::fault{.what = down && what == store::operation::commit
                                    ? store::fault::kind::before
                                    : store::fault::kind::none};
    };
    node->shared().returns->take_back(token);
    run();
    caf::anon_send_exit(node->slot_for(ns, "w"), caf::exit_reason::kill);
    run();
    down = false;
  }
  run();
  check_taken_back(token);
}

TEST_CASE("an answer that is read for a dead slot takes its task back when it cannot be") {
  queue_fixture f{{.capacity = {.run = {.tail_bytes_max = 1}}}};
  f.start("w");
  auto dead = f.node->slot_for(f.ns, "w");
  auto reads = 0;
  f.decide_fault = [&](store::operation what) {
    if (what != store::operation::read || ++reads > 1)
      return store::fault{};
    caf::anon_send_exit(dead, caf::exit_reason::kill);
    f.scheduler.prioritize(dead);
    return store::fault{.what = store::fault::kind::before};
  };
  auto gone = f.send_poll();
  f.run();
  REQUIRE(reads > 0);
  CHECK(f.node->slot_for(f.ns, "w") != dead);
  auto again = f.poll();
  for (int i = 0; i < 20 && !f.answered(again); ++i)
    f.advance(100ms);
  auto task = f.response<workflow_poll>(again);
  CHECK(task.attempt() == 1);
  CHECK(task.started_event_id() == 3);
  (void)gone;
}

TEST_CASE("an answer whose reading throws what is no exception is an answer all the same") {
  queue_fixture f{{.capacity = {.run = {.tail_bytes_max = 1}}}};
  f.start("w");
  for (const char* name : {"a", "b", "c"})
    f.ask_raw(f.signal_request("w", name));
  auto throws = true;
  f.decide_fault = [&](store::operation what) {
    if (what == store::operation::read && std::exchange(throws, false))
      throw 42;
    return store::fault{};
  };
  CHECK(f.ask_raw(f.history_request("w")).status().code() == 13);
  CHECK_FALSE(throws);
  CHECK(f.history("w") == std::vector<int>{1, 5, 26, 26, 26});
}

TEST_CASE("more tasks that come back before a slot is served than it keeps are counted") {
  queue_fixture f{{.capacity = {.returned_max = 2}}};
  auto slot = f.node->slot_for(f.ns, "w");
  f.start("w");
  f.complete(f.take(),
             {f.activity_command("a", "activities"), f.activity_command("b", "activities"),
              f.activity_command("c", "activities")});
  poll_options activities{.kind = cluster::Task::ACTIVITY, .queue = "activities"};
  std::vector<std::string> tokens;
  for (int i = 0; i < 3; ++i)
    tokens.push_back(f.response<activity_poll>(f.poll(activities)).task_token());
  caf::anon_send(slot, epoch_atom_v, std::uint64_t{0});
  for (const auto& token : tokens)
    f.node->shared().returns->take_back(token);
  f.run();
  auto& watch = f.node->shared().watch;
  CHECK(watch.refused.returned_tasks.value() == 1);
  CHECK(f.registry.gauge("reprise_bound_used", "", {{"bound", "returned_tasks"}}).value() == 2);
  caf::anon_send(slot, epoch_atom_v, std::uint64_t{actor_fixture::first_epoch});
  f.run();
  CHECK(watch.taken_back.value() == 2);
  auto got = 0;
  for (int i = 0; i < 3; ++i)
    got += f.answered(f.poll(activities)) ? 1 : 0;
  CHECK(got == 2);
}

// -- wakes ---------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(actor_fixture,
                  "the end of an older run's retention waits for a store that is away") {
  auto first = start("w");
  ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  REQUIRE(ask_raw(again).status().code() == ok);
  restart_node();
  auto end = time.now() + 24h;
  // The timer has read the deadline already.
  while (time.now() + 30s < end)
    advance(30s);
  auto down = true;
  decide_fault = [&](store::operation) {
    return store::fault{.what = down ? store::fault::kind::before : store::fault::kind::none};
  };
  for (int i = 0; i < 20; ++i)
    advance(30s);
  down = false;
  for (int i = 0; i < 20; ++i)
    advance(30s);
  auto head = below().find_run(ns, machine_kind::workflow, "w", first);
  REQUIRE(head);
  CHECK_FALSE(head->has_value());
}
