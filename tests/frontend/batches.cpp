// Batch operations over the whole of a server: who is acted on, how often, and how fast.
#include "tests/support/server_fixture.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct batch_fixture : server_fixture {
  using server_fixture::server_fixture;

  static ws::StartBatchOperationRequest job(const std::string& id, const std::string& query = {}) {
    ws::StartBatchOperationRequest r;
    r.set_namespace_("default");
    r.set_job_id(id);
    r.set_reason("cleaning up");
    r.set_visibility_query(query);
    return r;
  }

  static ws::StartBatchOperationRequest terminate(const std::string& id,
                                                  const std::string& query = {}) {
    auto r = job(id, query);
    r.mutable_termination_operation()->set_identity("me");
    return r;
  }

  static ws::StartBatchOperationRequest signal(const std::string& id,
                                               const std::string& query = {}) {
    auto r = job(id, query);
    r.mutable_signal_operation()->set_signal("s");
    r.mutable_signal_operation()->set_identity("me");
    return r;
  }

  /// Time passes as for a server that is awake all the while.
  void pass(duration d) {
    for (duration passed{}; passed < d; passed += 50ms)
      advance(50ms);
  }

  void start_batch(const ws::StartBatchOperationRequest& r) {
    ok<ws::StartBatchOperationResponse>(r);
  }

  ws::DescribeBatchOperationResponse describe(const std::string& id) {
    ws::DescribeBatchOperationRequest r;
    r.set_namespace_("default");
    r.set_job_id(id);
    return ok<ws::DescribeBatchOperationResponse>(r);
  }

  /// Lets time pass until it is over.
  ws::DescribeBatchOperationResponse end_of(const std::string& id, duration patience = 120s) {
    for (duration waited{}; waited < patience; waited += 100ms) {
      if (auto described = describe(id); described.state() != enums::BATCH_OPERATION_STATE_RUNNING)
        return described;
      advance(100ms);
    }
    FAIL("the batch " << id << " does not end");
    return {};
  }

  ws::StopBatchOperationRequest stop(const std::string& id) {
    ws::StopBatchOperationRequest r;
    r.set_namespace_("default");
    r.set_job_id(id);
    r.set_reason("enough");
    return r;
  }

  std::vector<api::history::v1::HistoryEvent> events(const std::string& id,
                                                     const std::string& run_id = {}) {
    auto r = history_request(id);
    r.mutable_execution()->set_run_id(run_id);
    auto response = ok<ws::GetWorkflowExecutionHistoryResponse>(r);
    return {response.history().events().begin(), response.history().events().end()};
  }

  std::int64_t signals_of(const std::string& id, const std::string& run_id = {}) {
    auto all = events(id, run_id);
    return std::ranges::count_if(all, [](const auto& e) {
      return e.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED;
    });
  }

  ws::ListBatchOperationsResponse list(int page_size = 0, const std::string& token = {}) {
    ws::ListBatchOperationsRequest r;
    r.set_namespace_("default");
    r.set_page_size(page_size);
    r.set_next_page_token(token);
    return ok<ws::ListBatchOperationsResponse>(r);
  }
};

constexpr const char* running = "WorkflowType = 'type' AND ExecutionStatus = 'Running'";

void name_run(ws::StartBatchOperationRequest& r, const std::string& id,
              const std::string& run_id = {}) {
  auto& named = *r.add_executions();
  named.set_workflow_id(id);
  named.set_run_id(run_id);
}

} // namespace

