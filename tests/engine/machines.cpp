// What shells rely on of every machine.
#include "engine/machine/machine.hpp"
#include "tests/support/engine_fixture.hpp"

#include <memory>
#include <utility>

using namespace reprise;
using namespace reprise::testing;

namespace {

class no_workers final : public engine::outlook {
public:
  bool polled_since(const std::string&, cluster::Task::Kind, time_point) const override {
    return false;
  }
};

} // namespace

TEST_CASE("a kind without machine has none, nor has one of a later version") {
  CHECK(engine::machine_of(machine_kind::workflow)->kind() == machine_kind::workflow);
  CHECK(engine::machine_of(machine_kind::batch)->kind() == machine_kind::batch);
  CHECK(engine::machine_of(machine_kind::task_queue)->kind() == machine_kind::task_queue);
  CHECK(engine::machine_of(static_cast<machine_kind>(200)) == nullptr);
}

TEST_CASE("a state moves as a pointer, is copied as a value, and is its wire form") {
  const auto& machine = *engine::machine_of(machine_kind::workflow);
  auto one = machine.make_state();
  one.as<engine::execution>().mutable_created()->set_run_id("run");
  const auto* place = &one.as<engine::execution>();
  auto two = std::move(one);
  CHECK(!one);
  CHECK(&two.as<engine::execution>() == place);
  auto copied = two.copy();
  two.as<engine::execution>().mutable_created()->set_run_id("another");
  CHECK(machine.standing_of(copied).run_id == "run");
  auto bytes = copied.serialised();
  CHECK(bytes.size() == copied.serialised_bytes());
  auto parsed = machine.make_state();
  REQUIRE(parsed.parse(bytes));
  CHECK(machine.standing_of(parsed).run_id == "run");
  CHECK_FALSE(parsed.parse("no state"));
  CHECK(machine.least_bytes() <= machine.make_state().resident_bytes());
}

TEST_CASE_FIXTURE(engine_fixture, "what a decision leaves in place is the fold of what it wrote") {
  const auto& machine = *engine::machine_of(machine_kind::workflow);
  engine::session_ptr session;
  const no_workers around;
  const engine::session_bounds room;
  engine::run_state live;
  auto replayed = machine.make_state();
  auto ask = [&](const auto& fill) {
    auto request = std::make_shared<cluster::ExecutionRequest>();
    request->set_namespace_id(ns.id);
    request->set_workflow_id("wf");
    fill(*request);
    engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    auto done = machine.decide(
      live, session, {.request = request, .caller = 1, .c = c, .around = around, .room = room});
    if (done.successor) {
      CHECK_FALSE(live);
      live = std::move(done.successor->state);
      done.written = std::move(done.successor->written);
    }
    if (!done.written.empty())
      REQUIRE(machine.evolve(replayed, done.written));
    CHECK(deterministic(live.as<engine::execution>())
          == deterministic(replayed.as<engine::execution>()));
    return done;
  };
  auto begun = ask([&](auto& r) { *r.mutable_start() = start_request(); });
  CHECK(begun.offers.size() == 1);
  CHECK(machine.standing_of(live).open);
  CHECK(machine.undelivered_since(live) == now);
  CHECK(machine.undelivered_tasks(live, now).size() == 1);
  CHECK(machine.next_deadline(live) == now + 100s);
  ask([](auto& r) { r.mutable_signal()->set_signal_name("s"); });
  auto read = ask([](auto& r) { r.mutable_describe(); });
  CHECK(read.only_read);
  auto closed = ask([](auto& r) { r.mutable_terminate(); });
  CHECK(closed.visibility_changed);
  CHECK_FALSE(machine.standing_of(live).open);
  CHECK(machine.list(live, {}).status == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
}

TEST_CASE_FIXTURE(engine_fixture,
                  "requests say which run they are for, and whether they may begin one") {
  const auto& machine = *engine::machine_of(machine_kind::workflow);
  cluster::ExecutionRequest r;
  r.mutable_start();
  CHECK(machine.begins(r));
  r.mutable_signal_with_start();
  CHECK(machine.begins(r));
  r.mutable_start_workflow_task()->mutable_task()->set_run_id("of the task");
  CHECK_FALSE(machine.begins(r));
  CHECK(machine.run_of(r) == "of the task");
  r.mutable_signal();
  CHECK(machine.run_of(r).empty());
  r.mutable_token()->set_run_id("of the token");
  CHECK(machine.run_of(r) == "of the token");
  r.set_run_id("named");
  CHECK(machine.run_of(r) == "named");
  r.mutable_get_history()->mutable_token();
  CHECK(machine.run_of(r).empty());
  CHECK(machine.refusal(r)->message == "Invalid NextPageToken.");
}
