// UpdateWorkflowExecutionOptions, and what its event does; a start that meets a running workflow
// leaves one, too.

#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/evolve.hpp"
#include "engine/machine/field_mask.hpp"
#include "engine/task/builds.hpp"
#include "engine/workflow/rules.hpp"
#include "engine/workflow/versioning.hpp"
#include "engine/workflow/workflow.hpp"
#include "protocol/versioning_override.hpp"

#include <set>

namespace reprise::engine {

namespace {

using options_type = api::workflow::v1::WorkflowExecutionOptions;
using override_type = api::workflow::v1::VersioningOverride;

bool is_set(const override_type& x) {
  return x.override_case() != override_type::OVERRIDE_NOT_SET
         || x.behavior() != enums::VERSIONING_BEHAVIOR_UNSPECIFIED;
}

options_type options_of_run(const execution& x) {
  options_type out;
  if (is_set(x.versioning_override()))
    *out.mutable_versioning_override() = x.versioning_override();
  if (x.has_priority())
    *out.mutable_priority() = x.priority();
  return out;
}

std::optional<error> refused_merge(const std::string& why) {
  return invalid_argument("error applying update_options: " + why);
}

/// The paths of a mask, in one spelling.
std::set<std::string> paths_of(const google::protobuf::FieldMask& mask) {
  std::set<std::string> out;
  for (const auto& path : mask.paths())
    out.insert(camel_case(path));
  return out;
}

/// Takes over what the mask names.
std::optional<error> merge(options_type& into, const options_type& from,
                           const google::protobuf::FieldMask& mask) {
  auto paths = paths_of(mask);
  auto named = [&](const char* path) { return paths.contains(path); };
  if (named("versioningOverride.deployment") != named("versioningOverride.behavior"))
    return refused_merge("versioning_override fields must be updated together");
  for (const auto& path : paths)
    if (path.starts_with("versioningOverride.") && path != "versioningOverride.deployment"
        && path != "versioningOverride.behavior")
      return refused_merge("versioning_override doesn't support partial updates");
  if (named("versioningOverride") || named("versioningOverride.behavior")) {
    into.clear_versioning_override();
    if (from.has_versioning_override())
      *into.mutable_versioning_override() = from.versioning_override();
  }
  if (named("priority")) {
    into.clear_priority();
    if (from.has_priority())
      *into.mutable_priority() = from.priority();
  }
  if (named("priority.priorityKey"))
    into.mutable_priority()->set_priority_key(from.priority().priority_key());
  if (named("priority.fairnessKey"))
    into.mutable_priority()->set_fairness_key(from.priority().fairness_key());
  if (named("priority.fairnessWeight"))
    into.mutable_priority()->set_fairness_weight(from.priority().fairness_weight());
  for (const auto& path : paths)
    if (path.starts_with("timeSkippingConfig."))
      return refused_merge("time_skipping_config doesn't support partial update");
  return std::nullopt;
}

/// Whatever the mask names, what is given of an override has to make sense.
std::optional<error> check_override(const execution& x, const options_type& given) {
  if (!given.has_versioning_override())
    return std::nullopt;
  const auto& wanted = given.versioning_override();
  auto upgraded = x.versioning_override().auto_upgrade()
                  || x.versioning_override().behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE;
  // The version that the run is pinned to would be meant; without worker deployments it has none.
  if (wanted.pinned().behavior() != 0 && !wanted.pinned().has_version())
    return make_error(errc::failed_precondition,
                      "must specify a specific pinned override version because workflow with id "
                        + x.created().workflow_id() + " has behavior "
                        + (upgraded ? "AutoUpgrade" : "Unspecified")
                        + " and is not yet pinned to any version");
  auto problem = protocol::versioning_override_problem(wanted, x.started().task_queue().name());
  if (!problem)
    return std::nullopt;
  return make_error(problem->lacks_version ? errc::failed_precondition : errc::invalid_argument,
                    std::move(problem->text));
}

/// A request whose event was buffered learns the event's id when that is flushed.
void place_request(execution& x, const history_event& event) {
  const auto& id = attached_request_id(event);
  if (id.empty())
    return;
  auto i = x.mutable_request_ids()->find(id);
  if (i != x.mutable_request_ids()->end())
    i->second.set_event_id(event.event_id());
}

} // namespace

options_change change_options(transition& t, const options_type& wanted,
                              const google::protobuf::FieldMask& mask,
                              const std::string& identity) {
  const auto& x = t.state();
  options_change out;
  out.refusal = check_override(x, wanted);
  if (out.refusal)
    return out;
  auto before = options_of_run(x);
  out.after = before;
  out.refusal = merge(out.after, wanted, mask);
  if (out.refusal || out.after.SerializeAsString() == before.SerializeAsString())
    return out;
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED);
  event.set_worker_may_ignore(true);
  auto& a = *event.mutable_workflow_execution_options_updated_event_attributes();
  a.set_identity(identity);
  if (out.after.has_versioning_override())
    *a.mutable_versioning_override() = protocol::told_override(out.after.versioning_override());
  else
    a.set_unset_versioning_override(true);
  if (out.after.has_priority())
    *a.mutable_priority() = out.after.priority();
  t.add_or_buffer(std::move(event));
  t.visibility_changed();
  return out;
}

step decide_update_options(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c) {
  const auto& r = request.update_options();
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(already_completed());
  auto done = change_options(t, r.workflow_execution_options(), r.update_mask(), r.identity());
  if (done.refusal)
    return std::move(t).finish(std::move(*done.refusal));
  service::UpdateWorkflowExecutionOptionsResponse out;
  *out.mutable_workflow_execution_options() = std::move(done.after);
  return std::move(t).finish(out);
}

void reapply_options(transition& t, const history_event& event) {
  if (const auto& id = attached_request_id(event); !id.empty()) {
    journal::Fact fact;
    auto& request = *fact.mutable_request_id();
    request.set_id(id);
    request.set_event_type(event.event_type());
    *request.mutable_time() = event.event_time();
    t.add_fact(std::move(fact));
  }
  t.add_event(told_again(event));
}

void fold_options_on_arrival(execution& x, const history_event& event) {
  const auto& a = event.workflow_execution_options_updated_event_attributes();
  auto was_upgraded = is_upgraded(x);
  // An override that was removed stays as an empty one: describe goes on to show that there was
  // one.
  if (a.unset_versioning_override() && (x.has_versioning_override() || is_of_former(event)))
    x.mutable_versioning_override()->Clear();
  else if (a.has_versioning_override())
    *x.mutable_versioning_override() = a.versioning_override();
  if (was_upgraded != is_upgraded(x) && !is_of_former(event)) {
    list_versioning(x);
    list_unversioned(x);
  }
  if (a.has_priority())
    *x.mutable_priority() = a.priority();
}

void fold_options_updated(execution& x, const history_event& event) {
  fold_options_on_arrival(x, event);
  const auto& a = event.workflow_execution_options_updated_event_attributes();
  for (const auto& callback : a.attached_completion_callbacks())
    *x.add_completion_callbacks() = callback;
  place_request(x, event);
}

} // namespace reprise::engine
