// The transport's own behaviour on real connections: frames in pieces, small windows, callers who
// do not speak gRPC, floods, and how connections end.
#include "store/open.hpp"
#include "tests/cli/live_server.hpp"
#include "tests/cli/raw_connection.hpp"

#include <atomic>
#include <thread>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* info = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";

struct server_fixture {
  server_fixture() {
    REQUIRE(eventually([this] { return server.serves(); }));
  }

  std::unique_ptr<store::store> db = store::open_memory();
  live_server server{*db};
};

/// A server whose connections end soon.
struct hasty_server {
  hasty_server() {
    REQUIRE(eventually([this] { return server.serves(); }));
  }

  std::unique_ptr<store::store> db = store::open_memory();
  live_server server{
    *db,
    {},
    {.port = 0, .times = {.silence = 100ms, .ping_patience = 100ms, .idle = 60s, .age = 60ms}}};
};

} // namespace

TEST_CASE_FIXTURE(server_fixture, "a call is read from pieces of one byte") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  REQUIRE(c.begin_call(1, info));
  for (int i = 0; i < 4; ++i)
    REQUIRE(c.send_data(1, std::string(1, '\0'), false));
  REQUIRE(c.send_data(1, std::string(1, '\0'), true));
  auto said = c.hear(1);
  CHECK(said.starts_with(":status: 200\ncontent-type: application/grpc\n"));
  CHECK(said.find("1.26") != std::string::npos);
  CHECK(said.ends_with("grpc-status: 0\n"));
}

TEST_CASE_FIXTURE(server_fixture, "an answer comes as the client's window lets it through") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(10));
  REQUIRE(c.begin_call(1, info));
  REQUIRE(c.end_call(1));
  std::string got;
  // Ten bytes at a time; the answer to a ping follows what the window let through.
  for (int i = 0; i < 1000 && !got.ends_with("grpc-status: 0\n"); ++i) {
    REQUIRE(c.ping("one more"));
    got += c.hear(1);
    REQUIRE(c.open_window(1, 10));
  }
  CHECK(got.find("1.26") != std::string::npos);
  CHECK(got.ends_with("grpc-status: 0\n"));
}

TEST_CASE_FIXTURE(server_fixture, "pings are answered, alone or with what else is to be said") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  for (int i = 0; i < 20; ++i) {
    REQUIRE(c.ping("no other"));
    CHECK(c.hears_pong("no other"));
  }
  REQUIRE(c.begin_call(1, info));
  REQUIRE(c.ping("together"));
  REQUIRE(c.end_call(1));
  CHECK(c.hears_pong("together"));
}

TEST_CASE_FIXTURE(server_fixture, "a call without a request, or with two, is refused") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  constexpr const char* refusal
    = "grpc-status: 13\ngrpc-message: a call of this method has one request, whole\n";
  REQUIRE(c.begin_call(1, info));
  REQUIRE(c.send_data(1, "", true));
  CHECK(c.hear(1).find(refusal) != std::string::npos);
  REQUIRE(c.begin_call(3, info));
  REQUIRE(c.send_data(3, std::string(10, '\0'), true));
  CHECK(c.hear(3).find(refusal) != std::string::npos);
  // Half of one.
  REQUIRE(c.begin_call(5, info));
  REQUIRE(c.send_data(5, std::string(3, '\0'), true));
  CHECK(c.hear(5).find(refusal) != std::string::npos);
}

TEST_CASE_FIXTURE(server_fixture, "who says that too much is to come is refused before it comes") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  REQUIRE(c.begin_call(1, info));
  REQUIRE(c.send_data(1, std::string{"\0\x7f\xff\xff\xff", 5}, false));
  auto said = c.hear(1);
  CHECK(said.find("grpc: received message larger than max (2147483647 vs. 4194304)")
        != std::string::npos);
  // Without a fault: the rest need not be sent.
  CHECK(c.hear(1) == "[reset 0]");
}

