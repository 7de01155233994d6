// What workers answer to updates. Acceptances and results become events, where their commands stand
// or behind all commands; of a rejection only the caller hears (update_registry).

#include "engine/update/update.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/update/rules.hpp"
#include "engine/update/update_registry.hpp"
#include "temporal/api/update/v1/message.pb.h"

namespace reprise::engine {

namespace {

namespace update = api::update::v1;
using api::protocol::v1::Message;

constexpr auto bad_message
  = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE;

command_result bad(std::string text) {
  return refused(bad_message, std::move(text));
}

/// "temporal.api.update.v1.Acceptance".
std::string_view type_of(const Message& message) {
  std::string_view url = message.body().type_url();
  return url.substr(url.rfind('/') + 1);
}

/// How far an update has come, as texts name it.
enum class progress : std::uint8_t {
  unknown,
  admitted,
  sent,
  accepting,
  accepted,
  completing,
  completed,
};

const char* name_of(progress p) {
  switch (p) {
    case progress::unknown:
      return "Created";
    case progress::admitted:
      return "Admitted";
    case progress::sent:
      return "Sent";
    case progress::accepting:
      return "ProvisionallyAccepted";
    case progress::accepted:
      return "Accepted";
    case progress::completing:
      return "ProvisionallyCompleted";
    case progress::completed:
      return "Completed";
  }
  return "";
}

const update_registry::pending_update* pending(const transition& t, const std::string& id) {
  const auto* held = t.ctx().updates;
  return held == nullptr ? nullptr : held->find(t.state().created().run_id(), id);
}

/// Where the update stands behind those messages of the completion that were applied already.
progress progress_of(const transition& t, const completion& c, const std::string& id) {
  auto of_this_task = [&](std::int64_t event_id) {
    return c.completed_event_id != 0 && event_id > c.completed_event_id;
  };
  if (c.rejected_updates.contains(id))
    return progress::completing;
  if (auto known = t.state().updates().find(id); known != t.state().updates().end()) {
    const auto& u = known->second;
    if (u.completed_event_id() != 0)
      return of_this_task(u.completed_event_id()) ? progress::completing : progress::completed;
    if (u.accepted_event_id() != 0)
      return of_this_task(u.accepted_event_id()) ? progress::accepting : progress::accepted;
    return progress::admitted;
  }
  const auto* waiting = pending(t, id);
  if (waiting == nullptr)
    return progress::unknown;
  return waiting->sent ? progress::sent : progress::admitted;
}

command_result wrong_order(const std::string& id, const char* what, progress at) {
  return bad("invalid state transition attempted for Update " + id + ": received *update." + what
             + " message while in state " + name_of(at));
}

bool may_be_decided(progress at) {
  return at == progress::sent || at == progress::admitted;
}

/// A worker may answer an update that a former life of its actor sent, and brings it along then.
template <class Answer>
const update::Request* brought_by(const Answer& answer) {
  if constexpr (requires { answer.accepted_request(); })
    return answer.has_accepted_request() ? &answer.accepted_request() : nullptr;
  else
    return answer.has_rejected_request() ? &answer.rejected_request() : nullptr;
}

command_result not_known(const std::string& id) {
  return bad("update " + id
             + " wasn't found on the server. This is most likely a transient error "
               "which will be resolved automatically by retries");
}

/// Why the update that a worker brought back is not taken in.
command_result check_total(const transition& t) {
  auto most = t.ctx().bounds.updates_max;
  if (updates_of(t.state(), t.ctx()) < most)
    return std::nullopt;
  return bad(too_many_updates(most));
}

command_result accept(transition& t, const std::string& id, const update::Acceptance& a,
                      progress at) {
  const auto* brought = brought_by(a);
  if (at == progress::unknown && brought == nullptr)
    return not_known(id);
  if (at == progress::unknown)
    if (auto problem = check_total(t))
      return problem;
  if (at != progress::unknown && !may_be_decided(at))
    return wrong_order(id, "Acceptance", at);
  if (a.accepted_request_sequencing_event_id() == 0)
    return bad("invalid *update.Acceptance: accepted_request_sequencing_event_id is not set");
  if (a.accepted_request_message_id().empty())
    return bad("invalid *update.Acceptance: accepted_request_message_id is not set");
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED);
  auto& out = *event.mutable_workflow_execution_update_accepted_event_attributes();
  out.set_protocol_instance_id(id);
  out.set_accepted_request_message_id(update_message_id(id));
  out.set_accepted_request_sequencing_event_id(a.accepted_request_sequencing_event_id());
  // What an event of the history admitted stands there.
  if (const auto* waiting = pending(t, id))
    *out.mutable_accepted_request() = *waiting->request;
  else if (at == progress::unknown)
    *out.mutable_accepted_request() = *brought;
  t.add_event(std::move(event));
  return std::nullopt;
}

command_result reject(const std::string& id, const update::Rejection& r, progress at,
                      completion& c) {
  if (at == progress::unknown && brought_by(r) == nullptr)
    return not_known(id);
  if (at != progress::unknown && !may_be_decided(at))
    return wrong_order(id, "Rejection", at);
  c.rejected_updates.insert(id);
  return std::nullopt;
}

command_result respond(transition& t, const std::string& id, const update::Response& r,
                       progress at) {
  if (at == progress::unknown)
    return not_known(id);
  if (at != progress::accepting && at != progress::accepted)
    return wrong_order(id, "Response", at);
  if (!r.has_meta())
    return bad("invalid *update.Response: meta is not set");
  if (r.meta().update_id().empty())
    return bad("invalid *update.Response: meta.update_id is not set");
  if (r.meta().update_id() != id)
    return bad("invalid *update.Response: meta.update_id != " + id);
  if (!r.has_outcome())
    return bad("invalid *update.Response: outcome is not set");
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED);
  auto& out = *event.mutable_workflow_execution_update_completed_event_attributes();
  *out.mutable_meta() = r.meta();
  out.set_accepted_event_id(t.state().updates().at(id).accepted_event_id());
  *out.mutable_outcome() = r.outcome();
  t.add_event(std::move(event));
  return std::nullopt;
}

