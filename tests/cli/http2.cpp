// The transport's own behaviour on real connections: frames in pieces, small windows, callers who
// do not speak gRPC, floods, and how connections end.
#include "store/open.hpp"
#include "tests/cli/live_server.hpp"
#include "tests/cli/raw_connection.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* info = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";

std::string workflow(const char* method) {
  return std::string{"/"} + workflow_service + "/" + method;
}

std::uint64_t refusals(live_server& server, const char* bound) {
  return server.numbers().counter("reprise_bound_refused_total", "", {{"bound", bound}}).value();
}

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
  CHECK(said.find("1.27") != std::string::npos);
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
  CHECK(got.find("1.27") != std::string::npos);
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
  CHECK(c.hear(1) == ":status: 405\ncontent-type: text/plain\nThis port speaks gRPC.\n");
  REQUIRE(c.begin_request(3, {{":method", "POST"},
                              {":scheme", "http"},
                              {":path", info},
                              {":authority", "localhost"},
                              {"content-type", "application/json"}}));
  CHECK(c.hear(3).starts_with(":status: 415\n"));
  REQUIRE(c.begin_request(
    5, {{":method", "HEAD"}, {":scheme", "http"}, {":path", "/"}, {":authority", "localhost"}}));
  CHECK(c.hear(5) == ":status: 405\ncontent-type: text/plain\n");
  REQUIRE(c.begin_request(7, {{":method", "POST"},
                              {":scheme", "http"},
                              {":path", "/no.such.Service/Call"},
                              {":authority", "localhost"}}));
  CHECK(c.hear(7).starts_with(":status: 415\n"));
  // Not before all of it is there, and not when the rest is against the protocol.
  REQUIRE(c.begin_request(9,
                          {{":method", "POST"},
                           {":scheme", "http"},
                           {":path", "/no.such.Service/Call"},
                           {":authority", "localhost"}},
                          false));
  REQUIRE(c.ping("no haste"));
  CHECK(c.hear(9).empty());
  REQUIRE(c.begin_request(9, {{":method", "POST"}}));
  CHECK(c.hear(9) == "[reset 1]");
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

TEST_CASE("any free port is one that is free on each address of a name") {
  // So many are taken on one of them that tries without end meet one.
  constexpr int taken = 500;
  constexpr int tries = 300;
  std::vector<frontend::listening> others;
  for (const char* address : {"127.0.0.1", "::1"})
    for (int i = 0; i < taken; ++i)
      if (auto one = frontend::listen_on(address, 0))
        others.push_back(std::move(*one));
  for (int i = 0; i < tries; ++i) {
    auto all = frontend::listen_on("", 0);
    REQUIRE_MESSAGE(all, (all ? "" : all.error().message));
  }
}

// -- bounds --------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(server_fixture,
                  "bytes behind the only request are refused before the call ends") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  REQUIRE(c.begin_call(1, info));
  REQUIRE(c.send_data(1, std::string(6, '\0'), false));
  CHECK(c.hear(1).find("grpc-status: 13\n") != std::string::npos);
  CHECK(c.hear(1) == "[reset 0]");
}

TEST_CASE_FIXTURE(server_fixture, "an unknown method is refused before its request comes") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  REQUIRE(c.begin_call(1, "/no.such.Service/Call"));
  CHECK(c.hear(1).find("grpc-status: 12\n") != std::string::npos);
}

TEST_CASE_FIXTURE(server_fixture, "a body that is not as long as was said breaks the call") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  std::uint32_t number = 1;
  for (std::string path : {"/no.such.Service/Call", info}) {
    for (const auto& parts : {std::vector<std::string>{"four"}, {"a", "b"}, {"sevens", ""}}) {
      REQUIRE(c.begin_call_of(number, path, "5"));
      // Whatever is to be said of the call is not said before its body is there.
      REQUIRE(c.ping("no haste"));
      CHECK(c.hear(number).empty());
      for (std::size_t i = 0; i < parts.size(); ++i)
        REQUIRE(c.send_data(number, parts[i], i + 1 == parts.size()));
      CHECK(c.hear(number) == "[reset 1]");
      number += 2;
    }
  }
  // One that is as long as was said.
  REQUIRE(c.begin_call_of(number, info, "5"));
  REQUIRE(c.end_call(number));
  CHECK(c.hear(number).ends_with("grpc-status: 0\n"));
  number += 2;
  REQUIRE(c.begin_call_of(number, "/no.such.Service/Call", "5"));
  REQUIRE(c.end_call(number));
  CHECK(c.hear(number).find("grpc-status: 12\n") != std::string::npos);
  // And one that says that nothing will come.
  number += 2;
  REQUIRE(c.begin_call_of(number, "/no.such.Service/Call", "0"));
  CHECK(c.hear(number).find("grpc-status: 12\n") != std::string::npos);
}

