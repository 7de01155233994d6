#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

/// Run 1 with rows: 1 (events 1-2), 2 (facts only), 3 (event 3), 4 (events 4-6), 5 (facts only).
template <class World>
void make_mixed_run(World& w) {
  REQUIRE(w.start(1) == commit_status::committed);

  struct {
    std::uint64_t seq;
    std::int64_t first;
    int count;
  } const rows[] = {{2, 3, 0}, {3, 3, 1}, {4, 4, 3}, {5, 7, 0}};

  for (auto& r : rows) {
    auto t = append_to(1, r.seq, w.epoch_of(1));
    t.runs[0].head.next_event_id = r.first + r.count;
    t.runs[0].row.first_event_id = r.first;
    t.runs[0].row.event_count = r.count;
    t.runs[0].row.events = std::string(static_cast<std::size_t>(r.count) * 10, 'e');
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
}

std::vector<std::uint64_t> seqs(const std::vector<store::journal_row>& rows) {
  std::vector<std::uint64_t> all;
  for (auto& r : rows)
    all.push_back(r.seq);
  return all;
}

using list = std::vector<std::uint64_t>;

} // namespace

TEST_CASE_TEMPLATE("the journal is read from any row on, in order", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_mixed_run(w);
  CHECK(seqs(must(w->read_journal(1, 1, 1'000'000))) == list{1, 2, 3, 4, 5});
  CHECK(seqs(must(w->read_journal(1, 4, 1'000'000))) == list{4, 5});
  CHECK(seqs(must(w->read_journal(1, 6, 1'000'000))).empty());
  CHECK(seqs(must(w->read_journal(9, 1, 1'000'000))).empty());
  CHECK(seqs(must(w->read_journal(1, 1, 0))) == list{1}); // at least one row
  CHECK(seqs(must(w->read_journal(1, 1, 7))) == list{1, 2});
}

TEST_CASE_TEMPLATE("events are found by their number, forwards and backwards", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_mixed_run(w);
  CHECK(seqs(must(w->read_events(1, 1, 1'000'000))) == list{1, 3, 4});
  CHECK(seqs(must(w->read_events(1, 2, 1'000'000))) == list{1, 3, 4});
  CHECK(seqs(must(w->read_events(1, 3, 1'000'000))) == list{3, 4});
  CHECK(seqs(must(w->read_events(1, 5, 1'000'000))) == list{4});
  CHECK(seqs(must(w->read_events(1, 7, 1'000'000))).empty());
  CHECK(seqs(must(w->read_events(1, 0, 4))) == list{1});
  CHECK(seqs(must(w->read_events(1, 0, 5))) == list{1, 3});
  CHECK(seqs(must(w->read_events(9, 1, 100))).empty());
  CHECK(seqs(must(w->read_events_reverse(1, 100, 1'000'000))) == list{4, 3, 1});
  CHECK(seqs(must(w->read_events_reverse(1, 5, 1'000'000))) == list{4, 3, 1});
  CHECK(seqs(must(w->read_events_reverse(1, 3, 1'000'000))) == list{3, 1});
  CHECK(seqs(must(w->read_events_reverse(1, 2, 1'000'000))) == list{1});
  CHECK(seqs(must(w->read_events_reverse(1, 1, 1'000'000))) == list{1});
  CHECK(seqs(must(w->read_events_reverse(1, 0, 1'000'000))).empty());
  CHECK(seqs(must(w->read_events_reverse(1, 6, 0))) == list{4});
  for (auto& row : must(w->read_events(1, 1, 1'000'000)))
    CHECK(row.facts.empty());
}

TEST_CASE_TEMPLATE("forgotten facts go, events stay", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  make_mixed_run(w);
  auto t = append_to(1, 6, w.epoch_of(1));
  t.runs[0].row.first_event_id = 7;
  t.runs[0].snap = store::snapshot{.seq = 4, .state = "folded"};
  t.runs[0].forget_facts_to = 4;
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  auto rows = must(w->read_journal(1, 1, 1'000'000));
  CHECK(seqs(rows) == list{1, 3, 4, 5, 6}); // row 2 held nothing else
  CHECK(rows[0].facts.empty());
  CHECK(rows[0].events == "e1e2");
  CHECK(rows[1].facts.empty());
  CHECK(rows[2].facts.empty());
  CHECK(rows[3].facts == "f5");
  CHECK(rows[4].facts == "f6");
  CHECK(seqs(must(w->read_events(1, 1, 1'000'000))) == list{1, 3, 4, 6});
  CHECK(seqs(must(w->read_events_reverse(1, 7, 1'000'000))) == list{6, 4, 3, 1});
  CHECK(must(w->load_snapshot(1))->seq == 4);

  auto next = append_to(1, 7, w.epoch_of(1));
  next.runs[0].row.first_event_id = 8;
  next.runs[0].snap = store::snapshot{.seq = 6, .state = "folded again"};
  next.runs[0].forget_facts_to = 6;
  REQUIRE(commit_one(*w, next) == commit_status::committed);
  rows = must(w->read_journal(1, 1, 1'000'000));
  CHECK(seqs(rows) == list{1, 3, 4, 6, 7});
  CHECK(rows[3].facts.empty());
  CHECK(rows[4].facts == "f7");
  CHECK(must(w->load_snapshot(1))->state == "folded again");
}

TEST_CASE_TEMPLATE("a long history is paged without gap or repeat", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  std::vector<store::transition> group;
  for (std::uint64_t seq = 2; seq <= 500; ++seq)
    group.push_back(append_to(1, seq, w.epoch_of(1)));
  for (auto status : w->commit(group))
    REQUIRE(status == commit_status::committed);
  std::int64_t next = 1;
  for (std::size_t page = 0; next <= 501; ++page) {
    REQUIRE(page < 600);
    auto rows = must(w->read_events(1, next, 40));
    REQUIRE(!rows.empty());
    for (auto& row : rows) {
      REQUIRE(row.first_event_id == next);
      next = row.first_event_id + row.event_count;
    }
  }
  std::int64_t last = 501;
  while (last >= 1) {
    auto rows = must(w->read_events_reverse(1, last, 40));
    REQUIRE(!rows.empty());
    for (auto& row : rows) {
      REQUIRE(row.first_event_id + row.event_count - 1 == last);
      last = row.first_event_id - 1;
    }
  }
}
