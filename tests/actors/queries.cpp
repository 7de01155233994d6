// A query's whole way: at the execution, as a task of its own, on a workflow task, to its end.
#include "engine/query/query_registry.hpp"
#include "protocol/headers.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"
#include "tests/support/actor_fixture.hpp"

#include <stdexcept>

using namespace reprise;
using namespace reprise::testing;

namespace {

using query_response = service::QueryWorkflowResponse;
using query_poll = service::PollWorkflowTaskQueueResponse;

constexpr int ok = 0;
constexpr int invalid_argument = 3;
constexpr int deadline_exceeded = 4;
constexpr int not_found = 5;
constexpr int resource_exhausted = 8;
constexpr int failed_precondition = 9;
constexpr int internal = 13;
constexpr int unavailable = 14;

constexpr auto timed_out = "query timed out before a worker could process it";
constexpr auto nobody_polls = "no poller seen for task queue recently, worker may be down";

struct query_fixture : actor_fixture {
  cluster::ExecutionRequest query_request(const std::string& id, duration patience = 0s) {
    auto r = request(id);
    auto& q = *r.mutable_query();
    q.set_namespace_("default");
    q.mutable_execution()->set_workflow_id(id);
    q.mutable_query()->set_query_type("state");
    if (patience > 0s)
      (*r.mutable_headers())[std::string{protocol::deadline_header}]
        = std::to_string((time.now() + patience).time_since_epoch().count());
    return r;
  }

  std::uint64_t query(const std::string& id, duration patience = 0s) {
    auto call = send(query_request(id, patience));
    run();
    return call;
  }

  /// A workflow whose first task was completed, so that queries need no workflow task.
  void start_and_complete(const std::string& id, const std::string& sticky = {}) {
    start(id);
    complete(take_workflow_task(), {}, sticky);
    REQUIRE(seen.offers.empty());
  }

  cluster::Task next_query_task() {
    REQUIRE(seen.offers.size() == 1);
    auto task = std::move(seen.offers.front());
    seen.offers.pop_front();
    REQUIRE(task.kind() == cluster::Task::QUERY);
    return task;
  }

  /// A worker takes the task; nothing when it is obsolete.
  std::optional<query_poll> take(const cluster::Task& task) {
    auto r = request(task.workflow_id());
    r.set_run_id(task.run_id());
    auto& s = *r.mutable_start_query_task();
    s.set_identity("worker");
    s.mutable_task_queue()->set_name(task.task_queue());
    *s.mutable_task() = task;
    auto id = send_for_poller(r);
    run();
    if (!answered(id)) {
      REQUIRE(seen.obsolete.back() == id);
      return std::nullopt;
    }
    return response<query_poll>(id);
  }

  cluster::ExecutionRequest answer_request(const query_poll& task, const std::string& text) {
    auto r = request(task.workflow_execution().workflow_id());
    REQUIRE(r.mutable_token()->ParseFromString(task.task_token()));
    CHECK(r.token().kind() == cluster::TaskToken::QUERY);
    auto& c = *r.mutable_complete_query();
    c.set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
    c.mutable_query_result()->add_payloads()->set_data(text);
    return r;
  }

  std::string result_of(std::uint64_t call) {
    auto r = response<query_response>(call);
    REQUIRE(r.query_result().payloads_size() == 1);
    CHECK(r.link().workflow().reason() == "Query processed");
    return r.query_result().payloads(0).data();
  }

  /// Completes the workflow task with answers to all that rode on it.
  cluster::ExecutionRequest riding_answer(const query_poll& task, const std::string& text) {
    auto r = complete_request(task, {});
    for (const auto& [id, asked] : task.queries()) {
      CHECK(asked.query_type() == "state");
      auto& result = (*r.mutable_complete_workflow_task()->mutable_query_results())[id];
      result.set_result_type(enums::QUERY_RESULT_TYPE_ANSWERED);
      result.mutable_answer()->add_payloads()->set_data(text);
    }
    return r;
  }

  cluster::ExecutionRequest fail_request(const query_poll& task) {
    auto r = request(task.workflow_execution().workflow_id());
    REQUIRE(r.mutable_token()->ParseFromString(task.task_token()));
    auto& f = *r.mutable_fail_workflow_task();
    f.set_task_token(task.task_token());
    f.set_cause(enums::WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE);
    return r;
  }

