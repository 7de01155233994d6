#pragma once

#include "base/log.hpp"
#include "base/log_format.hpp"
#include "base/result.hpp"
#include "base/tls/context.hpp"
#include "cli/reference_flags.hpp"

#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace reprise::cli {

/// How a node is one of several.
struct link_options {
  /// Where others reach it, as "host:port"; empty: it is alone.
  std::string address{};
  /// Where it listens, when that is another one.
  std::string listen{};
  /// All three, or none.
  std::string certificate{};
  std::string key{};
  std::string authorities{};

  bool has_tls() const noexcept {
    return !certificate.empty() || !key.empty() || !authorities.empty();
  }
};

/// What a server was asked for, by flags and by a file whose fields are called as the flags are.
/// Names and meanings that the reference's development server has, too, are its.
struct server_options {
  enum class kind : unsigned char {
    /// `reprise server start-dev`: everything has a default, and what is unwise is noted.
    development,
    /// `reprise node`: what is unwise has to be asked for by name.
    node,
  };
  kind what = kind::development;
  /// File with further options; empty: none.
  std::string config{};
  /// Print what is in force instead of serving.
  bool print_config = false;
  /// What logs call this server; empty: the machine's name.
  std::string node_name{};
  /// An address of either kind, with or without brackets, or a host name.
  std::string ip = "127.0.0.1";
  int port = 7233;
  /// 0: any free one.
  int metrics_port = 0;
  /// Without certificates beyond this machine.
  bool insecure = false;
  /// Empty: gRPC is served without TLS.
  tls::server_files tls{};
  link_options link{};
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
  std::string log_format = "text";
  reference_flags reference{};
  /// Bytes of executions in memory before idle ones are dropped, in MiB.
  std::size_t memory_mib = 96;
  /// On MySQL: seconds for which a server may be silent before another one takes over.
  double lease_seconds = 3;
};

/// Whether all is lost when the server ends.
bool is_in_memory(const server_options& o);

/// Adds `start-dev` to `server`; `into` is filled in when the arguments are parsed.
CLI::App* add_start_dev(CLI::App& server, server_options& into);
/// Adds `node`, which has the same options but those that are the reference's alone.
CLI::App* add_node(CLI::App& app, server_options& into);

/// Behind the parsing: takes what the file says that no flag (and no variable of the environment)
/// said, and looks at what does not go together. Refused (invalid_argument) with one sentence.
result<void> complete(CLI::App& command, server_options& into);

/// "Name=Type" by the type's name (Keyword, Int, ...), to name and IndexedValueType.
result<std::pair<std::string, int>> parse_search_attribute(const std::string& text);

result<log_level> parse_log_level(const std::string& text);
/// "pretty" is text, too.
result<log_format> parse_log_format(const std::string& text);

} // namespace reprise::cli
