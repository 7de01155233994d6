// A second kind of durable actor through the same slot, execution, loader, writer, timer and
// snapshots as workflows: none of them knows of which kind it is.
#include "tests/support/actor_fixture.hpp"
#include "tests/support/counter_machine.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr int ok = 0;
constexpr int invalid_argument = 3;
constexpr int deadline_exceeded = 4;
constexpr int not_found = 5;
constexpr int already_exists = 6;
constexpr int unavailable = 14;
constexpr int internal = 13;

const engine::machine* with_counters(machine_kind kind) noexcept {
  static const counter_machine counters;
  return kind == machine_kind::batch ? &counters : engine::machine_of(kind);
}

struct counter_fixture : actor_fixture {
  explicit counter_fixture(actors::run_bounds run = {})
    : actor_fixture({.capacity = {.run = run}, .machine_of = with_counters}) {
  }

  cluster::ExecutionRequest counter(const std::string& id = "c") const {
    auto r = request(id);
    r.set_machine(static_cast<std::uint32_t>(machine_kind::batch));
    return r;
  }

  cluster::Reply begin(const std::string& id = "c") {
    auto r = counter(id);
    r.mutable_start();
    return ask_raw(r);
  }

  cluster::Reply tell(const std::string& what, const std::string& id = "c") {
    auto r = counter(id);
    r.mutable_signal()->set_signal_name(what);
    return ask_raw(r);
  }

  cluster::ExecutionRequest describe_request(const std::string& id = "c") const {
    auto r = counter(id);
    r.mutable_describe();
    return r;
  }

  std::string count(const std::string& id = "c") {
    auto r = ask_raw(describe_request(id));
    return r.has_status() ? r.status().message() : r.response();
  }

  std::uint64_t wait_for(int number) {
    auto r = counter();
    r.mutable_query()->mutable_query()->set_query_type(std::to_string(number));
    auto call = send(r);
    run();
    return call;
  }

  void trim() {
    caf::anon_send(slot(), trim_atom_v);
    run();
  }

  const slot_actor& slot(const std::string& id = "c") const {
    return node->slot_for(ns, machine_kind::batch, id);
  }

  std::optional<store::run_head> head(const std::string& id = "c") {
    auto found = below().current_run(ns, machine_kind::batch, id);
    REQUIRE(found);
    return *found;
  }

  auto resident() const {
    return node->shared().watch.resident.value();
  }
};

struct snapshot_fixture : counter_fixture {
  snapshot_fixture() : counter_fixture({.rows_per_snapshot = 4}) {
  }
};

} // namespace

TEST_CASE_FIXTURE(counter_fixture, "another kind is started, decides, and answers") {
  CHECK(count() == "no such counter");
  auto run_id = begin().response();
  CHECK_FALSE(run_id.empty());
  CHECK(begin().status().code() == already_exists);
  CHECK(tell("add").response() == "1");
  CHECK(tell("").status().code() == invalid_argument);
  CHECK(count() == "1");
  auto h = head();
  REQUIRE(h);
  CHECK(h->kind == machine_kind::batch);
  CHECK(h->run_id == run_id);
  CHECK(h->slot == store::slot_of(ns, machine_kind::batch, "c"));
}

TEST_CASE_FIXTURE(counter_fixture, "a workflow and a counter of one id do not meet") {
  begin("same");
  start("same");
  CHECK(tell("add", "same").response() == "1");
  CHECK(ask_raw(signal_request("same", "s")).status().code() == ok);
  CHECK(history("same") == std::vector<int>{1, 5, 26});
  CHECK(count("same") == "1");
  restart_node();
  CHECK(history("same") == std::vector<int>{1, 5, 26});
  CHECK(count("same") == "1");
}

TEST_CASE_FIXTURE(counter_fixture, "its deadline wakes it") {
  begin();
  tell("add after a nap");
  SUBCASE("in memory") {
    CHECK(resident() == 1);
  }
  SUBCASE("out of memory") {
    trim();
    CHECK(resident() == 0);
  }
  SUBCASE("in the store, after a crash of the server") {
    restart_node();
    CHECK(resident() == 0);
  }
  CHECK(count() == "0");
  trim();
  advance(counter_machine::nap);
  CHECK(resident() == 1);
  CHECK(count() == "1");
}

