#pragma once

#include <string>

namespace CLI {
class App;
}

namespace reprise::cli {

/// What `reprise adopt` was asked for.
struct adopt_options {
  std::string mysql{};
  std::string mysql_password_file{};
};

/// Adds the command; `into` is filled in when the arguments are parsed.
CLI::App* add_adopt(CLI::App& app, adopt_options& into);
/// Makes a database that was restored one that servers may serve, and none that served it before;
/// answers the process's exit code.
int run_adopt(const adopt_options& options);

} // namespace reprise::cli
