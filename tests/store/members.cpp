// Members, their leases as numbers, and the ranges that they own.
#include "store/mysql/literal.hpp"
#include "tests/store/backends.hpp"

#include <algorithm>
#include <map>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;
using store::incarnation_id;
using store::range_set;

namespace {

constexpr incarnation_id one = 101;
constexpr incarnation_id two = 202;
constexpr incarnation_id three = 303;

store::member member_of(incarnation_id who, const std::string& link_address = "") {
  return {.incarnation = who,
          .life = static_cast<std::uint64_t>(who) << 40U | 1U << 31U,
          .name = "n" + std::to_string(who),
          .link_address = link_address,
          .program_version = "1.2",
          .lease_length = std::chrono::milliseconds{2500}};
}

/// Several servers on one store. Each has an object of its own where a store has room for many.
template <class Backend>
class crowd {
public:
  crowd() : available_(backend.available()) {
  }

  bool available() const {
    return available_;
  }

  store::store& of(incarnation_id who) {
    auto& own = stores_[is_shared ? who : 0];
    if (!own)
      own = must(backend.open());
    return *own;
  }

  void join(incarnation_id who, const std::string& link_address = "", incarnation_id before = 0) {
    auto joined = of(who).join(member_of(who, link_address), before);
    REQUIRE_MESSAGE(joined, (joined ? "" : joined.error().message));
  }

  store::membership renew(incarnation_id who, bool is_draining = false) {
    return must(of(who).renew(who, is_draining));
  }

  bool is_member(incarnation_id who) {
    auto renewed = of(who).renew(who, false);
    if (!renewed)
      CHECK(renewed.error().code == errc::failed_precondition);
    return renewed.has_value();
  }

  /// What it holds already is left alone.
  store::taken_ranges take(incarnation_id who, std::vector<store::still_number> dead = {}) {
    auto& mine = held[who];
    auto taken = must(of(who).take({.self = who, .dead = std::move(dead), .held = mine}));
    mine |= taken.ranges;
    for (std::size_t slot = 0; slot < store::slot_count; ++slot)
      if (taken.epochs[slot] != 0)
        epochs[who][slot] = taken.epochs[slot];
    return taken;
  }

  commit_status write(incarnation_id who, std::int64_t key, std::uint64_t seq) {
    auto epoch = epochs[who][head_of(key).slot];
    return commit_one(of(who), seq == 1 ? start_of(key, epoch) : append_to(key, seq, epoch));
  }

  static constexpr bool is_shared = std::is_same_v<Backend, mysql_backend>;
  Backend backend{};
  std::map<incarnation_id, range_set> held{};
  std::map<incarnation_id, std::map<std::size_t, store::epoch_number>> epochs{};

private:
  bool available_;
  std::map<incarnation_id, std::unique_ptr<store::store>> stores_{};
};

store::still_number number_of(const store::membership& seen, incarnation_id who) {
  REQUIRE(seen.find(who) != nullptr);
  return {.incarnation = who, .renewals = seen.find(who)->renewals};
}

std::size_t owned(const store::membership& seen, incarnation_id who) {
  return static_cast<std::size_t>(std::ranges::count(seen.owners, who));
}

} // namespace

TEST_CASE_TEMPLATE("members join, are seen with what they say, and leave", Backend,
                   REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one);
  w.join(two, "10.0.0.2:7400");
  auto seen = w.renew(one);
  REQUIRE(seen.members.size() == 2);
  CHECK(seen.members[0].who == member_of(one));
  CHECK(seen.members[1].who == member_of(two, "10.0.0.2:7400"));
  CHECK(seen.members[0].renewals > seen.members[1].renewals);
  CHECK(owned(seen, 0) == store::range_count);
  auto next = w.renew(one, true);
  CHECK(next.find(one)->renewals > seen.find(one)->renewals);
  CHECK(next.find(two)->renewals == seen.find(two)->renewals);
  CHECK(next.find(one)->is_draining);
  CHECK_FALSE(w.renew(one).find(one)->is_draining);
  REQUIRE(w.of(two).leave(two));
  CHECK(w.renew(one).find(two) == nullptr);
  CHECK_FALSE(w.is_member(two));
  CHECK_FALSE(w.is_member(three));
  auto again = w.of(one).join(member_of(one), 0);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::failed_precondition);
}

