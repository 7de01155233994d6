// The binary as its users meet it: what it says, what it refuses, how it ends.
#include "frontend/transport/socket.hpp"
#include "store/open.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/cli/raw_client.hpp"
#include "tests/cli/raw_connection.hpp"
#include "tests/cli/reprise_process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <sqlite3.h>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
namespace ws = temporal::api::workflowservice::v1;

namespace {

ended_process run_binary(std::vector<std::string> words,
                         std::vector<std::pair<std::string, std::string>> environment = {}) {
  temporary_folder folder;
  reprise_process p{folder.path(), "p", std::move(words), std::move(environment)};
  return end_of(p);
}

std::vector<std::string> server(std::vector<std::string> flags) {
  std::vector<std::string> words{"server", "start-dev", "--port", "0"};
  words.insert(words.end(), flags.begin(), flags.end());
  return words;
}

/// Refused at the start: one sentence on standard error, nothing on standard output.
std::string refusal(std::vector<std::string> flags, int code = 1) {
  auto end = run_binary(server(std::move(flags)));
  CHECK(end.code == code);
  CHECK(end.output.empty());
  CHECK(end.errors.starts_with("error: "));
  return end.errors;
}

void run_sql(const std::string& path, const char* text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, text, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

ws::StartWorkflowExecutionRequest start_request(const std::string& id) {
  ws::StartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id(id);
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("queue");
  return r;
}

} // namespace

TEST_CASE("help shows every flag, and examples") {
  auto top = run_binary({"--help"});
  CHECK(top.code == 0);
  auto alone = run_binary({});
  CHECK(alone.code == 0);
  CHECK(alone.output == top.output);
  CHECK(contains(run_binary({"parked", "--help"}).output, "reprise parked unpark"));
  CHECK(contains(top.output, "Examples:"));
  CHECK(contains(top.output, "server"));
  auto help = run_binary({"server", "start-dev", "--help"});
  CHECK(help.code == 0);
  for (const char* flag : {"--ip", "--port", "--db-filename", "--namespace", "--search-attribute",
                           "--dynamic-config-value", "--log-level", "--headless", "--metrics-port",
                           "--mysql", "Examples:"})
    CHECK_MESSAGE(contains(help.output, flag), flag);
}

TEST_CASE("the version is one line") {
  auto said = run_binary({"--version"});
  CHECK(said.code == 0);
  CHECK(said.output == "reprise " REPRISE_VERSION "\n");
}

TEST_CASE("what is not known is refused with a pointer to the help") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"server"},
                                                {"parked"},
                                                {"parked", "show"},
                                                {"parked", "list", "--output", "tape"},
                                                {"made-up"},
                                                {"server", "start-dev", "--made-up"},
                                                {"server", "start-dev", "--port", "seventy"}}) {
    auto end = run_binary(words);
    CHECK(end.code == 2);
    CHECK(contains(end.output + end.errors, "--help"));
  }
}

TEST_CASE("values that make no sense are refused with a sentence") {
  constexpr int usage = 2;
  CHECK(contains(refusal({"--log-level", "loud"}, usage), "--log-level loud"));
  CHECK(contains(refusal({"--log-format", "xml"}, usage), "--log-format xml"));
  CHECK(contains(refusal({"--search-attribute", "City"}, usage), "Name=Type"));
  CHECK(contains(refusal({"--dynamic-config-value", "limit.maxIDLength=long"}, usage),
                 "limit.maxIDLength=long"));
  CHECK(contains(refusal({"--sqlite-pragma", "synchronous=off"}, usage), "synchronous=off"));
  CHECK(contains(refusal({"--mysql", "nonsense"}, usage), "mysql://"));
}

TEST_CASE("flags of the reference's server are taken, and those without effect noted") {
  temporary_folder folder;
  reprise_process p{folder.path(), "p",
                    server({"--db-filename", ":memory:", "--ui-port", "0", "--http-port", "0",
                            "--log-config", "--ui-ip", "127.0.0.1", "--ui-asset-path", "/tmp",
                            "--sqlite-pragma", "cache_size=10"})};
  p.port();
  for (const char* flag : {"--ui-port", "--http-port", "--log-config", "--ui-ip", "--ui-asset-path",
                           "--sqlite-pragma cache_size=10"})
    CHECK_MESSAGE(contains(p.errors(), std::string{"note: "} + flag), flag);
  CHECK(contains(p.output(), "in memory: all is lost when the server ends"));
  p.signal(SIGTERM);
  CHECK(p.exit_code() == 0);
}

