// Resets on a whole node: what is read and copied before they are decided, what comes in between,
// stores that fail, servers that end at any point.
#include "tests/support/actor_fixture.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::testing;

namespace {

using enum enums::EventType;

struct reset_fixture : actor_fixture {
  using actor_fixture::actor_fixture;

  /// One row a step: as much as possible comes in between.
  reset_fixture() : actor_fixture({.capacity = {.run = {.gather_bytes_max = 1}}}) {
  }

  cluster::ExecutionRequest reset_request(const std::string& id, std::int64_t event_id,
                                          const std::string& run_id = {}) {
    auto r = request(id);
    r.set_run_id(run_id);
    auto& call = *r.mutable_reset();
    call.mutable_workflow_execution()->set_workflow_id(id);
    call.mutable_workflow_execution()->set_run_id(run_id);
    call.set_workflow_task_finish_event_id(event_id);
    call.set_request_id("reset-" + std::to_string(event_id));
    call.set_reason("again");
    return r;
  }

  std::string reset(const std::string& id, std::int64_t event_id, const std::string& run_id = {}) {
    return ask<service::ResetWorkflowExecutionResponse>(reset_request(id, event_id, run_id))
      .run_id();
  }

  void signal(const std::string& id, const std::string& name) {
    ask<service::SignalWorkflowExecutionResponse>(signal_request(id, name));
  }

  /// A run whose first task is done and that got so many signals: its first legal points are 3, 4.
  std::string begin(const std::string& id, int signals = 1) {
    auto run_id = start(id);
    complete(take_workflow_task(), {timer_command("t", 600)});
    for (int i = 0; i < signals; ++i)
      signal(id, "s" + std::to_string(i));
    return run_id;
  }

  service::DescribeWorkflowExecutionResponse describe(const std::string& id,
                                                      const std::string& run_id = {}) {
    auto r = request(id);
    r.set_run_id(run_id);
    r.mutable_describe();
    return ask<service::DescribeWorkflowExecutionResponse>(r);
  }

  std::vector<int> history_of(const std::string& id, const std::string& run_id) {
    auto r = history_request(id);
    r.set_run_id(run_id);
    r.mutable_get_history()->mutable_forward()->mutable_execution()->set_run_id(run_id);
    return event_types(ask<service::GetWorkflowExecutionHistoryResponse>(r).history());
  }

  /// Takes tasks until one is of this run; those of the run that was are obsolete.
  service::PollWorkflowTaskQueueResponse take_task_of(const std::string& run_id) {
    std::erase_if(seen.offers, [&](const auto& task) { return task.run_id() != run_id; });
    return take_workflow_task();
  }

  std::size_t runs_listed() {
    return *below().count(ns, machine_kind::workflow, {});
  }

  bool has_copies() {
    return *below().sweep_copies(time.now() + 24h, 1'000'000) > 0;
  }
};

} // namespace

TEST_CASE_FIXTURE(reset_fixture, "a reset run is loaded again as it was left, and goes on") {
  auto old = begin("w", 2);
  auto made = reset("w", 4);
  auto expected = std::vector<int>{
    EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,  EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EVENT_TYPE_WORKFLOW_TASK_STARTED,       EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EVENT_TYPE_WORKFLOW_TASK_SCHEDULED};
  CHECK(history("w") == expected);
  CHECK_FALSE(has_copies());
  restart_node();
  CHECK(history("w") == expected);
  CHECK(history_of("w", old).back() == EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED);
  CHECK(describe("w").workflow_execution_info().execution().run_id() == made);
  CHECK(describe("w", old).workflow_extended_info().reset_run_id() == made);
  advance(1s);
  auto task = take_task_of(made);
  CHECK(task.history().events_size() == 8);
  complete(task, {complete_command()});
  CHECK(describe("w").workflow_execution_info().status()
        == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED);
}

TEST_CASE("a state that is too large for a snapshot is folded anew") {
  reset_fixture f{cluster::node_options{.capacity = {.run = {.snapshot_bytes_max = 0}}}};
  f.begin("w", 3);
  auto made = f.reset("w", 4);
  auto before = f.history("w");
  f.restart_node();
  CHECK(f.history("w") == before);
  CHECK(f.describe("w").workflow_execution_info().execution().run_id() == made);
}

