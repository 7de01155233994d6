#include "actors/queue/recent_pollers.hpp"

#include "engine/machine/proto_time.hpp"
#include "temporal/api/enums/v1/deployment.pb.h"

#include <algorithm>
#include <vector>

namespace reprise::actors {

namespace {

/// A worker polls again and again as the same.
bool is_same(const temporal::api::taskqueue::v1::PollerInfo& known,
             const temporal::api::common::v1::WorkerVersionCapabilities& now) {
  const auto& before = known.worker_version_capabilities();
  return known.has_worker_version_capabilities() && before.build_id() == now.build_id()
         && before.use_versioning() == now.use_versioning()
         && before.deployment_series_name() == now.deployment_series_name();
}

} // namespace

void recent_pollers::add(const cluster::Poll& poll, time_point now) {
  auto known = by_identity_.find(poll.identity());
  if (known == by_identity_.end()) {
    if (by_identity_.size() >= pollers_max_) {
      std::erase_if(by_identity_, [&](const auto& p) { return now - p.second.last > kept; });
      if (by_identity_.size() >= pollers_max_)
        by_identity_.erase(std::min_element(
          by_identity_.begin(), by_identity_.end(),
          [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
    }
    known = by_identity_.emplace(poll.identity(), seen{}).first;
  }
  auto& [last, worker_instance_key, info] = known->second;
  last = now;
  worker_instance_key = poll.worker_instance_key();
  if (info.identity().empty())
    info.set_identity(poll.identity());
  // What a worker without a limit shows.
  constexpr double unlimited = 100'000;
  info.set_rate_per_second(poll.max_tasks_per_second() > 0 ? poll.max_tasks_per_second()
                                                           : unlimited);
  if (poll.has_worker_version() && !is_same(info, poll.worker_version()))
    *info.mutable_worker_version_capabilities() = poll.worker_version();
  if (poll.deployment_name().empty() && poll.build_id().empty())
    return;
  info.mutable_deployment_options()->set_deployment_name(poll.deployment_name());
  info.mutable_deployment_options()->set_build_id(poll.build_id());
}

void recent_pollers::remove(const std::string& worker_instance_key) {
  std::erase_if(by_identity_,
                [&](const auto& p) { return p.second.worker_instance_key == worker_instance_key; });
}

google::protobuf::RepeatedPtrField<temporal::api::taskqueue::v1::PollerInfo>
recent_pollers::list(time_point now) const {
  std::vector<const seen*> fresh;
  for (const auto& [identity, p] : by_identity_)
    if (now - p.last <= kept)
      fresh.push_back(&p);
  std::stable_sort(fresh.begin(), fresh.end(),
                   [](const seen* a, const seen* b) { return a->last > b->last; });
  google::protobuf::RepeatedPtrField<temporal::api::taskqueue::v1::PollerInfo> out;
  for (const auto* p : fresh) {
    auto* info = out.Add();
    *info = p->info;
    *info->mutable_last_access_time() = engine::to_proto(p->last);
  }
  return out;
}

} // namespace reprise::actors
