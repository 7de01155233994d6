#pragma once

#include "engine/machine/context.hpp"
#include "engine/machine/step.hpp"

#include <algorithm>
#include <cstdint>

// Rules of the fold that have changed. A journal says which engine began its run, and is folded by
// that one's rules for ever: what a run remembers must not depend on which server reads it.

namespace reprise::engine {

/// Of runs that begin now. Each step, and what was different before it:
/// 1: how much a run remembers, and from which number of problems on these are reported, stands in
///    its journal. Before, the fold had 20 reset points, 1900 bytes of builds, 25 attached
///    requests, 5 problems.
inline constexpr std::int32_t engine_version = 1;

/// How much the run remembers of what grows.
inline journal::KeptLists kept_lists(const execution& x) {
  if (x.created().engine_version() >= 1) {
    // A fold is total, whatever stands in a journal: there is room for the newest always.
    auto keeps = x.created().keeps();
    keeps.set_reset_points(std::max(keeps.reset_points(), 1));
    keeps.set_attached_requests(std::max(keeps.attached_requests(), 1));
    keeps.set_builds_bytes(std::max(keeps.builds_bytes(), 0));
    return keeps;
  }
  journal::KeptLists former;
  former.set_reset_points(20);
  former.set_builds_bytes(1900);
  former.set_attached_requests(25);
  return former;
}

/// The run begins by the present rules.
inline void set_version(journal::RunCreated& created, const limits& bounds) {
  created.set_engine_version(engine_version);
  created.mutable_keeps()->set_reset_points(bounds.reset_points_max);
  created.mutable_keeps()->set_builds_bytes(bounds.builds_bytes_max);
  created.mutable_keeps()->set_attached_requests(bounds.attached_requests_max);
}

/// Lists show that the run's workflow tasks keep failing.
inline bool reports_problems(const journal::RunCreated& created, const journal::Header& header) {
  constexpr int former = 5;
  return created.engine_version() >= 1 ? header.reports_problems()
                                       : header.workflow_task_problems() >= former;
}

} // namespace reprise::engine
