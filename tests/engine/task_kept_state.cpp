// What a refused completion leaves behind. After every step the fixture compares the state with a
// replay, so anything that a refusal changed without writing it down fails here.

#include "engine/task/kept_state.hpp"
#include "tests/support/engine_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

/// A started task, signals before and after its start, and a start that attached itself meanwhile.
worker_task task_with_requests(engine_fixture& f, std::string& attached) {
  f.start();
  for (int i = 0; i < 5; ++i)
    f.signal("before", "b" + std::to_string(i));
  auto task = f.poll();
  auto r = f.start_request();
  attached = r.request_id();
  r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  r.mutable_on_conflict_options()->set_attach_request_id(true);
  f.start(r);
  f.signal("after", "a");
  CHECK(f.state().buffered_events_size() == 2);
  return task;
}

} // namespace

SCENARIO("a refused completion leaves the request ids as it found them") {
  engine_fixture f;
  std::string attached;
  auto task = task_with_requests(f, attached);
  auto before = f.state().request_ids_size();
  WHEN("a command is bad") {
    auto refused = f.complete(task, {f.timer("good", 5s), f.timer("", 5s)});
    REQUIRE(refused.answer.failure);
    THEN("they are there, and what waited has its place") {
      CHECK(f.state().request_ids_size() == before);
      CHECK(f.state().request_ids().at(attached).event_id() > 0);
      CHECK(f.state().timers().empty());
    }
  }
  WHEN("the run closes over what waits") {
    auto refused = f.complete(task, {f.done()});
    REQUIRE(refused.answer.failure);
    CHECK(f.state().request_ids_size() == before);
    CHECK(f.state().request_ids().at(attached).event_id() > 0);
  }
  WHEN("the answer is larger than the store takes") {
    f.bounds.transaction_bytes_max = 10;
    auto ended = f.complete(task, {f.timer("good", 5s)});
    REQUIRE(ended.answer.failure);
    CHECK(f.state().status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
    CHECK(f.state().request_ids_size() == before);
  }
  WHEN("a command is bad, signals stay known") {
    auto signals = f.state().signal_ids_size();
    CHECK(signals == 6);
    f.complete(task, {f.timer("", 5s)});
    CHECK(f.state().signal_ids_size() == signals);
  }
  WHEN("a signal is repeated later") {
    f.complete(task, {f.timer("", 5s)});
    CHECK(f.signal("before", "b3").written.empty());
    CHECK(f.signal("after", "a").written.empty());
  }
}

SCENARIO("a kept state is the state as it was, whatever was done to the other") {
  engine_fixture f;
  std::string attached;
  task_with_requests(f, attached);
  auto before = f.state();
  auto worked_on = before;
  engine::kept_state kept{worked_on, {}};
  CHECK(deterministic(worked_on) == deterministic(before));
  (*worked_on.mutable_request_ids())[attached].set_event_id(77);
  worked_on.clear_buffered_events();
  worked_on.set_next_event_id(99);
  CHECK(deterministic(std::move(kept).restore(std::move(worked_on))) == deterministic(before));
}

SCENARIO("of a request id that a start and a signal have describe names the signal's event") {
  engine_fixture f;
  auto r = f.start_request();
  f.start(r);
  auto task = f.poll();
  f.signal("s", r.request_id());
  CHECK(f.state().request_ids().at(r.request_id()).event_id() == 1);
  f.complete(task);
  const auto& request = f.state().request_ids().at(r.request_id());
  CHECK(request.event_id() == 5);
  CHECK(request.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
}
