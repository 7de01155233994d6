// Each kind of actor dies, at rest and with work under way: who is begun anew, what callers hear,
// what is kept.
#include "tests/support/actor_fixture.hpp"

#include <set>

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr int ok = 0;

struct wards : actor_fixture {
  std::string failure{};

  wards() : actor_fixture({.on_failed = [this](const std::string& why) { failure = why; }}) {
  }

  actors::services& shared() {
    return node->shared();
  }

  template <class Handle>
  void kill(const Handle& who) {
    caf::anon_send_exit(who, caf::exit_reason::kill);
  }

  void kill_slot(const std::string& id) {
    kill(node->slot_for(ns, id));
  }

  double deaths(const std::string& kind) {
    return static_cast<double>(registry
                                 .counter("reprise_actors_died_total",
                                          "Actors that died of an error, by kind.",
                                          {{"kind", kind}})
                                 .value());
  }

  /// Nothing is under way, and nothing is counted that is not there.
  void check_numbers(std::int64_t resident) {
    CHECK(shared().calls_under_way.load() == 0);
    CHECK(shared().early_starts.load() == 0);
    CHECK(shared().watch.resident.value() == resident);
    CHECK(shared().executions.load() == resident);
    CHECK((shared().resident_bytes.load() > 0) == (resident > 0));
    CHECK(shared().watch.history_polls.value() == 0);
    CHECK(shared().watch.parked.value() == 0);
  }
};

} // namespace

TEST_CASE_FIXTURE(wards, "the deaths of every kind of actor are shown before there are any") {
  std::set<std::string> kinds;
  registry.visit([&](const metrics::family& all) {
    if (all.name != "reprise_actors_died_total")
      return;
    for (const auto& one : all.all) {
      kinds.insert(one->with.front().second);
      CHECK(one->as_counter->value() == 0);
    }
  });
  for (const char* kind : {"slot", "timer", "writer", "keeper"})
    CHECK(kinds.contains(kind));
}

// -- slots ---------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(wards, "a slot that dies at rest is begun anew under a higher epoch") {
  start("w");
  auto slot = store::slot_of(ns, machine_kind::workflow, "w");
  auto held = node->slot_for(ns, "w");
  kill_slot("w");
  run();
  CHECK(deaths("slot") == 1);
  CHECK(node->slot_for(ns, "w") != held);
  CHECK(shared().epochs.of(slot) == first_epoch + 1);
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
  CHECK(history("w") == std::vector<int>{1, 5, 26});
  CHECK(node->serving());
  check_numbers(1);
}

TEST_CASE_FIXTURE(wards,
                  "at whatever moment a slot dies, nothing acknowledged is lost or doubled") {
  for (int jobs = 0; jobs < 60; ++jobs) {
    INFO(jobs);
    auto id = "w" + std::to_string(jobs);
    start(id);
    seen.offers.clear();
    std::vector<std::uint64_t> signals;
    for (const char* name : {"a", "b", "c"})
      signals.push_back(send(signal_request(id, name)));
    for (int n = 0; n < jobs && scheduler.has_job(); ++n)
      scheduler.run_once();
    kill_slot(id);
    run();
    std::size_t sure = 0;
    for (auto call : signals)
      sure += answered(call) && code(call) == ok ? 1 : 0;
    for (const char* name : {"a", "b", "c"})
      CHECK(ask_raw(signal_request(id, name)).status().code() == ok);
    auto events = history(id);
    CHECK(std::count(events.begin(), events.end(), 26) == 3);
    CHECK(sure <= 3);
    // The task that was offered before is offered again: nobody took it.
    CHECK_FALSE(seen.offers.empty());
    CHECK(shared().calls_under_way.load() == 0);
  }
}

