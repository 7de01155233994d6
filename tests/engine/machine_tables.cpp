// Every request, command and event in every state of a run: what must hold of all of them, and that
// none is forgotten. (The fixture compares each step with a replay.)

#include "engine/machine/features.hpp"
#include "tests/support/outside_commands.hpp"
#include "tests/support/post.hpp"
#include "tests/support/staged_fixture.hpp"

#include <google/protobuf/descriptor.h>

#include <functional>
#include <map>

namespace reprise::testing {

namespace {

using body = cluster::ExecutionRequest::BodyCase;
using request_maker = std::function<void(cluster::ExecutionRequest&, staged_fixture&)>;

void of_activity(cluster::ExecutionRequest& r, staged_fixture& f) {
  *r.mutable_token() = f.activity_token.scheduled_event_id() != 0 ? f.activity_token
                                                                  : f.id_token("a");
}

void of_task(cluster::ExecutionRequest& r, staged_fixture& f) {
  if (f.task)
    *r.mutable_token() = f.task->token();
}

/// The offer that is out for a task of this kind, or else one that is long obsolete.
cluster::Task offer_of(staged_fixture& f, cluster::Task::Kind kind) {
  for (const auto& task :
       f.runs.empty() ? std::vector<cluster::Task>{} : engine::undelivered_tasks(f.state(), f.now))
    if (task.kind() == kind)
      return task;
  cluster::Task out;
  out.set_kind(kind);
  out.set_scheduled_event_id(2);
  out.set_attempt(1);
  return out;
}

/// For each request that the engine decides, one that a run can take.
const std::map<body, request_maker>& makers() {
  using r = cluster::ExecutionRequest;
  static const std::map<body, request_maker> all{
    {r::kStart, [](r& q, staged_fixture& f) { *q.mutable_start() = f.start_request(); }},
    {r::kSignalWithStart,
     [](r& q, staged_fixture&) {
       auto& s = *q.mutable_signal_with_start();
       s.mutable_workflow_type()->set_name("type");
       s.mutable_task_queue()->set_name("tq");
       s.set_signal_name("s");
     }},
    {r::kSignal, [](r& q, staged_fixture&) { q.mutable_signal()->set_signal_name("s"); }},
    {r::kRequestCancel, [](r& q, staged_fixture&) { q.mutable_request_cancel(); }},
    {r::kTerminate, [](r& q, staged_fixture&) { q.mutable_terminate(); }},
    {r::kDescribe, [](r& q, staged_fixture&) { q.mutable_describe(); }},
    {r::kDeleteExecution, [](r& q, staged_fixture&) { q.mutable_delete_execution(); }},
    {r::kUpdateOptions,
     [](r& q, staged_fixture&) {
       auto& u = *q.mutable_update_options();
       u.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(3);
       u.mutable_update_mask()->add_paths("priority");
     }},
    {r::kResetSticky, [](r& q, staged_fixture&) { q.mutable_reset_sticky(); }},
    {r::kCompleteWorkflowTask,
     [](r& q, staged_fixture& f) {
       of_task(q, f);
       q.mutable_complete_workflow_task();
     }},
    {r::kFailWorkflowTask,
     [](r& q, staged_fixture& f) {
       of_task(q, f);
       q.mutable_fail_workflow_task();
     }},
    {r::kCompleteActivity,
     [](r& q, staged_fixture& f) {
       of_activity(q, f);
       q.mutable_complete_activity();
     }},
    {r::kFailActivity,
     [](r& q, staged_fixture& f) {
       of_activity(q, f);
       auto& failure = *q.mutable_fail_activity()->mutable_failure();
       failure.mutable_application_failure_info()->set_non_retryable(true);
     }},
    {r::kCancelActivity,
     [](r& q, staged_fixture& f) {
       of_activity(q, f);
       q.mutable_cancel_activity();
     }},
    {r::kHeartbeatActivity,
     [](r& q, staged_fixture& f) {
       of_activity(q, f);
       q.mutable_heartbeat_activity();
     }},
    {r::kPauseActivity, [](r& q, staged_fixture&) { q.mutable_pause_activity()->set_id("a"); }},
    {r::kUnpauseActivity, [](r& q, staged_fixture&) { q.mutable_unpause_activity()->set_id("a"); }},
    {r::kResetActivity, [](r& q, staged_fixture&) { q.mutable_reset_activity()->set_id("a"); }},
    {r::kUpdateActivityOptions,
     [](r& q, staged_fixture&) {
       auto& u = *q.mutable_update_activity_options();
       u.set_id("a");
       u.set_restore_original(true);
     }},
    {r::kStartWorkflowTask,
     [](r& q, staged_fixture& f) {
       *q.mutable_start_workflow_task()->mutable_task() = offer_of(f, cluster::Task::WORKFLOW);
     }},
    {r::kStartActivityTask,
     [](r& q, staged_fixture& f) {
       *q.mutable_start_activity_task()->mutable_task() = offer_of(f, cluster::Task::ACTIVITY);
     }},
    {r::kWake, [](r& q, staged_fixture&) { q.mutable_wake(); }},
    {r::kReoffer, [](r& q, staged_fixture&) { q.mutable_reoffer(); }},
    {r::kTakeBack,
     [](r& q, staged_fixture& f) {
       of_task(q, f);
       q.mutable_take_back();
     }},
    {r::kDeliver,
     [](r& q, staged_fixture& f) {
       outbox::Message m;
       m.set_number(1);
       m.mutable_to()->set_id(f.id);
       m.mutable_signal()->set_signal_name("s");
       q = post::delivery("sender", m, f.now);
     }},
    {r::kAnswered, [](r& q, staged_fixture&) { q.mutable_answered()->set_number(1); }},
  };
  return all;
}

command of_type(enums::CommandType type) {
  command c;
  c.set_command_type(type);
  return c;
}

/// A command of each kind that a run with the activity "a" and the timer "t" can take.
std::map<enums::CommandType, command> sound_commands(const staged_fixture& f) {
  std::map<enums::CommandType, command> out;
  auto add = [&](const command& c) { out[c.command_type()] = c; };
  add(f.activity("b"));
  add(f.cancel_activity(f.activity_token.scheduled_event_id()));
  add(f.timer("u", 60s));
  add(f.cancel_timer("t"));
  add(f.done());
  add(f.fail_workflow("no"));
  add(f.continue_as_new());
  auto cancel = of_type(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION);
  cancel.mutable_cancel_workflow_execution_command_attributes();
  add(cancel);
  auto marker = of_type(enums::COMMAND_TYPE_RECORD_MARKER);
  marker.mutable_record_marker_command_attributes()->set_marker_name("m");
  add(marker);
  auto upsert = of_type(enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
  (*upsert.mutable_upsert_workflow_search_attributes_command_attributes()
      ->mutable_search_attributes()
      ->mutable_indexed_fields())["CustomInt"]
    = payloads("1").payloads(0);
  add(upsert);
  auto memo = of_type(enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES);
  (*memo.mutable_modify_workflow_properties_command_attributes()
      ->mutable_upserted_memo()
      ->mutable_fields())["key"]
    = payloads("1").payloads(0);
  add(memo);
  add(signal_external());
  add(cancel_external());
  add(child());
  return out;
}

} // namespace

TEST_CASE("every field of the two oneofs has a rule") {
  const auto* body = cluster::ExecutionRequest::descriptor()->FindOneofByName("body");
  for (int i = 0; i < body->field_count(); ++i) {
    auto number = static_cast<std::size_t>(body->field(i)->number());
    REQUIRE(number < engine::oneof_cases);
    CHECK(engine::request_rules[number].type == static_cast<int>(number));
  }
  const auto* fact = journal::Fact::descriptor()->FindOneofByName("fact");
  for (int i = 0; i < fact->field_count(); ++i) {
    auto number = static_cast<std::size_t>(fact->field(i)->number());
    REQUIRE(number < engine::oneof_cases);
    CHECK(engine::fact_rules[number].type == static_cast<int>(number));
  }
}

TEST_CASE("every kind of message has a rule") {
  const auto* content = outbox::Message::descriptor()->FindOneofByName("content");
  for (int i = 0; i < content->field_count(); ++i) {
    auto number = static_cast<std::size_t>(content->field(i)->number());
    REQUIRE(number < engine::oneof_cases);
    CHECK(engine::message_rules[number].type == static_cast<int>(number));
  }
}

TEST_CASE("every request may come in any state of its run") {
  for (const auto& [type, make] : makers())
    for (auto at : all_stages) {
      INFO("request ", static_cast<int>(type), " in ", stage_names[static_cast<std::size_t>(at)]);
      staged_fixture f{at};
      cluster::ExecutionRequest request;
      make(request, f);
      auto events = f.runs.empty() ? 0 : f.state().next_event_id();
      auto done = f.apply(request);
      const auto& rule = engine::rule_of(type);
      if (at == stage::none && rule.decide != nullptr) {
        CHECK(f.runs.empty());
        CHECK(done.written.empty());
        CHECK(done.obsolete_task == (rule.otherwise == engine::without_run::obsolete));
        CHECK(done.answer.failure.has_value()
              == (rule.otherwise == engine::without_run::not_found));
      }
      // What is closed stays as it is; another run may follow it.
      if (at == stage::closed)
        CHECK(f.runs[0].state.next_event_id() == events);
      if (rule.reads)
        CHECK(done.written.empty());
    }
  for (const auto& rule : engine::request_rules)
    if (rule.decide != nullptr || rule.decide_any != nullptr)
      CHECK_MESSAGE(makers().contains(rule.type), "no request ", static_cast<int>(rule.type));
}

TEST_CASE("every command is taken or refused, on whichever attempt and whatever is unseen") {
  for (auto at : {stage::started, stage::started_again})
    for (auto unseen : {false, true})
      for (const auto& rule : engine::command_rules) {
        if (rule.apply == nullptr)
          continue;
        INFO(enums::CommandType_Name(rule.type), unseen ? " behind an unseen signal" : "");
        auto complete = [&](auto command_of) {
          staged_fixture f{at};
          if (unseen)
            f.signal("unseen");
          auto done = f.complete(*f.task, {command_of(f)});
          return std::pair{done.answer.failure, f.runs[0].state};
        };
        auto refused = complete([&](staged_fixture&) { return of_type(rule.type); });
        CHECK(refused.first.has_value());
        CHECK(engine::is_open(refused.second));
        // One that places the answer to an update is sound beside that answer alone: the tests of
        // updates have it.
        if (rule.not_served != nullptr || rule.type == enums::COMMAND_TYPE_PROTOCOL_MESSAGE)
          continue;
        auto [failure, after] = complete([&](staged_fixture& f) {
          auto all = sound_commands(f);
          REQUIRE(all.contains(rule.type));
          return all[rule.type];
        });
        // A workflow that has not seen everything may not close.
        CHECK(failure.has_value() == (rule.closes && unseen));
        CHECK(engine::is_open(after) == !(rule.closes && !unseen));
      }
}

TEST_CASE("what was asked for may end in any state behind the first task") {
  for (auto at : {stage::idle, stage::waiting, stage::waiting_again, stage::started,
                  stage::started_again, stage::taken_back}) {
    INFO(stage_names[static_cast<std::size_t>(at)]);
    auto held_by_task = at == stage::started || at == stage::started_again
                        || at == stage::taken_back;
    auto check = [&](const staged_fixture& f, const char* expected) {
      auto types = f.types();
      auto told = std::ranges::find(types, expected) != types.end();
      CHECK(told == !held_by_task);
      CHECK((f.runs[0].state.buffered_events_size() > 0) == held_by_task);
    };
    {
      staged_fixture f{at, {f.timer("t", 3s)}};
      f.wake_after(3s);
      check(f, "TIMER_FIRED");
    }
    {
      staged_fixture f{at, {}, f.activity_with("a", [](auto& a) {
                         *a.mutable_schedule_to_close_timeout() = engine::to_proto(3s);
                       })};
      f.wake_after(3s);
      check(f, "ACTIVITY_TASK_TIMED_OUT");
    }
    {
      staged_fixture f{at};
      f.complete_activity(f.activity_token);
      check(f, "ACTIVITY_TASK_COMPLETED");
    }
    {
      staged_fixture f{at};
      auto failure = f.boom();
      failure.mutable_application_failure_info()->set_non_retryable(true);
      f.fail_activity(f.activity_token, failure);
      check(f, "ACTIVITY_TASK_FAILED");
    }
  }
}

TEST_CASE("others may answer in any state behind the first task") {
  for (auto at : {stage::idle, stage::waiting, stage::waiting_again, stage::started,
                  stage::started_again, stage::taken_back})
    for (auto fails : {false, true})
      for (const auto& [command, done, failed] :
           {std::tuple{signal_external(), "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED",
                       "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"},
            std::tuple{cancel_external(), "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED",
                       "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"},
            std::tuple{child(), "CHILD_WORKFLOW_EXECUTION_STARTED",
                       "START_CHILD_WORKFLOW_EXECUTION_FAILED"}}) {
        INFO(stage_names[static_cast<std::size_t>(at)]);
        staged_fixture f{at, {command}};
        REQUIRE(f.messages.size() == 1);
        cluster::ExecutionRequest request;
        auto& answered = *request.mutable_answered();
        answered.set_run_id(f.messages[0].run_id());
        answered.set_number(f.messages[0].number());
        answered.set_word(f.messages[0].word());
        answered.mutable_answer()->set_code(fails ? static_cast<int>(errc::not_found) : 0);
        CHECK(f.apply(request).forget);
        auto held_by_task = at == stage::started || at == stage::started_again
                            || at == stage::taken_back;
        auto types = f.types();
        CHECK((std::ranges::find(types, fails ? failed : done) != types.end()) == !held_by_task);
        CHECK((f.state().buffered_events_size() > 0) == held_by_task);
        CHECK(f.state().external_signals().empty());
        CHECK(f.state().external_cancels().empty());
      }
}

TEST_CASE("a child may end in any state behind the first task") {
  for (auto at : {stage::idle, stage::waiting, stage::waiting_again, stage::started,
                  stage::started_again, stage::taken_back})
    for (auto [close, expected] :
         {std::pair{enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
                    "CHILD_WORKFLOW_EXECUTION_COMPLETED"},
          std::pair{enums::EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, "CHILD_WORKFLOW_EXECUTION_FAILED"},
          std::pair{enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
                    "CHILD_WORKFLOW_EXECUTION_CANCELED"},
          std::pair{enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
                    "CHILD_WORKFLOW_EXECUTION_TIMED_OUT"},
          std::pair{enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
                    "CHILD_WORKFLOW_EXECUTION_TERMINATED"}}) {
      INFO(expected, " in ", stage_names[static_cast<std::size_t>(at)]);
      staged_fixture f{at, {child()}};
      REQUIRE(f.messages.size() == 1);
      outbox::Message m;
      *m.mutable_to() = f.messages[0].to();
      m.mutable_to()->set_id(f.id);
      auto& report = *m.mutable_child_closed();
      report.set_parent_run_id(f.state().created().run_id());
      report.set_parent_initiated_event_id(f.messages[0].event_id());
      report.mutable_child()->set_workflow_id("child");
      report.mutable_child()->set_run_id("last");
      report.set_child_first_run_id(f.messages[0].start_child().child_run_id());
      report.mutable_close_event()->set_event_type(close);
      auto request = post::delivery("child", m, f.now);
      CHECK(f.apply(request).taken);
      auto held_by_task = at == stage::started || at == stage::started_again
                          || at == stage::taken_back;
      auto types = f.types();
      CHECK((std::ranges::find(types, expected) != types.end()) == !held_by_task);
      CHECK(f.state().buffered_events_size() == (held_by_task ? 2 : 0));
      CHECK(f.state().children().empty());
      // Again: nothing.
      auto events = f.types();
      CHECK(f.apply(request).taken);
      CHECK(f.types() == events);
    }
}

TEST_CASE("a request to cancel an activity is confirmed in any state behind the first task") {
  for (auto at : {stage::idle, stage::waiting, stage::waiting_again, stage::started,
                  stage::started_again, stage::taken_back}) {
    INFO(stage_names[static_cast<std::size_t>(at)]);
    staged_fixture f{stage::started};
    f.complete(*f.task, {f.cancel_activity(f.activity_token.scheduled_event_id())});
    if (at != stage::idle)
      f.signal("go on");
    if (at == stage::waiting_again || at == stage::started_again)
      f.fail(f.poll());
    if (at == stage::started || at == stage::started_again || at == stage::taken_back)
      f.task = f.poll();
    if (at == stage::taken_back) {
      cluster::ExecutionRequest back;
      *back.mutable_token() = f.task->token();
      back.set_run_id(back.token().run_id());
      back.mutable_take_back();
      f.apply(back);
    }
    REQUIRE(stage_of(f.state()) == at);
    CHECK_FALSE(f.confirm_cancel(f.activity_token).answer.failure);
    CHECK(f.state().activities().empty());
  }
}

TEST_CASE("a run times out in any state") {
  for (auto at : all_stages) {
    if (at == stage::none || at == stage::closed)
      continue;
    INFO(stage_names[static_cast<std::size_t>(at)]);
    staged_fixture f{at};
    f.wake_after(200s);
    CHECK(f.state().status() == enums::WORKFLOW_EXECUTION_STATUS_TIMED_OUT);
  }
}

} // namespace reprise::testing
