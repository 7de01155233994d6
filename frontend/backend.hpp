#pragma once

#include "actors/namespace_registry.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "protocol/cluster.pb.h"

#include <functional>
#include <memory>
#include <string>

namespace reprise::frontend {

/// What the front door needs of the rest of the server. One implementation talks to actors
/// (frontend/bridge.cpp); handlers know nothing of CAF or gRPC, so the same handlers run in the
/// simulation. Thread-safe.
class backend {
public:
  /// Called at most once, from any thread, perhaps before call() has returned.
  using reply_handler = std::function<void(cluster::Reply)>;

  virtual ~backend() = default;

  /// Sends a request to the execution's slot. The number names the call for cancel().
  virtual std::uint64_t call(cluster::ExecutionRequest&& request, reply_handler done) = 0;
  /// Waits for a task; at the poll's expiry the reply is an empty response.
  virtual std::uint64_t poll(cluster::Poll&& poll, reply_handler done) = 0;
  /// DescribeTaskQueue; `request` is its wire form, `kind` 1 workflow, 2 activity.
  virtual std::uint64_t describe_queue(const std::string& namespace_id, const std::string& queue,
                                       int kind, std::string request, reply_handler done)
    = 0;
  /// The caller is gone: `done` will not be called any more (it may be running right now).
  virtual void cancel(std::uint64_t call) = 0;
  /// Ends at once, with an empty response, the outstanding polls of a worker that is shutting down:
  /// those of the sticky queue (if named) and those with the worker's instance key (if named). What
  /// waits on that sticky queue goes to the normal queues.
  virtual void end_polls(const std::string& namespace_id, const std::string& sticky_queue,
                         const std::string& worker_instance_key)
    = 0;
  /// Runs `job` on a thread that may block on the store; false when too many wait already.
  virtual bool run_blocking(std::function<void(store::store&)> job) = 0;
  /// The same for what reads many rows, so that nothing else waits behind it.
  virtual bool run_scan(std::function<void(store::store&)> job) = 0;

  virtual actors::namespace_registry& namespaces() = 0;

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
