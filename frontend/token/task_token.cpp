#include "frontend/token/task_token.hpp"

#include "frontend/namespace/namespaces.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace {

/// What a token of another server may lack.
result<void> check_named(const cluster::TaskToken& task) {
  if (task.namespace_id().empty())
    return invalid_argument("Namespace not set on request.");
  if (task.kind() == cluster::TaskToken::QUERY)
    return task.workflow_id().empty() || task.run_id().empty()
             ? result<void>{invalid_argument("Invalid TaskToken.")}
             : result<void>{};
  if (task.workflow_id().empty())
    return invalid_argument("Business ID is not set on request.");
  return check_run_is_uuid(task.run_id());
}

} // namespace

std::optional<token_call> open_token(const call::ptr& c, const std::string& token,
                                     const std::string& namespace_name,
                                     cluster::TaskToken::Kind asked) {
  // Whoever names a namespace is told first when it is not there.
  if (!namespace_name.empty() && namespace_name != system_namespace
      && !c->open_namespace(namespace_name))
    return std::nullopt;
  auto refuse = [&](error why) {
    c->fail(std::move(why));
    return std::nullopt;
  };
  auto parsed = parse_task_token(token, asked);
  if (!parsed)
    return refuse(std::move(parsed).error());
  auto& task = parsed->task;
  if (parsed->is_foreign && task.namespace_id().empty())
    return refuse(check_named(task).error());
  auto owner = c->back().namespaces().find_by_id(task.namespace_id());
  if (!owner)
    return c->check_serving() ? refuse(namespace_not_found(task.namespace_id())) : std::nullopt;
  token_call opened{.ns = namespace_name.empty() ? c->open_namespace(owner->facts.name)
                          : namespace_name == system_namespace ? nullptr
                                                               : c->open_namespace(namespace_name),
                    .is_foreign = parsed->is_foreign};
  if (c->over())
    return std::nullopt;
  if (!opened.ns || opened.ns->facts.id != task.namespace_id())
    return refuse(invalid_argument("Operation requested with a token from a different namespace."));
  if (opened.is_foreign)
    if (auto ok = check_named(task); !ok)
      return refuse(std::move(ok).error());
  opened.request.set_workflow_id(task.workflow_id());
  opened.request.set_run_id(task.run_id());
  *opened.request.mutable_token() = std::move(task);
  return opened;
}

} // namespace reprise::frontend
