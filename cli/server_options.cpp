#include "cli/server_options.hpp"

#include "cli/config_file.hpp"
#include "cli/text_list.hpp"
#include "cluster/link/settings.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <CLI/CLI.hpp>
#include <map>

namespace reprise::cli {

namespace {

error refused(std::string text) {
  return make_error(errc::invalid_argument, std::move(text));
}

void add_doors(CLI::App& c, server_options& into) {
  constexpr int port_max = 65'535;
  c.add_option("--ip", into.ip, "Address or host name to listen on")->capture_default_str();
  c.add_option("-p,--port", into.port, "Port of the gRPC API; 0: any free one")
    ->capture_default_str()
    ->check(CLI::Range(0, port_max));
  c.add_option("--metrics-port", into.metrics_port,
               "Port of /metrics and of the probes; 0: any free one")
    ->capture_default_str()
    ->check(CLI::Range(0, port_max));
  c.add_flag("--insecure", into.insecure,
             "Let other machines reach the gRPC API without certificates");
  c.add_option("--tls-cert-path", into.tls.certificate,
               "Serve gRPC with TLS: certificate and those behind it (PEM); read anew when it is "
               "replaced");
  c.add_option("--tls-key-path", into.tls.key, "Its private key (PEM)");
  c.add_option("--tls-client-ca-path", into.tls.client_authorities,
               "Whose certificates clients need (PEM); without it they need none");
}

void add_link(CLI::App& c, link_options& into) {
  c.add_option("--link", into.address,
               "Address (host:port) by which other nodes on the same MySQL reach this one; with it "
               "they share the workflows");
  c.add_option("--link-listen", into.listen, "Address to listen on for them, when it is another");
  c.add_option("--link-cert-path", into.certificate,
               "What this node shows to others and others to it: a certificate (PEM) for the host "
               "of --link, of the unit 'node'");
  c.add_option("--link-key-path", into.key, "Its private key (PEM)");
  c.add_option("--link-ca-path", into.authorities, "Whose certificates other nodes need (PEM)");
}

void add_store(CLI::App& c, server_options& into) {
  constexpr std::size_t memory_mib_max = 1U << 20;
  constexpr double lease_seconds_min = 0.5;
  constexpr double lease_seconds_max = 3600;
  c.add_option("-f,--db-filename", into.db_filename, "SQLite file of the store");
  c.add_option("--mysql", into.mysql,
               "Keep the store in MySQL: mysql://user[:password]@host/db; with ?ssl-ca=FILE by "
               "TLS")
    ->envname("REPRISE_MYSQL");
  c.add_option("--mysql-password-file", into.mysql_password_file,
               "File that holds the password, which a command line would show to everybody");
  c.add_option("--lease", into.lease_seconds,
               "Seconds of silence before another server on the same MySQL takes over")
    ->capture_default_str()
    ->check(CLI::Range(lease_seconds_min, lease_seconds_max));
  c.add_option("--memory", into.memory_mib, "MiB of workflows to keep in memory")
    ->capture_default_str()
    ->check(CLI::Range(std::size_t{1}, memory_mib_max));
}

void add_options(CLI::App& c, server_options& into) {
  c.add_option("--config", into.config, "YAML file with options, called as these flags are");
  c.add_flag("--print-config", into.print_config,
             "Print all options as they are in force, as such a file, and end");
  add_doors(c, into);
  add_store(c, into);
  add_text_list(c, "-n,--namespace", into.namespaces, "Namespace to create besides 'default'");
  add_text_list(c, "--search-attribute", into.search_attributes,
                "Search attribute to create in those namespaces, as Name=Type");
  add_text_list(c, "--dynamic-config-value", into.dynamic_config, "Setting, as key=JSON value");
  c.add_option("--log-level", into.log_level, "debug, info, warn, error or never")
    ->capture_default_str();
  c.add_option("--log-format", into.log_format,
               "text, for people (pretty is the same), or json: an object a line")
    ->capture_default_str();
  c.add_option("--node-name", into.node_name,
               "What log lines in JSON call this server; the machine's name without it");
}

result<void> check_link(const server_options& o) {
  const auto& l = o.link;
  if (l.address.empty())
    return l.listen.empty() && !l.has_tls()
             ? result<void>{}
             : refused("the options of the link are of no use without --link HOST:PORT, by which "
                       "other nodes reach this one");
  if (o.mysql.empty())
    return refused("--link is for nodes that share a store: give them the same --mysql");
  if (l.has_tls() && (l.certificate.empty() || l.key.empty() || l.authorities.empty()))
    return refused("nodes show each other certificates: give --link-cert-path, --link-key-path and "
                   "--link-ca-path, or none of them");
  for (const auto* text : {&l.address, &l.listen})
    if (!text->empty())
      if (auto at = link::parse_listening(*text); !at)
        return refused(*text + ": " + at.error().message);
  return {};
}

} // namespace

bool is_in_memory(const server_options& o) {
  return o.mysql.empty() && (o.db_filename.empty() || o.db_filename == ":memory:");
}

CLI::App* add_start_dev(CLI::App& server, server_options& into) {
  auto* c = server.add_subcommand("start-dev", "Run a whole server in this process");
  into.what = server_options::kind::development;
  add_options(*c, into);
  add_reference_flags(*c, into.reference);
  c->footer("Examples:\n"
            "  reprise server start-dev                             all in memory\n"
            "  reprise server start-dev --db-filename orders.db     survives crashes\n"
            "  reprise server start-dev --mysql mysql://root@127.0.0.1/reprise\n"
            "  reprise server start-dev -n shop --search-attribute Customer=Keyword\n"
            "  reprise server start-dev --tls-cert-path server.pem --tls-key-path server.key\n");
  return c;
}

CLI::App* add_node(CLI::App& app, server_options& into) {
  auto* c = app.add_subcommand("node", "Run a server for others: with a store that stays, and "
                                       "with certificates beyond this machine");
  into.what = server_options::kind::node;
  add_options(*c, into);
  add_link(*c, into.link);
  c->footer("Examples:\n"
            "  reprise node --db-filename orders.db\n"
            "  reprise node --config node.yaml\n"
            "  reprise node --mysql mysql://reprise@db/reprise --link node1.example:7240\n"
            "  reprise node --config node.yaml --port 7000      the flag counts\n"
            "  reprise node --config node.yaml --print-config\n");
  return c;
}

result<void> complete(CLI::App& command, server_options& into) {
  if (!into.config.empty())
    if (auto ok = apply_config_file(command, into.config); !ok)
      return ok;
  if (!into.mysql.empty() && !into.db_filename.empty())
    return refused("the store is kept in a file, or in MySQL (--mysql, or REPRISE_MYSQL in the "
                   "environment): give one of them");
  if (into.mysql.empty() && !into.mysql_password_file.empty())
    return refused("--mysql-password-file is of no use without --mysql (or REPRISE_MYSQL in the "
                   "environment)");
  if (auto ok = check_link(into); !ok)
    return ok;
  if (into.what == server_options::kind::node && !into.print_config && is_in_memory(into))
    return refused("a node keeps what it is told: give it --db-filename FILE, or --mysql (or "
                   "REPRISE_MYSQL in the environment); `reprise server start-dev` serves from "
                   "memory");
  return {};
}

result<std::pair<std::string, int>> parse_search_attribute(const std::string& text) {
  namespace enums = temporal::api::enums::v1;
  static const std::map<std::string, int> types{
    {"Text", enums::INDEXED_VALUE_TYPE_TEXT},
    {"Keyword", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"Int", enums::INDEXED_VALUE_TYPE_INT},
    {"Double", enums::INDEXED_VALUE_TYPE_DOUBLE},
    {"Bool", enums::INDEXED_VALUE_TYPE_BOOL},
    {"Datetime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"KeywordList", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
  };
  auto at = text.find('=');
  auto type = at != std::string::npos && at > 0 ? types.find(text.substr(at + 1)) : types.end();
  if (type == types.end())
    return refused("--search-attribute " + text
                   + ": write it as Name=Type; types are Text, Keyword,"
                     " Int, Double, Bool, Datetime and KeywordList");
  return std::pair{text.substr(0, at), type->second};
}

result<log_level> parse_log_level(const std::string& text) {
  static const std::map<std::string, log_level> levels{
    {"debug", log_level::debug}, {"info", log_level::info}, {"warn", log_level::warn},
    {"error", log_level::error}, {"never", log_level::off}, {"off", log_level::off},
  };
  auto known = levels.find(text);
  if (known == levels.end())
    return refused("--log-level " + text + ": use debug, info, warn, error or never");
  return known->second;
}

result<log_format> parse_log_format(const std::string& text) {
  if (text == "json")
    return log_format::json;
  if (text.empty() || text == "text" || text == "pretty")
    return log_format::text;
  return refused("--log-format " + text + ": use text or json");
}

} // namespace reprise::cli
