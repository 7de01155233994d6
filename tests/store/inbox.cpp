// What an id remembers of the messages that it took.
#include "tests/store/backends.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;
using store::inbox_place;

namespace {

constexpr store::slot_id slot = 37;

store::inbox_add message(const std::string& id, std::int64_t taken = 0) {
  return {.message_id = id,
          .answer = "answer to " + id,
          .sender = std::string{"sender\0'\\", 9},
          .taken_at = at(taken)};
}

template <class World>
store::transition
taking(const World& w, std::vector<store::inbox_add> messages, store::slot_id of = slot) {
  return {.slot = of, .epoch = w.epochs[of], .inbox_adds = std::move(messages)};
}

template <class World>
store::transition
forgetting(const World& w, const std::string& id, std::int64_t when, store::slot_id of = slot) {
  return {.slot = of,
          .epoch = w.epochs[of],
          .inbox_forgets = {{.message_id = id, .forgotten_at = at(when)}}};
}

std::vector<std::string> ids(const std::vector<store::inbox_row>& rows) {
  std::vector<std::string> all;
  for (auto& row : rows)
    all.push_back(row.message_id);
  return all;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE_TEMPLATE("a message that was taken is there with its answer, and only in its slot",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto t = append_to(1, 2, w.epoch_of(1));
  REQUIRE(w.start(1) == commit_status::committed);
  t.inbox_adds = {message("m", 5)};
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  if constexpr (Backend::is_durable)
    w.reopen();
  auto row = must(w->read_inbox(t.slot, "m"));
  REQUIRE(row);
  CHECK(row->slot == t.slot);
  CHECK(row->message_id == "m");
  CHECK(row->answer == "answer to m");
  CHECK(row->sender == message("m").sender);
  CHECK(row->taken_at == at(5));
  CHECK(!row->forgotten_at);
  CHECK(!must(w->read_inbox(t.slot, "M")));
  CHECK(!must(w->read_inbox(t.slot, "m ")));
  CHECK(!must(w->read_inbox(static_cast<store::slot_id>(t.slot + 1), "m")));
}

TEST_CASE_TEMPLATE("a message that comes again refuses the whole transition", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto slot_of_1 = head_of(1).slot;
  auto t = append_to(1, 2, w.epoch_of(1));
  t.inbox_adds = {message("m")};
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  auto again = append_to(1, 3, w.epoch_of(1));
  again.inbox_adds = {message("new"), message("m")};
  again.inbox_adds[1].answer = "another one";
  again.inbox_forgets = {{.message_id = "m", .forgotten_at = at(1)}};
  CHECK(commit_one(*w, again) == commit_status::message_taken);
  CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq == 2);
  CHECK(!must(w->read_inbox(slot_of_1, "new")));
  CHECK(must(w->read_inbox(slot_of_1, "m"))->answer == "answer to m");
  CHECK(!must(w->read_inbox(slot_of_1, "m"))->forgotten_at);
  // A forgotten one is taken as well, until it is swept.
  REQUIRE(commit_one(*w, forgetting(w, "m", 7, slot_of_1)) == commit_status::committed);
  CHECK(commit_one(*w, taking(w, {message("m")}, slot_of_1)) == commit_status::message_taken);
  // The same id in another slot is another's message.
  auto other = static_cast<store::slot_id>(slot_of_1 + 1);
  CHECK(commit_one(*w, taking(w, {message("m")}, other)) == commit_status::committed);
}

TEST_CASE_TEMPLATE("within a group the first copy of a message is taken and the next refused",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::vector<store::transition> group{taking(w, {message("a")}),
                                       taking(w, {message("a")}),
                                       taking(w, {message("b"), message("b")}),
                                       taking(w, {message("c"), message("a")}),
                                       taking(w, {message("c")}),
                                       taking(w, {message("b")})};
  group[1].incarnation = group[4].incarnation = 9;
  using enum commit_status;
  // What follows of a refused life is refused with it; what a refused one took is free again.
  CHECK(w->commit(group)
        == std::vector{committed, message_taken, message_taken, message_taken, message_taken,
                       committed});
  CHECK(must(w->read_inbox(slot, "a")));
  CHECK(must(w->read_inbox(slot, "b")));
  CHECK(!must(w->read_inbox(slot, "c")));
}

TEST_CASE_TEMPLATE("a message may be taken and forgotten in one group, and is forgotten once",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::vector<store::transition> group{taking(w, {message("a"), message("b")}),
                                       forgetting(w, "a", 10), forgetting(w, "a", 20),
                                       forgetting(w, "absent", 10)};
  for (auto status : w->commit(group))
    CHECK(status == commit_status::committed);
  CHECK(must(w->read_inbox(slot, "a"))->forgotten_at == at(10));
  CHECK(commit_one(*w, forgetting(w, "a", 30)) == commit_status::committed);
  CHECK(must(w->read_inbox(slot, "a"))->forgotten_at == at(10));
  CHECK(!must(w->read_inbox(slot, "b"))->forgotten_at);
  CHECK(!must(w->read_inbox(slot, "absent")));
  // Another slot's word does not count.
  auto other = static_cast<store::slot_id>(slot + 1);
  CHECK(commit_one(*w, forgetting(w, "b", 30, other)) == commit_status::committed);
  CHECK(!must(w->read_inbox(slot, "b"))->forgotten_at);
}

TEST_CASE_TEMPLATE("whoever forgets a message before it is taken forgets nothing", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::vector<store::transition> group{forgetting(w, "a", 10), taking(w, {message("a", 20)}),
                                       forgetting(w, "b", 10), taking(w, {message("b", 20)}),
                                       forgetting(w, "b", 30), forgetting(w, "b", 25)};
  for (auto status : w->commit(group))
    CHECK(status == commit_status::committed);
  CHECK(!must(w->read_inbox(slot, "a"))->forgotten_at);
  CHECK(must(w->read_inbox(slot, "b"))->forgotten_at == at(30));
}

TEST_CASE_TEMPLATE("the inbox outlives the run that took its messages", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto t = start_of(1, w.epoch_of(1));
  t.inbox_adds = {message("m")};
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  REQUIRE(commit_one(*w, erase_of(1, w.epoch_of(1))) == commit_status::committed);
  CHECK(must(w->read_inbox(t.slot, "m")));
  t.runs[0].head.key = t.currents[0].key = 2;
  CHECK(commit_one(*w, t) == commit_status::message_taken);
}

TEST_CASE_TEMPLATE("the sweep takes so many of what was forgotten long enough ago, of one range",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto neighbour = static_cast<store::slot_id>(slot + 1);
  auto stranger = static_cast<store::slot_id>(slot + store::slots_a_range);
  auto range = store::range_of(slot);
  REQUIRE(store::range_of(neighbour) == range);
  std::vector<store::transition> group{
    taking(w, {message("1"), message("2"), message("3"), message("open")}),
    taking(w, {message("1")}, neighbour),
    taking(w, {message("1")}, stranger),
    forgetting(w, "1", 10),
    forgetting(w, "2", 20),
    forgetting(w, "3", 30),
    forgetting(w, "1", 15, neighbour),
    forgetting(w, "1", 10, stranger)};
  for (auto status : w->commit(group))
    REQUIRE(status == commit_status::committed);
  CHECK(must(w->sweep_inbox(range, at(10), 100)) == 0);
  CHECK(must(w->sweep_inbox(range, at(30), 2)) == 2);
  CHECK(must(w->sweep_inbox(range, at(30), 2)) == 1);
  CHECK(must(w->sweep_inbox(range, at(30), 2)) == 0);
  CHECK(!must(w->read_inbox(slot, "1")));
  CHECK(!must(w->read_inbox(slot, "2")));
  CHECK(!must(w->read_inbox(neighbour, "1")));
  CHECK(must(w->read_inbox(slot, "3")));
  CHECK(must(w->read_inbox(slot, "open")));
  CHECK(must(w->read_inbox(stranger, "1")));
  // What was swept may come again: nobody knows of it any more.
  CHECK(commit_one(*w, taking(w, {message("1")})) == commit_status::committed);
}

TEST_CASE_TEMPLATE("what nobody forgot is listed oldest first, page by page, of one range", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto neighbour = static_cast<store::slot_id>(slot + 1);
  auto stranger = static_cast<store::slot_id>(slot + store::slots_a_range);
  auto range = store::range_of(slot);
  std::vector<store::transition> group{
    taking(w, {message("d", 40), message("b", 20), message("gone", 20), message("a", 10)}),
    taking(w, {message("b", 20), message("c", 20)}, neighbour),
    taking(w, {message("s", 10)}, stranger), forgetting(w, "gone", 21)};
  for (auto status : w->commit(group))
    REQUIRE(status == commit_status::committed);
  CHECK(ids(must(w->unforgotten(range, at(40), {}, 100))) == list{"a", "b", "b", "c"});
  CHECK(ids(must(w->unforgotten(range, at(41), {}, 100))) == list{"a", "b", "b", "c", "d"});
  list paged;
  std::vector<store::slot_id> slots;
  inbox_place place;
  for (;;) {
    auto page = must(w->unforgotten(range, at(100), place, 1));
    if (page.empty())
      break;
    REQUIRE(page.size() == 1);
    paged.push_back(page[0].message_id);
    slots.push_back(page[0].slot);
    CHECK(page[0].answer == "answer to " + page[0].message_id);
    place = {.taken_at = page[0].taken_at, .message_id = page[0].message_id, .slot = page[0].slot};
  }
  CHECK(paged == list{"a", "b", "b", "c", "d"});
  CHECK(slots == std::vector<store::slot_id>{slot, slot, neighbour, neighbour, slot});
  CHECK(ids(must(w->unforgotten(store::range_of(stranger), at(100), {}, 10))) == list{"s"});
  CHECK(must(w->unforgotten(0, at(100), {}, 10)).empty());
}

TEST_CASE_TEMPLATE("a stale owner takes no message and forgets none", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(commit_one(*w, taking(w, {message("m")})) == commit_status::committed);
  auto late = taking(w, {message("n")});
  auto late_forget = forgetting(w, "m", 3);
  REQUIRE(must(w->raise_epoch(slot, w.epochs[slot])) == w.epochs[slot] + 1);
  CHECK(commit_one(*w, late) == commit_status::stale_epoch);
  CHECK(commit_one(*w, late_forget) == commit_status::stale_epoch);
  CHECK(!must(w->read_inbox(slot, "n")));
  CHECK(!must(w->read_inbox(slot, "m"))->forgotten_at);
}

TEST_CASE_TEMPLATE("ten thousand messages to one id are taken, answered and swept", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  constexpr int count = 10'000;
  std::vector<store::transition> group;
  for (int i = 0; i < count; ++i)
    group.push_back(taking(w, {message("parent:" + std::to_string(i), i)}));
  for (int i = 0; i < count; i += 2)
    group.push_back(forgetting(w, "parent:" + std::to_string(i), i + 1));
  auto answers = w->commit(group);
  REQUIRE(std::ranges::count(answers, commit_status::committed) == std::ssize(group));
  CHECK(must(w->read_inbox(slot, "parent:9999"))->answer == "answer to parent:9999");
  auto range = store::range_of(slot);
  std::size_t swept = 0;
  for (;;) {
    auto some = must(w->sweep_inbox(range, at(count + 1), 999));
    CHECK(some <= 999);
    swept += some;
    if (some == 0)
      break;
  }
  CHECK(swept == count / 2);
  CHECK(must(w->unforgotten(range, at(count), {}, count)).size() == count / 2);
}
