// What a run's writes carry.
#include "actors/run/hosted_run.hpp"

#include "engine/engine.hpp"

#include <doctest/doctest.h>

namespace reprise::actors {
namespace {

constexpr run_bounds bounds;
constexpr auto rows_per_snapshot = bounds.rows_per_snapshot;

const engine::machine& workflows = *engine::machine_of(machine_kind::workflow);

engine::execution execution_of_size(std::size_t bytes) {
  engine::execution x;
  x.set_next_event_id(2);
  x.mutable_created()->set_run_id("run");
  (*x.mutable_memo())["m"].set_data(std::string(bytes, 'x'));
  return x;
}

engine::run_state state_of_size(std::size_t bytes) {
  return engine::make_run_state(execution_of_size(bytes));
}

engine::execution& execution_of(hosted_run& run) {
  return run.state().as<engine::execution>();
}

/// Rows after which a snapshot was written, of this many.
std::vector<std::uint64_t> snapshots_of(hosted_run& run, std::uint64_t rows) {
  std::vector<std::uint64_t> out;
  if (run.create({.first_event_id = 1, .event_count = 1, .events = "x"}, {}).snap)
    out.push_back(1);
  while (run.head().last_seq < rows)
    if (auto w = run.append({.first_event_id = 2, .facts = "f"}, nullptr); w.snap)
      out.push_back(w.snap->seq);
  return out;
}

} // namespace

TEST_CASE("a snapshot comes every so many rows") {
  hosted_run run{workflows, state_of_size(100), 1, 0, bounds};
  CHECK(snapshots_of(run, 1200)
        == std::vector<std::uint64_t>{rows_per_snapshot, 2 * rows_per_snapshot});
  CHECK(run.rows_behind_snapshot() == 1200 - 2 * rows_per_snapshot);
  CHECK(run.snapshot_only().snap->seq == 1200);
}

TEST_CASE("a state too large for one statement of a database gets no snapshot and goes on") {
  hosted_run run{workflows, state_of_size(bounds.snapshot_bytes_max), 1, 0, bounds};
  CHECK(snapshots_of(run, 1200).empty());
  CHECK(!run.snapshot_only().snap);
  CHECK(run.rows_behind_snapshot() == 1200);
}

TEST_CASE("an entry that is held shares its row with what comes next") {
  hosted_run run{workflows, state_of_size(100), 1, 0, bounds};
  run.create({.first_event_id = 1, .event_count = 1, .events = "x"}, {});
  auto before = run.head();
  execution_of(run).set_next_event_id(3);
  run.hold({.first_event_id = 2, .event_count = 1, .events = "y"});
  CHECK(run.head().last_seq == before.last_seq);
  CHECK(run.head().next_event_id == before.next_event_id);
  CHECK(run.news().next_event_id == 3);
  CHECK_FALSE(run.touch());
  SUBCASE("a step") {
    auto w = run.append({.first_event_id = 3, .event_count = 1, .events = "z"}, nullptr);
    CHECK(w.row.seq == 2);
    CHECK(w.row.first_event_id == 2);
    CHECK(w.row.event_count == 2);
    CHECK(w.row.events == "yz");
  }
  SUBCASE("nothing") {
    auto w = run.flush();
    REQUIRE(w);
    CHECK(w->what == store::run_write::kind::append);
    CHECK(w->head.next_event_id == 3);
    CHECK(w->row.events == "y");
  }
  SUBCASE("a snapshot") {
    auto w = run.snapshot_only();
    CHECK(w.what == store::run_write::kind::append);
    CHECK(w.row.events == "y");
    REQUIRE(w.snap);
    CHECK(w.snap->seq == 2);
  }
  CHECK(run.head().last_seq == 2);
  CHECK_FALSE(run.flush());
}

TEST_CASE("what a former life held is taken over only where it belongs") {
  hosted_run run{workflows, state_of_size(100), 1, 0, bounds};
  run.create({.first_event_id = 1, .event_count = 1, .events = "x"}, {});
  auto held = [&](const std::string& run_id, std::uint64_t last_seq) {
    run.adopt(std::make_shared<early_entry>(early_entry{.run_id = run_id, .last_seq = last_seq}));
    return run.held() != nullptr;
  };
  CHECK_FALSE(held("another", 1));
  CHECK_FALSE(held("run", 2));
  CHECK_FALSE(held("run", 0));
  CHECK(held("run", 1));
  CHECK(run.flush()->row.seq == 2);
}

TEST_CASE("a young run's memory is estimated by what it wrote, a loaded one's is measured") {
  // What a start writes, and what it makes.
  constexpr std::size_t input = 200;
  auto state = execution_of_size(input);
  for (int i = 0; i < 5; ++i)
    (*state.mutable_memo())[std::to_string(i)].set_data("short");
  auto used = state.SpaceUsedLong();
  hosted_run young{workflows, engine::make_run_state(engine::execution{state}), 1, 0, bounds};
  young.create({.first_event_id = 1, .event_count = 1, .events = state.SerializeAsString()}, {});
  auto estimated = young.resident_bytes();
  hosted_run loaded{
    workflows,
    loaded_run{.state = engine::make_run_state(engine::execution{state}), .head = young.head()},
    bounds};
  auto measured = loaded.resident_bytes();
  CHECK(measured >= used);
  CHECK(estimated * 2 >= measured);
  CHECK(estimated <= measured * 2);
}

TEST_CASE("the estimate of a run's memory follows what it holds") {
  constexpr std::size_t large = 1 << 20;
  hosted_run run{workflows, state_of_size(large), 1, 0, bounds};
  run.create({.first_event_id = 1, .event_count = 1, .events = std::string(large, 'x')}, {});
  CHECK(run.resident_bytes() >= large);
  // It grows by far more than is measured anew with each row.
  for (int i = 0; i < 1000; ++i) {
    (*execution_of(run).mutable_memo())[std::to_string(i)].set_data(std::string(large / 256, 'y'));
    run.append({.first_event_id = 2, .facts = std::string(large / 256 + 64, 'y')}, nullptr);
    REQUIRE(run.resident_bytes() * 10 >= execution_of(run).SpaceUsedLong() * 9);
  }
  execution_of(run).clear_memo();
  for (int i = 0; i < 600; ++i)
    run.append({.first_event_id = 2, .facts = std::string(large / 256, 'y')}, nullptr);
  CHECK(run.resident_bytes() < 2 * large);
}

} // namespace reprise::actors
