// Options from a file: what it may say, how it is refused, and how it is written.
#include "cli/config_file.hpp"

#include "cli/server_options.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>

using namespace reprise;
using namespace reprise::cli;
using namespace reprise::testing;

namespace {

/// `reprise node --config FILE`, up to where the server would begin.
struct configured {
  explicit configured(const std::string& text, std::vector<std::string> words = {}) {
    std::ofstream{path} << text;
    words.insert(words.begin(), {"node", "--config", path});
    std::reverse(words.begin(), words.end());
    command = add_node(app, options);
    app.parse(std::move(words));
    auto ok = complete(*command, options);
    if (ok)
      return;
    CHECK(ok.error().code == errc::invalid_argument);
    refusal = ok.error().message;
    CHECK(refusal.find('\n') == std::string::npos);
  }

  /// Whether it was refused with this, behind the file's name.
  bool is_refused(const std::string& why) const {
    CAPTURE(refusal);
    CAPTURE(why);
    CHECK(refusal.find(path + ":") != std::string::npos);
    CHECK(refusal.find(why) != std::string::npos);
    return !refusal.empty();
  }

  temporary_folder folder{};
  std::string path = folder.file("node.yaml");
  CLI::App app{"test"};
  server_options options{};
  CLI::App* command = nullptr;
  std::string refusal{};
};

const std::string store_line = "db-filename: a.db\n";

} // namespace

TEST_CASE("a field of the file is what the flag of its name is") {
  configured c{"# a comment\n"
               "ip: 10.0.0.1\n"
               "port: 7000\n"
               "metrics-port: 9000\n"
               "insecure: true\n"
               "tls-cert-path: a.pem\n"
               "tls-key-path: 'a.key'\n"
               "tls-client-ca-path: \"c.pem\"\n"
               "mysql: mysql://u@h/x\n"
               "mysql-password-file: secret\n"
               "lease: 2.5\n"
               "memory: 200\n"
               "namespace: [shop, orders]\n"
               "search-attribute:\n  - City=Keyword\n"
               "dynamic-config-value:\n"
               "  limit.maxIDLength: 100\n"
               "  matching.longPollExpirationInterval: 30s\n"
               "log-level: info\n"
               "log-format: json\n"
               "node-name: one\n"};
  CHECK(c.refusal == "");
  const auto& o = c.options;
  CHECK(o.ip == "10.0.0.1");
  CHECK(o.port == 7000);
  CHECK(o.metrics_port == 9000);
  CHECK(o.insecure);
  CHECK(o.tls.certificate == "a.pem");
  CHECK(o.tls.key == "a.key");
  CHECK(o.tls.client_authorities == "c.pem");
  CHECK(o.mysql == "mysql://u@h/x");
  CHECK(o.mysql_password_file == "secret");
  CHECK(o.lease_seconds == 2.5);
  CHECK(o.memory_mib == 200);
  CHECK(o.namespaces == std::vector<std::string>{"shop", "orders"});
  CHECK(o.search_attributes == std::vector<std::string>{"City=Keyword"});
  CHECK(o.dynamic_config
        == std::vector<std::string>{"limit.maxIDLength=100",
                                    "matching.longPollExpirationInterval=30s"});
  CHECK(o.log_level == "info");
  CHECK(o.log_format == "json");
  CHECK(o.node_name == "one");
}

TEST_CASE("what a file does not say has its default") {
  for (const char* text : {"", "# nothing\n", "---\n", "{}\n"}) {
    CAPTURE(text);
    configured c{text, {"--db-filename", "a.db"}};
    CHECK(c.refusal == "");
    CHECK(c.options.port == 7233);
    CHECK(c.options.ip == "127.0.0.1");
  }
}

TEST_CASE("a flag counts more than the file, and so does the environment") {
  configured c{store_line + "port: 7000\nlog-level: error\nnamespace: [a, b]\n",
               {"--port", "7001", "--namespace", "c"}};
  CHECK(c.refusal == "");
  CHECK(c.options.port == 7001);
  CHECK(c.options.log_level == "error");
  CHECK(c.options.namespaces == std::vector<std::string>{"c"});
  ::setenv("REPRISE_MYSQL", "mysql://e@h/x", 1);
  configured d{"mysql: mysql://f@h/x\n"};
  ::unsetenv("REPRISE_MYSQL");
  CHECK(d.options.mysql == "mysql://e@h/x");
}

TEST_CASE("fields that there are not are refused by name and line") {
  CHECK(configured{store_line + "prot: 1\n"}.is_refused(":2: there is no field prot;"));
  CHECK(configured{"Port: 1\n"}.is_refused(":1: there is no field Port;"));
  CHECK(configured{"--port: 1\n"}.is_refused("there is no field --port;"));
  CHECK(configured{"config: b.yaml\n"}.is_refused("there is no field config;"));
  CHECK(configured{"help: true\n"}.is_refused("there is no field help;"));
  CHECK(configured{"headless: true\n"}.is_refused("there is no field headless;"));
  CHECK(configured{"port: 1\nip: a\nport: 2\n"}.is_refused(":3: port is there twice"));
  // Though a flag says it.
  CHECK(configured{"port: 1\nport: 2\n", {"--port", "3"}}.is_refused(":2: port is there twice"));
}

