// How long an execution of 50,000 events takes to come back from a SQLite file: from its snapshot
// with as many rows behind it as a passivated execution may have, and by replay of all its rows.
// Both are what the server itself does when a message reaches an execution that is not in memory.
//
//   bench_rehydrate [--events N] [--folder PATH] [--figures FILE]
#include "actors/run/loader.hpp"
#include "bench/support/figures.hpp"
#include "bench/support/parked.hpp"
#include "bench/support/requests.hpp"
#include "bench/support/run_builder.hpp"
#include "store/open.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

namespace {

using namespace reprise;
using namespace reprise::bench;

/// See actors/slot/slot_lives.cpp: passivation asks for a snapshot when more rows are behind the
/// last.
constexpr std::uint64_t rows_behind_snapshot = 64;
constexpr std::size_t group_size = 512;

struct options {
  std::int64_t events = 50'000;
  std::string folder = std::filesystem::temp_directory_path().string();
  std::string figures_file{};
};

void commit(store_owner& owner, std::vector<store::transition> all) {
  for (std::size_t at = 0; at < all.size(); at += group_size) {
    auto end = std::min(at + group_size, all.size());
    owner.commit({std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(at)),
                  std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(end))});
  }
}

/// A round wakes the workflow by signals; it asks for activities, which are done before the next.
/// 50,000 events hold a few signals less than the 10,000 that a run may have.
void add_round(run_builder& b, int round) {
  constexpr int signals = 8;
  constexpr int activities = 10;
  for (int i = 0; i < signals; ++i)
    b.signal();
  std::vector<temporal::api::command::v1::Command> commands;
  for (int i = 0; i < activities; ++i)
    commands.push_back(activity_command(std::to_string(round) + "-" + std::to_string(i)));
  b.run_workflow_task(commands);
  b.run_activities();
}

void build(store_owner& owner, const std::string& workflow_id, std::int64_t key, const options& o,
           bool with_snapshot) {
  seeded_ids ids{random_seed()};
  run_builder b{owner, workflow_id, key, ids};
  b.start("bench");
  b.run_workflow_task({timer_command("long", parked_seconds)});
  for (int round = 0; b.run().head().next_event_id <= o.events; ++round)
    add_round(b, round);
  if (with_snapshot)
    b.add_snapshot();
  for (std::uint64_t i = 0; i < rows_behind_snapshot; ++i)
    b.signal();
  commit(owner, b.take_transitions());
}

samples load_times(store::store& db, const store_owner& owner, const std::string& workflow_id,
                   int times, const options& o, bool with_snapshot) {
  samples out;
  for (int i = 0; i < times; ++i) {
    auto begin = wall_clock::now();
    auto loaded = actors::load_run(db, *engine::machine_of(machine_kind::workflow),
                                   {.namespace_id = owner.ns().id, .workflow_id = workflow_id});
    out.add(seconds_since(begin) * 1e3);
    if (loaded.what != actors::loaded_run::outcome::found
        || loaded.state.as<engine::execution>().next_event_id() <= o.events
        || (loaded.snapshot_seq > 0) != with_snapshot)
      fail("rehydrate: the execution did not come back: " + loaded.text);
  }
  return out;
}

void run(const options& o, const std::string& path) {
  auto open = [&] {
    auto db = store::open_sqlite({.path = path});
    if (!db)
      fail("rehydrate: " + db.error().message);
    return std::move(*db);
  };
  {
    auto db = open();
    store_owner owner{*db};
    build(owner, "with-snapshot", 1 << 20, o, true);
    build(owner, "without", 2 << 20, o, false);
  }
  // Opened again: nothing of it is in this process's memory.
  auto db = open();
  store_owner owner{*db};
  constexpr int snapshot_loads = 100;
  constexpr int replays = 9;
  figures out{o.figures_file};
  auto loads = load_times(*db, owner, "with-snapshot", snapshot_loads, o, true);
  out.add_latency("rehydrate.snapshot", loads);
  auto replayed = load_times(*db, owner, "without", replays, o, false);
  out.add_latency("rehydrate.replay", replayed);
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Executions of many events coming back from the store"};
  app.add_option("--events", o.events)->check(CLI::PositiveNumber);
  app.add_option("--folder", o.folder)->check(CLI::ExistingDirectory);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  auto folder = o.folder + "/reprise-rehydrate-" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  run(o, folder + "/store.db");
  std::filesystem::remove_all(folder);
  return 0;
}
