// What a database server and the network to it may do to the store.
#include "store/mysql/connection.hpp"
#include "store/mysql/literal.hpp"
#include "store/mysql/reconnect_gate.hpp"
#include "tests/store/backends.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/skipping.hpp"
#include "tests/support/tcp_proxy.hpp"

#include <cstdlib>
#include <thread>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;
using store::mysql::connection;
using store::mysql::role;

namespace {

struct mysql_world : world<mysql_backend> {
  store::mysql::dsn address() {
    return must(store::mysql::parse_dsn(backend.dsn));
  }

  /// A session of the test's own, beside the store.
  std::unique_ptr<connection> session(role what = role::reader) {
    auto a = address();
    return std::make_unique<connection>(a, a.database, what);
  }

  /// Another node's store object on the same database, which takes all over.
  std::unique_ptr<store::store> next_owner(const std::string& dsn) {
    auto s = must(store::open_mysql(dsn));
    epochs = take(*s);
    return s;
  }

  static std::vector<store::epoch_number> take(store::store& s) {
    return must(store::take_everything(s, store::new_incarnation()));
  }

  /// The same database through another port of this machine.
  std::string dsn_through(std::uint16_t port) {
    auto a = address();
    return "mysql://" + a.user + (a.password.empty() ? "" : ":" + a.password)
           + "@127.0.0.1:" + std::to_string(port) + "/" + a.database;
  }
};

/// Waits until a transaction of this database waits for a lock: its session. The server keeps its
/// table of transactions as it is while it was read within the last tenth of a second.
std::int64_t await_lock_wait(connection& db) {
  for (int looks = 0; looks < 100; ++looks) {
    auto waiting = db.query("SELECT t.trx_mysql_thread_id FROM information_schema.innodb_trx t "
                            "JOIN information_schema.processlist p "
                            "ON p.id = t.trx_mysql_thread_id "
                            "WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'");
    if (waiting.next())
      return waiting.integer(1);
    std::this_thread::sleep_for(std::chrono::milliseconds{150});
  }
  FAIL("no transaction came to wait for a lock");
  return 0;
}

/// Waits until something comes true.
template <class Condition>
void until(Condition comes_true) {
  for (int looks = 0; looks < 4000; ++looks) {
    if (comes_true())
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  FAIL("what was waited for did not come");
}

/// Ends all other sessions of the database.
void kill_sessions(connection& db) {
  auto others = db.query("SELECT id FROM information_schema.processlist "
                         "WHERE db = DATABASE() AND id <> CONNECTION_ID()");
  while (others.next())
    db.execute(store::mysql::fill("KILL ?", others.integer(1)));
}

bool is_commit(std::string_view bytes) {
  // Length and number of the packet, the command "query", its text.
  return bytes.ends_with("COMMIT") && bytes.size() < 16;
}

} // namespace

TEST_CASE("sessions that the server ended are replaced without anybody noticing") {
  mysql_world w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto db = w.session();
  for (std::uint64_t round = 2; round < 5; ++round) {
    CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
          == round - 1);
    kill_sessions(*db);
    CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
          == round - 1);
    CHECK(w.append(1, round) == commit_status::committed);
    kill_sessions(*db);
    CHECK(w->check());
  }
}

TEST_CASE("a database that comes back without its last commits gets no row behind the hole") {
  mysql_world w;
  if (!w.available())
    return;
  for (std::int64_t key : {1, 2, 3})
    REQUIRE(w.start(key) == commit_status::committed);
  for (std::uint64_t seq : {2, 3, 4})
    REQUIRE(w.append(1, seq) == commit_status::committed);
  REQUIRE(w.append(3, 2) == commit_status::committed);
  auto db = w.session();
  SUBCASE("as after a failover: on a new session") {
    kill_sessions(*db);
    db->execute("DELETE FROM journal WHERE run_key = 1 AND seq > 2");
    db->execute("UPDATE runs SET last_seq = 2 WHERE run_key = 1");
    db->execute("DELETE FROM journal WHERE run_key = 2");
    db->execute("DELETE FROM runs WHERE run_key = 2");
    std::vector<store::transition> group{append_to(1, 5, w.epoch_of(1)),
                                         append_to(2, 2, w.epoch_of(2)),
                                         append_to(3, 3, w.epoch_of(3))};
    CHECK(w->commit(group)
          == std::vector{commit_status::predecessor_lost, commit_status::predecessor_lost,
                         commit_status::committed});
  }
  SUBCASE("behind a proxy, where the session lives on: a run that is gone is noticed") {
    db->execute("DELETE FROM journal WHERE run_key = 1 AND seq > 2");
    db->execute("DELETE FROM runs WHERE run_key = 1");
    std::vector<store::transition> group{append_to(1, 5, w.epoch_of(1)),
                                         append_to(3, 3, w.epoch_of(3))};
    CHECK(w->commit(group)
          == std::vector{commit_status::predecessor_lost, commit_status::committed});
  }
  CHECK(must(w->read_journal(1, 1, 1'000'000)).size() == 2);
  CHECK(must(w->read_journal(3, 1, 1'000'000)).size() == 3);
}

