#pragma once

// A whole node on CAF's test coordinator: one thread, a clock that only the test moves, a store in
// memory that can be told to fail, and stand-ins for a frontend and for task queues.

#include "cluster/node.hpp"
#include "engine/machine/proto_time.hpp"
#include "store/faulty.hpp"
#include "store/open.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/support/virtual_time.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace reprise::testing {

namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;
using namespace std::chrono_literals;

/// What reached the callers and the queues.
struct seen_messages {
  std::map<std::uint64_t, std::vector<cluster::Reply>> replies{};
  std::deque<cluster::Task> offers{};
  std::vector<std::uint64_t> taken{};
  std::vector<std::uint64_t> obsolete{};
  std::vector<std::uint64_t> later{};
};

inline bridge_actor::behavior_type fake_bridge(std::reference_wrapper<seen_messages> seen) {
  return {
    [seen](reply_atom, std::uint64_t id, cluster::Reply& r) {
      seen.get().replies[id].push_back(std::move(r));
    },
    [seen](reply_atom, std::uint64_t id, const std::shared_ptr<actors::task_reply>& r) {
      seen.get().replies[id].push_back(r->take());
    },
  };
}

inline queue_actor::behavior_type fake_queue(std::reference_wrapper<seen_messages> seen) {
  return {
    [seen](offer_atom, cluster::Task& t) { seen.get().offers.push_back(std::move(t)); },
    [](poll_atom, std::uint64_t, const bridge_actor&, const cluster::Poll&) {},
    [](cancel_atom, std::uint64_t, const bridge_actor&) {},
    [](finish_atom, std::uint64_t, const bridge_actor&) {},
    [](leave_atom, const std::string&) {},
    [seen](obsolete_atom, std::uint64_t handout) { seen.get().obsolete.push_back(handout); },
    [seen](taken_atom, std::uint64_t handout) { seen.get().taken.push_back(handout); },
    [seen](later_atom, std::uint64_t handout) { seen.get().later.push_back(handout); },
    [](lost_atom) {},
    [](lost_atom, std::uint64_t) {},
    [](describe_atom, std::uint64_t, const bridge_actor&, const std::string&) {},
    [](configured_atom) {},
    [](clock_atom) {},
    [](tick_atom) {},
    [](tick_atom, std::uint64_t) {},
  };
}

/// Whether a fixture's node has task queues of its own, or the stand-in that only notes what comes.
enum class queues : std::uint8_t {
  noted,
  real,
};

class actor_fixture {
public:
  /// Of every slot, in the hands of the first node.
  static constexpr store::epoch_number first_epoch = 1;

