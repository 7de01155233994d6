// What the runs of a chain have from each other, and what is nil in what they are given.

#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

namespace {

api::common::v1::Payload json(const std::string& data) {
  api::common::v1::Payload out;
  (*out.mutable_metadata())["encoding"] = "json/plain";
  out.set_data(data);
  return out;
}

api::common::v1::Memo memo_with_nils() {
  api::common::v1::Memo out;
  auto& fields = *out.mutable_fields();
  fields["kept"] = json("1");
  fields["null"] = json("null");
  fields["list"] = json("[]");
  fields["nothing"];
  (*fields["binary"].mutable_metadata())["encoding"] = "binary/null";
  return out;
}

engine::step update_options(engine_fixture& f, std::int32_t priority) {
  cluster::ExecutionRequest request;
  auto& r = *request.mutable_update_options();
  r.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(priority);
  r.mutable_workflow_execution_options()->mutable_versioning_override()->set_auto_upgrade(true);
  r.mutable_update_mask()->add_paths("priority");
  r.mutable_update_mask()->add_paths("versioning_override");
  return f.apply(std::move(request));
}

service::StartWorkflowExecutionRequest linked_start(engine_fixture& f) {
  auto r = f.start_request();
  r.add_links()->mutable_workflow_event()->set_workflow_id("caller");
  r.mutable_priority()->set_priority_key(1);
  return r;
}

const auto& started_of(engine_fixture& f) {
  return f.current().state.started();
}

} // namespace

SCENARIO("a retry or cron run begins as the first did, a continued one as the last was changed") {
  engine_fixture f;
  auto r = linked_start(f);
  WHEN("it is retried") {
    r.mutable_retry_policy();
    f.start(r);
    update_options(f, 4);
    f.complete(f.poll(), {f.fail_workflow("boom")});
    REQUIRE(f.runs.size() == 2);
    CHECK(started_of(f).priority().priority_key() == 1);
    CHECK_FALSE(started_of(f).has_versioning_override());
  }
  WHEN("a schedule begins the next") {
    r.set_cron_schedule("@every 5s");
    f.start(r);
    f.wake_after(5s);
    update_options(f, 4);
    f.complete(f.poll(), {f.done()});
    REQUIRE(f.runs.size() == 2);
    CHECK(started_of(f).priority().priority_key() == 1);
  }
  WHEN("it continues as new") {
    f.start(r);
    update_options(f, 4);
    f.complete(f.poll(), {f.continue_as_new()});
    REQUIRE(f.runs.size() == 2);
    CHECK(started_of(f).priority().priority_key() == 4);
    CHECK_FALSE(started_of(f).has_versioning_override());
  }
  auto first = f.events_of(f.runs.size() - 1).front();
  REQUIRE(first.links_size() == 1);
  CHECK(first.links(0).workflow_event().workflow_id() == "caller");
}

SCENARIO("a nil is left out of memos, and what is empty is none") {
  engine_fixture f;
  auto r = f.start_request();
  WHEN("some fields of a start are nil") {
    *r.mutable_memo() = memo_with_nils();
    f.start(r);
    CHECK(started_of(f).memo().fields_size() == 1);
    CHECK(f.state().memo().size() == 1);
  }
  WHEN("all are, or there is none") {
    (*r.mutable_memo()->mutable_fields())["null"] = json("null");
    (*r.mutable_search_attributes()->mutable_indexed_fields())["CustomInt"] = json("null");
    f.start(r);
    CHECK_FALSE(started_of(f).has_memo());
    CHECK_FALSE(started_of(f).has_search_attributes());
  }
  WHEN("a run continues as new") {
    f.start(r);
    auto command = f.continue_as_new();
    auto& a = *command.mutable_continue_as_new_workflow_execution_command_attributes();
    *a.mutable_memo() = memo_with_nils();
    a.mutable_search_attributes();
    f.complete(f.poll(), {command});
    CHECK(started_of(f).memo().fields_size() == 1);
    CHECK_FALSE(started_of(f).has_search_attributes());
    auto closed = f.events_of(0).back();
    const auto& told = closed.workflow_execution_continued_as_new_event_attributes();
    CHECK(told.memo().fields_size() == 1);
    CHECK_FALSE(told.has_search_attributes());
  }
  WHEN("a workflow changes its memo") {
    (*r.mutable_memo()->mutable_fields())["list"] = json("1");
    f.start(r);
    command c;
    c.set_command_type(enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES);
    *c.mutable_modify_workflow_properties_command_attributes()->mutable_upserted_memo()
      = memo_with_nils();
    f.complete(f.poll(), {c});
    CHECK(f.state().memo().size() == 1);
    CHECK(f.state().memo().contains("kept"));
  }
}

