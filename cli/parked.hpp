#pragma once

#include "cli/operator_call.hpp"

#include <string>

namespace CLI {
class App;
}

namespace reprise::cli {

/// What `reprise parked ...` was asked for.
struct parked_options {
  enum class command : unsigned char {
    list,
    show,
    unpark,
  };
  command what = command::list;
  asked_server server{};
  std::string namespace_name = "default";
  std::string workflow_id{};
  /// "text" or "json".
  std::string output = "text";
};

/// Adds the command; `into` is filled in when the arguments are parsed.
CLI::App* add_parked(CLI::App& app, parked_options& into);
/// Asks the server on this machine; answers the process's exit code.
int run_parked(const parked_options& options);

} // namespace reprise::cli