TEST_CASE_FIXTURE(batch_fixture, "a batch by query ends every run that matches, and is told of") {
  for (int i = 0; i < 7; ++i)
    start_workflow("w" + std::to_string(i));
  auto other = start_request("other");
  other.mutable_workflow_type()->set_name("another type");
  ok<ws::StartWorkflowExecutionResponse>(other);
  auto r = terminate("job", running);
  r.mutable_termination_operation()->mutable_details()->add_payloads()->set_data("\"d\"");
  start_batch(r);
  auto described = end_of("job");
  CHECK(described.state() == enums::BATCH_OPERATION_STATE_COMPLETED);
  CHECK(described.total_operation_count() == 7);
  CHECK(described.complete_operation_count() == 7);
  CHECK(described.failure_operation_count() == 0);
  CHECK(described.query() == running);
  CHECK(count("ExecutionStatus = 'Terminated'") == 7);
  CHECK(count("ExecutionStatus = 'Running'") == 1);
  auto end = events("w3").back().workflow_execution_terminated_event_attributes();
  CHECK(end.reason() == "cleaning up");
  CHECK(end.identity() == "me");
  CHECK(end.details().payloads(0).data() == "\"d\"");
  // Batches are no workflows.
  CHECK(count() == 8);
  auto listed = list();
  REQUIRE(listed.operation_info_size() == 1);
  CHECK(listed.operation_info(0).job_id() == "job");
  CHECK(listed.operation_info(0).state() == enums::BATCH_OPERATION_STATE_COMPLETED);
  CHECK(listed.operation_info(0).has_close_time());
}

TEST_CASE_FIXTURE(batch_fixture, "a batch of many pages acts on each run once") {
  constexpr int runs = 400;
  for (int i = 0; i < runs; ++i)
    start_workflow("w" + std::to_string(i));
  start_batch(signal("job", "WorkflowType = 'type'"));
  auto described = end_of("job");
  CHECK(described.total_operation_count() == runs);
  CHECK(described.complete_operation_count() == runs);
  for (int i = 0; i < runs; ++i)
    CHECK(signals_of("w" + std::to_string(i)) == 1);
}

TEST_CASE_FIXTURE(batch_fixture, "a batch obeys its rate, and no faster one than the server's") {
  for (int i = 0; i < 60; ++i)
    start_workflow("w" + std::to_string(i));
  auto r = signal("slow", "WorkflowType = 'type'");
  r.set_max_operations_per_second(10);
  start_batch(r);
  pass(1s);
  auto done = describe("slow").complete_operation_count();
  CHECK(done >= 8);
  CHECK(done <= 12);
  CHECK(describe("slow").total_operation_count() == 60);
  auto began = time.now();
  end_of("slow");
  CHECK(time.now() - began >= 4s);
  began = time.now();
  auto fast = signal("fast", "WorkflowType = 'type'");
  fast.set_max_operations_per_second(1e9F);
  start_batch(fast);
  end_of("fast");
  CHECK(time.now() - began < 2s);
}

TEST_CASE_FIXTURE(batch_fixture, "a batch acts on no run that begins after it") {
  for (int i = 0; i < 20; ++i)
    start_workflow("w" + std::to_string(i));
  auto r = terminate("job", running);
  r.set_max_operations_per_second(10);
  start_batch(r);
  advance(500ms);
  start_workflow("later");
  CHECK(end_of("job").complete_operation_count() == 20);
  CHECK(count("ExecutionStatus = 'Running'") == 1);
}

TEST_CASE_FIXTURE(batch_fixture, "named runs: by run, by workflow, absent, over") {
  auto first = start_workflow("a");
  start_workflow("b");
  auto r = signal("job");
  auto& header = *r.mutable_signal_operation()->mutable_header();
  (*header.mutable_fields())["h"].set_data("\"hv\"");
  name_run(r, "a", first);
  name_run(r, "b");
  name_run(r, "absent");
  name_run(r, "a", "not even an id");
  start_batch(r);
  auto described = end_of("job");
  CHECK(described.complete_operation_count() == 3);
  CHECK(described.failure_operation_count() == 1);
  CHECK(described.total_operation_count() == 4);
  REQUIRE(described.executions_size() == 4);
  CHECK(described.executions(1).business_id() == "b");
  CHECK(described.executions(1).run_id().empty());
  CHECK(signals_of("a") == 1);
  auto last = events("b").back().workflow_execution_signaled_event_attributes();
  CHECK(last.signal_name() == "s");
  CHECK(last.header().fields().contains("h"));
  CHECK(is_uuid(last.request_id()));
  auto targets = terminate("targets");
  auto& target = *targets.add_target_executions();
  target.set_type(enums::EXECUTION_TYPE_WORKFLOW);
  target.set_business_id("b");
  start_batch(targets);
  CHECK(end_of("targets").executions(0).business_id() == "b");
  CHECK(count("ExecutionStatus = 'Terminated'") == 1);
}

