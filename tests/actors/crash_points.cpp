// Servers that are killed after any job, and stores that fail at any commit, of a chain's next run
// and of an update: one effect, and nothing left to do. Messages, resets and batches have such
// tests beside their own.
#include "temporal/api/update/v1/message.pb.h"
#include "tests/support/actor_fixture.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::testing;
namespace update = temporal::api::update::v1;

namespace {

using fault = store::fault::kind;

api::command::v1::Command continue_as_new() {
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_continue_as_new_workflow_execution_command_attributes();
  a.mutable_workflow_type()->set_name("type");
  a.mutable_task_queue()->set_name("queue");
  return c;
}

struct crash_fixture : actor_fixture {
  /// There was such a commit.
  bool has_failed = false;

  /// The sender of a call hears nothing; the server dies after so many jobs. False: there were
  /// fewer.
  bool kill_after(int jobs) {
    auto done = 0;
    for (; done < jobs && scheduler.has_job(); ++done)
      scheduler.run_once();
    auto was_in_time = scheduler.has_job();
    restart_node();
    return was_in_time;
  }

  /// The commit of this number from now on fails like this.
  void fail_commit(int nth, fault how) {
    decide_fault = [this, nth, how, commits = 0](store::operation o) mutable -> store::fault {
      if (o != store::operation::commit || ++commits != nth)
        return {};
      has_failed = true;
      return {.what = how, .late_calls = 2};
    };
  }

  /// Until everybody who was told to come later has.
  void settle() {
    for (int i = 0; i < 20; ++i)
      advance(1s);
    decide_fault = {};
    for (int i = 0; i < 20; ++i)
      advance(1s);
  }

  service::DescribeWorkflowExecutionResponse describe() {
    auto r = request("w");
    r.mutable_describe()->set_namespace_("default");
    r.mutable_describe()->mutable_execution()->set_workflow_id("w");
    return ask<service::DescribeWorkflowExecutionResponse>(r);
  }

  std::size_t runs_listed() {
    auto rows = below().list(ns, machine_kind::workflow, {}, {}, 100);
    REQUIRE(rows);
    return rows->size();
  }

  /// The newest task that is offered of this run, whoever lost an older offer of it.
  service::PollWorkflowTaskQueueResponse take_task_of(const std::string& run_id) {
    std::erase_if(seen.offers, [&](const auto& t) { return t.run_id() != run_id; });
    while (seen.offers.size() > 1)
      seen.offers.pop_front();
    return take_workflow_task();
  }

  /// The chain has its first run and the next one, or the first whose task is to be done again.
  void check_chain(const std::string& first) {
    auto now = describe().workflow_execution_info();
    CHECK(now.status() == enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
    auto goes_on = now.execution().run_id() != first;
    CHECK(runs_listed() == (goes_on ? 2 : 1));
    if (!goes_on) {
      // Its worker is lost with the completion: the task times out.
      if (std::ranges::none_of(seen.offers, [&](const auto& t) { return t.run_id() == first; })) {
        advance(11s);
        advance(1s);
      }
      complete(take_task_of(first), {continue_as_new()});
      CHECK(runs_listed() == 2);
    }
    auto second = describe().workflow_execution_info().execution().run_id();
    CHECK(second != first);
    // Its first task is held back for a moment.
    advance(2s);
    complete(take_task_of(second), {complete_command()});
    CHECK(runs_listed() == 2);
    CHECK(describe().workflow_execution_info().status()
          == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED);
    auto undelivered = below().pending_offers({}, 0, 100);
    REQUIRE(undelivered);
    CHECK(undelivered->empty());
    CHECK(node->shared().calls_under_way.load() == 0);
  }
};

/// Lives in which another commit fails each time, in each way, until there is none of that number.
template <class Live>
void fail_each_commit(Live live) {
  for (auto how : {fault::before, fault::after, fault::late}) {
    int commits = 0;
    while (live(commits + 1, how))
      ++commits;
    CHECK(commits > 0);
  }
}

} // namespace

TEST_CASE("a server that is killed at any moment of a continue-as-new leaves one next run") {
  auto was_in_time = true;
  for (int jobs = 0; was_in_time; ++jobs) {
    INFO("killed after " << jobs << " jobs");
    crash_fixture f;
    auto first = f.start("w");
    f.send(f.complete_request(f.take_workflow_task(), {continue_as_new()}));
    was_in_time = f.kill_after(jobs);
    f.check_chain(first);
  }
}

TEST_CASE("what fails in the store at any commit of a continue-as-new leaves one next run") {
  fail_each_commit([](int nth, fault how) {
    INFO("commit " << nth << ", fault " << static_cast<int>(how));
    crash_fixture f;
    auto first = f.start("w");
    auto task = f.take_workflow_task();
    f.fail_commit(nth, how);
    f.send(f.complete_request(task, {continue_as_new()}));
    f.run();
    f.settle();
    f.check_chain(first);
    return f.has_failed;
  });
}

namespace {

struct update_crash_fixture : crash_fixture {
  void begin() {
    start("w");
    complete(take_workflow_task(), {});
    REQUIRE(seen.offers.empty());
  }

