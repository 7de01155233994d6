#pragma once

#include "bench/support/figures.hpp"

#include <string>

namespace reprise::bench {

/// What the disk under `folder` needs for the least that a commit needs: some KiB behind the end of
/// a file, and fdatasync.
samples probe_fsync(const std::string& folder, int times = 500);

} // namespace reprise::bench
