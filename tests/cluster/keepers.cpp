// Keepers of several servers on one store, on clocks that only the test moves: who serves what, and
// that nobody ever serves what another one does.
#include "base/metrics.hpp"
#include "cluster/keeper.hpp"
#include "store/faulty.hpp"
#include "store/open.hpp"
#include "tests/support/virtual_time.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
using store::range_set;

namespace {

constexpr duration lease = 3s;

/// The store as one server sees it: it may fail, and shows the time of its own clock.
struct seen_store final : store::faulty_store {
  seen_store(std::shared_ptr<reprise::store::store> below, const reprise::clock& time)
    : faulty_store(std::move(below), [this](reprise::store::operation) { return decide(); }),
      time_(time) {
  }

  reprise::store::fault decide() {
    if (auto now = std::exchange(at_next, nullptr))
      now();
    return next;
  }

  result<reprise::store::membership> renew(reprise::store::incarnation_id self,
                                           bool is_draining) override {
    auto seen = faulty_store::renew(self, is_draining);
    if (seen)
      seen->read_at = time_.now() + clock_off;
    return seen;
  }

  reprise::store::fault next{};
  duration clock_off{0};
  std::function<void()> at_next{};

private:
  const reprise::clock& time_;
};

struct server;
slot_actor::behavior_type noting_slot(std::reference_wrapper<server> of);
timer_actor::behavior_type noting_timer(std::reference_wrapper<server> of);

/// A server without anything but a keeper.
struct server {
  server(caf::actor_system& system, caf::scheduler::test_coordinator& scheduler,
         std::shared_ptr<store::store> below, std::uint64_t seed, const std::string& link_address)
    : time(scheduler),
      db(std::move(below), time),
      namespaces(db),
      shared{.time = time, .bounds = limits, .db = db, .namespaces = namespaces, .watch = watch} {
    shared.readers.start(system, shared.capacity, watch, false);
    slot = system.spawn(noting_slot, std::ref(*this));
    for (auto& s : shared.slots)
      s.set(slot);
    timer = system.spawn(noting_timer, std::ref(*this));
    shared.timer.set(timer);
    shared.keeper = cluster::spawn_keeper(
      system, shared,
      {.self = {.life = seed, .name = "s" + std::to_string(seed), .link_address = link_address},
       .lease_length = lease,
       .seed = seed,
       .on_serving = [this](bool now) { serving = now; },
       .on_membership =
         [this](const store::membership& now) {
           seen = now;
           ++told;
         },
       .on_held = [this](const range_set& now) { held = now; },
       .on_given = [this] { ++gifts; },
       .on_joined =
         [this](store::incarnation_id now) {
           incarnation = now;
           ++joins;
         }});
  }

