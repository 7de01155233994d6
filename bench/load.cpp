// How many workflows of one task a server runs in a second: N in flight over gRPC, each of four
// calls. A workflow's client starts it and asks for its result; a worker's half polls for a task
// (of whichever workflow) and completes it. Both halves run side by side and the next workflow
// begins when both are over, so that every workflow costs exactly these four calls, also on the
// echo server (bench/echo.cpp), which knows nothing of workflows.
//
//   bench_load --target HOST:PORT --pid PID --name NAME [--in-flight N] [--seconds S]
//              [--warm-up S] [--threads N] [--connections N] [--figures FILE]
//              [--park COUNT | --record FOLDER]
//
// --park starts that many workflows that stay: each waits for a timer of thirty days behind its
// first task, as those of bench_park do. --record keeps the server's answers to one workflow's
// calls as files, for the echo server.
#include "bench/support/caller.hpp"
#include "bench/support/figures.hpp"
#include "bench/support/parked.hpp"
#include "bench/support/process.hpp"
#include "bench/support/requests.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <fstream>
#include <memory>
#include <thread>

namespace {

using namespace reprise::bench;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;

const std::string start_method = workflow_method("StartWorkflowExecution");
const std::string poll_method = workflow_method("PollWorkflowTaskQueue");
const std::string complete_method = workflow_method("RespondWorkflowTaskCompleted");
const std::string result_method = workflow_method("GetWorkflowExecutionHistory");
constexpr std::chrono::seconds call_timeout{10};
constexpr std::chrono::seconds poll_timeout{70};

struct options {
  std::string target{};
  int pid = 0;
  std::string name = "load";
  std::size_t in_flight = 50;
  double seconds = 10;
  double warm_up = 2;
  std::size_t threads = 1;
  std::size_t connections = 4;
  std::int64_t park = 0;
  std::string figures_file{};
  std::string record{};
};

/// What all threads share.
struct shared_state {
  std::string queue{};
  /// How many workflows stay; 0: all run to their end, until the time is over.
  std::int64_t park = 0;
  std::atomic<std::int64_t> next_parked{0};
  std::atomic<bool> counting{false};
  std::atomic<bool> ending{false};
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> failed{0};
};

void complain(shared_state& shared, const std::string& what) {
  constexpr std::uint64_t told_max = 5;
  if (shared.failed.fetch_add(1) < told_max)
    std::fprintf(stderr, "load: %s\n", what.c_str());
}

/// One workflow after the other.
class chain {
public:
  chain(caller& out, shared_state& shared, samples& latency, std::string name)
    : out_(out), shared_(shared), latency_(latency), name_(std::move(name)) {
  }

  void begin() {
    halves_left_ = 2;
    begun_ = wall_clock::now();
    counts_ = shared_.counting.load(std::memory_order_relaxed);
    poll();
    start();
  }

private:
  void start() {
    workflow_id_ = parks() ? parked_id(shared_.next_parked.fetch_add(1))
                           : name_ + std::to_string(++last_);
    out_.call(start_method, start_request(shared_.queue, workflow_id_).SerializeAsString(),
              call_timeout, [this](const grpc::Status& status, std::string_view bytes) {
                service::StartWorkflowExecutionResponse response;
                if (!usable("start", status, response, bytes))
                  return half_over();
                if (parks())
                  return half_over();
                ask_result(result_request(workflow_id_, response.run_id()));
              });
  }

  void ask_result(const service::GetWorkflowExecutionHistoryRequest& request) {
    out_.call(result_method, request.SerializeAsString(), poll_timeout,
              [this, request](const grpc::Status& status, std::string_view bytes) {
                service::GetWorkflowExecutionHistoryResponse response;
                auto is_here = usable("result", status, response, bytes);
                if (is_here && response.history().events().empty()) {
                  auto again = request;
                  again.set_next_page_token(response.next_page_token());
                  return ask_result(again);
                }
                if (is_here)
                  check_result(response);
                if (counts_)
                  latency_.add(seconds_since(begun_) * 1e3);
                half_over();
              });
  }

