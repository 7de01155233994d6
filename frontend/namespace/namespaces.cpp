#include "frontend/namespace/namespaces.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/poll/long_poll.hpp"
#include "frontend/query/search_attribute_names.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

constexpr std::int64_t retention_seconds_min = 3600;
constexpr const char* only_cluster = "active";
constexpr std::int64_t completion_bytes_max = 40LL << 20;

} // namespace

result<void> check_retention(const google::protobuf::Duration& retention) {
  if (!bad_duration(retention).empty() || retention.seconds() < retention_seconds_min)
    return invalid_argument("A valid retention period is not set on request.");
  return {};
}

google::protobuf::Duration capped_retention(google::protobuf::Duration retention) {
  // A century of years of 365 days.
  constexpr std::int64_t seconds_max = 36500LL * 86'400;
  if (retention.seconds() >= seconds_max) {
    retention.set_seconds(seconds_max);
    retention.set_nanos(0);
  }
  return retention;
}

result<void> check_clusters(const std::string& active, const cluster_list& all) {
  auto check = [](const std::string& name) -> result<void> {
    if (name == only_cluster)
      return {};
    return invalid_argument("Invalid cluster name: " + name);
  };
  if (auto ok = active.empty() ? result<void>{} : check(active); !ok)
    return ok;
  for (const auto& cluster : all)
    if (auto ok = check(cluster.cluster_name()); !ok)
      return ok;
  if (all.size() > 1)
    return invalid_argument("Invalid local namespace clusters");
  return {};
}

journal::NamespaceRecord new_namespace(const std::string& name, const std::string& id,
                                       const google::protobuf::Duration& retention) {
  journal::NamespaceRecord record;
  auto& info = *record.mutable_info();
  info.set_name(name);
  info.set_id(id);
  info.set_state(enums::NAMESPACE_STATE_REGISTERED);
  auto& config = *record.mutable_config();
  *config.mutable_workflow_execution_retention_ttl() = capped_retention(retention);
  config.mutable_bad_binaries();
  config.set_history_archival_state(enums::ARCHIVAL_STATE_DISABLED);
  config.set_visibility_archival_state(enums::ARCHIVAL_STATE_DISABLED);
  auto& replication = *record.mutable_replication();
  replication.set_active_cluster_name(only_cluster);
  replication.add_clusters()->set_cluster_name(only_cluster);
  replication.set_state(enums::REPLICATION_STATE_NORMAL);
  return record;
}

journal::NamespaceRecord new_system_namespace() {
  constexpr std::int64_t week = 7LL * 86'400;
  google::protobuf::Duration retention;
  retention.set_seconds(week);
  auto record = new_namespace(system_namespace, system_namespace_id, retention);
  record.mutable_info()->set_description("Temporal internal system namespace");
  record.mutable_info()->set_owner_email("temporal-core@temporal.io");
  return record;
}

api::DescribeNamespaceResponse describe_namespace(const journal::NamespaceRecord& record,
                                                  const front_limits& in_force) {
  api::DescribeNamespaceResponse out;
  auto& info = *out.mutable_namespace_info();
  info = record.info();
  // What is left out is not offered yet. A worker that shuts down may wait for its polls, since
  // ShutdownWorker ends them.
  auto& can = *info.mutable_capabilities();
  can.set_eager_workflow_start(true);
  can.set_sync_update(true);
  can.set_async_update(true);
  can.set_reported_problems_search_attribute(true);
  can.set_worker_poll_complete_on_shutdown(true);
  auto& limits = *info.mutable_limits();
  limits.set_blob_size_limit_error(static_cast<std::int64_t>(in_force.blob_bytes_max));
  limits.set_memo_size_limit_error(static_cast<std::int64_t>(in_force.memo_bytes_max));
  limits.set_workflow_task_completion_size_limit_error(completion_bytes_max);
  auto with_fields = record;
  allot_fields(with_fields);
  out.mutable_config()->Swap(with_fields.mutable_config());
  *out.mutable_replication_config() = record.replication();
  out.set_failover_version(record.failover_version());
  out.set_is_global_namespace(record.is_global());
  return out;
}