TEST_CASE_TEMPLATE("a database says what its clock shows, and what changes with namespaces",
                   Backend, REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one);
  auto before = w.renew(one);
  CHECK(before.read_at.has_value() == w.is_shared);
  if (before.read_at)
    CHECK(std::chrono::abs(*before.read_at - system_clock{}.now()) < std::chrono::minutes{1});
  CHECK(w.renew(one).registry_version == before.registry_version);
  auto& db = w.of(one);
  REQUIRE(db.create_namespace({.id = "id", .name = "ns", .version = 1, .record = "r"}));
  auto created = w.renew(one).registry_version;
  REQUIRE(db.update_namespace({.id = "id", .name = "ns", .version = 2, .record = "s"}));
  auto updated = w.renew(one).registry_version;
  REQUIRE(db.erase_namespace("id"));
  auto erased = w.renew(one).registry_version;
  CHECK(before.registry_version < created);
  CHECK(created < updated);
  CHECK(updated < erased);
}

TEST_CASE_TEMPLATE("whoever shares nothing takes all or nothing", Backend, REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one);
  w.join(two);
  auto taken = w.take(one);
  CHECK(taken.ranges.all());
  CHECK(std::ranges::none_of(taken.epochs, [](auto e) { return e == 0; }));
  REQUIRE(w.write(one, 7, 1) == commit_status::committed);
  CHECK(w.take(two).ranges.none());
  CHECK(owned(w.renew(two), one) == store::range_count);
  // What it holds stays as it is; what it does not, it may take anew.
  CHECK(w.take(one).ranges.none());
  CHECK(w.write(one, 7, 2) == commit_status::committed);
  w.held[one].reset(store::range_of(head_of(7).slot));
  CHECK(w.take(one).ranges.count() == 1);
  CHECK(w.write(one, 7, 3) == commit_status::committed);
}

TEST_CASE_TEMPLATE("the dead are ended while their number stands, and write nothing more", Backend,
                   REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one);
  w.join(two);
  w.take(one);
  REQUIRE(w.write(one, 7, 1) == commit_status::committed);
  auto then = number_of(w.renew(two), one);
  w.renew(one);
  CHECK(w.take(two, {then}).ranges.none());
  CHECK(w.write(one, 7, 2) == commit_status::committed);
  auto now = number_of(w.renew(two), one);
  auto taken = w.take(two, {now});
  CHECK(taken.ranges.all());
  CHECK(taken.key_floor >= 7);
  CHECK(w.write(one, 7, 3) == commit_status::stale_epoch);
  CHECK_FALSE(w.is_member(one));
  CHECK_FALSE(w.of(one).take({.self = one}));
  CHECK(w.write(two, 7, 3) == commit_status::committed);
  CHECK(w.epochs[two][0] > w.epochs[one][0]);
}

TEST_CASE_TEMPLATE("of two that take over at the same time one does", Backend, REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one);
  w.join(two);
  w.join(three);
  w.take(one);
  auto dead = number_of(w.renew(two), one);
  CHECK(w.take(two, {dead}).ranges.all());
  CHECK(w.take(three, {dead}).ranges.none());
  CHECK(owned(w.renew(three), two) == store::range_count);
}

TEST_CASE_TEMPLATE("who leaves frees its ranges, and writes nothing more", Backend,
                   REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one);
  w.join(two);
  w.take(one);
  REQUIRE(w.write(one, 7, 1) == commit_status::committed);
  REQUIRE(w.of(one).leave(one));
  CHECK(w.write(one, 7, 2) == commit_status::stale_epoch);
  CHECK(owned(w.renew(two), 0) == store::range_count);
  CHECK(w.take(two).ranges.all());
  CHECK(w.write(two, 7, 2) == commit_status::committed);
  CHECK(w.of(one).leave(one));
}

