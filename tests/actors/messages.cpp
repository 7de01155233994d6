// Messages between durable actors: sent, taken once, answered and forgotten, whatever is lost.

#include "tests/support/actor_fixture.hpp"

#include <algorithm>

namespace reprise::testing {

namespace {

api::command::v1::Command signal_command(const std::string& to, const std::string& name = "s") {
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_signal_external_workflow_execution_command_attributes();
  a.mutable_execution()->set_workflow_id(to);
  a.set_signal_name(name);
  return c;
}

api::command::v1::Command child_command(enums::ParentClosePolicy policy) {
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  a.set_workflow_id("child");
  a.mutable_workflow_type()->set_name("type");
  a.set_parent_close_policy(policy);
  return c;
}

class messages_fixture : public actor_fixture {
public:
  using actor_fixture::actor_fixture;

  /// Starts both; the sender's first task asks for these, what comes of it is the test's to run.
  std::uint64_t send_from(const std::string& id,
                          const std::vector<api::command::v1::Command>& commands) {
    start(id);
    auto call = send(complete_request(take_task_of(id), commands));
    return call;
  }

  service::PollWorkflowTaskQueueResponse take_task_of(const std::string& id) {
    auto mine = std::ranges::find_if(seen.offers,
                                     [&](const auto& t) { return t.workflow_id() == id; });
    REQUIRE(mine != seen.offers.end());
    auto task = *mine;
    seen.offers.erase(mine);
    seen.offers.push_front(std::move(task));
    return take_workflow_task();
  }

  int count(const std::string& id, enums::EventType type) {
    return static_cast<int>(std::ranges::count(history(id), static_cast<int>(type)));
  }

  int times_signalled(const std::string& id) {
    return count(id, enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED);
  }

  int times_done(const std::string& id) {
    return count(id, enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED);
  }

  store::slot_id slot_of(const std::string& id) const {
    return store::slot_of(ns, machine_kind::workflow, id);
  }

  /// Messages that an id took and nobody forgot.
  std::size_t unforgotten(const std::string& id) {
    auto rows = below().unforgotten(store::range_of(slot_of(id)), time_point::max(), {}, 1000);
    REQUIRE(rows);
    return rows->size();
  }

  /// Runs that somebody has to look after: work or messages were not delivered.
  std::size_t undelivered(const std::string& id) {
    auto rows = below().pending_offers({}, 0, 1000);
    REQUIRE(rows);
    return static_cast<std::size_t>(
      std::ranges::count_if(*rows, [&](const auto& r) { return r.workflow_id == id; }));
  }

  /// Everything about one signal from "sender" to "other" is over, and it was told once.
  void check_over() {
    CHECK(times_signalled("other") == 1);
    CHECK(times_done("sender") == 1);
    CHECK(unforgotten("other") == 0);
    CHECK(node->shared().messages.messages == 0);
    CHECK(node->shared().messages.bytes == 0);
  }