TEST_CASE_FIXTURE(batch_fixture, "a batch deletes, and asks to cancel") {
  start_workflow("a");
  start_workflow("b");
  auto cancel = job("cancel", running);
  cancel.mutable_cancellation_operation()->set_identity("me");
  start_batch(cancel);
  CHECK(end_of("cancel").complete_operation_count() == 2);
  auto asked = events("a").back();
  CHECK(asked.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED);
  CHECK(asked.workflow_execution_cancel_requested_event_attributes().identity() == "me");
  auto erase = job("delete", "WorkflowType = 'type'");
  erase.mutable_deletion_operation();
  start_batch(erase);
  CHECK(end_of("delete").complete_operation_count() == 2);
  CHECK(count() == 0);
}

TEST_CASE_FIXTURE(batch_fixture, "a batch changes the options of workflows") {
  start_workflow("a");
  auto r = job("job", running);
  auto& o = *r.mutable_update_workflow_options_operation();
  o.set_identity("me");
  o.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(2);
  o.mutable_update_mask()->add_paths("priority");
  start_batch(r);
  CHECK(end_of("job").complete_operation_count() == 1);
  auto changed = events("a").back().workflow_execution_options_updated_event_attributes();
  CHECK(changed.priority().priority_key() == 2);
  CHECK(changed.identity() == "me");
}

TEST_CASE_FIXTURE(batch_fixture, "a batch unpauses, resets and changes activities") {
  start_workflow("a");
  complete_task(take_workflow_task().task_token(), {activity_command("1")});
  ws::PauseActivityRequest pause;
  pause.set_namespace_("default");
  pause.mutable_execution()->set_workflow_id("a");
  pause.set_id("1");
  ok<ws::PauseActivityResponse>(pause);
  auto pending = [&] {
    ws::DescribeWorkflowExecutionRequest d;
    d.set_namespace_("default");
    d.mutable_execution()->set_workflow_id("a");
    return ok<ws::DescribeWorkflowExecutionResponse>(d).pending_activities(0);
  };
  REQUIRE(pending().paused());
  // Of another type there is none that is paused, so no run matches.
  auto none = job("none", running);
  none.mutable_unpause_activities_operation()->set_type("it's another");
  start_batch(none);
  CHECK(end_of("none").total_operation_count() == 0);
  auto unpause = job("unpause", running);
  unpause.mutable_unpause_activities_operation()->set_type("activity");
  start_batch(unpause);
  auto described = end_of("unpause");
  CHECK(described.complete_operation_count() == 1);
  CHECK(described.query() == running);
  CHECK(described.operation_type() == enums::BATCH_OPERATION_TYPE_UNPAUSE_ACTIVITY);
  CHECK_FALSE(pending().paused());
  auto options = job("options", running);
  auto& o = *options.mutable_update_activity_options_operation();
  o.set_match_all(true);
  o.mutable_activity_options()->mutable_start_to_close_timeout()->set_seconds(33);
  o.mutable_update_mask()->add_paths("start_to_close_timeout");
  start_batch(options);
  CHECK(end_of("options").complete_operation_count() == 1);
  CHECK(pending().activity_options().start_to_close_timeout().seconds() == 33);
  auto reset = job("reset", running);
  reset.mutable_reset_activities_operation()->set_match_all(true);
  reset.mutable_reset_activities_operation()->set_restore_original_options(true);
  start_batch(reset);
  CHECK(end_of("reset").complete_operation_count() == 1);
  CHECK(pending().activity_options().start_to_close_timeout().seconds() != 33);
}

namespace {

struct batch_of_resets : batch_fixture {
  using batch_fixture::batch_fixture;

  /// A workflow of two tasks, and a signal behind them; its run.
  std::string worked_on(const std::string& id) {
    auto r = start_request(id);
    r.mutable_task_queue()->set_name(id);
    auto run = ok<ws::StartWorkflowExecutionResponse>(r).run_id();
    complete_task(take_workflow_task(id).task_token(), {timer_command("t", 1000)});
    ok<ws::SignalWorkflowExecutionResponse>(signal_request(id));
    complete_task(take_workflow_task(id).task_token(), {});
    ok<ws::SignalWorkflowExecutionResponse>(signal_request(id));
    return run;
  }

