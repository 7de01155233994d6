// The timer by itself: slots that note what it asks of them, and a store with deadlines.
#include "actors/timer/timer.hpp"

#include "store/faulty.hpp"
#include "store/open.hpp"
#include "tests/support/virtual_time.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

const std::string ns = "11111111-1111-4111-8111-111111111111";

/// Lets something happen between what a scan read and the moment at which the timer hears of it.
struct slow_scans : store::faulty_store {
  slow_scans()
    : faulty_store(reprise::store::open_memory(),
                   [](reprise::store::operation) { return reprise::store::fault{}; }) {
  }

  result<std::vector<reprise::store::due_run>> due_timers(time_point until, time_point after_at,
                                                          std::int64_t after_key,
                                                          std::size_t limit) override {
    auto rows = faulty_store::due_timers(until, after_at, after_key, limit);
    if (auto now = std::exchange(behind, nullptr))
      now();
    return rows;
  }

  /// Once, behind the next scan's read.
  std::function<void()> behind{};
};

struct asked {
  std::string workflow_id{};
  std::uint64_t ticket = 0;
  time_point at{};
};

struct timer_fixture;
slot_actor::behavior_type noting_slot(std::reference_wrapper<timer_fixture> test);

struct timer_fixture {
  explicit timer_fixture(actors::timer_bounds bounds)
    : shared{.time = time,
             .bounds = limits,
             .db = db,
             .namespaces = namespaces,
             .watch = watch,
             .capacity = {.timer = bounds}} {
    REQUIRE(store::take_everything(db, store::new_incarnation()));
    for (std::size_t r = 0; r < store::range_count; ++r)
      shared.own_lease.serve(static_cast<store::range_id>(r));
    shared.readers.start(system, shared.capacity, watch, false);
    slot = system.spawn(noting_slot, std::ref(*this));
    for (auto& s : shared.slots)
      s.set(slot);
    timer = actors::spawn_timer(system, shared);
  }

  ~timer_fixture() {
    shared.readers.stop();
    caf::anon_send_exit(timer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(slot, caf::exit_reason::user_shutdown);
    timer = nullptr;
    slot = nullptr;
    shared.slots.clear();
    run();
  }

  void on_asked(std::string id, std::uint64_t ticket) {
    wakes.push_back({.workflow_id = std::move(id), .ticket = ticket, .at = time.now()});
    if (silent)
      return;
    if (refuses)
      caf::anon_send(timer, later_atom_v, ticket);
    else
      caf::anon_send(timer, credit_atom_v, ticket);
  }

  void serve() {
    caf::anon_send(timer, epoch_atom_v, true);
    run();
  }

  void run() {
    scheduler.run();
  }

  void advance(duration d) {
    scheduler.advance_time(d);
    run();
  }

  static std::string run_id(int n) {
    auto digits = std::to_string(n);
    return "22222222-2222-4222-8222-" + std::string(12 - digits.size(), '0') + digits;
  }

  /// A run that is due then, as a transition wrote it.
  void write(int n, time_point at) {
    auto id = "w" + std::to_string(n);
    auto number = store::slot_of(ns, machine_kind::workflow, id);
    store::transition t{.slot = number, .epoch = 1};
    store::run_write w{.what = store::run_write::kind::create};
    w.head = {.key = n,
              .slot = number,
              .namespace_id = ns,
              .workflow_id = id,
              .run_id = run_id(n),
              .last_seq = 1,
              .next_event_id = 2,
              .timer_at = at};
    w.row = {.seq = 1, .first_event_id = 1, .event_count = 1, .events = "e", .facts = "f"};
    t.currents.push_back(
      {.namespace_id = ns, .workflow_id = id, .run_id = w.head.run_id, .key = w.head.key});
    t.runs.push_back(std::move(w));
    REQUIRE(db.commit({&t, 1}).front() == store::commit_status::committed);
  }

  /// Its execution leaves memory.
  void arm(int n, time_point at) {
    caf::anon_send(timer, arm_atom_v, ns, std::uint8_t{0}, "w" + std::to_string(n), run_id(n),
                   at.time_since_epoch().count());
  }

  /// When each was woken for the first time.
  std::map<std::string, time_point> woken() const {
    std::map<std::string, time_point> out;
    for (const auto& w : wakes)
      out.try_emplace(w.workflow_id, w.at);
    return out;
  }

  testing_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler
    = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  coordinator_clock time{scheduler};
  metrics registry;
  actors::hooks watch{registry};
  engine::limits limits;
  slow_scans db;
  actors::namespace_registry namespaces{db};
  actors::services shared;
  slot_actor slot;
  timer_actor timer;
  std::vector<asked> wakes;
  /// The slot cannot now; or says nothing yet.
  bool refuses = false;
  bool silent = false;
};

slot_actor::behavior_type noting_slot(std::reference_wrapper<timer_fixture> test) {
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
    [test](wake_atom, const std::string&, std::uint8_t, std::string& id, const std::string&,
           std::uint64_t ticket) { test.get().on_asked(std::move(id), ticket); },
    [test](reoffer_atom, const std::string&, std::uint8_t, std::string& id, const std::string&,
           const std::string&,
           std::uint64_t ticket) { test.get().on_asked(std::move(id), ticket); },
    [](epoch_atom, std::uint64_t) {},
    [](epoch_atom, std::uint64_t, std::uint64_t) {},
    [](order_atom, const std::shared_ptr<actors::run_order>&) {},
    [](trim_atom) {},
    [](clock_atom) {},
    [](tick_atom, std::uint64_t) {},
  };
}

} // namespace

