#pragma once

// A node with task queues of its own, and workers that poll them.

#include "tests/support/actor_fixture.hpp"

#include <string>
#include <utility>
#include <vector>

namespace reprise::testing {

using workflow_poll = service::PollWorkflowTaskQueueResponse;
using activity_poll = service::PollActivityTaskQueueResponse;

struct poll_options {
  cluster::Task::Kind kind = cluster::Task::WORKFLOW;
  std::string queue = "queue";
  /// Set: `queue` is a sticky one of this.
  std::string normal_name{};
  duration patience = 60s;
  double rate = 0;
};

struct queue_fixture : actor_fixture {
  explicit queue_fixture(cluster::node_options options = {})
    : actor_fixture(std::move(options), queues::real) {
  }

  store::queue_key key(const std::string& name = "queue", int kind = 1) const {
    return {.namespace_id = ns, .name = name, .kind = kind};
  }

  queue_actor queue_named(const std::string& name = "queue", int kind = 1) {
    return node->queues().find(key(name, kind));
  }

  /// Sends a poll and runs nothing.
  std::uint64_t send_poll(const poll_options& o = {}) {
    cluster::Poll p;
    p.set_namespace_id(ns);
    p.set_namespace_name("default");
    p.set_task_queue(o.queue);
    p.set_normal_name(o.normal_name);
    p.set_kind(o.kind);
    p.set_identity("worker");
    p.set_max_tasks_per_second(o.rate);
    *p.mutable_expires_at() = engine::to_proto(time.now() + o.patience);
    auto id = next_call();
    p.set_request_id("poll-" + std::to_string(id));
    caf::anon_send(queue_named(o.queue, o.kind == cluster::Task::ACTIVITY ? 2 : 1), poll_atom_v, id,
                   bridge, std::move(p));
    return id;
  }

  std::uint64_t poll(const poll_options& o = {}) {
    auto id = send_poll(o);
    run();
    return id;
  }

  void cancel(std::uint64_t id, const std::string& name = "queue") {
    caf::anon_send(queue_named(name), cancel_atom_v, id, bridge);
  }

  /// The workflow id of the task that the poll got; empty: none.
  std::string got(std::uint64_t id) {
    return response<workflow_poll>(id).workflow_execution().workflow_id();
  }

  /// Polls and gets at once.
  workflow_poll take(const poll_options& o = {}) {
    return response<workflow_poll>(poll(o));
  }

  void start_urgent(const std::string& id, int priority) {
    auto r = start_request(id);
    r.mutable_start()->mutable_priority()->set_priority_key(priority);
    ask<service::StartWorkflowExecutionResponse>(r);
  }

  void terminate(const std::string& id) {
    auto r = request(id);
    r.mutable_terminate()->mutable_workflow_execution()->set_workflow_id(id);
    CHECK(ask_raw(r).status().code() == 0);
  }

  /// As by an exception in the queue's actor.
  void kill(const store::queue_key& which) {
    caf::anon_send_exit(node->queues().find(which), caf::exit_reason::kill);
    run();
  }

  std::int64_t backlog(const std::string& name = "queue") {
    auto n = below().count_backlog(key(name));
    REQUIRE(n);
    return *n;
  }

  std::int64_t gauge(const char* name) {
    return registry.gauge(name, "").value();
  }

  std::int64_t queues_in_memory() {
    return gauge("reprise_task_queues");
  }

  service::DescribeTaskQueueResponse describe_queue() {
    service::DescribeTaskQueueRequest r;
    r.set_report_stats(true);
    auto id = next_call();
    caf::anon_send(queue_named(), describe_atom_v, id, bridge, r.SerializeAsString());
    run();
    return response<service::DescribeTaskQueueResponse>(id);
  }
};

} // namespace reprise::testing