/// A message that says nothing, or not what, makes the whole completion unacceptable.
command_result unreadable(const Message& message) {
  auto of_request = [](std::string text) -> command_result {
    return command_failure{.message = std::move(text), .of_request = true};
  };
  auto type = std::string{type_of(message)};
  if (!message.has_body())
    return of_request("nil message body");
  if (type.empty())
    return of_request("no message name specified");
  if (type.find('.') == std::string::npos)
    return of_request("failed to extract protocol type: no . found in \"" + type + "\"");
  return std::nullopt;
}

command_result apply_one(transition& t, const Message& message, completion& c) {
  if (auto failure = unreadable(message))
    return failure;
  const auto& id = message.protocol_instance_id();
  auto type = type_of(message);
  if (message.body().ByteSizeLong() > t.ctx().bounds.blob_bytes_max)
    return ends_run(bad_message, "Message type " + std::string{type} + " exceeds size limit.");
  constexpr std::string_view protocol = "temporal.api.update.v1.";
  if (!type.starts_with(protocol))
    return bad("unsupported protocol type " + std::string{type.substr(0, type.rfind('.'))});
  auto at = progress_of(t, c, id);
  update::Acceptance acceptance;
  update::Rejection rejection;
  update::Response response;
  // What comes behind the end of the run is too late, whatever it says: its end tells callers.
  auto too_late = !is_open(t.state()) && at != progress::unknown;
  if (message.body().UnpackTo(&acceptance)) {
    if (too_late || (!is_open(t.state()) && brought_by(acceptance) != nullptr))
      return std::nullopt;
    return accept(t, id, acceptance, at);
  }
  if (message.body().UnpackTo(&rejection))
    return reject(id, rejection, at, c);
  if (message.body().UnpackTo(&response))
    return too_late ? std::nullopt : respond(t, id, response, at);
  if (message.body().Is<update::Acceptance>() || message.body().Is<update::Rejection>()
      || message.body().Is<update::Response>())
    return bad("unable to unmarshal request: the message is no " + std::string{type});
  if (at == progress::unknown)
    return not_known(id);
  if (too_late)
    return std::nullopt;
  return bad("Message type *update." + std::string{type.substr(protocol.size())}
             + " not supported");
}