  void pollers_are_seen(bool seen_recently) {
    node->shared().polled_since = [seen_recently](const store::queue_key& key, time_point) {
      CHECK(key.name == "queue");
      CHECK(key.kind == 1);
      return seen_recently;
    };
  }

  void trim() {
    for (const auto& slot : node->shared().slots)
      caf::anon_send(slot.get(), trim_atom_v);
    run();
  }

  std::int64_t resident() {
    return node->shared().watch.resident.value();
  }
};

} // namespace

// -- tasks of their own --------------------------------------------------------------------------

TEST_CASE_FIXTURE(query_fixture, "a query of a workflow at rest is a task with the whole history") {
  start_and_complete("w");
  auto before = history("w");
  auto call = query("w");
  CHECK_FALSE(answered(call));
  auto offered = next_query_task();
  CHECK(offered.task_queue() == "queue");
  CHECK_FALSE(offered.sticky());
  auto task = take(offered);
  REQUIRE(task);
  CHECK(task->query().query_type() == "state");
  CHECK(task->queries().empty());
  CHECK(task->history().events_size() == 4);
  CHECK(task->previous_started_event_id() == 3);
  CHECK(task->workflow_execution_task_queue().name() == "queue");
  CHECK(take(offered) == std::nullopt); // it has a worker
  auto done = ask_raw(answer_request(*task, "seven"));
  CHECK(done.status().code() == ok);
  CHECK(done.response().empty());
  CHECK(result_of(call) == "seven");
  CHECK(history("w") == before);
  // Answered once and for all.
  CHECK(ask_raw(answer_request(*task, "eight")).status().code() == not_found);
}

TEST_CASE_FIXTURE(query_fixture, "a worker's failure is the caller's INVALID_ARGUMENT, in detail") {
  start_and_complete("w");
  auto call = query("w");
  auto task = take(next_query_task());
  REQUIRE(task);
  auto r = answer_request(*task, "");
  auto& c = *r.mutable_complete_query();
  SUBCASE("with a failure") {
    c.set_completed_type(enums::QUERY_RESULT_TYPE_FAILED);
    c.set_error_message("unknown query");
    c.mutable_failure()->set_message("inner");
    CHECK(ask_raw(r).status().code() == ok);
    auto status = reply(call).status();
    CHECK(status.code() == invalid_argument);
    CHECK(status.message() == "unknown query");
    CHECK(status.detail_type() == "temporal.api.errordetails.v1.QueryFailedFailure");
    api::errordetails::v1::QueryFailedFailure detail;
    REQUIRE(detail.ParseFromString(status.detail()));
    CHECK(detail.failure().message() == "inner");
  }
  SUBCASE("of no kind: the answer is refused, the caller goes on waiting") {
    c.set_completed_type(enums::QUERY_RESULT_TYPE_UNSPECIFIED);
    CHECK(ask_raw(r).status().code() == invalid_argument);
    CHECK_FALSE(answered(call));
    CHECK(ask_raw(answer_request(*task, "after all")).status().code() == ok);
    CHECK(result_of(call) == "after all");
  }
}

TEST_CASE_FIXTURE(query_fixture, "a query goes to the sticky queue first, without history") {
  start_and_complete("w", "sticky");
  auto call = query("w");
  auto offered = next_query_task();
  CHECK(offered.task_queue() == "sticky");
  CHECK(offered.sticky());
  auto task = take(offered);
  REQUIRE(task);
  CHECK(task->history().events_size() == 0);
  CHECK(task->previous_started_event_id() == 3);
  CHECK(task->workflow_execution_task_queue().name() == "queue");
  ask_raw(answer_request(*task, "cached"));
  CHECK(result_of(call) == "cached");
}

TEST_CASE_FIXTURE(query_fixture, "a sticky worker that does not come loses query and stickiness") {
  start_and_complete("w", "sticky");
  auto call = query("w");
  auto first = next_query_task();
  SUBCASE("by time") {
    advance(4s);
    CHECK(seen.offers.empty());
    advance(2s);
  }
  SUBCASE("by the queue, which has not seen one") {
    caf::anon_send(node->slot_for(ns, "w"), refuse_atom_v, first, true);
    run();
  }
  auto second = next_query_task();
  CHECK(second.task_queue() == "queue");
  CHECK_FALSE(second.sticky());
  CHECK(second.query_id() == first.query_id());
  CHECK(take(first) == std::nullopt);
  auto task = take(second);
  REQUIRE(task);
  CHECK(task->history().events_size() == 4);
  ask_raw(answer_request(*task, "late"));
  CHECK(result_of(call) == "late");
  ask_raw(signal_request("w", "s"));
  REQUIRE(seen.offers.size() == 1);
  CHECK(seen.offers.front().task_queue() == "queue");
}