TEST_CASE_FIXTURE(server_fixture, "headers up to the bound are taken, a few more refuse the call") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  REQUIRE(c.begin_call_with(1, info, 32'000));
  REQUIRE(c.end_call(1));
  CHECK(c.hear(1).ends_with("grpc-status: 0\n"));
  std::uint32_t number = 3;
  for (std::size_t size : {33'000, 39'000}) {
    REQUIRE(c.begin_call_with(number, info, size));
    CHECK(c.hear(number).find("grpc-status: 8\ngrpc-message: received metadata size exceeds limit")
          != std::string::npos);
    number += 2;
  }
  REQUIRE(c.begin_call(number, info));
  REQUIRE(c.end_call(number));
  CHECK(c.hear(number).ends_with("grpc-status: 0\n"));
  CHECK(refusals(server, "header_bytes") == 2);
}

TEST_CASE_FIXTURE(server_fixture,
                  "headers far too long end their call, and no other of its connection") {
  for (std::size_t size : {41'000, 70'000, 1'000'000}) {
    CAPTURE(size);
    raw_connection c{server.port()};
    REQUIRE(c.greet(65'535));
    ws::PollWorkflowTaskQueueRequest poll;
    poll.set_namespace_("default");
    poll.mutable_task_queue()->set_name("queue");
    REQUIRE(c.call(1, workflow("PollWorkflowTaskQueue"), poll.SerializeAsString()));
    c.begin_call_with(3, info, size);
    // ENHANCE_YOUR_CALM, which clients know as RESOURCE_EXHAUSTED.
    CHECK(c.hear(3) == "[reset 11]");
    REQUIRE(server.start_workflow("w" + std::to_string(size)).status.ok());
    auto said = c.hear(1);
    CHECK(said.find("grpc-status:") != std::string::npos);
    CHECK(c.is_hung_up_on());
  }
  CHECK(server.serves());
}

TEST_CASE_FIXTURE(server_fixture,
                  "headers far too long on a call that is served end it, and not a later one") {
  for (auto round = 0; round < 10; ++round) {
    raw_connection c{server.port()};
    REQUIRE(c.greet(0));
    ws::PollWorkflowTaskQueueRequest poll;
    poll.set_namespace_("default");
    poll.mutable_task_queue()->set_name("queue");
    REQUIRE(c.call(1, info, ""));
    REQUIRE(c.call(3, workflow("PollWorkflowTaskQueue"), poll.SerializeAsString()));
    REQUIRE(c.open_window(3, 1U << 20));
    // The answer to the first waits for its window, which comes with the headers.
    REQUIRE(c.open_window(1, 1U << 20));
    c.begin_call_with(1, info, 41'000);
    REQUIRE(server.start_workflow("w" + std::to_string(round)).status.ok());
    CHECK(c.hear(3).find("grpc-status:") != std::string::npos);
    CHECK(c.is_hung_up_on());
  }
  CHECK(server.serves());
}

TEST_CASE("a client that does not read costs no more than its bound") {
  auto db = store::open_memory();
  live_server server{*db, {}, {.port = 0, .limits = {.queued_bytes_max = 1U << 20}}};
  REQUIRE(eventually([&] { return server.serves(); }));
  constexpr std::size_t answer_bytes = 300'000;
  ws::StartWorkflowExecutionRequest start;
  start.set_namespace_("default");
  start.set_workflow_id("w");
  start.mutable_workflow_type()->set_name("type");
  start.mutable_task_queue()->set_name("queue");
  start.mutable_input()->add_payloads()->set_data(std::string(answer_bytes, 'x'));
  REQUIRE(server.client().workflow_call("StartWorkflowExecution", start).status.ok());
  ws::GetWorkflowExecutionHistoryRequest ask;
  ask.set_namespace_("default");
  ask.mutable_execution()->set_workflow_id("w");
  auto used = [&] {
    return server.numbers().gauge("reprise_bound_used", "", {{"bound", "queued_bytes"}}).value();
  };
  constexpr std::uint32_t calls = 100;
  SUBCASE("because its windows are closed") {
    raw_connection c{server.port()};
    REQUIRE(c.greet(0));
    for (std::uint32_t i = 0; i < calls; ++i)
      REQUIRE(c.call(2 * i + 1, workflow("GetWorkflowExecutionHistory"), ask.SerializeAsString()));
    // The last one is refused, which takes no window.
    CHECK(c.hear(2 * calls - 1).find("grpc-status: 8\n") != std::string::npos);
    CHECK(used() > 1'000'000);
    CHECK(used() < 1'000'000 + 2 * static_cast<std::int64_t>(answer_bytes));
    CHECK(refusals(server, "queued_bytes") > 50);
  }
  SUBCASE("because it reads nothing at all, until it does") {
    raw_connection c{server.port()};
    REQUIRE(c.greet(1U << 30));
    REQUIRE(c.open_window(0, 1U << 30));
    for (std::uint32_t i = 0; i < calls; ++i)
      REQUIRE(c.call(2 * i + 1, workflow("GetWorkflowExecutionHistory"), ask.SerializeAsString()));
    std::uint32_t answered = 0;
    for (std::uint32_t i = 0; i < calls; ++i) {
      auto said = c.hear_any();
      answered += said.find("grpc-status: ") != std::string::npos ? 1 : 0;
    }
    CHECK(answered == calls);
  }
  CHECK(eventually([&] { return used() == 0; }));
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

TEST_CASE_FIXTURE(hasty_server, "a connection of age is told so, and its call is answered first") {
  raw_connection c{server.port()};
  REQUIRE(c.greet(65'535));
  ws::PollWorkflowTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  REQUIRE(c.call(1, workflow("PollWorkflowTaskQueue"), r.SerializeAsString()));
  constexpr std::uint32_t any = 0x7fff'ffff;
  CHECK(c.hears_goaway() == any);
  auto heard = std::chrono::steady_clock::now();
  // On its way before the notice was read.
  REQUIRE(c.begin_call(3, info));
  REQUIRE(c.end_call(3));
  REQUIRE(c.pong());
  auto last = c.hears_goaway();
  // The notice is for a second; a machine that stands still for so long may miss it.
  auto is_late = std::chrono::steady_clock::now() - heard > 900ms;
  CHECK((last == 3 || is_late));
  REQUIRE(server.start_workflow("w").status.ok());
  CHECK(c.hear(1).find("grpc-status: 0\n") != std::string::npos);
  CHECK(c.is_hung_up_on());
}

TEST_CASE("connections of one moment do not end in one moment") {
  auto db = store::open_memory();
  live_server server{*db, {}, {.port = 0, .times = {.age = 2s}}};
  constexpr std::size_t many = 20;
  // A machine that stands still for as long as they are apart may hide it once.
  auto spread = [&] {
    std::vector<std::unique_ptr<raw_connection>> all;
    for (std::size_t i = 0; i < many; ++i)
      REQUIRE(all.emplace_back(std::make_unique<raw_connection>(server.port()))->greet(65'535));
    std::vector<std::chrono::steady_clock::time_point> ends(many);
    std::vector<std::thread> listeners;
    for (std::size_t i = 0; i < many; ++i)
      listeners.emplace_back([&, i] {
        if (all[i]->hears_goaway())
          ends[i] = std::chrono::steady_clock::now();
      });
    for (auto& t : listeners)
      t.join();
    auto [first, last] = std::ranges::minmax(ends);
    CHECK(first.time_since_epoch().count() > 0);
    return last - first;
  };
  auto apart = 0ns;
  for (int i = 0; i < 5 && apart < 100ms; ++i)
    apart = spread();
  CHECK(apart >= 100ms);
  CHECK(apart < 2s);
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
  live_server server{*db, {}, {.port = 0, .limits = {.connections_max = 4}}};
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
