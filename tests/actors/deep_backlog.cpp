// A queue with far more tasks than it can hold, and no worker for a long time.
#include "actors/queue/task_buffer.hpp"
#include "tests/support/actor_fixture.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::testing;

namespace {

// Sanitizers make everything many times slower; the bounds are the same.
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)                              \
  || __has_feature(thread_sanitizer)
constexpr int count = 100'000;
#else
constexpr int count = 1'000'000;
#endif

struct deep_backlog : actor_fixture {
  deep_backlog() : actor_fixture({}, queues::real) {
    run_id = start("w");
    node->shared().before_decision = [this](const cluster::ExecutionRequest& r) {
      if (r.has_start_workflow_task())
        order.push_back(static_cast<int>(r.start_workflow_task().task().scheduled_event_id()));
    };
  }

  queue_actor many() {
    return node->queues().find({.namespace_id = ns, .name = "many", .kind = 1});
  }

  /// As an execution does; all of one workflow, so that the order in which refused tasks reach the
  /// store is theirs.
  void offer(int number) {
    cluster::Task t;
    t.set_kind(cluster::Task::WORKFLOW);
    t.set_namespace_id(ns);
    t.set_workflow_id("w");
    t.set_run_id(run_id);
    t.set_task_queue("many");
    t.set_scheduled_event_id(number);
    t.set_attempt(1);
    caf::anon_send(many(), offer_atom_v, std::move(t));
  }

  std::uint64_t poll() {
    cluster::Poll p;
    p.set_namespace_id(ns);
    p.set_namespace_name("default");
    p.set_task_queue("many");
    p.set_kind(cluster::Task::WORKFLOW);
    p.set_identity("worker");
    *p.mutable_expires_at() = engine::to_proto(time.now() + 1h);
    auto id = next_call();
    p.set_request_id("poll-" + std::to_string(id));
    caf::anon_send(many(), poll_atom_v, id, bridge, std::move(p));
    return id;
  }

  std::int64_t rows() {
    auto n = below().count_backlog({.namespace_id = ns, .name = "many", .kind = 1});
    REQUIRE(n);
    return *n;
  }

  std::int64_t in_memory() {
    return registry.gauge("reprise_tasks_pending", "").value() - 1; // that of "w" itself
  }

  std::string run_id;
  std::vector<int> order;
};

} // namespace

TEST_CASE_FIXTURE(deep_backlog, "a million tasks without a worker stay out of memory, in order") {
  constexpr auto memory_max = static_cast<std::int64_t>(actors::queue_bounds{}.tasks_max);
  std::int64_t most = 0;
  // The execution owns no such events: every task falls through, and its poller gets the next one.
  constexpr int beyond = 100;
  for (int i = 0; i < count; ++i) {
    offer(beyond + i);
    if (i % 1000 != 999)
      continue;
    run();
    most = std::max(most, in_memory());
    advance(1ms);
  }
  CHECK(most == memory_max);
  CHECK(rows() == count - memory_max);

  auto waiting = poll();
  run();
  for (auto quiet = 0; order.size() < count && quiet < 100;) {
    auto before = order.size();
    advance(200ms);
    most = std::max(most, in_memory());
    quiet = order.size() == before ? quiet + 1 : 0;
  }
  CHECK(most == memory_max);
  REQUIRE(order.size() == count);
  auto misplaced = 0;
  for (int i = 0; i < count; ++i)
    misplaced += order[static_cast<std::size_t>(i)] == beyond + i ? 0 : 1;
  CHECK(misplaced == 0);
  CHECK_FALSE(answered(waiting));

  // Nothing is left, in memory or in the store, and the worker gets what comes now.
  for (int i = 0; i < 12; ++i)
    advance(10s);
  CHECK(rows() == 0);
  CHECK(in_memory() == 0);
  auto r = start_request("next");
  r.mutable_start()->mutable_task_queue()->set_name("many");
  ask_raw(r);
  auto got = response<service::PollWorkflowTaskQueueResponse>(waiting);
  CHECK(got.workflow_execution().workflow_id() == "next");
}
