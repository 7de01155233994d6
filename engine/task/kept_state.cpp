#include "engine/task/kept_state.hpp"

#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

namespace {

/// Moves the parts that are not copied from one state to another.
void move_large_parts(execution& from, execution& to) {
  to.set_allocated_created(from.release_created());
  to.set_allocated_started(from.release_started());
  to.mutable_request_ids()->swap(*from.mutable_request_ids());
  to.mutable_signal_ids()->swap(*from.mutable_signal_ids());
}

} // namespace

kept_state::kept_state(execution& current) {
  take_belongings(current);
  for (const auto& event : current.buffered_events()) {
    auto i = current.request_ids().find(attached_request_id(event));
    if (i != current.request_ids().end())
      waiting_.push_back(i->second);
  }
  execution parts;
  move_large_parts(current, parts);
  kept_ = current;
  move_large_parts(parts, current);
}

execution kept_state::restore(execution&& worked_on) {
  move_large_parts(worked_on, kept_);
  for (auto& request : waiting_)
    (*kept_.mutable_request_ids())[request.id()] = std::move(request);
  return std::move(kept_);
}

void kept_state::take_belongings(execution& x) {
  for (auto& [id, activity] : *x.mutable_activities()) {
    auto& scheduled = *activity.mutable_scheduled();
    belongings own{.scheduled_event_id = id,
                   .input{scheduled.release_input()},
                   .header{scheduled.release_header()}};
    if (activity.progress().has_heartbeat_details())
      own.heartbeat.reset(activity.mutable_progress()->release_heartbeat_details());
    if (own.input || own.header || own.heartbeat)
      taken_.push_back(std::move(own));
  }
}

void kept_state::give_back(execution& x) {
  for (auto& own : taken_) {
    auto activity = x.mutable_activities()->find(own.scheduled_event_id);
    if (activity == x.mutable_activities()->end())
      continue;
    auto& scheduled = *activity->second.mutable_scheduled();
    if (own.input)
      scheduled.set_allocated_input(own.input.release());
    if (own.header)
      scheduled.set_allocated_header(own.header.release());
    if (own.heartbeat)
      activity->second.mutable_progress()->set_allocated_heartbeat_details(own.heartbeat.release());
  }
  taken_.clear();
}

} // namespace reprise::engine
