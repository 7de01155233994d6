#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "frontend/call/limits.hpp"
#include "protocol/journal.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <string>

namespace reprise::frontend {

/// The server's own namespace, which every server of the API has: callers may describe and change
/// it, and cannot delete it. It holds nothing.
inline constexpr const char* system_namespace = "temporal-system";
inline constexpr const char* system_namespace_id = "32049b68-7872-4094-8e63-d0dd59896a83";

/// It, as it is stored.
journal::NamespaceRecord new_system_namespace();

/// A new namespace as it is stored. Also what the server's first namespaces are made from.
journal::NamespaceRecord new_namespace(const std::string& name, const std::string& id,
                                       const google::protobuf::Duration& retention);

/// Refused: absent or shorter than an hour.
result<void> check_retention(const google::protobuf::Duration& retention);

using cluster_list
  = google::protobuf::RepeatedPtrField<temporal::api::replication::v1::ClusterReplicationConfig>;

/// Refused: clusters other than the only one there is.
result<void> check_clusters(const std::string& active, const cluster_list& all);

/// What DescribeNamespace answers, with capabilities and the limits in force.
temporal::api::workflowservice::v1::DescribeNamespaceResponse
describe_namespace(const journal::NamespaceRecord& record, const front_limits& in_force);

/// Merges an update into a record: what is absent stays, data entries are added or replaced. Of
/// each type a namespace has as many attributes as the limits say. A change of the retention is for
/// closed runs, too.
result<void>
update_namespace(journal::NamespaceRecord& record,
                 const temporal::api::workflowservice::v1::UpdateNamespaceRequest& change,
                 time_point now, const front_limits& in_force);

} // namespace reprise::frontend
