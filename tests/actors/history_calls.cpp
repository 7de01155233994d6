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

cluster::ExecutionRequest fail_request(const service::PollWorkflowTaskQueueResponse& task) {
  cluster::ExecutionRequest r;
  REQUIRE(r.mutable_token()->ParseFromString(task.task_token()));
  r.set_namespace_id(r.token().namespace_id());
  r.set_workflow_id(r.token().workflow_id());
  r.mutable_fail_workflow_task()->mutable_failure()->set_message("no");
  return r;
}

struct pages_fixture : actor_fixture {
  using actor_fixture::actor_fixture;

  /// Ids of the events, page by page.
  template <class Response>
  std::vector<std::vector<std::int64_t>> pages(cluster::ExecutionRequest r, std::size_t size) {
    auto& call = *r.mutable_get_history();
    if (call.has_reverse())
      call.mutable_reverse()->set_maximum_page_size(static_cast<int>(size));
    else
      call.mutable_forward()->set_maximum_page_size(static_cast<int>(size));
    std::vector<std::vector<std::int64_t>> out;
    std::string token;
    do {
      auto got = ask<Response>(token.empty() ? r : with_token(r, token));
      out.emplace_back();
      for (const auto& e : got.history().events())
        out.back().push_back(e.event_id());
      token = got.next_page_token();
    } while (!token.empty() && out.size() < 100);
    return out;
  }
};

/// Of each workflow id the current run alone stays in memory.
struct one_run_fixture : actor_fixture {
  one_run_fixture() : actor_fixture({.capacity = {.workflow = {.older_runs_max = 0}}}) {
  }
};

/// With a snapshot per row no load brings rows along: what comes back reads its pages.
struct stored_pages_fixture : pages_fixture {
  stored_pages_fixture() : pages_fixture({.capacity = {.run = {.rows_per_snapshot = 1}}}) {
  }
};

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

TEST_CASE_FIXTURE(pages_fixture,
                  "a waiting read shows the events of a later attempt as a plain one") {
  start("w");
  ask_raw(fail_request(take_workflow_task()));
  using ids = std::vector<std::vector<std::int64_t>>;
  auto plain = history_request("w");
  auto waiting = plain;
  waiting.mutable_get_history()->mutable_forward()->set_wait_new_event(true);
  auto read = [&](const cluster::ExecutionRequest& r) {
    std::vector<std::int64_t> out;
    for (const auto& e : ask<history_response>(r).history().events())
      out.push_back(e.event_id());
    return out;
  };
  CHECK(read(plain) == std::vector<std::int64_t>{1, 2, 3, 4, 5});
  CHECK(read(waiting) == read(plain));
  take_workflow_task();
  CHECK(read(plain) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
  CHECK(read(waiting) == read(plain));
  auto reverse = request("w");
  reverse.mutable_get_history()->mutable_reverse();
  CHECK(pages<reverse_response>(reverse, 100) == ids{{4, 3, 2, 1}});
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

TEST_CASE_FIXTURE(one_run_fixture, "an older run is read where none is kept in memory") {
  auto run_id = start("w");
  api::command::v1::Command again;
  again.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  again.mutable_continue_as_new_workflow_execution_command_attributes();
  ask_raw(complete_request(take_workflow_task(), {again}));
  restart_node();
  auto r = history_request("w");
  r.set_run_id(run_id);
  for (int i = 0; i < 2; ++i)
    CHECK(ask<history_response>(r).history().events_size() == 5);
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
  std::string identity;
  auto loaded = false;
  SUBCASE("from memory") {
  }
  SUBCASE("from memory, once loaded") {
    loaded = true;
  }
  SUBCASE("in part from the store") {
    identity.resize(1000, 'i');
  }
  SUBCASE("in part from the store, once loaded") {
    identity.resize(1000, 'i');
    loaded = true;
  }
  CAPTURE(identity.size());
  CAPTURE(loaded);
  start("w");
  for (int i = 0; i < 40; ++i) {
    auto r = signal_request("w", "s" + std::to_string(i));
    r.mutable_signal()->set_identity(identity);
    ask_raw(r);
  }
  if (loaded)
    restart_node();
  int reads = 0;
  decide_fault = [&reads](store::operation what) {
    reads += what == store::operation::read ? 1 : 0;
    return store::fault{};
  };
  for (int size : {1, 7, 42, 1000}) {
    std::vector<std::int64_t> ids;
    auto r = history_request("w");
    r.mutable_get_history()->mutable_forward()->set_maximum_page_size(size);
    std::string token;
    do {
      auto page = ask<history_response>(token.empty() ? r : with_token(r, token));
      // The start and its first task are one batch.
      CHECK(page.history().events_size() <= size + 1);
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
  // To load an execution takes its head, its snapshot and its rows.
  CHECK((reads > (loaded ? 3 : 0)) != identity.empty());
}

TEST_CASE_FIXTURE(pages_fixture, "a replay of many bytes keeps the newest events without a gap") {
  start("w");
  // More than are read at once; then few, then more than are kept.
  const std::size_t inputs[] = {1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20,
                                10,      10,      20'000,  20'000};
  for (std::size_t i = 0; i < std::size(inputs); ++i) {
    auto r = signal_request("w", "s" + std::to_string(i));
    r.mutable_signal()->set_identity(std::string(inputs[i], 'i'));
    ask_raw(r);
    restart_node();
    auto reverse = request("w");
    reverse.mutable_get_history()->mutable_reverse();
    for (std::size_t size : {1, 3}) {
      std::vector<std::int64_t> ids;
      for (const auto& page : pages<reverse_response>(reverse, size))
        ids.insert(ids.end(), page.begin(), page.end());
      REQUIRE(ids.size() == i + 3);
      for (std::size_t at = 0; at < ids.size(); ++at)
        CHECK(ids[at] == static_cast<std::int64_t>(ids.size() - at));
    }
  }
}

TEST_CASE_FIXTURE(stored_pages_fixture,
                  "pages are counted in what transitions wrote, and split none") {
  start("w");
  auto task = take_workflow_task();
  ask_raw(signal_request("w", "while it runs"));
  ask_raw(complete_request(task, {timer_command("a", 60), timer_command("b", 60)}));
  ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  SUBCASE("from memory") {
  }
  SUBCASE("from the store") {
    restart_node();
  }
  using page = std::vector<std::int64_t>;
  // The start; a task's start; its end with commands, the signal and the next task; and so on.
  const std::vector<page> batches{{1, 2}, {3}, {4, 5, 6, 7, 8}, {9}, {10, 11}};
  for (std::size_t size : {1, 2, 3, 5, 9}) {
    CAPTURE(size);
    std::vector<page> forward;
    std::vector<page> backward;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (i % size == 0) {
        forward.emplace_back();
        backward.emplace_back();
      }
      const auto& back = batches[batches.size() - 1 - i];
      forward.back().insert(forward.back().end(), batches[i].begin(), batches[i].end());
      backward.back().insert(backward.back().end(), back.rbegin(), back.rend());
    }
    CHECK(pages<history_response>(history_request("w"), size) == forward);
    auto reverse = request("w");
    reverse.mutable_get_history()->mutable_reverse();
    CHECK(pages<reverse_response>(reverse, size) == backward);
  }
}

TEST_CASE_FIXTURE(pages_fixture,
                  "the events of a task that left no trace are a batch of their own") {
  start("w");
  ask_raw(fail_request(take_workflow_task()));
  ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  using page = std::vector<std::int64_t>;
  CHECK(pages<history_response>(history_request("w"), 1)
        == std::vector<page>{{1, 2}, {3}, {4}, {5, 6}, {7, 8}});
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
