#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "engine/machine/decision.hpp"
#include "engine/machine/session.hpp"
#include "engine/machine/step.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reprise::engine {

/// What the execution has to do because of its queries; nothing was sent yet.
struct query_step {
  /// Answers; they rest on the state that was read, as any other.
  std::vector<told_caller> replies{};
  /// Query tasks for their queues.
  std::vector<cluster::Task> offers{};
  /// This sticky queue's worker does not answer: forget the queue (a Reoffer with
  /// sticky_unavailable of it). Empty: none.
  std::string lost_sticky_queue{};
  /// Too many queries waited already.
  bool full = false;
};

/// The queries that wait at one workflow id. Nothing of them is durable: when the execution dies,
/// its callers ask again. Sends nothing and reads no clock; belongs to its execution.
///
/// A query that finds a workflow task scheduled or started waits for it (one a run) and rides on
/// the next that starts; else it goes to a worker as a task of its own, on the sticky queue first.
class query_registry {
public:
  static constexpr duration wait_default = std::chrono::seconds{30};
  static constexpr duration wait_max = std::chrono::seconds{120};

  /// The bounds must outlive it.
  explicit query_registry(const session_bounds& bounds) : bounds_(bounds) {
  }

  /// When expire() wants to be called; nothing when no query waits.
  std::optional<time_point> next_deadline() const;

  /// A QueryWorkflow call on run `x`. Either the step answers it, or the caller stays. When it
  /// would have waited long enough is written into the request. `unwritten`, here and below: the
  /// run's speculative workflow task; null: there is none.
  query_step on_query(caller_number from, std::shared_ptr<cluster::ExecutionRequest> request,
                      const execution& x, id_source& ids, time_point now,
                      const journal::WorkflowTaskState* unwritten = nullptr);

  /// A workflow task of run `x` started: the queries that ride on it, as a serialised
  /// PollWorkflowTaskQueueResponse which holds nothing else. Append it to the poll's message.
  std::string on_workflow_task_started(const execution& x,
                                       const journal::WorkflowTaskState* unwritten = nullptr);

  /// Run `x` changed in whatever way; call after each step of a run with queries. `answered`: the
  /// completion of the workflow task that the step was, when it succeeded; else null.
  query_step
  on_step(const execution& x,
          const temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest* answered,
          time_point now, const journal::WorkflowTaskState* unwritten = nullptr);

  /// Run `x` is deleted, and nobody can answer what is asked of it.
  query_step on_erased(const execution& x);

  /// A worker takes a query task: the poll's answer. Nothing when the task is obsolete.
  std::optional<history_splice> on_query_task_started(const cluster::StartTask& start,
                                                      const execution& x);

  /// The worker that took a query task cannot have got it: it goes to the normal queue.
  query_step on_task_returned(const std::string& query_id);

  /// RespondQueryTaskCompleted. Refused (NOT_FOUND) when nobody waits for this any more.
  result<query_step> on_answer(const cluster::ExecutionRequest& request);

  /// A sticky queue without worker refused its tasks: they go to the normal queue.
  query_step on_sticky_unavailable(const std::string& sticky_queue);

  /// A queue lost its memory (empty: any): its query tasks are to be offered again.
  query_step on_queue_lost(const std::string& queue) const;

  /// A queue that is full of queries gave this one's task up for others.
  query_step on_gave_way(const cluster::RefuseQuery& refused);

  /// This caller is gone.
  void drop(caller_number caller);

  /// Ends what has waited too long. `polled_recently` tells whether a worker was seen on a queue
  /// within the last 20 s.
  query_step expire(time_point now, const std::function<bool(const std::string&)>& polled_recently);

private:
  struct query {
    enum class phase : std::uint8_t {
      /// Waits for a workflow task to start.
      buffered,
      /// Is part of the started workflow task.
      riding,
      /// A task of its own, which no worker took yet.
      offered,
      /// A worker has it.
      started
    };
    std::string id{};
    std::string run_id{};
    caller_number caller = 0;
    std::shared_ptr<cluster::ExecutionRequest> request{};
    phase is = phase::buffered;
    time_point expires{};
    /// Of a riding query: its workflow task.
    std::int64_t task_scheduled_id = 0;
    std::uint64_t task_start_id = 0;
    /// Of an offered query.
    cluster::Task task{};
    std::string normal_queue{};
    std::optional<time_point> sticky_until{};
  };

  told answer_to(const query& q, const temporal::api::query::v1::WorkflowQueryResult& r) const;
  query* find(const std::string& id);
  std::size_t buffered_of(const std::string& run_id) const;
  void go_direct(query& q, const execution& x, time_point now, query_step& out);
  void go_normal(query& q, query_step& out);
  /// Moves a query that waits for a workflow task which will not take it. False: answered.
  bool settle(query& q, const execution& x, const journal::WorkflowTaskState& task, time_point now,
              query_step& out);

  const session_bounds& bounds_;
  std::vector<query> queries_;
};

} // namespace reprise::engine
