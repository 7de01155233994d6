// One run with a million events: made by the engine's own decisions and committed to a SQLite file,
// read page by page as clients do, folded from its first row on, and continued as new, which is
// what its worker is advised to do after a few thousand.
//
//   bench_long_history [--events N] [--folder PATH] [--figures FILE]
#include "actors/run/event_tail.hpp"
#include "actors/run/loader.hpp"
#include "bench/support/figures.hpp"
#include "bench/support/requests.hpp"
#include "bench/support/run_builder.hpp"
#include "store/open.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

namespace {

using namespace reprise;
using namespace reprise::bench;

namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;

constexpr const char* workflow_id = "long";
constexpr std::int64_t first_key = 1 << 20;

struct options {
  std::int64_t events = 1'000'000;
  std::string folder = std::filesystem::temp_directory_path().string();
  std::string figures_file{};
};

api::command::v1::Command continue_command() {
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_continue_as_new_workflow_execution_command_attributes();
  a.mutable_workflow_type()->set_name("noop");
  a.mutable_task_queue()->set_name("bench");
  return c;
}

/// Rounds of a workflow task and fifty activities, committed as they come.
void make(store_owner& owner, const options& o) {
  constexpr int activities = 50;
  seeded_ids ids{random_seed()};
  run_builder b{owner, workflow_id, first_key, ids};
  b.start("bench");
  for (int round = 0; b.run().head().next_event_id <= o.events; ++round) {
    std::vector<api::command::v1::Command> commands;
    for (int i = 0; i < activities; ++i)
      commands.push_back(activity_command(std::to_string(round) + "-" + std::to_string(i)));
    b.run_workflow_task(commands);
    b.run_activities();
    owner.commit(b.take_transitions());
  }
}

/// As GetWorkflowExecutionHistory does, without a server around it; the events that there are.
std::int64_t read_pages(store::store& db, const store_owner& owner, samples& pages) {
  auto head = db.current_run(owner.ns().id, machine_kind::workflow, workflow_id);
  if (!head || !head->has_value())
    fail("long_history: the run is not there");
  engine::page_request want{.last = (*head)->next_event_id - 1};
  for (auto complete = false; !complete;) {
    auto begin = wall_clock::now();
    auto got = actors::read_page(db, (*head)->key, want);
    pages.add(seconds_since(begin) * 1e3);
    if (!got || got->next <= want.first)
      fail("long_history: a page cannot be read");
    want.first = got->next;
    complete = got->complete;
  }
  return want.first - 1;
}

actors::loaded_run load(store::store& db, const store_owner& owner) {
  auto loaded = actors::load_run(db, *engine::machine_of(machine_kind::workflow),
                                 {.namespace_id = owner.ns().id, .workflow_id = workflow_id});
  if (loaded.what != actors::loaded_run::outcome::found)
    fail("long_history: the run cannot be loaded: " + loaded.text);
  return loaded;
}

/// From the loaded run to the commit of the next one.
void go_on(store::store& db, store_owner& owner, actors::loaded_run loaded) {
  auto old_run = loaded.head.run_id;
  seeded_ids ids{random_seed()};
  run_builder b{owner, std::move(loaded), ids};
  b.run_workflow_task({continue_command()});
  owner.commit(b.take_transitions());
  auto next = db.current_run(owner.ns().id, machine_kind::workflow, workflow_id);
  if (!next || !next->has_value() || (*next)->run_id == old_run || (*next)->next_event_id > 10)
    fail("long_history: the run was not continued");
}

void run(const options& o, const std::string& path) {
  auto opened = store::open_sqlite({.path = path});
  if (!opened)
    fail("long_history: " + opened.error().message);
  auto& db = **opened;
  store_owner owner{db};
  figures out{o.figures_file};
  auto begin = wall_clock::now();
  make(owner, o);
  out.add("long_history.events_per_second", static_cast<double>(o.events) / seconds_since(begin));
  samples pages;
  begin = wall_clock::now();
  if (read_pages(db, owner, pages) < o.events)
    fail("long_history: events are missing");
  out.add("long_history.paged_seconds", seconds_since(begin));
  out.add_latency("long_history.page", pages);
  begin = wall_clock::now();
  auto loaded = load(db, owner);
  out.add("long_history.replay_seconds", seconds_since(begin));
  begin = wall_clock::now();
  go_on(db, owner, std::move(loaded));
  out.add("long_history.continue_ms", seconds_since(begin) * 1e3);
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"One run with a million events"};
  app.add_option("--events", o.events)->check(CLI::PositiveNumber);
  app.add_option("--folder", o.folder)->check(CLI::ExistingDirectory);
  app.add_option("--figures", o.figures_file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  auto folder = o.folder + "/reprise-long-history-" + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  run(o, folder + "/store.db");
  std::filesystem::remove_all(folder);
  return 0;
}
