// The death of actors as callers see it, on a whole server.
#include "tests/support/server_fixture.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
using enum reprise::errc;

namespace {

constexpr const char* own = "/reprise.operatorservice.v1.OperatorService/";

struct supervised : server_fixture {
  actors::services& shared() {
    return server().node().shared();
  }

  std::string namespace_id() {
    return server().node().namespaces().find("default")->facts.id;
  }

  slot_actor slot_of(const std::string& id) {
    return server().node().slot_for(namespace_id(), id);
  }

  template <class Handle>
  void kill(const Handle& who) {
    caf::anon_send_exit(who, caf::exit_reason::kill);
  }

  void run_jobs(int count) {
    for (int n = 0; n < count && scheduler.has_job(); ++n)
      scheduler.run_once();
  }

  made_call poll() {
    auto made = send_request(poll_request(), poll_options());
    run();
    return made;
  }

  /// Polls as a worker does, until there is a task; has begun with `made`.
  ws::PollWorkflowTaskQueueResponse wait_for_task(made_call made) {
    for (int i = 0; i < 4; ++i, made = poll()) {
      for (int s = 0; s < 70 && !made.answered(); ++s)
        advance(1s);
      REQUIRE(made.answered());
      if (!made.answer())
        continue;
      ws::PollWorkflowTaskQueueResponse task;
      REQUIRE(task.ParseFromString(*made.answer()));
      if (!task.task_token().empty())
        return task;
    }
    FAIL("no task came");
    return {};
  }
};

} // namespace

TEST_CASE_FIXTURE(supervised, "each call that a dead slot had hears UNAVAILABLE at once") {
  start_workflow("w");
  auto waiting = history_request("w");
  waiting.set_wait_new_event(true);
  waiting.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto long_poll = send_request(waiting, poll_options());
  run();
  REQUIRE_FALSE(long_poll.answered());
  auto under_way = send_request(signal_request("w"));
  kill(slot_of("w"));
  // On its way to the dead one.
  auto late = send_request(signal_request("w"));
  run();
  for (auto* c : {&long_poll, &under_way, &late}) {
    REQUIRE(c->answered());
    REQUIRE_FALSE(c->answer());
    CHECK(c->answer().error().code == unavailable);
    CHECK(*c->answers == 1);
  }
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
}

TEST_CASE_FIXTURE(supervised, "at whatever moment a slot dies, its tasks reach a worker") {
  for (int jobs = 0; jobs < 45; ++jobs) {
    INFO(jobs);
    auto id = "w" + std::to_string(jobs);
    auto worker = poll();
    auto started = send_request(start_request(id));
    run_jobs(jobs);
    kill(slot_of(id));
    run();
    REQUIRE(started.answered());
    if (!started.answer())
      CHECK(started.answer().error().code == unavailable);
    advance(1s);
    // A request id is a start's own: whether the first was written is all the same.
    ok<ws::StartWorkflowExecutionResponse>(start_request(id));
    run();
    auto task = wait_for_task(worker);
    // What was handed out when the slot died is void or holds; in the end one worker completes it.
    auto done = answer_to(completion(task.task_token(), {complete_command()}));
    if (!done) {
      CHECK(done.error().code == not_found);
      task = wait_for_task(poll());
      complete_task(task.task_token(), {complete_command()});
    }
    CHECK(history(id).back() == 2);
  }
  CHECK(shared().calls_under_way.load() == 0);
  CHECK(shared().early_starts.load() == 0);
}

TEST_CASE_FIXTURE(supervised, "a bridge that dies answers its calls UNAVAILABLE, and others live") {
  start_workflow("w");
  std::vector<made_call> polls;
  for (int i = 0; i < 8; ++i)
    polls.push_back(send_request(poll_request("other"), poll_options()));
  run();
  kill(server().bridge().actor(1));
  run();
  int lost = 0;
  for (const auto& p : polls) {
    if (!p.answered())
      continue;
    ++lost;
    REQUIRE_FALSE(p.answer());
    CHECK(p.answer().error().code == unavailable);
  }
  CHECK(lost == 2);
  // None of the tasks goes to a poll that nobody waits for any more.
  for (int i = 0; i < 6; ++i) {
    auto r = start_request("o" + std::to_string(i));
    r.mutable_task_queue()->set_name("other");
    ok<ws::StartWorkflowExecutionResponse>(r);
  }
  run();
  for (const auto& p : polls)
    CHECK(p.answered());
  for (int i = 0; i < 8; ++i)
    ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
}

