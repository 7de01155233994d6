#include "tests/store/backends.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

store::queue_key queue(const std::string& name, int kind = 1) {
  return {.namespace_id = namespace_id, .name = name, .kind = kind};
}

store::transition adding(const store::queue_key& q, std::vector<std::pair<int, std::int64_t>> rows,
                         store::epoch_number epoch) {
  store::transition t{.slot = 7, .epoch = epoch};
  for (auto [priority, seq] : rows)
    t.backlog_adds.push_back(
      {.queue = q, .priority = priority, .seq = seq, .task = "task " + std::to_string(seq)});
  return t;
}

std::vector<std::int64_t> seqs(const std::vector<store::backlog_row>& rows) {
  std::vector<std::int64_t> all;
  for (auto& row : rows)
    all.push_back(row.seq);
  return all;
}

using list = std::vector<std::int64_t>;

} // namespace

TEST_CASE_TEMPLATE("a backlog is read by priority, then in order, page by page", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto q = queue("orders");
  auto t = adding(q, {{3, 5}, {3, 1}, {1, 9}, {5, 2}, {3, 3}}, w.epochs[7]);
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  auto rows = must(w->read_backlog(q, 0, 0, 100));
  CHECK(seqs(rows) == list{9, 1, 3, 5, 2});
  CHECK(rows[0].priority == 1);
  CHECK(rows[0].task == "task 9");
  CHECK(rows[0].queue == q);
  CHECK(seqs(must(w->read_backlog(q, 0, 0, 2))) == list{9, 1});
  CHECK(seqs(must(w->read_backlog(q, 3, 1, 2))) == list{3, 5});
  CHECK(seqs(must(w->read_backlog(q, 5, 2, 2))).empty());
  CHECK(must(w->count_backlog(q)) == 5);
}

TEST_CASE_TEMPLATE("backlogs of different queues do not mix", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::vector<store::queue_key> queues{queue("a", 1), queue("a", 2), queue("b", 1),
                                       queue(std::string(1000, 'q'), 1),
                                       queue(std::string(999, 'q') + "r", 1)};
  for (auto& q : queues)
    REQUIRE(commit_one(*w, adding(q, {{3, 1}, {3, 2}}, w.epochs[7])) == commit_status::committed);
  auto found = must(w->backlog_queues());
  std::ranges::sort(found);
  std::ranges::sort(queues);
  CHECK(found == queues);
  std::vector<std::pair<int, std::int64_t>> places{{3, 1}, {3, 2}, {3, 77}};
  REQUIRE(w->erase_backlog(queue("a", 2), places));
  CHECK(must(w->count_backlog(queue("a", 2))) == 0);
  CHECK(must(w->count_backlog(queue("a", 1))) == 2);
  CHECK(must(w->backlog_queues()).size() == 4);
  CHECK(must(w->read_backlog(queue("none"), 0, 0, 10)).empty());
}

TEST_CASE_TEMPLATE("a backlog row written again replaces itself", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto q = queue("orders");
  auto t = adding(q, {{3, 1}}, w.epochs[7]);
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  t.backlog_adds[0].task = "again";
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  auto rows = must(w->read_backlog(q, 0, 0, 10));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].task == "again");
}

TEST_CASE_TEMPLATE("a task has one row, the last that was written", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto q = queue("orders");
  auto t = adding(q, {{3, 1}, {3, 2}, {3, 3}}, w.epochs[7]);
  t.backlog_adds[0].task_id = "a";
  t.backlog_adds[1].task_id = "b";
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  auto again = adding(q, {{3, 4}, {2, 5}, {3, 6}}, w.epochs[7]);
  again.backlog_adds[0].task_id = "a";
  again.backlog_adds[1].task_id = "c";
  REQUIRE(commit_one(*w, again) == commit_status::committed);
  auto rows = must(w->read_backlog(q, 0, 0, 10));
  CHECK(seqs(rows) == list{5, 2, 3, 4, 6});
  CHECK(rows[3].task == "task 4");
  CHECK(rows[3].task_id == "a");
  CHECK(rows[4].task_id.empty());
  // What is erased by its old place leaves the new row alone.
  std::vector<std::pair<int, std::int64_t>> old{{3, 1}, {3, 2}};
  REQUIRE(w->erase_backlog(q, old));
  CHECK(seqs(must(w->read_backlog(q, 0, 0, 10))) == list{5, 3, 4, 6});
  auto moved = adding(queue("other"), {{3, 7}}, w.epochs[7]);
  moved.backlog_adds[0].task_id = "a";
  REQUIRE(commit_one(*w, moved) == commit_status::committed);
  CHECK(seqs(must(w->read_backlog(q, 0, 0, 10))) == list{5, 3, 6});
  CHECK(must(w->count_backlog(queue("other"))) == 1);
}

TEST_CASE_TEMPLATE("a task twice in one group has one row", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto q = queue("orders");
  auto t = adding(q, {{3, 1}, {3, 2}}, w.epochs[7]);
  t.backlog_adds[0].task_id = "a";
  t.backlog_adds[1].task_id = "a";
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  CHECK(seqs(must(w->read_backlog(q, 0, 0, 10))) == list{2});
}
