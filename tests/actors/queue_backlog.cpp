// What a queue knows of its rows: against a model of the store that shows rows late and in any
// order.
#include "actors/queue/queue_backlog.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace reprise;
using namespace std::chrono_literals;
using actors::backlog_place;
using actors::queue_backlog;

namespace {

constexpr time_point start{1'700'000'000s};
constexpr auto page = actors::queue_bounds{}.page_rows;

/// A queue's worth of rows, and a queue that hands every task out that it reads.
struct model {
  time_point now = start;
  std::set<backlog_place> store{};
  std::map<backlog_place, int> given{};
  std::vector<backlog_place> order{};
  std::vector<backlog_place> held{};
  queue_backlog b{};
  int reads = 0;

  void refuse(backlog_place row) {
    b.on_refused(row.first, now);
    store.insert(row);
  }

  /// Reads a page if one is wanted: whether it was.
  bool read(bool room = true) {
    auto place = b.wanted(now, room);
    if (!place)
      return false;
    ++reads;
    b.on_reading();
    std::vector<backlog_place> rows;
    for (auto at = store.upper_bound(*place); at != store.end() && rows.size() < page; ++at)
      rows.push_back(*at);
    take(rows);
    return true;
  }

  void take(const std::vector<backlog_place>& rows) {
    auto fresh = b.on_page(rows, now);
    REQUIRE(fresh.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (fresh[i]) {
        ++given[rows[i]];
        order.push_back(rows[i]);
        held.push_back(rows[i]);
      }
  }

  void finish_all() {
    for (const auto& row : held)
      b.on_done(row, now);
    held.clear();
  }

  void erase(bool works = true) {
    auto rows = b.take_erasable(now);
    if (rows.empty())
      return;
    if (works)
      for (const auto& row : rows)
        store.erase(row);
    b.on_erased(rows, works, now);
  }

  /// Until the backlog rests, or `most` has passed.
  void settle(duration most = 10min) {
    auto end = now + most;
    while (now < end && !b.rests()) {
      while (read())
        finish_all();
      erase();
      if (auto next = b.next_time(true))
        now = std::max(*next, now + 1ms);
    }
  }
};

} // namespace

TEST_CASE("nothing is known before the rows were counted, and none means rest") {
  model m;
  CHECK(m.b.unknown());
  CHECK_FALSE(m.b.rests());
  CHECK_FALSE(m.b.wanted(start, true));
  m.b.on_counted(0, start);
  CHECK_FALSE(m.b.unknown());
  CHECK(m.b.rests());
  CHECK_FALSE(m.b.goes_behind(3));
  CHECK_FALSE(m.b.wanted(start, true));
  CHECK_FALSE(m.b.next_time(true));
}

TEST_CASE("rows from before are read in order and erased, then the backlog rests") {
  model m;
  for (int i = 0; i < 2500; ++i)
    m.store.insert({1 + i % 3, i});
  m.b.on_counted(2500, start);
  CHECK(m.b.rows() == 2500);
  CHECK(m.b.goes_behind(1));
  CHECK_FALSE(m.read(false)); // no room
  m.settle();
  CHECK(m.b.rests());
  CHECK(m.b.rows() == 0);
  CHECK(m.store.empty());
  CHECK(m.order.size() == 2500);
  CHECK(std::is_sorted(m.order.begin(), m.order.end()));
  CHECK_FALSE(m.b.goes_behind(5));
}

TEST_CASE("rows that could not be counted or read are asked for again") {
  model m;
  m.store.insert({3, 1});
  m.b.on_counted(std::nullopt, m.now);
  CHECK(m.b.goes_behind(3));
  CHECK_FALSE(m.b.wanted(m.now, true));
  m.now += queue_backlog::retry_after;
  REQUIRE(m.b.wanted(m.now, true));
  m.b.on_reading();
  CHECK_FALSE(m.b.wanted(m.now, true)); // one at a time
  CHECK(m.b.on_page(std::nullopt, m.now).empty());
  CHECK_FALSE(m.b.wanted(m.now, true));
  CHECK(m.b.next_time(true) == m.now + queue_backlog::retry_after);
  m.settle();
  CHECK(m.given.size() == 1);
  CHECK(m.store.empty());
}

TEST_CASE("more urgent tasks do not go behind less urgent rows") {
  model m;
  m.b.on_counted(0, start);
  m.refuse({3, 1});
  CHECK(m.b.goes_behind(3));
  CHECK(m.b.goes_behind(5));
  CHECK_FALSE(m.b.goes_behind(2));
  m.refuse({2, 2});
  CHECK(m.b.goes_behind(2));
}

TEST_CASE("a more urgent row than those that were read is read next") {
  model m;
  m.b.on_counted(0, start);
  for (int i = 0; i < 2000; ++i)
    m.refuse({3, i});
  REQUIRE(m.read());
  CHECK(m.order.size() == page);
  m.refuse({1, 5000});
  REQUIRE(m.read());
  CHECK(m.order[page] == backlog_place{1, 5000});
  m.finish_all();
  m.settle();
  CHECK(m.order.size() == 2001);
  for (const auto& [row, times] : m.given)
    CHECK(times == 1);
}

TEST_CASE("a row that appears before the place that was read is found by a later pass") {
  model m;
  m.b.on_counted(0, start);
  m.b.on_refused(3, m.now); // its row comes late
  m.refuse({3, 20});
  REQUIRE(m.read());
  m.finish_all();
  CHECK(m.order == std::vector<backlog_place>{{3, 20}});
  m.store.insert({3, 10});
  m.settle();
  CHECK(m.order.back() == backlog_place{3, 10});
  CHECK(m.store.empty());
}

TEST_CASE("passes that find nothing become rare, and end a minute after the last refusal") {
  model m;
  m.b.on_counted(0, start);
  m.refuse({3, 1});
  m.settle();
  CHECK(m.b.rests());
  CHECK(m.now - start > queue_backlog::watch_time);
  CHECK(m.now - start < queue_backlog::watch_time + 2 * queue_backlog::pass_pause_max);
  CHECK(m.reads < 25);
}

TEST_CASE("a row whose erasure failed is not given again, and erased in the end") {
  model m;
  m.b.on_counted(0, start);
  m.refuse({3, 1});
  m.read();
  m.finish_all();
  m.now += queue_backlog::erase_after;
  m.erase(false);
  CHECK(m.store.size() == 1);
  m.settle();
  CHECK(m.store.empty());
  CHECK(m.given[{3, 1}] == 1);
}

TEST_CASE("many rows whose erasure failed are not tried again at once") {
  model m;
  for (int n = 0; n < static_cast<int>(page); ++n)
    m.store.insert({3, n});
  m.b.on_counted(static_cast<std::int64_t>(page), start);
  while (m.read())
    m.finish_all();
  auto rows = m.b.take_erasable(m.now);
  REQUIRE(rows.size() == page);
  m.b.on_erased(rows, false, m.now);
  CHECK(m.b.take_erasable(m.now).empty());
  CHECK(m.b.next_time(true) > m.now);
  m.now += queue_backlog::retry_after;
  CHECK(m.b.take_erasable(m.now).size() == page);
}

TEST_CASE("rows are erased together: many at once, few after a moment") {
  model m;
  m.b.on_counted(0, start);
  for (int i = 0; i < 600; ++i)
    m.refuse({3, i});
  m.read();
  for (int i = 0; i < 3; ++i)
    m.b.on_done({3, i}, m.now);
  CHECK(m.b.take_erasable(m.now).empty());
  CHECK(m.b.take_erasable(m.now + queue_backlog::erase_after).size() == 3);
  for (int i = 3; i < 600; ++i)
    m.b.on_done({3, i}, m.now);
  CHECK(m.b.take_erasable(m.now).empty()); // one erasure at a time
  m.b.on_erased(std::vector<backlog_place>{{3, 0}, {3, 1}, {3, 2}}, true, m.now);
  CHECK(m.b.take_erasable(m.now).size() == 597);
}

TEST_CASE("whatever appears when, every row is given once and none is left") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    auto dice = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    model m;
    std::vector<backlog_place> late;
    std::int64_t seq = 0;
    std::size_t made = 0;
    auto before = dice(2) * 1500;
    for (; seq < before; ++seq, ++made)
      m.store.insert({1 + dice(5), seq});
    m.b.on_counted(before, m.now);
    for (int step = 0; step < 3000; ++step) {
      m.now += std::chrono::milliseconds{dice(20)};
      switch (dice(6)) {
        case 0:
          for (int i = dice(40); i > 0; --i, ++made) {
            backlog_place row{1 + dice(5), seq++};
            m.b.on_refused(row.first, m.now);
            if (dice(3) == 0)
              late.push_back(row);
            else
              m.store.insert(row);
          }
          break;
        case 1:
          if (!late.empty()) {
            m.store.insert(late.back());
            late.pop_back();
          }
          break;
        case 2:
          m.read(m.held.size() < 3000);
          break;
        case 3:
          m.finish_all();
          break;
        default:
          m.erase(dice(4) != 0);
      }
    }
    for (const auto& row : late)
      m.store.insert(row);
    m.finish_all();
    m.settle();
    CHECK(m.given.size() == made);
    for (const auto& [row, times] : m.given)
      CHECK(times == 1);
    CHECK(m.store.empty());
    CHECK(m.b.rests());
    CHECK(m.b.rows() == 0);
  }
}

TEST_CASE("rows whose tasks are kept back hold up no pass for what was refused since") {
  model m;
  m.b.on_counted(0, start);
  for (int n = 0; n < static_cast<int>(page); ++n)
    m.refuse({3, n});
  while (m.read()) {
  }
  REQUIRE(m.held.size() == page);
  m.refuse({3, 0x1'0000});
  m.now += 10s;
  CHECK_FALSE(m.b.wanted(m.now, true));
  CHECK(m.b.wanted(m.now, true, page));
  CHECK(m.b.next_time(true, page) <= m.now);
}

TEST_CASE("a row that was put back is read again, after a pause") {
  model m;
  m.b.on_counted(0, start);
  m.refuse({3, 1});
  while (m.read()) {
  }
  REQUIRE(m.given[{3, 1}] == 1);
  m.now += 2min;
  while (m.read()) {
  }
  m.b.on_put_back({3, 1}, m.now);
  m.held.clear();
  auto again = m.b.next_time(true);
  REQUIRE(again);
  CHECK(*again > m.now);
  m.now += 10s;
  while (m.read()) {
  }
  CHECK(m.given[{3, 1}] == 2);
}