TEST_CASE_FIXTURE(wards, "what a dead slot's execution writes late does not land") {
  start("w");
  auto late = send(signal_request("w", "late"));
  scheduler.run_once(); // The slot hands it to the execution, whose turn comes after all others'.
  store::transition stale{.slot = store::slot_of(ns, machine_kind::workflow, "w"),
                          .epoch = first_epoch};
  kill_slot("w");
  run();
  stale.backlog_adds.push_back({.queue = {.namespace_id = ns, .name = "q", .kind = 1}});
  CHECK(below().commit({&stale, 1}).front() == store::commit_status::stale_epoch);
  CHECK_FALSE(answered(late));
  CHECK(ask_raw(signal_request("w", "late")).status().code() == ok);
  CHECK(history("w") == std::vector<int>{1, 5, 26});
}

TEST_CASE_FIXTURE(wards, "a deadline that only a dead slot knew comes true in time") {
  start("w");
  ask_raw(complete_request(take_workflow_task(), {timer_command("t", 30)}));
  advance(10s);
  kill_slot("w");
  run();
  advance(19s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17});
  kill_slot("w");
  run();
  advance(2s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
}

TEST_CASE_FIXTURE(wards, "a slot that dies without end is begun anew at a growing distance") {
  start("w");
  for (int i = 0; i < 6; ++i) {
    kill_slot("w");
    run();
  }
  CHECK(ask_raw(signal_request("w", "s")).status().code() != ok);
  advance(10s);
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
  // Others never noticed.
  start("other");
}

TEST_CASE_FIXTURE(wards, "a slot whose epoch cannot be raised serves when the store is back") {
  start("w");
  decide_fault = [](store::operation) { return store::fault{.what = store::fault::kind::before}; };
  kill_slot("w");
  run();
  advance(5s);
  CHECK(ask_raw(signal_request("w", "s")).status().code() == 14);
  decide_fault = nullptr;
  advance(1s);
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
  CHECK(node->serving());
}

TEST_CASE_FIXTURE(wards, "who could not be told of a slot's death is told of it later") {
  start("w");
  std::vector<slot_actor> told;
  shared().lost_slots.set([&](const slot_actor& s) {
    told.push_back(s);
    if (told.size() == 1)
      throw std::runtime_error{"told to"};
  });
  auto dead = node->slot_for(ns, "w");
  kill_slot("w");
  run();
  auto next = node->slot_for(ns, "w");
  advance(5s);
  CHECK(told == std::vector<slot_actor>{dead, dead});
  CHECK(next != dead);
  CHECK(node->slot_for(ns, "w") == next);
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
  shared().lost_slots.set(nullptr);
}

TEST_CASE_FIXTURE(wards, "who waits for a slot's answer is told when it dies") {
  start("w");
  std::vector<slot_actor> lost;
  shared().lost_slots.set([&](const slot_actor& s) { lost.push_back(s); });
  auto dead = node->slot_for(ns, "w");
  kill_slot("w");
  run();
  CHECK(lost == std::vector<slot_actor>{dead});
  shared().lost_slots.set(nullptr);
}

TEST_CASE_FIXTURE(wards, "a slot that dies without memory leaves nothing that points to it") {
  start("w");
  auto call = send(signal_request("w", "lost"));
  // The slot has given it to the execution.
  scheduler.run_once();
  shared().allocation_fails = [](actors::allocation where) {
    return where == actors::allocation::farewell;
  };
  kill_slot("w");
  run();
  shared().allocation_fails = nullptr;
  advance(1s);
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
  CHECK_FALSE(answered(call));
  check_numbers(1);
}

TEST_CASE("a slot's epoch that was raised late does not take the place of a later one") {
  constexpr store::slot_id slot = 0;
  constexpr store::epoch_number later = actor_fixture::first_epoch + 6;
  actors::slot_epochs epochs;
  // All slots are taken over anew while the store answers.
  store::faulty_store db{store::open_memory(), [&](store::operation) {
                           if (epochs.of(slot) != 0)
                             epochs.set(slot, later);
                           return store::fault{};
                         }};
  auto taken = store::take_everything(db, store::new_incarnation());
  REQUIRE(taken);
  epochs.set(slot, taken->at(slot));
  auto raised = epochs.raise(db, slot, taken->at(slot));
  REQUIRE(raised);
  CHECK(*raised == taken->at(slot) + 1);
  CHECK(epochs.of(slot) == later);
}

