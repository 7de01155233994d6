// Queries in the workflow machine's session: decided together with the state, callers by number.
#include "engine/machine/machine.hpp"
#include "engine/query/query_registry.hpp"
#include "protocol/headers.hpp"
#include "tests/support/engine_fixture.hpp"

#include <memory>

using namespace reprise;
using namespace reprise::testing;

namespace {

class seen_workers final : public engine::outlook {
public:
  bool polled_since(const std::string& queue, cluster::Task::Kind kind,
                    time_point since) const override {
    CHECK(queue == "tq");
    CHECK(kind == cluster::Task::WORKFLOW);
    return last_poll >= since;
  }

  time_point last_poll{};
};

/// One workflow id behind the machine's interface, as a shell holds it.
struct session_fixture : engine_fixture {
  const engine::machine& machine = *engine::machine_of(machine_kind::workflow);
  engine::session_bounds room{.queries_max = 3};
  seen_workers workers;
  engine::run_state current;
  engine::session_ptr session;
  engine::caller_number last = 0;

  engine::decision ask(cluster::ExecutionRequest r) {
    r.set_namespace_id(ns.id);
    r.set_namespace_name(ns.name);
    r.set_workflow_id("wf");
    auto request = std::make_shared<cluster::ExecutionRequest>(std::move(r));
    return ask(request);
  }

  engine::decision ask(const std::shared_ptr<cluster::ExecutionRequest>& request) {
    engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    auto out = machine.decide(
      current, session,
      {.request = request, .caller = ++last, .c = c, .around = workers, .room = room});
    if (out.successor)
      current = std::move(out.successor->state);
    return out;
  }

  engine::decision start_run() {
    cluster::ExecutionRequest r;
    *r.mutable_start() = start_request();
    return ask(std::move(r));
  }

  engine::decision query() {
    cluster::ExecutionRequest r;
    r.mutable_query()->mutable_query()->set_query_type("state");
    return ask(std::move(r));
  }

  service::PollWorkflowTaskQueueResponse take(const cluster::Task& task) {
    cluster::ExecutionRequest r;
    auto& start = task.kind() == cluster::Task::QUERY ? *r.mutable_start_query_task()
                                                      : *r.mutable_start_workflow_task();
    *start.mutable_task() = task;
    start.set_request_id("poll-" + std::to_string(last));
    auto done = ask(std::move(r));
    REQUIRE(done.reply.page);
    service::PollWorkflowTaskQueueResponse out;
    REQUIRE(out.ParseFromString(done.reply.page->message));
    return out;
  }

  cluster::ExecutionRequest completion_of(const service::PollWorkflowTaskQueueResponse& task) {
    cluster::ExecutionRequest r;
    REQUIRE(r.mutable_token()->ParseFromString(task.task_token()));
    auto& c = *r.mutable_complete_workflow_task();
    for (const auto& [id, asked] : task.queries()) {
      auto& result = (*c.mutable_query_results())[id];
      result.set_result_type(enums::QUERY_RESULT_TYPE_ANSWERED);
      *result.mutable_answer() = payloads("\"" + asked.query_type() + "\"");
    }
    return r;
  }

  /// A run whose first task was completed, on a sticky queue if one is named.
  void begin_idle(const std::string& sticky = {}) {
    auto first = take(start_run().offers.at(0));
    auto r = completion_of(first);
    if (!sticky.empty()) {
      auto& s = *r.mutable_complete_workflow_task()->mutable_sticky_attributes();
      s.mutable_worker_task_queue()->set_name(sticky);
      *s.mutable_schedule_to_start_timeout() = engine::to_proto(5s);
    }
    REQUIRE_FALSE(ask(std::move(r)).reply.now.failure);
  }

  engine::decision wake() {
    cluster::ExecutionRequest r;
    r.mutable_wake();
    return ask(std::move(r));
  }

  std::string result_of(const engine::told_caller& to) {
    service::QueryWorkflowResponse out;
    REQUIRE_FALSE(to.what.failure);
    REQUIRE(out.ParseFromString(to.what.response));
    return out.query_result().payloads(0).data();
  }
};

} // namespace

