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
  to.mutable_outbox()->swap(*from.mutable_outbox());
  to.mutable_children()->swap(*from.mutable_children());
  to.mutable_external_signals()->swap(*from.mutable_external_signals());
  to.mutable_external_cancels()->swap(*from.mutable_external_cancels());
  to.mutable_updates()->swap(*from.mutable_updates());
}

/// What was added to those since the state was `before`, of which the numbers are left.
void take_out_additions(execution& worked_on, const execution& before) {
  for (const auto& [number, kept] : worked_on.rested())
    if (!before.rested().contains(number))
      (*worked_on.mutable_outbox())[number] = kept.message();
  for (auto n = before.last_message_number() + 1; n <= worked_on.last_message_number(); ++n)
    worked_on.mutable_outbox()->erase(n);
  for (auto id = before.next_event_id(); id < worked_on.next_event_id(); ++id) {
    worked_on.mutable_children()->erase(id);
    worked_on.mutable_external_signals()->erase(id);
    worked_on.mutable_external_cancels()->erase(id);
  }
}

} // namespace

kept_state::kept_state(execution& current, const std::vector<std::string>& updates) {
  take_belongings(current);
  for (const auto& event : current.buffered_events()) {
    auto i = current.request_ids().find(attached_request_id(event));
    if (i != current.request_ids().end())
      waiting_.push_back(i->second);
  }
  for (const auto& id : updates) {
    auto known = current.updates().find(id);
    auto& kept = updates_.emplace_back(id, std::nullopt);
    if (known != current.updates().end())
      kept.second = known->second;
  }
  execution parts;
  move_large_parts(current, parts);
  kept_ = current;
  move_large_parts(parts, current);
}

execution kept_state::restore(execution&& worked_on) {
  take_out_additions(worked_on, kept_);
  move_large_parts(worked_on, kept_);
  for (auto& request : waiting_)
    (*kept_.mutable_request_ids())[request.id()] = std::move(request);
  for (auto& [id, was] : updates_) {
    if (was)
      (*kept_.mutable_updates())[id] = std::move(*was);
    else
      kept_.mutable_updates()->erase(id);
  }
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
