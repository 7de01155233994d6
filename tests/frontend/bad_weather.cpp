// A whole server on a store that fails: what callers are told, and that nothing is lost.
#include "tests/support/forgetful_disk.hpp"
#include "tests/support/server_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
using enum reprise::errc;
using store::fault;
using store::operation;

namespace {

struct weather : server_fixture {
  void fail_writes(fault::kind how) {
    decide_fault = [how](operation what) {
      return what == operation::read ? fault{} : fault{.what = how};
    };
  }

  void fail_all() {
    decide_fault = [](operation) { return fault{.what = fault::kind::before}; };
  }

  void clear_up() {
    decide_fault = nullptr;
    // A run whose write was lost is tried again after a second or two.
    advance(10s);
  }

  ws::RespondActivityTaskCompletedRequest result_of(const std::string& token) {
    ws::RespondActivityTaskCompletedRequest r;
    r.set_namespace_("default");
    r.set_task_token(token);
    return r;
  }
};

} // namespace

TEST_CASE_FIXTURE(weather,
                  "a start that could not be written is UNAVAILABLE, and done once later") {
  fail_writes(fault::kind::before);
  CHECK(refusal(start_request("w")).code == unavailable);
  CHECK(refusal(start_request("w")).code == unavailable);
  clear_up();
  CHECK(count() == 0);
  start_workflow("w");
  CHECK(count() == 1);
  CHECK(history("w") == std::vector<int>{1, 5});
}

TEST_CASE_FIXTURE(weather, "a start that was written but not confirmed is there once") {
  fail_writes(fault::kind::after);
  auto why = refusal(start_request("w"));
  CHECK(why.code == unavailable);
  clear_up();
  CHECK(count() == 1);
  // The same request again finds what it did.
  auto run_id = start_workflow("w");
  CHECK(count() == 1);
  // What the lost life would have offered is offered again.
  advance(5s);
  auto task = take_workflow_task();
  CHECK(task.workflow_execution().run_id() == run_id);
}

TEST_CASE_FIXTURE(weather, "signals that were refused and sent again arrive once") {
  start_workflow("w");
  auto signal = signal_request("w");
  signal.set_request_id("only-once");
  for (auto how : {fault::kind::before, fault::kind::after}) {
    fail_writes(how);
    CHECK(refusal(signal).code == unavailable);
    clear_up();
  }
  ok<ws::SignalWorkflowExecutionResponse>(signal);
  CHECK(history("w") == std::vector<int>{1, 5, 26});
}

