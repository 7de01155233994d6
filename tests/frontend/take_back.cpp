// A poll whose caller is gone loses no task: what was being handed to it is for the next one, at
// once. A poll that is only to end brings the task that is on its way to it.

#include "tests/support/server_fixture.hpp"

#include <functional>
#include <utility>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct handing_fixture : server_fixture {
  /// Called once, while a poll's task is being handed out: at the decision.
  std::function<void()> at_start;
  /// Called once, before the next commit.
  std::function<void()> at_commit;
  bool commits_fail = false;

  handing_fixture() {
    server().node().shared().before_decision = [this](const cluster::ExecutionRequest& r) {
      auto starts = r.has_start_workflow_task() || r.has_start_activity_task()
                    || r.has_start_query_task() || r.has_complete_workflow_task() || r.has_start();
      if (starts && at_start)
        std::exchange(at_start, nullptr)();
    };
    decide_fault = [this](store::operation what) {
      if (what != store::operation::commit)
        return store::fault{};
      if (at_commit)
        std::exchange(at_commit, nullptr)();
      return store::fault{.what = commits_fail ? store::fault::kind::before
                                               : store::fault::kind::none};
    };
  }

  /// A workflow with one activity that waits for a worker.
  void schedule_activity(const std::string& id) {
    start_workflow(id);
    complete_task(take_workflow_task().task_token(), {activity_command("a")});
  }

  template <class Poll>
  made_call send_poll(const Poll& r, duration timeout = 70s) {
    return send_request(r, {.timeout = timeout});
  }

  /// Polls that hang up, each a step of an actor later than the one before, until one is answered:
  /// the token that it got.
  template <class Poll>
  std::string last_of_many(const Poll& r) {
    for (int steps = 0; steps < 100; ++steps) {
      auto poll = send_poll(r);
      for (int i = 0; i < steps && scheduler.has_job(); ++i)
        scheduler.run_once();
      if (poll.answered()) {
        run();
        CHECK(steps > 3);
        REQUIRE(poll.answer());
        auto tokens = frontend::service::task_tokens_of(*front().find(path_of(method_of(r))),
                                                        *poll.answer());
        REQUIRE(tokens.size() == 1);
        return tokens.front();
      }
      poll.handle->cancel();
      run();
    }
    FAIL("no poll was answered");
    return {};
  }

  api::workflow::v1::PendingActivityInfo only_activity(const std::string& id) {
    ws::DescribeWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.mutable_execution()->set_workflow_id(id);
    auto said = ok<ws::DescribeWorkflowExecutionResponse>(r);
    REQUIRE(said.pending_activities_size() == 1);
    return said.pending_activities(0);
  }

  template <class Response>
  static std::string token_in(const made_call& poll) {
    REQUIRE(poll.answered());
    CHECK(*poll.answers == 1);
    return read<Response>(poll.answer()).task_token();
  }

  static constexpr auto workflow_token = token_in<ws::PollWorkflowTaskQueueResponse>;
  static constexpr auto activity_token = token_in<ws::PollActivityTaskQueueResponse>;
};

} // namespace

TEST_CASE_FIXTURE(handing_fixture, "an activity whose poll hangs up is for the next one at once") {
  schedule_activity("w");
  auto gone = send_poll(activity_poll());
  SUBCASE("before its start is decided") {
    at_start = [&] { gone.handle->cancel(); };
  }
  SUBCASE("before its start is durable") {
    at_commit = [&] { gone.handle->cancel(); };
  }
  run();
  CHECK_FALSE(gone.answer());
  CHECK(only_activity("w").state() == enums::PENDING_ACTIVITY_STATE_SCHEDULED);
  auto before = history("w");
  auto task = take_activity_task();
  CHECK(task.attempt() == 1);
  CHECK(history("w") == before);
}

TEST_CASE_FIXTURE(handing_fixture, "a workflow task whose poll hangs up is for the next one") {
  start_workflow("w");
  auto gone = send_poll(poll_request());
  at_start = [&] { gone.handle->cancel(); };
  run();
  auto task = take_workflow_task();
  CHECK(task.attempt() == 1);
  CHECK(task.started_event_id() == 3);
  CHECK(task.history().events_size() == 3);
  complete_task(task.task_token(), {complete_command()});
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 2});
}

