#include "cluster/router/router.hpp"
#include "tests/support/cluster_fixture.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace reprise {
namespace {

using namespace testing;

ws::StartWorkflowExecutionRequest start_on(const std::string& id, const std::string& queue) {
  auto r = server_fixture::start_request(id);
  r.mutable_task_queue()->set_name(queue);
  return r;
}

void check_unavailable(const result<std::string>& answer) {
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == errc::unavailable);
}

TEST_CASE("Any node takes a call on any workflow") {
  cluster_fixture c{3};
  for (std::size_t home = 0; home < 3; ++home) {
    auto id = c.workflow_of(home);
    for (std::size_t door = 0; door < 3; ++door) {
      CAPTURE(home);
      CAPTURE(door);
      if (door == 0)
        c.ok<ws::StartWorkflowExecutionResponse>(door, server_fixture::start_request(id));
      c.ok<ws::SignalWorkflowExecutionResponse>(door, server_fixture::signal_request(id));
      auto history
        = c.ok<ws::GetWorkflowExecutionHistoryResponse>(door, server_fixture::history_request(id));
      // Started, task scheduled, and a signal by each door so far.
      CHECK(history.history().events_size() == static_cast<int>(3 + door));
    }
    auto again = server_fixture::start_request(id);
    again.set_request_id("another");
    auto refused = c.answer_to(2, again);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::already_exists);
  }
}

TEST_CASE("A worker gets its task from wherever the workflow, its queue and the worker are") {
  cluster_fixture c{3};
  for (std::size_t workflow = 0; workflow < 3; ++workflow)
    for (std::size_t queue = 0; queue < 3; ++queue)
      for (std::size_t worker = 0; worker < 3; ++worker)
        for (auto polls_first : {false, true}) {
          CAPTURE(workflow);
          CAPTURE(queue);
          CAPTURE(worker);
          CAPTURE(polls_first);
          auto name = std::to_string(workflow) + std::to_string(queue) + std::to_string(worker)
                      + (polls_first ? "p" : "t");
          auto id = c.workflow_of(workflow, "w" + name + "-");
          auto on = c.queue_of(queue, 1, "q" + name + "-");
          made_call poll;
          auto send_poll = [&] {
            poll = c.at(worker).send_request(server_fixture::poll_request(on),
                                             server_fixture::poll_options());
            c.step(30ms);
          };
          if (polls_first)
            send_poll();
          c.ok<ws::StartWorkflowExecutionResponse>((worker + 1) % 3, start_on(id, on));
          if (!polls_first)
            send_poll();
          c.step(50ms);
          REQUIRE(poll.answered());
          auto task = server_fixture::read<ws::PollWorkflowTaskQueueResponse>(poll.answer());
          REQUIRE_FALSE(task.task_token().empty());
          CHECK(task.workflow_execution().workflow_id() == id);
          c.ok<ws::RespondWorkflowTaskCompletedResponse>(
            (worker + 2) % 3,
            server_fixture::completion(task.task_token(), {server_fixture::complete_command()}));
          auto history = c.ok<ws::GetWorkflowExecutionHistoryResponse>(
            worker, server_fixture::history_request(id));
          CHECK(history.history().events_size() == 5);
        }
}

TEST_CASE("A long poll for history is told through another node, and forgotten with its caller") {
  cluster_fixture c{2};
  auto id = c.workflow_of(0);
  c.ok<ws::StartWorkflowExecutionResponse>(0, server_fixture::start_request(id));
  auto wait = server_fixture::history_request(id);
  wait.set_wait_new_event(true);
  wait.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto waits = [&] { return c.at(0).registry.gauge("reprise_history_polls", "").value(); };
  auto first = c.at(1).send_request(wait, {.timeout = 60s});
  c.step(50ms);
  CHECK_FALSE(first.answered());
  CHECK(waits() == 1);

  SUBCASE("told") {
    ws::TerminateWorkflowExecutionRequest end;
    end.set_namespace_("default");
    end.mutable_workflow_execution()->set_workflow_id(id);
    c.ok<ws::TerminateWorkflowExecutionResponse>(1, end);
    c.step(50ms);
    REQUIRE(first.answered());
    auto told = server_fixture::read<ws::GetWorkflowExecutionHistoryResponse>(first.answer());
    CHECK(told.history().events_size() == 1);
  }

  SUBCASE("the caller hangs up") {
    first.handle->cancel();
    c.step(50ms);
    CHECK(waits() == 0);
  }

  SUBCASE("the node of the caller is gone") {
    c.kill(1);
    c.step(2s);
    CHECK(waits() == 0);
  }
}

