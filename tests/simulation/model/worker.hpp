#pragma once

#include "tests/simulation/model/parts.hpp"
#include "tests/simulation/model/program.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace reprise::simulation {

/// A worker process: polls for both kinds of tasks, keeps the histories of the runs it has seen
/// (and has their tasks sent to a queue of its own), answers queries, runs activities. It makes all
/// the mistakes that workers make: slow, failing, answering twice, gone in the middle.
class worker : public std::enable_shared_from_this<worker> {
public:
  worker(parts& p, std::string name)
    : p_(p), name_(std::move(name)), impatience_(~p.seed), hangs_up_(impatience_.chance(500)) {
  }

  void start();
  /// Vanishes: polls are dropped, tasks stay unanswered.
  void stop();

private:
  using workflow_task = service::PollWorkflowTaskQueueResponse;
  using activity_task = service::PollActivityTaskQueueResponse;

  void poll_workflow(bool sticky);
  void poll_activity();
  void on_workflow_task(const workflow_task& task, bool sticky);
  void answer_query(const workflow_task& task);
  /// Reads the rest of a history, then goes on with the task.
  void read_history(std::shared_ptr<workflow_task> task, std::shared_ptr<history> sofar,
                    const std::string& page_token);
  void with_history(const workflow_task& task, const history& events);
  void complete(const workflow_task& task, const history& events);
  void answer_updates(const workflow_task& task, const history& events,
                      service::RespondWorkflowTaskCompletedRequest& r);
  void fail_task(const workflow_task& task);
  void on_activity_task(const activity_task& task);
  void heartbeat(const activity_task& task, int times);
  void end_activity(const activity_task& task, bool cancelled);
  void complete_activity(const activity_task& task, int tries);
  void complete_by_id(const activity_task& task);
  void later(duration wait, std::function<void()> what);

  template <class Response>
  void poll(const std::string& method, const google::protobuf::Message& request,
            std::function<void(result<Response>)> done);

  std::string sticky_queue() const {
    return "own-" + name_;
  }

  parts& p_;
  std::string name_;
  bool alive_ = false;
  /// Of its own: half of the seeds live as if no worker hung up.
  dice impatience_;
  bool hangs_up_;
  std::set<std::uint64_t> polls_;
  std::map<std::string, history> cache_;
};

} // namespace reprise::simulation
