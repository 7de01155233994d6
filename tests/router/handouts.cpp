// What becomes of a hand-out whose queue, workflow and worker are in three nodes, when one goes.
#include "actors/queue/task_queue.hpp"
#include "tests/support/cluster_fixture.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace reprise {
namespace {

using namespace testing;

ws::StartWorkflowExecutionRequest start_at(const std::string& id, const std::string& queue) {
  auto r = server_fixture::start_request(id);
  r.mutable_task_queue()->set_name(queue);
  return r;
}

bool has_task(const made_call& poll) {
  return poll.answered()
         && !server_fixture::read<ws::PollWorkflowTaskQueueResponse>(poll.answer())
               .task_token()
               .empty();
}

TEST_CASE("A worker's node dies while the outcome of its hand-out is on its way to the queue") {
  for (auto is_late : {true, false}) {
    CAPTURE(is_late);
    cluster_fixture c{3};
    auto on = c.queue_of(0, 1);
    c.ok<ws::StartWorkflowExecutionResponse>(1, start_at(c.workflow_of(1), on));
    c.step(50ms);
    auto queue = cluster_fixture::address(0);
    auto workflow = cluster_fixture::address(1);
    auto worker = cluster_fixture::address(2);
    if (is_late)
      c.network().part(workflow, queue);
    c.network().part(workflow, worker);
    auto poll = c.at(2).send_request(server_fixture::poll_request(on),
                                     server_fixture::poll_options());
    c.step(50ms);
    REQUIRE_FALSE(poll.answered());
    c.kill(2);
    c.step(100ms);
    if (is_late)
      c.network().heal(workflow, queue);
    c.network().heal(workflow, worker);
    c.step(3s);
    // It was taken back, and its queue has it again.
    auto next = c.at(0).send_request(server_fixture::poll_request(on),
                                     server_fixture::poll_options());
    c.step(30s);
    CHECK(has_task(next));
  }
}

TEST_CASE(
  "A hand-out that waited for the next owner of its slot goes to whoever is that in the end") {
  cluster_fixture c{3};
  auto on = c.queue_of(0, 1);
  c.ok<ws::StartWorkflowExecutionResponse>(1, start_at(c.workflow_of(1), on));
  c.step(50ms);
  c.kill(1);
  c.step(50ms);
  auto poll = c.at(0).send_request(server_fixture::poll_request(on),
                                   server_fixture::poll_options());
  c.step(20ms);
  c.network().part(cluster_fixture::address(0), cluster_fixture::address(2));
  auto next = c.now();
  for (auto& owner : next.owners)
    owner = owner == 2 ? 3 : owner;
  c.assign(next);
  c.step(20ms);
  REQUIRE_FALSE(poll.answered());
  c.kill(2);
  c.step(100ms);
  next.owners.fill(1);
  c.assign(next);
  c.step(40s);
  CHECK(has_task(poll));
}

TEST_CASE("A hand-out of which nothing is heard from another node is made again after a while") {
  cluster_fixture c{2};
  auto on = c.queue_of(0, 1);
  c.ok<ws::StartWorkflowExecutionResponse>(1, start_at(c.workflow_of(1), on));
  c.step(50ms);
  // The slot takes it, and dies with nobody to tell.
  auto& there = c.at(1).server().node().shared();
  there.before_decision = [](const cluster::ExecutionRequest& request) {
    if (request.has_start_workflow_task())
      throw std::runtime_error{"as the test wants it"};
  };
  auto poll = c.at(0).send_request(server_fixture::poll_request(on),
                                   server_fixture::poll_options());
  c.step(5s);
  REQUIRE_FALSE(has_task(poll));
  there.before_decision = nullptr;
  c.step(actors::task_queue::outcome_within + 20s);
  CHECK(has_task(poll));
}

TEST_CASE("A task that is taken back is not left with a node that gave its range away") {
  cluster_fixture c{2};
  auto id = c.workflow_of(1);
  auto on = c.queue_of(0, 1);
  c.ok<ws::StartWorkflowExecutionResponse>(1, start_at(id, on));
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(0, server_fixture::poll_request(on), 200ms,
                                                      server_fixture::poll_options());
  REQUIRE_FALSE(task.task_token().empty());
  // Where the slot is not served, and others are not asked yet.
  auto all_first = c.now();
  all_first.owners.fill(1);
  auto& returns = *c.at(1).server().node().shared().returns;
  c.tell_held(1, {});
  for (std::uint32_t slot = 0; slot < store::slot_count; ++slot)
    c.tell_epoch(1, slot, 0);
  returns.take_back(task.task_token());
  c.step(5ms);
  c.assign(all_first);
  c.step(500ms);
  auto again = c.ok<ws::PollWorkflowTaskQueueResponse>(0, server_fixture::poll_request(on), 300ms,
                                                       server_fixture::poll_options());
  CHECK(again.workflow_execution().workflow_id() == id);
  CHECK(again.attempt() == 1);
}

} // namespace
} // namespace reprise