TEST_CASE_FIXTURE(weather, "reads that the store cannot answer are UNAVAILABLE") {
  start_workflow("w");
  // More than what an execution keeps of its history in memory.
  auto signal = signal_request("w");
  signal.mutable_input()->add_payloads()->set_data(std::string(100'000, 'x'));
  ok<ws::SignalWorkflowExecutionResponse>(signal);
  restart();
  fail_all();
  CHECK(refusal(history_request("w")).code == unavailable);
  CHECK(refusal(list_request()).code == unavailable);
  ws::CountWorkflowExecutionsRequest counted;
  counted.set_namespace_("default");
  CHECK(refusal(counted).code == unavailable);
  ws::RegisterNamespaceRequest ns;
  ns.set_namespace_("new");
  ns.mutable_workflow_execution_retention_period()->set_seconds(86'400);
  CHECK(refusal(ns).code == unavailable);
  clear_up();
  CHECK(history("w") == std::vector<int>{1, 5, 26});
  CHECK(count() == 1);
  ok<ws::RegisterNamespaceResponse>(ns);
}

TEST_CASE_FIXTURE(weather, "what needs no store goes on without it") {
  fail_all();
  ok<ws::GetSystemInfoResponse>(ws::GetSystemInfoRequest{});
  ws::DescribeNamespaceRequest r;
  r.set_namespace_("default");
  ok<ws::DescribeNamespaceResponse>(r);
}

TEST_CASE_FIXTURE(weather,
                  "a poll waits through the outage and gets the task that comes after it") {
  auto poll = send_request(poll_request(), poll_options());
  run();
  fail_all();
  CHECK(refusal(start_request("w")).code == unavailable);
  advance(5s);
  CHECK_FALSE(poll.answered());
  clear_up();
  start_workflow("w");
  REQUIRE(poll.answered());
  auto task = read<ws::PollWorkflowTaskQueueResponse>(poll.answer());
  CHECK(task.workflow_execution().workflow_id() == "w");
  complete_task(task.task_token(), {complete_command()});
}

TEST_CASE_FIXTURE(weather, "a completion that was refused holds when it is sent again") {
  start_workflow("w");
  auto token = take_workflow_task().task_token();
  fail_writes(fault::kind::before);
  auto completed = completion(token, {activity_command("a")});
  CHECK(refusal(completed).code == unavailable);
  decide_fault = nullptr;
  advance(4s);
  ok<ws::RespondWorkflowTaskCompletedResponse>(completed);
  auto activity = take_activity_task().task_token();
  fail_writes(fault::kind::before);
  CHECK(refusal(result_of(activity)).code == unavailable);
  clear_up();
  ok<ws::RespondActivityTaskCompletedResponse>(result_of(activity));
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 10, 11, 12, 5});
}

TEST_CASE_FIXTURE(weather, "a timer that was due in the outage fires after it, once") {
  start_workflow("w");
  complete_task(take_workflow_task().task_token(), {timer_command("t", 5)});
  fail_all();
  advance(60s);
  clear_up();
  advance(60s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
}

TEST_CASE_FIXTURE(weather, "a server that starts while the store is down serves when it is up") {
  start_workflow("w");
  bool serves = false;
  on_serving = [&](bool on) { serves = on; };
  fail_all();
  restart();
  CHECK_FALSE(serves);
  auto again = start_request("v");
  auto why = refusal(again);
  CHECK((why.code == unavailable || why.code == not_found));
  advance(30s);
  CHECK_FALSE(serves);
  clear_up();
  CHECK(serves);
  CHECK(history("w") == std::vector<int>{1, 5});
  ok<ws::StartWorkflowExecutionResponse>(again);
}

// -- SQLite on a disk that fails ------------------------------------------------------------------

namespace {

/// A whole server on SQLite on a forgetful disk.
struct disk_weather {
  explicit disk_weather(const std::string& name) : disk("weather-" + name) {
    open();
  }

  void open() {
    server.reset();
    disk.power_on();
    auto opened = store::open_sqlite({.path = folder.file("store.db"), .vfs = disk.name()});
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
    virtual_server_options options;
    options.store = std::shared_ptr<store::store>{std::move(*opened)};
    server = std::make_unique<server_fixture>(std::move(options));
    REQUIRE(server->prepared);
  }

  /// Starts runs until one is refused, then lets them be tried again; answers who was told yes.
  std::vector<std::string> start_some(const std::string& prefix, int n) {
    std::vector<std::string> accepted;
    for (int i = 0; i < n; ++i) {
      auto id = prefix + std::to_string(i);
      auto answer = server->answer_to(server_fixture::start_request(id));
      if (answer)
        accepted.push_back(id);
      else
        CHECK(answer.error().code == unavailable);
    }
    return accepted;
  }

  temporary_folder folder{};
  test::forgetful_disk disk;
  std::unique_ptr<server_fixture> server{};
};

} // namespace

TEST_CASE("a full disk refuses writes as UNAVAILABLE, lets reads go on, and ends by itself") {
  disk_weather w{"full"};
  auto kept = w.start_some("before-", 20);
  REQUIRE(kept.size() == 20);
  w.disk.set_full(true);
  auto lucky = w.start_some("during-", 20);
  CHECK(lucky.size() < 20);
  CHECK(w.server->history("before-0") == std::vector<int>{1, 5});
  CHECK(!w.server->below().check());
  w.disk.set_full(false);
  CHECK(w.server->below().check());
  w.server->advance(10s);
  // All were sent again: nothing is there twice.
  CHECK(w.start_some("during-", 20).size() == 20);
  CHECK(w.server->count() == 40);
  w.disk.crash();
  w.open();
  CHECK(w.server->count() == 40);
}

TEST_CASE("a disk that cannot sync loses nothing that was answered, over a power cut") {
  disk_weather w{"sync"};
  auto kept = w.start_some("before-", 5);
  w.disk.set_sync_fails(true);
  CHECK(w.start_some("during-", 5).empty());
  w.disk.set_sync_fails(false);
  w.server->advance(10s);
  auto after = w.start_some("during-", 5);
  CHECK(after.size() == 5);
  CHECK(w.server->count() == 10);
  w.disk.crash();
  w.open();
  CHECK(w.server->count() == 10);
  for (const auto& id : kept)
    CHECK(w.server->history(id) == std::vector<int>{1, 5});
}

TEST_CASE("what was answered survives a power cut in the middle of the work") {
  disk_weather w{"cut"};
  w.server->start_workflow("w");
  w.server->complete_task(w.server->take_workflow_task().task_token(),
                          {server_fixture::activity_command("a")});
  auto token = w.server->take_activity_task().task_token();
  w.disk.crash();
  w.open();
  ws::RespondActivityTaskCompletedRequest done;
  done.set_namespace_("default");
  done.set_task_token(token);
  w.server->ok<ws::RespondActivityTaskCompletedResponse>(done);
  CHECK(w.server->history("w") == std::vector<int>{1, 5, 6, 7, 10, 11, 12, 5});
}
