#include "frontend/batch/batch_reset.hpp"

#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <utility>

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

time_point time_of(const google::protobuf::Timestamp& t) {
  return time_point{std::chrono::seconds{t.seconds()} + std::chrono::nanoseconds{t.nanos()}};
}

/// What a history that cannot be had means: unlike a run that is over, one without history cannot
/// be reset.
batch_verdict verdict_on_history(const error& why) {
  auto verdict = verdict_on(why);
  return verdict == batch_verdict::done ? batch_verdict::failed : verdict;
}

/// The steps one after another. Each is asked for by the answer to the one before, which holds
/// this.
class resetting : public std::enable_shared_from_this<resetting> {
public:
  resetting(own_calls& calls, batch_reset_order order, std::function<void(batch_verdict)> done)
    : calls_(calls), order_(std::move(order)), done_(std::move(done)), run_id_(order_.to.run_id()) {
  }

  void begin() {
    const auto& reset = order_.job->reset_operation();
    const auto& options = reset.options();
    if (reset.has_options() ? options.has_first_workflow_task()
                            : reset.reset_type() == enums::RESET_TYPE_FIRST_WORKFLOW_TASK)
      return find_first({});
    if (reset.has_options() ? options.has_last_workflow_task()
                            : reset.reset_type() == enums::RESET_TYPE_LAST_WORKFLOW_TASK)
      return find_last({});
    if (options.has_workflow_task_id())
      return reset_to(options.workflow_task_id());
    if (options.has_build_id())
      return find_build();
    done_(batch_verdict::failed);
  }

private:
  temporal::api::common::v1::WorkflowExecution run() const {
    temporal::api::common::v1::WorkflowExecution out;
    out.set_workflow_id(order_.to.workflow_id());
    out.set_run_id(run_id_);
    return out;
  }

  /// The first task that was completed; where none was, the first that was scheduled.
  void find_first(const std::string& token) {
    api::GetWorkflowExecutionHistoryRequest r;
    r.set_namespace_(order_.job->namespace_());
    *r.mutable_execution() = run();
    r.set_next_page_token(token);
    calls_.ask_for<api::GetWorkflowExecutionHistoryResponse>(
      "GetWorkflowExecutionHistory", r, [self = shared_from_this()](auto page) {
        if (!page)
          return self->done_(verdict_on_history(page.error()));
        for (const auto& event : page->history().events()) {
          if (event.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
            return self->reset_to(event.event_id());
          if (event.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
              && self->scheduled_ == 0)
            self->scheduled_ = event.event_id();
        }
        if (!page->next_page_token().empty())
          return self->find_first(page->next_page_token());
        self->reset_to_scheduled();
      });
  }

  /// The last task that was completed; where none was, the first that was scheduled.
  void find_last(const std::string& token) {
    api::GetWorkflowExecutionHistoryReverseRequest r;
    r.set_namespace_(order_.job->namespace_());
    *r.mutable_execution() = run();
    r.set_next_page_token(token);
    calls_.ask_for<api::GetWorkflowExecutionHistoryReverseResponse>(
      "GetWorkflowExecutionHistoryReverse", r, [self = shared_from_this()](auto page) {
        if (!page)
          return self->done_(verdict_on_history(page.error()));
        for (const auto& event : page->history().events()) {
          if (event.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
            return self->reset_to(event.event_id());
          if (event.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
            self->scheduled_ = event.event_id();
        }
        if (!page->next_page_token().empty())
          return self->find_last(page->next_page_token());
        self->reset_to_scheduled();
      });
  }

  void reset_to_scheduled() {
    if (scheduled_ == 0)
      return done_(batch_verdict::failed);
    reset_to(scheduled_ + 1);
  }

  /// Where the first task of that build ended, perhaps in an earlier run.
  void find_build() {
    describe(run_id_, [self = shared_from_this()](auto described) {
      if (!described)
        return self->done_(verdict_on(described.error()));
      const auto& info = described->workflow_execution_info();
      const auto& options = self->order_.job->reset_operation().options();
      for (const auto& point : info.auto_reset_points().points()) {
        if (point.build_id() != options.build_id())
          continue;
        auto is_other = point.run_id() != info.execution().run_id();
        if (!point.resettable() || (is_other && options.current_run_only()))
          break;
        self->run_id_ = point.run_id();
        return self->reset_to(point.first_workflow_task_completed_id());
      }
      self->done_(batch_verdict::failed);
    });
  }

  void describe(const std::string& run_id,
                std::function<void(result<api::DescribeWorkflowExecutionResponse>)> read) {
    api::DescribeWorkflowExecutionRequest r;
    r.set_namespace_(order_.job->namespace_());
    r.mutable_execution()->set_workflow_id(order_.to.workflow_id());
    r.mutable_execution()->set_run_id(run_id);
    calls_.ask_for<api::DescribeWorkflowExecutionResponse>("DescribeWorkflowExecution", r,
                                                           std::move(read));
  }

  void reset_to(std::int64_t event_id) {
    event_id_ = event_id;
    describe(run_id_, [self = shared_from_this()](auto described) {
      if (!described)
        return self->done_(verdict_on(described.error()));
      // The one that was described, should another be current by now.
      self->run_id_ = described->workflow_execution_info().execution().run_id();
      const auto& made = described->workflow_extended_info().reset_run_id();
      if (made.empty())
        return self->reset();
      self->look_at(made);
    });
  }

  /// A reset of this run made that one. Since the batch began, one is enough.
  void look_at(const std::string& run_id) {
    describe(run_id, [self = shared_from_this()](auto described) {
      auto is_gone = !described && described.error().code == errc::not_found;
      if (!described && !is_gone)
        return self->done_(verdict_on(described.error()));
      if (is_gone
          || time_of(described->workflow_execution_info().start_time()) >= self->order_.began)
        return self->done_(batch_verdict::done);
      self->reset();
    });
  }

  void reset() {
    const auto& job = *order_.job;
    const auto& operation = job.reset_operation();
    api::ResetWorkflowExecutionRequest r;
    r.set_namespace_(job.namespace_());
    *r.mutable_workflow_execution() = run();
    r.set_reason(job.reason());
    r.set_request_id(order_.request_id);
    r.set_workflow_task_finish_event_id(event_id_);
    r.set_identity(operation.identity());
    *r.mutable_post_reset_operations() = operation.post_reset_operations();
    if (operation.has_options()) {
      r.set_reset_reapply_type(operation.options().reset_reapply_type());
      *r.mutable_reset_reapply_exclude_types() = operation.options().reset_reapply_exclude_types();
    } else {
      r.set_reset_reapply_type(operation.reset_reapply_type());
    }
    calls_.ask("ResetWorkflowExecution", r.SerializeAsString(),
               [self = shared_from_this()](const result<std::string>& answer) {
                 self->done_(answer ? batch_verdict::done : verdict_on(answer.error()));
               });
  }

  own_calls& calls_;
  batch_reset_order order_;
  std::function<void(batch_verdict)> done_;
  /// The run that is reset: another one where its build was another's.
  std::string run_id_;
  std::int64_t scheduled_ = 0;
  std::int64_t event_id_ = 0;
};

} // namespace

void reset_run(own_calls& api, batch_reset_order order, std::function<void(batch_verdict)> done) {
  std::make_shared<resetting>(api, std::move(order), std::move(done))->begin();
}

} // namespace reprise::frontend
