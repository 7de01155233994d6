#include "frontend/namespace/namespaces.hpp"

#include "actors/namespaces/deleted_name.hpp"
#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/long_poll.hpp"
#include "frontend/validate/fields.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"
#include "temporal/api/operatorservice/v1/request_response.pb.h"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;
namespace op = temporal::api::operatorservice::v1;

namespace {

constexpr int page_size_default = 100;

error already_exists(const std::string& name) {
  return with_detail(errc::already_exists, "Namespace \"" + name + "\" already exists",
                     temporal::api::errordetails::v1::NamespaceAlreadyExistsFailure{});
}

result<void> check_register(const call& c, const api::RegisterNamespaceRequest& r) {
  if (r.namespace_().empty())
    return invalid_argument("Namespace not set on request.");
  if (auto ok = check_length(r.namespace_(), "Namespace length exceeds limit.", c.limits()); !ok)
    return ok;
  if (r.is_global_namespace())
    return invalid_argument("Cannot register global namespace when not enabled");
  if (auto ok = check_retention(r.workflow_execution_retention_period()); !ok)
    return ok;
  if (r.namespace_() == system_namespace || c.back().namespaces().find(r.namespace_()))
    return already_exists(r.namespace_());
  return check_clusters(r.active_cluster_name(), r.clusters());
}

void register_namespace(const call::ptr& c, api::RegisterNamespaceRequest& r) {
  if (!c->check_serving())
    return;
  if (auto ok = check_register(*c, r); !ok)
    return c->fail(std::move(ok).error());
  auto record = new_namespace(r.namespace_(), c->back().new_uuid(),
                              r.workflow_execution_retention_period());
  auto& info = *record.mutable_info();
  info.set_description(r.description());
  info.set_owner_email(r.owner_email());
  *info.mutable_data() = r.data();
  c->blocking([record = std::move(record)](call& over, store::store&) {
    auto made = over.back().namespaces().create(record);
    if (made)
      return over.answer(api::RegisterNamespaceResponse{});
    over.fail(made.error().code == errc::already_exists ? already_exists(record.info().name())
                                                        : made.error());
  });
}

/// By name or id, deleted or not; null when the call has failed.
call::entry_ptr find_named(const call::ptr& c, const std::string& name, const std::string& id,
                           const char* both_text) {
  auto refuse = [&](error why) -> call::entry_ptr {
    c->fail(std::move(why));
    return nullptr;
  };
  if (name.empty() && id.empty())
    return refuse(invalid_argument("Namespace not set on request."));
  if (!name.empty() && !id.empty())
    return refuse(invalid_argument(both_text));
  const auto& all = c->back().namespaces();
  auto found = name.empty() ? all.find_by_id(id) : all.find(name);
  if (found || !c->check_serving())
    return found;
  return refuse(namespace_not_found(name.empty() ? id : name));
}

void describe(const call::ptr& c, api::DescribeNamespaceRequest& r) {
  auto found = find_named(c, r.namespace_(), r.id(),
                          "GetNamespace operation failed.  Both ID and Name specified in request.");
  if (found)
    c->answer(describe_namespace(found->record, c->limits()));
}

void list(const call::ptr& c, api::ListNamespacesRequest& r) {
  if (!c->check_serving())
    return;
  auto size = r.page_size() > 0 ? std::min(r.page_size(), c->limits().page_rows_max)
                                : page_size_default;
  auto all = c->back().namespaces().all();
  api::ListNamespacesResponse out;
  // The token is the last name of the page before.
  for (auto at = all->upper_bound(r.next_page_token()); at != all->end(); ++at) {
    const auto& record = at->second->record;
    if (record.info().state() == enums::NAMESPACE_STATE_DELETED
        && !r.namespace_filter().include_deleted())
      continue;
    if (out.namespaces_size() == size) {
      out.set_next_page_token(out.namespaces(size - 1).namespace_info().name());
      break;
    }
    *out.add_namespaces() = describe_namespace(record, c->limits());
  }
  c->answer(out);
}

using change = std::function<result<void>(journal::NamespaceRecord&)>;
using answer = std::function<void(call&, const actors::namespace_entry&)>;

/// Changes a namespace where it may block, and answers with what it became.
void change_namespace(const call::ptr& c, const std::string& name, change edit, answer say) {
  if (!c->check_serving())
    return;
  c->blocking([name, edit = std::move(edit), say = std::move(say)](call& over, store::store&) {
    auto changed = over.back().namespaces().update(name, edit);
    if (changed)
      return say(over, **changed);
    over.fail(changed.error().code == errc::not_found ? namespace_not_found(name)
                                                      : changed.error());
  });
}

void update(const call::ptr& c, api::UpdateNamespaceRequest& r) {
  if (!find_named(c, r.namespace_(), {}, ""))
    return;
  auto edit = [r, now = c->now(), limits = c->limits()](journal::NamespaceRecord& record) {
    return update_namespace(record, r, now, limits);
  };
  change_namespace(c, r.namespace_(), edit, [](call& over, const actors::namespace_entry& now) {
    auto described = describe_namespace(now.record, over.limits());
    api::UpdateNamespaceResponse out;
    out.mutable_namespace_info()->Swap(described.mutable_namespace_info());
    out.mutable_config()->Swap(described.mutable_config());
    out.mutable_replication_config()->Swap(described.mutable_replication_config());
    out.set_failover_version(described.failover_version());
    out.set_is_global_namespace(described.is_global_namespace());
    over.answer(out);
  });
}

void deprecate(const call::ptr& c, api::DeprecateNamespaceRequest& r) {
  if (!find_named(c, r.namespace_(), {}, ""))
    return;
  auto edit = [](journal::NamespaceRecord& record) -> result<void> {
    record.mutable_info()->set_state(enums::NAMESPACE_STATE_DEPRECATED);
    return {};
  };
  change_namespace(c, r.namespace_(), edit, [](call& over, const actors::namespace_entry&) {
    over.answer(api::DeprecateNamespaceResponse{});
  });
}

/// The name that a deleted namespace has from then on: longer where another one has it already.
std::string deleted_name(const actors::namespace_registry& all,
                         const temporal::api::namespace_::v1::NamespaceInfo& info) {
  auto length = actors::deleted_id_length;
  auto name = [&] {
    return info.name() + std::string{actors::name_of_deleted} + info.id().substr(0, length);
  };
  while (all.find(name()) && length < info.id().size())
    ++length;
  return name();
}

/// None where it makes no sense; a century at most.
duration delay_of(const google::protobuf::Duration& asked) {
  constexpr std::int64_t seconds_max = 36500LL * 86'400;
  if (!bad_duration(asked).empty())
    return duration{0};
  return std::chrono::seconds{std::min(asked.seconds(), seconds_max)}
         + std::chrono::nanoseconds{asked.nanos()};
}

/// The namespace takes no calls from now on and its name is free; what it holds is erased behind
/// the answer (actors::namespace_upkeep).
void delete_namespace(const call::ptr& c, op::DeleteNamespaceRequest& r) {
  if (r.namespace_() == system_namespace || r.namespace_id() == system_namespace_id)
    return c->fail(make_error(errc::failed_precondition, "unable to delete system namespace"));
  auto found = find_named(c, r.namespace_(), r.namespace_id(),
                          "Only one of namespace name or Id should be set on request.");
  if (!found)
    return;
  auto delay = delay_of(r.namespace_delete_delay());
  auto edit = [c, delay](journal::NamespaceRecord& record) -> result<void> {
    auto& info = *record.mutable_info();
    if (actors::has_name_of_deleted(info.name(), info.id()))
      return {};
    info.set_name(deleted_name(c->back().namespaces(), info));
    info.set_state(enums::NAMESPACE_STATE_DELETED);
    if (delay > duration{0})
      *record.mutable_erase_not_before() = to_timestamp(c->now() + delay);
    return {};
  };
  change_namespace(c, found->facts.name, edit, [](call& over, const actors::namespace_entry& now) {
    op::DeleteNamespaceResponse out;
    out.set_deleted_namespace(now.facts.name);
    over.answer(out);
  });
}

} // namespace

void add_namespace_handlers(handler_table& table) {
  table["RegisterNamespace"] = parsed(register_namespace);
  table["DescribeNamespace"] = parsed(describe);
  table["ListNamespaces"] = parsed(list);
  table["UpdateNamespace"] = parsed(update);
  table["DeprecateNamespace"] = parsed(deprecate);
  table["DeleteNamespace"] = parsed(delete_namespace);
}

} // namespace reprise::frontend