TEST_CASE("values that do not fit are refused with what would") {
  CHECK(configured{"\n\nport: seven\n"}.is_refused(
    ":3: port: \"seven\" does not fit; it is INT in [0 - 65535] (Port of the gRPC API; "));
  CHECK(configured{"port: 70000\n"}.is_refused("\"70000\" does not fit"));
  CHECK(configured{"port: 7.5\n"}.is_refused("\"7.5\" does not fit"));
  CHECK(configured{"memory: 0\n"}.is_refused("\"0\" does not fit"));
  CHECK(configured{"lease: 0.1\n"}.is_refused("FLOAT in [0.5 - 3600]"));
  for (const char* no : {"yes", "1", "on", "TRUE", "\"\""})
    CHECK(configured{std::string{"insecure: "} + no + "\n"}.is_refused("insecure"));
  CHECK(configured{"port:\n"}.is_refused("port has no value; leave the line away"));
  CHECK(configured{"port: ~\n"}.is_refused("port has no value"));
  CHECK(configured{"port: [1, 2]\n"}.is_refused("port wants one value"));
  CHECK(configured{"ip: {a: b}\n"}.is_refused("ip wants one value"));
  CHECK(configured{"namespace: {a: b}\n"}.is_refused("namespace wants one value"));
  CHECK(configured{"namespace:\n  - a\n  - [b]\n"}.is_refused(":3: namespace wants one value"));
  CHECK(configured{"dynamic-config-value: a=b\n"}.is_refused("wants a map of settings"));
  CHECK(configured{"dynamic-config-value:\n  a.b: 1\n  a.b: 2\n"}.is_refused(
    ":3: the setting a.b is there twice"));
  CHECK(configured{"dynamic-config-value:\n  a.b: [1]\n"}.is_refused(":2: a.b wants one value"));
}

TEST_CASE("what is no configuration is refused") {
  CHECK(configured{"- port\n"}.is_refused(":1: a configuration is fields"));
  CHECK(configured{"port\n"}.is_refused(":1: a configuration is fields"));
  CHECK(configured{"port: [1\nip: \"a\n"}.is_refused("this is no YAML"));
  CHECK(configured{"? [a]\n: b\n"}.is_refused("a field's name wants one value"));
  CHECK(configured{std::string(5000, '[')}.is_refused("this is no YAML"));
  CHECK(configured{"a: &x [*x]\n"}.is_refused("a"));
  CHECK(configured{"port: 1\n---\nport: 2\n"}.refusal.find("several documents")
        != std::string::npos);
  CHECK(configured{std::string(2U << 20, '#')}.refusal.find("larger than 1 MiB")
        != std::string::npos);
}

TEST_CASE("a file that cannot be had is refused with its name") {
  temporary_folder folder;
  for (const auto& path : {folder.file("absent.yaml"), folder.path()}) {
    CLI::App app{"test"};
    server_options o;
    auto* command = add_node(app, o);
    auto ok = apply_config_file(*command, path);
    REQUIRE(!ok);
    CHECK(ok.error().message.find("--config " + path) != std::string::npos);
  }
}

TEST_CASE("what is in force is written as a file that says the same, whatever is in it") {
  configured c{"db-filename: \"a \\\"b\\\\ \\n#c: d.db\"\n"
               "port: 7000\n"
               "namespace: ['x: y', \"#z\"]\n"
               "dynamic-config-value:\n  limit.maxIDLength: 100\n  made.up: '{\"a\": [1]}'\n"
               "insecure: true\n",
               {"--memory", "300"}};
  REQUIRE(c.refusal == "");
  auto text = config_text(*c.command);
  configured again{text};
  CHECK(again.refusal == "");
  CHECK(again.options.db_filename == c.options.db_filename);
  CHECK(again.options.namespaces == c.options.namespaces);
  CHECK(again.options.dynamic_config == c.options.dynamic_config);
  CHECK(again.options.memory_mib == 300);
  CHECK(again.options.port == 7000);
  CHECK(again.options.insecure);
  CHECK(config_text(*again.command) == text);
}

TEST_CASE("no password is printed, wherever it stands in an address") {
  auto printed = [](const std::string& address) {
    configured c{"mysql: '" + address + "'\n"};
    return config_text(*c.command);
  };
  auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(printed("mysql://u:hush@h:3306/x?ssl-ca=a"), "\"mysql://u@h:3306/x?ssl-ca=a\""));
  CHECK(has(printed("mysql://u@h/x"), "\"mysql://u@h/x\""));
  for (const char* address :
       {"mysql://u:hush@h/x", "mysql://u:hu@hush@h/x", "mysql://:hush@h", "u:hush@h/x",
        "mysql:/u:hush@h", "mysql://u:hush", "hush", "mysql://u@h/x?password=hush",
        "mysql://h/x?password=hush@y", "mysql://u@h/x?ssl-ca=a&password=hush"})
    CHECK_FALSE_MESSAGE(has(printed(address), "hush"), address);
}

TEST_CASE("a node keeps what it is told, and says who may come") {
  configured c{"port: 7000\n"};
  CHECK(c.refusal.find("--db-filename") != std::string::npos);
  configured d{"db-filename: ':memory:'\n"};
  CHECK(d.refusal.find("start-dev") != std::string::npos);
  CHECK(configured{"", {"--print-config"}}.refusal == "");
  CHECK(configured{"db-filename: a.db\nmysql: mysql://u@h/x\n"}.refusal.find("give one of them")
        != std::string::npos);
}
