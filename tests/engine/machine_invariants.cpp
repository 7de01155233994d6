// What holds of every run between two transitions; random walks and simulated lives run into it all
// the time, so here is only that each of it can be seen to be broken.

#include "base/ensure.hpp"
#include "engine/machine/invariants.hpp"
#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

namespace {

/// A run with an activity, a timer and a started workflow task for which a signal waits.
class busy_run : public activity_fixture {
public:
  busy_run() {
    run_with({activity("a"), timer("t", 5s)});
    signal("one");
    poll();
    signal("two");
    engine::ensure_sound(state());
    REQUIRE(state().buffered_events_size() == 1);
  }

  template <class Break>
  void check_broken(Break&& how) {
    auto x = state();
    how(x);
    CHECK_THROWS_AS(engine::ensure_sound(x), broken_invariant);
  }
};

} // namespace

SCENARIO("a state that cannot be is seen") {
  busy_run f;
  using execution = engine::execution;
  f.check_broken([](execution& x) { x.mutable_activity_ids()->clear(); });
  f.check_broken([](execution& x) { x.clear_workflow_task(); });
  f.check_broken([](execution& x) { x.mutable_workflow_task()->clear_scheduled_event_id(); });
  f.check_broken([](execution& x) { x.mutable_workflow_task()->set_started_event_id(1); });
  f.check_broken([](execution& x) { x.mutable_workflow_task()->set_taken_back(true); });
  f.check_broken([](execution& x) { x.set_next_event_id(2); });
  f.check_broken([](execution& x) { x.set_last_completed_event_id(1000); });
  f.check_broken([](execution& x) { x.set_status(enums::WORKFLOW_EXECUTION_STATUS_COMPLETED); });
  f.terminate();
  engine::ensure_sound(f.state());
  f.check_broken([](execution& x) { x.clear_close_time(); });
  f.check_broken([](execution& x) {
    x.mutable_workflow_task()->set_scheduled_event_id(1);
    x.mutable_workflow_task()->set_started_event_id(2);
  });
}

SCENARIO("a transition that leaves such a state throws, and nothing of it is written") {
  busy_run f;
  auto state = f.state();
  state.mutable_activity_ids()->clear();
  cluster::ExecutionRequest request;
  request.set_workflow_id("wf");
  request.mutable_signal()->set_signal_name("three");
  engine::context c{.now = f.now, .ids = f.ids, .ns = f.ns, .bounds = f.bounds};
  CHECK_THROWS_AS(engine::decide(state, request, c), broken_invariant);
}

} // namespace reprise::testing
