#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

SCENARIO("timers fire by their deadlines, all that are due in one step") {
  activity_fixture f;
  f.run_with({f.timer("third", 3s), f.timer("first", 1s), f.timer("equal-b", 2s),
              f.timer("equal-a", 2s), f.timer("later", 9s)});
  CHECK(engine::next_deadline(f.state()) == f.now + 1s);
  auto fired = f.wake_after(4s);
  CHECK(fired.written.event_count == 5);
  std::vector<std::int64_t> started;
  for (const auto& event : f.events_of(0))
    if (event.has_timer_fired_event_attributes())
      started.push_back(event.timer_fired_event_attributes().started_event_id());
  CHECK(started == std::vector<std::int64_t>{6, 7, 8, 5});
  CHECK(engine::next_deadline(f.state()) == f.now + 5s);
}

SCENARIO("a timer of no time fires at once, and never early") {
  activity_fixture f;
  f.run_with({f.timer("zero", 0s), f.timer("one", 1s)});
  CHECK(engine::next_deadline(f.state()) <= f.now);
  f.wake_after(0s);
  CHECK(f.types_after(6) == names{"TIMER_FIRED", "WORKFLOW_TASK_SCHEDULED"});
  CHECK(f.wake_after(1s - 1ns).written.empty());
  CHECK_FALSE(f.wake_after(1ns).written.empty());
}

SCENARIO("a timer that fired unseen can be cancelled, and unblocks a close") {
  activity_fixture f;
  f.run_with({f.timer("t", 1s)});
  f.signal("s");
  auto task = f.poll();
  f.wake_after(1s);
  CHECK(f.state().timers().empty());
  SUBCASE("cancelled, then closed") {
    CHECK_FALSE(f.complete(task, {f.cancel_timer("t"), f.done()}).answer.failure);
    CHECK(f.types_after(8)
          == names{"WORKFLOW_TASK_COMPLETED", "TIMER_CANCELED", "WORKFLOW_EXECUTION_COMPLETED"});
    const auto event = f.last_event(enums::EVENT_TYPE_TIMER_CANCELED);
    CHECK(event.timer_canceled_event_attributes().started_event_id() == 5);
  }
  SUBCASE("with something else unseen the close is refused") {
    f.signal("unseen");
    CHECK(f.text_of(f.complete(task, {f.cancel_timer("t"), f.done()})) == "UnhandledCommand");
  }
  SUBCASE("its id is free for another, which the first one's flush leaves alone") {
    f.complete(task, {f.timer("t", 5s)});
    CHECK(f.state().timers().contains("t"));
    CHECK(
      f.last_event(enums::EVENT_TYPE_TIMER_FIRED).timer_fired_event_attributes().started_event_id()
      == 5);
  }
}

SCENARIO("a bad timer command fails the task with the API's words") {
  activity_fixture f;
  f.start();
  auto task = f.poll();
  std::string text;
  std::vector<command> commands;
  SUBCASE("no id") {
    commands = {f.timer("", 1s)};
    text = "BadStartTimerAttributes: TimerId is not set on StartTimerCommand.";
  }
  SUBCASE("negative") {
    commands = {f.timer("t", -1s)};
    text = "BadStartTimerAttributes: An invalid StartToFireTimeout is set on StartTimerCommand: "
           "negative duration. TimerId=t";
  }
  SUBCASE("twice") {
    commands = {f.timer("t", 1s), f.timer("t", 1s)};
    text = "StartTimerDuplicateId: invalid history builder state for action: "
           "add-timer-started-event, TimerID: t";
  }
  SUBCASE("cancel unknown") {
    commands = {f.cancel_timer("t")};
    text = "BadCancelTimerAttributes: invalid history builder state for action: "
           "add-timer-canceled-event, TimerID: t";
  }
  auto refused = f.complete(task, commands);
  CHECK(f.text_of(refused) == text);
  CHECK(f.state().timers().empty());
  CHECK(f.types_after(3) == names{"WORKFLOW_TASK_FAILED"});
}

SCENARIO("2000 timers and 2000 activities are pending at once") {
  activity_fixture f;
  f.start();
  std::vector<command> commands;
  constexpr int count = 2000;
  for (int i = 0; i < count; ++i) {
    commands.push_back(f.timer("t" + std::to_string(i), duration{1h}));
    commands.push_back(f.activity("a" + std::to_string(i)));
  }
  f.complete(f.poll(), commands);
  CHECK(engine::undelivered_tasks(f.state(), f.now).size() == count);
  CHECK(engine::next_deadline(f.state()) == f.now + 100s);
  WHEN("one more activity is asked for, the task fails and the workflow lives") {
    f.signal("s");
    CHECK(f.text_of(f.complete(f.poll(), {f.activity("more")}))
          == "PendingActivitiesLimitExceeded: the number of pending activities, 2000, has reached "
             "the per-workflow limit of 2000");
    CHECK(engine::is_open(f.state()));
  }
}

} // namespace reprise::testing
