// What the metrics of bounds show of those that each workflow id or each queue has.
#include "actors/node/bound_hooks.hpp"
#include "tests/support/queue_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

struct shown_bounds : queue_fixture {
  std::int64_t used(const char* bound) {
    return registry.gauge("reprise_bound_used", "", {{"bound", bound}}).value();
  }
};

} // namespace

TEST_CASE_FIXTURE(shown_bounds, "how full the fullest one was is shown for a minute or two") {
  start("w");
  start("v");
  for (int i = 0; i < 5; ++i)
    send(signal_request("w", "s" + std::to_string(i)));
  send(signal_request("v", "s"));
  run();
  CHECK(used("workflow_calls") == 5);
  CHECK(used("queue_tasks") == 2);
  std::vector<std::uint64_t> polls;
  for (int i = 0; i < 3; ++i)
    polls.push_back(poll({.queue = "other"}));
  CHECK(used("queue_polls") == 3);
  advance(61s);
  CHECK(used("workflow_calls") == 5);
  advance(61s);
  CHECK(used("workflow_calls") == 0);
  CHECK(used("queue_polls") <= 3);
  send(signal_request("v", "t"));
  run();
  CHECK(used("workflow_calls") == 1);
}

TEST_CASE("a peak is the highest of its period, whoever noted it") {
  metrics m;
  auto& shown = actors::used_of(m, "bound");
  actors::peak p{shown};
  p.note(3);
  p.note(7);
  p.note(5);
  CHECK(shown.value() == 7);
  p.begin_period();
  CHECK(shown.value() == 7);
  p.note(4);
  CHECK(shown.value() == 7);
  p.begin_period();
  CHECK(shown.value() == 4);
  p.begin_period();
  CHECK(shown.value() == 0);
}