TEST_CASE_TEMPLATE("a process that begins anew ends what it was before", Backend,
                   REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one);
  w.take(one);
  auto old = w.epochs[one][0];
  auto again = w.of(one).join(member_of(two), one);
  REQUIRE(again);
  auto seen = must(w.of(one).renew(two, false));
  CHECK(seen.members.size() == 1);
  CHECK(owned(seen, 0) == store::range_count);
  CHECK(w.write(one, 7, 1) == commit_status::stale_epoch);
  auto taken = must(w.of(one).take({.self = two}));
  CHECK(taken.ranges.all());
  CHECK(taken.epochs[0] > old);
}

TEST_CASE_TEMPLATE("those that share take what they win, and no more", Backend, REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one, "10.0.0.1:1");
  w.join(two, "10.0.0.2:1");
  w.join(three);
  CHECK(w.take(three).ranges.none());
  auto first = w.take(one).ranges;
  auto second = w.take(two).ranges;
  CHECK((first & second).none());
  CHECK((first | second).all());
  // Both have about the same.
  CHECK(first.count() > store::range_count / 4);
  CHECK(second.count() > store::range_count / 4);
  // One that dies leaves them to the winners among the others, also when others end it.
  auto dead = number_of(w.renew(three), one);
  CHECK(w.take(three, {dead}).ranges.none());
  CHECK(owned(w.renew(two), 0) == first.count());
  CHECK(w.take(two).ranges == first);
  for (std::int64_t key = 1; key < 40; ++key)
    CHECK(w.write(one, key, 1) == commit_status::stale_epoch);
  // Who drains wins nothing; and while nobody shares, all belongs to one.
  w.renew(two, true);
  CHECK(w.take(three).ranges.none());
  REQUIRE(w.of(two).leave(two));
  CHECK(w.take(three).ranges.all());
}

TEST_CASE_TEMPLATE("a range is given away behind what was written, and taken by who got it",
                   Backend, REPRISE_BACKENDS) {
  crowd<Backend> w;
  if (!w.available())
    return;
  w.join(one, "10.0.0.1:1");
  w.take(one);
  REQUIRE(w.held[one].all());
  w.join(two, "10.0.0.2:1");
  constexpr std::int64_t key = 7;
  auto range = store::range_of(head_of(key).slot);
  REQUIRE(w.write(one, key, 1) == commit_status::committed);
  REQUIRE(w.of(one).give(one, range, two));
  w.held[one].reset(range);
  CHECK(w.write(one, key, 2) == commit_status::stale_epoch);
  CHECK(w.renew(one).owners[range] == two);
  auto again = w.of(one).give(one, range, three);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::failed_precondition);
  CHECK(w.take(one).ranges.none());
  auto taken = w.take(two).ranges;
  CHECK(taken.count() == 1);
  CHECK(taken[range]);
  CHECK(w.epochs[two][head_of(key).slot] > w.epochs[one][head_of(key).slot]);
  CHECK(w.write(two, key, 2) == commit_status::committed);
  // The others are still the first one's.
  for (std::int64_t other = 8; other < 60; ++other)
    if (store::range_of(head_of(other).slot) != range)
      CHECK(w.write(one, other, 1) == commit_status::committed);
  // To nobody in particular; and to somebody who is no member, which is the same.
  REQUIRE(w.of(two).give(two, range, 0));
  CHECK(w.renew(one).owners[range] == 0);
  w.held[two].reset(range);
  auto winner = store::winner_of(range, w.renew(one).members);
  CHECK(w.take(winner).ranges.count() == 1);
  REQUIRE(w.of(winner).give(winner, range, three));
  w.held[winner].reset(range);
  CHECK(w.take(winner).ranges.count() == 1);
}

// -- who wins ------------------------------------------------------------------------------------

TEST_CASE("when a member comes or goes only its own ranges move") {
  std::vector<store::member_row> members;
  for (incarnation_id i = 1; i <= 8; ++i)
    members.push_back({.who = member_of(i * 1'000'003, "a:1")});
  auto winners = [&] {
    std::vector<incarnation_id> out;
    for (std::size_t r = 0; r < store::range_count; ++r)
      out.push_back(store::winner_of(static_cast<store::range_id>(r), members));
    return out;
  };
  auto all = winners();
  for (const auto& m : members)
    CHECK(std::ranges::count(all, m.who.incarnation) > 10);
  auto gone = members.back().who.incarnation;
  members.pop_back();
  auto fewer = winners();
  for (std::size_t r = 0; r < store::range_count; ++r)
    CHECK((all[r] == gone || all[r] == fewer[r]));
  CHECK(store::winner_of(0, {}) == 0);
}