TEST_CASE_FIXTURE(query_fixture, "many queries may wait as tasks of their own") {
  start_and_complete("w");
  std::vector<std::uint64_t> calls;
  for (std::size_t i = 0; i < actors::workflow_bounds{}.queries_max; ++i)
    calls.push_back(send(query_request("w")));
  run();
  CHECK(seen.offers.size() == calls.size());
  auto refused = query("w");
  CHECK(code(refused) == resource_exhausted);
  for (auto i : {std::size_t{0}, std::size_t{7}, calls.size() - 1}) {
    auto task = take(seen.offers[i]);
    REQUIRE(task);
    ask_raw(answer_request(*task, std::to_string(i)));
    CHECK(result_of(calls[i]) == std::to_string(i));
  }
  CHECK_FALSE(answered(calls[1]));
}

TEST_CASE_FIXTURE(query_fixture, "a queue that lost its memory is offered its queries again") {
  start_and_complete("w");
  auto call = query("w");
  auto first = next_query_task();
  auto r = request("w");
  r.mutable_reoffer()->set_queue_was_lost(true);
  r.mutable_reoffer()->set_task_queue("another");
  send(r);
  run();
  CHECK(seen.offers.empty());
  r.mutable_reoffer()->set_task_queue("queue");
  send(r);
  run();
  CHECK(next_query_task().query_id() == first.query_id());
  CHECK_FALSE(answered(call));
}

TEST_CASE_FIXTURE(query_fixture, "a query of a run that is deleted meanwhile is told so at once") {
  auto run_id = start("w");
  SUBCASE("it waits for a worker") {
    complete(take_workflow_task(), {});
  }
  SUBCASE("it waits for a worker, and the run is closed") {
    complete(take_workflow_task(), {complete_command()});
  }
  SUBCASE("it waits for a workflow task") {
  }
  SUBCASE("it rides on one") {
    auto early = query("w");
    REQUIRE(take_workflow_task().queries_size() == 1);
    CHECK_FALSE(answered(early));
  }
  auto call = query("w");
  auto r = request("w");
  r.mutable_delete_execution();
  auto offered = seen.offers;
  seen.offers.clear();
  CHECK(ask_raw(r).status().code() == ok);
  REQUIRE(answered(call));
  for (const auto& [id, told] : seen.replies)
    CHECK(told.size() == 1);
  if (code(call) != resource_exhausted) {
    CHECK(code(call) == not_found);
    CHECK(reply(call).status().message()
          == "workflow execution not found for workflow ID \"w\" and run ID \"" + run_id + "\"");
  }
  CHECK(seen.offers.empty());
  for (const auto& task : offered)
    if (task.kind() == cluster::Task::QUERY)
      CHECK(take(task) == std::nullopt);
  auto late = query("w");
  CHECK(code(late) == not_found);
}

// -- on a workflow task --------------------------------------------------------------------------

TEST_CASE_FIXTURE(query_fixture, "a query that meets a workflow task rides on it") {
  start_and_complete("w");
  ask_raw(signal_request("w", "s"));
  auto call = query("w");
  REQUIRE(seen.offers.size() == 1); // no task of the query's own
  auto task = take_workflow_task();
  REQUIRE(task.queries_size() == 1);
  CHECK(task.history().events(task.history().events_size() - 1).event_type()
        == enums::EVENT_TYPE_WORKFLOW_TASK_STARTED);
  CHECK_FALSE(answered(call));
  ask<service::RespondWorkflowTaskCompletedResponse>(riding_answer(task, "sees the signal"));
  CHECK(result_of(call) == "sees the signal");
  CHECK(seen.offers.empty());
}