TEST_CASE("deadlines come when they are due, however few the timer holds") {
  timer_fixture f{{.armed_max = 4, .page_rows = 2, .credits_max = 1}};
  auto begin = f.time.now();
  constexpr int count = 40;
  for (int n = 1; n <= count; ++n)
    f.write(n, begin + n * 7s);
  f.serve();
  for (int i = 0; i < 300; ++i)
    f.advance(1s);
  auto woken = f.woken();
  CHECK(woken.size() == count);
  for (int n = 1; n <= count; ++n) {
    auto late = woken["w" + std::to_string(n)] - (begin + n * 7s);
    CHECK(late >= 0s);
    CHECK(late <= 1s);
  }
}

TEST_CASE("deadlines of ranges that others serve are passed over, however many are due") {
  timer_fixture f{{.armed_max = 4, .page_rows = 2, .credits_max = 1}};
  auto begin = f.time.now();
  constexpr int count = 60;
  auto range_of_run = [](int n) {
    return store::range_of(store::slot_of(ns, machine_kind::workflow, "w" + std::to_string(n)));
  };
  // The last one is served here, and whatever lies in its range.
  for (std::size_t r = 0; r < store::range_count; ++r)
    if (r != range_of_run(count))
      f.shared.own_lease.lose(static_cast<store::range_id>(r));
  for (int n = 1; n <= count; ++n)
    f.write(n, begin - (count - n) * 1s);
  f.serve();
  for (int i = 0; i < 60; ++i)
    f.advance(1s);
  auto woken = f.woken();
  CHECK(woken.contains("w" + std::to_string(count)));
  for (int n = 1; n <= count; ++n)
    CHECK(woken.contains("w" + std::to_string(n)) == (range_of_run(n) == range_of_run(count)));
  // They are found when they come here.
  for (std::size_t r = 0; r < store::range_count; ++r)
    f.shared.own_lease.serve(static_cast<store::range_id>(r));
  f.serve();
  for (int i = 0; i < 60; ++i)
    f.advance(1s);
  CHECK(f.woken().size() == count);
}

TEST_CASE("a deadline that finds no room while a scan passes it is not lost") {
  timer_fixture f{{.armed_max = 2}};
  auto begin = f.time.now();
  f.serve();
  // A scan begins a minute before the first deadline behind the last one.
  f.write(1, begin + 700s);
  f.arm(1, begin + 700s);
  f.run();
  f.db.behind = [&] {
    for (int n = 2; n <= 5; ++n) {
      f.write(n, begin + 700s + n * 1s);
      f.arm(n, begin + 700s + n * 1s);
    }
  };
  for (int i = 0; i < 720; ++i)
    f.advance(1s);
  CHECK(f.db.behind == nullptr);
  auto woken = f.woken();
  for (int n = 1; n <= 5; ++n) {
    auto id = "w" + std::to_string(n);
    REQUIRE(woken.contains(id));
    CHECK(woken[id] <= begin + 700s + n * 1s + 1s);
  }
}

TEST_CASE("far deadlines that came while a scan was short of them keep no near one out of memory") {
  timer_fixture f{{.armed_max = 4, .page_rows = 1}};
  auto begin = f.time.now();
  constexpr int near_ones = 3;
  constexpr int all = 7;
  for (int n = 1; n <= near_ones; ++n)
    f.write(n, begin + n * 5s);
  // The page that is read has the first one alone, and the scan was to come as far as these.
  f.db.behind = [&] {
    for (int n = near_ones + 1; n <= all; ++n) {
      f.write(n, begin + 300s + n * 1s);
      f.arm(n, begin + 300s + n * 1s);
    }
  };
  f.serve();
  CHECK(f.db.behind == nullptr);
  for (int i = 0; i < 320; ++i)
    f.advance(1s);
  auto woken = f.woken();
  CHECK(woken.size() == all);
  for (int n = 1; n <= all; ++n)
    CHECK(woken["w" + std::to_string(n)] - begin == (n <= near_ones ? n * 5s : 300s + n * 1s));
}

TEST_CASE("a wake that its slot puts off comes again, with pauses that grow") {
  timer_fixture f{{}};
  f.refuses = true;
  f.write(1, f.time.now() + 5s);
  f.serve();
  for (int i = 0; i < 60; ++i)
    f.advance(1s);
  REQUIRE(f.wakes.size() >= 4);
  for (std::size_t i = 2; i < f.wakes.size(); ++i)
    CHECK(f.wakes[i].at - f.wakes[i - 1].at >= f.wakes[i - 1].at - f.wakes[i - 2].at);
  CHECK(f.wakes[3].at - f.wakes[2].at > f.wakes[1].at - f.wakes[0].at);
  f.refuses = false;
  f.advance(60s);
  auto accepted = f.wakes.size();
  f.advance(600s);
  CHECK(f.wakes.size() == accepted);
}