  static ws::StartBatchOperationRequest reset(const std::string& id, const std::string& query) {
    auto r = job(id, query);
    r.mutable_reset_operation()->set_identity("me");
    return r;
  }

  std::int64_t failed_at(const std::string& id) {
    for (const auto& e : events(id))
      if (e.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_FAILED)
        return e.event_id();
    return 0;
  }
};

} // namespace

TEST_CASE_FIXTURE(batch_of_resets,
                  "a batch resets to the first or the last task, or to one event") {
  auto base = worked_on("a");
  auto first = reset("first", running);
  first.mutable_reset_operation()->mutable_options()->mutable_first_workflow_task();
  start_batch(first);
  auto described = end_of("first");
  CHECK(described.complete_operation_count() == 1);
  CHECK(described.operation_type() == enums::BATCH_OPERATION_TYPE_RESET_WORKFLOW);
  CHECK(events("a", base).back().event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED);
  CHECK(failed_at("a") == 4);
  CHECK(count() == 2);
  worked_on("b");
  auto last = reset("last", "WorkflowId = 'b'");
  last.mutable_reset_operation()->mutable_options()->mutable_last_workflow_task();
  start_batch(last);
  CHECK(end_of("last").complete_operation_count() == 1);
  CHECK(failed_at("b") == 9);
  worked_on("c");
  auto older = reset("older", "WorkflowId = 'c'");
  older.mutable_reset_operation()->set_reset_type(enums::RESET_TYPE_FIRST_WORKFLOW_TASK);
  start_batch(older);
  CHECK(end_of("older").complete_operation_count() == 1);
  CHECK(failed_at("c") == 4);
  worked_on("d");
  auto at = reset("at", "WorkflowId = 'd'");
  at.mutable_reset_operation()->mutable_options()->set_workflow_task_id(9);
  start_batch(at);
  CHECK(end_of("at").complete_operation_count() == 1);
  CHECK(failed_at("d") == 9);
}

TEST_CASE_FIXTURE(batch_of_resets, "the runs that a batch of resets makes are not reset by it") {
  for (int i = 0; i < 6; ++i)
    worked_on("w" + std::to_string(i));
  auto r = reset("job", "WorkflowType = 'type'");
  r.mutable_reset_operation()->mutable_options()->mutable_first_workflow_task();
  r.set_max_operations_per_second(5);
  start_batch(r);
  auto described = end_of("job");
  CHECK(described.complete_operation_count() == 6);
  CHECK(described.total_operation_count() == 6);
  CHECK(count() == 12);
}

TEST_CASE_FIXTURE(batch_of_resets, "what cannot be reset fails, and the others do not") {
  worked_on("a");
  auto delayed = start_request("no task");
  delayed.mutable_workflow_start_delay()->set_seconds(3600);
  ok<ws::StartWorkflowExecutionResponse>(delayed);
  auto r = reset("job", running);
  r.mutable_reset_operation()->mutable_options()->mutable_last_workflow_task();
  start_batch(r);
  auto described = end_of("job");
  CHECK(described.state() == enums::BATCH_OPERATION_STATE_COMPLETED);
  CHECK(described.complete_operation_count() == 1);
  CHECK(described.failure_operation_count() == 1);
  auto absent = reset("absent", {});
  absent.mutable_reset_operation()->mutable_options()->mutable_first_workflow_task();
  name_run(absent, "nobody");
  start_batch(absent);
  CHECK(end_of("absent").failure_operation_count() == 1);
}