TEST_CASE_FIXTURE(query_fixture, "a riding query that failed is the caller's INVALID_ARGUMENT") {
  start("w");
  auto call = query("w");
  auto task = take_workflow_task();
  auto r = riding_answer(task, "");
  for (auto& [id, result] : *r.mutable_complete_workflow_task()->mutable_query_results()) {
    result.set_result_type(enums::QUERY_RESULT_TYPE_FAILED);
    result.clear_answer();
    result.set_error_message("no such query");
  }
  ask<service::RespondWorkflowTaskCompletedResponse>(r);
  CHECK(code(call) == invalid_argument);
  CHECK(reply(call).status().message() == "no such query");
}

TEST_CASE_FIXTURE(query_fixture, "a query that a completion forgot becomes a task of its own") {
  start("w");
  auto call = query("w");
  auto task = take_workflow_task();
  REQUIRE(task.queries_size() == 1);
  complete(task, {});
  CHECK_FALSE(answered(call));
  auto own = take(next_query_task());
  REQUIRE(own);
  ask_raw(answer_request(*own, "at last"));
  CHECK(result_of(call) == "at last");
}

TEST_CASE_FIXTURE(query_fixture,
                  "a query that came while the task was under way rides on the next") {
  start("w");
  auto task = take_workflow_task();
  CHECK(task.queries().empty());
  auto call = query("w");
  ask_raw(signal_request("w", "buffered"));
  complete(task, {});
  REQUIRE(seen.offers.size() == 1);
  auto next = take_workflow_task();
  REQUIRE(next.queries_size() == 1);
  ask_raw(riding_answer(next, "with it"));
  CHECK(result_of(call) == "with it");
}

TEST_CASE_FIXTURE(query_fixture,
                  "a query survives the failure of its task, until the third attempt") {
  start("w");
  auto call = query("w");
  auto task = take_workflow_task();
  REQUIRE(task.queries_size() == 1);
  CHECK(ask_raw(fail_request(task)).status().code() == ok);
  CHECK_FALSE(answered(call));
  auto second = take_workflow_task();
  CHECK(second.attempt() == 2);
  REQUIRE(second.queries_size() == 1);
  SUBCASE("answered by the second") {
    ask_raw(riding_answer(second, "again"));
    CHECK(result_of(call) == "again");
  }
  SUBCASE("not even that one") {
    ask_raw(fail_request(second));
    CHECK(code(call) == failed_precondition);
    CHECK(reply(call).status().detail_type()
          == "temporal.api.errordetails.v1.WorkflowNotReadyFailure");
    CHECK(code(query("w")) == failed_precondition);
  }
}

TEST_CASE_FIXTURE(query_fixture, "an answer that came with an outdated task is refused with it") {
  start("w");
  auto call = query("w");
  auto task = take_workflow_task();
  ask_raw(fail_request(task));
  CHECK(ask_raw(riding_answer(task, "stale")).status().code() == not_found);
  CHECK_FALSE(answered(call));
}

TEST_CASE_FIXTURE(query_fixture, "one query a run waits for a workflow task, a second is refused") {
  start("w");
  auto first = query("w");
  auto second = query("w");
  CHECK(code(second) == resource_exhausted);
  CHECK(reply(second).status().detail_type()
        == "temporal.api.errordetails.v1.ResourceExhaustedFailure");
  api::errordetails::v1::ResourceExhaustedFailure detail;
  REQUIRE(detail.ParseFromString(reply(second).status().detail()));
  CHECK(detail.cause() == enums::RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW);
  ask_raw(riding_answer(take_workflow_task(), "one"));
  CHECK(result_of(first) == "one");
}

TEST_CASE_FIXTURE(query_fixture, "a run that closes unblocks the query on its last task") {
  start("w");
  auto call = query("w");
  auto task = take_workflow_task();
  complete(task, {complete_command()});
  auto own = take(next_query_task());
  REQUIRE(own);
  CHECK(own->history().events_size() == 5);
  ask_raw(answer_request(*own, "closed"));
  CHECK(result_of(call) == "closed");
}

TEST_CASE_FIXTURE(query_fixture, "a query of a run that never had a task ends when none can come") {
  start("w");
  auto call = query("w");
  auto terminate = request("w");
  terminate.mutable_terminate()->mutable_workflow_execution()->set_workflow_id("w");
  ask_raw(terminate);
  CHECK(code(call) == failed_precondition);
  CHECK(reply(call).status().message()
        == "Workflow execution closed before WorkflowTaskStarted event");
  CHECK(code(query("w")) == failed_precondition);
}

