#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "actors/slot/parked_list.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "protocol/cluster.pb.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::frontend {

/// A worker that ends, as it calls itself; what is empty it does not say.
struct leaving_worker {
  std::string namespace_id{};
  std::string instance_key{};
  std::string sticky_queue{};
  /// The queue that it polls, and for what (1 workflow, 2 activity).
  std::string task_queue{};
  std::vector<int> kinds{};
};

/// What the front door needs of the rest of the server. One implementation talks to actors
/// (frontend/backend/bridge.cpp); handlers know nothing of CAF or gRPC, so the same handlers run in
/// the simulation. Thread-safe.
class backend {
public:
  /// Called at most once, from any thread, perhaps before call() has returned.
  using reply_handler = std::function<void(cluster::Reply)>;

  virtual ~backend() = default;

  /// Sends a request to the execution's slot. The number names the call for cancel(). `waits`: for
  /// something that may be long in coming, see end_waiting().
  virtual std::uint64_t call(cluster::ExecutionRequest&& request, bool waits, reply_handler done)
    = 0;
  /// Waits for a task; at the poll's expiry the reply is an empty response.
  virtual std::uint64_t poll(cluster::Poll&& poll, reply_handler done) = 0;
  /// DescribeTaskQueue; `request` is its wire form, `kind` 1 workflow, 2 activity.
  virtual std::uint64_t describe_queue(const std::string& namespace_id, const std::string& queue,
                                       int kind, std::string request, reply_handler done)
    = 0;
  /// What users configured of a queue has changed.
  virtual void queue_configured(const std::string& namespace_id, const std::string& queue, int kind)
    = 0;
  /// The caller is gone: `done` will not be called any more (it may be running right now). A task
  /// that was for it is given back.
  virtual void cancel(std::uint64_t call) = 0;
  /// From now on nobody waits: polls are answered soon, empty or with a task that is on its way to
  /// them, other calls that wait UNAVAILABLE; who came first, first. Those that come later hear the
  /// same at once.
  virtual void end_waiting() = 0;
  /// Ends the polls of a worker that ends: those of its sticky queue and those with its instance
  /// key. Such polls that come a moment later are answered empty, too. The worker is no longer
  /// listed, and what waits on its sticky queue goes to the normal queues.
  virtual void end_polls(const leaving_worker& worker) = 0;
  /// An answer brought a task whose worker cannot get it any more: the task, of this token, is for
  /// others.
  virtual void give_back(std::string_view task_token) = 0;
  /// Has `take` get the tasks of durable actors that are no workflows, whose work is this server's
  /// own; called once, before any. It is called on any thread, one task at a time, and must not
  /// wait. Those that nobody takes, or deals with, come again after a while.
  virtual void do_own_work(std::function<void(const cluster::Task&)> take) = 0;
  /// Runs `job` on a thread that may block on the store; false when too many wait already.
  virtual bool run_blocking(std::function<void(store::store&)> job) = 0;
  /// The same for what reads many rows, so that nothing else waits behind it.
  virtual bool run_scan(std::function<void(store::store&)> job) = 0;

  virtual actors::namespace_registry& namespaces() = 0;
  /// What this node gave up.
  virtual const actors::parked_list& parked() const = 0;

  /// Whether this node owns what it would answer for. While it does not (it starts, or stands by),
  /// it knows no namespaces, or old ones, and must not change any: the owner would not see it.
  virtual bool serving() const {
    return true;
  }

  virtual const clock& time() const = 0;
  /// A random UUID (v4 form) for what the server has to name.
  virtual std::string new_uuid() = 0;
};

} // namespace reprise::frontend
