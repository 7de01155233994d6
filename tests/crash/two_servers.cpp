// Two servers on one MySQL store (invariant 3). The one that serves is stopped with SIGSTOP past
// its lease, so the other takes over; then it is continued, with calls waiting in its sockets. It
// must write nothing and answer nothing from memory, and stand by until its turn comes again. And
// one that serves is killed: the other one serves soon.
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/crash/load/campaign.hpp"
#include "tests/crash/load/server_process.hpp"
#include "tests/crash/load/waiting.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"

#include <future>
#include <memory>

using namespace reprise;
using namespace reprise::crash;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace service = temporal::api::workflowservice::v1;

namespace {

/// Long enough for the server that works to renew it even on a machine that is very busy.
constexpr const char* lease_s = "5";
constexpr int rounds = 3;

/// A server and a way to it that nobody redirects.
struct contender {
  contender(const std::string& dsn, const std::string& log_file, const std::string& lease = lease_s)
    : process({"--mysql", dsn, "--memory", "1", "--lease", lease}, log_file) {
    process.launch();
    port = process.wait_for_port(patience);
    direct.aim_at(port);
  }

  bool serves() {
    return says_serving(direct);
  }

  server_process process;
  grpc_transport direct;
  int port = 0;
};

service::StartWorkflowExecutionRequest ghost_start(int number) {
  service::StartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id("ghost-" + std::to_string(number));
  r.mutable_workflow_type()->set_name(order_type);
  r.mutable_task_queue()->set_name("nobody's");
  r.set_request_id(r.workflow_id());
  return r;
}

service::SignalWorkflowExecutionRequest ghost_signal(const order_plan& plan) {
  service::SignalWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id(plan.workflow_id());
  r.set_signal_name(signal_name);
  r.set_request_id("ghost");
  // A number that the plan does not have: found in a history, it was written.
  set_text(*r.mutable_input(), "99");
  return r;
}

template <class Request>
Request about(const order_plan& plan) {
  Request r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id(plan.workflow_id());
  return r;
}

/// Calls that a server which is not the owner must refuse.
class probes {
public:
  explicit probes(grpc_transport& to) : to_(to) {
  }

  /// Sends one of each, without waiting for answers.
  void send(const order_plan& plan, int number) {
    add("StartWorkflowExecution", ghost_start(number).SerializeAsString());
    add("SignalWorkflowExecution", ghost_signal(plan).SerializeAsString());
    add("DescribeWorkflowExecution",
        about<service::DescribeWorkflowExecutionRequest>(plan).SerializeAsString());
    add("GetWorkflowExecutionHistory",
        about<service::GetWorkflowExecutionHistoryRequest>(plan).SerializeAsString());
  }

  /// Waits for the answers, and checks that each is a refusal which a client takes elsewhere.
  void check() {
    for (auto& [method, answer] : under_way_) {
      auto got = answer.get();
      INFO(method << ": " << (got ? "answered" : got.error().message));
      CHECK(!got);
      if (!got)
        CHECK(got.error().code == errc::unavailable);
    }
    under_way_.clear();
  }

private:
  void add(const std::string& method, std::string request) {
    under_way_.emplace_back(method, std::async(std::launch::async, [this, method, request] {
                              return to_.call(method, request, patience);
                            }));
  }