// -- the lease -----------------------------------------------------------------------------------

TEST_CASE("slots that are given up while the lease is renewed are taken anew") {
  actor_fixture f{{.lease_length = 10s}};
  f.start("w");
  bool given_up = false;
  f.decide_fault = [&](store::operation what) {
    if (what == store::operation::write && !std::exchange(given_up, true))
      caf::anon_send(f.node->shared().keeper, lost_atom_v);
    return store::fault{};
  };
  auto tenure = f.node->shared().own_lease.tenure(0);
  f.advance(2s);
  CHECK(given_up);
  CHECK(f.node->shared().own_lease.tenure(0) > tenure);
  CHECK(f.node->serving());
  CHECK(f.node->shared().epochs.of(store::slot_of(f.ns, machine_kind::workflow, "w"))
        == actor_fixture::first_epoch + 1);
  CHECK(f.ask_raw(f.signal_request("w", "s")).status().code() == ok);
}

TEST_CASE("slots of a server that may write no more are taken anew when its lease is renewed") {
  actor_fixture f{{.lease_length = 10s}};
  f.start("w");
  int refusals = 1;
  f.decide_fault = [&](store::operation what) {
    auto now = what == store::operation::write && refusals > 0;
    if (now)
      --refusals;
    return store::fault{.what = now ? store::fault::kind::deposed : store::fault::kind::none};
  };
  f.advance(2s);
  CHECK(refusals == 0);
  CHECK_FALSE(f.node->shared().own_lease.valid());
  // Also when it may not join under the first name that it tries.
  refusals = 1;
  f.advance(2s);
  CHECK(refusals == 0);
  CHECK(f.node->serving());
  CHECK(f.node->shared().epochs.of(store::slot_of(f.ns, machine_kind::workflow, "w"))
        > actor_fixture::first_epoch);
  CHECK(f.ask_raw(f.signal_request("w", "s")).status().code() == ok);
}

TEST_CASE("whatever a store throws, the lease is asked for again and epochs are raised") {
  actor_fixture f{{.lease_length = 10s}};
  f.start("w");
  int throws = 0;
  f.decide_fault = [&](store::operation what) {
    if (what == store::operation::write && throws > 0) {
      --throws;
      throw 42;
    }
    return store::fault{};
  };
  SUBCASE("at the renewal of the lease") {
    throws = 1;
    f.advance(4s);
  }
  SUBCASE("when a slot is begun anew") {
    auto dead = f.node->slot_for(f.ns, "w");
    throws = 2;
    caf::anon_send_exit(dead, caf::exit_reason::kill);
    f.run();
  }
  for (int i = 0; i < 60; ++i)
    f.advance(1s);
  CHECK(throws == 0);
  CHECK(f.node->serving());
  CHECK(f.node->shared().own_lease.valid());
  CHECK(f.ask_raw(f.signal_request("w", "s")).status().code() == ok);
}

TEST_CASE("a lease is renewed at once when the machine has slept") {
  actor_fixture f{{.lease_length = 30s}};
  auto& lease = f.node->shared().own_lease;
  f.advance(11s);
  // Renewed a second ago; what waits for the next time does not know that so much time has passed.
  f.time.offset += 20s;
  for (int i = 0; i < 16; ++i) {
    f.advance(500ms);
    CHECK(lease.valid());
  }
  CHECK(f.node->serving());
  CHECK(f.node->shared().epochs.of(0) == actor_fixture::first_epoch);
}

// -- the timer -----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(wards, "a timer that dies scans anew") {
  start("w");
  ask_raw(complete_request(take_workflow_task(), {timer_command("t", 30)}));
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  CHECK(shared().watch.resident.value() == 0);
  kill(shared().timer.get());
  run();
  CHECK(deaths("timer") == 1);
  advance(29s);
  CHECK(shared().watch.resident.value() == 0);
  advance(2s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
}