TEST_CASE_FIXTURE(supervised, "at whatever moment a bridge dies, its tasks reach a worker") {
  for (int jobs = 0; jobs < 30; ++jobs) {
    INFO(jobs);
    auto id = "w" + std::to_string(jobs);
    start_workflow(id);
    auto worker = send_request(poll_request(), poll_options());
    run_jobs(jobs);
    for (std::size_t i = 0; i < 4; ++i)
      kill(server().bridge().actor(i));
    run();
    REQUIRE(worker.answered());
    if (!worker.answer()) {
      CHECK(worker.answer().error().code == unavailable);
      // Within a second somebody else has it.
      worker = poll();
      for (int i = 0; i < 10 && !worker.answered(); ++i)
        advance(100ms);
    }
    REQUIRE(worker.answered());
    auto task = read<ws::PollWorkflowTaskQueueResponse>(worker.answer());
    CHECK(task.attempt() == 1);
    complete_task(task.task_token(), {complete_command()});
  }
}

TEST_CASE_FIXTURE(supervised, "a bridge's death that is told twice costs no call of the next one") {
  start_workflow("w");
  std::vector<made_call> before;
  for (int i = 0; i < 4; ++i)
    before.push_back(send_request(poll_request("other"), poll_options()));
  run();
  // There is no memory for the rest of the work when the next one is in its place.
  auto failures = 1;
  shared().allocation_fails = [&](actors::allocation where) {
    return where == actors::allocation::farewell && failures-- > 0;
  };
  auto dead = server().bridge().actor(1);
  kill(dead);
  run();
  CHECK(failures < 1);
  CHECK(server().bridge().actor(1) != dead);
  std::vector<made_call> between;
  for (int i = 0; i < 4; ++i)
    between.push_back(send_request(poll_request("other"), poll_options()));
  auto next = server().bridge().actor(1);
  advance(1s);
  CHECK(server().bridge().actor(1) == next);
  auto ended = [](const std::vector<made_call>& all) {
    return std::ranges::count_if(all, [](const made_call& c) { return c.answered(); });
  };
  CHECK(ended(before) == 1);
  CHECK(ended(between) == 0);
  // The server that ends asks, too, and what is counted here is gone by then.
  shared().allocation_fails = nullptr;
}

TEST_CASE_FIXTURE(supervised,
                  "a handler that throws answers INTERNAL, one without memory says so") {
  start_workflow("w");
  shared().allocation_fails = [](actors::allocation where) -> bool {
    if (where == actors::allocation::handler)
      throw std::runtime_error("told to");
    return false;
  };
  CHECK(refusal(signal_request("w")).code == internal);
  shared().allocation_fails = [](actors::allocation where) {
    return where == actors::allocation::handler;
  };
  CHECK(refusal(signal_request("w")).code == resource_exhausted);
  shared().allocation_fails = nullptr;
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
}

TEST_CASE_FIXTURE(supervised, "operators ask what is parked, and of what") {
  auto nothing = call(std::string{own} + "ListParkedWorkflows", "\x0a\x07"
                                                                "default");
  REQUIRE(nothing.answered());
  REQUIRE(nothing.answer());
  CHECK(nothing.answer()->empty());
  auto unknown = call(std::string{own} + "UnparkWorkflow", "\x0a\x07"
                                                           "default\x12\x01w");
  REQUIRE(unknown.answered());
  REQUIRE_FALSE(unknown.answer());
  CHECK(unknown.answer().error().code == not_found);
}
