// What a step of a workflow costs a server: each workflow has three in a row, and each step is an
// activity or a child workflow of one task.
//
//   bench_steps --target HOST:PORT --pid PID --of activities|children [--count N] [--warm-up N]
//               [--in-flight N] [--figures FILE]
//
// The worker's half keeps what it knows of a run, as SDKs do, and has its later tasks come to a
// queue of its own; the client's half starts a workflow and waits for its end. A long poll that
// comes back empty, on whichever server, is asked again.
#include "bench/support/caller.hpp"
#include "bench/support/figures.hpp"
#include "bench/support/process.hpp"
#include "bench/support/requests.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>

namespace {

using namespace reprise::bench;
namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;

constexpr int steps_of_each = 3;
constexpr std::chrono::seconds call_timeout{10};
constexpr std::chrono::seconds poll_timeout{70};

struct options {
  std::string target{};
  int pid = 0;
  std::string of = "children";
  int count = 1000;
  int warm_up = 50;
  int in_flight = 50;
  std::size_t pollers = 10;
  std::string figures_file{};
};

template <class Response>
Response usable(const char* call, const grpc::Status& status, std::string_view bytes) {
  Response out;
  if (!status.ok() || !out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    fail(std::string{"steps: "} + call + ": " + status.error_message());
  return out;
}

/// What the next command of a run rests on.
struct progress {
  bool is_child = false;
  int begun = 0;
  int done = 0;
};

void take(progress& of, const api::history::v1::HistoryEvent& e) {
  switch (e.event_type()) {
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
      of = {.is_child
            = e.workflow_execution_started_event_attributes().has_parent_workflow_execution()};
      return;
    case enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
    case enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
      ++of.begun;
      return;
    case enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
    case enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
      ++of.done;
      return;
    default:
      return;
  }
}

class worker {
public:
  worker(caller& out, const options& o, std::string queue)
    : out_(out),
      queue_(std::move(queue)),
      own_queue_(queue_ + "-own"),
      with_children_(o.of == "children") {
    for (std::size_t i = 0; i < o.pollers; ++i) {
      poll(false);
      poll(true);
      if (!with_children_)
        poll_activity();
    }
  }

private:
  void poll(bool own) {
    auto r = poll_request(queue_);
    if (own) {
      r.mutable_task_queue()->set_name(own_queue_);
      r.mutable_task_queue()->set_normal_name(queue_);
      r.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
    }
    out_.call(workflow_method("PollWorkflowTaskQueue"), r.SerializeAsString(), poll_timeout,
              [this, own](const grpc::Status& status, std::string_view bytes) {
                auto task = usable<service::PollWorkflowTaskQueueResponse>("poll", status, bytes);
                if (!task.task_token().empty())
                  work_on(task);
                poll(own);
              });
  }

  void work_on(const service::PollWorkflowTaskQueueResponse& task) {
    const auto& run_id = task.workflow_execution().run_id();
    auto& known = runs_[run_id];
    for (const auto& e : task.history().events())
      take(known, e);
    service::RespondWorkflowTaskCompletedRequest answer;
    if (known.is_child || known.done == steps_of_each) {
      answer = complete_request(task.task_token());
      runs_.erase(run_id);
    } else {
      answer.set_namespace_("default");
      answer.set_task_token(task.task_token());
      answer.set_identity("bench@load");
      if (known.begun == known.done)
        *answer.add_commands() = next_step(task.workflow_execution().workflow_id(), known.begun);
      auto& sticky = *answer.mutable_sticky_attributes();
      sticky.mutable_worker_task_queue()->set_name(own_queue_);
      sticky.mutable_worker_task_queue()->set_normal_name(queue_);
      sticky.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
      sticky.mutable_schedule_to_start_timeout()->set_seconds(10);
    }
    out_.call(workflow_method("RespondWorkflowTaskCompleted"), answer.SerializeAsString(),
              call_timeout, [](const grpc::Status& status, std::string_view bytes) {
                usable<service::RespondWorkflowTaskCompletedResponse>("completion", status, bytes);
              });
  }

  api::command::v1::Command next_step(const std::string& workflow_id, int number) const {
    api::command::v1::Command out;
    if (with_children_) {
      out.set_command_type(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION);
      auto& child = *out.mutable_start_child_workflow_execution_command_attributes();
      child.set_namespace_("default");
      child.set_workflow_id(workflow_id + "-" + std::to_string(number));
      child.mutable_workflow_type()->set_name("child");
      child.mutable_task_queue()->set_name(queue_);
      *child.mutable_input()->add_payloads() = hello();
      return out;
    }
    out.set_command_type(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
    auto& activity = *out.mutable_schedule_activity_task_command_attributes();
    activity.set_activity_id(std::to_string(number));
    activity.mutable_activity_type()->set_name("activity");
    activity.mutable_task_queue()->set_name(queue_);
    activity.mutable_start_to_close_timeout()->set_seconds(60);
    *activity.mutable_input()->add_payloads() = hello();
    return out;
  }

  void poll_activity() {
    service::PollActivityTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name(queue_);
    r.set_identity("bench@load");
    out_.call(workflow_method("PollActivityTaskQueue"), r.SerializeAsString(), poll_timeout,
              [this](const grpc::Status& status, std::string_view bytes) {
                auto task = usable<service::PollActivityTaskQueueResponse>("poll", status, bytes);
                if (!task.task_token().empty())
                  complete_activity(task.task_token());
                poll_activity();
              });
  }

  void complete_activity(const std::string& token) {
    service::RespondActivityTaskCompletedRequest r;
    r.set_namespace_("default");
    r.set_task_token(token);
    r.set_identity("bench@load");
    *r.mutable_result()->add_payloads() = hello();
    out_.call(workflow_method("RespondActivityTaskCompleted"), r.SerializeAsString(), call_timeout,
              [](const grpc::Status& status, std::string_view bytes) {
                usable<service::RespondActivityTaskCompletedResponse>("activity", status, bytes);
              });
  }

  caller& out_;
  const std::string queue_;
  const std::string own_queue_;
  const bool with_children_;
  std::map<std::string, progress> runs_{};
};

/// Starts workflows, so many at once, and waits for the end of each.
class customer {
public:
  customer(caller& out, std::string queue) : out_(out), queue_(std::move(queue)) {
  }

  /// How long each took.
  samples run(int count, int in_flight) {
    samples took;
    took_ = &took;
    left_ = count;
    for (int i = 0; i < in_flight; ++i)
      start();
    while (under_way_ > 0)
      out_.run_one(std::chrono::system_clock::now() + std::chrono::seconds{1});
    return took;
  }

private:
  void start() {
    if (left_ == 0)
      return;
    --left_;
    ++under_way_;
    auto workflow_id = queue_ + "-" + std::to_string(++last_);
    out_.call(workflow_method("StartWorkflowExecution"),
              start_request(queue_, workflow_id).SerializeAsString(), call_timeout,
              [this, workflow_id, begun = wall_clock::now()](const grpc::Status& status,
                                                             std::string_view bytes) {
                auto started = usable<service::StartWorkflowExecutionResponse>("start", status,
                                                                               bytes);
                wait(result_request(workflow_id, started.run_id()), begun);
              });
  }

  void wait(const service::GetWorkflowExecutionHistoryRequest& request,
            wall_clock::time_point begun) {
    out_.call(
      workflow_method("GetWorkflowExecutionHistory"), request.SerializeAsString(), poll_timeout,
      [this, request, begun](const grpc::Status& status, std::string_view bytes) {
        auto page = usable<service::GetWorkflowExecutionHistoryResponse>("result", status, bytes);
        if (page.history().events().empty()) {
          auto again = request;
          again.set_next_page_token(page.next_page_token());
          return wait(again, begun);
        }
        if (page.history().events(0).event_type() != enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
          fail("steps: a workflow ended otherwise: " + page.ShortDebugString());
        took_->add(seconds_since(begun) * 1e3);
        --under_way_;
        start();
      });
  }

  caller& out_;
  const std::string queue_;
  samples* took_ = nullptr;
  int left_ = 0;
  int under_way_ = 0;
  int last_ = 0;
};

void run(const options& o) {
  constexpr std::size_t connections = 4;
  auto queue = "steps-" + std::to_string(getpid());
  caller out{o.target, connections};
  worker does{out, o, queue};
  customer asks{out, queue};
  asks.run(o.warm_up, o.in_flight);
  auto cpu = cpu_seconds(o.pid);
  auto begin = wall_clock::now();
  auto took = asks.run(o.count, o.in_flight);
  figures report{o.figures_file};
  report.add("steps.per_second", o.count / seconds_since(begin));
  report.add("steps.server_cpu_ms", (cpu_seconds(o.pid) - cpu) * 1e3 / o.count);
  report.add("steps.resident_mib", resident_mib(o.pid));
  report.add_latency("steps", took);
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Workflows of three steps"};
  app.add_option("--target", o.target)->required();
  app.add_option("--pid", o.pid, "The server's process")->required();
  app.add_option("--of", o.of, "What a step is")->check(CLI::IsMember({"activities", "children"}));
  app.add_option("--count", o.count, "Workflows that are counted")->check(CLI::PositiveNumber);
  app.add_option("--warm-up", o.warm_up, "Workflows before")->check(CLI::NonNegativeNumber);
  app.add_option("--in-flight", o.in_flight)->check(CLI::PositiveNumber);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  wait_for_server(o.target);
  run(o);
  return 0;
}
