// How fast the stores make transitions durable. A transition here is one journal row of 400 bytes
// and one update of its run's head, as issue and architecture count them; groups hold 512 of them,
// over many runs that live side by side and are replaced after ten transitions each. Beside it the
// latency of a commit of one start.
//
//   bench_store [--seconds N] [--starts N] [--folder PATH] [--figures FILE] [--only LOAD]
//
// MySQL is measured on the server that REPRISE_TEST_MYSQL names, in a database of its own.
#include "bench/support/figures.hpp"
#include "store/open.hpp"

#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

namespace {

using namespace reprise;
using namespace reprise::bench;

constexpr std::size_t group_size = 512;
constexpr std::uint64_t transitions_per_run = 10;

/// Processor time of this thread.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Seconds that passed, and that the thread computed.
struct measured {
  double wall = 0;
  double cpu = 0;
};

struct options {
  double seconds = 5;
  std::string folder = std::filesystem::temp_directory_path().string();
  std::int64_t starts = 1000;
  std::string figures_file{};
  std::string only{};
};

/// A run that is alive in the workload.
struct live_run {
  std::int64_t key = 0;
  std::uint64_t last_seq = 0;
};

/// Makes transitions over a window of runs, oldest first, and replaces the runs that are done.
class workload {
public:
  workload(store::store& s, std::vector<store::epoch_number> epochs, std::size_t window,
           bool moves_timers)
    : store_(s), epochs_(std::move(epochs)), runs_(window), moves_timers_(moves_timers) {
    for (auto& run : runs_)
      replaced_.push_back(&run);
    create_replaced();
  }

  /// What the commit took; what the workload itself needs is not counted.
  measured commit_group() {
    std::vector<store::transition> group;
    group.reserve(group_size);
    for (std::size_t i = 0; i < group_size; ++i) {
      auto& run = runs_[next_++ % runs_.size()];
      group.push_back(append(run));
      if (run.last_seq > transitions_per_run)
        replaced_.push_back(&run);
    }
    auto begin = wall_clock::now();
    auto cpu_begin = cpu_seconds();
    auto answers = store_.commit(group);
    measured took{seconds_since(begin), cpu_seconds() - cpu_begin};
    for (auto answer : answers)
      if (answer != store::commit_status::committed)
        fail("store: a transition was refused");
    create_replaced();
    return took;
  }

private:
  store::run_head head_of(const live_run& run) const {
    auto number = std::to_string(run.key);
    auto workflow_id = "order-" + std::to_string((run.key * 2654435761) % 1'000'003) + "-" + number;
    return {.key = run.key,
            .slot = store::slot_of(namespace_id_, machine_kind::workflow, workflow_id),
            .namespace_id = namespace_id_,
            .workflow_id = workflow_id,
            .run_id = std::string(36 - number.size(), '0') + number,
            .last_seq = run.last_seq,
            .next_event_id = static_cast<std::int64_t>(run.last_seq) * 3,
            .timer_at = time_point{std::chrono::seconds{
              moves_timers_ ? run.key * 20 + static_cast<int>(run.last_seq) : run.key}}};
  }

  store::transition append(live_run& run) {
    ++run.last_seq;
    auto head = head_of(run);
    store::transition t{.slot = head.slot, .epoch = epochs_[head.slot]};
    store::journal_row row{.seq = run.last_seq,
                           .first_event_id = head.next_event_id - 3,
                           .event_count = 3,
                           .events = std::string(340, 'e'),
                           .facts = std::string(60, 'f')};
    t.runs.push_back(
      {.what = store::run_write::kind::append, .head = std::move(head), .row = std::move(row)});
    return t;
  }

  void create_replaced() {
    std::vector<store::transition> group;
    for (auto run : replaced_) {
      *run = {.key = next_key_, .last_seq = 1};
      next_key_ += 4096; // as keys made of a time and a slot do
      auto head = head_of(*run);
      store::transition t{.slot = head.slot, .epoch = epochs_[head.slot]};
      t.currents.push_back({.namespace_id = head.namespace_id,
                            .workflow_id = head.workflow_id,
                            .run_id = head.run_id,
                            .key = head.key});
      t.runs.push_back({.what = store::run_write::kind::create,
                        .head = std::move(head),
                        .row = {.seq = 1, .first_event_id = 1, .event_count = 2}});
      group.push_back(std::move(t));
    }
    for (auto answer : store_.commit(group))
      if (answer != store::commit_status::committed)
        fail("store: a run could not be created");
    replaced_.clear();
  }

