#pragma once

#include <string>

namespace CLI {
class App;
}

namespace reprise::cli {

/// What `reprise migrate` was asked for.
struct migrate_options {
  std::string db_filename{};
  std::string mysql{};
  std::string mysql_password_file{};
  bool dry_run = false;
};

/// Adds the command; `into` is filled in when the arguments are parsed.
CLI::App* add_migrate(CLI::App& app, migrate_options& into);
/// Brings a store's schema to that of this program, or says what that would take; answers the
/// process's exit code.
int run_migrate(const migrate_options& options);

} // namespace reprise::cli