TEST_CASE_FIXTURE(wards, "a timer that dies with wakes under way loses none") {
  for (int jobs = 0; jobs < 40; jobs += 3) {
    INFO(jobs);
    auto id = "w" + std::to_string(jobs);
    start(id);
    ask_raw(complete_request(take_workflow_task(), {timer_command("t", 30)}));
    caf::anon_send(node->slot_for(ns, id), trim_atom_v);
    run();
    scheduler.advance_time(31s);
    for (int n = 0; n < jobs && scheduler.has_job(); ++n)
      scheduler.run_once();
    kill(shared().timer.get());
    run();
    advance(11s);
    CHECK(history(id) == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
    seen.offers.clear();
  }
}

// -- what cannot be begun anew -------------------------------------------------------------------

TEST_CASE_FIXTURE(wards, "a node whose writer or keeper dies serves no more, and says so") {
  start("w");
  CHECK(registry.gauge("reprise_serving", "").value() == 1);
  SUBCASE("the writer") {
    kill(shared().writer);
  }
  SUBCASE("the writer, with an append under way") {
    send(signal_request("w", "s"));
    scheduler.run_once();
    kill(shared().writer);
  }
  SUBCASE("the keeper") {
    kill(shared().keeper);
  }
  SUBCASE("the supervisor itself") {
    kill(shared().supervisor);
  }
  run();
  CHECK(node->failed());
  CHECK_FALSE(node->serving());
  CHECK_FALSE(failure.empty());
  CHECK_FALSE(shared().own_lease.valid());
  CHECK(registry.gauge("reprise_node_failed", "").value() == 1);
  CHECK(registry.gauge("reprise_serving", "").value() == 0);
  advance(5s);
  CHECK_FALSE(node->serving());
  CHECK(ask_raw(signal_request("w", "t")).status().code() == 14);
  // Another one goes on.
  restart_node();
  CHECK(ask_raw(signal_request("w", "u")).status().code() == ok);
}

// -- executions ----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(wards, "a call does not go from life to life without end") {
  start("w");
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  auto lives = 0;
  shared().allocation_fails = [&](actors::allocation where) -> bool {
    // No lack of memory, so nothing between here and the actor's end takes it for one.
    if (where == actors::allocation::host && ++lives > 0)
      throw std::runtime_error("told to");
    return false;
  };
  auto call = send(signal_request("w", "s"));
  run();
  CHECK(code(call) == 14);
  CHECK(lives == 4);
  shared().allocation_fails = nullptr;
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
}

// -- memory --------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(wards, "a failed allocation costs one call and nothing else") {
  using actors::allocation;
  for (auto where :
       {allocation::load, allocation::host, allocation::decide, allocation::evolve,
        allocation::encode, allocation::tell, allocation::commit, allocation::committed}) {
    INFO(static_cast<int>(where));
    auto id = "w" + std::to_string(static_cast<int>(where));
    start(id);
    ask_raw(signal_request(id, "before"));
    caf::anon_send(node->slot_for(ns, id), trim_atom_v);
    run();
    int failures = 1;
    shared().allocation_fails = [&](allocation at) { return at == where && failures-- > 0; };
    auto told = ask_raw(signal_request(id, "lost")).status();
    auto fits = told.code() == 8 || told.code() == 14;
    CHECK_MESSAGE(fits, told.message());
    CHECK(told.message().find("parked") == std::string::npos);
    shared().allocation_fails = nullptr;
    CHECK(ask_raw(signal_request(id, "lost")).status().code() == ok);
    CHECK(history(id) == std::vector<int>{1, 5, 26, 26});
    CHECK(shared().watch.parked.value() == 0);
    CHECK(shared().calls_under_way.load() == 0);
    advance(11s);
  }
  CHECK(node->serving());
}