  store::store& store_;
  std::vector<store::epoch_number> epochs_;
  std::vector<live_run> runs_;
  std::vector<live_run*> replaced_{};
  bool moves_timers_;
  std::size_t next_ = 0;
  std::int64_t next_key_ = std::int64_t{1} << 40;
  std::string namespace_id_ = "11111111-2222-3333-4444-555555555555";
};

template <class T>
T must(result<T> r) {
  if (!r)
    fail("store: " + r.error().message);
  return std::move(*r);
}

std::vector<store::epoch_number> take(store::store& s) {
  return must(store::take_everything(s, store::new_incarnation()));
}

using opener = std::function<result<std::unique_ptr<store::store>>(const std::string& name)>;

struct rate {
  double per_second = 0;
  /// Of the committing thread.
  double cpu_us_each = 0;
};

rate group_rate(const opener& open, const options& o, std::size_t window, bool moves_timers) {
  auto s = must(open("groups-" + std::to_string(window) + (moves_timers ? "-timers" : "")));
  workload work{*s, take(*s), window, moves_timers};
  work.commit_group(); // warm
  measured all;
  std::size_t groups = 0;
  for (; all.wall < o.seconds; ++groups) {
    auto one = work.commit_group();
    all.wall += one.wall;
    all.cpu += one.cpu;
  }
  auto transitions = static_cast<double>(groups * group_size);
  return {transitions / all.wall, all.cpu / transitions * 1e6};
}

samples start_latency(const opener& open, std::int64_t starts) {
  auto s = must(open("latency"));
  auto epochs = take(*s);
  samples out;
  for (std::int64_t key = 1; key <= starts; ++key) {
    auto id = "order-" + std::to_string(key);
    auto slot = store::slot_of("ns", machine_kind::workflow, id);
    store::transition t{.slot = slot, .epoch = epochs[slot]};
    store::run_head head{.key = key,
                         .slot = slot,
                         .namespace_id = "ns",
                         .workflow_id = id,
                         .run_id = "run-" + id,
                         .last_seq = 1};
    t.currents.push_back(
      {.namespace_id = "ns", .workflow_id = id, .run_id = head.run_id, .key = key});
    store::visibility_row listed{.key = key,
                                 .namespace_id = "ns",
                                 .workflow_id = id,
                                 .run_id = head.run_id,
                                 .workflow_type = "order",
                                 .task_queue = "orders",
                                 .info = std::string(300, 'i')};
    t.runs.push_back(
      {.what = store::run_write::kind::create,
       .head = std::move(head),
       .row = {.seq = 1, .first_event_id = 1, .event_count = 2, .events = std::string(400, 'e')},
       .visibility = std::move(listed)});
    auto begin = wall_clock::now();
    if (s->commit({&t, 1}).front() != store::commit_status::committed)
      fail("store: a start was refused");
    out.add(seconds_since(begin) * 1e3);
  }
  return out;
}

void measure(const std::string& name, const opener& open, const options& o, figures& out) {
  auto add = [&](const std::string& what, const rate& r) {
    out.add(name + "." + what + ".per_second", r.per_second);
    out.add(name + "." + what + ".cpu_us", r.cpu_us_each);
  };
  constexpr std::size_t few_runs = 1024;
  constexpr std::size_t many_runs = 20'000;
  auto wanted = [&](const std::string& what) { return (name + "." + what).starts_with(o.only); };
  if (wanted("groups"))
    add("groups", group_rate(open, o, few_runs, false));
  if (wanted("moving-timers"))
    add("moving-timers", group_rate(open, o, few_runs, true));
  if (wanted("many-runs"))
    add("many-runs", group_rate(open, o, many_runs, false));
  if (!wanted("start"))
    return;
  auto starts = start_latency(open, o.starts);
  out.add_latency(name + ".start", starts);
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"How fast the stores make transitions durable"};
  app.add_option("--seconds", o.seconds, "Of each measurement")->check(CLI::PositiveNumber);
  app.add_option("--starts", o.starts, "How many starts, one by one")->check(CLI::PositiveNumber);
  app.add_option("--folder", o.folder)->check(CLI::ExistingDirectory);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  app.add_option("--only", o.only, "Measure what begins so, as mysql or sqlite.groups");
  CLI11_PARSE(app, argc, argv);
  auto folder = o.folder + "/reprise-store-bench-" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  figures out{o.figures_file};
  measure(
    "sqlite",
    [&](const std::string& name) {
      return store::open_sqlite({.path = folder + "/" + name + ".db"});
    },
    o, out);
  if (auto server = std::getenv("REPRISE_TEST_MYSQL"); server != nullptr && *server != '\0') {
    auto database = "reprise_bench_" + std::to_string(getpid()) + "_";
    measure(
      "mysql", [&](const std::string& name) { return store::open_mysql(server + database + name); },
      o, out);
  } else {
    std::fprintf(stderr, "store: MySQL SKIPPED, REPRISE_TEST_MYSQL names no server\n");
  }
  std::filesystem::remove_all(folder);
  return 0;
}