  explicit actor_fixture(cluster::node_options options = {}, queues which = queues::noted)
    : which_(which),
      below_(store::open_memory()),
      db(below_,
         [this](store::operation what) {
           return decide_fault ? decide_fault(what) : store::fault{};
         }),
      options_(std::move(options)) {
    options_.seed = 1;
    options_.detached = false;
    options_.run_all = [this] { run(); };
    bridge = system.spawn(fake_bridge, std::ref(seen));
    queue = system.spawn(fake_queue, std::ref(seen));
    journal::NamespaceRecord record;
    record.mutable_info()->set_id(ns);
    record.mutable_info()->set_name("default");
    record.mutable_config()->mutable_workflow_execution_retention_ttl()->set_seconds(86'400);
    REQUIRE(below_->create_namespace(
      {.id = ns, .name = "default", .version = 1, .record = record.SerializeAsString()}));
    start_node();
  }

  ~actor_fixture() {
    node.reset();
    caf::anon_send_exit(bridge, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(queue, caf::exit_reason::user_shutdown);
    bridge = nullptr;
    queue = nullptr;
    run();
  }

  /// As a process that starts on the store.
  void start_node() {
    node = std::make_unique<cluster::node>(system, db, time, registry, options_);
    if (which_ == queues::noted)
      node->shared().queue_of = [this](const cluster::Task&) { return queue; };
    node->start();
    run();
  }

  /// As a process that is killed and started again: nothing in memory survives.
  void restart_node() {
    node.reset();
    seen = {};
    start_node();
  }

  void run() {
    scheduler.run();
  }

  void advance(duration d) {
    scheduler.advance_time(d);
    run();
  }

  // -- calls --------------------------------------------------------------------------------------

  cluster::ExecutionRequest request(const std::string& id) const {
    cluster::ExecutionRequest r;
    r.set_namespace_id(ns);
    r.set_namespace_name("default");
    r.set_workflow_id(id);
    return r;
  }

  cluster::ExecutionRequest start_request(const std::string& id) const {
    auto r = request(id);
    auto& s = *r.mutable_start();
    s.set_namespace_("default");
    s.set_workflow_id(id);
    s.mutable_workflow_type()->set_name("type");
    s.mutable_task_queue()->set_name("queue");
    s.set_identity("tester");
    s.set_request_id("start-" + id);
    return r;
  }

  cluster::ExecutionRequest signal_request(const std::string& id, const std::string& name) const {
    auto r = request(id);
    auto& s = *r.mutable_signal();
    s.set_namespace_("default");
    s.mutable_workflow_execution()->set_workflow_id(id);
    s.set_signal_name(name);
    s.set_request_id(name);
    return r;
  }

  cluster::ExecutionRequest history_request(const std::string& id) const {
    auto r = request(id);
    auto& forward = *r.mutable_get_history()->mutable_forward();
    forward.mutable_execution()->set_workflow_id(id);
    return r;
  }

  /// The number of a call that a test sends by itself.
  std::uint64_t next_call() {
    return ++last_call_;
  }

  /// Sends a call and runs nothing.
  std::uint64_t send(const cluster::ExecutionRequest& r) {
    auto id = ++last_call_;
    caf::anon_send(node->slot_for(r), call_atom_v, id, bridge, r);
    return id;
  }

  /// The same as from a queue, for a poller; the hand-out has the number of the call.
  std::uint64_t send_for_poller(cluster::ExecutionRequest r) {
    auto id = ++last_call_;
    r.set_handout(id);
    caf::anon_send(node->slot_for(r), call_atom_v, id, bridge, r, queue);
    return id;
  }

  bool answered(std::uint64_t id) const {
    return seen.replies.contains(id);
  }

  cluster::Reply reply(std::uint64_t id) {
    auto found = seen.replies.find(id);
    REQUIRE(found != seen.replies.end());
    REQUIRE(found->second.size() == 1);
    return found->second.front();
  }

  int code(std::uint64_t id) {
    return reply(id).status().code();
  }

  template <class Response>
  Response response(std::uint64_t id) {
    auto r = reply(id);
    INFO(r.status().message());
    REQUIRE(r.status().code() == 0);
    Response out;
    REQUIRE(out.ParseFromString(r.response()));
    return out;
  }

  template <class Response>
  Response ask(const cluster::ExecutionRequest& r) {
    auto id = send(r);
    run();
    return response<Response>(id);
  }

  cluster::Reply ask_raw(const cluster::ExecutionRequest& r) {
    auto id = send(r);
    run();
    return reply(id);
  }

  std::string start(const std::string& id) {
    return ask<service::StartWorkflowExecutionResponse>(start_request(id)).run_id();
  }

  /// Takes the oldest workflow task that was offered.
  service::PollWorkflowTaskQueueResponse take_workflow_task() {
    REQUIRE_FALSE(seen.offers.empty());
    auto task = std::move(seen.offers.front());
    seen.offers.pop_front();
    auto r = request(task.workflow_id());
    r.set_run_id(task.run_id());
    auto& s = *r.mutable_start_workflow_task();
    s.set_identity("worker");
    s.set_request_id("poll-" + std::to_string(last_call_));
    s.mutable_task_queue()->set_name(task.task_queue());
    *s.mutable_task() = std::move(task);
    auto id = send_for_poller(r);
    run();
    return response<service::PollWorkflowTaskQueueResponse>(id);
  }

  cluster::ExecutionRequest
  complete_request(const service::PollWorkflowTaskQueueResponse& task,
                   const std::vector<api::command::v1::Command>& commands) {
    auto r = request(task.workflow_execution().workflow_id());
    REQUIRE(r.mutable_token()->ParseFromString(task.task_token()));
    auto& c = *r.mutable_complete_workflow_task();
    c.set_task_token(task.task_token());
    c.set_identity("worker");
    for (const auto& command : commands)
      *c.add_commands() = command;
    return r;
  }

  void complete(const service::PollWorkflowTaskQueueResponse& task,
                const std::vector<api::command::v1::Command>& commands,
                const std::string& sticky = {}) {
    auto r = complete_request(task, commands);
    if (!sticky.empty()) {
      auto& s = *r.mutable_complete_workflow_task()->mutable_sticky_attributes();
      s.mutable_worker_task_queue()->set_name(sticky);
      s.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
      s.mutable_worker_task_queue()->set_normal_name("queue");
      s.mutable_schedule_to_start_timeout()->set_seconds(5);
    }
    ask<service::RespondWorkflowTaskCompletedResponse>(r);
  }

  static api::command::v1::Command complete_command() {
    api::command::v1::Command c;
    c.set_command_type(enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION);
    c.mutable_complete_workflow_execution_command_attributes();
    return c;
  }

  static api::command::v1::Command activity_command(const std::string& id,
                                                    const std::string& queue = "queue") {
    api::command::v1::Command c;
    c.set_command_type(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
    auto& a = *c.mutable_schedule_activity_task_command_attributes();
    a.set_activity_id(id);
    a.mutable_activity_type()->set_name("activity");
    a.mutable_task_queue()->set_name(queue);
    a.mutable_start_to_close_timeout()->set_seconds(600);
    a.mutable_schedule_to_close_timeout()->set_seconds(3600);
    return c;
  }

  static api::command::v1::Command timer_command(const std::string& id, std::int64_t seconds) {
    api::command::v1::Command c;
    c.set_command_type(enums::COMMAND_TYPE_START_TIMER);
    auto& t = *c.mutable_start_timer_command_attributes();
    t.set_timer_id(id);
    t.mutable_start_to_fire_timeout()->set_seconds(seconds);
    return c;
  }

  std::vector<int> event_types(const api::history::v1::History& h) const {
    std::vector<int> out;
    for (const auto& e : h.events())
      out.push_back(e.event_type());
    return out;
  }

  std::vector<int> history(const std::string& id) {
    auto r = ask<service::GetWorkflowExecutionHistoryResponse>(history_request(id));
    for (int i = 0; i < r.history().events_size(); ++i)
      CHECK(r.history().events(i).event_id() == i + 1);
    return event_types(r.history());
  }

  const std::string ns = "11111111-1111-4111-8111-111111111111";

private:
  const queues which_;
  testing_config config_;
  std::shared_ptr<store::store> below_;

public:
  caf::actor_system system{config_};
  caf::scheduler::test_coordinator& scheduler
    = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  coordinator_clock time{scheduler};
  metrics registry;
  seen_messages seen;
  /// Set by tests; empty: nothing fails.
  std::function<store::fault(store::operation)> decide_fault;
  store::faulty_store db;
  bridge_actor bridge;
  queue_actor queue;
  std::unique_ptr<cluster::node> node;

  store::store& below() {
    return *below_;
  }

private:
  cluster::node_options options_;
  std::uint64_t last_call_ = 0;
};

} // namespace reprise::testing
