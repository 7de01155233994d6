// One batch of terminations: how many it does in a second.
//
//   bench_batch --target HOST:PORT --pid PID [--runs N] [--figures FILE]
//
// Starts the workflows, which nobody works on, and ends them by one batch over a query, as soon as
// that finds them all. Its time is from the call until the batch says that it is over.
#include "bench/support/caller.hpp"
#include "bench/support/figures.hpp"
#include "bench/support/process.hpp"
#include "bench/support/requests.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <thread>

namespace {

using namespace reprise::bench;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;

struct options {
  std::string target{};
  int pid = 0;
  int runs = 10'000;
  std::string figures_file{};
};

class customer {
public:
  explicit customer(const options& o) : options_(o), out_(o.target, 4) {
  }

  void run() {
    start_all();
    wait_until_listed();
    figures report{options_.figures_file};
    auto cpu = cpu_seconds(options_.pid);
    auto begin = wall_clock::now();
    begin_batch();
    auto done = wait_for_batch();
    auto seconds = seconds_since(begin);
    if (done != options_.runs)
      fail("batch: " + std::to_string(done) + " of " + std::to_string(options_.runs)
           + " runs were ended");
    report.add("batch.per_second", options_.runs / seconds);
    report.add("batch.resident_mib", resident_mib(options_.pid));
    report.add("batch.server_cpu_ms", (cpu_seconds(options_.pid) - cpu) * 1e3 / options_.runs);
  }

private:
  void start_all() {
    constexpr std::size_t in_flight = 50;
    constexpr std::chrono::seconds patience{60};
    auto answered = [](const grpc::Status& status, std::string_view) {
      if (!status.ok())
        fail("batch: StartWorkflowExecution: " + status.error_message());
    };
    for (int i = 0; i < options_.runs; ++i) {
      while (out_.under_way() >= in_flight)
        out_.run_one(std::chrono::system_clock::now() + patience);
      out_.call(workflow_method("StartWorkflowExecution"),
                start_request("nobody", "batch-" + std::to_string(i)).SerializeAsString(), patience,
                answered);
    }
    while (out_.under_way() > 0)
      out_.run_one(std::chrono::system_clock::now() + patience);
  }

  /// Where lists are written behind the workflows, a batch would miss the last ones.
  void wait_until_listed() {
    constexpr std::chrono::minutes patience{1};
    service::CountWorkflowExecutionsRequest r;
    r.set_namespace_("default");
    r.set_query(query_);
    for (auto begin = wall_clock::now();
         ask<service::CountWorkflowExecutionsResponse>("CountWorkflowExecutions", r).count()
         < options_.runs;) {
      if (wall_clock::now() - begin > patience)
        fail("batch: the workflows are not listed");
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
  }

  void begin_batch() {
    service::StartBatchOperationRequest r;
    r.set_namespace_("default");
    r.set_job_id(job_);
    r.set_reason("a benchmark");
    r.set_visibility_query(query_);
    r.mutable_termination_operation();
    ask<service::StartBatchOperationResponse>("StartBatchOperation", r);
  }

  std::int64_t wait_for_batch() {
    service::DescribeBatchOperationRequest r;
    r.set_namespace_("default");
    r.set_job_id(job_);
    for (;;) {
      auto told = ask<service::DescribeBatchOperationResponse>("DescribeBatchOperation", r);
      if (told.state() != enums::BATCH_OPERATION_STATE_RUNNING)
        return told.complete_operation_count();
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }

  template <class Response, class Request>
  Response ask(const std::string& method, const Request& request) {
    std::string bytes;
    auto status = out_.call_and_wait(workflow_method(method), request.SerializeAsString(), bytes);
    Response response;
    if (!status.ok() || !response.ParseFromString(bytes))
      fail("batch: " + method + ": " + status.error_message());
    return response;
  }

  const options& options_;
  caller out_;
  std::string job_ = "batch-" + std::to_string(getpid());
  const std::string query_ = "WorkflowId STARTS_WITH 'batch-' AND ExecutionStatus = 'Running'";
};

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"A batch of terminations"};
  app.add_option("--target", o.target)->required();
  app.add_option("--pid", o.pid, "The server's process")->required();
  app.add_option("--runs", o.runs, "How many workflows are ended")->check(CLI::PositiveNumber);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  wait_for_server(o.target);
  customer{o}.run();
  return 0;
}
