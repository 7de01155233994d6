// A workflow task's start reaches its worker before its commit, and shares a row with what comes
// next. Nobody else sees it before it is durable, and one that is lost is as if it had never been.

#include "tests/support/actor_fixture.hpp"

#include <functional>
#include <stdexcept>
#include <utility>

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr int ok = 0;
constexpr int not_found = 5;
constexpr int unavailable = 14;

using poll_response = service::PollWorkflowTaskQueueResponse;
using history_response = service::GetWorkflowExecutionHistoryResponse;
using describe_response = service::DescribeWorkflowExecutionResponse;

struct early_fixture : actor_fixture {
  /// Commits so far.
  int commits = 0;
  /// Called before each.
  std::function<void()> at_commit;
  bool commits_fail = false;

  early_fixture() {
    decide_fault = [this](store::operation what) {
      if (what != store::operation::commit)
        return store::fault{};
      ++commits;
      if (at_commit)
        at_commit();
      return store::fault{.what = commits_fail ? store::fault::kind::before
                                               : store::fault::kind::none};
    };
  }

  store::run_head head(const std::string& id) {
    auto found = below().current_run(ns, machine_kind::workflow, id);
    REQUIRE(found);
    REQUIRE(found->has_value());
    return **found;
  }

  /// Starts a workflow whose task is in a worker's hands, and nowhere else.
  poll_response hold(const std::string& id) {
    start(id);
    commits = 0;
    auto task = take_workflow_task();
    REQUIRE(commits == 0);
    REQUIRE(head(id).next_event_id == 3);
    return task;
  }

  bool durable(const std::string& id) {
    return head(id).next_event_id > 3 && !head(id).offer_at;
  }

  cluster::ExecutionRequest fail_request(const poll_response& task) {
    auto r = request(task.workflow_execution().workflow_id());
    REQUIRE(r.mutable_token()->ParseFromString(task.task_token()));
    r.mutable_fail_workflow_task()->set_task_token(task.task_token());
    return r;
  }

  cluster::ExecutionRequest describe_request(const std::string& id) {
    auto r = request(id);
    r.mutable_describe()->mutable_execution()->set_workflow_id(id);
    return r;
  }

  void check_refused(const poll_response& lost) {
    for (const auto& r : {complete_request(lost, {complete_command()}), fail_request(lost)}) {
      auto answer = ask_raw(r);
      CHECK(answer.status().code() == not_found);
      CHECK(answer.status().message() == "Workflow task not found.");
    }
  }

  /// The task is there again, and can be done. Its next start is durable before it leaves, so that
  /// whatever lost the first is not repeated without end.
  void check_done_again(const poll_response& lost) {
    check_refused(lost);
    commits = 0;
    auto next = take_workflow_task();
    CHECK(commits == 1);
    CHECK(next.started_event_id() == lost.started_event_id());
    CHECK(next.attempt() == 1);
    check_refused(lost);
    const auto& id = next.workflow_execution().workflow_id();
    CHECK(ask_raw(complete_request(next, {complete_command()})).status().code() == ok);
    CHECK(history(id) == std::vector<int>{1, 5, 6, 7, 2});
  }
};

} // namespace

TEST_CASE_FIXTURE(early_fixture, "a workflow task is handed out, done and written in one commit") {
  auto task = hold("w");
  CHECK(event_types(task.history()) == std::vector<int>{1, 5, 6});
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
  CHECK(commits == 1);
  CHECK(head("w").last_seq == 2);
  CHECK(node->shared().early_starts.load() == 0);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 2});
  auto live = ask<describe_response>(describe_request("w")).workflow_execution_info();
  CHECK(live.state_transition_count() == 3);
  restart_node();
  auto loaded = ask<describe_response>(describe_request("w")).workflow_execution_info();
  CHECK(loaded.state_transition_count() == 3);
  CHECK(loaded.history_size_bytes() == live.history_size_bytes());
}

TEST_CASE_FIXTURE(early_fixture, "a start that a crash lost is offered again, its token is void") {
  auto lost = hold("w");
  CHECK(head("w").offer_at.has_value());
  restart_node();
  REQUIRE(seen.offers.size() == 1);
  check_done_again(lost);
}

TEST_CASE_FIXTURE(early_fixture, "an execution that came back hands its next task out early") {
  start("w");
  ask_raw(complete_request(take_workflow_task(), {timer_command("far", 7200)}));
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  REQUIRE(node->shared().watch.resident.value() == 0);
  ask_raw(signal_request("w", "s"));
  commits = 0;
  auto task = take_workflow_task();
  CHECK(commits == 0);
  CHECK(event_types(task.history()) == std::vector<int>{1, 5, 6, 7, 17, 26, 5, 6});
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
  CHECK(commits == 1);
}

