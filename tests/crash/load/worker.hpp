#pragma once

#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/crash/load/ledger.hpp"
#include "tests/crash/load/transport.hpp"

#include <stop_token>
#include <thread>
#include <unordered_map>

namespace reprise::crash {

/// A worker for orders, as an SDK has it: pollers for workflow tasks (and a sticky queue with a
/// cache of histories) and for activities. Tells the ledger everything that it was handed out and
/// that was taken from it. Threads of its own until it is destroyed.
class worker {
public:
  struct options {
    std::string identity = "worker";
    /// Keeps histories and takes the next events of them from a queue of its own.
    bool sticky = true;
    /// Takes the next workflow task from the answer to the last one.
    bool chained = false;
  };

  worker(transport& to, ledger& book, options how);

private:
  using task = temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse;
  using activity_task = temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;
  using completion = temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest;

  void poll_workflow_tasks(const std::stop_token& stop, bool own_queue);
  void poll_activities(const std::stop_token& stop);
  /// One task, and those that its answer brings.
  void work(const std::stop_token& stop, task t);
  /// The history up to the task's start; nothing when it cannot be had, so that the task is left
  /// to its timeout.
  std::optional<std::vector<history_event>> history_of(const task& t);
  std::optional<std::vector<history_event>> read_history(const task& t);
  completion completion_of(const task& t, std::span<const history_event> events) const;
  void run(const std::stop_token& stop, const activity_task& t);

  transport& to_;
  ledger& book_;
  const options how_;
  std::mutex mutex_;
  /// By run id, of completions that were acknowledged.
  std::unordered_map<std::string, std::vector<history_event>> cache_;
  std::vector<std::jthread> threads_;
};

} // namespace reprise::crash
