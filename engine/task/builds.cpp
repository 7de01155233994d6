#include "engine/task/builds.hpp"

#include "engine/machine/evolve.hpp"
#include "engine/machine/version.hpp"
#include "engine/properties/keywords.hpp"
#include "engine/workflow/versioning.hpp"

#include <algorithm>
#include <vector>

namespace reprise::engine {

namespace {

constexpr const char* unversioned = "unversioned";

/// Adds the build to those that have worked on the run; the oldest give way when they are too many.
void add_build(std::vector<std::string>& builds, const api::common::v1::WorkerVersionStamp& stamp,
               bool is_versioned, std::size_t bytes_max) {
  auto add = [&](std::string build) {
    if (std::ranges::find(builds, build) == builds.end())
      builds.push_back(std::move(build));
  };
  if (stamp.use_versioning()) {
    std::erase(builds, unversioned);
    add("versioned:" + stamp.build_id());
  } else {
    if (!is_versioned && std::ranges::find(builds, unversioned) == builds.end())
      builds.insert(builds.begin(), unversioned);
    if (!stamp.build_id().empty())
      add(std::string{unversioned} + ":" + stamp.build_id());
  }
  auto bytes = [&] {
    std::size_t sum = 0;
    for (const auto& build : builds)
      sum += build.size() + 3;
    return sum;
  };
  while (builds.size() > 2 && bytes() > bytes_max)
    builds.erase(builds.begin() + (builds.front() == unversioned ? 1 : 0));
}

} // namespace

bool add_reset_point(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_completed_event_attributes();
  const auto& build = a.worker_version().build_id();
  auto& points = *x.mutable_reset_points();
  for (const auto& point : points)
    if (point.build_id() == build && point.binary_checksum() == a.binary_checksum())
      return false;
  auto points_max = kept_lists(x).reset_points();
  if (points.size() >= points_max)
    points.DeleteSubrange(0, points.size() - points_max + 1);
  auto& point = *points.Add();
  point.set_binary_checksum(a.binary_checksum());
  point.set_build_id(build);
  point.set_run_id(x.created().run_id());
  point.set_first_workflow_task_completed_id(event.event_id());
  *point.mutable_create_time() = event.event_time();
  point.set_resettable(true);
  return true;
}

void list_unversioned(execution& x) {
  constexpr const char* name = "BuildIds";
  auto builds = keywords_of(x, name);
  std::erase(builds, unversioned);
  if (!is_upgraded(x))
    builds.insert(builds.begin(), unversioned);
  if (builds.empty())
    x.mutable_search_attributes()->erase(name);
  else
    set_keywords(x, name, builds);
}

void list_builds(execution& x, const history_event& event, bool has_new_point) {
  constexpr const char* name = "BuildIds";
  const auto& a = event.workflow_task_completed_event_attributes();
  const auto& stamp = a.worker_version();
  // Nearly every task is completed by the build that completed the one before it.
  auto marked = has_keyword(x, name, unversioned) || stamp.use_versioning() || is_upgraded(x);
  auto known = !stamp.use_versioning() && marked
               && has_keyword(x, name, std::string{unversioned} + ":" + stamp.build_id());
  // Somebody else may have set the list meanwhile.
  auto lacks_mark = !marked && !is_of_former(event);
  if (!x.search_attributes().contains(name) || lacks_mark
      || (!stamp.build_id().empty() && !known)) {
    auto builds = keywords_of(x, name);
    add_build(builds, stamp, is_upgraded(x) && !is_of_former(event),
              static_cast<std::size_t>(kept_lists(x).builds_bytes()));
    if (!builds.empty())
      set_keywords(x, name, builds);
  }
  if (a.binary_checksum().empty() || !has_new_point)
    return;
  std::vector<std::string> checksums;
  for (const auto& point : x.reset_points())
    if (!point.binary_checksum().empty())
      checksums.push_back(point.binary_checksum());
  set_keywords(x, "BinaryChecksums", checksums);
}

} // namespace reprise::engine