TEST_CASE_FIXTURE(early_fixture, "a start survives the end of its execution") {
  auto task = hold("w");
  SUBCASE("it threw") {
    node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
      if (r.has_signal())
        throw std::runtime_error("told to");
    };
    ask_raw(signal_request("w", "bad"));
    CHECK_FALSE(durable("w"));
    SUBCASE("and its task was done at once") {
    }
    SUBCASE("and its task was done later") {
      advance(3s);
      CHECK(durable("w"));
    }
  }
  SUBCASE("what was to be written with it could not be") {
    commits_fail = true;
    CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == unavailable);
    CHECK_FALSE(durable("w"));
    commits_fail = false;
  }
  SUBCASE("it could not be written for a while") {
    commits_fail = true;
    for (int i = 0; i < 5; ++i)
      advance(1s);
    CHECK(ask_raw(describe_request("w")).status().code() != ok);
    CHECK_FALSE(durable("w"));
    commits_fail = false;
  }
  CHECK(seen.offers.empty());
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 2});
  CHECK(node->shared().early_starts.load() == 0);
}

TEST_CASE_FIXTURE(early_fixture, "a start whose slot was another's in between is lost") {
  auto lost = hold("w");
  auto slot = store::slot_of(ns, machine_kind::workflow, "w");
  auto next = below().raise_epoch(slot, first_epoch);
  REQUIRE(next);
  caf::anon_send(node->slot_for(ns, "w"), epoch_atom_v, *next);
  run();
  REQUIRE(seen.offers.size() == 1);
  check_done_again(lost);
  CHECK(node->shared().early_starts.load() == 0);
}

TEST_CASE_FIXTURE(early_fixture, "a start whose row has landed after all is not written again") {
  auto task = hold("w");
  decide_fault = [once = true](store::operation what) mutable {
    auto now = what == store::operation::commit && std::exchange(once, false);
    return store::fault{.what = now ? store::fault::kind::after : store::fault::kind::none};
  };
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == unavailable);
  auto again = ask_raw(complete_request(task, {complete_command()}));
  CHECK(again.status().code() == not_found);
  CHECK(again.status().message() == "Workflow task not found.");
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 2});
}

TEST_CASE_FIXTURE(early_fixture, "a caller who waits on costs no commit") {
  auto task = hold("w");
  auto r = request("w");
  r.mutable_query()->mutable_execution()->set_workflow_id("w");
  r.mutable_query()->mutable_query()->set_query_type("q");
  auto asked = send(r);
  run();
  CHECK_FALSE(answered(asked));
  CHECK(commits == 0);
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
}

TEST_CASE_FIXTURE(early_fixture, "an answer that rests on a start waits for its commit") {
  hold("w");
  std::uint64_t asked = 0;
  SUBCASE("describe") {
    asked = send(describe_request("w"));
  }
  SUBCASE("history") {
    asked = send(history_request("w"));
  }
  SUBCASE("history backwards") {
    auto r = request("w");
    r.mutable_get_history()->mutable_reverse()->mutable_execution()->set_workflow_id("w");
    asked = send(r);
  }
  SUBCASE("a start that the run is in the way of") {
    auto r = start_request("w");
    r.mutable_start()->set_request_id("another");
    asked = send(r);
  }
  SUBCASE("a start that is repeated") {
    asked = send(start_request("w"));
  }
  SUBCASE("a signal") {
    asked = send(signal_request("w", "s"));
  }
  SUBCASE("a run that is not there") {
    auto r = describe_request("w");
    r.set_run_id("00000000-0000-4000-8000-000000000000");
    asked = send(r);
  }
  at_commit = [&] { CHECK_FALSE(answered(asked)); };
  run();
  CHECK(answered(asked));
  CHECK(commits == 1);
  CHECK(durable("w"));
}

TEST_CASE_FIXTURE(early_fixture, "who asks while the store is down is not shown the start") {
  auto task = hold("w");
  commits_fail = true;
  auto described = send(describe_request("w"));
  auto read = send(history_request("w"));
  run();
  commits_fail = false;
  // Decided again on what is durable, or refused.
  for (auto id : {described, read})
    if (code(id) != ok)
      CHECK(code(id) == unavailable);
  if (code(read) == ok)
    CHECK(event_types(response<history_response>(read).history()) == std::vector<int>{1, 5});
  if (code(described) == ok)
    CHECK(response<describe_response>(described).pending_workflow_task().state()
          == enums::PENDING_WORKFLOW_TASK_STATE_SCHEDULED);
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
}

TEST_CASE_FIXTURE(early_fixture, "a poll for news hears of a start when it is durable") {
  start("w");
  auto r = history_request("w");
  r.mutable_get_history()->mutable_forward()->set_wait_new_event(true);
  auto first = ask<history_response>(r);
  REQUIRE(r.mutable_get_history()->mutable_token()->ParseFromString(first.next_page_token()));
  auto waiting = send(r);
  run();
  REQUIRE_FALSE(answered(waiting));
  at_commit = [&] { CHECK_FALSE(answered(waiting)); };
  commits = 0;
  take_workflow_task();
  CHECK(commits == 1);
  CHECK(durable("w"));
  CHECK(event_types(response<history_response>(waiting).history()) == std::vector<int>{6});
}

