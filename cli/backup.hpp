#pragma once

#include "cli/operator_call.hpp"

#include <string>

namespace CLI {
class App;
}

namespace reprise::cli {

/// What `reprise backup` was asked for.
struct backup_options {
  /// Where the copy goes.
  std::string path{};
  asked_server server{};
  /// A store's file that no server has, instead of a server.
  std::string db_filename{};
  bool force = false;
};

/// Adds the command; `into` is filled in when the arguments are parsed.
CLI::App* add_backup(CLI::App& app, backup_options& into);
/// Copies the store of the server on this machine; answers the process's exit code.
int run_backup(const backup_options& options);

} // namespace reprise::cli
