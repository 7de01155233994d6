// What lists and counts cost while the number of workflows grows: a page of a list, a count by
// status and a filter on one custom keyword that has 100 hits, on a store of some workflows and on
// one of many.
//
//   bench_listing [--few N] [--many N] [--times N] [--folder PATH] [--figures FILE] [--only STORE]
//
// MySQL is measured on the server that REPRISE_TEST_MYSQL names, in databases of its own.
#include "bench/support/figures.hpp"
#include "store/mysql/connection.hpp"
#include "store/open.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

namespace {

using namespace reprise;
using namespace reprise::bench;
using store::filter;

constexpr const char* namespace_id = "11111111-2222-3333-4444-555555555555";
constexpr std::size_t group_size = 512;
constexpr std::int64_t hits = 100;
constexpr std::size_t page_rows = hits;

struct options {
  std::int64_t few = 10'000;
  std::int64_t many = 1'000'000;
  int times = 200;
  std::string folder = std::filesystem::temp_directory_path().string();
  std::string figures_file{};
  std::string only{};
};

template <class T>
T must(result<T> r) {
  if (!r)
    fail("listing: " + r.error().message);
  return std::move(*r);
}

time_point at(std::int64_t seconds) {
  return time_point{std::chrono::seconds{1'700'000'000 + seconds}};
}

/// One of ten is open. Every `count / hits`-th has the keyword that is looked for.
store::visibility_row row_of(std::int64_t key, std::int64_t count) {
  auto id = "order-" + std::to_string(key);
  store::visibility_row row{.key = key,
                            .namespace_id = namespace_id,
                            .workflow_id = id,
                            .run_id = std::string(20, '0') + id,
                            .workflow_type = "type-" + std::to_string(key % 5),
                            .task_queue = "orders",
                            .status = 1,
                            .start_time = at(key),
                            .execution_time = at(key),
                            .info = std::string(300, 'i')};
  if (key % 10 != 0) {
    row.status = key % 10 == 1 ? 3 : 2;
    row.close_time = at(key + 30);
  }
  auto is_hit = key % std::max<std::int64_t>(1, count / hits) == 0;
  row.search_attributes.push_back(
    {"Customer",
     {.texts = {is_hit ? "the one" : "customer-" + std::to_string(key % (count / 20 + 1))}}});
  return row;
}

store::transition start_of(std::int64_t key, std::int64_t count,
                           const std::vector<store::epoch_number>& epochs) {
  auto row = row_of(key, count);
  auto slot = store::slot_of(namespace_id, machine_kind::workflow, row.workflow_id);
  store::transition t{.slot = slot, .epoch = epochs[slot]};
  store::run_head head{.key = key,
                       .slot = slot,
                       .namespace_id = namespace_id,
                       .workflow_id = row.workflow_id,
                       .run_id = row.run_id,
                       .last_seq = 1,
                       .status = row.status};
  t.currents.push_back({.namespace_id = namespace_id,
                        .workflow_id = row.workflow_id,
                        .run_id = row.run_id,
                        .key = key});
  t.runs.push_back({.what = store::run_write::kind::create,
                    .head = std::move(head),
                    .row = {.seq = 1, .first_event_id = 1, .event_count = 2, .events = "events"},
                    .visibility = std::move(row)});
  return t;
}

void fill(store::store& s, std::int64_t count) {
  auto epochs = must(store::take_everything(s, store::new_incarnation()));
  std::vector<store::transition> group;
  for (std::int64_t key = 1; key <= count; ++key) {
    group.push_back(start_of(key, count, epochs));
    if (group.size() < group_size && key < count)
      continue;
    for (auto answer : s.commit(group))
      if (answer != store::commit_status::committed)
        fail("listing: a row was refused");
    group.clear();
  }
}

filter without_division() {
  return {.what = filter::op::is_null, .attribute = "TemporalNamespaceDivision"};
}

filter of_the_one() {
  filter f{.what = filter::op::both};
  f.children.push_back(
    {.what = filter::op::equal, .attribute = "Customer", .values = {{.texts = {"the one"}}}});
  f.children.push_back(without_division());
  return f;
}

/// The median, after as many calls that are not counted as fill the caches.
double median_ms(int times, const std::function<void()>& call) {
  samples taken;
  for (int i = -times / 4 - 1; i < times; ++i) {
    auto begin = wall_clock::now();
    call();
    if (i >= 0)
      taken.add(seconds_since(begin) * 1e3);
  }
  return taken.percentile(0.5);
}

void measure(const std::string& name, store::store& s, std::int64_t count, const options& o,
             figures& out) {
  fill(s, count);
  auto list = [&](const filter& f, const std::optional<store::list_cursor>& behind) {
    auto rows = must(s.list(namespace_id, machine_kind::workflow, f, behind, page_rows));
    if (rows.size() != page_rows)
      fail("listing: a page of " + std::to_string(rows.size()) + " rows");
  };
  out.add(name + ".page_ms", median_ms(o.times, [&] { list(without_division(), {}); }));
  // In the middle of those that closed.
  store::list_cursor middle{.close_time = at(count / 2), .start_time = at(count / 2), .key = count};
  out.add(name + ".middle_ms", median_ms(o.times, [&] { list(without_division(), middle); }));
  out.add(name + ".count_ms", median_ms(o.times, [&] {
            auto groups = must(s.count_by(namespace_id, machine_kind::workflow, without_division(),
                                          "ExecutionStatus", store::value_type::integer));
            std::int64_t all = 0;
            for (auto& group : groups)
              all += group.count;
            if (all != count)
              fail("listing: a count of " + std::to_string(all));
          }));
  out.add(name + ".keyword_ms", median_ms(o.times, [&] { list(of_the_one(), {}); }));
}

void measure_sqlite(const options& o, const std::string& folder, figures& out) {
  for (auto [size, count] : {std::pair{"few", o.few}, std::pair{"many", o.many}}) {
    auto path = folder + "/" + size + ".db";
    auto s = must(store::open_sqlite({.path = path}));
    measure(std::string{"sqlite."} + size, *s, count, o, out);
    s.reset();
    std::filesystem::remove(path);
  }
}

void measure_mysql(const options& o, const std::string& server, figures& out) {
  for (auto [size, count] : {std::pair{"few", o.few}, std::pair{"many", o.many}}) {
    auto address = server + "reprise_bench_" + std::to_string(getpid()) + "_" + size;
    auto s = must(store::open_mysql(address));
    measure(std::string{"mysql."} + size, *s, count, o, out);
    s.reset();
    auto dsn = must(store::mysql::parse_dsn(address));
    store::mysql::connection db{dsn, "", store::mysql::role::reader};
    db.execute("DROP DATABASE `" + dsn.database + "`");
  }
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"What lists and counts cost on few and on many workflows"};
  // So many that there is a whole page behind the middle.
  constexpr std::int64_t least = 400;
  app.add_option("--few", o.few)->check(CLI::Range(least, std::int64_t{1} << 40));
  app.add_option("--many", o.many)->check(CLI::Range(least, std::int64_t{1} << 40));
  app.add_option("--times", o.times, "Calls of each kind")->check(CLI::PositiveNumber);
  app.add_option("--folder", o.folder)->check(CLI::ExistingDirectory);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  app.add_option("--only", o.only, "sqlite or mysql");
  CLI11_PARSE(app, argc, argv);
  auto folder = o.folder + "/reprise-listing-bench-" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  figures out{o.figures_file};
  if (o.only.empty() || o.only == "sqlite")
    measure_sqlite(o, folder, out);
  std::filesystem::remove_all(folder);
  if (!o.only.empty() && o.only != "mysql")
    return 0;
  if (const auto* server = std::getenv("REPRISE_TEST_MYSQL"); server != nullptr && *server != '\0')
    measure_mysql(o, std::string{server} + (std::string_view{server}.ends_with('/') ? "" : "/"),
                  out);
  else
    std::fprintf(stderr, "listing: MySQL SKIPPED, REPRISE_TEST_MYSQL names no server\n");
  return 0;
}
