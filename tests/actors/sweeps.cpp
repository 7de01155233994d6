// Sweeps over what waits to be delivered: whatever comes in between, every task is offered again.
#include "actors/timer/timer.hpp"
#include "tests/support/actor_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

struct sweep_fixture : actor_fixture {
  /// More than a sweep has under way at once, so that it can be met in its middle.
  static constexpr int count = 600;

  sweep_fixture() {
    for (int i = 0; i < count; ++i)
      start("w" + std::to_string(i));
    seen.offers.clear();
  }

  std::set<std::string> offered() const {
    std::set<std::string> out;
    for (const auto& task : seen.offers)
      out.insert(task.workflow_id());
    return out;
  }

  void sweep() {
    caf::anon_send(node->shared().timer.get(), reoffer_atom_v, ns, std::string{"queue"});
  }

  /// Runs until the first tasks came, of many.
  void run_to_the_middle() {
    while (seen.offers.empty() && scheduler.has_job())
      scheduler.run_once();
    REQUIRE_FALSE(seen.offers.empty());
    REQUIRE(seen.offers.size() < count / 2);
  }
};

} // namespace

TEST_CASE("what was read for other ranges than are served now is not taken") {
  actor_fixture f;
  for (auto of_deadlines : {true, false}) {
    auto page = std::make_shared<actors::due_page>();
    page->of_deadlines = of_deadlines;
    page->complete = true;
    page->era = 1'000'000;
    caf::anon_send(f.node->shared().timer.get(), loaded_atom_v, page);
    f.run();
  }
  // It is the same timer, and works.
  auto id = f.start("w");
  f.complete(f.take_workflow_task(), {f.timer_command("t", 5)});
  f.advance(6s);
  CHECK(f.history("w").back() == enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED);
}

TEST_CASE_FIXTURE(sweep_fixture, "a sweep offers every task that waits") {
  sweep();
  run();
  CHECK(offered().size() == count);
}

TEST_CASE_FIXTURE(sweep_fixture, "a take-over in the middle of a sweep begins anew at the front") {
  sweep();
  run_to_the_middle();
  caf::anon_send(node->shared().timer.get(), epoch_atom_v, false);
  caf::anon_send(node->shared().timer.get(), epoch_atom_v, true);
  run();
  CHECK(offered().size() == count);
}

TEST_CASE_FIXTURE(sweep_fixture, "a queue that dies in the middle of its sweep gets another one") {
  sweep();
  run_to_the_middle();
  auto early = offered();
  sweep();
  run();
  std::map<std::string, int> times;
  for (const auto& task : seen.offers)
    ++times[task.workflow_id()];
  CHECK(times.size() == count);
  // What had been offered before the queue died was offered again.
  for (const auto& id : early)
    CHECK(times[id] >= 2);
}
