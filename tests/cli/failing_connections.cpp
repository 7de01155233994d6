// What is thrown while a connection is served: that connection ends, or that call, and nothing
// else.
#include "frontend/transport/health.hpp"
#include "frontend/transport/loop.hpp"
#include "tests/cli/raw_connection.hpp"
#include "tests/support/server_fixture.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <new>
#include <stdexcept>

using namespace reprise;
using namespace reprise::frontend;
using namespace reprise::testing;

namespace {

constexpr const char* info = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";
constexpr const char* poll
  = "/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue";
constexpr const char* health = "/grpc.health.v1.Health/Check";
constexpr const char* faulty = "/test.Faulty/Call";
constexpr const char* throwing = "/test.Faulty/Throw";

/// Throws where it is told to.
class faulty_service final : public side_service {
public:
  void on_message(exchange& from, std::string_view) override {
    throw_if(throws_at_message);
    from.send("x");
  }

  void on_end(exchange& from) override {
    throw_if(throws_at_end);
    from.finish({});
  }

  void on_gone(exchange&) override {
    ++gone;
    throw_if(throws_when_gone);
  }

  bool throws_at_message = false;
  bool throws_at_end = false;
  bool throws_when_gone = false;
  /// Else an error.
  bool throws_a_number = false;
  int gone = 0;

private:
  void throw_if(bool wanted) const {
    if (wanted && throws_a_number)
      throw 1;
    if (wanted)
      throw std::runtime_error{"told to fail"};
  }
};

class transport_fixture : public server_fixture {
public:
  transport_fixture() {
    throws.requests = &registry.counter("test_requests", "");
    loop.emplace(front(), routes(), transport_settings{}, meters);
  }

  ~transport_fixture() {
    loop->cut();
    turn();
  }

  /// A client that has greeted.
  std::unique_ptr<raw_connection> connect() {
    int ends[2]{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    file_descriptor ours{ends[0]};
    auto made = std::make_unique<raw_connection>(file_descriptor{ends[1]});
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    loop->adopt(std::move(ours));
    constexpr std::uint32_t window = 65'535;
    REQUIRE(made->greet(window));
    turn();
    return made;
  }

  /// Lets the loop and the server do what they can.
  void turn() {
    constexpr int turns = 4;
    for (int i = 0; i < turns; ++i) {
      loop->settle();
      loop->wait(transport_loop::time_point{});
      loop->handle();
      run();
    }
    loop->settle();
  }

  bool is_served(raw_connection& client, std::uint32_t stream) {
    client.begin_call(stream, info);
    client.end_call(stream);
    turn();
    return client.hear(stream).find("grpc-status: 0") != std::string::npos;
  }

  transport_meters meters{registry};
  faulty_service faults;
  health_state state{};
  health_check check{state};
  method throws{.path = throwing,
                .name = "Throw",
                .serve = [this](const call::ptr&, std::string_view) { thrown(); }};
  std::function<void()> thrown;
  std::optional<transport_loop> loop;

private:
  route_table routes() {
    route_table out;
    for (const auto& m : front().methods())
      out.emplace(m->path, route{.api = m.get()});
    out.emplace(faulty, route{.side = &faults});
    out.emplace(health, route{.side = &check});
    out.emplace(throwing, route{.api = &throws});
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(transport_fixture, "what a handler throws is INTERNAL for its call alone") {
  std::string status = "grpc-status: 13";
  SUBCASE("an error") {
    thrown = [] { throw std::runtime_error{"told to fail"}; };
  }
  SUBCASE("no memory") {
    thrown = [] { throw std::bad_alloc{}; };
    status = "grpc-status: 8";
  }
  SUBCASE("what is no exception") {
    thrown = [] { throw 1; };
  }
  auto client = connect();
  client->begin_call(1, poll);
  client->begin_call(3, throwing);
  client->end_call(3);
  turn();
  auto said = client->hear(3);
  CHECK_MESSAGE(said.find(status) != std::string::npos, said);
  CHECK(is_served(*client, 5));
  CHECK(loop->load() == 1);
}

TEST_CASE_FIXTURE(transport_fixture,
                  "what a connection's work throws closes that connection only") {
  auto other = connect();
  auto harmed = connect();
  // Of this connection, and lost with it: the task goes to the other one's worker.
  harmed->call(1, poll, poll_request().SerializeAsString());
  turn();
  SUBCASE("at a message") {
    faults.throws_at_message = true;
    harmed->begin_call(3, faulty);
    harmed->end_call(3);
  }
  SUBCASE("at the end of what the client says") {
    faults.throws_at_end = true;
    harmed->begin_call(3, faulty);
    harmed->send_data(3, "", true);
  }
  SUBCASE("in the HTTP/2 library's hands, when the client resets the call") {
    faults.throws_when_gone = true;
    harmed->begin_call(3, faulty);
    turn();
    harmed->reset_call(3);
  }
  SUBCASE("at its very end") {
    SUBCASE("an error") {
    }
    SUBCASE("what is no exception") {
      faults.throws_a_number = true;
    }
    faults.throws_at_message = faults.throws_when_gone = true;
    harmed->begin_call(3, faulty);
    harmed->end_call(3);
  }
  turn();
  CHECK(harmed->is_hung_up_on());
  CHECK(loop->load() == 1);
  CHECK(faults.gone == 1);
  CHECK(is_served(*other, 1));
  CHECK(is_served(*connect(), 1));
  start_workflow("w");
  other->call(3, poll, poll_request().SerializeAsString());
  turn();
  CHECK(other->hear(3).find("grpc-status: 0") != std::string::npos);
  CHECK(history("w") == std::vector<int>{1, 5, 6});
}

TEST_CASE_FIXTURE(transport_fixture, "a job of the loop that throws ends nothing") {
  auto client = connect();
  loop->run_soon([] { throw std::runtime_error{"told to fail"}; });
  turn();
  CHECK(is_served(*client, 1));
}

TEST_CASE_FIXTURE(transport_fixture, "what was said before a connection is cut is heard") {
  auto client = connect();
  client->begin_call(1, faulty);
  client->send_data(1, std::string(5, '\0'), false);
  turn();
  client->begin_call(3, health);
  client->end_call(3);
  // Read, answered and cut in one turn.
  loop->wait(transport_loop::time_point{});
  loop->cut();
  loop->handle();
  auto said = client->hear(3);
  CHECK_MESSAGE(said.find("grpc-status: 0") != std::string::npos, said);
  CHECK(client->is_hung_up_on());
}