TEST_CASE_FIXTURE(session_fixture, "a run without callers who wait has no session") {
  begin_idle();
  CHECK(session == nullptr);
}

TEST_CASE_FIXTURE(session_fixture, "a query of no run is refused, and nothing is held for it") {
  auto done = query();
  REQUIRE(done.reply.now.failure);
  CHECK(done.reply.now.failure->code == errc::not_found);
  CHECK_FALSE(done.caller_stays);
  CHECK(session == nullptr);
}

TEST_CASE_FIXTURE(session_fixture, "a query rides on the workflow task and is answered with it") {
  auto task = start_run().offers.at(0);
  auto asked = query();
  auto caller = last;
  CHECK(asked.caller_stays);
  CHECK(asked.only_read);
  CHECK(asked.offers.empty());
  auto poll = take(task);
  REQUIRE(poll.queries_size() == 1);
  auto done = ask(completion_of(poll));
  CHECK_FALSE(done.only_read);
  REQUIRE(done.others.size() == 1);
  CHECK(done.others[0].to == caller);
  CHECK(result_of(done.others[0]) == "\"state\"");
  CHECK(session->next_deadline() == std::nullopt);
}

TEST_CASE_FIXTURE(session_fixture, "an answer that says nothing, or two things, is none") {
  auto task = start_run().offers.at(0);
  query();
  auto caller = last;
  auto poll = take(task);
  auto r = completion_of(poll);
  auto& results = *r.mutable_complete_workflow_task()->mutable_query_results();
  auto& result = results.begin()->second;
  SUBCASE("no type") {
    result.clear_result_type();
  }
  SUBCASE("no answer") {
    result.clear_answer();
  }
  SUBCASE("an answer and an error") {
    result.set_error_message("no");
  }
  SUBCASE("a failure that says nothing") {
    result.set_result_type(enums::QUERY_RESULT_TYPE_FAILED);
    result.clear_answer();
  }
  auto done = ask(std::move(r));
  CHECK(done.others.empty());
  // The worker is asked once more.
  REQUIRE(done.offers.size() == 1);
  CHECK(take(done.offers[0]).query().query_type() == "state");
  CHECK(caller != 0);
}

TEST_CASE_FIXTURE(session_fixture, "a query waits for a task that was made for an update") {
  begin_idle();
  cluster::ExecutionRequest sent;
  auto& update = *sent.mutable_update()->mutable_request();
  update.mutable_meta()->set_update_id("u1");
  update.mutable_input()->set_name("upd");
  auto task = ask(std::move(sent)).offers.at(0);
  auto asked = query();
  auto caller = last;
  CHECK(asked.offers.empty());
  CHECK(asked.caller_stays);
  auto poll = take(task);
  CHECK(poll.messages_size() == 1);
  REQUIRE(poll.queries_size() == 1);
  SUBCASE("which answers it, though it leaves no trace") {
    auto done = ask(completion_of(poll));
    CHECK(done.written.empty());
    REQUIRE(done.others.size() == 2);
    CHECK(done.others[1].to == caller);
    CHECK(result_of(done.others[1]) == "\"state\"");
  }
  SUBCASE("which does not, and it is asked by itself") {
    auto r = completion_of(poll);
    r.mutable_complete_workflow_task()->clear_query_results();
    auto done = ask(std::move(r));
    REQUIRE(done.offers.size() == 1);
    CHECK(done.offers[0].kind() == cluster::Task::QUERY);
  }
  SUBCASE("which fails, and the next one brings it") {
    cluster::ExecutionRequest r;
    REQUIRE(r.mutable_token()->ParseFromString(poll.task_token()));
    r.mutable_fail_workflow_task();
    auto done = ask(std::move(r));
    REQUIRE(done.offers.size() == 1);
    CHECK(take(done.offers[0]).queries_size() == 1);
  }
}