// -- MySQL ---------------------------------------------------------------------------------------

namespace {

std::unique_ptr<store::mysql::connection> session(const mysql_backend& backend,
                                                  store::mysql::role what) {
  auto address = must(store::mysql::parse_dsn(backend.dsn));
  return std::make_unique<store::mysql::connection>(address, address.database, what);
}

} // namespace

TEST_CASE("a renewal waits for no group, and a take-over waits for no other member") {
  crowd<mysql_backend> w;
  if (!w.available())
    return;
  w.join(one, "10.0.0.1:1");
  w.join(two, "10.0.0.2:1");
  w.join(three);
  w.take(one);
  w.take(two);
  auto dead = number_of(w.renew(one), three);
  // As a member that stands still within its group: nobody but who ends it waits for it.
  auto group = session(w.backend, store::mysql::role::writer);
  group->execute(
    store::mysql::fill("UPDATE fences SET commits = commits + 1 WHERE incarnation = ?", one));
  CHECK(w.is_member(one));
  CHECK(w.is_member(two));
  CHECK(w.take(two, {dead}).ranges.none());
  CHECK_FALSE(w.is_member(three));
  w.join(404, "10.0.0.4:1");
  group->execute("ROLLBACK");
}

TEST_CASE("a server of before keeps its lease until it ends, and is then fenced") {
  crowd<mysql_backend> w;
  if (!w.available())
    return;
  w.join(one);
  auto epoch = w.take(one).epochs[0];
  REQUIRE(w.write(one, 7, 1) == commit_status::committed);
  {
    auto db = session(w.backend, store::mysql::role::reader);
    // As the schema before this one had it.
    db->execute("CREATE TABLE slots(slot INT NOT NULL PRIMARY KEY, epoch BIGINT NOT NULL)");
    db->execute("INSERT INTO slots SELECT a.range_id * 16 + b.range_id, a.epoch + b.range_id "
                "FROM ranges a JOIN ranges b ON b.range_id < 16");
    db->execute("CREATE TABLE slots_lease(id INT, owner VARBINARY(255), expires_at DATETIME(6))");
    db->execute("INSERT INTO slots_lease VALUES(1, 'x', UTC_TIMESTAMP(6) + INTERVAL 20 SECOND)");
    db->execute("DROP TABLE members");
    db->execute("DROP TABLE ranges");
    db->execute("DROP TABLE registry");
    db->execute("ALTER TABLE fences DROP COLUMN joined");
    db->execute("UPDATE schema_version SET version = 8 WHERE id = 1");
  }
  w.join(two);
  auto seen = w.renew(two);
  REQUIRE(seen.members.size() == 2);
  CHECK(owned(seen, one) == store::range_count);
  CHECK(seen.find(one)->who.lease_length > std::chrono::seconds{10});
  CHECK(seen.find(one)->who.lease_length <= std::chrono::seconds{20});
  CHECK(w.take(two).ranges.none());
  CHECK(w.write(one, 7, 2) == commit_status::committed);
  auto taken = w.take(two, {number_of(seen, one)});
  CHECK(taken.ranges.all());
  CHECK(taken.epochs[0] > epoch + (std::uint64_t{15} << 32U));
  CHECK(w.write(one, 7, 3) == commit_status::stale_epoch);
  CHECK(w.write(two, 7, 3) == commit_status::committed);
}

TEST_CASE("a writer that is no member is ended by whoever takes over") {
  crowd<mysql_backend> w;
  if (!w.available())
    return;
  w.join(one);
  w.take(one);
  auto db = session(w.backend, store::mysql::role::reader);
  db->execute("DELETE FROM members");
  db->execute("UPDATE ranges SET owner = 0");
  w.join(two);
  CHECK(w.take(two).ranges.all());
  CHECK(w.write(one, 7, 1) == commit_status::stale_epoch);
}
