#include "tests/support/actor_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

using history_response = service::GetWorkflowExecutionHistoryResponse;
using reverse_response = service::GetWorkflowExecutionHistoryReverseResponse;

cluster::ExecutionRequest with_token(cluster::ExecutionRequest r, const std::string& token) {
  REQUIRE(r.mutable_get_history()->mutable_token()->ParseFromString(token));
  return r;
}

} // namespace

TEST_CASE_FIXTURE(actor_fixture, "a long poll waits for the next event") {
  start("w");
  auto r = history_request("w");
  r.mutable_get_history()->mutable_forward()->set_wait_new_event(true);
  auto first = ask<history_response>(r);
  CHECK(first.history().events_size() == 2);
  REQUIRE_FALSE(first.next_page_token().empty());
  auto waiting = send(with_token(r, first.next_page_token()));
  run();
  CHECK_FALSE(answered(waiting));
  ask_raw(signal_request("w", "s"));
  auto second = response<history_response>(waiting);
  CHECK(event_types(second.history()) == std::vector<int>{26});
  auto idle = send(with_token(r, second.next_page_token()));
  run();
  advance(21s);
  auto nothing = response<history_response>(idle);
  CHECK(nothing.history().events_size() == 0);
  CHECK(nothing.next_page_token() == second.next_page_token());
}

TEST_CASE_FIXTURE(actor_fixture, "a poll for the close gets the closing event alone") {
  start("w");
  auto r = history_request("w");
  r.mutable_get_history()->mutable_forward()->set_history_event_filter_type(
    enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto waiting = send(r);
  run();
  auto task = take_workflow_task();
  CHECK_FALSE(answered(waiting));
  ask_raw(complete_request(task, {complete_command()}));
  auto closed = response<history_response>(waiting);
  CHECK(event_types(closed.history()) == std::vector<int>{2});
  CHECK(closed.next_page_token().empty());
  CHECK(ask<history_response>(r).history().events(0).event_id() == 5);
}

TEST_CASE_FIXTURE(actor_fixture, "a poll for the close gets it though the workflow id goes on") {
  auto run_id = start("w");
  auto r = history_request("w");
  r.mutable_get_history()->mutable_forward()->set_history_event_filter_type(
    enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto waiting = send(r);
  run();
  api::command::v1::Command again;
  again.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  again.mutable_continue_as_new_workflow_execution_command_attributes();
  ask_raw(complete_request(take_workflow_task(), {again}));
  auto closed = response<history_response>(waiting);
  CHECK(event_types(closed.history()) == std::vector<int>{28});
  CHECK(closed.next_page_token().empty());
  r.set_run_id(run_id);
  CHECK(ask<history_response>(r).SerializeAsString() == closed.SerializeAsString());
}

TEST_CASE_FIXTURE(actor_fixture, "a poll survives the passivation of what it waits for") {
  start("w");
  auto r = history_request("w");
  r.mutable_get_history()->mutable_forward()->set_history_event_filter_type(
    enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto waiting = send(r);
  run();
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  CHECK(node->shared().watch.resident.value() == 0);
  auto terminate = request("w");
  terminate.mutable_terminate()->mutable_workflow_execution()->set_workflow_id("w");
  ask_raw(terminate);
  CHECK(response<history_response>(waiting).history().events_size() == 1);
}

TEST_CASE_FIXTURE(actor_fixture, "a caller that hung up is forgotten") {
  start("w");
  auto r = history_request("w");
  r.mutable_get_history()->mutable_forward()->set_history_event_filter_type(
    enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto waiting = send(r);
  SUBCASE("while it waits") {
    run();
    CHECK(node->shared().watch.history_polls.value() == 1);
  }
  SUBCASE("before the poll was decided") {
  }
  caf::anon_send(node->slot_for(ns, "w"), cancel_atom_v, waiting, bridge);
  run();
  CHECK(node->shared().watch.history_polls.value() == 0);
  advance(30s);
  CHECK_FALSE(answered(waiting));
}

TEST_CASE_FIXTURE(actor_fixture, "pages give every event once, forwards and backwards") {
  start("w");
  for (int i = 0; i < 40; ++i)
    ask_raw(signal_request("w", "s" + std::to_string(i)));
  auto from_store = false;
  SUBCASE("from memory") {
  }
  SUBCASE("from the store") {
    from_store = true;
    restart_node();
  }
  CAPTURE(from_store);
  for (int size : {1, 7, 42, 1000}) {
    std::vector<std::int64_t> ids;
    auto r = history_request("w");
    r.mutable_get_history()->mutable_forward()->set_maximum_page_size(size);
    std::string token;
    do {
      auto page = ask<history_response>(token.empty() ? r : with_token(r, token));
      CHECK(page.history().events_size() <= size);
      for (const auto& e : page.history().events())
        ids.push_back(e.event_id());
      token = page.next_page_token();
    } while (!token.empty());
    CHECK(ids.size() == 42);
    auto back = request("w");
    back.mutable_get_history()->mutable_reverse()->set_maximum_page_size(size);
    std::vector<std::int64_t> reversed;
    do {
      auto page = ask<reverse_response>(token.empty() ? back : with_token(back, token));
      for (const auto& e : page.history().events())
        reversed.push_back(e.event_id());
      token = page.next_page_token();
    } while (!token.empty());
    std::reverse(reversed.begin(), reversed.end());
    CHECK(reversed == ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
      CHECK(ids[i] == static_cast<std::int64_t>(i + 1));
  }
}

TEST_CASE_FIXTURE(actor_fixture, "history calls on what does not exist say so") {
  auto unknown = ask_raw(history_request("absent"));
  CHECK(unknown.status().code() == 5);
  CHECK(unknown.status().message() == "workflow not found for ID: absent");
  start("w");
  auto other = history_request("w");
  other.set_run_id("33333333-3333-4333-8333-333333333333");
  CHECK(ask_raw(other).status().code() == 5);
  auto mismatch = history_request("w");
  mismatch.mutable_get_history()->mutable_forward()->mutable_execution()->set_run_id("x");
  mismatch.mutable_get_history()->mutable_token()->set_run_id("y");
  CHECK(ask_raw(mismatch).status().message()
        == "RunId in the request does not match the NextPageToken.");
}
