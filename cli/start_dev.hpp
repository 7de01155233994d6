#pragma once

#include "cli/start_dev_options.hpp"

namespace reprise::cli {

/// Blocks SIGINT and SIGTERM in this thread and those that it starts. Call it first in main.
void block_end_signals();

/// Runs the server until SIGINT or SIGTERM, then drains it. Prints where it listens on standard
/// output; answers the process's exit code.
int run_start_dev(const start_dev_options& options);

} // namespace reprise::cli
