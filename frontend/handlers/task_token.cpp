#include "frontend/handlers/task_token.hpp"

namespace reprise::frontend {

namespace {

/// The server's own namespace: known to callers by name, holds nothing.
constexpr std::string_view system_namespace = "temporal-system";

} // namespace

std::optional<token_call> open_token(const call::ptr& c, const std::string& token,
                                     const std::string& namespace_name) {
  // Whoever names a namespace is told first when it is not there.
  if (!namespace_name.empty() && namespace_name != system_namespace
      && !c->open_namespace(namespace_name))
    return std::nullopt;
  auto parsed = parse_task_token(token);
  if (!parsed) {
    c->fail(std::move(parsed).error());
    return std::nullopt;
  }
  auto owner = c->back().namespaces().find_by_id(parsed->namespace_id());
  auto name = namespace_name;
  if (name.empty() && owner)
    name = owner->facts.name;
  auto mismatch = [&] {
    c->fail(invalid_argument("Operation requested with a token from a different namespace."));
    return std::nullopt;
  };
  if (name == system_namespace)
    return mismatch();
  if (name.empty()) {
    c->fail(namespace_not_found(parsed->namespace_id()));
    return std::nullopt;
  }
  token_call opened{.ns = c->open_namespace(name)};
  if (!opened.ns)
    return std::nullopt;
  if (opened.ns->facts.id != parsed->namespace_id())
    return mismatch();
  opened.request.set_workflow_id(parsed->workflow_id());
  opened.request.set_run_id(parsed->run_id());
  *opened.request.mutable_token() = std::move(*parsed);
  return opened;
}

} // namespace reprise::frontend