TEST_CASE("a session lost before its COMMIT is unavailable, and nothing of it is there") {
  mysql_world w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto blocker = w.session();
  blocker->execute("START TRANSACTION");
  blocker->query("SELECT 1 FROM runs WHERE run_key = 1 FOR UPDATE");
  auto killer = w.session();
  auto status = commit_status::committed;
  std::jthread committing{[&] { status = w.append(1, 2); }};
  killer->execute(store::mysql::fill("KILL ?", await_lock_wait(*killer)));
  committing.join();
  CHECK(status == commit_status::unavailable);
  blocker->execute("ROLLBACK");
  CHECK(must(w->read_journal(1, 1, 1000)).size() == 1);
  CHECK(w.append(1, 2) == commit_status::committed);
}

TEST_CASE("a deadlock is tried again until it is committed") {
  mysql_world w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto other = w.session();
  auto watcher = w.session();
  other->execute("START TRANSACTION");
  // Much written, so that the server gives up the store's transaction and not this one.
  other->execute("CREATE TEMPORARY TABLE weight(x INT PRIMARY KEY) ENGINE=InnoDB");
  other->execute("INSERT INTO weight SELECT range_id FROM ranges");
  other->query("SELECT 1 FROM runs WHERE run_key = 1 FOR UPDATE");
  auto status = commit_status::unavailable;
  std::jthread committing{[&] { status = w.append(1, 2); }};
  await_lock_wait(*watcher);
  // The store's transaction holds its fence and waits for the run; this one the other way round.
  other->execute("UPDATE fences SET sessions = 0");
  other->execute("ROLLBACK");
  committing.join();
  CHECK(status == commit_status::committed);
  CHECK(must(w->read_journal(1, 1, 1000)).size() == 2);
}

