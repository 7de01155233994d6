// Clients that hang up, stall, flood and cheat, on a whole server and real connections: each one
// gets what it deserves, nobody else notices, and nothing is left behind.
#include "frontend/transport/health.hpp"
#include "store/open.hpp"
#include "tests/cli/health_watch.hpp"
#include "tests/cli/live_server.hpp"
#include "tests/cli/raw_connection.hpp"

#include <atomic>
#include <cstring>
#include <set>
#include <thread>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

std::string path(const char* method) {
  return std::string{"/"} + workflow_service + "/" + method;
}

std::string poll_bytes() {
  ws::PollWorkflowTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  r.set_identity("worker");
  return r.SerializeAsString();
}

void compress(grpc::ClientContext& context) {
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
}

struct hard_world {
  hard_world() {
    REQUIRE(eventually([this] { return server.serves(); }));
  }

  std::int64_t polls_waiting() {
    return server.numbers().gauge("reprise_polls_waiting", "").value();
  }

  std::unique_ptr<store::store> db = store::open_memory();
  live_server server{*db};
};

} // namespace

// -- clients that hang up ------------------------------------------------------------------------

TEST_CASE_FIXTURE(hard_world, "long polls that are given up leave no poller, and lose no task") {
  constexpr int clients = 8;
  constexpr int rounds = 10;
  constexpr int workflows = 40;
  std::vector<std::thread> impatient;
  for (int c = 0; c < clients; ++c)
    impatient.emplace_back([this, c] {
      raw_client client{server.port()};
      for (int i = 0; i < rounds; ++i) {
        std::vector<std::unique_ptr<raw_call>> polls;
        for (int n = 0; n < 10; ++n)
          polls.push_back(client.start(path("PollWorkflowTaskQueue"), poll_bytes(), 60s));
        // Some are there for long, others not even sent when they are given up.
        if ((c + i) % 2 == 0)
          client.health("");
        for (auto& p : polls)
          p->context.TryCancel();
        for (auto& p : polls)
          p->status.wait();
      }
    });
  for (int i = 0; i < workflows; ++i) {
    ws::StartWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.set_workflow_id("w" + std::to_string(i));
    r.mutable_workflow_type()->set_name("type");
    r.mutable_task_queue()->set_name("queue");
    // A task whose answer was given to the socket in the moment in which its poll was given up
    // counts as delivered; it comes again after this.
    r.mutable_workflow_task_timeout()->set_seconds(1);
    auto answer = server.client().workflow_call("StartWorkflowExecution", r);
    CHECK_MESSAGE(answer.status.ok(), answer.status.error_message());
  }
  for (auto& t : impatient)
    t.join();
  CHECK(eventually([this] { return polls_waiting() == 0; }));
  std::set<std::string> taken;
  CHECK(eventually([&] {
    auto answer = server.client().call(path("PollWorkflowTaskQueue"), poll_bytes(), 3s);
    ws::PollWorkflowTaskQueueResponse task;
    if (answer.status.ok() && task.ParseFromString(answer.bytes) && !task.task_token().empty())
      taken.insert(task.workflow_execution().workflow_id());
    return taken.size() == workflows;
  }));
}

