#include "engine/workflow/fork.hpp"

#include "engine/machine/errors.hpp"
#include "engine/machine/event_reader.hpp"
#include "engine/machine/evolve.hpp"
#include "engine/machine/features.hpp"
#include "engine/workflow/workflow.hpp"

#include <utility>

namespace reprise::engine {

namespace {

error not_at_boundary(std::int64_t last_event_id) {
  return invalid_argument("StateRebuilder unable to Rebuild mutable state to event ID: "
                          + std::to_string(last_event_id)
                          + ", version: 0, this event must be at the boundary");
}

error no_task_there(std::int64_t event_id) {
  return invalid_argument("Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, "
                          "WorkflowTaskStarted + 1]: "
                          + std::to_string(event_id));
}

error broken_history(const std::string& run_id) {
  return make_error(errc::data_loss, "The history of run " + run_id + " cannot be read.");
}

bool closes(const history_event& event) {
  return rule_of(event.event_type()).closes_as != enums::WORKFLOW_EXECUTION_STATUS_UNSPECIFIED;
}

} // namespace

fork::fork(fork_point at, const journal::RunCreated& created, const limits& bounds)
  : at_(std::move(at)),
    later_bytes_max_(bounds.reset_reapply_bytes_max),
    runs_max_(bounds.reset_chain_runs_max) {
  place_.run_id = at_.base_run_id;
  begin_.first_event_id = 1;
  journal::Facts facts;
  *facts.add_facts()->mutable_created() = created;
  begin_.facts = facts.SerializeAsString();
  if (!evolve(state_, begin_))
    fail(broken_history(at_.base_run_id));
}

void fork::fail(error why) {
  if (!problem_)
    problem_ = std::move(why);
}

std::optional<history_place> fork::wanted() const {
  if (problem_ || store_is_read_)
    return std::nullopt;
  return place_;
}

std::optional<history_place> fork::open_end() const {
  if (problem_ || !store_is_read_ || closed_)
    return std::nullopt;
  return place_;
}

void fork::go_on() {
  store_is_read_ = false;
}

std::optional<copied_beginning> fork::copy() const {
  if (problem_ || !reached_)
    return std::nullopt;
  return copied_beginning{.from_run_id = at_.base_run_id, .last_seq = last_seq_, .begin = begin_};
}

void fork::no_more(bool found) {
  store_is_read_ = true;
  if (!found && runs_ == 1)
    return fail(workflow_not_found(state_.created().workflow_id(), at_.base_run_id));
  // A run of the chain may be gone, by its retention: there it ends.
  closed_ = closed_ || !found;
  if (continued_in_.empty() || !reached_)
    return;
  if (++runs_ > runs_max_)
    return fail(
      make_error(errc::resource_exhausted, "More than " + std::to_string(runs_max_)
                                             + " runs continue the one that is to be reset."));
  place_ = {.run_id = std::exchange(continued_in_, {})};
  closed_ = false;
  store_is_read_ = false;
}

void fork::take(const told_row& row) {
  // What comes over has to have a place in the store.
  if (!problem_ && !reached_ && row.seq != 0)
    take_before(row);
  if (!problem_ && reached_)
    take_later(row);
}

/// Rows come over whole, but for one that is cut behind the start of a workflow task: it has two
/// batches (see page_builder).
void fork::take_before(const told_row& row) {
  if (row.first_event_id != place_.next_event_id)
    return fail(broken_history(place_.run_id));
  auto end = row.first_event_id + row.event_count;
  if (end <= at_.event_id) {
    fold_row(row);
    last_seq_ = row.seq;
    if (end == at_.event_id)
      reach();
    return;
  }
  cut_row(row);
}

/// What stands in front of the cut is written anew.
void fork::cut_row(const told_row& row) {
  event_reader reader{row.events};
  history_event event;
  std::size_t bytes = 0;
  while (place_.next_event_id < at_.event_id) {
    if (!reader.next(event, bytes) || event.event_id() != place_.next_event_id++)
      return fail(broken_history(place_.run_id));
    note_before(event);
    cut_off_.push_back(event);
  }
  if (event.event_type() != enums::EVENT_TYPE_WORKFLOW_TASK_STARTED)
    return fail(not_at_boundary(at_.event_id - 1));
  reach();
}

void fork::fold_row(const told_row& row) {
  event_reader reader{row.events};
  history_event event;
  std::size_t bytes = 0;
  auto in_order = true;
  while (in_order && reader.next(event, bytes)) {
    in_order = event.event_id() == place_.next_event_id++;
    note_before(event);
    evolve_sized(state_, event, bytes);
  }
  evolve_transition_end(state_);
  if (!in_order || !reader.ok() || place_.next_event_id != row.first_event_id + row.event_count)
    fail(broken_history(place_.run_id));
}

void fork::note_before(const history_event& event) {
  switch (event.event_type()) {
    case enums::EVENT_TYPE_WORKFLOW_TASK_FAILED:
      task_is_due_ = true;
      break;
    case enums::EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
      task_is_due_ = event.workflow_task_timed_out_event_attributes().timeout_type()
                     == enums::TIMEOUT_TYPE_START_TO_CLOSE;
      break;
    case enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
      task_is_due_ = false;
      break;
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
      if (const auto& id = attached_request_id(event); !id.empty()) {
        auto& request = attached_.emplace_back();
        request.set_id(id);
        request.set_event_id(event.event_id());
        request.set_event_type(event.event_type());
        *request.mutable_time() = event.event_time();
      }
      break;
    default:
      break;
  }
}

void fork::reach() {
  reached_ = true;
  if (cut_off_.empty() && state_.workflow_task().scheduled_event_id() == 0 && !task_is_due_)
    fail(no_task_there(at_.event_id));
}

/// Also the rest of the row that the point is in.
void fork::take_later(const told_row& row) {
  event_reader reader{row.events};
  history_event event;
  std::size_t bytes = 0;
  while (!problem_ && reader.next(event, bytes)) {
    if (event.event_id() < place_.next_event_id)
      continue;
    if (event.event_id() != place_.next_event_id++)
      return fail(broken_history(place_.run_id));
    note_later(event);
  }
  if (!reader.ok())
    fail(broken_history(place_.run_id));
}

void fork::note_later(history_event& event) {
  if (closes(event)) {
    closed_ = true;
    continued_in_
      = event.workflow_execution_continued_as_new_event_attributes().new_execution_run_id();
  }
  const auto& rule = rule_of(event.event_type());
  if (rule.reapply == nullptr || at_.left_out.contains(rule.reapplied_unless))
    return;
  // What is the result of something is one only of what the new run knows to be under way.
  if (rule.asked_for_by != nullptr && (runs_ > 1 || rule.asked_for_by(event) >= at_.event_id))
    return;
  later_bytes_ += event.ByteSizeLong();
  if (later_bytes_ > later_bytes_max_)
    return fail(make_error(errc::resource_exhausted,
                           "What came behind the point of the reset is too large to be told again; "
                           "exclude types of events (reset_reapply_exclude_types)."));
  later_.push_back(std::move(event));
}

} // namespace reprise::engine
