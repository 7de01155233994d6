#pragma once

// Commands that reach beyond their run, and a completion that is refused for them.

#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

inline command child(const std::string& id = "child", const std::string& type = "type") {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  a.set_workflow_id(id);
  a.mutable_workflow_type()->set_name(type);
  return c;
}

inline command signal_external(const std::string& id = "other", const std::string& name = "s") {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_signal_external_workflow_execution_command_attributes();
  a.mutable_execution()->set_workflow_id(id);
  a.set_signal_name(name);
  return c;
}

inline command cancel_external(const std::string& id = "other") {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION);
  c.mutable_request_cancel_external_workflow_execution_command_attributes()->set_workflow_id(id);
  return c;
}

inline command bare(enums::CommandType type) {
  command c;
  c.set_command_type(type);
  return c;
}

inline command message_command(const std::string& id) {
  auto c = bare(enums::COMMAND_TYPE_PROTOCOL_MESSAGE);
  c.mutable_protocol_message_command_attributes()->set_message_id(id);
  return c;
}

/// The run's first task was answered with these commands: what the worker was told. The task
/// failed by that text, nothing else was written, and the next attempt waits.
inline std::string told(engine_fixture& f, const std::vector<command>& commands) {
  auto task = f.poll();
  auto done = f.complete(task, commands);
  REQUIRE(done.answer.failure);
  CHECK(done.answer.failure->code == errc::invalid_argument);
  auto events = f.events_of(f.runs.size() - 1);
  REQUIRE(events.size() == 4);
  CHECK(events[3].workflow_task_failed_event_attributes().failure().message()
        == done.answer.failure->message);
  CHECK(f.state().workflow_task().attempt() == 2);
  CHECK(engine::is_open(f.state()));
  return done.answer.failure->message;
}

} // namespace reprise::testing
