#include "engine/update/update_registry.hpp"

#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/workflow/workflow.hpp"
#include "protocol/multi_operation.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <algorithm>

namespace reprise::engine {

namespace {

namespace update = temporal::api::update::v1;
namespace details = temporal::api::errordetails::v1;

constexpr auto accepted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED;
constexpr auto completed = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;

error task_failed() {
  return with_detail(
    errc::failed_precondition,
    "Unable to perform workflow execution update due to unexpected workflow task failure.",
    details::WorkflowNotReadyFailure{});
}

bool is_accepted(const execution& x, const std::string& id) {
  auto known = x.updates().find(id);
  return known != x.updates().end() && known->second.accepted_event_id() != 0;
}

} // namespace

const update_registry::pending_update* update_registry::find(std::string_view run_id,
                                                             std::string_view update_id) const {
  if (run_id != run_id_)
    return nullptr;
  auto found = std::find_if(pending_.begin(), pending_.end(),
                            [&](const pending_update& u) { return u.id == update_id; });
  return found == pending_.end() ? nullptr : &*found;
}

std::size_t update_registry::pending(std::string_view run_id) const {
  return run_id == run_id_ ? pending_.size() : 0;
}

std::size_t update_registry::pending_bytes(std::string_view run_id) const {
  std::size_t sum = 0;
  if (run_id == run_id_)
    for (const auto& u : pending_)
      sum += u.bytes;
  return sum;
}

bool update_registry::any_unsent(std::string_view run_id,
                                 const std::function<bool(const std::string&)>& counts) const {
  return run_id == run_id_
         && std::any_of(pending_.begin(), pending_.end(),
                        [&](const pending_update& u) { return !u.sent && counts(u.id); });
}

bool update_registry::was_rejected(std::string_view run_id, const std::string& update_id) const {
  return run_id == run_id_ && rejected_.contains(update_id);
}

bool update_registry::was_aborted(std::string_view run_id, const std::string& update_id) const {
  return run_id == run_id_ && aborted_.contains(update_id);
}

std::optional<time_point> update_registry::next_deadline() const {
  std::optional<time_point> next;
  for (const auto& w : waiting_)
    next = next ? std::min(*next, w.until) : w.until;
  return next;
}

void update_registry::drop(caller_number caller) {
  std::erase_if(waiting_, [&](const waiting_caller& w) { return w.from == caller; });
}

void update_registry::belong_to(const std::string& run_id) {
  if (run_id_ == run_id)
    return;
  run_id_ = run_id;
  pending_.clear();
  rejected_.clear();
  aborted_.clear();
}

void update_registry::admit(const execution& x, const update_call& call) {
  belong_to(x.created().run_id());
  auto request = call.update();
  pending_.push_back(
    {.id = call.update_id(), .request = request, .bytes = request->ByteSizeLong()});
}

void update_registry::wait(const execution& x, caller_number from, update_call call,
                           update_stage reached, time_point until) {
  belong_to(x.created().run_id());
  waiting_.push_back({.from = from, .call = std::move(call), .reached = reached, .until = until});
}

std::string update_registry::on_task_started(const execution& x,
                                             const journal::WorkflowTaskState& task,
                                             bool only_new) {
  temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse out;
  if (x.created().run_id() != run_id_)
    return {};
  for (auto& u : pending_) {
    if (u.sent && only_new)
      continue;
    u.sent = true;
    auto& message = *out.add_messages();
    message.set_id(update_message_id(u.id));
    message.set_protocol_instance_id(u.id);
    message.set_event_id(task.started_event_id() - 1);
    message.mutable_body()->PackFrom(*u.request);
  }
  return out.SerializeAsString();
}

void update_registry::send_again() {
  for (auto& u : pending_)
    u.sent = false;
}

/// What the answer says of updates: outcomes and rejections.
void update_registry::note_answers(const execution& x, const task_answer& answer, fates& out) {
  if (answer.taken == nullptr)
    return;
  for (const auto& message : answer.taken->messages()) {
    const auto& id = message.protocol_instance_id();
    update::Rejection rejection;
    update::Response response;
    if (message.body().Is<update::Rejection>() && message.body().UnpackTo(&rejection)) {
      update::Outcome outcome;
      *outcome.mutable_failure() = std::move(*rejection.mutable_failure());
      if (x.updates().contains(id))
        rejected_.insert(id);
      out.insert_or_assign(id, std::move(outcome));
    } else if (message.body().Is<update::Response>() && message.body().UnpackTo(&response)) {
      auto known = x.updates().find(id);
      if (known != x.updates().end() && known->second.completed_event_id() != 0)
        out.insert_or_assign(id, std::move(*response.mutable_outcome()));
    }
  }
}

/// What becomes of those that were not answered.
void update_registry::note_ends(const execution& x, const task_answer& answer, fates& out) {
  for (const auto& u : pending_) {
    if (out.contains(u.id) || is_accepted(x, u.id))
      continue;
    if (u.sent && answer.failed_task)
      out.emplace(u.id, task_failed());
    else if (!is_open(x)) {
      note_close(x, u.id, out);
      if (!goes_on(x.close_event()))
        aborted_.insert(u.id);
    } else if (u.sent && answer.taken != nullptr && !answer.goes_on)
      out.emplace(u.id, unprocessed_outcome());
  }
  if (!is_open(x))
    for (const auto& w : waiting_)
      if (!out.contains(w.call.update_id()))
        note_close(x, w.call.update_id(), out);
}

void update_registry::note_close(const execution& x, const std::string& id, fates& out) {
  if (is_accepted(x, id))
    out.emplace(id, closed_before_completion());
  else if (goes_on(x.close_event()))
    out.emplace(id, workflow_closing());
  else
    out.emplace(id, not_found(protocol::aborted_by_close));
}

std::vector<told_caller> update_registry::after(const execution& x, const task_answer& answer) {
  std::vector<told_caller> told;
  if (x.created().run_id() != run_id_)
    return told;
  fates ended;
  note_answers(x, answer, ended);
  note_ends(x, answer, ended);
  std::erase_if(pending_, [&](const pending_update& u) {
    return ended.contains(u.id) || is_accepted(x, u.id);
  });
  std::erase_if(waiting_, [&](waiting_caller& w) {
    const auto& id = w.call.update_id();
    if (auto known = ended.find(id); known != ended.end()) {
      const auto* outcome = std::get_if<update::Outcome>(&known->second);
      if (outcome != nullptr)
        told.push_back({w.from, w.call.answer(x, completed, outcome)});
      else
        told.push_back(
          {w.from, {.failure = w.call.refusal(std::get<error>(known->second), run_id_)}});
      return true;
    }
    if (is_accepted(x, id))
      w.reached = accepted;
    if (w.reached < w.call.wanted())
      return false;
    told.push_back({w.from, w.call.answer(x, w.reached)});
    return true;
  });
  return told;
}

std::vector<told_caller> update_registry::expire(const execution& x, time_point now) {
  std::vector<told_caller> told;
  // Its answer would name the wrong run. The deadline stays, for a wake of the current one.
  if (x.created().run_id() != run_id_)
    return told;
  std::erase_if(waiting_, [&](const waiting_caller& w) {
    if (w.until > now)
      return false;
    told.push_back({w.from, w.call.answer(x, w.reached)});
    return true;
  });
  return told;
}

} // namespace reprise::engine