TEST_CASE_FIXTURE(handing_fixture, "a waiting poll gets the task that another one left") {
  start_workflow("w");
  auto gone = send_poll(poll_request());
  auto next = send_poll(poll_request());
  at_start = [&] { gone.handle->cancel(); };
  run();
  CHECK_FALSE(workflow_token(next).empty());
}

TEST_CASE_FIXTURE(handing_fixture, "whenever a worker hangs up, a query is answered by another") {
  start_workflow("w");
  complete_task(take_workflow_task().task_token(), {timer_command("far", 3600)});
  ws::QueryWorkflowRequest query;
  query.set_namespace_("default");
  query.mutable_execution()->set_workflow_id("w");
  query.mutable_query()->set_query_type("q");
  auto asked = send_request(query, {.timeout = 30s});
  run();
  auto token = last_of_many(poll_request());
  ws::RespondQueryTaskCompletedRequest answer;
  answer.set_namespace_("default");
  answer.set_task_token(token);
  answer.set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
  ok<ws::RespondQueryTaskCompletedResponse>(answer);
  CHECK(asked.answered());
}

TEST_CASE_FIXTURE(handing_fixture, "whenever a poll hangs up, its task is for the next one") {
  schedule_activity("w");
  last_of_many(activity_poll());
  CHECK(only_activity("w").attempt() == 1);
  start_workflow("v");
  complete_task(last_of_many(poll_request()), {complete_command()});
  CHECK(history("v") == std::vector<int>{1, 5, 6, 7, 2});
}

TEST_CASE_FIXTURE(handing_fixture, "a task that comes behind its poll's deadline is not lost") {
  schedule_activity("w");
  auto late = send_poll(activity_poll(), 3s);
  at_commit = [&] { scheduler.advance_time(4s); };
  run();
  REQUIRE(late.answered());
  REQUIRE_FALSE(late.answer());
  CHECK(late.answer().error().code == errc::deadline_exceeded);
  CHECK(take_activity_task().attempt() == 1);
}

TEST_CASE_FIXTURE(handing_fixture, "a task is taken back as soon as the store takes it") {
  schedule_activity("w");
  auto gone = send_poll(activity_poll());
  at_commit = [&] {
    gone.handle->cancel();
    at_commit = [&] { commits_fail = true; };
  };
  run();
  REQUIRE(commits_fail);
  auto next = send_poll(activity_poll());
  advance(5s);
  CHECK_FALSE(next.answered());
  commits_fail = false;
  advance(10s);
  CHECK_FALSE(activity_token(next).empty());
  CHECK(only_activity("w").attempt() == 1);
}

TEST_CASE_FIXTURE(handing_fixture, "a server that drains ends its polls, and loses none's task") {
  schedule_activity("w");
  auto taking = send_poll(activity_poll());
  auto waiting = send_poll(activity_poll());
  at_commit = [&] { front().drain(); };
  run();
  CHECK_FALSE(activity_token(taking).empty());
  CHECK(activity_token(waiting).empty());
  auto late = send_poll(activity_poll());
  auto news = history_request("w");
  news.set_wait_new_event(true);
  auto history = send_request(news, poll_options());
  run();
  CHECK(activity_token(late).empty());
  REQUIRE(history.answered());
  REQUIRE_FALSE(history.answer());
  CHECK(history.answer().error().code == errc::unavailable);
}

TEST_CASE_FIXTURE(handing_fixture, "a worker that shuts down gets the task that is on its way") {
  schedule_activity("w");
  auto poll = activity_poll();
  poll.set_worker_instance_key("key");
  auto taking = send_poll(poll);
  ws::ShutdownWorkerRequest r;
  r.set_namespace_("default");
  r.set_worker_instance_key("key");
  auto shut_down = std::make_shared<made_call>();
  at_commit = [&] { *shut_down = send_request(r); };
  run();
  CHECK(shut_down->answered());
  CHECK_FALSE(activity_token(taking).empty());
}