  grpc_transport& to_;
  std::vector<std::pair<std::string, std::future<result<std::string>>>> under_way_;
};

/// Stops `first` past its lease under load, moves the load to `second`, and wakes `first`.
void hand_over(contender& first, contender& second, grpc_transport& load_to, ledger& book,
               int round) {
  auto stopped = std::chrono::steady_clock::now();
  first.process.pause();
  probes waiting{first.direct};
  auto open = book.unfinished();
  for (int i = 0; i < 5 && i < static_cast<int>(open.size()); ++i)
    waiting.send(open[static_cast<std::size_t>(i)], round * 100 + i);
  book.mark();
  load_to.aim_at(second.port);
  REQUIRE(wait_until([&] { return book.first_acknowledged().has_value(); }));
  std::chrono::duration<double> took = *book.first_acknowledged() - stopped;
  std::printf("two servers: round %d, the other one serves after %.1f s\n", round, took.count());
  std::fflush(stdout);
  // Let the orders go on, so that what the first one remembers is old.
  auto then = book.acknowledged();
  REQUIRE(wait_until([&] { return book.acknowledged() > then + 200; }));
  first.process.resume();
  waiting.check();
  CHECK(wait_until([&] { return !first.serves(); }));
  for (int i = 5; i < 10 && i < static_cast<int>(open.size()); ++i)
    waiting.send(open[static_cast<std::size_t>(i)], round * 100 + i);
  waiting.check();
  CHECK(second.serves());
}

} // namespace

TEST_CASE("a server that slept past its lease writes nothing and answers nothing from memory") {
  test::mysql_backend database;
  if (!database.available())
    return;
  test::temporary_folder folder;
  contender one{database.dsn, folder.file("one.log")};
  contender two{database.dsn, folder.file("two.log")};
  REQUIRE(one.port != 0);
  REQUIRE(two.port != 0);
  REQUIRE(wait_until([&] { return one.serves(); }));
  CHECK(!two.serves());
  grpc_transport to;
  to.aim_at(one.port);
  std::printf("two servers: seed %llu\n", static_cast<unsigned long long>(asked_for.seed));
  campaign load{to, {.seed = asked_for.seed, .in_flight = 150}};
  seeded_ids random{asked_for.seed};
  for (int round = 1; round <= rounds; ++round) {
    auto then = load.book().acknowledged();
    REQUIRE(wait_until([&] { return load.book().acknowledged() > then + 300; }));
    std::this_thread::sleep_for(milliseconds{random.random() % 100});
    auto odd = round % 2 == 1;
    hand_over(odd ? one : two, odd ? two : one, to, load.book(), round);
  }
  load.finish(seconds{60});
  // The list holds every order once, and no ghost.
  load.check_again();
  load.end();
  for (const auto& text : load.book().violations())
    FAIL_CHECK(text);
  CHECK(two.process.end(seconds{20}) == 0);
  CHECK(one.process.end(seconds{20}) == 0);
}

TEST_CASE("a server that is killed is replaced by the one that stands by") {
  test::mysql_backend database;
  if (!database.available())
    return;
  test::temporary_folder folder;
  // The default.
  auto start = [&](const std::string& name) {
    return std::make_unique<contender>(database.dsn, folder.file(name + ".log"), "3");
  };
  auto serving = start("first");
  REQUIRE(wait_until([&] { return serving->serves(); }));
  grpc_transport to;
  to.aim_at(serving->port);
  campaign load{to, {.seed = asked_for.seed, .in_flight = 50}};
  for (int round = 1; round <= rounds; ++round) {
    auto standby = start("standby-" + std::to_string(round));
    REQUIRE(standby->port != 0);
    auto then = load.book().acknowledged();
    REQUIRE(wait_until([&] { return load.book().acknowledged() > then + 200; }));
    CHECK(!standby->serves());
    serving->process.kill();
    auto killed = std::chrono::steady_clock::now();
    load.book().mark();
    to.aim_at(standby->port);
    REQUIRE(wait_until([&] { return load.book().first_acknowledged().has_value(); }));
    std::chrono::duration<double> took = *load.book().first_acknowledged() - killed;
    std::printf("two servers: kill %d, the other one serves after %.1f s\n", round, took.count());
    std::fflush(stdout);
    // As promised: within five seconds. A machine that is busy with other tests has more.
    CHECK(took < std::chrono::seconds{20});
    serving = std::move(standby);
  }
  load.finish(seconds{60});
  load.check_again();
  load.end();
  for (const auto& text : load.book().violations())
    FAIL_CHECK(text);
  CHECK(serving->process.end(seconds{20}) == 0);
}