TEST_CASE_FIXTURE(hard_world, "connections that break in the middle of calls end their calls") {
  for (int i = 0; i < 40; ++i) {
    raw_connection c{server.port()};
    REQUIRE(c.greet(65'535));
    for (std::uint32_t stream = 1; stream < 20; stream += 2) {
      c.begin_call(stream, path("PollWorkflowTaskQueue"));
      // An empty poll is refused; half of them have no request yet.
      if (stream % 4 == 1)
        c.end_call(stream);
    }
    if (i % 2 == 0)
      c.receive_some();
    if (i % 3 == 0)
      c.reset();
  }
  std::vector<std::unique_ptr<raw_call>> polls;
  {
    // A client that goes while its polls wait.
    raw_client client{server.port()};
    for (int i = 0; i < 100; ++i)
      polls.push_back(client.start(path("PollWorkflowTaskQueue"), poll_bytes(), 60s));
    CHECK(eventually([this] { return polls_waiting() == 100; }));
    for (auto& p : polls)
      p->context.TryCancel();
  }
  CHECK(eventually([this] { return polls_waiting() == 0; }));
  for (auto& p : polls)
    CHECK(p->status.get().error_code() == grpc::StatusCode::CANCELLED);
  CHECK(server.serves());
  CHECK(server.start_workflow("w").status.ok());
}

TEST_CASE_FIXTURE(hard_world, "what is no HTTP/2 at all is hung up on") {
  for (const auto& noise :
       {std::string{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        std::string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"} + std::string(900, '\xff'),
        std::string(5000, '\0'), std::string(3, 'P')}) {
    raw_connection c{server.port()};
    c.send(noise);
  }
  raw_connection stays{server.port()};
  stays.send(std::string(5000, 'x'));
  while (stays.receive_some()) {
  }
  CHECK(server.serves());
}

TEST_CASE_FIXTURE(hard_world, "who does not read holds up nobody, nor the server's end") {
  std::vector<std::unique_ptr<raw_connection>> stalled;
  for (int i = 0; i < 20; ++i) {
    auto& c = *stalled.emplace_back(std::make_unique<raw_connection>(server.port()));
    REQUIRE(c.greet(0));
    for (std::uint32_t stream = 1; stream < 40; stream += 2) {
      REQUIRE(c.begin_call(stream, path("GetSystemInfo")));
      REQUIRE(c.end_call(stream));
    }
    REQUIRE(c.receive_some());
  }
  CHECK(server.serves());
  CHECK(server.start_workflow("w").status.ok());
  // Half of them go; the others are still there when the server ends.
  stalled.resize(stalled.size() / 2);
  CHECK(server.start_workflow("v").status.ok());
  auto begun = std::chrono::steady_clock::now();
  server.grpc().stop(500ms);
  CHECK(std::chrono::steady_clock::now() - begun < 20s);
}

// -- clients that send too much -------------------------------------------------------------------

TEST_CASE_FIXTURE(hard_world, "requests may come compressed") {
  ws::StartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id("w");
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("queue");
  r.mutable_input()->add_payloads()->set_data(std::string(1 << 20, 'x'));
  auto answer = server.client().call(path("StartWorkflowExecution"), r.SerializeAsString(), 30s,
                                     compress);
  CHECK_MESSAGE(answer.status.ok(), answer.status.error_message());
  ws::GetWorkflowExecutionHistoryRequest h;
  h.set_namespace_("default");
  h.mutable_execution()->set_workflow_id("w");
  auto read = server.client().workflow_call("GetWorkflowExecutionHistory", h);
  ws::GetWorkflowExecutionHistoryResponse history;
  REQUIRE(history.ParseFromString(read.bytes));
  REQUIRE(history.history().events_size() == 2);
  const auto& started = history.history().events(0).workflow_execution_started_event_attributes();
  CHECK(started.input().payloads(0).data() == std::string(1 << 20, 'x'));
  answer = server.client().call(
    "/grpc.health.v1.Health/Check",
    std::string{"\x0a"} + static_cast<char>(std::strlen(workflow_service)) + workflow_service, 30s,
    compress);
  CHECK_MESSAGE(answer.status.ok(), answer.status.error_message());
  CHECK(answer.bytes == "\x08\x01");
}

TEST_CASE_FIXTURE(hard_world,
                  "a small request that unpacks to a huge one is given up at the limit") {
  // More than the transport would let through if it were the one that unpacks.
  constexpr std::size_t huge = 100U << 20;
  auto answer = server.client().call(path("CountWorkflowExecutions"), std::string(huge, '\0'), 60s,
                                     compress);
  CHECK(answer.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(answer.status.error_message().starts_with("grpc: received message larger than max ("));
  CHECK(server.serves());
}

TEST_CASE_FIXTURE(hard_world, "a flood of headers costs its sender's connection at most") {
  auto waiting = server.client().start(path("PollWorkflowTaskQueue"), poll_bytes(), 60s);
  CHECK(eventually([this] { return polls_waiting() == 1; }));
  raw_client flooder{server.port()};
  auto refused = flooder.call(path("GetSystemInfo"), "", 30s, [](auto& context) {
    for (int i = 0; i < 2000; ++i)
      context.AddMetadata("flood-" + std::to_string(i), std::string(100, 'x'));
  });
  CHECK_FALSE(refused.status.ok());
  refused = flooder.call(path("GetSystemInfo"), "", 30s, [](auto& context) {
    context.AddMetadata("client-name", std::string(1 << 20, 'x'));
  });
  CHECK_FALSE(refused.status.ok());
  // The transport may hang up on it; then it connects again.
  CHECK(eventually([&] { return flooder.call(path("GetSystemInfo"), "").status.ok(); }));
  REQUIRE(server.start_workflow("w").status.ok());
  auto status = waiting->status.get();
  CHECK_MESSAGE(status.ok(), status.error_message());
  CHECK(waiting->received.Length() > 0);
}

// -- many at once --------------------------------------------------------------------------------

TEST_CASE_FIXTURE(hard_world, "methods that are not there can be asked for by many at once") {
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      raw_client client{server.port()};
      for (int i = 0; i < 100; ++i) {
        auto answer = client.call(i % 2 == 0 ? path("MadeUp") : "/made.Up/Call", "x");
        right += answer.status.error_code() == grpc::StatusCode::UNIMPLEMENTED ? 1 : 0;
      }
    });
  for (auto& t : callers)
    t.join();
  CHECK(right == 400);
}

TEST_CASE("a server that ends under load answers every call, and keeps what it said yes to") {
  auto db = store::open_memory();
  constexpr int callers = 4;
  std::atomic<int> accepted{0};
  std::atomic<int> odd{0};
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  {
    live_server server{*db};
    REQUIRE(eventually([&] { return server.serves(); }));
    for (int t = 0; t < callers; ++t)
      threads.emplace_back([&, t, port = server.port()] {
        raw_client client{port};
        std::vector<std::unique_ptr<raw_call>> polls;
        for (int n = 0; n < 20; ++n)
          polls.push_back(client.start(path("PollWorkflowTaskQueue"), poll_bytes(), 60s));
        for (int i = 0; !enough; ++i) {
          ws::StartWorkflowExecutionRequest r;
          r.set_namespace_("default");
          r.set_workflow_id(std::to_string(t) + "-" + std::to_string(i));
          r.mutable_workflow_type()->set_name("type");
          r.mutable_task_queue()->set_name("other");
          auto status = client.workflow_call("StartWorkflowExecution", r).status;
          if (status.ok()) {
            ++accepted;
            continue;
          }
          auto code = status.error_code();
          if (code != grpc::StatusCode::UNAVAILABLE && code != grpc::StatusCode::CANCELLED)
            ++odd;
          break;
        }
        for (auto& p : polls)
          if (p->status.wait_for(30s) != std::future_status::ready)
            std::abort();
      });
    CHECK(eventually([&] { return accepted > 200; }));
  }
  enough = true;
  for (auto& t : threads)
    t.join();
  CHECK(odd == 0);
  live_server again{*db};
  REQUIRE(eventually([&] { return again.serves(); }));
  // A start may have happened whose answer was cut off, one a caller.
  auto count = again.count();
  CHECK(count >= accepted);
  CHECK(count <= accepted + callers);
}

// -- health --------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(hard_world, "who watches the health hears of every change, and of the end") {
  constexpr int serving = 1;
  constexpr int not_serving = 2;
  constexpr int service_unknown = 3;
  health_watch whole{server.client()};
  health_watch one{server.client(), workflow_service};
  health_watch none{server.client(), "made.Up"};
  CHECK(whole.next() == serving);
  CHECK(one.next() == serving);
  CHECK(none.next() == service_unknown);
  server.grpc().set_serving(false);
  CHECK(whole.next() == not_serving);
  CHECK(one.next() == not_serving);
  server.grpc().set_serving(true);
  CHECK(whole.next() == serving);
  server.grpc().stop(3000ms);
  CHECK(whole.next() == -1);
  CHECK(whole.end().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE_FIXTURE(hard_world, "too many who watch are refused; those who go make room") {
  raw_client client{server.port()};
  std::vector<std::unique_ptr<health_watch>> watches;
  for (std::size_t i = 0; i < frontend::transport_limits{}.watches_max; ++i) {
    watches.push_back(std::make_unique<health_watch>(client));
    REQUIRE(watches.back()->next() == 1);
  }
  {
    health_watch refused{client};
    CHECK(refused.next() == -1);
    CHECK(refused.end().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  CHECK(client.health("") == "SERVING");
  CHECK(server.start_workflow("w").status.ok());
  watches.clear();
  CHECK(eventually([&] {
    health_watch later{client};
    return later.next() == 1;
  }));
}

TEST_CASE_FIXTURE(hard_world, "health requests that are none are refused") {
  auto answer = server.client().call("/grpc.health.v1.Health/Check", "\xff\xff\xff");
  CHECK(answer.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  answer = server.client().call("/grpc.health.v1.Health/Check", std::string(5U << 20, '\x0a'));
  CHECK_FALSE(answer.status.ok());
  CHECK(server.serves());
}
