// Histories that are copied into runs which do not exist yet.
#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

constexpr std::int64_t base = 1;
constexpr std::int64_t forked = 900;

/// The first part: begins the copy with a row of the new run's own.
store::history_copy first_part(std::uint64_t last_seq, std::int64_t begun = 0) {
  return {.from_key = base,
          .to_key = forked,
          .first_seq = 1,
          .last_seq = last_seq,
          .to_seq = 2,
          .begin = store::journal_row{.seq = 1, .first_event_id = 1, .facts = "created"},
          .begun_at = at(begun)};
}

store::history_copy next_part(std::uint64_t first_seq, std::uint64_t last_seq,
                              std::uint64_t to_seq) {
  return {.from_key = base,
          .to_key = forked,
          .first_seq = first_seq,
          .last_seq = last_seq,
          .to_seq = to_seq};
}

/// A run of another id on the copy, whose own row has this number.
template <class World>
store::transition create_on_copy(const World& w, std::uint64_t seq) {
  auto t = start_of(forked, w.epoch_of(forked));
  t.runs[0].on_copy = true;
  t.runs[0].head.last_seq = seq;
  t.runs[0].row.seq = seq;
  t.runs[0].row.first_event_id = 5;
  return t;
}

/// Rows 1 to 4 of the base; the third has no event.
template <class World>
void make_base(World& w) {
  REQUIRE(w.start(base) == commit_status::committed);
  for (std::uint64_t seq = 2; seq <= 4; ++seq) {
    auto t = append_to(base, seq, w.epoch_of(base));
    if (seq == 3) {
      t.runs[0].row.event_count = 0;
      t.runs[0].row.events.clear();
    }
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
}

template <class World>
std::string journal_of(World& w, std::int64_t key) {
  std::string out;
  for (const auto& row : must(w->read_journal(key, 1, 1 << 20)))
    out += std::to_string(row.seq) + ":" + row.events + "/" + row.facts + " ";
  return out;
}

} // namespace

TEST_CASE_TEMPLATE("a run created on a copied history has its events, without facts and gaps",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_base(w);
  CHECK(must(w->copy_history(first_part(2))) == 2);
  CHECK(must(w->copy_history(next_part(3, 4, 4))) == 1);
  REQUIRE(commit_one(*w, create_on_copy(w, 5)) == commit_status::committed);
  if constexpr (Backend::is_durable)
    w.reopen();
  CHECK(journal_of(w, forked) == "1:/created 2:e1e2/ 3:e2/ 4:e4/ 5:e1e2/f1 ");
  CHECK(must(w->read_events(forked, 1, 1 << 20)).size() == 4);
  CHECK(journal_of(w, base) == "1:e1e2/f1 2:e2/f2 3:/f3 4:e4/f4 ");
  // It is no copy any more: no sweep finds it.
  CHECK(must(w->sweep_copies(at(1000), 100)) == 0);
  CHECK(journal_of(w, forked).size() > 0);
}

TEST_CASE_TEMPLATE("what is copied belongs to no run until one is created", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_base(w);
  CHECK(must(w->copy_history(first_part(4))) == 3);
  CHECK(!must(
    w->find_run(namespace_id, machine_kind::workflow, workflow_id_of(forked), run_id_of(forked))));
  CHECK(!must(w->current_run(namespace_id, machine_kind::workflow, workflow_id_of(forked))));
  CHECK(must(w->list(namespace_id, machine_kind::workflow, {}, {}, 10)).size() <= 1);
}

TEST_CASE_TEMPLATE(
  "a sweep erases what was begun long ago, part by part, and nothing becomes of it", Backend,
  REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_base(w);
  CHECK(must(w->copy_history(first_part(4, 10))) == 3);
  CHECK(must(w->sweep_copies(at(10), 100)) == 0);
  CHECK(must(w->sweep_copies(at(11), 2)) == 2);
  // Half of it is gone: neither is it gone on with, nor does a run begin with the rest.
  CHECK(w->copy_history(next_part(1, 1, 5)).error().code == errc::failed_precondition);
  CHECK(commit_one(*w, create_on_copy(w, 5)) == commit_status::conflict);
  CHECK(must(w->sweep_copies(at(11), 2)) == 2);
  CHECK(must(w->sweep_copies(at(11), 2)) == 1);
  CHECK(must(w->sweep_copies(at(11), 2)) == 0);
  CHECK(journal_of(w, forked).empty());
  CHECK(journal_of(w, base) == "1:e1e2/f1 2:e2/f2 3:/f3 4:e4/f4 ");
}

TEST_CASE_TEMPLATE("no run is created on a copy that is not there, nor is one gone on with",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_base(w);
  CHECK(commit_one(*w, create_on_copy(w, 2)) == commit_status::conflict);
  CHECK(w->copy_history(next_part(1, 1, 2)).error().code == errc::failed_precondition);
  // The refused create left nothing behind.
  CHECK(must(w->copy_history(first_part(1))) == 1);
  CHECK(commit_one(*w, create_on_copy(w, 3)) == commit_status::committed);
}

TEST_CASE_TEMPLATE("a history that is erased meanwhile is copied short", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_base(w);
  CHECK(must(w->copy_history(first_part(1))) == 1);
  auto gone = append_to(base, 4, w.epoch_of(base));
  gone.runs[0].what = store::run_write::kind::erase;
  REQUIRE(commit_one(*w, gone) == commit_status::committed);
  CHECK(must(w->copy_history(next_part(2, 4, 3))) == 0);
}
