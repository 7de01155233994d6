#pragma once

#include <string>

namespace CLI {
class App;
}

namespace reprise::cli {

/// What `reprise restore` was asked for.
struct restore_options {
  /// The copy, which stays as it is.
  std::string backup{};
  /// Where a server will find it.
  std::string db_filename{};
  bool force = false;
};

/// Adds the command; `into` is filled in when the arguments are parsed.
CLI::App* add_restore(CLI::App& app, restore_options& into);
/// Makes a copy of a store one that a server may serve; answers the process's exit code.
int run_restore(const restore_options& options);

} // namespace reprise::cli