TEST_CASE("committed, but the answer was lost: that is found out, and said") {
  mysql_world w;
  if (!w.available())
    return;
  std::atomic<bool> cut = false;
  tcp_proxy proxy{w.address().port, [&](std::string_view bytes) {
                    return is_commit(bytes) && cut.exchange(false)
                             ? tcp_proxy::verdict::forward_and_cut
                             : tcp_proxy::verdict::forward;
                  }};
  REQUIRE(proxy.ok());
  auto s = w.next_owner(w.dsn_through(proxy.port()));
  REQUIRE(commit_one(*s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  for (std::uint64_t seq = 2; seq < 6; ++seq) {
    cut = true;
    CHECK(commit_one(*s, append_to(1, seq, w.epoch_of(1))) == commit_status::committed);
    CHECK(!cut);
  }
  CHECK(must(s->read_journal(1, 1, 1'000'000)).size() == 5);
  // Nothing is in doubt, so raising an epoch asks nobody.
  proxy.set_down(true);
  auto slot = head_of(1).slot;
  CHECK(must(s->raise_epoch(slot, w.epochs[slot])) == w.epochs[slot] + 1);
}

TEST_CASE(
  "a COMMIT of which nothing can be learned is unknown, and known when there is a session") {
  mysql_world w;
  if (!w.available())
    return;
  std::atomic<bool> cut = false;
  auto what = tcp_proxy::verdict::forward_and_cut;
  tcp_proxy* all = nullptr;
  tcp_proxy proxy{w.address().port, [&](std::string_view bytes) {
                    if (!is_commit(bytes) || !cut.exchange(false))
                      return tcp_proxy::verdict::forward;
                    all->refuse_new(true);
                    return what;
                  }};
  all = &proxy;
  REQUIRE(proxy.ok());
  auto s = w.next_owner(w.dsn_through(proxy.port()));
  REQUIRE(commit_one(*s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  auto slot = head_of(1).slot;
  std::uint64_t stored = 2;
  SUBCASE("it was durable") {
  }
  SUBCASE("it never came") {
    what = tcp_proxy::verdict::hold_and_cut;
    stored = 1;
  }
  cut = true;
  CHECK(commit_one(*s, append_to(1, 2, w.epoch_of(1))) == commit_status::unknown);
  // Before that is known, nobody may read behind it.
  CHECK(s->raise_epoch(slot, w.epochs[slot]).error().code == errc::unavailable);
  proxy.refuse_new(false);
  result<store::epoch_number> raised = error{};
  until([&] { return (raised = s->raise_epoch(slot, w.epochs[slot])).has_value(); });
  auto last = [&] {
    return must(s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq;
  };
  CHECK(last() == stored);
  proxy.deliver_held();
  until([&] { return stored == 2 || proxy.held_was_sent() || proxy.held_was_closed(); });
  CHECK(last() == stored);
  CHECK(commit_one(*s, append_to(1, stored + 1, w.epoch_of(1))) == commit_status::stale_epoch);
  CHECK(commit_one(*s, append_to(1, stored + 1, *raised)) == commit_status::committed);
}

TEST_CASE("a COMMIT that is still under way is ended, and its group committed anew") {
  mysql_world w;
  if (!w.available())
    return;
  std::atomic<bool> hold = false;
  tcp_proxy proxy{w.address().port, [&](std::string_view bytes) {
                    return is_commit(bytes) && hold.exchange(false)
                             ? tcp_proxy::verdict::hold_and_cut
                             : tcp_proxy::verdict::forward;
                  }};
  REQUIRE(proxy.ok());
  auto s = w.next_owner(w.dsn_through(proxy.port()));
  REQUIRE(commit_one(*s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  hold = true;
  CHECK(commit_one(*s, append_to(1, 2, w.epoch_of(1))) == commit_status::committed);
  CHECK(!hold);
  proxy.deliver_held();
  until([&] { return proxy.held_was_sent() || proxy.held_was_closed(); });
  CHECK(must(s->read_journal(1, 1, 1'000'000)).size() == 2);
  CHECK(commit_one(*s, append_to(1, 3, w.epoch_of(1))) == commit_status::committed);
}

TEST_CASE("a database that lost its last commits says so by their number") {
  mysql_world w;
  if (!w.available())
    return;
  std::vector<std::uint64_t> told;
  store::mysql_options options;
  options.on_lost_commits = [&](std::uint64_t groups) { told.push_back(groups); };
  auto s = must(store::open_mysql(w.backend.dsn, options));
  auto self = store::new_incarnation();
  w.epochs = must(store::take_everything(*s, self));
  for (std::int64_t key : {1, 2, 3})
    REQUIRE(commit_one(*s, start_of(key, w.epoch_of(key))) == commit_status::committed);
  auto db = w.session();
  std::uint64_t lost = 2;
  SUBCASE("on a session that lives on, as behind a proxy") {
  }
  SUBCASE("on a new session") {
    kill_sessions(*db);
  }
  SUBCASE("also what it knew of the server") {
    db->execute("DELETE FROM fences");
    lost = 3;
  }
  db->execute("UPDATE fences SET commits = commits - 2 WHERE alive = 1");
  CHECK(commit_one(*s, append_to(1, 2, w.epoch_of(1))) == commit_status::predecessor_lost);
  CHECK(told == std::vector{lost});
  // Whoever renews hears of it, if nobody else does.
  auto renewed = s->renew(self, false);
  REQUIRE_FALSE(renewed);
  CHECK(renewed.error().code == errc::failed_precondition);
  // This incarnation writes nothing more; the next one begins with what is there.
  CHECK(commit_one(*s, append_to(1, 2, w.epoch_of(1))) == commit_status::stale_epoch);
  w.epochs = mysql_world::take(*s);
  CHECK(commit_one(*s, append_to(1, 2, w.epoch_of(1))) == commit_status::committed);
  CHECK(told.size() == 1);
}

TEST_CASE("who was deposed so long ago that nothing is left of it has lost nothing") {
  mysql_world w;
  if (!w.available())
    return;
  std::vector<std::uint64_t> told;
  store::mysql_options options;
  options.on_lost_commits = [&](std::uint64_t groups) { told.push_back(groups); };
  auto s = must(store::open_mysql(w.backend.dsn, options));
  w.epochs = mysql_world::take(*s);
  REQUIRE(commit_one(*s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  auto stale = w.epoch_of(1);
  auto next = w.next_owner(w.backend.dsn);
  auto db = w.session();
  db->execute("UPDATE fences SET ended_at = UTC_TIMESTAMP(6) - INTERVAL 8 DAY WHERE alive = 0");
  auto last = w.next_owner(w.backend.dsn);
  CHECK_FALSE(
    db->query("SELECT 1 FROM fences WHERE ended_at < UTC_TIMESTAMP(6) - INTERVAL 7 DAY").next());
  CHECK(commit_one(*s, append_to(1, 2, stale)) == commit_status::stale_epoch);
  CHECK(told.empty());
  CHECK(commit_one(*last, append_to(1, 2, w.epoch_of(1))) == commit_status::committed);
}

TEST_CASE("a database that lost a take-over gives no epoch twice") {
  mysql_world w;
  if (!w.available())
    return;
  auto s = must(store::open_mysql(w.backend.dsn));
  w.epochs = mysql_world::take(*s);
  REQUIRE(commit_one(*s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  auto db = w.session();
  db->execute("UPDATE ranges SET epoch = epoch - 1");
  db->execute("DELETE FROM fences");
  CHECK(commit_one(*s, append_to(1, 2, w.epoch_of(1))) == commit_status::predecessor_lost);
  auto lost = w.epoch_of(1);
  w.epochs = mysql_world::take(*s);
  CHECK(w.epoch_of(1) > lost);
  CHECK(commit_one(*s, append_to(1, 2, lost)) == commit_status::stale_epoch);
  CHECK(commit_one(*s, append_to(1, 2, w.epoch_of(1))) == commit_status::committed);
}

TEST_CASE("whoever takes over waits for a group that is under way, and nobody comes behind") {
  mysql_world w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto late = w.session(role::writer);
  auto watcher = w.session();
  late->execute("UPDATE fences SET commits = commits + 1 WHERE alive = 1");
  std::atomic<bool> done = false;
  std::uint64_t seen_by_next = 0;
  auto other = must(store::open_mysql(w.backend.dsn));
  std::jthread taking{[&] {
    auto taken = mysql_world::take(*other);
    done = true;
    seen_by_next
      = must(other->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq;
  }};
  await_lock_wait(*watcher);
  CHECK(!done);
  late->execute("UPDATE runs SET last_seq = 2 WHERE run_key = 1");
  late->execute("COMMIT");
  taking.join();
  CHECK(seen_by_next == 2);
  CHECK(w.append(1, 3) == commit_status::stale_epoch);
}

TEST_CASE("an owner that stopped within a group holds nobody up") {
  mysql_world w;
  if (!w.available())
    return;
  std::atomic<bool> hold = false;
  tcp_proxy proxy{w.address().port, [&](std::string_view bytes) {
                    return is_commit(bytes) && hold.exchange(false) ? tcp_proxy::verdict::hold
                                                                    : tcp_proxy::verdict::forward;
                  }};
  REQUIRE(proxy.ok());
  auto s = w.next_owner(w.dsn_through(proxy.port()));
  REQUIRE(commit_one(*s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  hold = true;
  auto status = commit_status::committed;
  auto stuck = append_to(1, 2, w.epoch_of(1));
  std::jthread committing{[&] { status = commit_one(*s, stuck); }};
  until([&] { return proxy.holds(); });
  auto begun = std::chrono::steady_clock::now();
  auto other = w.next_owner(w.backend.dsn);
  // Far less than the silence that the server allows within a transaction.
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{3});
  proxy.deliver_held();
  committing.join();
  CHECK(status == commit_status::stale_epoch);
  CHECK(must(other->read_journal(1, 1, 1'000'000)).size() == 1);
  CHECK(commit_one(*other, append_to(1, 2, w.epoch_of(1))) == commit_status::committed);
}

TEST_CASE("a process that fell silent inside a transaction cannot keep its slots") {
  mysql_world w;
  if (!w.available())
    return;
  // A session that no row names.
  auto stopped = w.session(role::writer);
  stopped->execute("UPDATE fences SET commits = commits + 1 WHERE alive = 1");
  auto old = w.epochs;
  w.take_all(); // waits until the server ends the silent session
  CHECK(w.epochs[3] > old[3]);
  CHECK_THROWS(stopped->execute("COMMIT"));
}

TEST_CASE("the pause within a transaction is bounded by the server where it knows how") {
  mysql_world w;
  if (!w.available())
    return;
  auto bound = [&](role what) {
    auto row = w.session(what)->query("SHOW VARIABLES LIKE 'idle_transaction_timeout'");
    return row.next() ? row.text(2) : std::string{"unknown"};
  };
  auto reader = bound(role::reader);
  if (reader == "unknown")
    return; // then the bound on any silence of a writer has to do
  CHECK(reader == "0");
  // Less than it takes until somebody is missed.
  CHECK(std::stoi(bound(role::writer)) > 0);
  CHECK(std::stoi(bound(role::writer)) < 10);
  auto stopped = w.session(role::writer);
  stopped->execute("UPDATE fences SET commits = commits + 1 WHERE alive = 1");
  auto id = stopped->id();
  auto watcher = w.session();
  auto there = [&] {
    auto session = watcher->query(
      store::mysql::fill("SELECT 1 FROM information_schema.processlist WHERE id = ?", id));
    return session.next();
  };
  CHECK(there());
  until([&] { return !there(); });
  w.take_all();
}

TEST_CASE("while the server is away all is unavailable, and goes on when it is back") {
  mysql_world w;
  if (!w.available())
    return;
  tcp_proxy proxy{w.address().port, [](std::string_view) { return tcp_proxy::verdict::forward; }};
  REQUIRE(proxy.ok());
  auto s = w.next_owner(w.dsn_through(proxy.port()));
  REQUIRE(commit_one(*s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  for (std::uint64_t round = 2; round < 4; ++round) {
    proxy.set_down(true);
    // The first may have had its connection cut behind a COMMIT.
    CHECK(commit_one(*s, append_to(1, round, w.epoch_of(1))) != commit_status::committed);
    CHECK(commit_one(*s, append_to(1, round, w.epoch_of(1))) == commit_status::unavailable);
    CHECK(s->current_run(namespace_id, machine_kind::workflow, "workflow-1").error().code
          == errc::unavailable);
    CHECK(s->renew(w.self, false).error().code == errc::unavailable);
    CHECK(s->check().error().code == errc::unavailable);
    proxy.set_down(false);
    // It is tried again when the pause is over, by whoever comes then.
    until([&] { return s->check().has_value(); });
    CHECK(must(s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
          == round - 1);
    CHECK(commit_one(*s, append_to(1, round, w.epoch_of(1))) == commit_status::committed);
  }
}

TEST_CASE("a server that is away is tried one at a time, with pauses that grow") {
  using std::chrono::milliseconds;
  store::mysql::reconnect_gate gate{milliseconds{20}, milliseconds{100}};
  store::mysql::reconnect_gate::moment now{};
  // While all is well, everybody connects when he wants to.
  CHECK(gate.may_try(now));
  CHECK(gate.may_try(now));
  gate.failed(now);
  gate.failed(now); // the other one, which began before that was known
  for (int pause : {20, 40, 80, 100, 100}) {
    CAPTURE(pause);
    CHECK(!gate.may_try(now + milliseconds{pause - 1}));
    now += milliseconds{pause};
    CHECK(gate.may_try(now));
    CHECK(!gate.may_try(now + milliseconds{500})); // one knocks already
    gate.failed(now);
  }
  now += milliseconds{100};
  CHECK(gate.may_try(now));
  gate.succeeded();
  CHECK(gate.may_try(now));
  CHECK(gate.may_try(now));
  gate.failed(now);
  CHECK(gate.may_try(now + milliseconds{20}));
}

TEST_CASE("under load a server that is away meets few attempts") {
  mysql_world w;
  if (!w.available())
    return;
  tcp_proxy proxy{w.address().port, [](std::string_view) { return tcp_proxy::verdict::forward; }};
  REQUIRE(proxy.ok());
  auto s = must(store::open_mysql(w.dsn_through(proxy.port())));
  REQUIRE(s->check());
  proxy.set_down(true);
  auto begun = proxy.accepted();
  auto ends = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  std::vector<std::jthread> callers;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      while (std::chrono::steady_clock::now() < ends)
        if (!s->current_run(namespace_id, machine_kind::workflow, "workflow-1") && !s->check())
          ++refused;
    });
  callers.clear();
  CHECK(refused > 0);
  // Those that were open, and 20, 40, 80, 160, 320, 640 ms behind each other.
  CHECK(proxy.accepted() - begun < 20);
}

TEST_CASE("a group over the packet limit is split; a member over it is too large") {
  mysql_world w;
  if (!w.available())
    return;
  std::vector<store::transition> group;
  for (std::int64_t key = 1; key <= 24; ++key) {
    group.push_back(start_of(key, w.epoch_of(key)));
    group.back().runs[0].row.events = std::string(1'500'000, '\\'); // doubled when escaped
  }
  group[5].runs[0].row.events = std::string(20'000'000, 'x');
  // One life of an actor: what it decided behind the lost one is lost with it.
  for (auto i : {3, 5, 7})
    group[i].incarnation = 9;
  auto answers = w->commit(group);
  for (std::size_t i = 0; i < group.size(); ++i)
    CHECK(answers[i] == (i == 5 || i == 7 ? commit_status::too_large : commit_status::committed));
  CHECK(must(w->read_journal(24, 1, 1))[0].events.size() == 1'500'000);
  CHECK(!must(w->current_run(namespace_id, machine_kind::workflow, "workflow-6")));
}

TEST_CASE("a member with a value that no column takes costs only itself") {
  mysql_world w;
  if (!w.available())
    return;
  std::vector<store::transition> group;
  for (std::int64_t key = 1; key <= 4; ++key)
    group.push_back(start_of(key, w.epoch_of(key)));
  group[1].runs[0].head.run_id = std::string(2000, 'r');
  group[1].currents[0].run_id = group[1].runs[0].head.run_id;
  // One life of an actor: what it decided behind the lost one is lost with it.
  for (auto i : {0, 1, 3})
    group[i].incarnation = 9;
  auto answers = w->commit(group);
  CHECK(answers[0] == commit_status::committed);
  CHECK(answers[1] == commit_status::too_large);
  CHECK(answers[2] == commit_status::committed);
  CHECK(answers[3] == commit_status::too_large);
}

TEST_CASE("a database of the version before last is migrated and written to") {
  mysql_world w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  w.close();
  w.session()->execute("ALTER TABLE runs ALTER COLUMN slot DROP DEFAULT, "
                       "ALTER COLUMN namespace_id DROP DEFAULT, "
                       "ALTER COLUMN workflow_id DROP DEFAULT, ALTER COLUMN run_id DROP DEFAULT");
  w.session()->execute("UPDATE schema_version SET version = 2");
  w.reopen();
  CHECK(w.append(1, 2) == commit_status::committed);
  auto head = must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"));
  REQUIRE(head);
  CHECK(head->last_seq == 2);
  CHECK(head->slot == head_of(1).slot);
}

TEST_CASE("words of texts that an older version wrote are found as those of today") {
  mysql_world w;
  if (!w.available())
    return;
  constexpr int runs = 450;
  for (std::int64_t key = 1; key <= runs; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = listed(key, key);
    if (key != 2)
      t.runs[0].visibility->search_attributes
        = {{"Note", {.type = store::value_type::text, .texts = {"ÜBER refund—partial"}}},
           {"Word", {.texts = {"ÜBER"}}}};
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  w.close();
  w.session()->execute("DELETE FROM attributes WHERE name = 'Note' AND place > 0");
  w.session()->execute("UPDATE attributes SET text_value = 'ÜBER' WHERE name = 'Note'");
  w.session()->execute("UPDATE schema_version SET version = 3");
  w.reopen();
  auto found = [&](const char* attribute, store::value_type type, const char* text) {
    store::filter wanted{.what = store::filter::op::equal,
                         .attribute = attribute,
                         .type = type,
                         .values = {{.texts = {text}}}};
    return must(w->count(namespace_id, machine_kind::workflow, wanted));
  };
  for (const auto* word : {"über", "refund", "partial"})
    CHECK(found("Note", store::value_type::text, word) == runs - 1);
  CHECK(found("Word", store::value_type::keyword, "ÜBER") == runs - 1);
}

TEST_CASE("a database of a newer version is refused") {
  mysql_world w;
  if (!w.available())
    return;
  w.session()->execute("UPDATE schema_version SET version = 99");
  auto opened = store::open_mysql(w.backend.dsn);
  REQUIRE(!opened);
  CHECK(opened.error().code == errc::failed_precondition);
  CHECK(opened.error().message.find("newer version of reprise") != std::string::npos);
}

TEST_CASE("a server that is not there is unavailable, with its address in the sentence") {
  auto opened = store::open_mysql("mysql://root:secret@127.0.0.1:1/reprise");
  REQUIRE(!opened);
  CHECK(opened.error().code == errc::unavailable);
  CHECK(opened.error().message.find("127.0.0.1:1") != std::string::npos);
  CHECK(opened.error().message.find("secret") == std::string::npos);
}

TEST_CASE("sessions are by TLS where the address says so, or there are none") {
  mysql_world w;
  if (!w.available())
    return;
  const auto* authority = std::getenv("REPRISE_TEST_MYSQL_CA");
  if (authority == nullptr)
    return testing::skipped("TLS to MySQL: REPRISE_TEST_MYSQL_CA names no file");
  auto cipher = [&w](const std::string& settings) {
    auto a = must(store::mysql::parse_dsn(w.backend.dsn + settings));
    connection db{a, a.database, role::reader};
    auto row = db.query("SHOW STATUS LIKE 'Ssl_cipher'");
    REQUIRE(row.next());
    return std::string{row.text(2)};
  };
  CHECK(cipher("").empty());
  CHECK_FALSE(cipher(std::string{"?ssl-ca="} + authority).empty());
  CHECK(store::open_mysql(w.backend.dsn + "?ssl-ca=" + authority));
  // Somebody else's.
  testing::temporary_folder folder;
  testing::authority other{folder, "other"};
  auto refused = store::open_mysql(w.backend.dsn + "?ssl-ca=" + other.path());
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::unavailable);
}

TEST_CASE("addresses are taken apart, and odd ones refused") {
  using store::mysql::parse_dsn;
  auto a = must(parse_dsn("mysql://me:p%40ss%2Fword@db.example:3307/reprise_1"));
  CHECK(a.user == "me");
  CHECK(a.password == "p@ss/word");
  CHECK(a.host == "db.example");
  CHECK(a.port == 3307);
  CHECK(a.database == "reprise_1");
  auto b = must(parse_dsn("mysql://root@localhost/x"));
  CHECK(b.password.empty());
  CHECK(b.port == 3306);
  CHECK(must(parse_dsn("mysql://root@[::1]:1234/x")).host == "::1");
  auto c = must(parse_dsn("mysql://a:b%3f@h/x?ssl-ca=/etc/my%20ca.pem&ssl-cert=c&ssl-key=k"));
  CHECK(c.password == "b?");
  CHECK(c.database == "x");
  CHECK(c.authorities == "/etc/my ca.pem");
  CHECK(c.certificate == "c");
  CHECK(c.key == "k");
  CHECK(must(parse_dsn("mysql://u:p@h:1/db?ssl-ca=/etc/a@127.0.0.1:2/capem")).host == "h");
  for (std::string bad : {"",
                          "mysql://",
                          "http://root@h/x",
                          "mysql://root@h",
                          "mysql://root@h/",
                          "mysql://@h/x",
                          "mysql://root@/x",
                          "mysql://root@h:99999/x",
                          "mysql://root@h:1x/x",
                          "mysql://root@h/x`y",
                          "mysql://r%zz@h/x",
                          "mysql://root@[::1/x",
                          "mysql://root@[::1]x/x",
                          "mysql://root@h:0/x",
                          "mysql://root@h:/x",
                          "mysql://root@h/x?",
                          "mysql://root@h/x?ssl-ca",
                          "mysql://root@h/x?ssl-ca=",
                          "mysql://root@h/x?ssl-ca=a&ssl-ca=b",
                          "mysql://root@h/x?ssl-ca=a&ssl-key=k",
                          "mysql://root@h/x?ssl-cert=c&ssl-key=k",
                          "mysql://root@h/x?other=y"}) {
    CAPTURE(bad);
    auto refused = parse_dsn(bad);
    CHECK(!refused);
  }
}