  void check_result(const service::GetWorkflowExecutionHistoryResponse& response) {
    const auto& events = response.history().events();
    if (events.size() != 1
        || events[0].event_type() != enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
        || events[0].workflow_execution_completed_event_attributes().result().payloads(0).data()
             != hello().data())
      complain(shared_, "a wrong result: " + response.ShortDebugString());
  }

  void poll() {
    out_.call(poll_method, poll_request(shared_.queue).SerializeAsString(), poll_timeout,
              [this](const grpc::Status& status, std::string_view bytes) {
                service::PollWorkflowTaskQueueResponse response;
                if (!usable("poll", status, response, bytes))
                  return half_over();
                if (response.task_token().empty())
                  return poll();
                complete(response.task_token());
              });
  }

  void complete(const std::string& token) {
    auto request = parks() ? park_request(token) : complete_request(token);
    out_.call(complete_method, request.SerializeAsString(), call_timeout,
              [this](const grpc::Status& status, std::string_view bytes) {
                service::RespondWorkflowTaskCompletedResponse response;
                usable("completion", status, response, bytes);
                half_over();
              });
  }

  template <class Response>
  bool
  usable(const char* call, const grpc::Status& status, Response& response, std::string_view bytes) {
    if (status.ok() && response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return true;
    complain(shared_, std::string{call} + ": " + status.error_message());
    return false;
  }

  void half_over() {
    if (--halves_left_ > 0)
      return;
    if (shared_.counting.load(std::memory_order_relaxed))
      shared_.done.fetch_add(1, std::memory_order_relaxed);
    auto over = parks() ? shared_.next_parked.load(std::memory_order_relaxed) >= shared_.park
                        : shared_.ending.load(std::memory_order_relaxed);
    if (!over)
      begin();
  }

  bool parks() const noexcept {
    return shared_.park > 0;
  }

  caller& out_;
  shared_state& shared_;
  samples& latency_;
  std::string name_;
  std::string workflow_id_{};
  std::uint64_t last_ = 0;
  int halves_left_ = 0;
  /// It began in the time that counts.
  bool counts_ = false;
  wall_clock::time_point begun_{};
};

/// Runs its share of the workflows until the end is said and all of them are over.
void run_lane(const options& o, std::size_t lane, shared_state& shared, samples& latency) {
  caller out{o.target, o.connections};
  std::vector<std::unique_ptr<chain>> chains;
  for (auto i = lane; i < o.in_flight; i += o.threads) {
    chains.push_back(
      std::make_unique<chain>(out, shared, latency, shared.queue + "-" + std::to_string(i) + "-"));
    chains.back()->begin();
  }
  while (out.under_way() > 0)
    out.run_one(std::chrono::system_clock::now() + std::chrono::seconds{1});
}

void wait_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

std::vector<std::thread> start_lanes(const options& o, shared_state& shared,
                                     std::vector<samples>& latencies) {
  latencies.resize(o.threads);
  std::vector<std::thread> out;
  for (std::size_t i = 0; i < o.threads; ++i)
    out.emplace_back([&, i] { run_lane(o, i, shared, latencies[i]); });
  return out;
}

void run(const options& o) {
  shared_state shared;
  shared.queue = "load-" + std::to_string(getpid());
  std::vector<samples> latencies;
  auto lanes = start_lanes(o, shared, latencies);
  wait_seconds(o.warm_up);
  auto begin = wall_clock::now();
  auto server_cpu = cpu_seconds(o.pid);
  auto own_cpu = cpu_seconds(getpid());
  shared.counting = true;
  wait_seconds(o.seconds);
  shared.counting = false;
  auto took = seconds_since(begin);
  server_cpu = cpu_seconds(o.pid) - server_cpu;
  own_cpu = cpu_seconds(getpid()) - own_cpu;
  shared.ending = true;
  for (auto& lane : lanes)
    lane.join();
  samples latency;
  for (const auto& one : latencies)
    latency.add_all(one);
  auto done = static_cast<double>(shared.done);
  if (done == 0 || shared.failed > 0)
    fail("load: " + std::to_string(shared.failed) + " calls failed, " + std::to_string(shared.done)
         + " workflows finished");
  figures out{o.figures_file};
  out.add(o.name + ".per_second", done / took);
  out.add(o.name + ".server_cpu_ms", server_cpu * 1e3 / done);
  out.add(o.name + ".load_cpu_ms", own_cpu * 1e3 / done);
  out.add_latency(o.name, latency);
}

void park(const options& o) {
  shared_state shared;
  shared.queue = parked_queue;
  shared.park = o.park;
  shared.counting = true;
  std::vector<samples> latencies;
  auto begin = wall_clock::now();
  auto server_cpu = cpu_seconds(o.pid);
  auto lanes = start_lanes(o, shared, latencies);
  constexpr double tell_every = 5;
  double resident = 0;
  for (auto told = begin; shared.done < static_cast<std::uint64_t>(o.park) && shared.failed == 0;) {
    wait_seconds(0.1);
    resident = std::max(resident, resident_mib(o.pid));
    if (seconds_since(told) < tell_every)
      continue;
    told = wall_clock::now();
    std::fprintf(stderr, "  %lu of %ld workflows are parked\n",
                 static_cast<unsigned long>(shared.done), static_cast<long>(o.park));
  }
  for (auto& lane : lanes)
    lane.join();
  if (shared.failed > 0)
    fail("load: " + std::to_string(shared.failed) + " calls failed");
  figures out{o.figures_file};
  out.add(o.name + ".per_second", static_cast<double>(shared.done) / seconds_since(begin));
  out.add(o.name + ".server_cpu_ms",
          (cpu_seconds(o.pid) - server_cpu) * 1e3 / static_cast<double>(shared.done));
  out.add(o.name + ".resident_mib", std::max(resident, resident_mib(o.pid)));
}

/// Makes one call and keeps its answer.
template <class Response, class Request>
Response
recorded(caller& out, const std::string& folder, const std::string& name, const Request& request) {
  std::string bytes;
  auto status = out.call_and_wait(workflow_method(name), request.SerializeAsString(), bytes);
  Response response;
  if (!status.ok() || !response.ParseFromString(bytes))
    fail("load: " + name + ": " + status.error_message());
  std::ofstream file{folder + "/" + name, std::ios::binary};
  file << bytes;
  if (!file.flush())
    fail("load: cannot write to " + folder);
  return response;
}

void record(const options& o) {
  caller out{o.target, 1};
  // As long as those of the run.
  auto queue = "load-" + std::to_string(getpid());
  auto workflow_id = queue + "-10-1000";
  auto started = recorded<service::StartWorkflowExecutionResponse>(
    out, o.record, "StartWorkflowExecution", start_request(queue, workflow_id));
  auto task = recorded<service::PollWorkflowTaskQueueResponse>(
    out, o.record, "PollWorkflowTaskQueue", poll_request(queue));
  recorded<service::RespondWorkflowTaskCompletedResponse>(
    out, o.record, "RespondWorkflowTaskCompleted", complete_request(task.task_token()));
  recorded<service::GetWorkflowExecutionHistoryResponse>(
    out, o.record, "GetWorkflowExecutionHistory", result_request(workflow_id, started.run_id()));
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Load of workflows of one task each"};
  app.add_option("--target", o.target)->required();
  app.add_option("--pid", o.pid, "The server's process")->required();
  app.add_option("--name", o.name, "What the figures' names begin with");
  app.add_option("--in-flight", o.in_flight)->check(CLI::PositiveNumber);
  app.add_option("--seconds", o.seconds)->check(CLI::PositiveNumber);
  app.add_option("--warm-up", o.warm_up)->check(CLI::NonNegativeNumber);
  app.add_option("--threads", o.threads)->check(CLI::PositiveNumber);
  app.add_option("--connections", o.connections, "Of each thread")->check(CLI::PositiveNumber);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  app.add_option("--park", o.park, "Start this many workflows, which stay")
    ->check(CLI::PositiveNumber);
  app.add_option("--record", o.record, "Only keep one workflow's answers in this folder");
  CLI11_PARSE(app, argc, argv);
  wait_for_server(o.target);
  if (!o.record.empty())
    record(o);
  else if (o.park > 0)
    park(o);
  else
    run(o);
  return 0;
}