// Its queue dies while the start of its task is written; the poll is sent to the next queue, and
// there waits the same task, as a row of the backlog that nobody took.
TEST_CASE_FIXTURE(handing_fixture, "a task that was delivered is not taken back for its queue") {
  schedule_activity("w");
  auto& node = server().node();
  cluster::Task task;
  int starts = 0;
  auto begun = node.shared().before_decision;
  node.shared().before_decision = [&](const cluster::ExecutionRequest& r) {
    if (r.has_start_activity_task()) {
      task = r.start_activity_task().task();
      ++starts;
    }
    begun(r);
  };
  auto taking = send_poll(activity_poll());
  auto again = false;
  at_start = [&] {
    auto key = store::queue_key{.namespace_id = task.namespace_id(), .name = "queue", .kind = 2};
    auto dies = node.queues().find_known(key);
    REQUIRE(dies);
    caf::anon_send_exit(dies, caf::exit_reason::kill);
  };
  SUBCASE("which hands it out before the poll is answered") {
    again = true;
  }
  SUBCASE("which hands it out later") {
  }
  at_commit = [&] {
    if (again)
      caf::anon_send(node.queues().find(task), offer_atom_v, task);
  };
  run();
  auto token = activity_token(taking);
  REQUIRE_FALSE(token.empty());
  caf::anon_send(node.queues().find(task), offer_atom_v, task);
  run();
  CHECK(only_activity("w").state() == enums::PENDING_ACTIVITY_STATE_STARTED);
  ws::RespondActivityTaskCompletedRequest done;
  done.set_namespace_("default");
  done.set_task_token(token);
  ok<ws::RespondActivityTaskCompletedResponse>(done);
  // Nobody waits in the next queue, who would only swallow a task.
  auto before = starts;
  schedule_activity("v");
  CHECK(starts == before);
}

// -- tasks that come with other answers than a poll's ---------------------------------------------

namespace {

struct answering_fixture : handing_fixture {
  /// Who is told when the call is over before its answer can be sent.
  made_call gone;

  /// The call ends at the decision, before its answer is durable, by its deadline, or with a
  /// bridge.
  template <class Request>
  void send_in_vain(const Request& r) {
    gone = send_request(r, {.timeout = 3s});
    SUBCASE("its call ends before it is decided") {
      at_start = [&] { gone.handle->cancel(); };
    }
    SUBCASE("its call ends before it is durable") {
      at_commit = [&] { gone.handle->cancel(); };
    }
    SUBCASE("it comes behind its deadline") {
      at_commit = [&] { scheduler.advance_time(4s); };
    }
    SUBCASE("its bridge dies with it") {
      at_commit = [&] {
        for (std::size_t i = 0; i < 4; ++i)
          caf::anon_send_exit(server().bridge().actor(i), caf::exit_reason::kill);
      };
    }
    run();
    auto is_heard = gone.answered() && gone.answer();
    CHECK_FALSE(is_heard);
  }

  ws::RespondWorkflowTaskCompletedRequest completion_for_more() {
    start_workflow("w");
    auto r = completion(take_workflow_task().task_token(), {activity_command("a")});
    r.mutable_commands(0)
      ->mutable_schedule_activity_task_command_attributes()
      ->set_request_eager_execution(true);
    r.set_force_create_new_workflow_task(true);
    r.set_return_new_workflow_task(true);
    return r;
  }
};

} // namespace

TEST_CASE_FIXTURE(answering_fixture, "what a completion's answer brings in vain is for others") {
  send_in_vain(completion_for_more());
  auto activity = take_activity_task();
  CHECK(activity.attempt() == 1);
  auto next = take_workflow_task();
  CHECK(next.attempt() == 1);
  complete_task(next.task_token(), {complete_command()});
  CHECK(history("w").back() == 2);
}

TEST_CASE_FIXTURE(answering_fixture, "what an eager start's answer brings in vain is for others") {
  auto r = start_request("w");
  r.set_request_eager_execution(true);
  send_in_vain(r);
  auto task = take_workflow_task();
  CHECK(task.attempt() == 1);
  CHECK(task.started_event_id() == 3);
  auto again = ok<ws::StartWorkflowExecutionResponse>(r);
  CHECK(again.started());
  CHECK_FALSE(again.has_eager_workflow_task());
  complete_task(task.task_token(), {complete_command()});
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 2});
}

TEST_CASE_FIXTURE(answering_fixture,
                  "what comes with an answer that is heard stays with its worker") {
  auto answer = ok<ws::RespondWorkflowTaskCompletedResponse>(completion_for_more());
  CHECK(answer.activity_tasks_size() == 1);
  run();
  CHECK(only_activity("w").state() == enums::PENDING_ACTIVITY_STATE_STARTED);
  complete_task(answer.workflow_task().task_token(), {complete_command()});
}