/// The next message with this id that was not dealt with; none: how many there are.
int take_message(completion& c, const std::string& id) {
  const auto& all = c.request.messages();
  c.messages_done.resize(static_cast<std::size_t>(all.size()));
  for (int i = 0; i < all.size(); ++i) {
    if (c.messages_done[static_cast<std::size_t>(i)] || all[i].id() != id)
      continue;
    c.messages_done[static_cast<std::size_t>(i)] = true;
    return i;
  }
  return all.size();
}

} // namespace

command_result apply_message(transition& t, const api::command::v1::Command& command,
                             completion& c) {
  if (!command.has_protocol_message_command_attributes())
    return not_set(bad_message, "ProtocolMessage");
  const auto& id = command.protocol_message_command_attributes().message_id();
  if (id.empty())
    return bad("MessageID is not set on ProtocolMessageCommand.");
  auto i = take_message(c, id);
  if (i == c.request.messages_size())
    return bad("ProtocolMessageCommand referenced absent message ID " + id);
  return apply_one(t, c.request.messages(i), c);
}

command_result apply_messages(transition& t, completion& c) {
  const auto& all = c.request.messages();
  c.messages_done.resize(static_cast<std::size_t>(all.size()));
  for (int i = 0; i < all.size(); ++i)
    if (!c.messages_done[static_cast<std::size_t>(i)])
      if (auto failure = apply_one(t, all[i], c))
        return failure;
  return std::nullopt;
}

bool is_rejection(const Message& message) {
  return message.body().Is<update::Rejection>();
}

bool updates_wait(const transition& t, const completion& c) {
  const auto* held = t.ctx().updates;
  const auto& x = t.state();
  return held != nullptr && held->any_unsent(x.created().run_id(), [&](const std::string& id) {
    return !x.updates().contains(id) && !c.rejected_updates.contains(id);
  });
}

std::string too_many_updates(std::size_t most) {
  return "The limit on the total number of distinct updates in this workflow has been reached ("
         + std::to_string(most)
         + "). Make sure any duplicate updates share an Update ID so the server can deduplicate "
           "them, "
           "and consider rejecting updates that you aren't going to process. You can also "
           "Continue-as-New to avoid this; we recommend you check Continue-as-New Suggested in "
           "your "
           "Workflow.";
}

std::size_t open_updates(const execution& x) {
  return x.updates().size() - static_cast<std::size_t>(x.update_count());
}

std::size_t updates_of(const execution& x, const context& c) {
  return x.updates().size() + (c.updates == nullptr ? 0 : c.updates->pending(x.created().run_id()));
}

// -- the fold -------------------------------------------------------------------------------------

void fold_update_admitted(execution& x, const history_event& event) {
  const auto& a = event.workflow_execution_update_admitted_event_attributes();
  (*x.mutable_updates())[a.request().meta().update_id()].set_admitted_event_id(event.event_id());
}

void fold_update_accepted(execution& x, const history_event& event) {
  const auto& a = event.workflow_execution_update_accepted_event_attributes();
  (*x.mutable_updates())[a.protocol_instance_id()].set_accepted_event_id(event.event_id());
}

void fold_update_completed(execution& x, const history_event& event) {
  const auto& a = event.workflow_execution_update_completed_event_attributes();
  auto& u = (*x.mutable_updates())[a.meta().update_id()];
  if (u.completed_event_id() == 0)
    x.set_update_count(x.update_count() + 1);
  u.set_completed_event_id(event.event_id());
}

namespace {

/// The workflow is asked anew. What it has accepted or been asked before the point of the reset it
/// still has.
void admit_again(transition& t, const api::update::v1::Request& request) {
  if (t.state().updates().contains(request.meta().update_id()))
    return;
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED);
  auto& a = *event.mutable_workflow_execution_update_admitted_event_attributes();
  *a.mutable_request() = request;
  a.set_origin(enums::UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY);
  t.add_event(std::move(event));
}

} // namespace

void reapply_admitted(transition& t, const history_event& event) {
  admit_again(t, event.workflow_execution_update_admitted_event_attributes().request());
}

/// One that was admitted by an event of its own names no request.
void reapply_accepted(transition& t, const history_event& event) {
  const auto& a = event.workflow_execution_update_accepted_event_attributes();
  if (a.has_accepted_request())
    admit_again(t, a.accepted_request());
}

} // namespace reprise::engine