TEST_CASE("addresses of both kinds and names are listened on, gRPC and metrics") {
  // Some containers have no addresses of the newer kind.
  auto has_both = frontend::addresses_of("::1").has_value();
  for (const char* ip : {"localhost", "0.0.0.0", "::1", "::", "[::1]"}) {
    if (std::string_view{ip}.find(':') != std::string_view::npos && !has_both)
      continue;
    CAPTURE(ip);
    temporary_folder folder;
    reprise_process p{folder.path(), "p", server({"--ip", ip})};
    REQUIRE(eventually([&] { return contains(p.output(), "store"); }));
    p.signal(SIGTERM);
    CHECK(p.exit_code() == 0);
    auto plain = std::string{ip};
    if (plain.find(':') != std::string::npos && plain.front() != '[')
      plain = "[" + plain + "]";
    CHECK(contains(p.output(), "gRPC     " + plain + ":"));
    // Debian's library for metrics knows no IPv6.
    auto metrics = plain.front() != '[' ? plain : plain == "[::]" ? "0.0.0.0" : "127.0.0.1";
    CHECK(contains(p.output(), "metrics  http://" + metrics + ":"));
  }
}

TEST_CASE("an address that the machine lacks is named as the reason") {
  for (const char* ip : {"203.0.113.77", "2001:db8::7"}) {
    auto said = refusal({"--ip", ip});
    CHECK(
      contains(said, std::string{"cannot listen on "} + ip + ": this machine has no such address"));
    CHECK_FALSE(contains(said, "metrics"));
  }
  CHECK(
    contains(refusal({"--ip", "no such host.invalid"}), "cannot listen on no such host.invalid"));
}

TEST_CASE("settings without effect are noted and the server starts") {
  temporary_folder folder;
  reprise_process p{folder.path(), "p", server({"--dynamic-config-value", "made.up=1"})};
  p.port();
  CHECK(contains(p.errors(), "made.up has no effect here"));
  CHECK(contains(p.output(), "in memory: all is lost when the server ends"));
  p.signal(SIGTERM);
  CHECK(p.exit_code() == 0);
}

TEST_CASE("a port that is taken is refused, and so is one for metrics") {
  temporary_folder folder;
  reprise_process first{folder.path(), "first", server({})};
  auto port = std::to_string(first.port());
  auto end = run_binary({"server", "start-dev", "--port", port});
  CHECK(end.code == 1);
  CHECK(contains(end.errors, "cannot listen on 127.0.0.1:" + port));
  CHECK(contains(refusal({"--metrics-port", port}), port));
  CHECK(contains(refusal({"--ip", "203.0.113.77"}), "203.0.113.77"));
  first.signal(SIGTERM);
  CHECK(first.exit_code() == 0);
}

TEST_CASE("a second server on the same file is refused and names the first") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  reprise_process first{folder.path(), "first", server({"--db-filename", path})};
  auto port = first.port();
  auto said = refusal({"--db-filename", path});
  CHECK(contains(said, "is in use by process " + std::to_string(first.pid())));
  CHECK(contains(said, "Stop that server or choose another file."));
  // The first one does not even notice.
  raw_client client{port};
  CHECK(client.workflow_call("StartWorkflowExecution", start_request("w")).status.ok());
}

TEST_CASE("files that cannot be the store are refused with what to do") {
  temporary_folder folder;
  CHECK(contains(refusal({"--db-filename", folder.file("absent/store.db")}),
                 "Check that the folder exists"));
  CHECK(contains(refusal({"--db-filename", folder.path()}), folder.path()));
  auto notes = folder.file("notes.txt");
  std::ofstream{notes} << std::string(5000, 'x');
  CHECK(contains(refusal({"--db-filename", notes}), "Choose another file name"));
  auto path = folder.file("store.db");
  REQUIRE(store::open_sqlite({.path = path}));
  run_sql(path, "PRAGMA user_version = 99");
  auto said = refusal({"--db-filename", path});
  CHECK(contains(said, "newer version of reprise"));
  CHECK(contains(said, "Use that version, or another file."));
  run_sql(path, "PRAGMA user_version = 1; DELETE FROM slots WHERE slot > 7");
  CHECK(contains(refusal({"--db-filename", path}), "Restore it from a backup"));
}

