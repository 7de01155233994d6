// A wall clock that somebody sets while the server runs, and a machine that sleeps: what waits
// comes when its time has come by the clock, and never later than its duration by boot time.
#include "engine/machine/proto_time.hpp"
#include "tests/support/server_fixture.hpp"

#include <algorithm>
#include <vector>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct stepped : server_fixture {
  stepped() = default;

  explicit stepped(virtual_server_options options) : server_fixture(std::move(options)) {
  }

  /// As the scheduler of a server does: what comes due is done before more time passes.
  void pass(duration d) {
    constexpr duration step = 250ms;
    for (; d > 0s; d -= step)
      advance(std::min(step, d));
  }

  /// A workflow whose only task waits for a timer of so many seconds.
  void sleep_in_workflow(const std::string& id, std::int64_t seconds) {
    start_workflow(id);
    complete_task(take_workflow_task().task_token(), {timer_command("t", seconds)});
  }

  std::vector<std::int64_t> event_times(const std::string& id) {
    std::vector<std::int64_t> out;
    for (const auto& e :
         ok<ws::GetWorkflowExecutionHistoryResponse>(history_request(id)).history().events())
      out.push_back(engine::from_proto(e.event_time()).time_since_epoch().count());
    return out;
  }

  bool has_fired(const std::string& id) {
    auto types = history(id);
    return std::count(types.begin(), types.end(), enums::EVENT_TYPE_TIMER_FIRED) == 1;
  }

  /// Not asked of the execution, which would look at its deadlines.
  bool is_offered() {
    auto poll = send_request(poll_request(), poll_options());
    run();
    auto answered = poll.answered();
    poll.handle->cancel();
    run();
    return answered;
  }

  std::int64_t shown_ahead() {
    return registry.gauge("reprise_clock_ahead_milliseconds", "").value();
  }
};

/// Executions leave memory at once: their deadlines are the timer's.
struct stepped_without_memory : stepped {
  stepped_without_memory() : stepped({.node = {.memory_budget_bytes = 0}}) {
  }
};

} // namespace

TEST_CASE_FIXTURE(stepped, "a timer fires when the clock that was set forward says so") {
  sleep_in_workflow("w", 3600);
  pass(1min);
  time.set_by += 2h;
  pass(1s);
  CHECK(is_offered());
  CHECK(has_fired("w"));
}

TEST_CASE_FIXTURE(stepped, "a clock that is set forward by less brings a timer nearer by that") {
  sleep_in_workflow("w", 3600);
  time.set_by += 59min;
  pass(58s);
  CHECK_FALSE(is_offered());
  pass(3s);
  CHECK(is_offered());
}

TEST_CASE_FIXTURE(stepped_without_memory, "a timer of an idle run fires after a step forward") {
  sleep_in_workflow("w", 3600);
  pass(1min);
  time.set_by += 2h;
  pass(2s);
  CHECK(is_offered());
}

TEST_CASE_FIXTURE(stepped_without_memory, "a timer behind the read window fires after a step") {
  sleep_in_workflow("w", 24 * 3600);
  pass(1min);
  time.set_by += 23h + 50min;
  pass(1s);
  CHECK_FALSE(is_offered());
  pass(9min + 3s);
  CHECK(is_offered());
}

TEST_CASE_FIXTURE(stepped, "no timer is late after the clock was set back") {
  sleep_in_workflow("w", 1200);
  pass(1min);
  time.set_by -= 24h;
  pass(19min + 1s);
  CHECK(is_offered());
  auto times = event_times("w");
  CHECK(std::is_sorted(times.begin(), times.end()));
}

TEST_CASE_FIXTURE(stepped, "a timer that is started after a step back takes its time") {
  time.set_by -= 24h;
  sleep_in_workflow("w", 1200);
  pass(20min - 2s);
  CHECK_FALSE(is_offered());
  pass(3s);
  CHECK(is_offered());
}

TEST_CASE_FIXTURE(stepped, "a machine that slept has its timers fire when it wakes") {
  sleep_in_workflow("w", 3600);
  pass(1min);
  time.offset += 2h;
  pass(1s);
  CHECK(is_offered());
}

TEST_CASE_FIXTURE(stepped_without_memory, "a machine that slept wakes idle runs, too") {
  sleep_in_workflow("w", 3600);
  time.offset += 2h;
  pass(2s);
  CHECK(is_offered());
}

TEST_CASE_FIXTURE(stepped, "a poll ends in its time, whatever becomes of the clock") {
  for (auto set_by : {1h, 24h, -1h, -24h}) {
    CAPTURE(set_by.count());
    auto poll = send_request(poll_request(), poll_options());
    pass(10s);
    time.set_by += set_by;
    pass(set_by > 0h ? 1s : 51s);
    CHECK(poll.answered());
  }
}

TEST_CASE_FIXTURE(stepped, "who waits for news is answered in time after the clock was set") {
  for (auto set_by : {24h, -24h}) {
    start_workflow("w" + std::to_string(set_by.count()));
    auto request = history_request("w" + std::to_string(set_by.count()));
    request.set_wait_new_event(true);
    request.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
    auto waiting = send_request(request, poll_options());
    run();
    REQUIRE_FALSE(waiting.answered());
    time.set_by += set_by;
    pass(set_by > 0h ? 1s : 21s);
    CHECK(waiting.answered());
  }
}

TEST_CASE_FIXTURE(stepped, "a retry of an activity comes after its pause of boot time") {
  start_workflow("w");
  auto command = activity_command("a");
  auto& a = *command.mutable_schedule_activity_task_command_attributes();
  a.mutable_retry_policy()->mutable_initial_interval()->set_seconds(30);
  complete_task(take_workflow_task().task_token(), {command});
  auto task = take_activity_task();
  time.set_by -= 24h;
  ws::RespondActivityTaskFailedRequest failed;
  failed.set_namespace_("default");
  failed.set_task_token(task.task_token());
  failed.mutable_failure()->mutable_application_failure_info();
  ok<ws::RespondActivityTaskFailedResponse>(failed);
  time.set_by -= 1h;
  pass(31s);
  CHECK(take_activity_task().attempt() == 2);
}

TEST_CASE_FIXTURE(stepped, "a metric says how far the server is ahead of the machine") {
  pass(1s);
  CHECK(shown_ahead() == 0);
  time.set_by -= 1h;
  pass(1s);
  CHECK(shown_ahead() > 3'599'000);
  CHECK(shown_ahead() <= 3'600'000);
  time.set_by += 2h;
  pass(1s);
  CHECK(shown_ahead() == 0);
}