  ~server() {
    shared.readers.stop();
    caf::anon_send_exit(shared.keeper, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(timer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(slot, caf::exit_reason::user_shutdown);
    shared.keeper = nullptr;
    shared.slots.clear();
    shared.timer.clear();
  }

  range_set serves() const {
    range_set out;
    for (std::size_t r = 0; r < store::range_count; ++r)
      if (shared.own_lease.valid() && shared.own_lease.serves(static_cast<store::range_id>(r)))
        out.set(r);
    return out;
  }

  void leave() {
    caf::anon_send(shared.keeper, stop_atom_v);
  }

  /// Nothing that it asks of the store comes through.
  void cut_off() {
    db.next = {.what = store::fault::kind::before};
  }

  engine::limits limits{};
  coordinator_clock time;
  seen_store db;
  actors::namespace_registry namespaces;
  metrics registry{};
  actors::hooks watch{registry};
  actors::services shared;
  slot_actor slot{};
  timer_actor timer{};
  std::size_t epochs_told = 0;
  bool timer_serves = false;
  bool serving = false;
  store::membership seen{};
  int told = 0;
  range_set held{};
  int gifts = 0;
  store::incarnation_id incarnation = 0;
  int joins = 0;
};

slot_actor::behavior_type noting_slot(std::reference_wrapper<server> of) {
  return {
    [](call_atom, std::uint64_t, const bridge_actor&, const cluster::ExecutionRequest&) {},
    [](call_atom, std::uint64_t, const bridge_actor&, const cluster::ExecutionRequest&,
       const queue_actor&) {},
    [](cancel_atom, std::uint64_t, const bridge_actor&) {},
    [](returned_atom, const std::shared_ptr<actors::returned_task>&) {},
    [](peer_atom, std::uint64_t, const cluster::ExecutionRequest&) {},
    [](inbox_atom, const std::shared_ptr<actors::inbox_look>&) {},
    [](refuse_atom, const cluster::Task&, bool) {},
    [](result_atom, const std::shared_ptr<actors::outcome>&) {},
    [](wake_atom, const std::string&, std::uint8_t, const std::string&, const std::string&,
       std::uint64_t) {},
    [](reoffer_atom, const std::string&, std::uint8_t, const std::string&, const std::string&,
       const std::string&, std::uint64_t) {},
    [of](epoch_atom, std::uint64_t) { ++of.get().epochs_told; },
    [](epoch_atom, std::uint64_t, std::uint64_t) {},
    [](order_atom, const std::shared_ptr<actors::run_order>&) {},
    [](trim_atom) {},
    [](clock_atom) {},
    [](tick_atom, std::uint64_t) {},
  };
}

timer_actor::behavior_type noting_timer(std::reference_wrapper<server> of) {
  return {
    [](arm_atom, const std::string&, std::uint8_t, const std::string&, const std::string&,
       std::int64_t) {},
    [](credit_atom, std::uint64_t) {},
    [](later_atom, std::uint64_t) {},
    [of](epoch_atom, bool serving) { of.get().timer_serves = serving; },
    [](reoffer_atom, const std::string&, const std::string&) {},
    [](renew_atom, std::uint64_t) {},
    [](loaded_atom, const std::shared_ptr<actors::due_page>&) {},
    [](clock_atom) {},
    [](tick_atom, std::uint64_t) {},
  };
}

class servers {
public:
  ~servers() {
    all.clear();
    scheduler.run();
  }

  server& start(const std::string& link_address = "") {
    all.push_back(std::make_unique<server>(system, scheduler, below, all.size() + 1, link_address));
    run();
    return *all.back();
  }

  void run() {
    scheduler.run();
    check();
  }

  /// In small steps, each of which is looked at.
  void pass(duration d) {
    for (constexpr auto step = 20ms; d > duration{0}; d -= step) {
      scheduler.advance_time(step);
      run();
    }
  }

  /// How long until it comes true.
  template <class Condition>
  duration until(Condition comes_true) {
    duration waited{0};
    for (; !comes_true() && waited < 1min; waited += 20ms)
      pass(20ms);
    REQUIRE(comes_true());
    return waited;
  }

  /// Nothing is served by two.
  void check() const {
    range_set served;
    for (const auto& s : all) {
      auto own = s->serves();
      REQUIRE((own & served).none());
      served |= own;
    }
  }

  range_set served() const {
    range_set out;
    for (const auto& s : all)
      out |= s->serves();
    return out;
  }

  testing_config config{};
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler
    = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  std::shared_ptr<store::store> below = store::open_memory();
  std::vector<std::unique_ptr<server>> all{};
};

} // namespace

TEST_CASE_FIXTURE(servers, "one serves all, and another one stands by until it is silent") {
  auto& one = start();
  auto& two = start();
  CHECK(one.serves().all());
  CHECK(one.serving);
  CHECK(one.timer_serves);
  CHECK(one.epochs_told == store::slot_count);
  pass(10s);
  CHECK(one.serves().all());
  CHECK(two.serves().none());
  CHECK_FALSE(two.serving);
  CHECK(one.epochs_told == store::slot_count);
  one.cut_off();
  auto took = until([&] { return two.serves().all(); });
  CHECK(took > lease - lease / 6);
  CHECK(took <= lease + lease / 6);
  CHECK(one.serves().none());
  // It comes back, and stands by under another incarnation.
  auto was = one.incarnation;
  one.db.next = {};
  pass(10s);
  CHECK(two.serves().all());
  CHECK(one.serves().none());
  CHECK_FALSE(one.serving);
  CHECK_FALSE(one.timer_serves);
  CHECK(one.joins == 2);
  CHECK(one.incarnation != was);
}

TEST_CASE_FIXTURE(servers, "one that slept past its lease serves nothing when it wakes") {
  auto& one = start();
  auto& two = start();
  pass(1s);
  one.cut_off();
  until([&] { return two.serves().all(); });
  // Its clock counts on through the sleep; nothing of it has run yet.
  one.db.next = {};
  one.time.offset += 10s;
  CHECK(one.serves().none());
  run();
  CHECK(two.serves().all());
}

TEST_CASE_FIXTURE(servers, "a renewal is late at most: what counts is when it was asked for") {
  auto& one = start();
  pass(1s);
  // The answer to a renewal comes after the time that it grants.
  one.db.at_next = [&] { one.time.offset += lease; };
  until([&] { return !one.db.at_next; });
  pass(1s);
  CHECK(one.serves().all());
  // It was given up in between, and taken anew.
  CHECK(one.epochs_told > store::slot_count);
}

TEST_CASE_FIXTURE(servers, "who leaves is followed at once") {
  auto& one = start();
  auto& two = start();
  pass(1s);
  one.leave();
  run();
  CHECK(one.serves().none());
  REQUIRE(one.db.leave(one.incarnation));
  CHECK(until([&] { return two.serves().all(); }) <= lease / 6);
}

TEST_CASE_FIXTURE(servers, "a store that fails for less than a lease costs nobody his place") {
  auto& one = start();
  auto& two = start();
  for (int i = 0; i < 10; ++i) {
    pass(1s);
    one.cut_off();
    two.cut_off();
    pass(2s);
    CHECK(one.serves().all());
    one.db.next = {};
    two.db.next = {};
  }
  pass(1s);
  CHECK(one.serves().all());
  CHECK(one.epochs_told == store::slot_count);
}

TEST_CASE_FIXTURE(servers, "a server that may write no more begins anew, under another name") {
  auto& one = start();
  auto was = one.incarnation;
  pass(1s);
  one.db.next = {.what = store::fault::kind::deposed};
  until([&] { return one.serves().none(); });
  one.db.next = {};
  until([&] { return one.serves().all(); });
  CHECK(one.incarnation != was);
  // What it was is no member any more: nobody has to wait for its lease.
  pass(1s);
  CHECK(one.seen.members.size() == 1);
}

TEST_CASE_FIXTURE(servers, "those that share move what others win, a few at a time") {
  auto& one = start("10.0.0.1:1");
  CHECK(one.serves().all());
  auto& two = start("10.0.0.2:1");
  auto least = store::range_count;
  auto steps = 0;
  for (auto before = one.serves().count(); steps < 1000; ++steps) {
    pass(20ms);
    auto now = one.serves().count();
    CHECK(before - now <= 16);
    before = now;
    least = std::min<std::uint32_t>(least, static_cast<std::uint32_t>(served().count()));
  }
  CHECK(served().all());
  CHECK(one.serves().count() > store::range_count / 4);
  CHECK(two.serves().count() > store::range_count / 4);
  CHECK(least >= store::range_count - 32);
  // And all know who has what.
  for (const auto& s : all)
    for (std::size_t r = 0; r < store::range_count; ++r)
      CHECK(s->seen.owners[r] == (one.serves()[r] ? one.incarnation : two.incarnation));
  auto told = one.told;
  pass(5s);
  CHECK(one.told == told);
  CHECK(one.seen.find(two.incarnation)->who.link_address == "10.0.0.2:1");
  CHECK(one.seen.find(two.incarnation)->who.life == 2);
}

TEST_CASE_FIXTURE(servers, "one that shares and is told to end gives all away before") {
  auto& one = start("10.0.0.1:1");
  auto& two = start("10.0.0.2:1");
  auto& three = start("10.0.0.3:1");
  pass(10s);
  REQUIRE(served().all());
  two.leave();
  until([&] { return two.serves().none(); });
  // Nothing was free meanwhile: who gets a range has it by name.
  until([&] { return served().all(); });
  CHECK_FALSE(two.serving);
  for (auto owner : one.db.renew(one.incarnation, false)->owners)
    CHECK((owner == one.incarnation || owner == three.incarnation));
  // It takes nothing back, and sees who has what.
  pass(5s);
  CHECK(two.serves().none());
  CHECK(two.seen.owners == one.seen.owners);

  SUBCASE("the last but one, too") {
    REQUIRE(two.db.leave(two.incarnation));
    three.leave();
    until([&] { return one.serves().all(); });
    CHECK_FALSE(three.serving);
  }

  SUBCASE("to nobody, when all leave") {
    one.leave();
    three.leave();
    until([&] { return !one.serving && !three.serving; });
    CHECK(served().none());
  }

  SUBCASE("though one dies that it would give to") {
    one.cut_off();
    three.leave();
    until([&] { return !three.serving; });
  }
}

TEST_CASE_FIXTURE(servers, "what is served is told before it is given up, and when it can be had") {
  auto& one = start("10.0.0.1:1");
  auto& two = start("10.0.0.2:1");
  pass(10s);
  CHECK(one.held == one.serves());
  CHECK(two.held == two.serves());
  CHECK(one.gifts > 0);
  CHECK(two.gifts == 0);
  one.cut_off();
  pass(10s);
  CHECK(one.held.none());
  CHECK(two.held.all());
}

TEST_CASE_FIXTURE(servers, "of a dead one that shared, each takes what it wins") {
  auto& one = start("10.0.0.1:1");
  start("10.0.0.2:1");
  start("10.0.0.3:1");
  auto& standby = start();
  pass(20s);
  REQUIRE(served().all());
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(all[i]->serves().count() > store::range_count / 8);
  one.cut_off();
  CHECK(until([&] { return served().all() && one.serves().none(); }) < lease + 2 * lease / 6);
  one.db.next = {};
  pass(20s);
  CHECK(served().all());
  CHECK(one.serves().count() > store::range_count / 8);
  CHECK(standby.serves().none());
  // When none is left that shares, it is the turn of who does not.
  for (std::size_t i = 0; i < 3; ++i)
    all[i]->cut_off();
  CHECK(until([&] { return standby.serves().all(); }) < lease + 2 * lease / 6);
}

TEST_CASE_FIXTURE(servers, "who shares nothing keeps all while it lives, and gives nothing") {
  auto& one = start();
  auto& two = start("10.0.0.2:1");
  pass(10s);
  CHECK(one.serves().all());
  CHECK(two.serves().none());
  one.cut_off();
  CHECK(until([&] { return two.serves().all(); }) < lease + lease / 6);
}

TEST_CASE_FIXTURE(servers, "what the store says is another one's is lost, and no more") {
  auto& one = start("10.0.0.1:1");
  pass(1s);
  REQUIRE(below->give(one.incarnation, 7, one.incarnation + 1));
  pass(1s);
  // Nobody of that name is there, so it is free, and was taken anew.
  CHECK(one.serves().all());
  CHECK(one.epochs_told == store::slot_count + 2 * store::slots_a_range);
}

TEST_CASE_FIXTURE(servers, "a wall clock that is set costs one take-over, a small step nothing") {
  auto& one = start();
  pass(1s);
  one.time.set_by += lease / 11;
  pass(2s);
  CHECK(one.epochs_told == store::slot_count);
  one.time.set_by += 1h;
  pass(2s);
  CHECK(one.serves().all());
  CHECK(one.epochs_told == 3 * store::slot_count);
  one.time.set_by -= 2h;
  pass(2s);
  CHECK(one.serves().all());
  CHECK(one.epochs_told == 5 * store::slot_count);
  pass(10s);
  CHECK(one.epochs_told == 5 * store::slot_count);
}

TEST_CASE_FIXTURE(servers,
                  "who shares and has a wrong clock takes nothing, and then keeps nothing") {
  auto& one = start("10.0.0.1:1");
  pass(1s);
  one.db.clock_off = 3s;
  pass(5s);
  CHECK(one.serves().all());
  auto& two = start("10.0.0.2:1");
  two.db.clock_off = -3s;
  pass(5s);
  CHECK(one.serves().all());
  CHECK(two.serves().none());
  two.db.clock_off = 0s;
  one.db.clock_off = 6s;
  until([&] { return two.serves().all(); });
  CHECK(one.serves().none());
  one.db.clock_off = 500ms;
  pass(20s);
  CHECK(served().all());
  CHECK(one.serves().count() > store::range_count / 4);
}

TEST_CASE_FIXTURE(servers, "namespaces that another one made are known within a renewal") {
  auto& one = start();
  pass(1s);
  journal::NamespaceRecord record;
  record.mutable_info()->set_id("11111111-1111-4111-8111-111111111111");
  record.mutable_info()->set_name("elsewhere");
  REQUIRE(below->create_namespace({.id = record.info().id(),
                                   .name = "elsewhere",
                                   .version = 1,
                                   .record = record.SerializeAsString()}));
  CHECK(one.namespaces.find("elsewhere") == nullptr);
  pass(lease / 6 + 20ms);
  CHECK(one.namespaces.find("elsewhere") != nullptr);
  REQUIRE(below->erase_namespace(record.info().id()));
  pass(lease / 6 + 20ms);
  CHECK(one.namespaces.find("elsewhere") == nullptr);
}

TEST_CASE_FIXTURE(servers, "keys begin above those of whoever had the ranges before") {
  auto& one = start();
  auto key = one.shared.keys.next(one.time.now() + 1h, 5);
  auto head = store::run_head{.key = key, .slot = 5};
  head.run_id = "run";
  head.last_seq = 1;
  auto epoch = one.shared.epochs.of(5);
  std::vector<store::transition> group(1);
  group[0].slot = 5;
  group[0].epoch = epoch;
  group[0].runs.push_back(
    {.what = store::run_write::kind::create, .head = head, .row = {.seq = 1}});
  REQUIRE(below->commit(group)[0] == store::commit_status::committed);
  auto& two = start();
  one.cut_off();
  until([&] { return two.serves().all(); });
  CHECK(two.shared.keys.next(two.time.now(), 5) > key);
}