TEST_CASE("errors are plain where there is no terminal, whatever the environment says") {
  for (const char* value : {"", "1"}) {
    auto end = run_binary(server({"--log-level", "loud"}), {{"NO_COLOR", value}});
    CHECK_FALSE(contains(end.errors, "\x1b"));
    CHECK(end.errors.starts_with("error: "));
  }
}

TEST_CASE("SIGTERM drains: polls return, what was answered is kept, exit 0") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  reprise_process first{folder.path(), "first", server({"--db-filename", path})};
  raw_client client{first.port()};
  REQUIRE(client.workflow_call("StartWorkflowExecution", start_request("w")).status.ok());
  ws::PollWorkflowTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("empty");
  auto poll = client.start("/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue",
                           r.SerializeAsString(), 60s);
  // The poll has arrived when a later call on its connection is answered.
  REQUIRE(client.health("") == "SERVING");
  first.signal(SIGTERM);
  auto status = poll->status.get();
  CHECK_MESSAGE(status.ok(), status.error_message());
  CHECK(first.exit_code() == 0);
  CHECK(contains(first.output(), "ending"));
  reprise_process second{folder.path(), "second", server({"--db-filename", path})};
  raw_client again{second.port()};
  ws::CountWorkflowExecutionsRequest counted;
  counted.set_namespace_("default");
  auto answer = again.workflow_call("CountWorkflowExecutions", counted);
  ws::CountWorkflowExecutionsResponse n;
  REQUIRE(n.ParseFromString(answer.bytes));
  CHECK(n.count() == 1);
  second.signal(SIGINT);
  CHECK(second.exit_code() == 0);
}

TEST_CASE("a server that ends says so before it takes no more calls, and hangs up on nobody") {
  temporary_folder folder;
  reprise_process p{
    folder.path(), "p",
    server({"--dynamic-config-value", "frontend.shutdownFailHealthCheckDuration=1h"})};
  raw_client client{p.port()};
  ws::PollWorkflowTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("empty");
  auto poll = client.start("/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue",
                           r.SerializeAsString(), 60s);
  REQUIRE(client.health("") == "SERVING");
  raw_connection c{p.port()};
  REQUIRE(c.greet(65'535));
  p.signal(SIGTERM);
  REQUIRE(eventually([&] { return client.health("") == "NOT_SERVING"; }));
  // Who comes now is served all the same, on a new connection, too.
  raw_client late{p.port()};
  CHECK(late.workflow_call("StartWorkflowExecution", start_request("w")).status.ok());
  CHECK(poll->status.wait_for(0s) == std::future_status::timeout);
  CHECK_FALSE(contains(p.output(), "ending"));
  p.signal(SIGTERM);
  auto status = poll->status.get();
  CHECK_MESSAGE(status.ok(), status.error_message());
  CHECK(c.hears_goaway());
  CHECK(p.exit_code() == 0);
  CHECK(contains(p.output(), "ending"));
}

TEST_CASE("namespaces and search attributes of the flags are there, again and again") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  for (const char* name : {"first", "second"}) {
    reprise_process p{folder.path(), name,
                      server({"--db-filename", path, "--namespace", "shop", "--search-attribute",
                              "Customer=Keyword"})};
    raw_client client{p.port()};
    for (const char* ns : {"default", "shop"}) {
      ws::CountWorkflowExecutionsRequest r;
      r.set_namespace_(ns);
      r.set_query("Customer = 'x'");
      auto answer = client.workflow_call("CountWorkflowExecutions", r);
      CHECK_MESSAGE(answer.status.ok(), answer.status.error_message());
    }
    p.signal(SIGTERM);
    CHECK(p.exit_code() == 0);
  }
}