TEST_CASE_FIXTURE(query_fixture, "a query that cannot wait for the first task is told so at once") {
  auto r = start_request("w");
  r.mutable_start()->mutable_workflow_start_delay()->set_seconds(60);
  ask<service::StartWorkflowExecutionResponse>(r);
  auto hasty = query("w", 10s);
  CHECK(code(hasty) == failed_precondition);
  CHECK(reply(hasty).status().detail_type()
        == "temporal.api.errordetails.v1.WorkflowNotReadyFailure");
  auto patient = query("w", 100s);
  CHECK_FALSE(answered(patient));
  advance(61s);
  auto task = take_workflow_task();
  REQUIRE(task.queries_size() == 1);
  ask_raw(riding_answer(task, "first"));
  CHECK(result_of(patient) == "first");
}

// -- closed runs ---------------------------------------------------------------------------------

TEST_CASE_FIXTURE(query_fixture, "a closed run answers queries, from the normal queue") {
  start("w");
  complete(take_workflow_task(), {complete_command()}, "sticky");
  SUBCASE("in memory") {
  }
  SUBCASE("from the store") {
    restart_node();
  }
  auto call = query("w");
  auto offered = next_query_task();
  CHECK(offered.task_queue() == "queue");
  auto task = take(offered);
  REQUIRE(task);
  CHECK(task->history().events_size() == 5);
  ask_raw(answer_request(*task, "done"));
  CHECK(result_of(call) == "done");
}

TEST_CASE_FIXTURE(query_fixture, "a query may refuse runs that are not open or did not end well") {
  start("w");
  auto r = query_request("w");
  r.mutable_query()->set_query_reject_condition(enums::QUERY_REJECT_CONDITION_NOT_OPEN);
  auto unclean = query_request("w");
  unclean.mutable_query()->set_query_reject_condition(
    enums::QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY);
  auto task = take_workflow_task();
  SUBCASE("completed") {
    complete(task, {complete_command()});
    CHECK(ask<query_response>(r).query_rejected().status()
          == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED);
    auto waits = send(unclean);
    run();
    CHECK_FALSE(answered(waits));
  }
  SUBCASE("terminated") {
    complete(task, {});
    auto terminate = request("w");
    terminate.mutable_terminate()->mutable_workflow_execution()->set_workflow_id("w");
    ask_raw(terminate);
    auto rejected = ask<query_response>(unclean);
    CHECK(rejected.query_rejected().status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
    CHECK_FALSE(rejected.has_query_result());
  }
}

TEST_CASE_FIXTURE(query_fixture, "a query of what does not exist says so") {
  CHECK(code(query("absent")) == not_found);
  start("w");
  auto r = query_request("w");
  r.set_run_id("33333333-3333-4333-8333-333333333333");
  CHECK(ask_raw(r).status().code() == not_found);
}

// -- time ----------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(query_fixture, "a query that nobody answers ends before its caller gives up") {
  start_and_complete("w");
  auto worker_is_there = false;
  SUBCASE("with a worker seen lately") {
    worker_is_there = true;
  }
  SUBCASE("with none") {
  }
  pollers_are_seen(worker_is_there);
  auto call = query("w", 10s);
  auto task = next_query_task();
  advance(9s);
  CHECK_FALSE(answered(call));
  advance(999ms);
  CHECK(code(call) == (worker_is_there ? deadline_exceeded : failed_precondition));
  CHECK(reply(call).status().message() == (worker_is_there ? timed_out : nobody_polls));
  CHECK(reply(call).status().detail_type().empty());
  CHECK(take(task) == std::nullopt);
  CHECK(resident() == 1);
  trim();
  CHECK(resident() == 0); // it pins nothing any more
}

TEST_CASE_FIXTURE(query_fixture,
                  "a query that a worker has, or that waits for one, just times out") {
  pollers_are_seen(false);
  start_and_complete("w");
  auto call = query("w", 10s);
  auto task = take(next_query_task());
  REQUIRE(task);
  start("x");
  auto buffered = query("x", 10s);
  advance(10s);
  CHECK(code(call) == deadline_exceeded);
  CHECK(code(buffered) == deadline_exceeded);
  CHECK(ask_raw(answer_request(*task, "late")).status().code() == not_found);
  // Its place is free again, and it does not ride on the task that it waited for.
  CHECK(take_workflow_task().queries().empty());
  CHECK_FALSE(answered(query("x", 10s)));
}

