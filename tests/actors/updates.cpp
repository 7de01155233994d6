// Updates where their actors die, leave memory, or are moved: what callers and workers see of it.
#include "temporal/api/update/v1/message.pb.h"
#include "tests/support/actor_fixture.hpp"

#include <stdexcept>

using namespace reprise;
using namespace reprise::testing;
namespace update = temporal::api::update::v1;

namespace {

using update_response = service::UpdateWorkflowExecutionResponse;
using poll_response = service::PollWorkflowTaskQueueResponse;

constexpr int ok = 0;
constexpr int not_found = 5;
constexpr int internal = 13;

struct update_fixture : actor_fixture {
  cluster::ExecutionRequest update_request(const std::string& id) const {
    auto r = request(id);
    auto& u = *r.mutable_update();
    u.mutable_request()->mutable_meta()->set_update_id("u1");
    u.mutable_request()->mutable_input()->set_name("upd");
    return r;
  }

  std::uint64_t send_update(const std::string& id = "w") {
    auto call = send(update_request(id));
    run();
    return call;
  }

  void start_idle() {
    start("w");
    complete(take_workflow_task(), {});
    REQUIRE(seen.offers.empty());
  }

  cluster::ExecutionRequest answer(const poll_response& task) {
    auto r = complete_request(task, {});
    REQUIRE(task.messages_size() == 1);
    auto add = [&](const auto& body) {
      auto& m = *r.mutable_complete_workflow_task()->add_messages();
      m.set_id(body.GetDescriptor()->name());
      m.set_protocol_instance_id("u1");
      m.mutable_body()->PackFrom(body);
    };
    update::Acceptance a;
    a.set_accepted_request_message_id(task.messages(0).id());
    a.set_accepted_request_sequencing_event_id(task.messages(0).event_id());
    task.messages(0).body().UnpackTo(a.mutable_accepted_request());
    add(a);
    update::Response done;
    done.mutable_meta()->set_update_id("u1");
    done.mutable_outcome()->mutable_success()->add_payloads()->set_data("done");
    add(done);
    return r;
  }

  void die() {
    node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
      if (r.has_signal() && r.signal().signal_name() == "bad")
        throw std::runtime_error("told to");
    };
    CHECK(ask_raw(signal_request("w", "bad")).status().code() == internal);
  }

  void trim() {
    for (const auto& slot : node->shared().slots)
      caf::anon_send(slot.get(), trim_atom_v);
    run();
  }

  void is_done(std::uint64_t call) {
    auto r = response<update_response>(call);
    CHECK(r.outcome().success().payloads(0).data() == "done");
  }
};

} // namespace

TEST_CASE_FIXTURE(update_fixture, "an update pins its execution until it is answered") {
  start_idle();
  auto call = send_update();
  trim();
  CHECK(node->shared().watch.resident.value() == 1);
  auto task = take_workflow_task();
  trim();
  CHECK(ask_raw(answer(task)).status().code() == ok);
  is_done(call);
  trim();
  CHECK(node->shared().watch.resident.value() == 0);
}

TEST_CASE_FIXTURE(update_fixture, "an update of an execution that died is asked of the next") {
  start_idle();
  auto call = send_update();
  SUBCASE("before a worker had it") {
    seen.offers.clear();
    die();
    REQUIRE(seen.offers.size() == 1);
    CHECK(seen.offers.front().speculative());
  }
  SUBCASE("while a worker had it, which comes too late") {
    auto old = take_workflow_task();
    die();
    CHECK(ask_raw(complete_request(old, {})).status().code() == not_found);
  }
  CHECK_FALSE(answered(call));
  CHECK(ask_raw(answer(take_workflow_task())).status().code() == ok);
  is_done(call);
}

TEST_CASE_FIXTURE(update_fixture,
                  "an update that came with an early start survives its execution") {
  start("w");
  auto call = send_update();
  auto task = take_workflow_task();
  CHECK(node->shared().early_starts.load() == 1);
  die();
  CHECK_FALSE(answered(call));
  CHECK(ask_raw(answer(task)).status().code() == ok);
  is_done(call);
}

TEST_CASE_FIXTURE(update_fixture, "a caller that hangs up leaves its update to the worker") {
  start_idle();
  auto call = send_update();
  caf::anon_send(node->slot_for(request("w")), cancel_atom_v, call, bridge);
  run();
  auto task = take_workflow_task();
  CHECK(ask_raw(answer(task)).status().code() == ok);
  CHECK_FALSE(answered(call));
  is_done(send_update());
}

TEST_CASE_FIXTURE(update_fixture,
                  "a caller that has waited long enough is told of its run, not of one before") {
  auto older = start("w");
  auto end = request("w");
  end.mutable_terminate()->set_reason("over");
  REQUIRE(ask_raw(end).status().code() == ok);
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  auto current = ask<service::StartWorkflowExecutionResponse>(again).run_id();
  auto call = send_update();
  CHECK_FALSE(answered(call));
  // A deadline of the older run is looked at when the caller's is over, but before that is.
  caf::anon_send(node->slot_for(request("w")), wake_atom_v, std::string{ns},
                 number_of(machine_kind::workflow), std::string{"w"}, older, std::uint64_t{0});
  advance(20s);
  auto told = response<update_response>(call);
  CHECK(told.update_ref().workflow_execution().run_id() == current);
  CHECK(told.stage()
        == temporal::api::enums::v1::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED);
}

TEST_CASE_FIXTURE(update_fixture, "a server that is killed has lost what no worker accepted") {
  start_idle();
  send_update();
  auto task = take_workflow_task();
  SUBCASE("its task, too") {
    restart_node();
    CHECK(ask_raw(answer(task)).status().code() == not_found);
    CHECK(seen.offers.empty());
  }
  SUBCASE("but nothing that one did") {
    CHECK(ask_raw(answer(task)).status().code() == ok);
    restart_node();
    is_done(send_update());
  }
}

TEST_CASE_FIXTURE(update_fixture, "a speculative task waits five seconds for a worker") {
  start_idle();
  auto call = send_update();
  seen.offers.clear();
  advance(4s);
  CHECK(seen.offers.empty());
  advance(2s);
  REQUIRE(seen.offers.size() == 1);
  CHECK_FALSE(seen.offers.front().speculative());
  auto task = take_workflow_task();
  CHECK(task.started_event_id() == 8);
  CHECK(ask_raw(answer(task)).status().code() == ok);
  is_done(call);
}

TEST_CASE_FIXTURE(update_fixture, "updates whose callers left are counted as memory") {
  start_idle();
  auto before = node->shared().resident_bytes.load();
  auto r = update_request("w");
  r.mutable_update()->mutable_request()->mutable_input()->mutable_args()->add_payloads()->set_data(
    std::string(100'000, 'x'));
  r.set_request_bytes(100'000);
  send(r);
  run();
  CHECK(node->shared().resident_bytes.load() > before + 100'000);
}