TEST_CASE_FIXTURE(batch_fixture,
                  "one batch of a namespace at a time; stopped, the next may begin") {
  for (int i = 0; i < 50; ++i)
    start_workflow("w" + std::to_string(i));
  auto r = signal("slow", running);
  r.set_max_operations_per_second(5);
  start_batch(r);
  auto why = refused(errc::resource_exhausted, "Max concurrent batch operations is reached",
                     signal("second", running));
  CHECK(detail_of<api::errordetails::v1::ResourceExhaustedFailure>(why).cause()
        == enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT);
  pass(1s);
  ok<ws::StopBatchOperationResponse>(stop("slow"));
  CHECK(describe("slow").state() == enums::BATCH_OPERATION_STATE_FAILED);
  refused(errc::not_found, "workflow execution already completed", stop("slow"));
  auto done = 0;
  for (int i = 0; i < 50; ++i)
    done += static_cast<int>(signals_of("w" + std::to_string(i)));
  advance(60s);
  auto later = 0;
  for (int i = 0; i < 50; ++i)
    later += static_cast<int>(signals_of("w" + std::to_string(i)));
  CHECK(done >= 4);
  CHECK(later <= done + 1);
  start_batch(signal("second", running));
  CHECK(end_of("second").complete_operation_count() == 50);
}

TEST_CASE_FIXTURE(batch_fixture, "a list of batches has pages") {
  std::set<std::string> wanted;
  for (int i = 0; i < 5; ++i) {
    auto id = "job-" + std::to_string(i);
    start_batch(terminate(id, running));
    end_of(id);
    wanted.insert(id);
    advance(1s);
  }
  std::set<std::string> seen;
  std::string token;
  int pages = 0;
  do {
    auto page = list(2, token);
    for (const auto& info : page.operation_info())
      CHECK(seen.insert(info.job_id()).second);
    token = page.next_page_token();
  } while (!token.empty() && ++pages < 10);
  CHECK(seen == wanted);
}

TEST_CASE_FIXTURE(batch_fixture,
                  "a query that no attribute fits ends the batch, and not the server") {
  start_batch(terminate("job", "Nowhere = 'x'"));
  CHECK(end_of("job").state() == enums::BATCH_OPERATION_STATE_FAILED);
  start_batch(terminate("nothing", "WorkflowType = 'nobody'"));
  auto described = end_of("nothing");
  CHECK(described.state() == enums::BATCH_OPERATION_STATE_COMPLETED);
  CHECK(described.total_operation_count() == 0);
}

TEST_CASE_FIXTURE(batch_fixture,
                  "a server that is killed in the middle goes on, and does nothing twice") {
  for (int i = 0; i < 40; ++i)
    start_workflow("w" + std::to_string(i));
  auto r = signal("job", "WorkflowType = 'type'");
  r.set_max_operations_per_second(20);
  start_batch(r);
  for (int i = 0; i < 4; ++i) {
    advance(310ms);
    restart();
  }
  auto described = end_of("job");
  CHECK(described.complete_operation_count() == 40);
  CHECK(described.total_operation_count() == 40);
  for (int i = 0; i < 40; ++i)
    CHECK(signals_of("w" + std::to_string(i)) == 1);
}

namespace {

/// The server is killed before or after its commit of this number, counted from the batch's start,
/// and started again. False: the batch was over by then.
bool kill_at(batch_fixture& f, int commit, bool before) {
  auto commits = 0;
  auto killed = false;
  f.decide_fault = [&](store::operation what) {
    if (what == store::operation::read)
      return store::fault{};
    auto is_last = ++commits == commit;
    killed = killed || is_last;
    if (!killed)
      return store::fault{};
    auto happens = is_last && !before;
    return store::fault{.what = happens ? store::fault::kind::after : store::fault::kind::before};
  };
  f.advance(1s);
  f.restart();
  f.decide_fault = nullptr;
  f.restart();
  return killed;
}

} // namespace