TEST_CASE_FIXTURE(query_fixture, "callers without or with an absurd deadline wait a bounded time") {
  pollers_are_seen(true);
  start_and_complete("w");
  auto modest = query("w");
  auto endless = query("w", 24h);
  advance(engine::query_registry::wait_default);
  CHECK(code(modest) == deadline_exceeded);
  CHECK_FALSE(answered(endless));
  advance(engine::query_registry::wait_max);
  CHECK(code(endless) == deadline_exceeded);
}

// -- callers and lives ---------------------------------------------------------------------------

TEST_CASE_FIXTURE(query_fixture, "a caller that hangs up makes room for the next") {
  start("w");
  SUBCASE("while it waits") {
    auto call = query("w");
    caf::anon_send(node->slot_for(ns, "w"), cancel_atom_v, call, bridge);
    run();
  }
  SUBCASE("before it was decided") {
    auto call = send(query_request("w"));
    caf::anon_send(node->slot_for(ns, "w"), cancel_atom_v, call, bridge);
    run();
  }
  SUBCASE("before the execution was loaded") {
    restart_node();
    auto call = send(query_request("w"));
    caf::anon_send(node->slot_for(ns, "w"), cancel_atom_v, call, bridge);
    run();
  }
  CHECK(seen.replies.size() <= 1); // that of the start
  auto second = query("w");
  CHECK_FALSE(answered(second));
  auto task = take_workflow_task();
  REQUIRE(task.queries_size() == 1);
  ask_raw(riding_answer(task, "two"));
  CHECK(result_of(second) == "two");
}

TEST_CASE_FIXTURE(query_fixture, "queries pin their execution until they are answered") {
  start_and_complete("w");
  auto call = query("w");
  trim();
  CHECK(resident() == 1);
  auto task = take(next_query_task());
  trim();
  CHECK(resident() == 1);
  REQUIRE(task);
  ask_raw(answer_request(*task, "here"));
  CHECK(result_of(call) == "here");
  trim();
  CHECK(resident() == 0);
}

TEST_CASE_FIXTURE(query_fixture, "queries of an execution that died are asked of the next") {
  auto die = [&] {
    node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
      if (r.has_signal() && r.signal().signal_name() == "bad")
        throw std::runtime_error("told to");
    };
    CHECK(ask_raw(signal_request("w", "bad")).status().code() == internal);
  };
  SUBCASE("offered as a task of its own") {
    start_and_complete("w");
    auto call = query("w");
    auto old = next_query_task();
    die();
    CHECK_FALSE(answered(call));
    auto fresh = next_query_task();
    CHECK(take(old) == std::nullopt);
    auto task = take(fresh);
    REQUIRE(task);
    ask_raw(answer_request(*task, "second life"));
    CHECK(result_of(call) == "second life");
  }
  SUBCASE("with a worker: its answer comes too late") {
    start_and_complete("w");
    auto call = query("w");
    auto old = take(next_query_task());
    REQUIRE(old);
    die();
    CHECK(ask_raw(answer_request(*old, "lost")).status().code() == not_found);
    CHECK_FALSE(answered(call));
    auto task = take(next_query_task());
    REQUIRE(task);
    ask_raw(answer_request(*task, "asked again"));
    CHECK(result_of(call) == "asked again");
  }
  SUBCASE("riding: its workflow task goes on, the query waits for the next") {
    start("w");
    auto call = query("w");
    auto task = take_workflow_task();
    REQUIRE(task.queries_size() == 1);
    die();
    CHECK_FALSE(answered(call));
    CHECK(ask_raw(riding_answer(task, "unknown by now")).status().code() == ok);
    CHECK_FALSE(answered(call));
    auto own = take(next_query_task());
    REQUIRE(own);
    ask_raw(answer_request(*own, "yes"));
    CHECK(result_of(call) == "yes");
  }
  SUBCASE("each time") {
    start("w");
    auto call = query("w");
    for (int i = 0; i < 10; ++i)
      die();
    CHECK_FALSE(answered(call));
    seen.offers.erase(seen.offers.begin(), seen.offers.end() - 1);
    ask_raw(riding_answer(take_workflow_task(), "tenth"));
    CHECK(result_of(call) == "tenth");
  }
}

