#include "engine/machine/invariants.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"

namespace reprise::engine {

namespace {

void ensure_task_sound(const execution& x) {
  const auto& task = x.workflow_task();
  auto scheduled = task.scheduled_event_id();
  auto started = task.started_event_id();
  if (scheduled == 0) {
    ENSURE(started == 0 && !task.taken_back(), "only what is scheduled is started");
    return;
  }
  ENSURE(started == 0 || started > scheduled, "a task is started behind its scheduled event");
  ENSURE(task.start_id() == 0 || started != 0, "only a started task has a token");
  ENSURE(!task.taken_back() || (started != 0 && task.start_id() == 0 && !task.transient()),
         "what was taken back has its Started event, and no token");
  if (task.transient())
    ENSURE(scheduled <= x.next_event_id(), "a transient task stands behind the history");
  else
    ENSURE(scheduled < x.next_event_id() && started < x.next_event_id(),
           "a task's events are in the history");
}

} // namespace

void ensure_sound(const execution& x) {
  ENSURE(x.previous_started_event_id() <= x.last_completed_event_id()
           && x.last_completed_event_id() < x.next_event_id(),
         "a completed task's events are in the history");
  ENSURE(x.activities().size() == x.activity_ids().size(),
         "each pending activity has an id of its own");
  ensure_task_sound(x);
  if (is_open(x)) {
    ENSURE(x.buffered_events().empty() || x.workflow_task().started_event_id() != 0,
           "events are buffered for the end of a started task only");
    return;
  }
  ENSURE(x.buffered_events().empty() && x.workflow_task().started_event_id() == 0,
         "no task of a closed run is at work");
  ENSURE(x.has_close_event() && x.has_close_time(), "a closed run knows its end");
}

} // namespace reprise::engine
