#include "tests/support/actor_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

TEST_CASE_FIXTURE(actor_fixture, "a workflow runs from its start to its history") {
  auto run_id = start("w");
  CHECK(run_id.size() == 36);
  REQUIRE(seen.offers.size() == 1);
  auto task = take_workflow_task();
  CHECK(task.workflow_execution().run_id() == run_id);
  CHECK(task.history().events_size() == 3);
  CHECK(seen.taken.size() == 1);
  ask<service::RespondWorkflowTaskCompletedResponse>(complete_request(task, {complete_command()}));
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 2});
}

TEST_CASE_FIXTURE(actor_fixture, "nothing is answered or offered before it is durable") {
  int writes = 0;
  decide_fault = [&](store::operation what) {
    if (what == store::operation::commit) {
      CHECK(seen.replies.empty());
      CHECK(seen.offers.empty());
      ++writes;
    }
    return store::fault{};
  };
  send(start_request("w"));
  send(history_request("w"));
  run();
  CHECK(writes == 1);
  CHECK(seen.replies.size() == 2);
  CHECK(seen.offers.size() == 1);
}

TEST_CASE_FIXTURE(actor_fixture, "a server that starts again finds everything as it was") {
  auto run_id = start("w");
  auto task = take_workflow_task();
  ask<service::RespondWorkflowTaskCompletedResponse>(
    complete_request(task, {timer_command("t", 60)}));
  restart_node();
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17});
  advance(61s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
  task = take_workflow_task();
  CHECK(task.history().events_size() == 8);
  ask<service::RespondWorkflowTaskCompletedResponse>(complete_request(task, {complete_command()}));
  CHECK(history("w").back() == 2);
}

TEST_CASE_FIXTURE(actor_fixture, "a new owner offers again what nobody took") {
  start("a");
  start("b");
  CHECK(seen.offers.size() == 2);
  restart_node();
  CHECK(seen.offers.size() == 2);
}