TEST_CASE("a wake that is under way is neither sent twice nor forgotten") {
  timer_fixture f{{.credits_max = 2}};
  f.silent = true;
  for (int n = 1; n <= 3; ++n)
    f.write(n, f.time.now() + 5s);
  f.serve();
  f.advance(10s);
  REQUIRE(f.wakes.size() == 2);
  caf::anon_send(f.timer, later_atom_v, f.wakes[0].ticket);
  caf::anon_send(f.timer, later_atom_v, f.wakes[0].ticket);
  f.run();
  REQUIRE(f.wakes.size() == 3);
  caf::anon_send(f.timer, credit_atom_v, f.wakes[1].ticket);
  f.advance(2s);
  REQUIRE(f.wakes.size() == 4);
  CHECK(f.wakes[3].workflow_id == f.wakes[0].workflow_id);
  // A take-over begins anew; what slots say of the time before counts for nothing.
  caf::anon_send(f.timer, epoch_atom_v, false);
  f.silent = false;
  f.wakes.clear();
  f.serve();
  caf::anon_send(f.timer, later_atom_v, std::uint64_t{1});
  f.run();
  CHECK(f.woken().size() == 3);
}

TEST_CASE("what is said of a dead timer's wake means none of the next one's") {
  timer_fixture f{{}};
  f.silent = true;
  f.write(1, f.time.now() + 5s);
  f.serve();
  f.advance(6s);
  REQUIRE(f.wakes.size() == 1);
  auto of_dead = f.wakes[0].ticket;
  caf::anon_send_exit(f.timer, caf::exit_reason::kill);
  f.run();
  f.timer = actors::spawn_timer(f.system, f.shared);
  f.serve();
  REQUIRE(f.wakes.size() == 2);
  // The slot is done with the first, and not with the second.
  caf::anon_send(f.timer, credit_atom_v, of_dead);
  f.run();
  caf::anon_send(f.timer, later_atom_v, f.wakes[1].ticket);
  f.run();
  f.advance(2s);
  CHECK(f.wakes.size() == 3);
}

TEST_CASE("the same wake that is put off twice is kept once") {
  timer_fixture f{{}};
  auto begin = f.time.now();
  f.refuses = true;
  f.write(1, begin + 5s);
  f.serve();
  f.advance(5s);
  REQUIRE(f.wakes.size() == 1);
  // The store is read from the front again: the run is found once more.
  for (int n = 0; n < 20; ++n) {
    f.arm(1, begin + 5s);
    f.run();
  }
  CHECK(f.wakes.size() == 21);
  CHECK(f.watch.used.wakes_put_off.value() == 1);
  f.refuses = false;
  f.advance(60s);
  CHECK(f.wakes.size() == 22);
  CHECK(f.watch.used.wakes_put_off.value() == 0);
}

TEST_CASE("runs that cannot be woken for good hold up no other deadline") {
  timer_fixture f{{.armed_max = 2, .page_rows = 1, .credits_max = 2}};
  auto begin = f.time.now();
  for (int n = 1; n <= 6; ++n)
    f.write(n, begin + 5s);
  f.write(7, begin + 20s);
  f.refuses = true;
  f.serve();
  for (int i = 0; i < 19; ++i)
    f.advance(1s);
  CHECK(f.woken().size() == 6);
  f.advance(2s);
  CHECK(f.woken().size() == 7);
}

TEST_CASE("more wakes that are put off than there is room for are read from the store again") {
  constexpr int count = 9;
  constexpr std::size_t room = 2;
  timer_fixture f{{.armed_max = 4, .put_off_max = room, .page_rows = 2, .credits_max = 3}};
  auto begin = f.time.now();
  for (int n = 1; n <= count; ++n)
    f.write(n, begin + 5s);
  f.refuses = true;
  f.serve();
  std::int64_t most = 0;
  auto wakes_before = std::size_t{0};
  for (int i = 0; i < 120; ++i) {
    f.advance(1s);
    most = std::max(most, f.watch.used.wakes_put_off.value());
    // Nobody asks in circles.
    CHECK(f.wakes.size() - wakes_before <= 3 * count);
    wakes_before = f.wakes.size();
  }
  CHECK(most == room);
  CHECK(f.woken().size() == count);
  CHECK(f.watch.refused.wakes_put_off.value() > 0);
  f.refuses = false;
  f.wakes.clear();
  for (int i = 0; i < 70; ++i)
    f.advance(1s);
  CHECK(f.woken().size() == count);
  CHECK(f.watch.used.wakes_put_off.value() == 0);
  auto all = f.wakes.size();
  f.advance(300s);
  CHECK(f.wakes.size() == all);
}
