#pragma once

#include "engine/machine/api.hpp"
#include "engine/machine/step.hpp"

// What a run remembers of the builds whose workers completed its tasks. Part of the fold.

namespace reprise::engine {

/// The first task of each build is a point to which the run can be reset. What tells builds apart
/// is the checksum of old workers and the build id of newer ones; the oldest point gives way. True:
/// it got one.
bool add_reset_point(execution& x, const history_event& completed);
/// Which builds have worked on the run, in search attributes: by name, and those of its reset
/// points, if it got one.
void list_builds(execution& x, const history_event& completed, bool has_new_point);
/// A run without any versioning says so, before the builds that have worked on it.
void list_unversioned(execution& x);

} // namespace reprise::engine
