// Somebody reads a list page by page while runs start, close and go: every run that is there all
// the time is met once, and none twice.
#include "tests/store/backends.hpp"

#include <map>
#include <set>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

template <class Backend>
struct walker {
  world<Backend> w{};
  std::map<std::int64_t, std::uint64_t> alive{};
  std::set<std::int64_t> open{};
  std::int64_t next_key = 1;
  std::int64_t clock = 0;
  std::uint64_t state = 4711;

  std::int64_t below(std::size_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<std::int64_t>((state >> 11) % n);
  }

  static store::visibility_row row_of(std::int64_t key, std::optional<time_point> closed) {
    // Three at a time start together.
    auto row = listed(key, key / 3);
    row.close_time = closed;
    row.status = closed ? 2 : 1;
    row.search_attributes = {{"Color", {.texts = {"red"}}}};
    return row;
  }

  void start() {
    auto key = next_key++;
    clock = std::max(clock, key);
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = row_of(key, {});
    REQUIRE(commit_one(*w, t) == commit_status::committed);
    alive[key] = 1;
    open.insert(key);
  }

  void close(std::int64_t key) {
    auto t = append_to(key, ++alive[key], w.epoch_of(key));
    // Two at a time close together.
    t.runs[0].visibility = row_of(key, at(10'000 + ++clock / 2));
    REQUIRE(commit_one(*w, t) == commit_status::committed);
    open.erase(key);
  }

  void close_some() {
    for (int n = 0; n < 3 && !open.empty(); ++n)
      close(*std::next(open.begin(), below(open.size())));
  }

  void erase_one() {
    auto key = std::next(alive.begin(), below(alive.size()))->first;
    REQUIRE(commit_one(*w, erase_of(key, w.epoch_of(key))) == commit_status::committed);
    alive.erase(key);
    open.erase(key);
  }

  /// Reads pages of three as the frontend does, and lets the world go on between them.
  void walk(const store::filter& f, bool closes) {
    auto there = alive;
    std::set<std::int64_t> seen;
    std::optional<store::list_cursor> behind;
    for (int pages = 0; pages < 200; ++pages) {
      auto page = must(w->list(namespace_id, machine_kind::workflow, f, behind, 3));
      for (auto& row : page)
        CHECK_MESSAGE(seen.insert(row.key).second, "met twice: ", row.key);
      if (page.size() < 3)
        break;
      auto& last = page.back();
      store::list_cursor next{
        .close_time = last.close_time, .start_time = last.start_time, .key = last.key};
      if (behind && behind->walk_began) {
        next.walk_began = behind->walk_began;
        if (next.close_time && *next.close_time > *next.walk_began)
          next.close_time.reset();
      } else if (!behind && !last.close_time) {
        next.walk_began = must(w->latest_close(namespace_id, machine_kind::workflow));
        // What closes from now on closes later.
        clock += 2;
      }
      behind = next;
      start();
      if (closes)
        close_some();
      if (below(4) == 0)
        erase_one();
    }
    for (auto& [key, seq] : there)
      if (alive.contains(key))
        CHECK_MESSAGE(seen.contains(key), "missed: ", key);
  }
};

} // namespace

TEST_CASE_TEMPLATE("a walk through a list meets every run once while others come, close and go",
                   Backend, REPRISE_BACKENDS) {
  walker<Backend> a;
  if (!a.w.available())
    return;
  for (int i = 0; i < 60; ++i)
    a.start();
  for (int i = 0; i < 5; ++i)
    a.close_some();
  store::filter red{.what = store::filter::op::equal,
                    .attribute = "Color",
                    .values = {{.type = store::value_type::keyword, .texts = {"red"}}}};
  store::filter running{.what = store::filter::op::equal,
                        .attribute = "ExecutionStatus",
                        .type = store::value_type::integer,
                        .values = {{.type = store::value_type::integer, .integer = 1}}};
  a.walk({}, true);
  a.walk(red, true);
  for (int i = 0; i < 20; ++i)
    a.start();
  a.walk({}, true);
  while (a.open.size() > 10)
    a.close_some();
  for (int i = 0; i < 20; ++i)
    a.start();
  // Those that close are not asked for any more.
  auto closed = a.alive;
  for (auto key : a.open)
    closed.erase(key);
  for (auto& [key, seq] : closed)
    REQUIRE(commit_one(*a.w, erase_of(key, a.w.epoch_of(key))) == commit_status::committed);
  for (auto& [key, seq] : closed)
    a.alive.erase(key);
  a.walk(running, false);
  store::filter both{.what = store::filter::op::both, .children = {running, red}};
  a.walk(both, false);
}

TEST_CASE_TEMPLATE("a filter for open runs finds them wherever the place is", Backend,
                   REPRISE_BACKENDS) {
  walker<Backend> a;
  if (!a.w.available())
    return;
  for (int i = 0; i < 9; ++i)
    a.start();
  for (std::int64_t key : {2, 3, 5})
    a.close(key);
  store::filter open{.what = store::filter::op::in,
                     .attribute = "ExecutionStatus",
                     .type = store::value_type::integer,
                     .values = {{.type = store::value_type::integer, .integer = 1},
                                {.type = store::value_type::integer, .integer = 8}}};
  auto list = [&](const std::optional<store::list_cursor>& behind) {
    std::vector<std::int64_t> keys;
    for (auto& row : must(a.w->list(namespace_id, machine_kind::workflow, open, behind, 10)))
      keys.push_back(row.key);
    return keys;
  };
  CHECK(list({}) == std::vector<std::int64_t>{9, 8, 7, 6, 4, 1});
  CHECK(list(store::list_cursor{.start_time = at(2), .key = 7})
        == std::vector<std::int64_t>{6, 4, 1});
  CHECK(
    list(store::list_cursor{.close_time = at(50'000), .start_time = at(0), .key = 100}).empty());
  CHECK(must(a.w->count(namespace_id, machine_kind::workflow, open)) == 6);
  CHECK(must(a.w->latest_close("another", machine_kind::workflow)) == time_point::min());
}
