// What a worker calls by itself never ends it, though what it asks for is not there yet.

#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

ws::PollNexusTaskQueueRequest nexus_poll() {
  ws::PollNexusTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  r.set_identity("worker");
  return r;
}

} // namespace

TEST_CASE_FIXTURE(server_fixture, "a poll for Nexus tasks waits, and ends without one") {
  auto made = send_request(nexus_poll(), {.timeout = 30s});
  run();
  CHECK_FALSE(made.answered());
  // A workflow task on a queue of this name is another worker's.
  start_workflow("w");
  advance(20s);
  CHECK_FALSE(made.answered());
  advance(10s);
  REQUIRE(made.answered());
  auto answer = read<ws::PollNexusTaskQueueResponse>(made.answer());
  CHECK(answer.task_token().empty());
  take_workflow_task();
}

TEST_CASE_FIXTURE(server_fixture, "a worker that shuts down gets its poll for Nexus tasks back") {
  auto r = nexus_poll();
  r.set_worker_instance_key("key");
  auto made = send_request(r, {.timeout = 60s});
  run();
  CHECK_FALSE(made.answered());
  ws::ShutdownWorkerRequest leave;
  leave.set_namespace_("default");
  leave.set_worker_instance_key("key");
  ok<ws::ShutdownWorkerResponse>(leave);
  REQUIRE(made.answered());
  CHECK(made.answer());
}

TEST_CASE_FIXTURE(server_fixture, "a poll for Nexus tasks is checked as any other") {
  auto r = nexus_poll();
  refused(errc::invalid_argument, "Context timeout is not set.", r, {.timeout = std::nullopt});
  r.clear_task_queue();
  refused(errc::invalid_argument, "taskQueue is not set", r, {.timeout = 30s});
  r.mutable_task_queue();
  refused(errc::invalid_argument, "missing task queue name", r, {.timeout = 30s});
  r.set_namespace_("nowhere");
  refused(errc::not_found, "Namespace nowhere is not found.", r, {.timeout = 30s});
}

TEST_CASE_FIXTURE(server_fixture, "a worker's heartbeat is taken") {
  ws::RecordWorkerHeartbeatRequest r;
  r.set_namespace_("default");
  r.add_worker_heartbeat()->set_worker_instance_key("key");
  auto before = writes;
  ok<ws::RecordWorkerHeartbeatResponse>(r);
  CHECK(writes == before);
  r.set_namespace_("nowhere");
  refused(errc::not_found, "Namespace nowhere is not found.", r);
}
