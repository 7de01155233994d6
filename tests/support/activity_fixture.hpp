#pragma once

#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

/// An engine fixture with workers for activities.
class activity_fixture : public engine_fixture {
public:
  using activity_task = service::PollActivityTaskQueueResponse;

  /// Starts a workflow whose first task asks for these.
  engine::step run_with(const std::vector<command>& commands) {
    start();
    return complete(poll(), commands);
  }

  /// Wakes the workflow with a signal and answers its task.
  engine::step wake_with(const std::vector<command>& commands) {
    signal("wake");
    return complete(poll(), commands);
  }

  /// The activity with one field of its command changed by `edit`.
  template <class Edit>
  static command activity_with(const std::string& id, Edit edit) {
    auto c = activity(id);
    edit(*c.mutable_schedule_activity_task_command_attributes());
    return c;
  }

  static command cancel_activity(std::int64_t scheduled_event_id) {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK);
    c.mutable_request_cancel_activity_task_command_attributes()->set_scheduled_event_id(
      scheduled_event_id);
    return c;
  }

  /// A worker takes the activity that was offered last.
  activity_task poll_activity() {
    auto task = offered(cluster::Task::ACTIVITY);
    REQUIRE(task);
    return polled(take_task(*task));
  }

  static activity_task polled(const engine::step& done) {
    REQUIRE_FALSE(done.obsolete_task);
    activity_task out;
    REQUIRE(out.ParseFromString(done.answer.response));
    return out;
  }

  static cluster::TaskToken token_of(const activity_task& task) {
    cluster::TaskToken out;
    REQUIRE(out.ParseFromString(task.task_token()));
    return out;
  }

  static cluster::TaskToken id_token(const std::string& activity_id) {
    cluster::TaskToken out;
    out.set_activity_id(activity_id);
    return out;
  }

  engine::step complete_activity(const cluster::TaskToken& token,
                                 const std::string& json = "\"ok\"") {
    cluster::ExecutionRequest request;
    *request.mutable_token() = token;
    request.mutable_complete_activity()->set_identity("worker-2");
    *request.mutable_complete_activity()->mutable_result() = payloads(json);
    return apply(std::move(request));
  }

  static api::failure::v1::Failure boom(const std::string& type = "Boom") {
    api::failure::v1::Failure out;
    out.set_message("boom");
    out.mutable_application_failure_info()->set_type(type);
    return out;
  }

  engine::step fail_activity(const cluster::TaskToken& token,
                             const api::failure::v1::Failure& failure = boom()) {
    cluster::ExecutionRequest request;
    *request.mutable_token() = token;
    request.mutable_fail_activity()->set_identity("worker-2");
    *request.mutable_fail_activity()->mutable_failure() = failure;
    return apply(std::move(request));
  }

  engine::step confirm_cancel(const cluster::TaskToken& token) {
    cluster::ExecutionRequest request;
    *request.mutable_token() = token;
    request.mutable_cancel_activity()->set_identity("worker-2");
    return apply(std::move(request));
  }

  engine::step heartbeat(const cluster::TaskToken& token, const std::string& json = {}) {
    cluster::ExecutionRequest request;
    *request.mutable_token() = token;
    auto& r = *request.mutable_heartbeat_activity();
    if (!json.empty())
      *r.mutable_details() = payloads(json);
    return apply(std::move(request));
  }

  static service::RecordActivityTaskHeartbeatResponse heartbeat_answer(const engine::step& done) {
    REQUIRE_FALSE(done.answer.failure);
    service::RecordActivityTaskHeartbeatResponse out;
    REQUIRE(out.ParseFromString(done.answer.response));
    return out;
  }

  std::vector<api::workflow::v1::PendingActivityInfo> pending() {
    engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    auto described = engine::describe(state(), c);
    return {described.pending_activities().begin(), described.pending_activities().end()};
  }

  api::workflow::v1::PendingActivityInfo only_pending() {
    auto all = pending();
    REQUIRE(all.size() == 1);
    return all[0];
  }

  history_event last_event(enums::EventType type) {
    std::optional<history_event> out;
    for (auto& event : events_of(runs.size() - 1))
      if (event.event_type() == type)
        out = event;
    REQUIRE(out);
    return *out;
  }

  /// The types of all events behind this one.
  names types_after(std::int64_t event_id) {
    names out;
    for (auto& event : events_of(runs.size() - 1))
      if (event.event_id() > event_id)
        out.push_back(type_of(event));
    return out;
  }

  static std::string text_of(const engine::step& done) {
    REQUIRE(done.answer.failure);
    return done.answer.failure->message;
  }

  static constexpr const char* gone
    = "invalid activityID or activity already timed out or invoking workflow is completed";
};

} // namespace reprise::testing
