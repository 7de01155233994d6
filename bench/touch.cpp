// One client and one worker, one call at a time: how long it takes to start a workflow, to signal a
// parked one, and from the signal to its result. Meant to be run twice, on a server that looks
// after no other workflow and on one that has a million parked (bench_park).
//
//   bench_touch --target HOST:PORT --pid PID --name NAME [--times N]
//               [--parked COUNT] [--turn N --turns COUNT] [--scanners N] [--figures FILE]
//
// With --parked it signals, at random, those that bench_park made; without, those it started
// itself. A workflow can be finished once: of several runs on one server each takes its turn's
// share of them. With --scanners so many other clients count all workflows meanwhile, by a filter
// that takes a look at each.
#include "bench/support/caller.hpp"
#include "bench/support/figures.hpp"
#include "bench/support/parked.hpp"
#include "bench/support/process.hpp"
#include "bench/support/requests.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <random>
#include <thread>
#include <unordered_set>

namespace {

using namespace reprise::bench;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;

struct options {
  std::string target{};
  int pid = 0;
  std::string name = "touch";
  int times = 500;
  std::int64_t parked = 0;
  std::int64_t turn = 0;
  std::int64_t turns = 1;
  int scanners = 0;
  std::string figures_file{};
};

/// Clients that count, one call behind the other, while it lives.
class scanners {
public:
  scanners(const std::string& target, int clients) {
    for (int i = 0; i < clients; ++i)
      clients_.emplace_back([this, target](const std::stop_token& ends) { run(target, ends); });
  }

  /// How many were answered with a number.
  std::int64_t counted() const {
    return counted_;
  }

private:
  void run(const std::string& target, const std::stop_token& ends) {
    caller out{target, 1};
    service::CountWorkflowExecutionsRequest request;
    request.set_namespace_("default");
    request.set_query("WorkflowType != 'none' AND TaskQueue != 'none' AND "
                      "(WorkflowId STARTS_WITH 'none' OR RunId STARTS_WITH 'none')");
    while (!ends.stop_requested()) {
      std::string answer;
      if (out
            .call_and_wait(workflow_method("CountWorkflowExecutions"), request.SerializeAsString(),
                           answer)
            .ok())
        ++counted_;
    }
  }

  std::atomic<std::int64_t> counted_{0};
  std::vector<std::jthread> clients_{};
};

class client {
public:
  explicit client(const options& o) : options_(o), out_(o.target, 1) {
  }

  void run() {
    figures report{options_.figures_file};
    constexpr int warm_up = 20;
    for (int i = 0; i < warm_up; ++i)
      one();
    starts_ = signals_ = finishes_ = {};
    scanners meanwhile{options_.target, options_.scanners};
    for (int i = 0; i < options_.times; ++i)
      one();
    if (options_.scanners > 0)
      report.add(options_.name + ".counted", static_cast<double>(meanwhile.counted()));
    report.add_latency(options_.name + ".start", starts_);
    report.add_latency(options_.name + ".signal", signals_);
    report.add_latency(options_.name + ".finish", finishes_);
    report.add(options_.name + ".resident_mib", resident_mib(options_.pid));
  }

private:
  void one() {
    auto mine = "touch-" + std::to_string(getpid()) + "-" + std::to_string(++last_);
    timed(starts_, [&] { start(mine); });
    park();
    auto chosen = options_.parked > 0 ? any_parked() : mine;
    auto begin = wall_clock::now();
    timed(signals_, [&] {
      ask<service::SignalWorkflowExecutionResponse>("SignalWorkflowExecution",
                                                    signal_request(chosen));
    });
    finish(chosen);
    finishes_.add(seconds_since(begin) * 1e3);
  }

  std::string any_parked() {
    for (;;) {
      auto share = options_.parked / options_.turns;
      auto number = std::uniform_int_distribution<std::int64_t>{0,
                                                                share - 1}(random_)*options_.turns
                    + options_.turn;
      if (finished_.insert(number).second)
        return parked_id(number);
    }
  }

  void start(const std::string& id) {
    ask<service::StartWorkflowExecutionResponse>("StartWorkflowExecution",
                                                 start_request(parked_queue, id));
  }

  /// The first task of what was started: it shall wait for its timer.
  void park() {
    ask<service::RespondWorkflowTaskCompletedResponse>("RespondWorkflowTaskCompleted",
                                                       park_request(poll()));
  }

  void finish(const std::string& id) {
    ask<service::RespondWorkflowTaskCompletedResponse>("RespondWorkflowTaskCompleted",
                                                       complete_request(poll()));
    auto result = ask<service::GetWorkflowExecutionHistoryResponse>("GetWorkflowExecutionHistory",
                                                                    result_request(id, {}));
    const auto& events = result.history().events();
    if (events.size() != 1
        || events[0].event_type() != enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
      fail("touch: " + id + " has a wrong result: " + result.ShortDebugString());
  }

  /// Takes a task; answers its token.
  std::string poll() {
    auto task = ask<service::PollWorkflowTaskQueueResponse>("PollWorkflowTaskQueue",
                                                            poll_request(parked_queue));
    if (task.task_token().empty())
      fail("touch: no task came");
    return task.task_token();
  }

  template <class F>
  static void timed(samples& into, F f) {
    auto begin = wall_clock::now();
    f();
    into.add(seconds_since(begin) * 1e3);
  }

  template <class Response, class Request>
  Response ask(const std::string& method, const Request& request) {
    std::string bytes;
    auto status = out_.call_and_wait(workflow_method(method), request.SerializeAsString(), bytes);
    Response response;
    if (!status.ok() || !response.ParseFromString(bytes))
      fail("touch: " + method + ": " + status.error_message());
    return response;
  }

  const options& options_;
  caller out_;
  std::mt19937_64 random_{1};
  std::unordered_set<std::int64_t> finished_{};
  std::uint64_t last_ = 0;
  samples starts_{};
  samples signals_{};
  samples finishes_{};
};

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Latency of one client on parked workflows"};
  app.add_option("--target", o.target)->required();
  app.add_option("--pid", o.pid, "The server's process")->required();
  app.add_option("--name", o.name, "What the figures' names begin with");
  app.add_option("--times", o.times)->check(CLI::PositiveNumber);
  app.add_option("--parked", o.parked, "How many bench_park made")->check(CLI::NonNegativeNumber);
  app.add_option("--turn", o.turn, "Which share of them, from 0 on")->check(CLI::NonNegativeNumber);
  app.add_option("--turns", o.turns, "How many shares")->check(CLI::PositiveNumber);
  app.add_option("--scanners", o.scanners, "How many other clients count")
    ->check(CLI::NonNegativeNumber);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  wait_for_server(o.target);
  client{o}.run();
  return 0;
}