SCENARIO("durations beyond a century are a century") {
  engine_fixture f;
  auto far = engine::to_proto(engine::longest_duration);
  far.set_seconds(far.seconds() * 2);
  auto century = [](const google::protobuf::Duration& d) {
    return d.seconds() == engine::to_proto(engine::longest_duration).seconds();
  };
  auto r = f.start_request();
  r.clear_workflow_run_timeout();
  *r.mutable_retry_policy()->mutable_initial_interval() = far;
  f.start(r);
  CHECK(century(started_of(f).retry_policy().initial_interval()));
  auto timer = f.timer("t", 1s);
  *timer.mutable_start_timer_command_attributes()->mutable_start_to_fire_timeout() = far;
  auto activity = f.activity("a");
  *activity.mutable_schedule_activity_task_command_attributes()->mutable_start_to_close_timeout()
    = far;
  auto request = f.completion(f.poll(), {timer, activity});
  request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
  f.apply(request);
  auto events = f.events_of(0);
  CHECK(century(events[4].timer_started_event_attributes().start_to_fire_timeout()));
  CHECK(century(events[5].activity_task_scheduled_event_attributes().start_to_close_timeout()));
  auto next = f.continue_as_new();
  *next.mutable_continue_as_new_workflow_execution_command_attributes()
     ->mutable_workflow_run_timeout()
    = far;
  f.complete(f.poll(), {next});
  CHECK(century(started_of(f).workflow_run_timeout()));
}

SCENARIO("a failure that asks for no delay waits as long as any") {
  engine_fixture f;
  auto r = f.start_request();
  *r.mutable_retry_policy()->mutable_initial_interval() = engine::to_proto(duration{3s});
  *r.mutable_retry_policy()->mutable_maximum_interval() = engine::to_proto(duration{40s});
  f.start(r);
  auto command = f.fail_workflow("boom");
  *command.mutable_fail_workflow_execution_command_attributes()
     ->mutable_failure()
     ->mutable_application_failure_info()
     ->mutable_next_retry_delay()
    = engine::to_proto(duration{0});
  f.complete(f.poll(), {command});
  REQUIRE(f.runs.size() == 2);
  CHECK(started_of(f).first_workflow_task_backoff().seconds() == 40);
}

SCENARIO("a continued run tells of a delay only when there is one, or was asked for") {
  engine_fixture f;
  f.start();
  auto command = f.continue_as_new();
  auto& a = *command.mutable_continue_as_new_workflow_execution_command_attributes();
  WHEN("the run before was short") {
    f.complete(f.poll(), {command});
    CHECK(started_of(f).first_workflow_task_backoff().seconds() == 1);
  }
  WHEN("it was not") {
    f.advance(2s);
    f.complete(f.poll(), {command});
    CHECK_FALSE(started_of(f).has_first_workflow_task_backoff());
    CHECK(f.offers.size() == 1);
  }
  WHEN("none was asked for") {
    f.advance(2s);
    a.mutable_backoff_start_interval();
    f.complete(f.poll(), {command});
    CHECK(started_of(f).has_first_workflow_task_backoff());
  }
}

SCENARIO("a continued run that calls itself a retry is the next attempt") {
  engine_fixture f;
  f.start();
  auto command = f.continue_as_new();
  auto& a = *command.mutable_continue_as_new_workflow_execution_command_attributes();
  a.set_initiator(enums::CONTINUE_AS_NEW_INITIATOR_RETRY);
  f.complete(f.poll(), {command});
  CHECK(started_of(f).attempt() == 2);
  a.set_initiator(enums::CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE);
  f.wake_after(1s);
  f.complete(f.poll(), {command});
  CHECK(started_of(f).attempt() == 1);
}

} // namespace reprise::testing
