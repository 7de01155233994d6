#include "frontend/call/client_version.hpp"
#include "frontend/handlers/handlers.hpp"
#include "temporal/api/operatorservice/v1/request_response.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace op = temporal::api::operatorservice::v1;

namespace {

/// Fixed for ever (architecture: slots).
constexpr int slot_count = 4096;

void get_system_info(const call::ptr& c, api::GetSystemInfoRequest&) {
  api::GetSystemInfoResponse out;
  out.set_server_version(c->facts().server_version);
  // What is left out is not offered yet: schedules, Nexus, serverless workers.
  auto& can = *out.mutable_capabilities();
  can.set_signal_and_query_header(true);
  can.set_internal_error_differentiation(true);
  can.set_activity_failure_include_heartbeat(true);
  can.set_encoded_failure_attributes(true);
  can.set_build_id_based_versioning(true);
  can.set_upsert_memo(true);
  can.set_eager_workflow_start(true);
  can.set_sdk_metadata(true);
  can.set_count_group_by_execution_status(true);
  c->answer(out);
}

void get_cluster_info(const call::ptr& c, api::GetClusterInfoRequest&) {
  api::GetClusterInfoResponse out;
  for (const auto& [name, range] : supported_clients())
    (*out.mutable_supported_clients())[name] = range;
  const auto& facts = c->facts();
  out.set_server_version(facts.server_version);
  out.set_cluster_id(facts.cluster_id);
  out.set_cluster_name(facts.cluster_name);
  out.set_history_shard_count(slot_count);
  out.set_persistence_store(facts.store_kind);
  out.set_visibility_store(facts.store_kind);
  out.set_initial_failover_version(1);
  out.set_failover_version_increment(10);
  c->answer(out);
}

void list_clusters(const call::ptr& c, op::ListClustersRequest&) {
  op::ListClustersResponse out;
  const auto& facts = c->facts();
  auto& only = *out.add_clusters();
  only.set_cluster_name(facts.cluster_name);
  only.set_cluster_id(facts.cluster_id);
  only.set_initial_failover_version(1);
  only.set_history_shard_count(slot_count);
  only.set_is_connection_enabled(true);
  c->answer(out);
}

} // namespace

void add_system_handlers(handler_table& table) {
  table["GetSystemInfo"] = parsed(get_system_info);
  table["GetClusterInfo"] = parsed(get_cluster_info);
  table["ListClusters"] = parsed(list_clusters);
}

} // namespace reprise::frontend