TEST_CASE("a server that is killed before or after any commit of a batch does nothing twice") {
  for (auto before : {true, false}) {
    for (int commit = 1;; ++commit) {
      CAPTURE(commit);
      CAPTURE(before);
      batch_of_resets f;
      for (int i = 0; i < 3; ++i)
        f.worked_on("w" + std::to_string(i));
      auto of_resets = commit % 2 == 0;
      auto r = of_resets ? f.reset("job", "WorkflowType = 'type'")
                         : f.signal("job", "WorkflowType = 'type'");
      if (of_resets)
        r.mutable_reset_operation()->mutable_options()->mutable_first_workflow_task();
      // What is sent is begun when time passes.
      auto made = f.send_request(r);
      auto in_time = kill_at(f, commit, before);
      auto begun = f.list().operation_info_size() > 0;
      if (!begun)
        f.start_batch(r);
      auto described = f.end_of("job");
      CHECK(described.complete_operation_count() == 3);
      CHECK(described.failure_operation_count() == 0);
      CHECK(f.count() == (of_resets ? 6 : 3));
      if (!of_resets)
        for (int i = 0; i < 3; ++i)
          CHECK(f.signals_of("w" + std::to_string(i)) == 3);
      if (!in_time)
        break;
    }
  }
}

TEST_CASE_FIXTURE(batch_fixture, "while the store fails a batch waits, and goes on when it works") {
  for (int i = 0; i < 10; ++i)
    start_workflow("w" + std::to_string(i));
  auto r = signal("job", "WorkflowType = 'type'");
  r.set_max_operations_per_second(10);
  start_batch(r);
  advance(300ms);
  decide_fault = [](store::operation) { return store::fault{.what = store::fault::kind::before}; };
  advance(5s);
  decide_fault = nullptr;
  auto described = end_of("job", 300s);
  CHECK(described.complete_operation_count() == 10);
  for (int i = 0; i < 10; ++i)
    CHECK(signals_of("w" + std::to_string(i)) == 1);
}

TEST_CASE_FIXTURE(batch_fixture, "runs that cannot be dealt with hold up no others") {
  constexpr int runs = 30;
  // The newest come first in a list.
  for (int i = 0; i < runs; ++i) {
    start_workflow((i < runs / 2 ? "good" : "bad") + std::to_string(i));
    advance(1ms);
  }
  auto are_bad = true;
  server().node().shared().before_decision = [&are_bad](const cluster::ExecutionRequest& r) {
    if (are_bad && r.has_signal() && r.workflow_id().starts_with("bad"))
      throw std::runtime_error{"as the test wants it"};
  };
  auto r = signal("job", "WorkflowType = 'type'");
  SUBCASE("many in a page") {
    r.set_max_operations_per_second(20);
  }
  SUBCASE("one in a page") {
    r.set_max_operations_per_second(2);
  }
  start_batch(r);
  pass(60s);
  CHECK(describe("job").complete_operation_count() == runs / 2);
  CHECK(describe("job").failure_operation_count() == 0);
  are_bad = false;
  auto described = end_of("job", 600s);
  CHECK(described.state() == enums::BATCH_OPERATION_STATE_COMPLETED);
  CHECK(described.complete_operation_count() == runs);
  for (int i = 0; i < runs; ++i)
    CHECK(signals_of((i < runs / 2 ? "good" : "bad") + std::to_string(i)) == 1);
  server().node().shared().before_decision = nullptr;
}

TEST_CASE_FIXTURE(batch_fixture, "a query that is none as a part of one is refused") {
  for (std::string query : {"   ", "WorkflowType = 'a' ORDER BY StartTime", "GROUP BY WorkflowType",
                            "WorkflowType = 'a' LIMIT 1"}) {
    CAPTURE(query);
    auto made = send_request(terminate("job", query));
    run();
    REQUIRE(made.answered());
    REQUIRE_FALSE(made.answer());
    CHECK(made.answer().error().code == errc::invalid_argument);
    CHECK(made.answer().error().message.starts_with("invalid visibility query: "));
  }
}

TEST_CASE_FIXTURE(batch_fixture, "a batch names so many runs, and no more") {
  auto r = terminate("job");
  for (int i = 0; i < 1000; ++i)
    name_run(r, "w" + std::to_string(i));
  start_batch(r);
  CHECK(end_of("job").total_operation_count() == 1000);
  r.set_job_id("more");
  name_run(r, "one more");
  refused(errc::invalid_argument, "Workflow executions count exceeded.", r);
}

