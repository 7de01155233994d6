// TLS on the port of a whole server, for clients of the gRPC library and for our own.
#include "cli/unary_call.hpp"
#include "store/open.hpp"
#include "tests/cli/live_server.hpp"
#include "tests/cli/raw_connection.hpp"
#include "tests/support/certificates.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

struct secret_world {
  explicit secret_world(bool asks_clients = false, std::chrono::milliseconds patience = 60s) {
    auto loaded
      = tls::certificates::load({.certificate = pair.certificate,
                                 .key = pair.key,
                                 .client_authorities = asks_clients ? trusted.path() : ""});
    REQUIRE(loaded);
    server.emplace(*db, duration{},
                   frontend::grpc_options{.port = 0,
                                          .times = {.handshake = patience},
                                          .certificates = std::move(*loaded)});
  }

  /// What a client of the gRPC library hears.
  grpc::Status ask(const authority& trusts, const key_pair& shown = {}) {
    grpc::SslCredentialsOptions how;
    how.pem_root_certs = text_of(trusts.path());
    if (!shown.key.empty()) {
      how.pem_cert_chain = text_of(shown.certificate);
      how.pem_private_key = text_of(shown.key);
    }
    raw_client client{server->port(), grpc::SslCredentials(how)};
    ws::ListNamespacesRequest r;
    return client.workflow_call("ListNamespaces", r).status;
  }

  std::int64_t connections() {
    return server->numbers().gauge("reprise_bound_used", "", {{"bound", "connections"}}).value();
  }

  /// What our own command line hears.
  result<std::string> ask_ourselves(const tls::client_files& files) {
    return cli::unary_call({.text = "127.0.0.1:" + std::to_string(server->port()), .tls = files},
                           "/grpc.health.v1.Health/Check", "", 30s);
  }

  temporary_folder folder{};
  authority trusted{folder, "trusted"};
  authority other{folder, "other"};
  key_pair pair = trusted.sign("server", "IP:127.0.0.1");
  std::unique_ptr<store::store> db = store::open_memory();
  std::optional<live_server> server{};
};

} // namespace

TEST_CASE_FIXTURE(secret_world, "clients of TLS are served, and only they") {
  CHECK(ask(trusted).ok());
  CHECK(ask(other).error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(ask_ourselves({.authorities = trusted.path()}));
  auto distrusts = ask_ourselves({.authorities = other.path()});
  REQUIRE_FALSE(distrusts);
  CHECK(distrusts.error().message.find("issuer") != std::string::npos);
  // Those who speak openly hear nothing, and are told on our own command line what may be the
  // reason.
  auto open = cli::unary_call({.text = "127.0.0.1:" + std::to_string(server->port())},
                              "/grpc.health.v1.Health/Check", "", 30s);
  REQUIRE_FALSE(open);
  CHECK(open.error().message.find("--tls") != std::string::npos);
  raw_connection c{server->port()};
  c.greet(65'535);
  CHECK(c.is_hung_up_on());
  CHECK(ask(trusted).ok());
}

TEST_CASE("who does not say who it is in time is hung up on") {
  secret_world w{false, 300ms};
  raw_connection c{w.server->port()};
  CHECK(c.is_hung_up_on());
}

TEST_CASE("who has not said who it is holds up no end of the server") {
  secret_world w{false, std::chrono::hours{1}};
  raw_connection c{w.server->port()};
  REQUIRE(eventually([&] { return w.connections() > 0; }));
  w.server->end(std::chrono::hours{1});
  CHECK(c.is_hung_up_on());
}

TEST_CASE_FIXTURE(secret_world, "large answers and many calls pass") {
  grpc::SslCredentialsOptions how;
  how.pem_root_certs = text_of(trusted.path());
  raw_client client{server->port(), grpc::SslCredentials(how)};
  constexpr std::size_t input_bytes = 1'500'000;
  constexpr int workflows = 20;
  std::vector<std::unique_ptr<raw_call>> calls;
  ws::StartWorkflowExecutionRequest start;
  start.set_namespace_("default");
  start.mutable_workflow_type()->set_name("type");
  start.mutable_task_queue()->set_name("queue");
  start.mutable_input()->add_payloads()->set_data(std::string(input_bytes, 'x'));
  for (int i = 0; i < workflows; ++i) {
    start.set_workflow_id("w" + std::to_string(i));
    start.set_request_id("start-" + start.workflow_id());
    REQUIRE(client.workflow_call("StartWorkflowExecution", start).status.ok());
  }
  for (int i = 0; i < workflows; ++i) {
    ws::GetWorkflowExecutionHistoryRequest ask;
    ask.set_namespace_("default");
    ask.mutable_execution()->set_workflow_id("w" + std::to_string(i));
    calls.push_back(
      client.start(std::string{"/"} + workflow_service + "/GetWorkflowExecutionHistory",
                   ask.SerializeAsString(), 60s));
  }
  for (auto& c : calls) {
    CHECK(c->status.get().ok());
    CHECK(c->received.Length() > input_bytes);
  }
}

TEST_CASE("clients need the certificates that are asked for") {
  secret_world w{true};
  auto shown = w.trusted.sign("client", "client");
  CHECK(w.ask(w.trusted, shown).ok());
  CHECK(w.ask(w.trusted).error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(w.ask(w.trusted, w.other.sign("stranger", "client")).error_code()
        == grpc::StatusCode::UNAVAILABLE);
  CHECK(w.ask_ourselves(
    {.authorities = w.trusted.path(), .certificate = shown.certificate, .key = shown.key}));
  CHECK_FALSE(w.ask_ourselves({.authorities = w.trusted.path()}));
}

TEST_CASE_FIXTURE(secret_world, "a certificate that is replaced is shown without a restart") {
  CHECK(ask(trusted).ok());
  auto next = other.sign("next", "IP:127.0.0.1");
  std::filesystem::rename(next.key, pair.key);
  std::filesystem::rename(next.certificate, pair.certificate);
  CHECK(eventually([&] { return ask(other).ok(); }));
  CHECK_FALSE(ask(trusted).ok());
}

TEST_CASE_FIXTURE(secret_world, "a poll that waits when the server ends is answered") {
  grpc::SslCredentialsOptions how;
  how.pem_root_certs = text_of(trusted.path());
  raw_client client{server->port(), grpc::SslCredentials(how)};
  ws::PollWorkflowTaskQueueRequest poll;
  poll.set_namespace_("default");
  poll.mutable_task_queue()->set_name("queue");
  auto waiting = client.start(std::string{"/"} + workflow_service + "/PollWorkflowTaskQueue",
                              poll.SerializeAsString(), 60s);
  REQUIRE(
    eventually([&] { return server->numbers().gauge("reprise_polls_waiting", "").value() == 1; }));
  server->end();
  CHECK(waiting->status.get().ok());
}
