// How fast the stores make transitions durable. A transition here is one journal row of 400 bytes
// and one update of its run's head, as issue and architecture count them; groups hold 512 of them,
// over many runs that live side by side and are replaced after ten transitions each. Beside it the
// latency of a commit of one, next to what the disk itself needs for an fsync in the same run.
//
//   bench_store_bench [--seconds N] [--folder PATH] [--json FILE]
//
// MySQL is measured on the server that REPRISE_TEST_MYSQL names, in a database of its own.
#include "store/open.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace {

using namespace reprise;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t group_size = 512;
constexpr std::uint64_t transitions_per_run = 10;

double seconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

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
  std::string json{};
};

struct row {
  std::string store{};
  std::string what{};
  double value = 0;
  std::string unit{};
  /// Zero: none is set.
  double target = 0;
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
    auto begin = clock_type::now();
    auto cpu_begin = cpu_seconds();
    auto answers = store_.commit(group);
    measured took{seconds_since(begin), cpu_seconds() - cpu_begin};
    for (auto answer : answers)
      if (answer != store::commit_status::committed)
        fail("a transition was refused");
    create_replaced();
    return took;
  }

  [[noreturn]] static void fail(const std::string& what) {
    std::fprintf(stderr, "store_bench: %s\n", what.c_str());
    std::exit(1);
  }

private:
  store::run_head head_of(const live_run& run) const {
    auto number = std::to_string(run.key);
    auto workflow_id = "order-" + std::to_string((run.key * 2654435761) % 1'000'003) + "-" + number;
    return {.key = run.key,
            .slot = store::slot_of(namespace_id_, workflow_id),
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
        fail("a run could not be created");
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
    workload::fail(r.error().message);
  return std::move(*r);
}

std::vector<store::epoch_number> take(store::store& s) {
  must(s.acquire_lease("bench", std::chrono::hours{1}));
  return must(s.take_slots("bench"));
}

double percentile(std::vector<double>& samples, double p) {
  std::ranges::sort(samples);
  auto place = static_cast<double>(samples.size() - 1) * p;
  return samples[static_cast<std::size_t>(place)];
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

std::pair<double, double> start_latency(const opener& open) {
  auto s = must(open("latency"));
  auto epochs = take(*s);
  std::vector<double> samples;
  for (std::int64_t key = 1; key <= 1000; ++key) {
    auto id = "order-" + std::to_string(key);
    auto slot = store::slot_of("ns", id);
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
    auto begin = clock_type::now();
    if (s->commit({&t, 1}).front() != store::commit_status::committed)
      workload::fail("a start was refused");
    samples.push_back(seconds_since(begin) * 1e3);
  }
  return {percentile(samples, 0.5), percentile(samples, 0.99)};
}

/// What the disk needs for the least that a commit needs: some KiB behind the end of a file.
std::pair<double, double> fsync_latency(const std::string& folder) {
  auto path = folder + "/fsync-probe";
  auto file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0)
    workload::fail("cannot write to " + folder);
  std::string page(16384, 'x');
  std::vector<double> samples;
  for (int i = 0; i < 500; ++i) {
    auto begin = clock_type::now();
    if (write(file, page.data(), page.size()) < 0 || fdatasync(file) != 0)
      workload::fail("the disk refuses to sync");
    samples.push_back(seconds_since(begin) * 1e3);
  }
  close(file);
  std::filesystem::remove(path);
  return {percentile(samples, 0.5), percentile(samples, 0.99)};
}

void measure(const std::string& name, const opener& open, const options& o, double target,
             std::vector<row>& rows) {
  auto per_second = std::string{"transitions/s"};
  auto add = [&](const char* what, const rate& r, double wanted) {
    rows.push_back({name, what, r.per_second, per_second, wanted});
    rows.push_back({name, "  processor time for each", r.cpu_us_each, "us"});
  };
  add("groups of 512, 1,024 live runs", group_rate(open, o, 1024, false), target);
  add("the same, each moves a timer", group_rate(open, o, 1024, true), 0);
  add("groups of 512, 20,000 live runs", group_rate(open, o, 20'000, false), 0);
  auto [p50, p99] = start_latency(open);
  rows.push_back({name, "commit of one start, p50", p50, "ms"});
  rows.push_back({name, "commit of one start, p99", p99, "ms"});
}

void print(const std::vector<row>& rows) {
  for (auto& r : rows) {
    std::printf("%-8s %-36s %12.3f %-14s", r.store.c_str(), r.what.c_str(), r.value,
                r.unit.c_str());
    if (r.target > 0)
      std::printf(" target %.0f: %s", r.target, r.value >= r.target ? "met" : "MISSED");
    std::printf("\n");
  }
}

void write_json(const std::string& path, const std::vector<row>& rows) {
  std::ofstream out{path};
  out << "[\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& r = rows[i];
    out << "  {\"store\": \"" << r.store << "\", \"what\": \"" << r.what
        << "\", \"value\": " << r.value << ", \"unit\": \"" << r.unit
        << "\", \"target\": " << r.target << "}" << (i + 1 < rows.size() ? "," : "") << "\n";
  }
  out << "]\n";
}

options parse(int argc, char** argv) {
  options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string name = argv[i];
    if (name == "--seconds")
      o.seconds = std::atof(argv[i + 1]);
    else if (name == "--folder")
      o.folder = argv[i + 1];
    else if (name == "--json")
      o.json = argv[i + 1];
    else
      workload::fail("unknown option " + name);
  }
  return o;
}

} // namespace

int main(int argc, char** argv) {
  auto o = parse(argc, argv);
  auto folder = o.folder + "/reprise-store-bench-" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  std::vector<row> rows;
  auto [p50, p99] = fsync_latency(folder);
  rows.push_back({"disk", "fsync of 16 KiB, p50", p50, "ms"});
  rows.push_back({"disk", "fsync of 16 KiB, p99", p99, "ms"});
  measure(
    "sqlite",
    [&](const std::string& name) {
      return store::open_sqlite({.path = folder + "/" + name + ".db"});
    },
    o, 120'000, rows);
  if (auto server = std::getenv("REPRISE_TEST_MYSQL"); server != nullptr && *server != '\0') {
    auto database = "reprise_bench_" + std::to_string(getpid()) + "_";
    measure(
      "mysql", [&](const std::string& name) { return store::open_mysql(server + database + name); },
      o, 40'000, rows);
  } else {
    std::fprintf(stderr, "store_bench: MySQL SKIPPED, REPRISE_TEST_MYSQL names no server\n");
  }
  std::filesystem::remove_all(folder);
  print(rows);
  if (!o.json.empty())
    write_json(o.json, rows);
  return 0;
}