TEST_CASE_FIXTURE(wards,
                  "a load that fails is tried again at a growing distance, and never parks") {
  using actors::allocation;
  auto where = allocation::load;
  SUBCASE("in the load") {
  }
  SUBCASE("behind the load") {
    where = allocation::host;
  }
  start("w");
  ask_raw(complete_request(take_workflow_task(), {timer_command("t", 30)}));
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  int tries = 0;
  shared().allocation_fails = [&](allocation at) { return at == where && ++tries > 0; };
  for (int i = 0; i < 60; ++i)
    advance(1s);
  CHECK(tries >= 4);
  CHECK(tries <= 14);
  CHECK(shared().watch.parked.value() == 0);
  shared().allocation_fails = nullptr;
  advance(11s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
}

TEST_CASE_FIXTURE(wards, "what is thrown while a load's failure is told hangs nobody") {
  auto older = start("w");
  ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  ask_raw(again);
  restart_node();
  auto describe = request("w");
  describe.mutable_describe();
  SUBCASE("of the current run") {
  }
  SUBCASE("of an older one") {
    ask_raw(describe);
    describe.set_run_id(older);
  }
  auto reads = 0;
  decide_fault = [&](store::operation what) {
    if (what == store::operation::read)
      ++reads;
    return store::fault{.what = what == store::operation::read ? store::fault::kind::before
                                                               : store::fault::kind::none};
  };
  auto throws = 1;
  shared().allocation_fails = [&](actors::allocation at) {
    return at == actors::allocation::tell && throws-- > 0;
  };
  auto first = send(describe);
  auto second = send(describe);
  run();
  REQUIRE(answered(first));
  REQUIRE(answered(second));
  CHECK(code(first) != ok);
  CHECK(code(second) != ok);
  CHECK(reads > 0);
  CHECK(throws < 1);
  CHECK(shared().calls_under_way.load() == 0);
  decide_fault = nullptr;
  shared().allocation_fails = nullptr;
  CHECK(ask_raw(describe).status().code() == ok);
}

// -- parked executions ---------------------------------------------------------------------------

namespace {

/// A run whose journal cannot be folded, and one in its place that can.
struct broken_run : wards {
  store::run_write write{.what = store::run_write::kind::create};

  broken_run() {
    write.head = {.key = 1,
                  .slot = store::slot_of(ns, machine_kind::workflow, "poisoned"),
                  .namespace_id = ns,
                  .workflow_id = "poisoned",
                  .run_id = "22222222-2222-4222-8222-222222222222",
                  .last_seq = 1,
                  .next_event_id = 2};
    write.row
      = {.seq = 1, .first_event_id = 1, .event_count = 1, .events = "nonsense", .facts = "?"};
    store::transition t{.slot = write.head.slot, .epoch = first_epoch};
    t.currents.push_back(
      {.namespace_id = ns, .workflow_id = "poisoned", .run_id = write.head.run_id, .key = 1});
    t.runs.push_back(write);
    REQUIRE(below().commit({&t, 1}).front() == store::commit_status::committed);
  }

  cluster::ExecutionRequest unpark_request() {
    auto r = request("poisoned");
    r.mutable_unpark();
    return r;
  }
};

} // namespace

TEST_CASE_FIXTURE(broken_run, "what is parked is listed with its reason, and can be tried again") {
  CHECK(shared().parked.of(ns, machine_kind::workflow).empty());
  ask_raw(signal_request("poisoned", "s"));
  auto listed = shared().parked.of(ns, machine_kind::workflow);
  REQUIRE(listed.size() == 1);
  CHECK(listed.front().workflow_id == "poisoned");
  CHECK(listed.front().run_id == write.head.run_id);
  CHECK_FALSE(listed.front().why.empty());
  CHECK(listed.front().since == time.now());
  // Still broken: parked again, and the operator hears why.
  auto told = ask_raw(unpark_request()).status();
  CHECK(told.code() == 13);
  CHECK(told.message().find("parked") != std::string::npos);
  CHECK(shared().parked.of(ns, machine_kind::workflow).size() == 1);
  CHECK(shared().watch.parked.value() == 1);
  // A slot that is begun anew knows nothing of it, until somebody asks.
  kill_slot("poisoned");
  run();
  CHECK(shared().parked.of(ns, machine_kind::workflow).empty());
  CHECK(shared().watch.parked.value() == 0);
}