TEST_CASE_FIXTURE(query_fixture, "a query's time is not given anew to each life of its execution") {
  pollers_are_seen(true);
  start_and_complete("w");
  node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
    if (r.has_signal())
      throw std::runtime_error("told to");
  };
  SUBCASE("where the caller has no deadline") {
    auto call = query("w");
    advance(engine::query_registry::wait_default - 5s);
    ask_raw(signal_request("w", "bad"));
    CHECK_FALSE(answered(call));
    advance(5s);
    CHECK(code(call) == deadline_exceeded);
  }
  SUBCASE("where its deadline is beyond what anybody may wait") {
    auto call = query("w", 24h);
    advance(engine::query_registry::wait_max - 5s);
    ask_raw(signal_request("w", "bad"));
    CHECK_FALSE(answered(call));
    advance(5s);
    CHECK(code(call) == deadline_exceeded);
  }
  SUBCASE("where it ended in between") {
    auto call = query("w", 10s);
    send(signal_request("w", "bad"));
    scheduler.advance_time(11s);
    run();
    CHECK(code(call) == deadline_exceeded);
    CHECK(reply(call).status().message() == timed_out);
  }
}

TEST_CASE_FIXTURE(query_fixture,
                  "a query whose caller gave up before it was decided does not wait") {
  start_and_complete("w");
  auto late = query_request("w", 1s);
  advance(2s);
  auto call = send(late);
  run();
  CHECK(code(call) == deadline_exceeded);
  CHECK(seen.offers.empty());
}

TEST_CASE_FIXTURE(query_fixture,
                  "a query's answer waits for what it rests on, and is lost with it") {
  start("w");
  auto call = query("w");
  auto task = take_workflow_task();
  auto fails = true;
  decide_fault = [&](store::operation what) {
    auto now = fails && what == store::operation::commit;
    return store::fault{.what = now ? store::fault::kind::before : store::fault::kind::none};
  };
  CHECK(ask_raw(riding_answer(task, "not durable")).status().code() == unavailable);
  CHECK_FALSE(answered(call));
  fails = false;
  // The caller was kept, and what the worker saw did not happen: the same task can be completed.
  CHECK(ask_raw(riding_answer(task, "?")).status().code() == ok);
  auto own = take(next_query_task());
  REQUIRE(own);
  ask_raw(answer_request(*own, "durable"));
  CHECK(result_of(call) == "durable");
}

TEST_CASE_FIXTURE(query_fixture, "a node that gives its slots up tells those that wait") {
  start_and_complete("a");
  auto offered = query("a");
  auto started = query("a");
  REQUIRE(seen.offers.size() == 2);
  REQUIRE(take(seen.offers.back()));
  start("b");
  auto buffered = query("b");
  SUBCASE("by draining") {
    node->drain();
  }
  SUBCASE("by losing them") {
    auto slot = store::slot_of(ns, machine_kind::workflow, "c");
    REQUIRE(below().raise_epoch(slot, first_epoch));
    start_request("c");
    ask_raw(start_request("c"));
  }
  for (auto call : {offered, started, buffered})
    CHECK(code(call) == unavailable);
  CHECK(node->shared().calls_under_way.load() == 0);
}

TEST_CASE_FIXTURE(query_fixture, "a query names one run of many, and waits at that one") {
  start("w");
  auto first = take_workflow_task();
  auto old_run = first.workflow_execution().run_id();
  complete(first, {complete_command()});
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  ask<service::StartWorkflowExecutionResponse>(again);
  auto r = query_request("w");
  r.set_run_id(old_run);
  auto of_old = send(r);
  auto of_new = query("w");
  REQUIRE(seen.offers.size() == 2);
  auto task = take(seen.offers.back());
  REQUIRE(task);
  CHECK(task->workflow_execution().run_id() == old_run);
  ask_raw(answer_request(*task, "old"));
  CHECK(result_of(of_old) == "old");
  auto next = take_workflow_task();
  REQUIRE(next.queries_size() == 1);
  ask_raw(riding_answer(next, "new"));
  CHECK(result_of(of_new) == "new");
}