TEST_CASE_FIXTURE(reset_fixture,
                  "what comes while the history is read is told to the new run, too") {
  begin("w", 3);
  int sent = 0;
  decide_fault = [&](store::operation op) {
    if (op != store::operation::commit && sent < 5)
      send(signal_request("w", "between-" + std::to_string(sent++)));
    return store::fault{};
  };
  reset("w", 4);
  REQUIRE(sent == 5);
  auto all = history("w");
  CHECK(std::ranges::count(all, EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 8);
  CHECK(describe("w").workflow_execution_info().status()
        == enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
}

TEST_CASE_FIXTURE(reset_fixture, "runs that are in memory no more are reset all the same") {
  auto first = begin("w");
  auto second = reset("w", 4);
  auto third = reset("w", 4, second);
  auto fourth = reset("w", 4, third);
  auto fifth = reset("w", 4, first);
  CHECK(describe("w").workflow_execution_info().execution().run_id() == fifth);
  for (const auto& run_id : {first, second, third, fourth})
    CHECK(describe("w", run_id).workflow_execution_info().status()
          == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  CHECK(runs_listed() == 5);
}

TEST_CASE_FIXTURE(reset_fixture, "the start's request id is answered with the current run") {
  auto old = begin("w");
  auto r = reset_request("w", 4);
  r.mutable_reset()->set_request_id("start-w");
  CHECK(ask<service::ResetWorkflowExecutionResponse>(r).run_id() == old);
  auto made = reset("w", 4);
  CHECK(reset("w", 4, old) != made);
}

TEST_CASE_FIXTURE(reset_fixture, "a workflow task's start that left early ends with the run") {
  start("w");
  auto task = take_workflow_task();
  auto made = reset("w", 3);
  CHECK(ask_raw(complete_request(task, {})).status().message() == "Workflow task not found.");
  CHECK(history_of("w", made).size() == 5);
}

TEST_CASE_FIXTURE(reset_fixture,
                  "a store that fails leaves the run as it was, and the caller may ask again") {
  auto old = begin("w", 2);
  auto op_to_fail = store::operation::read;
  auto how = store::fault::kind::before;
  SUBCASE("a read") {
  }
  SUBCASE("a copy that did not happen") {
    op_to_fail = store::operation::write;
  }
  SUBCASE("a copy that happened") {
    op_to_fail = store::operation::write;
    how = store::fault::kind::after;
  }
  int seen_ops = 0;
  decide_fault = [&](store::operation op) {
    // The first write is the sweep, whose failure is nobody's.
    auto is_copy = op == op_to_fail && (op != store::operation::write || seen_ops++ > 0);
    return store::fault{.what = is_copy ? how : store::fault::kind::none};
  };
  auto r = ask_raw(reset_request("w", 4));
  CHECK(r.status().code() == static_cast<int>(errc::unavailable));
  decide_fault = {};
  CHECK(describe("w").workflow_execution_info().execution().run_id() == old);
  CHECK(runs_listed() == 1);
  auto made = reset("w", 4);
  CHECK(describe("w").workflow_execution_info().execution().run_id() == made);
  // What was given up is swept by a reset that comes much later.
  advance(2h);
  reset("w", 4);
  CHECK_FALSE(has_copies());
}

TEST_CASE_FIXTURE(reset_fixture, "a reset whose commit has an unknown outcome is done once") {
  auto how = store::fault::kind::after;
  SUBCASE("it landed") {
  }
  SUBCASE("it did not") {
    how = store::fault::kind::before;
  }
  auto old = begin("w");
  bool failed = false;
  decide_fault = [&](store::operation op) {
    auto now = op == store::operation::commit && !std::exchange(failed, true);
    return store::fault{.what = now ? how : store::fault::kind::none};
  };
  auto id = send(reset_request("w", 4));
  run();
  advance(1s);
  decide_fault = {};
  REQUIRE(failed);
  // Whoever asked is told that nobody knows, and may look.
  CHECK(code(id) == static_cast<int>(errc::unavailable));
  auto landed = how == store::fault::kind::after;
  auto now = describe("w").workflow_execution_info();
  CHECK((now.execution().run_id() != old) == landed);
  CHECK(now.status() == enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
  CHECK(describe("w", old).workflow_extended_info().reset_run_id().empty() == !landed);
  CHECK(runs_listed() == (landed ? 2 : 1));
}

TEST_CASE("a server that ends at any point of a reset leaves it done or not begun") {
  constexpr int more_than_it_takes = 40;
  auto done = 0;
  for (int crash_at = 0; crash_at < more_than_it_takes; ++crash_at)
    for (auto happened : {false, true}) {
      CAPTURE(crash_at);
      CAPTURE(happened);
      reset_fixture f;
      auto old = f.begin("w", 2);
      int ops = 0;
      // From this operation on the store answers nobody: as if the server had ended.
      f.decide_fault = [&](store::operation) {
        auto n = ops++;
        if (n < crash_at)
          return store::fault{};
        return store::fault{.what = n == crash_at && happened ? store::fault::kind::after
                                                              : store::fault::kind::before};
      };
      auto id = f.send(f.reset_request("w", 4));
      f.run();
      auto told = f.answered(id) && f.code(id) == 0;
      f.decide_fault = {};
      f.restart_node();
      auto now = f.describe("w").workflow_execution_info();
      CHECK(now.status() == enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
      auto is_reset = now.execution().run_id() != old;
      CHECK((is_reset || !told));
      CHECK(f.runs_listed() == (is_reset ? 2 : 1));
      done += is_reset ? 1 : 0;
      // What the store did not answer is tried again a moment later.
      f.advance(11s);
      auto made = f.reset("w", 4, old);
      CHECK(f.history_of("w", made).size() == 7);
      f.advance(2h);
      f.reset("w", 4, old);
      CHECK_FALSE(f.has_copies());
    }
  CHECK(done > 0);
  CHECK(done < 2 * more_than_it_takes);
}

TEST_CASE_FIXTURE(reset_fixture, "what a reset copied in vain is swept, also when a server ended") {
  begin("w", 2);
  auto ended = false;
  SUBCASE("it was refused, since what it asked for besides is wrong") {
    auto r = reset_request("w", 4);
    auto& operation = *r.mutable_reset()->add_post_reset_operations();
    operation.mutable_update_workflow_options()->mutable_update_mask()->add_paths(
      "versioning_override.behavior.x");
    CHECK(ask_raw(r).status().code() == static_cast<int>(errc::invalid_argument));
  }
  SUBCASE("it was not written at the end, and the server ended") {
    decide_fault = [](store::operation op) {
      auto fails = op == store::operation::commit;
      return store::fault{.what = fails ? store::fault::kind::before : store::fault::kind::none};
    };
    CHECK(ask_raw(reset_request("w", 4)).status().code() == static_cast<int>(errc::unavailable));
    decide_fault = {};
    ended = true;
    advance(1s);
    restart_node();
  }
  CAPTURE(ended);
  for (int i = 0; i < 4; ++i)
    advance(1h);
  CHECK_FALSE(has_copies());
  CHECK(runs_listed() == 1);
}

TEST_CASE_FIXTURE(reset_fixture,
                  "an answer finds the run in which its message waits, whatever follows it") {
  start("w");
  auto other = store::slot_of(ns, machine_kind::workflow, "other");
  start("other");
  caf::anon_send(node->shared().slots[other].get(), epoch_atom_v, std::uint64_t{0});
  run();
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_signal_external_workflow_execution_command_attributes();
  a.mutable_execution()->set_workflow_id("other");
  a.set_signal_name("s");
  std::erase_if(seen.offers, [](const auto& task) { return task.workflow_id() != "w"; });
  complete(take_workflow_task(), {c});
  signal("w", "go on");
  complete(take_workflow_task(), {});
  auto made = reset("w", 9);
  advance(2s);
  api::command::v1::Command next;
  next.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  next.mutable_continue_as_new_workflow_execution_command_attributes();
  complete(take_task_of(made), {next});
  SUBCASE("at once") {
  }
  SUBCASE("when the server has ended meanwhile") {
    restart_node();
  }
  caf::anon_send(node->shared().slots[other].get(), epoch_atom_v, std::uint64_t{first_epoch + 1});
  run();
  for (int i = 0; i < 70; ++i)
    advance(1s);
  CHECK(std::ranges::count(history("other"), EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 1);
  CHECK(node->shared().messages.messages == 0);
  auto unforgotten = *below().unforgotten(store::range_of(other), time_point::max(), {}, 1000);
  CHECK(unforgotten.empty());
  restart_node();
  advance(1s);
  CHECK(node->shared().messages.messages == 0);
}