TEST_CASE_FIXTURE(batch_fixture, "what is wrong with a batch is told in the API's order") {
  constexpr const char* required
    = "must provide required parameters: BatchType,Reason,Namespace, AND one of (Query OR "
      "Executions OR TargetExecutions)";
  ws::StartBatchOperationRequest r;
  refused(errc::invalid_argument, "Namespace is empty.", r);
  r.set_namespace_("default");
  refused(errc::invalid_argument, required, r);
  r.mutable_signal_operation();
  refused(errc::invalid_argument, required, r);
  r.set_reason("r");
  refused(errc::invalid_argument, required, r);
  r.set_visibility_query("WorkflowType = = 'x'");
  refused(errc::invalid_argument, "JobId is not set on request.", r);
  r.set_job_id("j");
  name_run(r, "w");
  refused(errc::invalid_argument,
          "visibility query, executions, and target executions are mutually exclusive", r);
  r.clear_executions();
  refused(errc::invalid_argument, "must provide signal name", r);
  r.mutable_signal_operation()->set_signal("s");
  auto why = refusal(r);
  CHECK(why.code == errc::invalid_argument);
  CHECK(why.message.starts_with("invalid visibility query: syntax error"));
  r.clear_visibility_query();
  r.add_target_executions()->set_type(enums::EXECUTION_TYPE_ACTIVITY);
  refused(errc::invalid_argument,
          "target_executions[0] has type Activity, but operation "
          "*workflowservice.StartBatchOperationRequest_SignalOperation requires Workflow",
          r);
}

TEST_CASE_FIXTURE(batch_fixture, "what is wrong with an operation is told") {
  auto wrong = [&](const std::string& text,
                   const std::function<void(ws::StartBatchOperationRequest&)>& make) {
    auto r = job("j", running);
    make(r);
    refused(errc::invalid_argument, text, r);
  };
  constexpr const char* one_of
    = "Either activity type must be set, or match all should be set to true";
  wrong("unknown batch reset type Unspecified", [](auto& r) { r.mutable_reset_operation(); });
  wrong("unknown batch reset type 7", [](auto& r) {
    r.mutable_reset_operation()->set_reset_type(static_cast<enums::ResetType>(7));
  });
  wrong("batch reset missing target", [](auto& r) {
    r.mutable_reset_operation()->mutable_options()->set_current_run_only(true);
  });
  wrong("must provide UpdateOptions",
        [](auto& r) { r.mutable_update_workflow_options_operation(); });
  wrong("must provide UpdateMask", [](auto& r) {
    r.mutable_update_workflow_options_operation()->mutable_workflow_execution_options();
  });
  wrong("activity filter must be set", [](auto& r) { r.mutable_unpause_activities_operation(); });
  wrong(one_of, [](auto& r) { r.mutable_unpause_activities_operation()->set_type(""); });
  wrong(one_of, [](auto& r) { r.mutable_unpause_activities_operation()->set_match_all(false); });
  wrong("must provide ActivityType or MatchAll",
        [](auto& r) { r.mutable_reset_activities_operation(); });
  wrong(one_of, [](auto& r) { r.mutable_reset_activities_operation()->set_match_all(false); });
  wrong("Either activity type must be set, or restore original should be set to true",
        [](auto& r) { r.mutable_update_activity_options_operation()->set_match_all(true); });
  wrong("cannot set both activity options and restore original", [](auto& r) {
    r.mutable_update_activity_options_operation()->mutable_activity_options();
    r.mutable_update_activity_options_operation()->set_restore_original(true);
  });
  wrong(
    "The operation type *workflowservice.StartBatchOperationRequest_TerminateActivitiesOperation "
    "is not supported for this namespace",
    [](auto& r) { r.mutable_terminate_activities_operation(); });
  ws::StopBatchOperationRequest s;
  s.set_namespace_("default");
  refused(errc::invalid_argument, "JobId is not set on request.", s);
  s.set_job_id("j");
  refused(errc::invalid_argument, "Reason is not set on request.", s);
  s.set_reason("r");
  refused(errc::not_found, "workflow not found for ID: j", s);
  ws::DescribeBatchOperationRequest d;
  d.set_namespace_("default");
  refused(errc::invalid_argument, "JobId is not set on request.", d);
  d.set_job_id("j");
  refused(errc::not_found, "workflow not found for ID: j", d);
}
