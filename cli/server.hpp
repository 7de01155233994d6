#pragma once

#include "cli/server_options.hpp"

namespace reprise::cli {

/// Blocks SIGINT and SIGTERM in this thread and those that it starts. Call it first in main.
void block_end_signals();

/// Runs the server that a command asked for until SIGINT or SIGTERM, then drains it. Prints where
/// it listens on standard output; answers the process's exit code.
int run_server(CLI::App& command, server_options& options);

} // namespace reprise::cli