TEST_CASE_FIXTURE(server_fixture, "what is HTTP/2 but not gRPC is told so") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  REQUIRE(c.begin_request(
    1, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "localhost"}}));
  CHECK(c.hear(1) == ":status: 405\n");
  REQUIRE(c.begin_request(3, {{":method", "POST"},
                              {":scheme", "http"},
                              {":path", info},
                              {":authority", "localhost"},
                              {"content-type", "application/json"}}));
  CHECK(c.hear(3) == ":status: 415\n");
  CHECK(server.serves());
}

TEST_CASE_FIXTURE(server_fixture, "who opens calls only to reset them is hung up on") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  std::uint32_t number = 1;
  auto takes_more = true;
  for (; takes_more && number < 200'000; number += 2)
    takes_more = c.begin_call(number, info) && c.reset_call(number);
  CHECK((!takes_more || c.is_hung_up_on()));
  CHECK(server.serves());
}

TEST_CASE_FIXTURE(server_fixture, "a name that is two addresses is served on both") {
  frontend::grpc_options options{.ip = "localhost", .port = 0};
  auto sockets = frontend::listen_on(options.ip, options.port);
  REQUIRE(sockets);
  CHECK_FALSE(sockets->sockets.empty());
  auto taken = frontend::listen_on(options.ip, sockets->port);
  REQUIRE(!taken);
  CHECK(taken.error().code == errc::unavailable);
  CHECK(frontend::listen_on("", 0));
  CHECK(!frontend::listen_on("no such host.invalid", 0));
}

// -- how connections end -------------------------------------------------------------------------

TEST_CASE_FIXTURE(hasty_server, "no call is lost when its connection ends of age") {
  std::atomic<int> done{0};
  std::vector<std::thread> callers;
  std::atomic<int> failed{0};
  for (int t = 0; t < 3; ++t)
    callers.emplace_back([&] {
      raw_client client{server.port()};
      auto until = std::chrono::steady_clock::now() + 600ms;
      while (std::chrono::steady_clock::now() < until) {
        auto status = client.call(info, "").status;
        failed += status.ok() ? 0 : 1;
        ++done;
      }
    });
  for (auto& t : callers)
    t.join();
  CHECK(failed == 0);
  CHECK(done > 30);
}

TEST_CASE_FIXTURE(hasty_server, "a poll that waits outlives its connection's age") {
  ws::PollWorkflowTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  raw_client other{server.port()};
  auto poll = other.start("/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue",
                          r.SerializeAsString(), 60s);
  // The client has an answer on a second connection: the first one is on its way out.
  raw_connection old{server.port()};
  REQUIRE(old.greet(65'535));
  CHECK(old.is_hung_up_on());
  REQUIRE(server.start_workflow("w").status.ok());
  auto status = poll->status.get();
  CHECK_MESSAGE(status.ok(), status.error_message());
  CHECK(poll->received.Length() > 0);
}

TEST_CASE("a client that no longer answers is hung up on") {
  auto db = store::open_memory();
  live_server server{*db, {}, {.port = 0, .times = {.silence = 50ms, .ping_patience = 50ms}}};
  raw_connection silent{server.port()};
  REQUIRE(silent.greet(65'535));
  REQUIRE(silent.begin_call(1, info));
  CHECK(silent.is_hung_up_on());
}

TEST_CASE("more clients than there may be are hung up on; who goes makes room") {
  auto db = store::open_memory();
  live_server server{*db, {}, {.port = 0, .connections_max = 4}};
  REQUIRE(eventually([&] { return server.serves(); }));
  std::vector<std::unique_ptr<raw_connection>> all;
  for (int i = 0; i < 3; ++i) {
    auto& c = *all.emplace_back(std::make_unique<raw_connection>(server.port()));
    REQUIRE(c.greet(65'535));
    REQUIRE(c.receive_some());
  }
  raw_connection fifth{server.port()};
  fifth.greet(65'535);
  CHECK(fifth.is_hung_up_on());
  CHECK(server.serves());
  all.pop_back();
  CHECK(eventually([&] {
    raw_connection c{server.port()};
    return c.greet(65'535) && c.receive_some();
  }));
}