namespace {

/// A namespace only ever leaves a state towards its end.
bool may_become(enums::NamespaceState from, enums::NamespaceState to) {
  if (to == enums::NAMESPACE_STATE_UNSPECIFIED || to == from)
    return true;
  auto ends = to == enums::NAMESPACE_STATE_DELETED || to == enums::NAMESPACE_STATE_DEPRECATED;
  return from == enums::NAMESPACE_STATE_REGISTERED
           ? ends
           : from == enums::NAMESPACE_STATE_DEPRECATED && to == enums::NAMESPACE_STATE_DELETED;
}

result<void> merge_info(temporal::api::namespace_::v1::NamespaceInfo& info,
                        const temporal::api::namespace_::v1::UpdateNamespaceInfo& change) {
  if (!may_become(info.state(), change.state()))
    return invalid_argument("Invalid namespace state update.");
  if (!change.description().empty())
    info.set_description(change.description());
  if (!change.owner_email().empty())
    info.set_owner_email(change.owner_email());
  for (const auto& [key, value] : change.data())
    (*info.mutable_data())[key] = value;
  if (change.state() != enums::NAMESPACE_STATE_UNSPECIFIED)
    info.set_state(change.state());
  return {};
}

result<void> merge_config(temporal::api::namespace_::v1::NamespaceConfig& config,
                          const temporal::api::namespace_::v1::NamespaceConfig& change,
                          time_point now, const front_limits& in_force) {
  if (change.has_workflow_execution_retention_ttl()) {
    if (auto ok = check_retention(change.workflow_execution_retention_ttl()); !ok)
      return ok;
    *config.mutable_workflow_execution_retention_ttl()
      = capped_retention(change.workflow_execution_retention_ttl());
  }
  auto& binaries = *config.mutable_bad_binaries()->mutable_binaries();
  for (const auto& [checksum, binary] : change.bad_binaries().binaries()) {
    auto& stored = binaries[checksum];
    stored = binary;
    *stored.mutable_create_time() = to_timestamp(now);
  }
  if (change.has_bad_binaries() && binaries.size() > in_force.bad_binaries_max)
    return invalid_argument("Total resetBinaries cannot exceed the max limit: "
                            + std::to_string(in_force.bad_binaries_max));
  return {};
}

result<void> change_aliases(journal::NamespaceRecord& record,
                            const temporal::api::namespace_::v1::NamespaceConfig& change,
                            const front_limits& in_force) {
  const auto& wanted = change.custom_search_attribute_aliases();
  for (const auto& [field, alias] : wanted)
    for (const auto& name : {field, alias})
      if (auto ok = check_length(name, "Search attribute name length exceeds limit.", in_force);
          !ok)
        return ok;
  return wanted.empty() ? result<void>{}
                        : merge_aliases(record, wanted, in_force.attributes_of_type_max);
}

std::string state_name(enums::NamespaceState state) {
  if (state == enums::NAMESPACE_STATE_DEPRECATED)
    return "Deprecated";
  return state == enums::NAMESPACE_STATE_DELETED ? "Deleted" : std::to_string(state);
}

/// There is one cluster, and no namespace beyond it: what names another one is refused.
result<void> check_replication(const journal::NamespaceRecord& record,
                               const api::UpdateNamespaceRequest& change) {
  const auto& wanted = change.replication_config();
  auto changes_state = wanted.state() != enums::REPLICATION_STATE_UNSPECIFIED
                       && wanted.state() != record.replication().state();
  if (changes_state && record.info().state() != enums::NAMESPACE_STATE_REGISTERED)
    return invalid_argument("update ReplicationState is only supported when namespace is in "
                            "Registered state, current state: "
                            + state_name(record.info().state()));
  if (changes_state && wanted.state() == enums::REPLICATION_STATE_HANDOVER)
    return invalid_argument("Handover can only be set for global namespace");
  if (auto ok = check_clusters(wanted.active_cluster_name(), wanted.clusters()); !ok)
    return ok;
  if (change.promote_namespace())
    return invalid_argument("global namespace is not enabled on this cluster, cannot update "
                            "global namespace or promote local namespace: "
                            + record.info().name());
  return {};
}

} // namespace

result<void> update_namespace(journal::NamespaceRecord& record,
                              const api::UpdateNamespaceRequest& change, time_point now,
                              const front_limits& in_force) {
  if (change.has_update_info())
    if (auto ok = merge_info(*record.mutable_info(), change.update_info()); !ok)
      return ok;
  auto retention_before = record.config().workflow_execution_retention_ttl().SerializeAsString();
  if (change.has_config()) {
    if (auto ok = merge_config(*record.mutable_config(), change.config(), now, in_force); !ok)
      return ok;
    if (auto ok = change_aliases(record, change.config(), in_force); !ok)
      return ok;
  }
  if (record.config().workflow_execution_retention_ttl().SerializeAsString() != retention_before)
    record.set_review_retention(true);
  auto& binaries = *record.mutable_config()->mutable_bad_binaries()->mutable_binaries();
  if (!change.delete_bad_binary().empty() && binaries.erase(change.delete_bad_binary()) == 0)
    return invalid_argument("Bad binary checksum " + change.delete_bad_binary()
                            + " doesn't exists.");
  return check_replication(record, change);
}

} // namespace reprise::frontend