  auto& watch() {
    return node->shared().watch;
  }
};

} // namespace

TEST_CASE("a signal reaches another workflow in a moment, and everything about it is forgotten") {
  messages_fixture f;
  f.start("other");
  auto call = f.send_from("sender", {signal_command("other")});
  f.run();
  CHECK(f.code(call) == 0);
  CHECK(f.times_signalled("other") == 1);
  CHECK(f.times_done("sender") == 1);
  CHECK(f.watch().messages_sent.value() == 1);
  CHECK(f.watch().messages_taken.value() == 1);
  f.advance(1s);
  f.check_over();
  CHECK(f.watch().messages_sent_again.value() == 0);
  SUBCASE("an hour later nothing of it is left") {
    f.advance(60s);
    f.advance(2h);
    f.advance(1h);
    CHECK(f.watch().messages_erased.value() == 1);
  }
}

TEST_CASE("what fails in the store at any commit of an exchange is done again, once") {
  using fault = store::fault::kind;
  // The sender's, the receiver's, the answer's, and what is forgotten.
  for (auto nth : {1, 2, 3, 4})
    for (auto what : {fault::before, fault::after, fault::late}) {
      INFO("commit " << nth << ", fault " << static_cast<int>(what));
      messages_fixture f;
      f.start("other");
      f.start("sender");
      auto task = f.take_task_of("sender");
      auto commits = 0;
      f.decide_fault = [&](store::operation o) -> store::fault {
        if (o != store::operation::commit || ++commits != nth)
          return {};
        return {.what = what, .late_calls = 2};
      };
      f.send(f.complete_request(task, {signal_command("other")}));
      f.run();
      for (int i = 0; i < 70; ++i)
        f.advance(1s);
      for (int i = 0; i < 3; ++i)
        f.advance(1h);
      f.advance(2s);
      // A completion that was refused is its worker's to repeat.
      auto is_asked = f.count("sender",
                              enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED);
      CHECK((is_asked == 1 || nth == 1));
      CHECK(f.times_signalled("other") == is_asked);
      CHECK(f.times_done("sender") == is_asked);
      CHECK(f.unforgotten("other") == 0);
      CHECK(f.node->shared().messages.messages == 0);
    }
}

TEST_CASE("a server that is killed at any moment of an exchange leaves one effect") {
  for (int jobs = 0; jobs < 60; ++jobs) {
    INFO("killed after " << jobs << " jobs");
    messages_fixture f;
    f.start("other");
    f.start("sender");
    auto task = f.take_task_of("sender");
    f.send(f.complete_request(task, {signal_command("other")}));
    for (int i = 0; i < jobs && f.scheduler.has_job(); ++i)
      f.scheduler.run_once();
    f.restart_node();
    for (int i = 0; i < 70; ++i)
      f.advance(1s);
    auto initiated = f.count("sender",
                             enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED);
    CHECK(f.times_signalled("other") == initiated);
    CHECK(f.times_done("sender") == initiated);
    // What was to be forgotten when the server died is asked for later.
    for (int i = 0; i < 3; ++i)
      f.advance(1h);
    f.advance(2s);
    CHECK(f.unforgotten("other") == 0);
    CHECK(f.node->shared().messages.messages == 0);
  }
}

TEST_CASE("messages to one workflow come in the order in which they were sent") {
  messages_fixture f;
  f.start("other");
  std::vector<api::command::v1::Command> commands;
  std::vector<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    sent.push_back("s" + std::to_string(i));
    commands.push_back(signal_command("other", sent.back()));
  }
  f.send_from("sender", commands);
  f.run();
  auto history
    = f.ask<service::GetWorkflowExecutionHistoryResponse>(f.history_request("other")).history();
  std::vector<std::string> got;
  for (const auto& e : history.events())
    if (e.has_workflow_execution_signaled_event_attributes())
      got.push_back(e.workflow_execution_signaled_event_attributes().signal_name());
  CHECK(got == sent);
  CHECK(f.times_done("sender") == 20);
  f.advance(1s);
  CHECK(f.unforgotten("other") == 0);
}

TEST_CASE("a message that nobody hears is sent again, and taken once") {
  messages_fixture f;
  f.start("other");
  auto other = f.slot_of("other");
  // The slot of the receiver is not served for a while.
  caf::anon_send(f.node->shared().slots[other].get(), epoch_atom_v, std::uint64_t{0});
  f.run();
  f.send_from("sender", {signal_command("other")});
  f.run();
  f.advance(1s);
  f.advance(2s);
  CHECK(f.watch().messages_sent_again.value() == 2);
  CHECK(f.times_done("sender") == 0);
  CHECK(f.undelivered("sender") == 1);
  caf::anon_send(f.node->shared().slots[other].get(), epoch_atom_v,
                 std::uint64_t{actor_fixture::first_epoch});
  f.run();
  f.advance(4s);
  f.advance(1s);
  f.check_over();
}

TEST_CASE("a message that makes its receiver fail is parked, listed, and taken when that is over") {
  messages_fixture f;
  f.start("other");
  auto fails = true;
  f.node->shared().before_decision = [&](const cluster::ExecutionRequest& r) {
    if (fails && r.has_deliver())
      throw std::runtime_error{"poison"};
  };
  f.send_from("sender", {signal_command("other")});
  f.run();
  for (int i = 0; i < 200; ++i)
    f.advance(1s);
  auto listed = f.node->shared().parked.find(f.ns, machine_kind::workflow, "other");
  REQUIRE(listed);
  CHECK(listed->why.find("of workflow sender") != std::string::npos);
  CHECK(f.watch().messages_parked.value() == 1);
  fails = false;
  for (int i = 0; i < 130; ++i)
    f.advance(1s);
  CHECK(f.times_signalled("other") == 0);
  auto unpark = f.request("other");
  unpark.mutable_unpark();
  CHECK(f.ask_raw(unpark).status().code() == 0);
  CHECK_FALSE(f.node->shared().parked.find(f.ns, machine_kind::workflow, "other"));
  CHECK(f.watch().messages_parked.value() == 0);
  for (int i = 0; i < 70; ++i)
    f.advance(1s);
  f.check_over();
}