TEST_CASE_FIXTURE(counter_fixture,
                  "its work is offered, and again after a crash, until it is taken") {
  begin();
  tell("work");
  REQUIRE(seen.offers.size() == 1);
  SUBCASE("by its life") {
  }
  SUBCASE("by the next server") {
    restart_node();
    REQUIRE(seen.offers.size() == 1);
  }
  auto task = seen.offers.front();
  CHECK(task.machine() == static_cast<std::uint32_t>(machine_kind::batch));
  auto r = counter();
  *r.mutable_start_activity_task()->mutable_task() = task;
  auto taken = send_for_poller(r);
  run();
  CHECK(seen.taken == std::vector{taken});
  CHECK_FALSE(reply(taken).has_status());
  auto late = send_for_poller(r);
  run();
  CHECK(seen.obsolete == std::vector{late});
  restart_node();
  CHECK(seen.offers.empty());
}

TEST_CASE_FIXTURE(counter_fixture, "its callers wait in its session") {
  begin();
  auto third = wait_for(3);
  auto second = wait_for(2);
  CHECK_FALSE(answered(second));
  SUBCASE("which pins it") {
    trim();
    CHECK(resident() == 1);
    tell("add");
    tell("add");
    CHECK(reply(second).response() == "2");
    CHECK_FALSE(answered(third));
    advance(counter_machine::patience);
    CHECK(code(third) == deadline_exceeded);
    trim();
    CHECK(resident() == 0);
  }
  SUBCASE("and are asked of the next life") {
    auto fails = true;
    decide_fault = [&](store::operation what) {
      auto now = fails && what == store::operation::commit;
      return store::fault{.what = now ? store::fault::kind::before : store::fault::kind::none};
    };
    CHECK(tell("add").status().code() == unavailable);
    fails = false;
    CHECK(count() == "0");
    tell("add");
    tell("add");
    CHECK(reply(second).response() == "2");
    tell("add");
    CHECK(reply(third).response() == "3");
  }
  SUBCASE("until they hang up") {
    caf::anon_send(slot(), cancel_atom_v, second, bridge);
    caf::anon_send(slot(), cancel_atom_v, third, bridge);
    run();
    trim();
    CHECK(resident() == 0);
  }
}

TEST_CASE_FIXTURE(snapshot_fixture, "it gets snapshots, loses what lies behind them, and goes on") {
  begin();
  for (int i = 0; i < 9; ++i)
    tell("add");
  auto h = head();
  REQUIRE(h);
  auto snap = below().load_snapshot(h->key);
  REQUIRE(snap);
  REQUIRE(snap->has_value());
  CHECK((*snap)->seq == 8);
  auto rows = below().read_journal(h->key, 1, 1 << 20);
  REQUIRE(rows);
  CHECK(rows->size() < 10);
  SUBCASE("out of memory") {
    trim();
    CHECK(resident() == 0);
  }
  SUBCASE("after a crash") {
    restart_node();
  }
  CHECK(count() == "9");
  CHECK(tell("add").response() == "10");
}

TEST_CASE_FIXTURE(counter_fixture, "where its journal cannot be folded it is parked, alone") {
  begin();
  begin("healthy");
  start("c");
  tell("poison");
  trim();
  auto answer = ask_raw(describe_request());
  CHECK(answer.status().code() == internal);
  CHECK(answer.status().message().find("parked") != std::string::npos);
  CHECK(node->shared().watch.parked.value() == 1);
  CHECK(tell("add", "healthy").response() == "1");
  CHECK(history("c") == std::vector<int>{1, 5});
  auto again = counter();
  again.mutable_unpark();
  CHECK(ask_raw(again).status().code() == internal);
  CHECK(node->shared().watch.parked.value() == 1);
}

TEST_CASE_FIXTURE(counter_fixture, "it is deleted") {
  begin();
  SUBCASE("when it is told to") {
    auto r = counter();
    r.mutable_delete_execution();
    CHECK(ask_raw(r).status().code() == ok);
  }
  SUBCASE("when its retention is over") {
    tell("close");
    trim();
    for (int i = 0; i < 7; ++i)
      advance(10min);
  }
  CHECK(head() == std::nullopt);
  CHECK(ask_raw(describe_request()).status().code() == not_found);
  CHECK_FALSE(begin().has_status());
}

TEST_CASE_FIXTURE(counter_fixture, "a closed one begins again, as a run of its own") {
  auto first = begin().response();
  tell("add");
  tell("close");
  auto second = begin().response();
  CHECK(second != first);
  CHECK(count() == "0");
  auto old = describe_request();
  old.set_run_id(first);
  CHECK(ask_raw(old).response() == "1");
}

TEST_CASE_FIXTURE(actor_fixture, "a kind that this server has no machine for is refused") {
  auto r = request("c");
  r.mutable_describe();
  SUBCASE("of a later version") {
    r.set_machine(200);
  }
  SUBCASE("of no number that a kind may have") {
    r.set_machine(1 << 20);
  }
  CHECK(ask_raw(r).status().code() == 12);
}
