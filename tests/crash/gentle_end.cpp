// SIGTERM under load: waiting polls are answered, what was decided is written down, exit code 0.
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/crash/load/campaign.hpp"
#include "tests/crash/load/server_process.hpp"
#include "tests/crash/load/waiting.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"

#include <future>

using namespace reprise;
using namespace reprise::crash;
using std::chrono::seconds;
namespace service = temporal::api::workflowservice::v1;

namespace {

constexpr const char* quiet_queue = "quiet";

/// A poll of a queue without tasks, which has arrived when this returns.
std::future<result<std::string>> poll_quietly(grpc_transport& to) {
  service::PollWorkflowTaskQueueRequest poll;
  poll.set_namespace_("default");
  poll.set_identity("quiet");
  poll.mutable_task_queue()->set_name(quiet_queue);
  auto answer = std::async(std::launch::async, [&to, bytes = poll.SerializeAsString()] {
    return to.call("PollWorkflowTaskQueue", bytes, patience);
  });
  service::DescribeTaskQueueRequest look;
  look.set_namespace_("default");
  look.mutable_task_queue()->set_name(quiet_queue);
  look.set_task_queue_type(temporal::api::enums::v1::TASK_QUEUE_TYPE_WORKFLOW);
  CHECK(wait_until([&] {
    auto seen = ask<service::DescribeTaskQueueResponse>(to, "DescribeTaskQueue", look);
    return seen && seen->pollers_size() > 0;
  }));
  return answer;
}

} // namespace

TEST_CASE("SIGTERM under load answers waiting polls, loses nothing, and ends with 0") {
  test::temporary_folder folder;
  server_process process{{"--db-filename", folder.file("orders.db"), "--memory", "1"},
                         folder.file("server.log")};
  process.launch();
  grpc_transport to;
  to.aim_at(process.wait_for_port(patience));
  std::printf("gentle ends: seed %llu\n", static_cast<unsigned long long>(asked_for.seed));
  campaign load{to, {.seed = asked_for.seed, .in_flight = 100}};
  constexpr int ends = 4;
  for (int i = 0; i < ends; ++i) {
    auto then = load.book().acknowledged();
    REQUIRE(wait_until([&] { return load.book().acknowledged() > then + 100; }));
    grpc_transport direct;
    direct.aim_at(process.port());
    auto poll = poll_quietly(direct);
    CHECK(process.end(patience) == 0);
    auto answer = poll.get();
    CHECK_MESSAGE(answer, (answer ? "" : answer.error().message));
    service::PollWorkflowTaskQueueResponse empty;
    CHECK((answer && empty.ParseFromString(*answer) && empty.task_token().empty()));
    process.launch();
    auto port = process.wait_for_port(patience);
    REQUIRE(port != 0);
    to.aim_at(port);
  }
  load.finish(seconds{60});
  load.check_again();
  load.end();
  for (const auto& text : load.book().violations())
    FAIL_CHECK(text);
  CHECK(process.end(patience) == 0);
}