TEST_CASE("a run that has no room for its messages is asked for them later") {
  cluster::node_options options;
  SUBCASE("no bytes") {
    options.capacity.messages.bytes_max = 1;
  }
  SUBCASE("no places") {
    options.capacity.messages.messages_max = 1;
  }
  SUBCASE("one at a time") {
    options.capacity.messages.under_way_max = 1;
  }
  messages_fixture f{options};
  std::vector<api::command::v1::Command> commands;
  for (int i = 0; i < 8; ++i) {
    f.start("other-" + std::to_string(i));
    commands.push_back(signal_command("other-" + std::to_string(i)));
  }
  f.send_from("sender", commands);
  f.run();
  for (int i = 0; i < 120; ++i)
    f.advance(1s);
  for (int i = 0; i < 8; ++i)
    CHECK(f.times_signalled("other-" + std::to_string(i)) == 1);
  CHECK(f.times_done("sender") == 8);
  CHECK(f.node->shared().messages.messages == 0);
}

TEST_CASE("a run that is deleted while it waits for an answer is gone when that is here") {
  messages_fixture f;
  f.start("other");
  auto other = f.slot_of("other");
  caf::anon_send(f.node->shared().slots[other].get(), epoch_atom_v, std::uint64_t{0});
  f.run();
  f.send_from("sender", {signal_command("other")});
  f.run();
  auto remove = f.request("sender");
  remove.mutable_delete_execution();
  CHECK(f.ask_raw(remove).status().code() == 0);
  CHECK(*f.below().current_run(f.ns, machine_kind::workflow, "sender"));
  caf::anon_send(f.node->shared().slots[other].get(), epoch_atom_v,
                 std::uint64_t{actor_fixture::first_epoch});
  f.run();
  for (int i = 0; i < 10; ++i)
    f.advance(1s);
  CHECK(f.times_signalled("other") == 1);
  CHECK_FALSE(*f.below().current_run(f.ns, machine_kind::workflow, "sender"));
  CHECK(f.unforgotten("other") == 0);
}

TEST_CASE(
  "the start of a child that nobody wants any more is withdrawn, whenever its parent closes") {
  for (auto policy : {enums::PARENT_CLOSE_POLICY_TERMINATE, enums::PARENT_CLOSE_POLICY_ABANDON})
    for (auto is_killed : {false, true})
      for (int jobs = 0; jobs < 40; ++jobs) {
        INFO("policy " << policy << ", closed after " << jobs << " jobs"
                       << (is_killed ? ", and killed" : ""));
        messages_fixture f;
        f.start("parent");
        auto task = f.take_task_of("parent");
        f.ask<service::RespondWorkflowTaskCompletedResponse>(f.complete_request(task, {}));
        f.ask<service::SignalWorkflowExecutionResponse>(f.signal_request("parent", "go on"));
        f.send(f.complete_request(f.take_task_of("parent"), {child_command(policy)}));
        for (int i = 0; i < jobs && f.scheduler.has_job(); ++i)
          f.scheduler.run_once();
        auto terminate = f.request("parent");
        terminate.mutable_terminate();
        f.send(terminate);
        for (int i = 0; i < jobs && f.scheduler.has_job(); ++i)
          f.scheduler.run_once();
        if (is_killed)
          f.restart_node();
        f.run();
        for (int i = 0; i < 70; ++i)
          f.advance(1s);
        auto closed = f.count("parent", enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED) == 1;
        auto asked = f.count("parent", enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED);
        auto began = f.below().current_run(f.ns, machine_kind::workflow, "child")->has_value();
        auto ended = began
                     && f.count("child", enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED) == 1;
        if (policy == enums::PARENT_CLOSE_POLICY_ABANDON)
          CHECK(began == (asked == 1));
        else if (closed)
          CHECK(began == ended);
        for (int i = 0; i < 3; ++i)
          f.advance(1h);
        f.advance(2s);
        CHECK(f.unforgotten("child") == 0);
        CHECK(f.node->shared().messages.messages == 0);
      }
}

TEST_CASE("a child that was never heard of does not begin when its parent has closed") {
  messages_fixture f;
  auto child = f.slot_of("child");
  caf::anon_send(f.node->shared().slots[child].get(), epoch_atom_v, std::uint64_t{0});
  f.run();
  f.send_from("parent", {child_command(enums::PARENT_CLOSE_POLICY_TERMINATE)});
  f.run();
  auto terminate = f.request("parent");
  terminate.mutable_terminate();
  CHECK(f.ask_raw(terminate).status().code() == 0);
  CHECK(f.undelivered("parent") == 1);
  caf::anon_send(f.node->shared().slots[child].get(), epoch_atom_v,
                 std::uint64_t{actor_fixture::first_epoch});
  f.run();
  for (int i = 0; i < 10; ++i)
    f.advance(1s);
  CHECK_FALSE(*f.below().current_run(f.ns, machine_kind::workflow, "child"));
  CHECK(f.undelivered("parent") == 0);
  CHECK(f.unforgotten("child") == 0);
  CHECK(f.node->shared().messages.messages == 0);
}

} // namespace reprise::testing
