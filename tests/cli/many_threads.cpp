// Many threads call a server in their own process, and hang up at any moment.
#include "base/ids.hpp"
#include "cli/local_server.hpp"
#include "cluster/worker_pool.hpp"
#include "store/open.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/support/eventually.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

using namespace reprise;
using namespace std::chrono_literals;
namespace service = temporal::api::workflowservice::v1;

namespace {

struct actor_config : caf::actor_system_config {
  actor_config() {
    cluster::prepare(*this);
    cluster::worker_pool::use(*this, 3);
  }
};

struct pooled_server {
  pooled_server() {
    REQUIRE(cli::ensure_namespace(*db, time, {.name = "default"}));
    cli::local_server_options options;
    options.node.seed = 1;
    // So little that executions leave it and come back.
    options.node.memory_budget_bytes = 64U << 10;
    server = std::make_unique<cli::local_server>(system, *db, time, registry, std::move(options));
    server->start();
    REQUIRE(testing::eventually([this] { return server->node().serving(); }));
  }

  std::unique_ptr<store::store> db = store::open_memory();
  system_clock time;
  metrics registry;
  actor_config config;
  caf::actor_system system{config};
  std::unique_ptr<cli::local_server> server;
};

/// One thread's calls; each should be answered exactly once.
class caller {
public:
  caller(pooled_server& to, std::uint64_t seed) : to_(to), random_(seed) {
  }

  void make_calls(int count) {
    for (int i = 0; i < count; ++i)
      make_call();
  }

  void hang_up_all() {
    for (auto& c : open_)
      c->cancel();
    open_.clear();
  }

  bool all_answered_once() const {
    for (const auto& n : answers_)
      if (n->load() != 1)
        return false;
    return true;
  }

private:
  void make_call() {
    constexpr std::size_t open_max = 12;
    auto id = "workflow-" + std::to_string(pick(20));
    auto queue = "queue-" + std::to_string(pick(2));
    switch (pick(7)) {
      case 0:
        start(id, queue);
        break;
      case 1:
        signal(id);
        break;
      case 2:
        poll(queue);
        break;
      case 3:
        wait_for_events(id);
        break;
      case 4:
        list();
        break;
      case 5:
        shut_worker_down(queue);
        break;
      default:
        describe(queue);
    }
    if (open_.size() < open_max)
      return;
    // Perhaps answered long ago, perhaps at this moment.
    open_[pick(open_.size())]->cancel();
    open_.pop_front();
  }

  void start(const std::string& id, const std::string& queue) {
    service::StartWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.set_workflow_id(id);
    r.mutable_workflow_type()->set_name("type");
    r.mutable_task_queue()->set_name(queue);
    send("StartWorkflowExecution", r);
  }

  void signal(const std::string& id) {
    service::SignalWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.mutable_workflow_execution()->set_workflow_id(id);
    r.set_signal_name("signal");
    send("SignalWorkflowExecution", r);
  }

  void poll(const std::string& queue) {
    service::PollWorkflowTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name(queue);
    r.set_worker_instance_key(queue);
    send("PollWorkflowTaskQueue", r);
  }

  void wait_for_events(const std::string& id) {
    service::GetWorkflowExecutionHistoryRequest r;
    r.set_namespace_("default");
    r.mutable_execution()->set_workflow_id(id);
    r.set_wait_new_event(true);
    r.set_history_event_filter_type(
      temporal::api::enums::v1::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
    send("GetWorkflowExecutionHistory", r);
  }

  void list() {
    service::ListWorkflowExecutionsRequest r;
    r.set_namespace_("default");
    send("ListWorkflowExecutions", r);
  }

  void shut_worker_down(const std::string& queue) {
    service::ShutdownWorkerRequest r;
    r.set_namespace_("default");
    r.set_worker_instance_key(queue);
    send("ShutdownWorker", r);
  }

  void describe(const std::string& queue) {
    service::DescribeTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name(queue);
    send("DescribeTaskQueue", r);
  }

  void send(const std::string& method, const google::protobuf::MessageLite& request) {
    auto answered = std::make_shared<std::atomic<int>>(0);
    answers_.push_back(answered);
    open_.push_back(to_.server->front().serve(
      "/temporal.api.workflowservice.v1.WorkflowService/" + method, request.SerializeAsString(), {},
      to_.time.now() + 30s, [answered](const result<std::string>&) { ++*answered; }));
  }

  std::size_t pick(std::size_t count) {
    return random_.random() % count;
  }

  pooled_server& to_;
  seeded_ids random_;
  std::deque<frontend::call::ptr> open_;
  std::vector<std::shared_ptr<std::atomic<int>>> answers_;
};

using callers = std::vector<std::unique_ptr<caller>>;

callers callers_of(pooled_server& server, std::uint64_t count) {
  callers out;
  for (std::uint64_t i = 0; i < count; ++i)
    out.push_back(std::make_unique<caller>(server, 100 + i));
  return out;
}

/// Each makes its calls twice, on a thread of its own, and then does `last`; when all are half way
/// `half_way` runs here, while they go on.
void call_from_many_threads(callers& all, int calls, const std::function<void()>& half_way,
                            const std::function<void(caller&)>& last) {
  std::barrier met{static_cast<std::ptrdiff_t>(all.size()) + 1};
  std::vector<std::thread> running;
  for (auto& c : all)
    running.emplace_back([&, &me = *c] {
      me.make_calls(calls);
      met.arrive_and_wait();
      me.make_calls(calls);
      last(me);
    });
  met.arrive_and_wait();
  half_way();
  for (auto& t : running)
    t.join();
}

void check_answers(const callers& all) {
  for (const auto& c : all)
    CHECK(testing::eventually([&c] { return c->all_answered_once(); }));
}

} // namespace

TEST_CASE("calls of many threads that hang up at any moment are answered exactly once each") {
  constexpr int calls = 150;
  pooled_server server;
  auto all = callers_of(server, 6);
  // From half way on none may wait; those that do are answered while others still call.
  call_from_many_threads(
    all, calls, [&] { server.server->front().drain(); }, [](caller& c) { c.hang_up_all(); });
  check_answers(all);
}

TEST_CASE("a server that ends answers every call of threads that still make some") {
  constexpr int calls = 100;
  pooled_server server;
  auto all = callers_of(server, 4);
  auto end = [&] {
    server.server->front().drain();
    server.server->stop();
  };
  call_from_many_threads(all, calls, end, [](caller&) {});
  check_answers(all);
}
