#pragma once

#include "base/metrics.hpp"
#include "frontend/backend/backend.hpp"
#include "frontend/call/errors.hpp"
#include "frontend/call/limits.hpp"
#include "frontend/call/quotas.hpp"
#include "frontend/poll/noted_deployments.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace reprise::frontend {

/// What callers say beside the request, by lower-case name; only names the server knows are kept.
using headers = std::map<std::string, std::string>;

/// Who calls, as far as it is the same for many calls.
struct caller {
  headers said{};
  /// Why this server may not serve a client of that kind and version, if so.
  std::optional<error> refused{};
};

using caller_ptr = std::shared_ptr<const caller>;

/// The response's wire form, or why there is none.
using response_handler = std::function<void(result<std::string>)>;

/// What is fixed for a server's life and shown by GetSystemInfo, GetClusterInfo and the like.
struct server_facts {
  /// Clients switch features on by it. The newest whose features are all here: the web pages offer
  /// updates from 1.27.1 on.
  std::string server_version = "1.27.1";
  std::string cluster_id{};
  std::string cluster_name = "active";
  std::string store_kind{};
};

/// Shared by all calls of a service; outlives them.
struct parts {
  backend& back;
  server_facts facts{};
  front_limits limits{};
  noted_deployments versioned{};
  quotas used{};
};

/// One RPC while it is served. Shared by whoever may still answer it; answered exactly once, from
/// any thread, whoever comes first (a reply, a refusal, the caller's cancellation).
class call : public std::enable_shared_from_this<call> {
public:
  using ptr = std::shared_ptr<call>;
  using entry_ptr = actors::namespace_registry::entry_ptr;
  using reply_reader = std::function<void(call&, cluster::Reply)>;

  call(parts& all, const std::string& method, caller_ptr by, std::optional<time_point> deadline,
       response_handler done)
    : all_(all), method_(method), by_(std::move(by)), deadline_(deadline), done_(std::move(done)) {
  }

  backend& back() const noexcept {
    return all_.back;
  }

  const server_facts& facts() const noexcept {
    return all_.facts;
  }

  const front_limits& limits() const noexcept {
    return all_.limits;
  }

  const std::string& method() const noexcept {
    return method_;
  }

  const headers& said() const noexcept {
    return by_->said;
  }

  std::optional<time_point> deadline() const noexcept {
    return deadline_;
  }

  time_point now() const {
    return all_.back.time().now();
  }

  void answer(const google::protobuf::MessageLite& response);
  void answer_bytes(std::string response);
  void fail(error why);

  /// Runs `work`; a call that it throws at fails, and nothing else does.
  template <class Work>
  void guard(Work&& work) noexcept {
    try {
      work();
    } catch (...) {
      fail_thrown();
    }
  }

  /// The caller is gone; whatever still comes is dropped.
  void cancel();

  /// Workers of this deployment take part in versioning: tells the log, once.
  void note_versioned(const std::string& namespace_name, const std::string& deployment);

  /// True when the caller has its answer or is gone.
  bool over() const noexcept {
    return over_.load(std::memory_order_acquire);
  }

  /// False when its namespace has too many calls; the call has failed then. `waits`: for what may
  /// be long in coming.
  bool admit(const std::string& namespace_name, bool waits);
  /// False when this node does not own the namespaces now; the call has failed then.
  bool check_serving();
  /// The namespace, when it may serve this call; else fails the call and answers null.
  entry_ptr open_namespace(const std::string& name);
  /// The same for calls that need a namespace in state REGISTERED.
  entry_ptr open_namespace_for_start(const std::string& name);

  /// Fills in who asks, sends, and answers with the reply.
  void send(const entry_ptr& ns, cluster::ExecutionRequest&& request);
  /// The same; `read` makes the answer.
  void send(const entry_ptr& ns, cluster::ExecutionRequest&& request, reply_reader read);
  /// The same for what may be long in coming: a server that drains answers UNAVAILABLE.
  void wait(const entry_ptr& ns, cluster::ExecutionRequest&& request);
  /// The same; `read` makes the answer, or asks on.
  void wait(const entry_ptr& ns, cluster::ExecutionRequest&& request, reply_reader read);
  /// Waits for a task: a server that drains answers empty, or with the task that is on its way.
  void send_poll(cluster::Poll&& poll);
  void describe_queue(const entry_ptr& ns, const std::string& queue, int kind, std::string request);
  /// The same; `read` makes the answer, or asks on.
  void describe_queue(const entry_ptr& ns, const std::string& queue, int kind, std::string request,
                      reply_reader read);
  /// Runs `job` where it may block on the store; the job answers the call.
  void blocking(std::function<void(call&, store::store&)> job);
  /// The same for a job that reads many rows.
  void scanning(std::function<void(call&, store::store&)> job);

private:
  /// False when the call is over: `what` is as it was then.
  bool finish(result<std::string>&& what);
  /// For the handler of a `catch (...)`.
  void fail_thrown() noexcept;
  /// What the caller cannot get any more goes back.
  void answer_tasks(cluster::Reply&& reply);
  void started(std::uint64_t id);
  backend::reply_handler reply_handler();
  backend::reply_handler reply_handler(reply_reader read);
  std::function<void(store::store&)> unless_over(std::function<void(call&, store::store&)> job);

  parts& all_;
  const std::string& method_;
  caller_ptr by_;
  std::optional<time_point> deadline_;
  response_handler done_;
  /// Its place among the calls of its namespace that wait.
  quotas::place place_;
  std::atomic<bool> over_{false};
  std::atomic<bool> gone_{false};
  std::atomic<std::uint64_t> backend_call_{0};
};

/// The failure in a reply; only for replies that carry one.
error error_of(const cluster::Status& status);

} // namespace reprise::frontend