  cluster::ExecutionRequest update_request() const {
    auto r = request("w");
    auto& u = *r.mutable_update();
    u.mutable_request()->mutable_meta()->set_update_id("u1");
    u.mutable_request()->mutable_input()->set_name("upd");
    return r;
  }

  /// Accepts the task's update and completes it.
  cluster::ExecutionRequest answer(const service::PollWorkflowTaskQueueResponse& task) {
    auto r = complete_request(task, {});
    auto add = [&](const auto& body) {
      auto& m = *r.mutable_complete_workflow_task()->add_messages();
      m.set_id(body.GetDescriptor()->name());
      m.set_protocol_instance_id("u1");
      m.mutable_body()->PackFrom(body);
    };
    for (const auto& message : task.messages()) {
      update::Acceptance a;
      a.set_accepted_request_message_id(message.id());
      a.set_accepted_request_sequencing_event_id(message.event_id());
      message.body().UnpackTo(a.mutable_accepted_request());
      add(a);
      update::Response done;
      done.mutable_meta()->set_update_id("u1");
      done.mutable_outcome()->mutable_success()->add_payloads()->set_data("done");
      add(done);
    }
    return r;
  }

  int count(enums::EventType type) {
    return static_cast<int>(std::ranges::count(history("w"), static_cast<int>(type)));
  }

  /// It is accepted and completed, or nobody knows of it; asked for again, it has its result.
  void check_update() {
    auto accepted = count(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED);
    CHECK(accepted == count(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED));
    auto call = send(update_request());
    run();
    for (int i = 0; i < 30 && !answered(call); ++i) {
      if (!seen.offers.empty()) {
        while (seen.offers.size() > 1)
          seen.offers.pop_front();
        send(answer(take_workflow_task()));
      }
      advance(1s);
    }
    auto r = response<service::UpdateWorkflowExecutionResponse>(call);
    CHECK(r.outcome().success().payloads(0).data() == "done");
    CHECK(count(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) == 1);
    CHECK(count(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED) == 1);
    CHECK(node->shared().calls_under_way.load() == 0);
  }
};

} // namespace

TEST_CASE("a server that is killed at any moment of an update leaves it done once, or not begun") {
  SUBCASE("before a worker has it") {
    auto was_in_time = true;
    for (int jobs = 0; was_in_time; ++jobs) {
      INFO("killed after " << jobs << " jobs");
      update_crash_fixture f;
      f.begin();
      f.send(f.update_request());
      was_in_time = f.kill_after(jobs);
      f.check_update();
    }
  }
  SUBCASE("while its worker answers") {
    auto was_in_time = true;
    for (int jobs = 0; was_in_time; ++jobs) {
      INFO("killed after " << jobs << " jobs");
      update_crash_fixture f;
      f.begin();
      f.send(f.update_request());
      f.run();
      f.send(f.answer(f.take_workflow_task()));
      was_in_time = f.kill_after(jobs);
      f.check_update();
    }
  }
}

TEST_CASE("what fails in the store at any commit of an update leaves it done once, or not begun") {
  fail_each_commit([](int nth, fault how) {
    INFO("commit " << nth << ", fault " << static_cast<int>(how));
    update_crash_fixture f;
    f.begin();
    f.fail_commit(nth, how);
    f.send(f.update_request());
    f.run();
    f.send(f.answer(f.take_workflow_task()));
    f.run();
    f.settle();
    f.check_update();
    return f.has_failed;
  });
}
