// A whole server inside another process, on real threads.
#include "cli/local_server.hpp"

#include "base/ids.hpp"
#include "store/open.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <thread>

using namespace reprise;
using namespace std::chrono_literals;
namespace service = temporal::api::workflowservice::v1;

namespace {

struct actor_config : caf::actor_system_config {
  actor_config() {
    cluster::prepare(*this);
  }
};

struct running_server {
  running_server() {
    REQUIRE(cli::ensure_namespace(*db, time, {.name = "default"}));
    cli::local_server_options options;
    options.node.seed = 1;
    options.node.on_serving = [this](bool on) {
      if (on)
        serving.set_value();
    };
    server = std::make_unique<cli::local_server>(system, *db, time, registry, std::move(options));
    server->start();
    REQUIRE(serving.get_future().wait_for(20s) == std::future_status::ready);
  }

  /// What the server answers to a poll of an empty queue.
  result<std::string> poll(const std::string& queue) {
    service::PollWorkflowTaskQueueRequest request;
    request.set_namespace_("default");
    request.mutable_task_queue()->set_name(queue);
    std::promise<result<std::string>> answered;
    server->front().serve("/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue",
                          request.SerializeAsString(), {}, time.now() + 3s,
                          [&answered](result<std::string> r) { answered.set_value(std::move(r)); });
    return answered.get_future().get();
  }

  std::promise<void> serving;
  std::unique_ptr<store::store> db = store::open_memory();
  system_clock time;
  metrics registry;
  actor_config config;
  caf::actor_system system{config};
  std::unique_ptr<cli::local_server> server;
};

} // namespace

TEST_CASE("a server ends while threads that called it live on") {
  std::promise<void> may_end;
  std::thread caller;
  // A server ends on the thread that made it.
  auto ended = std::async(std::launch::async, [&] {
    running_server server;
    std::promise<void> called;
    caller = std::thread{[&] {
      // The first call of a queue makes the queue's actor, on the caller's thread.
      auto answer = server.poll("queue");
      CHECK_MESSAGE(answer, (answer ? "" : answer.error().message));
      called.set_value();
      may_end.get_future().wait();
    }};
    called.get_future().wait();
  });
  CHECK(ended.wait_for(20s) == std::future_status::ready);
  may_end.set_value();
  ended.wait();
  caller.join();
}