TEST_CASE("Who waits for a node that is gone hears it; its polls wait on") {
  cluster_fixture c{2};
  auto id = c.workflow_of(1);
  c.ok<ws::StartWorkflowExecutionResponse>(0, server_fixture::start_request(id));
  auto wait = server_fixture::history_request(id);
  wait.set_wait_new_event(true);
  auto token_less = wait;
  auto last = c.ok<ws::GetWorkflowExecutionHistoryResponse>(0, token_less);
  wait.set_next_page_token(last.next_page_token());
  auto call = c.at(0).send_request(wait, {.timeout = 60s});
  auto on = c.queue_of(1, 1, "polled");
  auto poll = c.at(0).send_request(server_fixture::poll_request(on),
                                   server_fixture::poll_options());
  c.step(50ms);
  REQUIRE_FALSE(call.answered());
  c.kill(1);
  c.step(1500ms);
  REQUIRE(call.answered());
  check_unavailable(call.answer());
  CHECK_FALSE(poll.answered());

  // Nobody has its ranges: a call waits a while for somebody, and then hears so.
  auto early = c.at(0).send_request(server_fixture::signal_request(id), {.timeout = 60s});
  c.step(1s);
  CHECK_FALSE(early.answered());
  auto others = c.now();
  others.members.pop_back();
  for (auto& o : others.owners)
    o = 1;
  c.assign(others);
  c.step(50ms);
  REQUIRE(early.answered());
  CHECK(early.answer());

  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(c.workflow_of(0, "later"), on));
  c.step(50ms);
  REQUIRE(poll.answered());
  CHECK_FALSE(
    server_fixture::read<ws::PollWorkflowTaskQueueResponse>(poll.answer()).task_token().empty());
}

TEST_CASE("A call to a range that nobody has is answered in the end") {
  cluster_fixture c{2};
  auto id = c.workflow_of(1);
  auto nobody = c.now();
  for (auto& o : nobody.owners)
    o = o == 2 ? 0 : o;
  c.assign(nobody);
  auto call = c.at(0).send_request(server_fixture::signal_request(id), {.timeout = 60s});
  c.step(2900ms);
  CHECK_FALSE(call.answered());
  c.step(200ms);
  REQUIRE(call.answered());
  check_unavailable(call.answer());
}

TEST_CASE("A range moves: calls go along, tasks and polls, too") {
  cluster_fixture c{2};
  auto id = c.workflow_of(1);
  auto on = c.queue_of(1, 1, "moving");
  auto other = c.queue_of(0, 1, "staying");
  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(id, on));
  auto poll = c.at(1).send_request(server_fixture::poll_request(other),
                                   server_fixture::poll_options());
  c.step(50ms);
  auto all_first = c.now();
  for (auto& o : all_first.owners)
    o = 1;

  SUBCASE("to a node that hears of it later") {
    // The second node's map is the old one when the first has the range already.
    auto late = c.at(1).send_request(server_fixture::signal_request(id));
    c.assign(all_first);
    c.step(50ms);
    REQUIRE(late.answered());
    CHECK(late.answer());
  }

  SUBCASE("there and back") {
    auto before = c.now();
    c.assign(all_first);
    c.step(50ms);
    c.assign(before);
    c.step(50ms);
  }

  SUBCASE("all at once") {
    c.assign(all_first);
  }

  c.step(50ms);
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(1, server_fixture::poll_request(on), 200ms,
                                                      server_fixture::poll_options());
  REQUIRE_FALSE(task.task_token().empty());
  c.ok<ws::RespondWorkflowTaskCompletedResponse>(
    1, server_fixture::completion(task.task_token(), {server_fixture::complete_command()}));
  CHECK_FALSE(poll.answered());
  c.ok<ws::StartWorkflowExecutionResponse>(1, start_on(c.workflow_of(0, "next"), other));
  c.step(50ms);
  REQUIRE(poll.answered());
  CHECK(poll.answer());
}

