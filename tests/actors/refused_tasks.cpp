// What becomes of tasks that a queue cannot hold.
#include "tests/support/actor_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

struct refused_tasks : actor_fixture {
  /// The queue refuses everything that it was offered.
  void refuse_all() {
    while (!seen.offers.empty()) {
      auto task = std::move(seen.offers.front());
      seen.offers.pop_front();
      caf::anon_send(node->slot_for(ns, task.workflow_id()), refuse_atom_v, task, false);
      run();
    }
  }

  std::int64_t rows() {
    auto n = db.count_backlog({.namespace_id = ns, .name = "queue", .kind = 1});
    REQUIRE(n);
    return *n;
  }
};

} // namespace

TEST_CASE_FIXTURE(refused_tasks, "a task that is refused again after a take-over has one row") {
  start("a");
  start("b");
  refuse_all();
  CHECK(rows() == 2);
  for (int i = 0; i < 3; ++i) {
    restart_node();
    REQUIRE(seen.offers.size() >= 2);
    refuse_all();
    CHECK(rows() == 2);
  }
}
