#pragma once

#include "base/log.hpp"
#include "base/result.hpp"
#include "cli/reference_flags.hpp"
#include "cluster/tls/context.hpp"

#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace reprise::cli {

/// What `reprise server start-dev` was asked for; names and meanings of the flags are those of the
/// reference's development server.
struct start_dev_options {
  /// An address of either kind, with or without brackets, or a host name.
  std::string ip = "127.0.0.1";
  int port = 7233;
  /// 0: any free one.
  int metrics_port = 0;
  /// Empty: gRPC is served without TLS.
  tls::server_files tls{};
  /// Empty or ":memory:": the store is in memory.
  std::string db_filename{};
  /// Empty: no MySQL.
  std::string mysql{};
  /// Holds its password; empty: it stands in the address, if anywhere.
  std::string mysql_password_file{};
  /// Besides `default`.
  std::vector<std::string> namespaces{};
  /// "Name=Type".
  std::vector<std::string> search_attributes{};
  /// "key=value", the value in JSON.
  std::vector<std::string> dynamic_config{};
  std::string log_level = "warn";
  reference_flags reference{};
  /// Bytes of executions in memory before idle ones are dropped, in MiB.
  std::size_t memory_mib = 96;
  /// On MySQL: seconds for which a server may be silent before another one takes over.
  double lease_seconds = 10;
};

/// Adds the command to `server`; `into` is filled in when the arguments are parsed.
CLI::App* add_start_dev(CLI::App& server, start_dev_options& into);

/// "Name=Type" by the type's name (Keyword, Int, ...), to name and IndexedValueType.
result<std::pair<std::string, int>> parse_search_attribute(const std::string& text);

result<log_level> parse_log_level(const std::string& text);

} // namespace reprise::cli