TEST_CASE("A move under load shows no caller a failure") {
  cluster_fixture c{3};
  auto id = c.workflow_of(1);
  c.ok<ws::StartWorkflowExecutionResponse>(0, server_fixture::start_request(id));
  auto before = c.now();
  auto moved = before;
  for (auto& o : moved.owners)
    o = o == 2 ? 3 : o;
  std::vector<made_call> calls;
  for (int ms = 0; ms < 90; ++ms) {
    for (std::size_t door = 0; door < 3; ++door) {
      auto signal = server_fixture::signal_request(id);
      signal.set_request_id(std::to_string(ms) + "-" + std::to_string(door));
      calls.push_back(c.at(door).send_request(signal, {.timeout = 10s}));
    }
    if (ms % 30 == 10)
      c.assign(moved);
    if (ms % 30 == 25)
      c.assign(before);
    c.step(1ms);
  }
  c.step(500ms);
  for (auto& call : calls) {
    REQUIRE(call.answered());
    CHECK_MESSAGE(call.answer(), (call.answer() ? "" : call.answer().error().message));
  }
  auto signals = 0;
  auto page = server_fixture::history_request(id);
  do {
    auto history = c.ok<ws::GetWorkflowExecutionHistoryResponse>(0, page);
    for (const auto& e : history.history().events())
      signals += e.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED ? 1 : 0;
    page.set_next_page_token(history.next_page_token());
  } while (!page.next_page_token().empty());
  CHECK(signals == static_cast<int>(calls.size()));
}

TEST_CASE("Maps that differ for a moment send a message round until they agree") {
  cluster_fixture c{3};
  auto id = c.workflow_of(1);
  c.ok<ws::StartWorkflowExecutionResponse>(0, server_fixture::start_request(id));
  auto truth = c.now();
  auto wrong = truth;
  for (auto& o : wrong.owners)
    o = o == 2 ? 3 : o;
  c.tell_places(0, wrong);
  auto call = c.at(0).send_request(server_fixture::signal_request(id), {.timeout = 60s});
  c.step(60ms);
  CHECK_FALSE(call.answered());
  c.tell_places(0, truth);
  c.step(400ms);
  REQUIRE(call.answered());
  CHECK(call.answer());

  SUBCASE("or give up") {
    c.tell_places(0, wrong);
    auto lost = c.at(0).send_request(server_fixture::signal_request(id), {.timeout = 60s});
    c.step(5s);
    REQUIRE(lost.answered());
    check_unavailable(lost.answer());
  }
}

TEST_CASE("A task that was on its way to a node that is gone is taken back") {
  cluster_fixture c{2};
  auto id = c.workflow_of(0);
  auto on = c.queue_of(0, 1);
  auto poll = c.at(1).send_request(server_fixture::poll_request(on),
                                   server_fixture::poll_options());
  c.step(50ms);
  // The answer is sent, and never arrives.
  c.network().part(cluster_fixture::address(0), cluster_fixture::address(1));
  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(id, on), 50ms);
  c.step(20ms);
  CHECK_FALSE(poll.answered());
  // It is thought to be gone within the silence, and the next worker has the task at once.
  c.step(1500ms);
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(0, server_fixture::poll_request(on), 100ms,
                                                      server_fixture::poll_options());
  REQUIRE_FALSE(task.task_token().empty());
  CHECK(task.attempt() == 1);
}

