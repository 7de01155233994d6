#include "tests/support/outside_commands.hpp"
#include "tests/support/post.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <tuple>

namespace reprise::testing {

SCENARIO("commands to other workflows are checked") {
  engine_fixture f;
  f.start();
  std::string bad_signal = "BadSignalWorkflowExecutionAttributes: ";
  std::string on_signal = " SignalExternalWorkflowExecutionCommand.";
  std::string bad_cancel = "BadRequestCancelExternalWorkflowExecutionAttributes: ";
  std::string on_cancel = " RequestCancelExternalWorkflowExecutionCommand.";
  auto s = signal_external();
  auto& signal = *s.mutable_signal_external_workflow_execution_command_attributes();
  auto c = cancel_external();
  auto& cancel = *c.mutable_request_cancel_external_workflow_execution_command_attributes();
  WHEN("a signal has no target") {
    signal.clear_execution();
    CHECK(told(f, {s}) == bad_signal + "Execution is not set on" + on_signal);
  }
  WHEN("a signal has no workflow id") {
    CHECK(told(f, {signal_external("")})
          == bad_signal + "WorkflowId is not set on" + on_signal
               + " Namespace= RunId= SignalName=s");
  }
  WHEN("a signal has no name") {
    CHECK(told(f, {signal_external("other", "")})
          == bad_signal + "SignalName is not set on" + on_signal
               + " WorkflowId=other Namespace= RunId=");
  }
  WHEN("a signal's run id is none") {
    signal.mutable_execution()->set_run_id("run");
    CHECK(told(f, {s})
          == bad_signal + "Invalid RunId set on" + on_signal
               + " WorkflowId=other Namespace= RunId=run SignalName=s");
  }
  WHEN("a cancel has no workflow id") {
    CHECK(told(f, {cancel_external("")})
          == bad_cancel + "WorkflowId is not set on" + on_cancel + " Namespace= RunId=");
  }
  WHEN("a cancel's run id is none") {
    cancel.set_run_id("run");
    CHECK(told(f, {c})
          == bad_cancel + "Invalid RunId set on" + on_cancel
               + " WorkflowId=other RunId=run Namespace=");
  }
  WHEN("a child is started and cancelled in one completion") {
    CHECK(told(f, {child("other"), c})
          == bad_cancel
               + "Start and RequestCancel for child workflow is not allowed in same workflow task. "
                 "WorkflowId=other RunId= Namespace=");
  }
  WHEN("the cancel comes first") {
    CHECK_FALSE(f.complete(f.poll(), {c, child("other")}).answer.failure);
  }
}

namespace {

command child_only(command c) {
  if (c.has_signal_external_workflow_execution_command_attributes())
    c.mutable_signal_external_workflow_execution_command_attributes()->set_child_workflow_only(
      true);
  else
    c.mutable_request_cancel_external_workflow_execution_command_attributes()
      ->set_child_workflow_only(true);
  return c;
}

/// The first message of "wf" goes to its receiver, and the answer back.
void exchange(post& all) {
  auto m = all.take("wf");
  auto said = all.deliver("wf", m);
  REQUIRE(said);
  REQUIRE(all.answer("wf", *said));
  all.forget(m);
}

history_event last_event_of(const activity_fixture& f, enums::EventType type) {
  for (std::size_t run = f.runs.size(); run-- > 0;) {
    auto events = f.events_of(run);
    for (auto i = events.rbegin(); i != events.rend(); ++i)
      if (i->event_type() == type)
        return *i;
  }
  FAIL("no such event");
  return {};
}

/// How often the workflow was told by name "s", or asked to cancel, in all its runs.
std::size_t times_told(const activity_fixture& f) {
  std::size_t n = 0;
  for (std::size_t run = 0; run < f.runs.size(); ++run) {
    for (const auto& event : f.events_of(run))
      n += event.has_workflow_execution_signaled_event_attributes()
           || event.has_workflow_execution_cancel_requested_event_attributes();
    for (const auto& event : f.runs[run].state.buffered_events())
      n += event.has_workflow_execution_signaled_event_attributes()
           || event.has_workflow_execution_cancel_requested_event_attributes();
  }
  return n;
}

} // namespace

SCENARIO("a signal to another workflow carries all it was given, and both tell of the other") {
  post all;
  auto& f = all.at("wf");
  auto& other = all.at("other");
  other.start();
  f.start();
  auto c = signal_external();
  auto& a = *c.mutable_signal_external_workflow_execution_command_attributes();
  *a.mutable_input() = payloads("1");
  (*a.mutable_header()->mutable_fields())["h"] = payloads("2").payloads(0);
  a.set_control("c");
  f.complete(f.poll(), {c});
  CHECK(f.types().back() == "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED");
  CHECK(engine::undelivered_since(f.state()).has_value());
  exchange(all);
  const auto told = last_event_of(other, enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
                      .workflow_execution_signaled_event_attributes();
  CHECK(told.signal_name() == "s");
  CHECK(told.input().payloads(0).data() == "1");
  CHECK(told.header().fields().at("h").data() == "2");
  CHECK(told.identity() == "history-service");
  CHECK(told.external_workflow_execution().workflow_id() == "wf");
  CHECK(told.external_workflow_execution().run_id() == f.state().created().run_id());
  CHECK(is_uuid(told.request_id()));
  const auto done = last_event_of(f, enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED)
                      .external_workflow_execution_signaled_event_attributes();
  CHECK(done.initiated_event_id() == 5);
  CHECK(done.control() == "c");
  CHECK(done.namespace_() == "default");
  CHECK(done.namespace_id() == "namespace-id");
  CHECK(done.workflow_execution().workflow_id() == "other");
  CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
  CHECK(all.is_quiet("wf"));
  CHECK(all.remembered() == 0);
}

SCENARIO("a request to cancel another workflow tells it why, and which event asked") {
  post all;
  auto& f = all.at("wf");
  auto& other = all.at("other");
  other.start();
  f.start();
  auto c = cancel_external();
  c.mutable_request_cancel_external_workflow_execution_command_attributes()->set_reason("why");
  f.complete(f.poll(), {c});
  exchange(all);
  const auto told = last_event_of(other, enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
                      .workflow_execution_cancel_requested_event_attributes();
  CHECK(told.cause() == "why");
  CHECK(told.external_initiated_event_id() == 5);
  CHECK(told.external_workflow_execution().workflow_id() == "wf");
  CHECK(told.identity() == "history-service");
  AND_WHEN("it is asked again, it hears nothing new, and the sender that it was done") {
    f.complete(f.poll(), {c});
    exchange(all);
    CHECK(times_told(other) == 1);
    CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
    CHECK(f.state().external_cancels().empty());
  }
}

SCENARIO("a signal that reaches nobody fails with its cause, and its sender lives") {
  post all;
  auto& f = all.at("wf");
  auto& other = all.at("other");
  f.start();
  auto c = signal_external();
  auto& execution
    = *c.mutable_signal_external_workflow_execution_command_attributes()->mutable_execution();
  auto cause
    = enums::SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND;
  SUBCASE("the id has no run") {
  }
  SUBCASE("its run is closed") {
    other.start();
    other.terminate();
  }
  SUBCASE("it has no such run") {
    other.start();
    execution.set_run_id("11111111-1111-4111-8111-111111111111");
  }
  SUBCASE("it is the sender") {
    execution.set_workflow_id("wf");
  }
  SUBCASE("it is no child") {
    other.start();
    c = child_only(c);
  }
  SUBCASE("it had all the signals that a run may have") {
    other.bounds.signals_max = 0;
    other.start();
    cause = enums::SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_SIGNAL_COUNT_LIMIT_EXCEEDED;
  }
  f.complete(f.poll(), {c});
  exchange(all);
  CHECK(times_told(other) == 0);
  CHECK(last_event_of(f, enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED)
          .signal_external_workflow_execution_failed_event_attributes()
          .cause()
        == cause);
  CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
  CHECK(all.is_quiet("wf"));
}

SCENARIO("a request to cancel fails where nobody is, and is done where a workflow is over") {
  post all;
  auto& f = all.at("wf");
  auto& other = all.at("other");
  f.start();
  auto c = cancel_external();
  auto& a = *c.mutable_request_cancel_external_workflow_execution_command_attributes();
  auto done = false;
  SUBCASE("the id has no run") {
  }
  SUBCASE("it has no such run") {
    other.start();
    a.set_run_id("11111111-1111-4111-8111-111111111111");
  }
  SUBCASE("it is the sender") {
    a.set_workflow_id("wf");
  }
  SUBCASE("it is no child") {
    other.start();
    c = child_only(c);
  }
  SUBCASE("its run is closed") {
    other.start();
    other.terminate();
    done = true;
  }
  SUBCASE("the run that is named is closed, and another follows") {
    other.start();
    a.set_run_id(other.state().created().run_id());
    other.terminate();
    other.start();
    done = true;
  }
  f.complete(f.poll(), {c});
  exchange(all);
  CHECK(times_told(other) == 0);
  auto types = f.types();
  auto told = std::ranges::count(types, "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED");
  auto failed = std::ranges::count(types, "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED");
  CHECK(told == (done ? 1 : 0));
  CHECK(failed == (done ? 0 : 1));
  CHECK(all.is_quiet("wf"));
}

SCENARIO("so many may be without an answer, and no more") {
  activity_fixture f;
  f.bounds.pending_external_signals_max = f.bounds.pending_external_cancels_max = 2;
  f.start();
  WHEN("a completion asks for one more") {
    CHECK(told(f, {signal_external(), signal_external(), signal_external()})
          == "PendingSignalsLimitExceeded: the number of pending signals to external workflows, 2, "
             "has reached the per-workflow limit of 2");
    CHECK(f.messages.empty());
    CHECK(f.state().outbox().empty());
    CHECK(f.state().external_signals().empty());
  }
  WHEN("the ones before it were of earlier tasks") {
    f.complete(f.poll(), {cancel_external(), cancel_external()});
    f.signal("go on");
    auto done = f.complete(f.poll(), {signal_external(), cancel_external()});
    REQUIRE(done.answer.failure);
    CHECK(done.answer.failure->message
          == "PendingRequestCancelLimitExceeded: the number of pending requests to cancel external "
             "workflows, 2, has reached the per-workflow limit of 2");
    THEN("what the refused completion had sent is gone, and what was pending is there") {
      CHECK(done.messages.empty());
      CHECK(f.state().outbox().size() == 2);
      CHECK(f.state().external_cancels().size() == 2);
      CHECK(f.state().external_signals().empty());
      CHECK(f.state().last_message_number() == 2);
    }
  }
}

SCENARIO("a long name of a signal is no fault of a workflow") {
  activity_fixture f;
  f.start();
  CHECK_FALSE(
    f.complete(f.poll(), {signal_external("other", std::string(1001, 'n'))}).answer.failure);
  REQUIRE(f.messages.size() == 1);
  CHECK(f.messages[0].signal().signal_name().size() == 1001);
}

SCENARIO("what is asked of others with the end of a run is never sent") {
  activity_fixture f;
  f.start();
  auto end = f.done();
  SUBCASE("it completes") {
  }
  SUBCASE("it fails") {
    end = f.fail_workflow("no");
  }
  SUBCASE("it continues") {
    end = f.continue_as_new();
  }
  CHECK_FALSE(f.complete(f.poll(), {signal_external(), cancel_external(), end}).answer.failure);
  CHECK(f.messages.empty());
  CHECK(f.runs[0].state.outbox().empty());
  auto types = f.types(0);
  CHECK(std::ranges::count(types, "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED") == 1);
  CHECK(std::ranges::count(types, "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED") == 1);
}

SCENARIO("an answer that comes while a task runs waits for its end") {
  post all;
  auto& f = all.at("wf");
  all.at("other").start();
  f.start();
  f.complete(f.poll(), {signal_external()});
  f.signal("go on");
  auto task = f.poll();
  exchange(all);
  CHECK(f.state().external_signals().empty());
  CHECK(f.state().buffered_events_size() == 1);
  WHEN("the task wants to close its run, it has not seen everything") {
    CHECK(f.text_of(f.complete(task, {f.done()})) == "UnhandledCommand");
  }
  WHEN("it is completed, another one shows the answer") {
    f.complete(task);
    CHECK(f.types_after(8)
          == names{"WORKFLOW_TASK_COMPLETED", "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED",
                   "WORKFLOW_TASK_SCHEDULED"});
  }
}

SCENARIO("each answer is a transition of its own, and the first one brings the task") {
  post all;
  auto& f = all.at("wf");
  all.at("a").start();
  f.start();
  f.complete(f.poll(), {signal_external("a"), signal_external("b"), cancel_external("a")});
  auto messages = all.again("wf");
  REQUIRE(messages.size() == 3);
  auto before = f.state().state_transition_count();
  for (const auto& m : messages) {
    auto said = all.deliver("wf", m);
    REQUIRE(said);
    all.answer("wf", *said);
  }
  CHECK(f.state().state_transition_count() == before + 3);
  CHECK(f.types_after(7)
        == names{"EXTERNAL_WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED",
                 "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED",
                 "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED"});
}

SCENARIO("a workflow that is about to close says nothing until it has") {
  post all;
  auto& f = all.at("wf");
  auto& other = all.at("other");
  other.start();
  auto task = other.poll();
  other.signal("unseen");
  other.complete(task, {other.done()});
  auto again = other.poll();
  REQUIRE(other.state().header().close_attempted());
  f.start();
  f.complete(f.poll(), {signal_external()});
  auto m = all.take("wf");
  CHECK_FALSE(all.deliver("wf", m));
  other.complete(again, {other.done()});
  auto said = all.deliver("wf", m);
  REQUIRE(said);
  CHECK(said->answer().code() == static_cast<int>(errc::not_found));
  CHECK(said->answer().text() == "workflow execution already completed");
}

SCENARIO("a copy that was under way for too long is not taken") {
  post all;
  auto& f = all.at("wf");
  auto& other = all.at("other");
  other.start();
  f.start();
  f.complete(f.poll(), {signal_external()});
  auto m = all.take("wf");
  CHECK_FALSE(other.apply(post::delivery("wf", m, other.now - 10min - 1s)).taken);
  CHECK(times_told(other) == 0);
  CHECK(other.apply(post::delivery("wf", m, other.now - 10min)).taken);
  CHECK(times_told(other) == 1);
}

SCENARIO("a run that is over takes answers as facts, and stays until it has them") {
  post all;
  auto& f = all.at("wf");
  all.at("other").start();
  f.start();
  f.complete(f.poll(), {signal_external()});
  f.terminate();
  auto events = f.types();
  CHECK_FALSE(engine::next_deadline(f.state()));
  CHECK(engine::undelivered_since(f.state()).has_value());
  CHECK_FALSE(f.wake_after(48h).erase);
  WHEN("the answer comes, its time is over") {
    exchange(all);
    CHECK(f.types() == events);
    CHECK(all.is_quiet("wf"));
    REQUIRE(engine::next_deadline(f.state()).has_value());
    CHECK(f.wake_after(0s).erase);
  }
  WHEN("it is deleted meanwhile, it goes with the answer") {
    cluster::ExecutionRequest remove;
    remove.mutable_delete_execution();
    auto removed = f.apply(remove);
    CHECK_FALSE(removed.answer.failure);
    CHECK_FALSE(removed.erase);
    CHECK_FALSE(f.apply(remove).erase);
    auto said = all.deliver("wf", all.take("wf"));
    REQUIRE(said);
    cluster::ExecutionRequest request;
    *request.mutable_answered() = *said;
    auto done = f.apply(request);
    CHECK(done.erase);
    CHECK(done.forget);
  }
}

SCENARIO("an answer that was written is forgotten, whoever says it again") {
  post all;
  auto& f = all.at("wf");
  all.at("other").start();
  f.start();
  f.complete(f.poll(), {signal_external()});
  auto said = all.deliver("wf", all.take("wf"));
  REQUIRE(said);
  CHECK(all.answer("wf", *said));
  auto events = f.types();
  CHECK(all.answer("wf", *said));
  CHECK(f.types() == events);
  THEN("that of a run which is gone, too") {
    CHECK(all.answer("gone", *said));
  }
  THEN("an answer to another message of that number is none to this one") {
    f.complete(f.poll(), {signal_external()});
    auto other = *said;
    other.set_number(f.state().last_message_number());
    CHECK(all.answer("wf", other));
    CHECK(f.state().external_signals().size() == 1);
  }
}

// -- crashes --------------------------------------------------------------------------------------

namespace {

/// What becomes of one step of an exchange.
enum class fate : std::uint8_t {
  goes_well,
  /// Whoever decided it died before it was durable.
  not_durable,
  /// It is durable, and what it said was lost.
  lost,
};

constexpr std::array fates{fate::goes_well, fate::not_durable, fate::lost};

/// One message on its way there and back, by these fates; then whatever was lost is sent again.
void exchange_by(post& all, fate at_receiver, fate at_sender) {
  auto m = all.take("wf");
  auto said = all.deliver("wf", m, at_receiver != fate::not_durable);
  if (said && at_receiver == fate::goes_well
      && all.answer("wf", *said, at_sender != fate::not_durable) && at_sender == fate::goes_well)
    all.forget(m);
}

/// What happens to the receiver between the first copy and the next.
const std::map<std::string, std::function<void(activity_fixture&)>>& changes() {
  static const std::map<std::string, std::function<void(activity_fixture&)>> all{
    {"nothing", [](activity_fixture&) {}},
    {"closed",
     [](activity_fixture& f) {
       if (!f.runs.empty())
         f.terminate();
     }},
    {"continued",
     [](activity_fixture& f) {
       if (!f.runs.empty() && f.offered())
         f.complete(f.poll(), {f.continue_as_new()});
     }},
    {"reset", post::reset_to_last_task},
    {"deleted", [](activity_fixture& f) { f.runs.clear(); }},
    {"begun anew",
     [](activity_fixture& f) {
       if (!f.runs.empty() && engine::is_open(f.state()))
         f.terminate();
       f.start();
     }},
  };
  return all;
}

} // namespace

TEST_CASE("whoever dies when, and whatever becomes of the receiver: a message has one effect") {
  for (const auto& c : {signal_external(), cancel_external()})
    for (auto is_there : {true, false})
      for (auto at_receiver : fates)
        for (auto at_sender : fates)
          for (const auto& [change, make] : changes()) {
            INFO(enums::CommandType_Name(c.command_type()), is_there ? "" : ", to nobody", ", ",
                 static_cast<int>(at_receiver), " ", static_cast<int>(at_sender), ", ", change);
            post all;
            auto& f = all.at("wf");
            auto& other = all.at("other");
            if (is_there)
              other.start();
            f.start();
            f.complete(f.poll(), {c});
            exchange_by(all, at_receiver, at_sender);
            auto told = times_told(other);
            auto taken = at_receiver != fate::not_durable;
            CHECK(told == (taken && is_there ? 1 : 0));
            make(other);
            auto left = times_told(other);
            all.settle();
            // What was taken is not taken again, whoever has the id now.
            if (taken)
              CHECK(times_told(other) == left);
            // A reset tells again what its run was told.
            CHECK(times_told(other) <= std::max<std::size_t>(taken ? left : 0, 1));
            CHECK(all.is_quiet("wf"));
            CHECK(all.remembered() == 0);
            auto done = 0;
            for (const auto& event : f.events_of(0))
              done += event.has_external_workflow_execution_signaled_event_attributes()
                      || event.has_external_workflow_execution_cancel_requested_event_attributes();
            auto failed = 0;
            for (const auto& event : f.events_of(0))
              failed
                += event.has_signal_external_workflow_execution_failed_event_attributes()
                   || event
                        .has_request_cancel_external_workflow_execution_failed_event_attributes();
            CHECK(done + failed == 1);
            if (taken)
              CHECK(done == (is_there ? 1 : 0));
          }
}

} // namespace reprise::testing