TEST_CASE_FIXTURE(early_fixture, "a query is answered when the start of the task that took it is") {
  start("w");
  auto q = request("w");
  q.mutable_query()->mutable_execution()->set_workflow_id("w");
  q.mutable_query()->mutable_query()->set_query_type("state");
  auto asked = send(q);
  run();
  commits = 0;
  auto task = take_workflow_task();
  CHECK(commits == 0);
  REQUIRE(task.queries_size() == 1);
  auto done = complete_request(task, {});
  auto& result = (*done.mutable_complete_workflow_task()
                     ->mutable_query_results())[task.queries().begin()->first];
  result.set_result_type(enums::QUERY_RESULT_TYPE_ANSWERED);
  result.mutable_answer()->add_payloads()->set_data("7");
  at_commit = [&] { CHECK_FALSE(answered(asked)); };
  CHECK(ask_raw(done).status().code() == ok);
  CHECK(commits == 1);
  CHECK(code(asked) == ok);
}

TEST_CASE_FIXTURE(early_fixture, "a start is written before its execution leaves memory") {
  auto task = hold("w");
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  CHECK(node->shared().watch.resident.value() == 0);
  CHECK(durable("w"));
  CHECK(head("w").timer_at.has_value());
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
}

TEST_CASE_FIXTURE(early_fixture, "a start is written before its server gives up") {
  auto task = hold("w");
  node->drain();
  CHECK(durable("w"));
  CHECK(node->shared().early_starts.load() == 0);
  CHECK(node->shared().watch.resident.value() == 0);
  restart_node();
  CHECK(seen.offers.empty());
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
}

TEST_CASE_FIXTURE(early_fixture, "a start is written soon, however long its worker takes") {
  auto task = hold("w");
  advance(500ms);
  CHECK_FALSE(durable("w"));
  advance(600ms);
  CHECK(durable("w"));
  CHECK(commits == 1);
  advance(600ms);
  CHECK(commits == 1);
  restart_node();
  CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
}

TEST_CASE_FIXTURE(early_fixture, "a task that nobody answers times out") {
  auto task = hold("w");
  advance(11s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 8, 5});
  check_refused(task);
  // Later attempts are durable before they are handed out.
  commits = 0;
  auto second = take_workflow_task();
  CHECK(second.attempt() == 2);
  CHECK(commits == 1);
}

TEST_CASE_FIXTURE(early_fixture, "a history of several pages waits for its start's commit") {
  start("w");
  for (int i = 0; i < 300; ++i)
    send(signal_request("w", "s" + std::to_string(i)));
  run();
  commits = 0;
  auto task = take_workflow_task();
  CHECK(commits == 1);
  CHECK_FALSE(task.next_page_token().empty());
}

TEST_CASE("a lease that ends between two looks keeps no started task from its worker") {
  constexpr int looks_max = 24;
  auto withheld = 0;
  for (int looks = 0; looks < looks_max; ++looks) {
    CAPTURE(looks);
    early_fixture f;
    f.start("w");
    auto& lease = f.node->shared().own_lease;
    auto left = looks;
    lease.grant(f.time.boot_time() + 1h);
    f.time.at_look = [&] {
      if (left-- == 0)
        lease.revoke();
    };
    auto r = f.request("w");
    auto& s = *r.mutable_start_workflow_task();
    s.set_request_id("poll");
    s.mutable_task_queue()->set_name("queue");
    *s.mutable_task() = f.seen.offers.front();
    auto id = f.send_for_poller(r);
    f.run();
    f.time.at_look = nullptr;
    lease.grant_forever();
    // The queue forgets what was taken: then the worker has it.
    auto is_taken = !f.seen.taken.empty();
    CHECK(is_taken == f.answered(id));
    if (is_taken)
      CHECK(f.code(id) == ok);
    withheld += is_taken ? 0 : 1;
  }
  CHECK(withheld < looks_max);
}

TEST_CASE_FIXTURE(early_fixture, "without a lease nothing leaves early, and the task is kept") {
  start("w");
  auto in_memory = true;
  SUBCASE("the next life has its history in memory") {
  }
  SUBCASE("the next life has to read its history") {
    in_memory = false;
    for (int i = 0; i < 40; ++i) {
      auto s = signal_request("w", "s" + std::to_string(i));
      s.mutable_signal()->set_identity(std::string(1000, 'i'));
      ask_raw(s);
    }
  }
  commits = 0;
  auto r = request("w");
  auto& s = *r.mutable_start_workflow_task();
  s.mutable_task_queue()->set_name("queue");
  *s.mutable_task() = seen.offers.front();
  seen.offers.clear();
  node->shared().own_lease.revoke();
  auto id = send_for_poller(r);
  run();
  // It is the next life's task by loading it, so the start was written. Its commit was fenced, so
  // the task may leave; what is read behind it may not: then the task is taken back.
  CHECK(commits == (in_memory ? 1 : 2));
  CHECK(node->shared().early_starts.load() == 0);
  if (in_memory) {
    auto task = response<poll_response>(id);
    CHECK(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
    return;
  }
  CHECK(code(id) == unavailable);
  node->shared().own_lease.grant_forever();
  auto next = take_workflow_task();
  CHECK(next.attempt() == 1);
  CHECK(ask_raw(complete_request(next, {complete_command()})).status().code() == ok);
}