TEST_CASE("A task whose caller left is taken back by the node that has its workflow") {
  cluster_fixture c{2};
  auto id = c.workflow_of(0);
  auto on = c.queue_of(0, 1);
  auto poll = c.at(1).send_request(server_fixture::poll_request(on),
                                   server_fixture::poll_options());
  c.step(50ms);
  // The answer is on its way when the caller hangs up.
  auto start = c.at(0).send_request(start_on(id, on));
  c.at(0).run();
  REQUIRE_FALSE(poll.answered());
  poll.handle->cancel();
  c.step(100ms);
  REQUIRE(start.answered());
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(1, server_fixture::poll_request(on), 200ms,
                                                      server_fixture::poll_options());
  REQUIRE_FALSE(task.task_token().empty());
  CHECK(task.attempt() == 1);
}

TEST_CASE("A slot or a queue that dies in another node is known here") {
  cluster_fixture c{2};
  auto id = c.workflow_of(1);
  auto on = c.queue_of(1, 1);
  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(id, on));
  auto& there = c.at(1).server().node();
  auto ns = there.namespaces().find("default")->record.info().id();

  SUBCASE("slot") {
    auto wait = server_fixture::history_request(id);
    wait.set_wait_new_event(true);
    wait.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
    auto call = c.at(0).send_request(wait, {.timeout = 60s});
    c.step(50ms);
    REQUIRE_FALSE(call.answered());
    const auto& slot = there.shared().slots[store::slot_of(ns, machine_kind::workflow, id)].get();
    caf::anon_send_exit(slot, caf::exit_reason::unhandled_exception);
    c.step(100ms);
    REQUIRE(call.answered());
    check_unavailable(call.answer());
  }

  SUBCASE("queue") {
    auto poll = c.at(0).send_request(server_fixture::poll_request(c.queue_of(1, 1, "dying")),
                                     server_fixture::poll_options());
    c.step(50ms);
    auto queue = there.queues().find_known(
      {.namespace_id = ns, .name = c.queue_of(1, 1, "dying"), .kind = 1});
    REQUIRE(queue);
    caf::anon_send_exit(queue, caf::exit_reason::unhandled_exception);
    c.step(100ms);
    CHECK_FALSE(poll.answered());
    c.ok<ws::StartWorkflowExecutionResponse>(
      1, start_on(c.workflow_of(0, "next"), c.queue_of(1, 1, "dying")));
    c.step(100ms);
    REQUIRE(poll.answered());
    CHECK_FALSE(
      server_fixture::read<ws::PollWorkflowTaskQueueResponse>(poll.answer()).task_token().empty());
  }
}

TEST_CASE("What a queue held is offered again, though its node has it again before others look") {
  cluster_fixture c{2};
  auto id = c.workflow_of(0);
  auto on = c.queue_of(1, 1);
  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(id, on));
  auto other = c.queue_of(1, 1, "polled");
  auto poll = c.at(0).send_request(server_fixture::poll_request(other),
                                   server_fixture::poll_options());
  c.step(50ms);
  // As after a renewal that was late: the map of the first node is the same all the while.
  auto held = cluster_fixture::held(1, c.now());
  c.tell_held(1, {});
  c.step(5ms);
  c.tell_held(1, held);
  c.step(300ms);
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(1, server_fixture::poll_request(on), 200ms,
                                                      server_fixture::poll_options());
  CHECK(task.workflow_execution().workflow_id() == id);
  c.ok<ws::StartWorkflowExecutionResponse>(1, start_on(c.workflow_of(1, "next"), other));
  c.step(100ms);
  CHECK(poll.answered());
}

TEST_CASE("An offer that was on its way when a connection was lost is made again") {
  cluster_fixture c{2};
  auto id = c.workflow_of(0);
  auto on = c.queue_of(1, 1);
  c.network().part(cluster_fixture::address(0), cluster_fixture::address(1));
  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(id, on), 50ms);
  c.step(3s);
  c.network().heal(cluster_fixture::address(0), cluster_fixture::address(1));
  c.step(5s);
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(1, server_fixture::poll_request(on), 200ms,
                                                      server_fixture::poll_options());
  CHECK(task.workflow_execution().workflow_id() == id);
}