TEST_CASE_FIXTURE(session_fixture, "a query of an idle run is a task of its own") {
  begin_idle();
  auto asked = query();
  auto caller = last;
  REQUIRE(asked.offers.size() == 1);
  auto poll = take(asked.offers[0]);
  CHECK(poll.query().query_type() == "state");
  cluster::ExecutionRequest r;
  REQUIRE(r.mutable_token()->ParseFromString(poll.task_token()));
  SUBCASE("that its worker answers") {
    r.mutable_complete_query()->set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
    *r.mutable_complete_query()->mutable_query_result() = payloads("1");
    auto done = ask(r);
    CHECK(done.only_read);
    REQUIRE(done.others.size() == 1);
    CHECK(done.others[0].to == caller);
    CHECK(result_of(done.others[0]) == "1");
    SUBCASE("once") {
      CHECK(ask(r).reply.now.failure->code == errc::not_found);
    }
  }
  SUBCASE("that goes to another worker when this one never had it") {
    r.mutable_take_back();
    auto back = ask(r);
    CHECK(back.others.empty());
    REQUIRE(back.offers.size() == 1);
    CHECK(back.offers[0].query_id() == asked.offers[0].query_id());
  }
}

TEST_CASE_FIXTURE(session_fixture, "a caller's time is over at the session's deadline") {
  begin_idle();
  query();
  auto caller = last;
  auto due = session->next_deadline();
  REQUIRE(due);
  now = *due - 1ms;
  CHECK(wake().others.empty());
  now = *due;
  std::string text = "no poller seen for task queue recently, worker may be down";
  SUBCASE("where no worker was seen") {
  }
  SUBCASE("where one was seen") {
    workers.last_poll = now - 20s;
    text = "query timed out before a worker could process it";
  }
  auto done = wake();
  REQUIRE(done.others.size() == 1);
  CHECK(done.others[0].to == caller);
  CHECK(done.others[0].what.failure->message == text);
  CHECK(session->next_deadline() == std::nullopt);
}

TEST_CASE_FIXTURE(session_fixture, "the next session knows when a caller's time is over") {
  begin_idle();
  auto request = std::make_shared<cluster::ExecutionRequest>();
  request->mutable_query()->mutable_query()->set_query_type("state");
  CHECK(ask(request).caller_stays);
  auto due = session->next_deadline();
  session.reset();
  now += 10s;
  CHECK(ask(request).caller_stays);
  // A tenth of what is left, half a second at most, is kept for the answer's way.
  CHECK(session->next_deadline() == due);
  CHECK(request->headers().contains(std::string{protocol::deadline_header}));
}

TEST_CASE_FIXTURE(session_fixture, "a sticky worker that does not answer is told of") {
  begin_idle("sticky");
  auto asked = query();
  REQUIRE(asked.offers.size() == 1);
  CHECK(asked.offers[0].task_queue() == "sticky");
  now += 5s;
  auto done = wake();
  REQUIRE(done.offers.size() == 1);
  CHECK(done.offers[0].task_queue() == "tq");
  REQUIRE(done.unanswered.size() == 1);
  CHECK(done.unanswered[0].task_queue() == "sticky");
  CHECK(done.unanswered[0].workflow_id() == "wf");
}

TEST_CASE_FIXTURE(session_fixture, "a caller that is gone takes no room") {
  begin_idle();
  for (int i = 0; i < 3; ++i)
    CHECK(query().caller_stays);
  auto full = query();
  CHECK_FALSE(full.caller_stays);
  CHECK(full.session_full);
  CHECK(full.reply.now.failure->code == errc::resource_exhausted);
  session->drop(last - 1);
  CHECK(query().caller_stays);
}

TEST_CASE_FIXTURE(session_fixture, "who waits for a run that closes is told so") {
  auto task = start_run().offers.at(0);
  query();
  auto caller = last;
  cluster::ExecutionRequest r;
  r.mutable_terminate()->set_reason("enough");
  auto done = ask(std::move(r));
  REQUIRE(done.others.size() == 1);
  CHECK(done.others[0].to == caller);
  CHECK(done.others[0].what.failure->code == errc::failed_precondition);
}
