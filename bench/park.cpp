// Fills a store with parked workflows: started, their first workflow task completed with a timer of
// thirty days, waiting for a signal. A server started on the file then has them all to look after.
// They are made by the engine's decisions and committed in groups, far faster than over gRPC.
//
//   bench_park --file STORE.db --count N [--figures FILE]
#include "bench/support/figures.hpp"
#include "bench/support/parked.hpp"
#include "bench/support/requests.hpp"
#include "bench/support/run_builder.hpp"
#include "store/open.hpp"

#include <CLI/CLI.hpp>
#include <future>

namespace {

using namespace reprise;
using namespace reprise::bench;

constexpr std::int64_t workflows_per_group = 400;

std::vector<store::transition> make_group(const store_owner& owner, std::int64_t first,
                                          std::int64_t end, std::int64_t first_key,
                                          id_source& ids) {
  constexpr std::int64_t key_step = 4096; // as keys made of a time and a slot have
  std::vector<store::transition> out;
  for (auto i = first; i < end; ++i) {
    run_builder b{owner, parked_id(i), first_key + i * key_step, ids};
    b.start(parked_queue);
    b.run_workflow_task({timer_command("parked", parked_seconds)});
    std::ranges::move(b.take_transitions(), std::back_inserter(out));
  }
  return out;
}

void fill(store::store& db, std::int64_t count) {
  store_owner owner{db};
  seeded_ids ids{random_seed()};
  // Below every key that a server gives, whose keys begin with the time.
  constexpr std::int64_t first_key = std::int64_t{1} << 40;
  std::future<void> committed;
  auto told = wall_clock::now();
  for (std::int64_t at = 0; at < count; at += workflows_per_group) {
    auto end = std::min(at + workflows_per_group, count);
    auto group = make_group(owner, at, end, first_key, ids);
    if (committed.valid())
      committed.get();
    committed = std::async(std::launch::async,
                           [&owner, group = std::move(group)] { owner.commit(group); });
    if (seconds_since(told) > 5) {
      told = wall_clock::now();
      std::fprintf(stderr, "  %ld of %ld workflows are parked\n", static_cast<long>(end),
                   static_cast<long>(count));
    }
  }
  if (committed.valid())
    committed.get();
}

} // namespace

int main(int argc, char** argv) {
  std::string file;
  std::string figures_file;
  std::int64_t count = 0;
  CLI::App app{"Fills a store with parked workflows"};
  app.add_option("--file", file, "The SQLite file")->required();
  app.add_option("--count", count)->required()->check(CLI::PositiveNumber);
  app.add_option("--figures", figures_file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  auto db = store::open_sqlite({.path = file});
  if (!db)
    fail("park: " + db.error().message);
  auto begin = wall_clock::now();
  fill(**db, count);
  figures{figures_file}.add("park.seconds", seconds_since(begin));
  return 0;
}