TEST_CASE("An offer that found nobody for long is made again") {
  cluster_fixture c{2};
  auto id = c.workflow_of(0);
  auto on = c.queue_of(1, 1);
  // The second node is late to serve what the map says it has.
  auto held = cluster_fixture::held(1, c.now());
  c.tell_held(1, {});
  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(id, on));
  c.step(10s);
  c.tell_held(1, held);
  c.step(5s);
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(1, server_fixture::poll_request(on), 200ms,
                                                      server_fixture::poll_options());
  CHECK(task.workflow_execution().workflow_id() == id);
}

TEST_CASE("A query is answered by a worker on any node") {
  cluster_fixture c{3};
  auto id = c.workflow_of(0);
  auto on = c.queue_of(1, 1);
  c.ok<ws::StartWorkflowExecutionResponse>(0, start_on(id, on));
  auto task = c.ok<ws::PollWorkflowTaskQueueResponse>(2, server_fixture::poll_request(on), 200ms,
                                                      server_fixture::poll_options());
  c.ok<ws::RespondWorkflowTaskCompletedResponse>(2,
                                                 server_fixture::completion(task.task_token(), {}));
  ws::QueryWorkflowRequest query;
  query.set_namespace_("default");
  query.mutable_execution()->set_workflow_id(id);
  query.mutable_query()->set_query_type("how");
  auto asked = c.at(1).send_request(query, {.timeout = 10s});
  auto queried = c.ok<ws::PollWorkflowTaskQueueResponse>(2, server_fixture::poll_request(on), 200ms,
                                                         server_fixture::poll_options());
  REQUIRE(queried.has_query());
  ws::RespondQueryTaskCompletedRequest answer;
  answer.set_namespace_("default");
  answer.set_task_token(queried.task_token());
  answer.set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
  answer.mutable_query_result()->add_payloads()->set_data("fine");
  c.ok<ws::RespondQueryTaskCompletedResponse>(0, answer);
  c.step(50ms);
  REQUIRE(asked.answered());
  auto result = server_fixture::read<ws::QueryWorkflowResponse>(asked.answer());
  CHECK(result.query_result().payloads(0).data() == "fine");
}

TEST_CASE("What another node says is checked before it is an index") {
  cluster_fixture c{2};
  auto& route = *c.at(0).server().node().route();
  auto send = [&](const routed::Routed& what) {
    link::received got;
    got.from = 102;
    got.what.set_kind(static_cast<std::uint32_t>(what.what_case()));
    got.what.set_content(what.SerializeAsString());
    route.on_envelope(std::move(got));
    c.step(20ms);
  };
  routed::Routed far;
  far.set_slot(4'000'000);
  far.mutable_peer();
  send(far);
  routed::Routed bounced;
  *bounced.mutable_bounced() = far;
  send(bounced);
  routed::Routed deep;
  *deep.mutable_bounced()->mutable_bounced() = far;
  send(deep);
  // A slot would begin a second life of what another one has.
  auto id = c.workflow_of(0);
  routed::Routed strange;
  auto home
    = store::slot_of(c.at(0).server().node().namespaces().find("default")->record.info().id(),
                     machine_kind::workflow, id);
  strange.set_slot(home ^ 1U);
  auto& call = *strange.mutable_call();
  call.mutable_caller()->set_node(102);
  call.mutable_request()->set_namespace_id(
    c.at(0).server().node().namespaces().find("default")->record.info().id());
  call.mutable_request()->set_workflow_id(id);
  *call.mutable_request()->mutable_start() = server_fixture::start_request(id);
  send(strange);
  auto unknown = c.answer_to(0, server_fixture::signal_request(id));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == errc::not_found);
  routed::Routed lost;
  lost.set_slot_lost(4'000'000'000U);
  send(lost);
  routed::Routed nobody;
  nobody.mutable_answer()->mutable_caller()->set_node(101);
  send(nobody);
  routed::Routed outcome;
  outcome.mutable_handed_out();
  send(outcome);
  link::received garbage;
  garbage.what.set_kind(16);
  garbage.what.set_content("\xff\xff\xff");
  route.on_envelope(std::move(garbage));
  c.ok<ws::StartWorkflowExecutionResponse>(0, server_fixture::start_request(c.workflow_of(1)));
}

} // namespace
} // namespace reprise
